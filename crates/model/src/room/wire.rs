//! The room service's wire: answers to `GET /api/v2/rooms/{CODE}` and the frames of its `ecast-v0`
//! socket. Both parsers are total: whatever arrives becomes a value. What it means for the room is
//! decided elsewhere.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use url::Url;

use crate::{json, limits::RESPONSE_READ_MAX_BYTES};

/// The room takes no more players: the game is on.
pub(super) const ROOM_LOCKED: i64 = 2009;
/// Every place in the room is taken.
pub(super) const ROOM_FULL: i64 = 2010;
/// There is no such room.
pub(super) const ROOM_NOT_FOUND: i64 = 2013;
/// The room wants a password.
pub(super) const PASSWORD_REQUIRED: i64 = 2017;
/// The room is over.
pub(super) const ROOM_ENDED: i64 = 2027;
/// The service was asked too often.
pub(super) const RATE_LIMITED: i64 = 2420;

/// What a poll found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The room exists.
    Room(Facts),
    /// The service knows no such room.
    NotFound,
    /// The service was asked too often.
    RateLimited,
    /// Nothing that says anything of the room; the text says why, for the log.
    Fault(String),
}

/// What the service said of a room. Whatever is missing or of a wrong type is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Host and port of the room's socket; `None` as well when the text is anything but that.
    pub host: Option<String>,
    /// Whether the game is on.
    pub locked: Option<bool>,
    /// Whether every place is taken.
    pub full: Option<bool>,
    /// Places; at least 1.
    pub max_players: Option<i64>,
    /// Whether it wants a password, which the monitor never has.
    pub is_closed_to_strangers: bool,
}

impl Answer {
    /// The answer to a poll of the room `code`, from its HTTP status and body.
    pub fn parse(code: &str, status: u16, body: &[u8]) -> Self {
        let fault = |why: &str| Self::Fault(format!("HTTP {status}: {why}"));
        if body.len() >= RESPONSE_READ_MAX_BYTES {
            return fault("the answer is too large");
        }
        let object = match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        };
        let is_refusal = object.as_ref().is_some_and(|object| object.get("ok") != Some(&Value::Bool(true)));
        let error_code = object.as_ref().and_then(|object| json::as_integer(object.get("code")?));
        match (status, object) {
            (429, _) => Self::RateLimited,
            _ if error_code == Some(RATE_LIMITED) => Self::RateLimited,
            // An error page of something between here and the service says nothing of the room.
            (404, _) if is_refusal || body.is_empty() => Self::NotFound,
            (200, Some(object)) if !is_refusal => match object.get("body") {
                Some(Value::Object(room)) => Self::of_room(code, room).unwrap_or_else(fault),
                _ => fault("the answer holds no room"),
            },
            (300..=399, _) => fault("redirects are not followed"),
            (200, None) => fault("the answer is not a JSON object"),
            _ => fault("the service cannot say"),
        }
    }

    fn of_room(code: &str, room: &Map<String, Value>) -> Result<Self, &'static str> {
        if room.get("code").and_then(Value::as_str).is_some_and(|other| !other.eq_ignore_ascii_case(code)) {
            return Err("the answer is about another room");
        }
        let flag = |name| room.get(name).and_then(Value::as_bool);
        Ok(Self::Room(Facts {
            host: room.get("host").and_then(Value::as_str).and_then(plain_host),
            locked: flag("locked"),
            full: flag("full"),
            max_players: room.get("maxPlayers").and_then(json::as_integer).filter(|places| *places > 0),
            is_closed_to_strangers: flag("passwordRequired") == Some(true),
        }))
    }
}

/// `text` if it is a host, with or without a port, and nothing else.
fn plain_host(text: &str) -> Option<String> {
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    let is_plain = !text.contains(['/', '\\', '?', '#', '@', ' ', '\t', '\n', '\r']);
    // A URL leaves out the port that its scheme stands for, and http and https stand for two.
    let port = url.port().or_else(|| Url::parse(&format!("https://{text}/")).ok()?.port());
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    is_plain.then(|| format!("{}{port}", url.host_str().unwrap_or_default()))
}

/// What the socket said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// `client/welcome`.
    Welcome {
        /// The ids of those who play; `None` when the service does not say who is there.
        players: Option<BTreeSet<String>>,
    },
    /// `client/connected`: a player came.
    Came {
        /// As in the welcome.
        id: String,
    },
    /// `client/disconnected`: somebody went, a player or not.
    Went {
        /// As in the welcome.
        id: String,
    },
    /// `room/lock`.
    Locked,
    /// `room/exit`.
    Exit,
    /// An error; see the service's codes.
    Error {
        /// 0 when it has none.
        code: i64,
    },
    /// Anything else, whether it is known or not.
    Other,
}

impl Frame {
    /// What a text frame says.
    pub fn parse(text: &str) -> Self {
        let Ok(Value::Object(frame)) = serde_json::from_str(text) else { return Self::Other };
        let result = frame.get("result");
        let id = || match result?.get("id")? {
            Value::String(id) => Some(id.clone()),
            number => json::as_integer(number).map(|id| id.to_string()),
        };
        match frame.get("opcode").and_then(Value::as_str) {
            Some("client/welcome") => Self::Welcome { players: result.and_then(players) },
            Some("client/connected") if result.is_some_and(plays) => {
                id().map_or(Self::Other, |id| Self::Came { id })
            }
            Some("client/disconnected") => id().map_or(Self::Other, |id| Self::Went { id }),
            Some("room/lock") => Self::Locked,
            Some("room/exit") => Self::Exit,
            Some("error") => {
                let code = result.and_then(|result| json::as_integer(result.get("code")?));
                Self::Error { code: code.unwrap_or(0) }
            }
            _ => Self::Other,
        }
    }
}

fn players(welcome: &Value) -> Option<BTreeSet<String>> {
    let here = welcome.get("here")?.as_object()?;
    Some(here.iter().filter(|(_, client)| plays(client)).map(|(id, _)| id.clone()).collect())
}

/// Whether a client is a player: the host's screen, moderators and the likes of us are not.
fn plays(client: &Value) -> bool {
    let has_role = client.get("roles").is_some_and(|roles| roles.get("player").is_some());
    has_role || client.get("role").and_then(Value::as_str) == Some("player")
}
