//! What is said on `/ws`, in the protocol of ts-broadcasting: examples of what clients say, and the server's
//! sentences from the builders of the real ones.

use fanfare_model::{
    channel::Member,
    limits::BATCH_MAX_CHANNELS,
    wire::broadcasting::{self as wire, BatchKind, ErrorKind, Refused},
};
use serde_json::{Value, json};

use super::{
    dialect::{CLIENT_EVENT, Dialect, EVENT, Message, channel_name, client_event_name, said, signature},
    schemas::{about, and_maybe, boolean, constant, count, exactly, list_of, map_of, one_of, text, with},
};

const EPOCH: &str = "00c5a2b19e04d3f1";

pub(super) const BROADCASTING: Dialect = Dialect {
    key: "broadcasting",
    name: "Broadcasting",
    address: "/ws",
    title: "Channels of the default app, in ts-broadcasting's protocol",
    description: "A WebSocket of JSON text frames, under `/app` as well. `data` is JSON. A client that is silent is \
        sent a ping of the WebSocket protocol. Sockets are closed with 1001 when the server stops, 1007 after a text \
        that is not UTF-8, 1008 when a ping is not answered, far too much is said, the user's connections are \
        terminated, the host closes this one or the app is deleted, 1009 after a message that is far too large, and \
        1013 when the client reads too slowly or the app has as many connections as it may.",
    query: || {
        let token = "A JWT; it may come in the `Authorization` header or in the cookie `auth_token` instead";
        json!({"type": "object", "properties": {"token": about(text(), token)}})
    },
    parameters: || json!({}),
    from_clients: FROM_CLIENTS,
    from_the_server: FROM_THE_SERVER,
};

/// What a client may say; unknown fields are ignored.
const FROM_CLIENTS: &[Message] = &[
    Message {
        kind: "subscribe",
        summary: "Asks for what happens on a channel; with `offset` and `epoch`, for what was missed as well.",
        schema: || {
            let fields = [
                ("channel_data", json!({"description": "What the client says of itself"})),
                ("auth", signature()),
                ("offset", json!({"type": ["integer", "null"], "minimum": 0})),
                ("epoch", json!({"type": ["string", "null"]})),
            ];
            and_maybe(on_a_channel("subscribe"), &fields)
        },
        examples: || {
            let resumed =
                json!({"event": "subscribe", "channel": "private-orders.7", "offset": 41, "epoch": EPOCH});
            let first = json!({"event": "subscribe", "channel": "orders", "ack": true, "messageId": "m1"});
            vec![first.to_string(), resumed.to_string()]
        },
    },
    Message {
        kind: "unsubscribe",
        summary: "Asks for no more of a channel.",
        schema: || on_a_channel("unsubscribe"),
        examples: || vec![json!({"event": "unsubscribe", "channel": "orders"}).to_string()],
    },
    Message {
        kind: "batch_subscribe",
        summary: "Subscribes to several channels at once.",
        schema: || {
            let data =
                json!({"type": ["object", "null"], "description": "What it says of itself, by channel"});
            and_maybe(batch("batch_subscribe"), &[("channelData", data)])
        },
        examples: || {
            let channels = ["orders", "presence-room.7"];
            let batch = json!({"event": "batch_subscribe", "channels": channels, "messageId": "m2"});
            vec![batch.to_string()]
        },
    },
    Message {
        kind: "batch_unsubscribe",
        summary: "Leaves several channels at once.",
        schema: || batch("batch_unsubscribe"),
        examples: || {
            let batch = json!({"event": "batch_unsubscribe", "channels": ["orders"], "messageId": "m3"});
            vec![batch.to_string()]
        },
    },
    Message {
        kind: CLIENT_EVENT,
        summary: "Tells the others on a private or presence channel, where the client is subscribed itself.",
        schema: || {
            let fields = [("event", client_event_name()), ("channel", channel_name())];
            and_maybe(with(&fields), &[("data", json!({})), ("ack", boolean()), ("messageId", message_id())])
        },
        examples: || {
            let whisper =
                json!({"event": "client-typing", "channel": "private-orders.7", "data": {"on": true}});
            vec![whisper.to_string()]
        },
    },
    Message {
        kind: "ping",
        summary: "Asks for a sign of life.",
        schema: || asking("ping", &[]),
        examples: || vec![json!({"event": "ping"}).to_string()],
    },
    Message {
        kind: "heartbeat",
        summary: "Keeps the member of a presence channel, or of all of them, where members expire.",
        schema: || and_maybe(asking("heartbeat", &[]), &[("channel", maybe_channel())]),
        examples: || vec![json!({"event": "heartbeat"}).to_string()],
    },
    Message {
        kind: "presence_heartbeat",
        summary: "The same.",
        schema: || and_maybe(asking("presence_heartbeat", &[]), &[("channel", maybe_channel())]),
        examples: || vec![json!({"event": "presence_heartbeat", "channel": "presence-room.7"}).to_string()],
    },
];

/// What the server says.
const FROM_THE_SERVER: &[Message] = &[
    Message {
        kind: "connection_established",
        summary: "The first message: who the socket is, and after how many seconds of silence it is pinged.",
        schema: || {
            let data = exactly(&[("socket_id", text()), ("activity_timeout", count())]);
            told("connection_established", &[("data", data)])
        },
        examples: || vec![wire::connection_established("e3a1f9c4-0b7d-4c55-9a3e-2f6f0d1b8a77", 120)],
    },
    Message {
        kind: "subscription_succeeded",
        summary: "What happens on the channel follows; what was missed comes first.",
        schema: || {
            let message = told("subscription_succeeded", &[("channel", text())]);
            let recovered = about(boolean(), "Whether all that was missed follows, if that was asked");
            let fields = [("data", exactly(&[("presence", presence())])), ("recovered", recovered)];
            and_maybe(and_maybe(message, &fields), &position())
        },
        examples: || {
            let present = wire::subscription_succeeded("presence-room.7", Some(&[ann()]), None, None);
            let resumed =
                wire::subscription_succeeded("private-orders.7", None, Some((44, EPOCH)), Some(true));
            vec![wire::subscription_succeeded("orders", None, None, None), present, resumed]
        },
    },
    Message {
        kind: "subscription_error",
        summary: "The client is not on the channel.",
        schema: || {
            let kinds = one_of(&["AuthError", "CapacityError", "ServerError"]);
            let data = [("type", kinds), ("error", text()), ("status", json!({"enum": [401, 429, 500]}))];
            told("subscription_error", &[("channel", text()), ("data", exactly(&data))])
        },
        examples: || {
            vec![
                wire::subscription_error("private-orders.7", Refused::Auth, "Unauthorized"),
                wire::subscription_error("orders", Refused::Capacity, "At most 100 channels a connection"),
            ]
        },
    },
    Message {
        kind: "batch_subscribe_result",
        summary: "What became of a batch, channel by channel.",
        schema: || batch_result("batch_subscribe_result"),
        examples: || {
            let (joined, failed) = (["presence-room.7".to_owned()], [refused("private-a")]);
            let present = [("presence-room.7".to_owned(), vec![ann()])];
            vec![wire::batch_result(BatchKind::Subscribe, Some(r#""m2""#), &joined, &failed, &present)]
        },
    },
    Message {
        kind: "batch_unsubscribe_result",
        summary: "The same of one that leaves.",
        schema: || batch_result("batch_unsubscribe_result"),
        examples: || {
            let left = ["orders".to_owned()];
            vec![wire::batch_result(BatchKind::Unsubscribe, Some(r#""m3""#), &left, &[], &[])]
        },
    },
    Message {
        kind: EVENT,
        summary: "Something was published on the channel, under any name.",
        schema: || {
            let message = exactly(&[("event", text()), ("channel", text())]);
            and_maybe(and_maybe(message, &[("data", json!({}))]), &position())
        },
        examples: || {
            let data = Some(r#"{"id":1}"#);
            let placed = wire::event("private-orders.7", "OrderShipped", data, Some((42, EPOCH)));
            vec![wire::event("orders", "OrderCreated", data, None), placed]
        },
    },
    Message {
        kind: CLIENT_EVENT,
        summary: "Another client said something.",
        schema: || {
            let message = exactly(&[("event", client_event_name()), ("channel", text())]);
            and_maybe(message, &[("data", json!({}))])
        },
        examples: || vec![wire::event("private-orders.7", "client-typing", Some(r#"{"on":true}"#), None)],
    },
    Message {
        kind: "member_added",
        summary: "Somebody is present, with the first of his connections.",
        schema: || told("member_added", &[("channel", text()), ("data", member())]),
        examples: || vec![wire::member_added("presence-room.7", &ann())],
    },
    Message {
        kind: "member_removed",
        summary: "He is not any more, with the last of them.",
        schema: || told("member_removed", &[("channel", text()), ("data", member())]),
        examples: || vec![wire::member_removed("presence-room.7", &ann())],
    },
    Message {
        kind: "pong",
        summary: "The answer to a ping.",
        schema: || told("pong", &[]),
        examples: || vec![wire::pong()],
    },
    Message {
        kind: "ack",
        summary: "A message that asked for it has arrived.",
        schema: || told("ack", &[("messageId", message_id())]),
        examples: || vec![wire::ack(r#""m1""#)],
    },
    Message {
        kind: "error",
        summary: "What was said cannot be done; the socket stays open, unless there are too many of them.",
        schema: || {
            let kinds = [
                "ValidationError",
                "PayloadTooLarge",
                "RateLimitExceeded",
                "NotSupported",
                "BatchError",
                "CapacityError",
            ];
            let data = exactly(&[("type", one_of(&kinds)), ("error", text())]);
            let after = about(count(), "From when on another message is taken, in milliseconds since 1970");
            told("error", &[("data", and_maybe(data, &[("retryAfter", after)]))])
        },
        examples: || {
            vec![
                wire::error(ErrorKind::ValidationError, "Unknown event", None),
                wire::error(ErrorKind::RateLimitExceeded, "Too many messages", Some(1_773_606_600_000)),
            ]
        },
    },
];

fn asking(kind: &str, fields: &[(&str, Value)]) -> Value {
    let ack = about(boolean(), "Whether an `ack` is wanted, which needs a `messageId`");
    and_maybe(said(kind, fields), &[("ack", ack), ("messageId", message_id())])
}

fn on_a_channel(kind: &str) -> Value {
    asking(kind, &[("channel", channel_name())])
}

fn batch(kind: &str) -> Value {
    let mut channels = list_of(&text());
    channels["maxItems"] = BATCH_MAX_CHANNELS.into();
    asking(kind, &[("channels", channels)])
}

fn maybe_channel() -> Value {
    json!({"type": ["string", "null"]})
}

fn message_id() -> Value {
    about(json!({"type": ["string", "number"]}), "At most 255 bytes of JSON; it comes back as it is")
}

fn told(kind: &str, fields: &[(&str, Value)]) -> Value {
    exactly(&[&[("event", constant(kind))], fields].concat())
}

fn batch_result(kind: &str) -> Value {
    let data = exactly(&[("succeeded", list_of(&text())), ("failed", map_of(&text()))]);
    let data = and_maybe(data, &[("messageId", message_id()), ("presence", map_of(&presence()))]);
    and_maybe(told(kind, &[("data", data)]), &[("messageId", message_id())])
}

fn member() -> Value {
    and_maybe(exactly(&[("id", text())]), &[("info", json!({}))])
}

fn presence() -> Value {
    exactly(&[("ids", list_of(&text())), ("hash", map_of(&member())), ("count", count())])
}

/// Where a channel with history stands.
fn position() -> [(&'static str, Value); 2] {
    [("offset", count()), ("epoch", text())]
}

fn ann() -> Member {
    Member { id: "ann".into(), info: Some(r#"{"name":"Ann"}"#.into()) }
}

fn refused(channel: &str) -> (String, String) {
    (channel.to_owned(), "Authorization failed".to_owned())
}
