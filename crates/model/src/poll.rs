//! Polls: a few games, of which the room chooses the next one.
//!
//! The rules of time, of voting and of winning; chance comes in as an argument.

mod request;

pub use request::{Choice, InvalidPoll, NewPoll, PollVote};

use crate::{Timestamp, game::Game, limits::POLL_UPDATE_MIN_MS};

/// A poll. It is open until it has ended, for whatever reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Never reused.
    pub id: i64,
    /// The session it belongs to; at most one poll of a session is open.
    pub session_id: i64,
    /// In the order of their keys.
    pub options: Vec<PollOption>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The moment from which no vote counts any more.
    pub closes_at: Timestamp,
    /// When it was closed: by hand, by time or with its session.
    pub ended_at: Option<Timestamp>,
    /// The place in `options` of the one that won.
    pub winner: Option<usize>,
    /// When its counts were last told; the epoch when they never were.
    pub told_at: Timestamp,
    /// Whether its counts have changed since.
    pub has_untold: bool,
}

/// One of the games to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollOption {
    /// The game in the library, as it was called when the poll was opened.
    pub game: PollGame,
    /// Those who want it now.
    pub votes: i64,
}

/// What a poll tells of a game.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are Game's")]
pub struct PollGame {
    pub id: i64,
    pub title: String,
    pub pack_name: String,
    pub min_players: i64,
    pub max_players: i64,
}

impl From<&Game> for PollGame {
    fn from(game: &Game) -> Self {
        Self {
            id: game.id,
            title: game.title.clone(),
            pack_name: game.pack_name.clone(),
            min_players: game.min_players,
            max_players: game.max_players,
        }
    }
}

impl Poll {
    /// Whether nobody has closed it yet; its time may be over all the same.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }

    /// Whether a vote counts at `now`.
    pub fn takes_votes(&self, now: Timestamp) -> bool {
        self.is_open() && now < self.closes_at
    }

    /// Whether it should have been closed by `now` and was not.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.is_open() && now >= self.closes_at
    }

    /// Votes for all options together.
    pub fn total_votes(&self) -> i64 {
        self.options.iter().map(|option| option.votes).sum()
    }

    /// Whether counts that changed may be told at `now`: [`POLL_UPDATE_MIN_MS`] after they were told
    /// the last time. A clock that was set back does not keep them silent.
    pub fn may_tell(&self, now: Timestamp) -> bool {
        let since_ms = now.as_millis() - self.told_at.as_millis();
        !(0..POLL_UPDATE_MIN_MS).contains(&since_ms)
    }

    /// When there is something to do for it next without anybody asking; `None` once it has ended.
    pub fn next_due(&self) -> Option<Timestamp> {
        let tell_at = self.told_at.plus_millis(POLL_UPDATE_MIN_MS);
        let due = if self.has_untold { self.closes_at.min(tell_at) } else { self.closes_at };
        self.is_open().then_some(due)
    }

    /// The place of the option that `key` names, in either case.
    pub fn position(&self, key: &str) -> Option<usize> {
        (0..self.options.len()).find(|position| option_key(*position).eq_ignore_ascii_case(key))
    }

    /// The place of the option that wins with the votes as they are: the one with the most, drawn by
    /// `chance` among several; without any vote it is drawn among all. `chance` is uniform over all
    /// its values.
    pub fn draw_winner(&self, chance: u64) -> Option<usize> {
        let most = self.options.iter().map(|option| option.votes).max()?;
        let best: Vec<_> =
            (0..self.options.len()).filter(|position| self.options[*position].votes == most).collect();
        // The upper half of the product is uniform below the count, but for 1 part in 2^60.
        let drawn = (u128::from(chance) * best.len() as u128) >> 64;
        usize::try_from(drawn).ok().and_then(|drawn| best.get(drawn).copied())
    }
}

/// `A` for the first option, `B` for the second, and so on.
pub fn option_key(position: usize) -> String {
    u8::try_from(position)
        .ok()
        .and_then(|position| b'A'.checked_add(position))
        .filter(u8::is_ascii_uppercase)
        .map_or_else(String::new, |letter| char::from(letter).to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::POLL_OPTIONS_MAX;

    fn poll(votes: &[i64]) -> Poll {
        let option = |(id, votes): (i64, &i64)| PollOption {
            game: PollGame {
                id,
                title: format!("Game {id}"),
                pack_name: "Pack".into(),
                min_players: 1,
                max_players: 8,
            },
            votes: *votes,
        };
        Poll {
            id: 1,
            session_id: 3,
            options: (1..).zip(votes).map(option).collect(),
            created_at: Timestamp::from_millis(1_000),
            closes_at: Timestamp::from_millis(11_000),
            ended_at: None,
            winner: None,
            told_at: Timestamp::EPOCH,
            has_untold: false,
        }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// The share of the range of `chance` at which each of `votes` wins.
    fn odds(votes: &[i64]) -> Vec<usize> {
        let poll = poll(votes);
        let mut wins = vec![0; votes.len()];
        for step in 0..600_u64 {
            wins[poll.draw_winner(step * (u64::MAX / 600) + 1_000).expect("somebody wins")] += 1;
        }
        wins
    }

    #[test]
    fn most_votes_win_and_ties_are_drawn_evenly() {
        for (votes, expected) in [
            (vec![1, 3, 2], vec![0, 600, 0]),
            (vec![2, 0, 2], vec![300, 0, 300]),
            (vec![1, 1, 1], vec![200, 200, 200]),
            (vec![0, 1, 0], vec![0, 600, 0]),
            (vec![0, 0, 0], vec![200, 200, 200]),
            (vec![0, 0], vec![300, 300]),
        ] {
            assert_eq!(odds(&votes), expected, "{votes:?}");
        }
        assert_eq!(poll(&[]).draw_winner(7), None);
    }

    proptest! {
        #[test]
        fn who_wins_has_the_most_and_none_only_when_nobody_voted(
            votes in prop::collection::vec(0_i64..5, 1..=POLL_OPTIONS_MAX),
            chance: u64,
        ) {
            let winner = poll(&votes).draw_winner(chance).expect("somebody wins");
            prop_assert_eq!(votes[winner], *votes.iter().max().expect("not empty"));
            prop_assert!(votes[winner] > 0 || votes.iter().all(|votes| *votes == 0));
        }
    }

    #[test]
    fn options_are_called_by_letters_of_either_case() {
        let poll = poll(&[0; POLL_OPTIONS_MAX]);
        let keys: Vec<_> = (0..POLL_OPTIONS_MAX).map(option_key).collect();
        assert_eq!(keys.concat(), "ABCDEFGHIJ");
        for (key, expected) in
            [("A", Some(0)), ("j", Some(9)), ("K", None), ("", None), ("AB", None), ("0", None), ("ä", None)]
        {
            assert_eq!(poll.position(key), expected, "{key}");
        }
        assert_eq!(
            (option_key(25), option_key(26), option_key(1_000)),
            ("Z".into(), String::new(), String::new())
        );
    }

    #[test]
    fn the_last_vote_counts_before_the_moment_of_closing() {
        let open = poll(&[0, 0]);
        assert!(open.takes_votes(at(10_999)) && !open.is_overdue(at(10_999)));
        assert!(!open.takes_votes(at(11_000)) && open.is_overdue(at(11_000)));
        let ended = Poll { ended_at: Some(at(5_000)), ..open };
        assert!(!ended.takes_votes(at(6_000)) && !ended.is_overdue(at(11_000)));
    }

    #[test]
    fn counts_are_told_at_once_and_then_once_a_second() {
        let fresh = Poll { has_untold: true, ..poll(&[1, 0]) };
        assert!(fresh.may_tell(at(1_001)), "the first change follows the start at once");
        let told = Poll { told_at: at(2_000), ..fresh };
        for (ms, expected) in [(2_000, false), (2_999, false), (3_000, true), (1_999, true)] {
            assert_eq!(told.may_tell(at(ms)), expected, "{ms}");
        }
        assert_eq!(told.next_due(), Some(at(3_000)));
        assert_eq!(Poll { told_at: at(10_500), ..told.clone() }.next_due(), Some(at(11_000)));
        assert_eq!(Poll { has_untold: false, ..told.clone() }.next_due(), Some(at(11_000)));
        assert_eq!(Poll { ended_at: Some(at(2_500)), ..told }.next_due(), None);
    }
}
