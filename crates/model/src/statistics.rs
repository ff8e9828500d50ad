//! What can be told of a library and its nights in figures. Reads rows; knows no database.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{Timestamp, game::Game, limits::STATISTICS_TOP_GAMES};

/// How many of each there are, of what is not a game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Sessions, active and closed.
    pub sessions: i64,
    /// Those that are active.
    pub active_sessions: i64,
}

/// One session in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFigures {
    /// Never reused.
    pub id: i64,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Whether it is the active one.
    pub is_active: bool,
    /// Games added to it.
    pub games_played: i64,
    /// Votes for its games.
    pub upvotes: i64,
    /// Votes against its games.
    pub downvotes: i64,
}

/// One pack in figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackFigures {
    /// Its games.
    pub games: i64,
    /// Those that may be picked.
    pub enabled: i64,
    /// Times that one of them was played.
    pub plays: i64,
    /// Votes for them.
    pub upvotes: i64,
    /// Votes against them.
    pub downvotes: i64,
}

/// What the games tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics<'a> {
    /// Games that may be picked.
    pub enabled: i64,
    /// Times that a game was played; what was played in a deleted session counts too.
    pub plays: i64,
    /// Votes, for and against.
    pub votes: i64,
    /// Those played most, that were played at all.
    pub most_played: Vec<&'a Game>,
    /// Those of the highest popularity, above 0.
    pub top_rated: Vec<&'a Game>,
    /// Those of the lowest popularity, below 0.
    pub lowest_rated: Vec<&'a Game>,
    /// Those never played, in the order given.
    pub never_played: Vec<&'a Game>,
    /// Each pack, by name.
    pub packs: BTreeMap<&'a str, PackFigures>,
}

impl<'a> Statistics<'a> {
    /// Counts and ranks games. A ranking has [`STATISTICS_TOP_GAMES`] at most; of equals the one
    /// that entered the library first comes first.
    pub fn of(games: &'a [Game]) -> Self {
        let mut statistics = Self::default();
        for game in games {
            let pack = statistics.packs.entry(&game.pack_name).or_default();
            pack.games += 1;
            pack.enabled += i64::from(game.enabled);
            pack.plays += game.play_count;
            pack.upvotes += game.upvotes;
            pack.downvotes += game.downvotes;
            statistics.enabled += i64::from(game.enabled);
            statistics.plays += game.play_count;
            statistics.votes += game.upvotes + game.downvotes;
        }
        statistics.most_played = top(games, |game| game.play_count);
        statistics.top_rated = top(games, Game::popularity_score);
        statistics.lowest_rated = top(games, |game| -game.popularity_score());
        statistics.never_played = games.iter().filter(|game| game.play_count == 0).collect();
        statistics
    }
}

/// The games of the greatest measure above 0.
fn top(games: &[Game], measure: impl Fn(&Game) -> i64) -> Vec<&Game> {
    let mut ranked: Vec<_> = games.iter().filter(|game| measure(game) > 0).collect();
    ranked.sort_by_key(|game| (Reverse(measure(game)), game.id));
    ranked.truncate(STATISTICS_TOP_GAMES);
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn game(id: i64, pack: &str, play_count: i64, upvotes: i64, downvotes: i64) -> Game {
        let (pack_name, title) = (pack.into(), format!("game {id}"));
        Game { id, pack_name, title, play_count, upvotes, downvotes, enabled: id != 3, ..fixture::game() }
    }

    #[test]
    fn games_are_counted_and_ranked() {
        let games =
            [game(4, "a", 2, 3, 1), game(1, "b", 0, 0, 0), game(3, "b", 2, 1, 5), game(2, "b", 7, 2, 0)];
        let statistics = Statistics::of(&games);
        let ids = |games: &[&Game]| games.iter().map(|game| game.id).collect::<Vec<_>>();
        assert_eq!((statistics.enabled, statistics.plays, statistics.votes), (3, 11, 12));
        assert_eq!(ids(&statistics.most_played), [2, 3, 4]);
        assert_eq!(ids(&statistics.top_rated), [2, 4]);
        assert_eq!(ids(&statistics.lowest_rated), [3]);
        assert_eq!(ids(&statistics.never_played), [1]);
        let b = PackFigures { games: 3, enabled: 2, plays: 9, upvotes: 3, downvotes: 5 };
        assert_eq!(statistics.packs["b"], b);
        assert_eq!(statistics.packs.keys().copied().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_ranking_has_ten_games_at_most() {
        let games: Vec<_> = (1..=12).map(|id| game(id, "p", 5, 1, 0)).collect();
        let statistics = Statistics::of(&games);
        assert_eq!(statistics.most_played.len(), 10);
        assert_eq!(statistics.top_rated.last().map(|game| game.id), Some(10));
    }
}
