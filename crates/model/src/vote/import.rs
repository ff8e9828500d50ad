//! A chat log on its way into a session: what becomes of each of its votes, and which of them are
//! written so far.
//!
//! A log is judged as if its votes had come live, in the order of their moments, all at the moment at
//! which the import ends. Its votes are written before that, a batch at a time, while others vote and
//! play games: what they do may change what becomes of some. Since every vote ends as recorded, as a
//! duplicate or as unmatched, the same log again finds only duplicates.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    GameVotes, Tally, Turn,
    chat::{ChatImported, ChatLog, ChatVote},
    duplicate_span, game_at,
};
use crate::{Timestamp, limits::VOTES_APART_MS};

/// What becomes of a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It counts for this game.
    Recorded(i64),
    /// It was cast already, or too soon after or before another one.
    Duplicate,
    /// It was cast before the first game.
    Unmatched,
}

impl Fate {
    /// The game that it counts for.
    pub fn game(self) -> Option<i64> {
        match self {
            Self::Recorded(game_id) => Some(game_id),
            Self::Duplicate | Self::Unmatched => None,
        }
    }
}

/// How the row of a vote is to be changed; a vote without a game has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit<'a> {
    /// The vote.
    pub vote: &'a ChatVote,
    /// The game that its row names, if it has one.
    pub was: Option<i64>,
    /// The game that its row is to name, if it is to have one.
    pub is: Option<i64>,
}

/// An import of a log; clones share the log.
#[derive(Debug, Clone)]
pub struct Import {
    log: Arc<ChatLog>,
    /// Where each user's votes are in the log, in its order.
    places: Arc<HashMap<String, Vec<usize>>>,
    turns: Vec<Turn>,
    /// Moments of votes that the log's users have in the session already.
    cast: HashMap<String, BTreeSet<Timestamp>>,
    fates: Vec<Fate>,
    /// The game that each vote's row names, if it has one.
    rows: Vec<Option<i64>>,
}

impl Import {
    /// Begins to import; nothing is judged before [`Import::hear`].
    pub fn new(log: Arc<ChatLog>) -> Self {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, vote) in log.votes.iter().enumerate() {
            match places.get_mut(&vote.user_key) {
                Some(places) => places.push(place),
                None => drop(places.insert(vote.user_key.clone(), vec![place])),
            }
        }
        let votes = log.votes.len();
        Self {
            log,
            places: Arc::new(places),
            turns: Vec::new(),
            cast: HashMap::new(),
            fates: vec![Fate::Unmatched; votes],
            rows: vec![None; votes],
        }
    }

    /// Whether somebody has votes in the log.
    pub fn has_voter(&self, user_key: &str) -> bool {
        self.places.contains_key(user_key)
    }

    /// Whether [`Import::hear`] of these may change what becomes of a vote.
    pub fn is_news(&self, turns: &[Turn], cast: &[(String, Timestamp)]) -> bool {
        turns != self.turns || cast.iter().any(|(user_key, at)| self.is_new(user_key, *at))
    }

    fn is_new(&self, user_key: &str, at: Timestamp) -> bool {
        self.has_voter(user_key) && !self.cast.get(user_key).is_some_and(|moments| moments.contains(&at))
    }

    /// Judges anew, in a session with these `turns` (see [`game_at`]) and with these votes `cast` beside
    /// those that it was told of before, each as its user's key and its moment.
    pub fn hear(&mut self, turns: Vec<Turn>, cast: impl IntoIterator<Item = (String, Timestamp)>) {
        let mut touched = BTreeSet::new();
        for (user_key, at) in cast {
            if self.is_new(&user_key, at) {
                self.cast.entry(user_key.clone()).or_default().insert(at);
                touched.insert(user_key);
            }
        }
        let places = Arc::clone(&self.places);
        if turns == self.turns {
            touched
                .iter()
                .filter_map(|user_key| places.get_key_value(user_key))
                .for_each(|user| self.judge(user));
        } else {
            self.turns = turns;
            places.iter().for_each(|user| self.judge(user));
        }
    }

    /// What becomes of one user's votes does not depend on anybody else's.
    fn judge(&mut self, (user_key, places): (&String, &Vec<usize>)) {
        let cast = self.cast.get(user_key);
        let mut last: Option<Timestamp> = None;
        for place in places {
            let at = self.log.votes[*place].at;
            let (from, to) = duplicate_span(at);
            let is_near = || cast.is_some_and(|moments| moments.range(from..=to).next().is_some());
            self.fates[*place] = match game_at(&self.turns, at) {
                None => Fate::Unmatched,
                Some(_) if last.is_some_and(|last| last >= from) || is_near() => Fate::Duplicate,
                Some(game_id) => {
                    last = Some(at);
                    Fate::Recorded(game_id)
                }
            };
        }
    }

    /// What is to be written, `rows` at most.
    pub fn edits(&self, rows: usize) -> Vec<Edit<'_>> {
        let votes = self.log.votes.iter().zip(&self.rows).zip(&self.fates);
        let edits = votes.map(|((vote, row), fate)| Edit { vote, was: *row, is: fate.game() });
        edits.filter(|edit| edit.was != edit.is).take(rows).collect()
    }

    /// The first `rows` of [`Import::edits`] are written now.
    pub fn written(&mut self, rows: usize) {
        let rows_and_fates = self.rows.iter_mut().zip(&self.fates);
        for (row, fate) in rows_and_fates.filter(|(row, fate)| **row != fate.game()).take(rows) {
            *row = fate.game();
        }
    }

    /// The moments of the first and of the last vote whose duplicate a vote of the log may be.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = (self.log.votes.first()?, self.log.votes.last()?);
        Some((duplicate_span(first.at).0, duplicate_span(last.at).1))
    }

    /// What the votes add to their games.
    pub fn tallies(&self) -> BTreeMap<i64, Tally> {
        let mut tallies: BTreeMap<i64, Tally> = BTreeMap::new();
        for (vote, fate) in self.log.votes.iter().zip(&self.fates) {
            if let Some(game_id) = fate.game() {
                tallies.entry(game_id).or_default().add(vote.vote_type);
            }
        }
        tallies
    }

    /// What came of it; `games` are those of [`Import::tallies`] with their new totals.
    pub fn outcome(&self, games: Vec<GameVotes>) -> ChatImported {
        let count = |is: fn(&Fate) -> bool| self.fates.iter().filter(|fate| is(fate)).count();
        ChatImported {
            messages: self.log.messages,
            invalid: self.log.invalid,
            found: self.log.votes.len(),
            recorded: count(|fate| fate.game().is_some()),
            duplicates: count(|fate| *fate == Fate::Duplicate),
            unmatched: count(|fate| *fate == Fate::Unmatched),
            games,
        }
    }
}

// By which a row is found again.
const _: () = assert!(VOTES_APART_MS >= 0, "two rows of an import never have the same user and moment");

#[cfg(test)]
mod tests;
