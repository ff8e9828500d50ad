//! What is said on `/app/{key}`, in the protocol of Pusher Channels: examples of what clients say, and the
//! server's sentences from the builders of the real ones.

use fanfare_model::{
    channel::Member,
    wire::pusher::{self as wire, ErrorCode, Refused},
};
use serde_json::{Value, json};

use super::{
    dialect::{CLIENT_EVENT, Dialect, EVENT, Message, channel_name, client_event_name, said, signature},
    schemas::{
        about, and_maybe, constant, count, exactly, list_of, map_of, one_of, or_null, string_of, text, with,
    },
};

pub(super) const PUSHER: Dialect = Dialect {
    key: "pusher",
    name: "Pusher",
    address: "/app/{key}",
    title: "Channels of an app, in the protocol of Pusher Channels",
    description: "A WebSocket of JSON text frames. What the server sends has its `data` as a string, mostly of JSON; \
        `pusher:error` alone has an object. Sockets are closed with the codes of that protocol, and with 1007 after a \
        text that is not UTF-8 and 1009 after a message that is far too large.",
    query: || {
        let version = json!({"type": "integer", "minimum": 5, "maximum": 7});
        with(&[("protocol", about(version, "The version of the protocol"))])
    },
    parameters: || json!({"key": {"description": "The key of the app", "examples": ["9f3c1a7be0d24c58a6f1"]}}),
    from_clients: FROM_CLIENTS,
    from_the_server: FROM_THE_SERVER,
};

/// What a client may say; unknown fields are ignored.
const FROM_CLIENTS: &[Message] = &[
    Message {
        kind: "pusher:subscribe",
        summary: "Asks for what happens on a channel.",
        schema: || {
            let who = "The JSON that is signed, for presence channels";
            let data = [("auth", signature()), ("channel_data", about(or_null(text()), who))];
            command("pusher:subscribe", &and_maybe(with(&[("channel", channel_name())]), &data))
        },
        examples: || {
            let auth =
                "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
            let private = json!({"channel": "private-foobar", "auth": auth});
            let public = json!({"event": "pusher:subscribe", "data": {"channel": "orders"}});
            vec![public.to_string(), json!({"event": "pusher:subscribe", "data": private}).to_string()]
        },
    },
    Message {
        kind: "pusher:unsubscribe",
        summary: "Asks for no more of a channel.",
        schema: || command("pusher:unsubscribe", &with(&[("channel", channel_name())])),
        examples: || vec![json!({"event": "pusher:unsubscribe", "data": {"channel": "orders"}}).to_string()],
    },
    Message {
        kind: "pusher:signin",
        summary: "Says whose socket it is.",
        schema: || {
            let user = about(text(), "The JSON that is signed");
            let signature = about(text(), "`key:signature`, made with the app's secret");
            command("pusher:signin", &with(&[("auth", signature), ("user_data", user)]))
        },
        examples: || {
            let auth =
                "278d425bdf160c739803:c6791d3f9c863fff0668d5abacd9c67929ce2ca6da344b628f7ec8fb8727a481";
            let data = json!({"auth": auth, "user_data": r#"{"id":"7"}"#});
            vec![json!({"event": "pusher:signin", "data": data}).to_string()]
        },
    },
    Message {
        kind: "pusher:ping",
        summary: "Asks for a sign of life.",
        schema: || said("pusher:ping", &[]),
        examples: || vec![json!({"event": "pusher:ping", "data": {}}).to_string()],
    },
    Message {
        kind: "pusher:pong",
        summary: "Gives one.",
        schema: || said("pusher:pong", &[]),
        examples: || vec![json!({"event": "pusher:pong", "data": {}}).to_string()],
    },
    Message {
        kind: CLIENT_EVENT,
        summary: "Tells the others on a private or presence channel, where the client is subscribed itself.",
        schema: || {
            let fields = [("event", client_event_name()), ("channel", channel_name())];
            and_maybe(with(&fields), &[("data", json!({}))])
        },
        examples: || {
            let whisper =
                json!({"event": "client-typing", "channel": "private-foobar", "data": {"on": true}});
            vec![whisper.to_string()]
        },
    },
];

/// What the server says.
const FROM_THE_SERVER: &[Message] = &[
    Message {
        kind: "pusher:connection_established",
        summary: "The first message: who the socket is, and after how many seconds of silence it is pinged.",
        schema: || {
            let data = exactly(&[("socket_id", text()), ("activity_timeout", count())]);
            told("pusher:connection_established", &[], &data)
        },
        examples: || vec![wire::connection_established("1234.5678", 120)],
    },
    Message {
        kind: "pusher:ping",
        summary: "Asks a client that is silent for a sign of life.",
        schema: || told("pusher:ping", &[], &exactly(&[])),
        examples: || vec![wire::ping()],
    },
    Message {
        kind: "pusher:pong",
        summary: "The answer to a ping.",
        schema: || told("pusher:pong", &[], &exactly(&[])),
        examples: || vec![wire::pong()],
    },
    Message {
        kind: "pusher_internal:subscription_succeeded",
        summary: "What happens on the channel follows; on a cache channel the last event comes first.",
        schema: || {
            let hash = map_of(&json!({"description": "What is told of the user; null for nothing"}));
            let presence = exactly(&[("ids", list_of(&text())), ("hash", hash), ("count", count())]);
            let data = and_maybe(exactly(&[]), &[("presence", presence)]);
            on_a_channel("pusher_internal:subscription_succeeded", &data)
        },
        examples: || {
            let present = wire::subscription_succeeded("presence-foobar", Some(&[ann()]));
            vec![wire::subscription_succeeded("orders", None), present]
        },
    },
    Message {
        kind: "pusher:subscription_error",
        summary: "The client is not on the channel.",
        schema: || {
            let kinds = one_of(&["ValidationError", "AuthError", "CapacityError", "ServerError"]);
            let status = json!({"enum": [400, 401, 429, 500]});
            let data = exactly(&[("type", kinds), ("error", text()), ("status", status)]);
            on_a_channel("pusher:subscription_error", &data)
        },
        examples: || {
            vec![
                wire::subscription_error("private-foobar", Refused::Auth, "Invalid signature"),
                wire::subscription_error("orders", Refused::Capacity, "At most 100 channels a connection"),
            ]
        },
    },
    Message {
        kind: "pusher_internal:member_added",
        summary: "Somebody is present, with the first of his connections.",
        schema: || {
            let data = and_maybe(exactly(&[("user_id", text())]), &[("user_info", json!({}))]);
            on_a_channel("pusher_internal:member_added", &data)
        },
        examples: || vec![wire::member_added("presence-foobar", &ann())],
    },
    Message {
        kind: "pusher_internal:member_removed",
        summary: "He is not any more, with the last of them.",
        schema: || on_a_channel("pusher_internal:member_removed", &exactly(&[("user_id", text())])),
        examples: || vec![wire::member_removed("presence-foobar", &ann())],
    },
    Message {
        kind: "pusher_internal:subscription_count",
        summary: "How many subscriptions the channel has now, where the app wants that told.",
        schema: || {
            on_a_channel("pusher_internal:subscription_count", &exactly(&[("subscription_count", count())]))
        },
        examples: || vec![wire::subscription_count("orders", 2)],
    },
    Message {
        kind: "pusher:cache_miss",
        summary: "The cache channel has no last event.",
        schema: || exactly(&[("event", constant("pusher:cache_miss")), ("channel", text())]),
        examples: || vec![wire::cache_miss("cache-prices")],
    },
    Message {
        kind: "pusher:signin_success",
        summary: "The socket belongs to the user.",
        schema: || told("pusher:signin_success", &[], &exactly(&[("user_data", text())])),
        examples: || vec![wire::signin_success(r#"{"id":"7"}"#)],
    },
    Message {
        kind: EVENT,
        summary: "Something was published on the channel, under any name.",
        schema: || exactly(&[("event", text()), ("channel", text()), ("data", text())]),
        examples: || vec![wire::event("orders", "OrderCreated", Some(r#"{"id":1}"#), None)],
    },
    Message {
        kind: CLIENT_EVENT,
        summary: "Another client said something.",
        schema: || {
            let message = exactly(&[("event", client_event_name()), ("channel", text())]);
            let user = about(text(), "Who it was, on a presence channel");
            and_maybe(message, &[("data", text()), ("user_id", user)])
        },
        examples: || {
            let data = Some(r#"{"on":true}"#);
            vec![wire::event("presence-foobar", "client-typing", data, Some("ann"))]
        },
    },
    Message {
        kind: "pusher:error",
        summary: "What was said cannot be done, or the socket is about to be closed.",
        schema: || {
            let code =
                about(or_null(json!({"type": "integer"})), "The protocol's own, if it has one for that");
            let data = exactly(&[("code", code), ("message", text())]);
            exactly(&[("event", constant("pusher:error")), ("data", data)])
        },
        examples: || {
            let code = ErrorCode::NoApplication;
            vec![wire::error(None, "Unknown event"), wire::error(Some(code.number()), code.message())]
        },
    },
];

/// A client's message, whose data is an object or a string that holds one.
fn command(kind: &str, data: &Value) -> Value {
    said(kind, &[("data", json!({"anyOf": [data, string_of(data)]}))])
}

fn told(kind: &str, fields: &[(&str, Value)], data: &Value) -> Value {
    exactly(&[&[("event", constant(kind))], fields, &[("data", string_of(data))]].concat())
}

fn on_a_channel(kind: &str, data: &Value) -> Value {
    told(kind, &[("channel", text())], data)
}

fn ann() -> Member {
    Member { id: "ann".into(), info: Some(r#"{"name":"Ann"}"#.into()) }
}
