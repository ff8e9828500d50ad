//! The grammar of `/api/sessions/live`: JSON objects with a `type`. Events have their frames in
//! [`crate::event`]; who may say what, and when, is not decided here.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::json;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// `{"type":"auth","token"}`
    Auth {
        /// `None` when there is none or an empty one. A token that is no string stands here as its
        /// JSON text, which is never a valid one.
        token: Option<String>,
    },
    /// `{"type":"subscribe","sessionId","after"?}`
    Subscribe {
        /// Any integer; whether there is such a session is not known here.
        session_id: i64,
        /// The last `seq` that the client has seen, from 0, if it wants what it missed.
        after: Option<i64>,
    },
    /// `{"type":"unsubscribe","sessionId"}`
    Unsubscribe {
        /// Any integer.
        session_id: i64,
    },
    /// `{"type":"ping"}`
    Ping,
}

/// Why a text is no message; the text is what the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum Invalid {
    #[error("Invalid JSON")]
    Json,
    #[error("Message must be a JSON object")]
    NotObject,
    #[error("Message type is required")]
    NoType,
    #[error("Unknown message type")]
    UnknownType,
    #[error("sessionId must be an integer")]
    SessionId,
    #[error("after must be a non-negative integer")]
    After,
}

/// Reads a client's text frame. Unknown fields are ignored.
///
/// # Errors
/// [`Invalid`], the first that applies.
pub fn parse(text: &str) -> Result<ClientMessage, Invalid> {
    let value: Value = serde_json::from_str(text).map_err(|_| Invalid::Json)?;
    let message = value.as_object().ok_or(Invalid::NotObject)?;
    match message.get("type") {
        None | Some(Value::Null) => Err(Invalid::NoType),
        Some(Value::String(kind)) => match kind.as_str() {
            "auth" => Ok(ClientMessage::Auth { token: token(message) }),
            "subscribe" => {
                Ok(ClientMessage::Subscribe { session_id: session_id(message)?, after: after(message)? })
            }
            "unsubscribe" => Ok(ClientMessage::Unsubscribe { session_id: session_id(message)? }),
            "ping" => Ok(ClientMessage::Ping),
            _ => Err(Invalid::UnknownType),
        },
        Some(_) => Err(Invalid::UnknownType),
    }
}

fn token(message: &Map<String, Value>) -> Option<String> {
    match message.get("token")? {
        Value::Null => None,
        Value::String(token) => Some(token.clone()).filter(|token| !token.is_empty()),
        other => Some(other.to_string()),
    }
}

fn session_id(message: &Map<String, Value>) -> Result<i64, Invalid> {
    message.get("sessionId").and_then(json::as_integer).ok_or(Invalid::SessionId)
}

fn after(message: &Map<String, Value>) -> Result<Option<i64>, Invalid> {
    match message.get("after") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => json::as_integer(value).filter(|seq| *seq >= 0).map(Some).ok_or(Invalid::After),
    }
}

/// Fields in the order in which they are written.
#[derive(Default, Serialize)]
struct ServerMessage<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "sessionId", skip_serializing_if = "Option::is_none")]
    session_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

impl ServerMessage<'_> {
    fn text(&self) -> String {
        serde_json::to_string(self).expect("only string keys are written")
    }
}

/// The token was good.
pub fn auth_success() -> String {
    ServerMessage { kind: "auth_success", message: Some("Authenticated successfully"), ..Default::default() }
        .text()
}

/// The token was not, for this reason.
pub fn auth_error(message: &str) -> String {
    ServerMessage { kind: "auth_error", message: Some(message), ..Default::default() }.text()
}

/// Events of this session follow.
pub fn subscribed(session_id: i64) -> String {
    let message = format!("Subscribed to session {session_id}");
    ServerMessage {
        kind: "subscribed",
        session_id: Some(session_id),
        message: Some(&message),
        ..Default::default()
    }
    .text()
}

/// No events of this session follow.
pub fn unsubscribed(session_id: i64) -> String {
    let message = format!("Unsubscribed from session {session_id}");
    ServerMessage {
        kind: "unsubscribed",
        session_id: Some(session_id),
        message: Some(&message),
        ..Default::default()
    }
    .text()
}

/// The answer to a ping.
pub fn pong() -> String {
    ServerMessage { kind: "pong", ..Default::default() }.text()
}

/// What was asked cannot be done, for this reason.
pub fn error(message: &str) -> String {
    ServerMessage { kind: "error", message: Some(message), ..Default::default() }.text()
}

/// What the client missed cannot be sent: it should fetch the session anew, whose last event is
/// number `seq`; later ones follow.
pub fn resync(session_id: i64, seq: i64) -> String {
    ServerMessage {
        kind: "resync",
        session_id: Some(session_id),
        seq: Some(seq),
        message: Some("Missed events are not available; fetch the session again"),
    }
    .text()
}

/// The same on a stream of all events, for whoever shows any of it.
pub fn resync_all() -> String {
    let message = Some("Missed events are not available; fetch again what you show");
    ServerMessage { kind: "resync", session_id: None, seq: None, message }.text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn auth(token: Option<&str>) -> ClientMessage {
        ClientMessage::Auth { token: token.map(str::to_owned) }
    }

    fn subscribe(session_id: i64, after: Option<i64>) -> ClientMessage {
        ClientMessage::Subscribe { session_id, after }
    }

    #[test]
    fn every_message_is_understood() {
        for (text, expected) in [
            (r#"{"type":"auth","token":"a.b.c"}"#, auth(Some("a.b.c"))),
            (r#"{"type":"auth"}"#, auth(None)),
            (r#"{"type":"auth","token":null}"#, auth(None)),
            (r#"{"type":"auth","token":""}"#, auth(None)),
            (r#"{"type":"auth","token":5}"#, auth(Some("5"))),
            (r#"{"type":"auth","token":["a.b.c"]}"#, auth(Some(r#"["a.b.c"]"#))),
            (r#" {"sessionId" : 3 , "type" : "subscribe"} "#, subscribe(3, None)),
            (r#"{"type":"subscribe","sessionId":3.0,"after":41}"#, subscribe(3, Some(41))),
            (r#"{"type":"subscribe","sessionId":3,"after":0}"#, subscribe(3, Some(0))),
            (r#"{"type":"subscribe","sessionId":3,"after":1e2}"#, subscribe(3, Some(100))),
            (r#"{"type":"subscribe","sessionId":3,"after":null}"#, subscribe(3, None)),
            (r#"{"type":"subscribe","sessionId":0}"#, subscribe(0, None)),
            (r#"{"type":"subscribe","sessionId":-7}"#, subscribe(-7, None)),
            (r#"{"type":"subscribe","sessionId":1,"sessionId":2}"#, subscribe(2, None)),
            (r#"{"type":"unsubscribe","sessionId":3}"#, ClientMessage::Unsubscribe { session_id: 3 }),
            (r#"{"type":"ping","extra":[{}]}"#, ClientMessage::Ping),
            (r#"{"t\u0079pe":"p\u0069ng"}"#, ClientMessage::Ping),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_message_is_told_why() {
        for (text, expected) in [
            ("", "Invalid JSON"),
            ("ping", "Invalid JSON"),
            (r#"{"type":"ping"}{}"#, "Invalid JSON"),
            (r#"{"type":"ping",}"#, "Invalid JSON"),
            ("\u{feff}{\"type\":\"ping\"}", "Invalid JSON"),
            ("null", "Message must be a JSON object"),
            (r#"["ping"]"#, "Message must be a JSON object"),
            ("{}", "Message type is required"),
            (r#"{"type":null}"#, "Message type is required"),
            (r#"{"type":""}"#, "Unknown message type"),
            (r#"{"type":"Ping"}"#, "Unknown message type"),
            (r#"{"type":"auth_success"}"#, "Unknown message type"),
            (r#"{"type":1}"#, "Unknown message type"),
            (r#"{"type":"subscribe"}"#, "sessionId must be an integer"),
            (r#"{"type":"subscribe","sessionId":null}"#, "sessionId must be an integer"),
            (r#"{"type":"subscribe","sessionId":"3"}"#, "sessionId must be an integer"),
            (r#"{"type":"subscribe","sessionId":3.5}"#, "sessionId must be an integer"),
            (r#"{"type":"subscribe","sessionId":9007199254740992}"#, "sessionId must be an integer"),
            (r#"{"type":"subscribe","sessionId":true,"after":-1}"#, "sessionId must be an integer"),
            (r#"{"type":"unsubscribe"}"#, "sessionId must be an integer"),
            (r#"{"type":"subscribe","sessionId":3,"after":-1}"#, "after must be a non-negative integer"),
            (r#"{"type":"subscribe","sessionId":3,"after":0.5}"#, "after must be a non-negative integer"),
            (r#"{"type":"subscribe","sessionId":3,"after":"41"}"#, "after must be a non-negative integer"),
            (r#"{"type":"subscribe","sessionId":3,"after":false}"#, "after must be a non-negative integer"),
        ] {
            assert_eq!(parse(text).map_err(|invalid| invalid.to_string()), Err(expected.into()), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_bad_json_and_no_stack_overflow() {
        for open in ["[", r#"{"a":"#, r#"[{"a":"#] {
            let text = format!(r#"{{"type":"ping","x":{}"#, open.repeat(1_000_000));
            assert_eq!(parse(&text), Err(Invalid::Json));
        }
        let nested = format!(r#"{{"type":"ping","x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse(&nested), Err(Invalid::Json));
        let shallow = format!(r#"{{"type":"ping","x":{}{}}}"#, "[".repeat(100), "]".repeat(100));
        assert_eq!(parse(&shallow), Ok(ClientMessage::Ping));
    }

    #[test]
    fn the_servers_texts_are_exact() {
        for (text, expected) in [
            (auth_success(), r#"{"type":"auth_success","message":"Authenticated successfully"}"#),
            (
                auth_error("Invalid or expired token"),
                r#"{"type":"auth_error","message":"Invalid or expired token"}"#,
            ),
            (subscribed(3), r#"{"type":"subscribed","sessionId":3,"message":"Subscribed to session 3"}"#),
            (
                unsubscribed(3),
                r#"{"type":"unsubscribed","sessionId":3,"message":"Unsubscribed from session 3"}"#,
            ),
            (pong(), r#"{"type":"pong"}"#),
            (error("say \"x\"\n"), r#"{"type":"error","message":"say \"x\"\n"}"#),
            (
                resync_all(),
                r#"{"type":"resync","message":"Missed events are not available; fetch again what you show"}"#,
            ),
            (
                resync(3, 41),
                r#"{"type":"resync","sessionId":3,"seq":41,"message":"Missed events are not available; fetch the session again"}"#,
            ),
        ] {
            assert_eq!(text, expected);
        }
    }

    const VALID: [&str; 4] = [
        r#"{"type":"auth","token":"a.b.c"}"#,
        r#"{"type":"subscribe","sessionId":3,"after":41}"#,
        r#"{"type":"unsubscribe","sessionId":3}"#,
        r#"{"type":"ping"}"#,
    ];

    proptest! {
        #[test]
        fn any_text_gets_an_answer(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn a_damaged_message_gets_an_answer(
            valid in prop::sample::select(&VALID[..]),
            at: prop::sample::Index,
            removed in 0_usize..8,
            inserted in "[\\[\\]{}\":,.0-9eE+\\-\\\\un\\PC]{0,6}",
        ) {
            let at = at.index(valid.len());
            let end = (at + removed).min(valid.len());
            let text = [&valid[..at], &inserted, &valid[end..]].concat();
            if let Err(invalid) = parse(&text) {
                prop_assert!(!invalid.to_string().is_empty());
            }
        }

        #[test]
        fn what_a_client_serialises_is_read_back(
            token in ".{1,40}",
            session_id in -json_max()..=json_max(),
            after in prop::option::of(0..=json_max()),
        ) {
            let text = serde_json::json!({"type": "auth", "token": token}).to_string();
            prop_assert_eq!(parse(&text), Ok(auth(Some(&token))));
            let text = serde_json::json!({"type": "subscribe", "sessionId": session_id, "after": after});
            prop_assert_eq!(parse(&text.to_string()), Ok(subscribe(session_id, after)));
        }

        #[test]
        fn what_the_server_says_is_json(message: String, session_id: i64, seq: i64) {
            let read = |text: String| serde_json::from_str::<Value>(&text).expect("JSON");
            for (text, kind) in [(error(&message), "error"), (auth_error(&message), "auth_error")] {
                prop_assert_eq!(read(text), serde_json::json!({"type": kind, "message": message}));
            }
            let value = read(resync(session_id, seq));
            prop_assert_eq!((&value["sessionId"], &value["seq"]), (&session_id.into(), &seq.into()));
            for text in [subscribed(session_id), unsubscribed(session_id)] {
                prop_assert_eq!(&read(text)["sessionId"], &Value::from(session_id));
            }
        }
    }

    fn json_max() -> i64 {
        crate::limits::INTEGER_MAX
    }
}
