//! Votes for and against the game that is on: what a live vote must look like, which game it is for,
//! and when one is another's duplicate.
//!
//! A session's games take turns: each owns the time from the moment it was added up to the next
//! one's, the last one without end. Chat logs are read in [`chat`] and counted in [`import`], lists are
//! filtered in [`filter`].

pub mod chat;
pub mod filter;
pub mod import;

use serde_json::{Map, Value};

use crate::{
    Timestamp, json,
    limits::{USERNAME_MAX_CHARS, VOTES_APART_MS},
    text::case_folded,
};

/// For or against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum VoteType {
    /// `thisgame++`
    Up,
    /// `thisgame--`
    Down,
}

impl VoteType {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    /// The vote of that word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Up, Self::Down].into_iter().find(|vote_type| vote_type.as_str() == word)
    }

    /// The vote as the database keeps it.
    pub fn from_up(up: bool) -> Self {
        if up { Self::Up } else { Self::Down }
    }
}

/// Why a value is no voter's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUsername {
    /// Of another type.
    #[error("username must be a string")]
    Type,
    /// Too long.
    #[error("username must not be longer than {USERNAME_MAX_CHARS} characters")]
    Length,
}

/// Why a live vote cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVote {
    /// A field is absent or what JavaScript takes for that.
    #[error("Missing required fields: username, vote, timestamp")]
    Missing,
    /// A name that nobody has.
    #[error(transparent)]
    Username(#[from] InvalidUsername),
    /// Neither for nor against.
    #[error("vote must be either \"up\" or \"down\"")]
    Vote,
    /// Not a moment.
    #[error("Invalid timestamp format. Use ISO 8601 format (e.g., 2025-11-01T20:30:00Z)")]
    Timestamp,
}

/// A vote that a bot heard just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveVote {
    /// As it was sent.
    pub username: String,
    /// Who that is, see [`user_key`].
    pub user_key: String,
    /// For or against.
    pub vote_type: VoteType,
    /// As it was sent.
    pub timestamp: String,
    /// The moment that it names.
    pub at: Timestamp,
}

impl LiveVote {
    /// Reads the body of `POST /api/votes/live`; other fields are ignored.
    ///
    /// # Errors
    /// The first of [`InvalidVote`], in that order.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidVote> {
        let [username, vote, timestamp] = ["username", "vote", "timestamp"].map(|name| body.get(name));
        if [username, vote, timestamp].into_iter().any(json::is_falsy) {
            return Err(InvalidVote::Missing);
        }
        let username = self::username(username)?;
        let vote_type = vote.and_then(Value::as_str).and_then(VoteType::parse).ok_or(InvalidVote::Vote)?;
        let timestamp = timestamp.and_then(Value::as_str).ok_or(InvalidVote::Timestamp)?;
        let at = Timestamp::parse(timestamp).map_err(|_| InvalidVote::Timestamp)?;
        Ok(Self {
            username: username.to_owned(),
            user_key: user_key(username),
            vote_type,
            timestamp: timestamp.to_owned(),
            at,
        })
    }
}

/// The name of a voter, in a poll as well. White space alone is a name like any other; that there is
/// one at all is for the caller to see.
///
/// # Errors
/// See [`InvalidUsername`].
pub fn username(value: Option<&Value>) -> Result<&str, InvalidUsername> {
    let name = value.and_then(Value::as_str).ok_or(InvalidUsername::Type)?;
    if name.chars().count() > USERNAME_MAX_CHARS { Err(InvalidUsername::Length) } else { Ok(name) }
}

/// What two spellings of one user's name have in common: no white space around it, and no case.
pub fn user_key(username: &str) -> String {
    case_folded(username.trim())
}

/// The moments at which a vote of the same user makes one at `at` a duplicate, both included.
pub fn duplicate_span(at: Timestamp) -> (Timestamp, Timestamp) {
    (at.plus_millis(-VOTES_APART_MS), at.plus_millis(VOTES_APART_MS))
}

/// A game's place in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The game.
    pub game_id: i64,
    /// From when on votes are for it.
    pub played_at: Timestamp,
}

/// The game whose turn it was at `at`; `turns` are a session's, by moment, then in the order in which
/// they were added, so that a moment shared by two belongs to the newer one. `None` before the first.
pub fn game_at(turns: &[Turn], at: Timestamp) -> Option<i64> {
    let begun = turns.partition_point(|turn| turn.played_at <= at);
    turns[..begun].last().map(|turn| turn.game_id)
}

/// A game's votes of all nights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GameVotes {
    /// The game.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Its pack.
    pub pack_name: String,
    /// Votes for it.
    pub upvotes: i64,
    /// Votes against it.
    pub downvotes: i64,
}

impl GameVotes {
    /// Votes for it less votes against it.
    pub fn popularity_score(&self) -> i64 {
        self.upvotes - self.downvotes
    }
}

/// Votes that are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Votes for.
    pub upvotes: i64,
    /// Votes against.
    pub downvotes: i64,
}

impl Tally {
    /// Votes for less votes against.
    pub fn net(self) -> i64 {
        self.upvotes - self.downvotes
    }

    /// Votes of both kinds.
    pub fn total(self) -> i64 {
        self.upvotes + self.downvotes
    }

    /// Counts one vote.
    pub fn add(&mut self, vote_type: VoteType) {
        match vote_type {
            VoteType::Up => self.upvotes += 1,
            VoteType::Down => self.downvotes += 1,
        }
    }
}

impl From<VoteType> for Tally {
    fn from(vote_type: VoteType) -> Self {
        let mut tally = Self::default();
        tally.add(vote_type);
        tally
    }
}

/// A live vote that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedVote {
    /// The session it was cast in.
    pub session_id: i64,
    /// That session's game rows of any status.
    pub games_played: i64,
    /// The game it was for, this vote counted.
    pub game: GameVotes,
    /// The vote.
    pub vote: LiveVote,
}

/// A game's votes in one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionVotes {
    /// The game.
    pub game_id: i64,
    /// Its title.
    pub title: String,
    /// Its pack.
    pub pack_name: String,
    /// The session's votes on it.
    pub votes: Tally,
}

/// A vote of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vote {
    /// Never reused.
    pub id: i64,
    /// The session it was cast in.
    pub session_id: i64,
    /// The game it was for.
    pub game_id: i64,
    /// That game's title.
    pub game_title: String,
    /// That game's pack.
    pub pack_name: String,
    /// As it was sent.
    pub username: String,
    /// For or against.
    pub vote_type: VoteType,
    /// When it was cast.
    pub at: Timestamp,
    /// When it was recorded.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests;
