//! What clients ask the server to do, how its answers are to be read, and by which mark an event and
//! the request behind it are known to belong together.

use fanfare_model::event::Event;
use serde_json::{Value, json};

use crate::{history::Fate, http::Message};

/// The name of what is fired by hand.
pub(crate) const FIRED: &str = "crash.fired";

/// The letters of a room code.
const LETTERS: u64 = 26;

/// A change. `row` is a session game's id, which only the client that added it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    Start,
    Close {
        session: i64,
    },
    Add {
        session: i64,
        game: i64,
    },
    Status {
        session: i64,
        row: i64,
        status: &'static str,
    },
    Count {
        session: i64,
        row: i64,
    },
    Room {
        session: i64,
        row: i64,
    },
    Remove {
        session: i64,
        row: i64,
    },
    Vote {
        up: bool,
        timestamp: String,
    },
    /// Something of the client's own, which stands in no session.
    Fire,
}

/// How an answer is to be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Final(Fate),
    /// The database was away: the same must be asked again.
    Again,
    /// No such answer was to be expected.
    Odd,
}

impl Deed {
    /// Method, path and body; `number` makes what it leaves behind different from everything else.
    pub(crate) fn request(&self, number: u64) -> (&'static str, String, Value) {
        let of_row =
            |session: &i64, row: &i64, what: &str| format!("/api/sessions/{session}/games/{row}{what}");
        match self {
            Self::Start => ("POST", "/api/sessions".into(), json!({"notes": format!("night {number}")})),
            Self::Close { session } => ("POST", format!("/api/sessions/{session}/close"), json!({})),
            Self::Add { session, game } => {
                let body = json!({"game_id": game, "room_code": room_code(number)});
                ("POST", format!("/api/sessions/{session}/games"), body)
            }
            Self::Status { session, row, status } => {
                ("PATCH", of_row(session, row, "/status"), json!({ "status": status }))
            }
            Self::Count { session, row } => {
                ("PATCH", of_row(session, row, "/player-count"), json!({ "player_count": number }))
            }
            Self::Room { session, row } => {
                ("PATCH", of_row(session, row, "/room-code"), json!({"room_code": room_code(number)}))
            }
            Self::Remove { session, row } => ("DELETE", of_row(session, row, ""), Value::Null),
            Self::Vote { up, timestamp } => {
                let vote = if *up { "up" } else { "down" };
                let body = json!({"username": viewer(number), "vote": vote, "timestamp": timestamp});
                ("POST", "/api/votes/live".into(), body)
            }
            Self::Fire => {
                let body = json!({"event": FIRED, "data": {"mark": format!("fired {number}")}});
                ("POST", "/api/events/fire".into(), body)
            }
        }
    }

    /// What the one event of this deed is marked with, see [`mark_of`].
    pub(crate) fn mark(&self, number: u64) -> String {
        match self {
            Self::Start => format!("started night {number}"),
            Self::Close { session } => format!("ended {session}"),
            Self::Add { .. } => format!("added {}", room_code(number)),
            Self::Status { row, status, .. } => format!("status {row} {status}"),
            Self::Count { row, .. } => format!("count {row} {number}"),
            Self::Room { row, .. } => format!("room {row} {}", room_code(number)),
            Self::Remove { row, .. } => format!("removed {row}"),
            Self::Vote { .. } => format!("vote {}", viewer(number)),
            Self::Fire => format!("fired {number}"),
        }
    }

    /// Reads an answer. `asked_before`: an earlier try got none, and may have done it all.
    pub(crate) fn judge(&self, answer: &Message, asked_before: bool) -> Verdict {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let error = body["error"].as_str().unwrap_or_default();
        match (answer.status(), self) {
            (200 | 201, _) => Verdict::Final(Fate::Accepted(body)),
            (503, _) => Verdict::Again,
            (400, Self::Close { .. }) if asked_before && error == "Session is already closed" => {
                Verdict::Final(Fate::Accepted(Value::Null))
            }
            (404, Self::Remove { .. }) if asked_before && error == "Session game not found" => {
                Verdict::Final(Fate::Accepted(Value::Null))
            }
            (400, Self::Start) if error.starts_with("An active session already exists") => {
                Verdict::Final(Fate::Refused)
            }
            (400, Self::Add { .. }) if error == "Cannot add games to a closed session" => {
                Verdict::Final(Fate::Refused)
            }
            (404, Self::Vote { .. }) if NO_VOTE.contains(&error) => Verdict::Final(Fate::Refused),
            _ => Verdict::Odd,
        }
    }
}

/// Why a vote may not count: the session has just been closed or begun.
const NO_VOTE: [&str; 3] = [
    "No active session found",
    "No games have been played in the active session yet",
    "Vote timestamp does not match any game in the active session",
];

/// The mark of an event; `None` of one that no deed causes.
pub(crate) fn mark_of(event: &Event) -> Option<String> {
    let data: Value = serde_json::from_str(&event.data).ok()?;
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    Some(match event.kind.as_str() {
        "session.started" => format!("started {}", text(&data["session"]["notes"])?),
        "session.ended" => format!("ended {}", data["session"]["id"].as_i64()?),
        "game.added" => format!("added {}", text(&data["game"]["room_code"])?),
        "game.status" => format!("status {} {}", data["id"].as_i64()?, text(&data["status"])?),
        "player-count.updated" => {
            format!("count {} {}", data["gameId"].as_i64()?, data["playerCount"].as_i64()?)
        }
        "room.updated" => format!("room {} {}", data["id"].as_i64()?, text(&data["room_code"])?),
        "game.removed" => format!("removed {}", data["id"].as_i64()?),
        "vote.recorded" => format!("vote {}", text(&data["vote"]["username"])?),
        FIRED => text(&data["mark"])?,
        _ => return None,
    })
}

/// Four letters; the numbers of one run have different ones up to 26⁴.
pub(crate) fn room_code(number: u64) -> String {
    let letter = |power: u32| b'A' + u8::try_from(number / LETTERS.pow(power) % LETTERS).unwrap_or(0);
    (0..4).rev().map(|power| char::from(letter(power))).collect()
}

fn viewer(number: u64) -> String {
    format!("viewer{number}")
}
