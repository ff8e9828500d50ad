//! What happens on channels, as webhooks are told it: when, what its `data` is, and an example of it.

use fanfare_model::{
    channel::{ChannelName, Member},
    event::{Event as Committed, kind},
    occurrence::OccurrenceKind,
};
use serde_json::{Value, json};

use super::{
    super::samples,
    schemas::{about, and_maybe, count, exactly, text},
};

/// An event of channels.
pub(super) struct Told {
    pub(super) kind: &'static str,
    /// When it happens.
    pub(super) summary: &'static str,
    /// The schema of `data`.
    pub(super) schema: fn() -> Value,
    /// What an example tells of.
    happened: fn() -> OccurrenceKind,
}

impl Told {
    /// The example, as it is committed.
    pub(super) fn event(&self) -> Committed {
        let (happened, at) = ((self.happened)(), samples::now());
        let is_later = happened.later() == Some(self.kind);
        let data = if is_later { happened.later_data() } else { None };
        Committed {
            id: 1,
            public_id: "evt_2rWq8sT4vYb1".into(),
            topic: None,
            seq: 0,
            place: 0,
            kind: self.kind.to_owned(),
            at,
            data: data.unwrap_or_else(|| happened.data(at)),
        }
    }

    /// Whether Pusher's webhooks have it.
    pub(super) fn is_pushers(&self) -> bool {
        self.kind == kind::CLIENT_EVENT || kind::PUSHER.contains(&self.kind)
    }
}

/// Every event of `fanfare_model::event::kind` that is one of channels.
pub(super) const OCCURRENCES: &[Told] = &[
    Told {
        kind: kind::CONNECTION,
        summary: "A client has connected.",
        schema: || {
            let at = about(json!({"type": "integer"}), "Milliseconds since 1970");
            let user = about(text(), "Whom its token names");
            and_maybe(exactly(&[("socketId", text()), ("connectedAt", at)]), &[("user", user)])
        },
        happened: || OccurrenceKind::Connection { socket: socket(), user: Some("ann".into()) },
    },
    Told {
        kind: kind::DISCONNECTION,
        summary: "Its connection has ended.",
        schema: || and_maybe(exactly(&[("socketId", text()), ("code", count())]), &[("reason", text())]),
        happened: || OccurrenceKind::Disconnection {
            socket: socket(),
            code: 1001,
            reason: "server is shutting down".into(),
        },
    },
    Told {
        kind: kind::SUBSCRIBE,
        summary: "A client has subscribed to a channel.",
        schema: || {
            let said = json!({"description": "What it says of itself, which nobody has checked"});
            and_maybe(exactly(&[("socketId", text()), ("channel", text())]), &[("channelData", said)])
        },
        happened: || OccurrenceKind::Subscribe {
            socket: socket(),
            channel: channel("private-orders.7"),
            channel_data: Some(r#"{"device":"phone"}"#.into()),
        },
    },
    Told {
        kind: kind::UNSUBSCRIBE,
        summary: "A client that stays connected has left a channel.",
        schema: || exactly(&[("socketId", text()), ("channel", text())]),
        happened: || OccurrenceKind::Unsubscribe { socket: socket(), channel: channel("private-orders.7") },
    },
    Told {
        kind: kind::BROADCAST,
        summary: "Something was published on a channel.",
        schema: || exactly(&[("channel", text()), ("event", text()), ("data", json!({}))]),
        happened: || OccurrenceKind::Broadcast {
            channel: channel("orders"),
            event: "OrderCreated".into(),
            data: r#"{"id":1}"#.into(),
        },
    },
    Told {
        kind: kind::PRESENCE_JOIN,
        summary: "Somebody is present on a channel, with the first of his connections.",
        schema: presence,
        happened: joined,
    },
    Told {
        kind: kind::PRESENCE_LEAVE,
        summary: "He is not any more, with the last of them.",
        schema: presence,
        happened: left,
    },
    Told {
        kind: kind::CLIENT_EVENT,
        summary: "A client has told the others on a channel something.",
        schema: || {
            let user = about(text(), "Who it was, on a presence channel");
            let fields = exactly(&[("socketId", text()), ("channel", text()), ("event", text())]);
            and_maybe(fields, &[("data", json!({})), ("userId", user)])
        },
        happened: || OccurrenceKind::ClientEvent {
            socket: socket(),
            channel: channel("presence-room.7"),
            event: "client-typing".into(),
            data: r#"{"on":true}"#.into(),
            user_id: Some("ann".into()),
        },
    },
    Told {
        kind: kind::CHANNEL_OCCUPIED,
        summary: "A channel has got its first subscriber.",
        schema: of_channel,
        happened: || OccurrenceKind::Occupied { channel: channel("orders") },
    },
    Told {
        kind: kind::CHANNEL_VACATED,
        summary: "A channel has lost the last one, and has had none for 3 seconds.",
        schema: of_channel,
        happened: || OccurrenceKind::Vacated { channel: channel("orders") },
    },
    Told {
        kind: kind::MEMBER_ADDED,
        summary: "Somebody is present on a channel who was not in the last 3 seconds.",
        schema: of_member,
        happened: joined,
    },
    Told {
        kind: kind::MEMBER_REMOVED,
        summary: "Somebody has not been present any more for 3 seconds.",
        schema: of_member,
        happened: left,
    },
    Told {
        kind: kind::CACHE_MISS,
        summary: "A client has subscribed to a cache channel that has no event.",
        schema: of_channel,
        happened: || OccurrenceKind::CacheMiss { channel: channel("cache-prices") },
    },
];

fn presence() -> Value {
    let member = and_maybe(exactly(&[("id", text())]), &[("info", json!({}))]);
    exactly(&[("channel", text()), ("member", member)])
}

fn of_channel() -> Value {
    exactly(&[("channel", text())])
}

fn of_member() -> Value {
    exactly(&[("channel", text()), ("userId", text())])
}

fn joined() -> OccurrenceKind {
    OccurrenceKind::PresenceJoin { channel: channel("presence-room.7"), member: ann() }
}

fn left() -> OccurrenceKind {
    OccurrenceKind::PresenceLeave { channel: channel("presence-room.7"), member: ann() }
}

fn socket() -> String {
    "1234.5678".to_owned()
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).expect("a channel's name")
}

fn ann() -> Member {
    Member { id: "ann".into(), info: Some(r#"{"name":"Ann"}"#.into()) }
}
