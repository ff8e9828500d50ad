//! What is said on the game socket besides events: examples of what clients say, and the server's own
//! sentences from the builders of the real ones.

use fanfare_model::wire::picker;
use serde_json::{Value, json};

use super::{
    dialect::Message,
    schemas::{constant, count, exactly, text, with},
};

/// What a client may say; unknown fields are ignored.
pub(super) const FROM_CLIENTS: &[Message] = &[
    Message {
        kind: "auth",
        summary: "Says who is there; at first, and within 30 seconds.",
        schema: || with(&[("type", constant("auth")), ("token", json!({"type": "string", "minLength": 1}))]),
        examples: || said(&json!({"type": "auth", "token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.c2ln"})),
    },
    Message {
        kind: "subscribe",
        summary: "Asks for a session's events; with `after`, for those that were missed as well.",
        schema: || {
            let mut schema = with(&[("type", constant("subscribe")), ("sessionId", integer())]);
            schema["properties"]["after"] = json!({
                "type": ["integer", "null"],
                "minimum": 0,
                "description": "The `seq` of the last event that the client has seen",
            });
            schema
        },
        examples: || {
            let again = json!({"type": "subscribe", "sessionId": 3, "after": 41});
            [said(&json!({"type": "subscribe", "sessionId": 3})), said(&again)].concat()
        },
    },
    Message {
        kind: "unsubscribe",
        summary: "Asks for no more of a session's events.",
        schema: || with(&[("type", constant("unsubscribe")), ("sessionId", integer())]),
        examples: || said(&json!({"type": "unsubscribe", "sessionId": 3})),
    },
    Message {
        kind: "ping",
        summary: "Keeps the socket open; without a frame for 60 seconds it is closed.",
        schema: || with(&[("type", constant("ping"))]),
        examples: || said(&json!({"type": "ping"})),
    },
];

/// What the server says besides events.
pub(super) const FROM_THE_SERVER: &[Message] = &[
    Message {
        kind: "auth_success",
        summary: "The token is valid.",
        schema: || exactly(&[("type", constant("auth_success")), ("message", text())]),
        examples: || vec![picker::auth_success()],
    },
    Message {
        kind: "auth_error",
        summary: "The token is not valid, or there is none; the socket stays open.",
        schema: || exactly(&[("type", constant("auth_error")), ("message", text())]),
        examples: || {
            vec![picker::auth_error("Invalid or expired token"), picker::auth_error("Token required")]
        },
    },
    Message {
        kind: "subscribed",
        summary: "The session's events follow.",
        schema: || {
            exactly(&[("type", constant("subscribed")), ("sessionId", integer()), ("message", text())])
        },
        examples: || vec![picker::subscribed(3)],
    },
    Message {
        kind: "unsubscribed",
        summary: "No more of the session's events follow.",
        schema: || {
            exactly(&[("type", constant("unsubscribed")), ("sessionId", integer()), ("message", text())])
        },
        examples: || vec![picker::unsubscribed(3)],
    },
    Message {
        kind: "pong",
        summary: "The answer to a ping.",
        schema: || exactly(&[("type", constant("pong"))]),
        examples: || vec![picker::pong()],
    },
    Message {
        kind: "error",
        summary: "What was asked cannot be done; the socket stays open.",
        schema: || exactly(&[("type", constant("error")), ("message", text())]),
        examples: || {
            let texts = ["Not authenticated", "Session not found", "sessionId must be an integer"];
            texts.map(picker::error).to_vec()
        },
    },
    Message {
        kind: "resync",
        summary: "What was missed is not available: fetch the session anew; events after `seq` follow.",
        schema: || {
            let fields = [("type", constant("resync")), ("sessionId", integer()), ("seq", count())];
            let [kind, session, seq] = fields;
            exactly(&[kind, session, seq, ("message", text())])
        },
        examples: || vec![picker::resync(3, 41)],
    },
];

/// The answer in the stream of all events to whoever comes back too late.
pub(super) const RESYNC_IN_ALL: Message = Message {
    kind: "resync",
    summary: "What was missed is not available: fetch anew what you show; events after it follow.",
    schema: || exactly(&[("type", constant("resync")), ("message", text())]),
    examples: || vec![picker::resync_all()],
};

fn said(message: &Value) -> Vec<String> {
    vec![message.to_string()]
}

fn integer() -> Value {
    json!({"type": "integer"})
}
