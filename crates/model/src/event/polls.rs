//! What is told of polls: one shape in the API and in events.

use serde::Serialize;
use utoipa::ToSchema;

use super::to_json;
use crate::{
    Timestamp,
    poll::{Poll, PollGame, option_key},
};

/// `data` of `poll.started`, `poll.updated` and `poll.ended`: the poll as the API shows it.
pub fn poll(poll: &Poll) -> String {
    to_json(&PollRow::from(poll))
}

/// `data` of the `poll.ended` of an open poll that is deleted at `at`: nobody wins.
pub fn poll_deleted(poll: &Poll, at: Timestamp) -> String {
    to_json(&PollRow { status: PollStatus::Deleted, ended_at: Some(at), winner: None, ..PollRow::from(poll) })
}

/// A poll on the wire. It tells how many voted for what, not who did.
#[derive(Debug, Serialize, ToSchema)]
pub struct PollRow<'a> {
    /// Never reused.
    #[schema(minimum = 1)]
    id: i64,
    /// The session that it belongs to.
    #[schema(minimum = 1)]
    session_id: i64,
    /// Whether it goes on.
    status: PollStatus,
    /// The games to choose from.
    options: Vec<OptionRow<'a>>,
    /// Votes for all options together.
    #[schema(minimum = 0)]
    total_votes: i64,
    /// When it was opened.
    created_at: Timestamp,
    /// When it closes by itself.
    closes_at: Timestamp,
    /// When it was closed.
    #[schema(required)]
    ended_at: Option<Timestamp>,
    /// The option that won.
    #[schema(required)]
    winner: Option<OptionRow<'a>>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum PollStatus {
    Open,
    Closed,
    /// In the event that tells of a deleted poll only.
    Deleted,
}

/// A game to choose, and how many want it.
#[derive(Debug, Serialize, ToSchema)]
struct OptionRow<'a> {
    /// What a vote calls it.
    #[schema(example = "A")]
    key: String,
    game: GameOption<'a>,
    #[schema(minimum = 0)]
    votes: i64,
}

/// The game, as it was called when the poll was opened.
#[derive(Debug, Serialize, ToSchema)]
struct GameOption<'a> {
    #[schema(minimum = 1)]
    id: i64,
    title: &'a str,
    pack_name: &'a str,
    #[schema(minimum = 1)]
    min_players: i64,
    #[schema(minimum = 1)]
    max_players: i64,
}

impl<'a> From<&'a Poll> for PollRow<'a> {
    fn from(poll: &'a Poll) -> Self {
        Self {
            id: poll.id,
            session_id: poll.session_id,
            status: if poll.is_open() { PollStatus::Open } else { PollStatus::Closed },
            options: (0..poll.options.len()).filter_map(|position| option(poll, position)).collect(),
            total_votes: poll.total_votes(),
            created_at: poll.created_at,
            closes_at: poll.closes_at,
            ended_at: poll.ended_at,
            winner: poll.winner.and_then(|position| option(poll, position)),
        }
    }
}

fn option(poll: &Poll, position: usize) -> Option<OptionRow<'_>> {
    let option = poll.options.get(position)?;
    let PollGame { id, title, pack_name, min_players, max_players } = &option.game;
    let game = GameOption { id: *id, title, pack_name, min_players: *min_players, max_players: *max_players };
    Some(OptionRow { key: option_key(position), game, votes: option.votes })
}
