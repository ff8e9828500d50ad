//! `data` of the events about votes.

use serde::Serialize;

use super::to_json;
use crate::vote::RecordedVote;

/// `data` of `vote.recorded`; `timestamp` is the vote's own, as it was sent.
pub fn vote_recorded(recorded: &RecordedVote) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(rename = "sessionId")]
        session_id: i64,
        game: For<'a>,
        vote: Cast<'a>,
        totals: Totals,
    }
    #[derive(Serialize)]
    struct For<'a> {
        id: i64,
        title: &'a str,
        pack_name: &'a str,
    }
    #[derive(Serialize)]
    struct Cast<'a> {
        username: &'a str,
        r#type: &'static str,
        timestamp: &'a str,
    }
    #[derive(Serialize)]
    struct Totals {
        upvotes: i64,
        downvotes: i64,
        popularity_score: i64,
    }
    let RecordedVote { session_id, games_played: _, game, vote } = recorded;
    to_json(&Data {
        session_id: *session_id,
        game: For { id: game.id, title: &game.title, pack_name: &game.pack_name },
        vote: Cast { username: &vote.username, r#type: vote.vote_type.as_str(), timestamp: &vote.timestamp },
        totals: Totals {
            upvotes: game.upvotes,
            downvotes: game.downvotes,
            popularity_score: game.popularity_score(),
        },
    })
}
