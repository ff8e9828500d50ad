//! What happens on channels and to those who are connected to them, and what webhooks are told of it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    Timestamp,
    channel::{ChannelName, Member},
    event::kind,
    javascript,
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The id of the application to which it happened.
    pub app: Arc<str>,
    /// When it happened.
    pub at: Timestamp,
    /// What it was.
    pub kind: OccurrenceKind,
}

/// What happened. A `socket` is an id as its dialect spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of the events, see `data`")]
pub enum OccurrenceKind {
    /// A client connected; `user` is whom its token names.
    Connection { socket: String, user: Option<String> },
    /// A client's connection ended.
    Disconnection { socket: String, code: u16, reason: String },
    /// A client subscribed; `channel_data` is JSON, or any other text.
    Subscribe { socket: String, channel: ChannelName, channel_data: Option<String> },
    /// A client unsubscribed.
    Unsubscribe { socket: String, channel: ChannelName },
    /// Something was published; `data` is JSON, or any other text.
    Broadcast { channel: ChannelName, event: String, data: String },
    /// A client sent something to the others; `data` as above, empty when there is none.
    ClientEvent { socket: String, channel: ChannelName, event: String, data: String, user_id: Option<String> },
    /// A member's first connection joined.
    PresenceJoin { channel: ChannelName, member: Member },
    /// A member's last connection left.
    PresenceLeave { channel: ChannelName, member: Member },
    /// A channel got its first subscriber.
    Occupied { channel: ChannelName },
    /// A channel lost its last subscriber.
    Vacated { channel: ChannelName },
    /// A client subscribed to a cache channel that had no event.
    CacheMiss { channel: ChannelName },
}

impl OccurrenceKind {
    /// The name of the event that tells of it at once; [`Self::later`] has those of the others.
    pub fn event(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connection { .. } => kind::CONNECTION,
            Self::Disconnection { .. } => kind::DISCONNECTION,
            Self::Subscribe { .. } => kind::SUBSCRIBE,
            Self::Unsubscribe { .. } => kind::UNSUBSCRIBE,
            Self::Broadcast { .. } => kind::BROADCAST,
            Self::ClientEvent { .. } => kind::CLIENT_EVENT,
            Self::PresenceJoin { .. } => kind::PRESENCE_JOIN,
            Self::PresenceLeave { .. } => kind::PRESENCE_LEAVE,
            Self::CacheMiss { .. } => kind::CACHE_MISS,
            Self::Occupied { .. } | Self::Vacated { .. } => return None,
        })
    }

    /// The name of the event that is told only when what happened is not undone for a while, or does not
    /// undo what happened a while before.
    pub fn later(&self) -> Option<&'static str> {
        match self {
            Self::PresenceJoin { .. } => Some(kind::MEMBER_ADDED),
            Self::PresenceLeave { .. } => Some(kind::MEMBER_REMOVED),
            Self::Occupied { .. } => Some(kind::CHANNEL_OCCUPIED),
            Self::Vacated { .. } => Some(kind::CHANNEL_VACATED),
            _ => None,
        }
    }

    /// `data` of [`Self::event`] about what happened at `at`: a JSON object as JavaScript writes it. A key
    /// stands only where it has a value.
    pub fn data(&self, at: Timestamp) -> String {
        let none = Data::default();
        to_json(&match self {
            Self::Connection { socket, user } => Data {
                socket_id: Some(socket),
                connected_at: Some(at.as_millis()),
                user: user.as_deref(),
                ..none
            },
            Self::Disconnection { socket, code, reason } => Data {
                socket_id: Some(socket),
                code: Some(*code),
                reason: Some(reason.as_str()).filter(|reason| !reason.is_empty()),
                ..none
            },
            Self::Subscribe { socket, channel, channel_data } => Data {
                socket_id: Some(socket),
                channel: Some(channel),
                channel_data: channel_data.as_deref().map(value),
                ..none
            },
            Self::Unsubscribe { socket, channel } => {
                Data { socket_id: Some(socket), channel: Some(channel), ..none }
            }
            Self::Broadcast { channel, event, data } => {
                Data { channel: Some(channel), event: Some(event), data: Some(value(data)), ..none }
            }
            Self::ClientEvent { socket, channel, event, data, user_id } => Data {
                socket_id: Some(socket),
                channel: Some(channel),
                event: Some(event),
                data: (!data.is_empty()).then(|| value(data)),
                user_id: user_id.as_deref(),
                ..none
            },
            Self::PresenceJoin { channel, member } | Self::PresenceLeave { channel, member } => {
                return presence(channel, &member.id, member.info.as_deref());
            }
            Self::Occupied { channel } | Self::Vacated { channel } | Self::CacheMiss { channel } => {
                return of_channel(channel);
            }
        })
    }

    /// `data` of [`Self::later`].
    pub fn later_data(&self) -> Option<String> {
        match self {
            Self::PresenceJoin { channel, member } | Self::PresenceLeave { channel, member } => {
                Some(of_member(channel, &member.id))
            }
            Self::Occupied { channel } | Self::Vacated { channel } => Some(of_channel(channel)),
            _ => None,
        }
    }
}

/// `data` of `presence_join` and `presence_leave`; `info` is JSON.
pub fn presence(channel: &str, id: &str, info: Option<&str>) -> String {
    let member = Told { id, info: info.map(value) };
    to_json(&Data { channel: Some(channel), member: Some(member), ..Data::default() })
}

/// `data` of `member_added` and `member_removed`.
pub fn of_member(channel: &str, id: &str) -> String {
    to_json(&Data { channel: Some(channel), user_id: Some(id), ..Data::default() })
}

/// `data` of `channel_occupied`, `channel_vacated` and `cache_miss`.
pub fn of_channel(channel: &str) -> String {
    to_json(&Data { channel: Some(channel), ..Data::default() })
}

/// Every key that there is, in the order in which they are written.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the fields are called so in the events")]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<Told<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<Box<RawValue>>,
}

/// The JSON that `text` is, as JavaScript writes it, or else `text` as a JSON string.
fn value(text: &str) -> Box<RawValue> {
    let normal = javascript::normalise(text).unwrap_or_else(|_| to_json(text));
    RawValue::from_string(normal).expect("what JavaScript writes is JSON")
}

fn to_json<T: Serialize + ?Sized>(data: &T) -> String {
    serde_json::to_string(data).expect("only string keys are written")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{OccurrenceKind::*, *};

    fn name(text: &str) -> ChannelName {
        ChannelName::parse(text).expect("a channel")
    }

    fn member(info: Option<&str>) -> Member {
        Member { id: "7".into(), info: info.map(str::to_owned) }
    }

    fn said(channel_data: Option<&str>) -> OccurrenceKind {
        Subscribe {
            socket: "s".into(),
            channel: name("private-a"),
            channel_data: channel_data.map(str::to_owned),
        }
    }

    fn published(data: &str) -> OccurrenceKind {
        Broadcast { channel: name("orders"), event: "OrderCreated".into(), data: data.into() }
    }

    fn whispered(data: &str, user_id: Option<&str>) -> OccurrenceKind {
        ClientEvent {
            socket: "1.2".into(),
            channel: name("private-a"),
            event: "client-typing".into(),
            data: data.into(),
            user_id: user_id.map(str::to_owned),
        }
    }

    #[test]
    fn a_key_stands_where_it_has_a_value() {
        let socket = || "s".to_owned();
        let channel = || name("presence-a");
        for (kind, event, data) in [
            (
                Connection { socket: socket(), user: Some("ann".into()) },
                "connection",
                r#"{"socketId":"s","connectedAt":1500,"user":"ann"}"#,
            ),
            (
                Connection { socket: socket(), user: None },
                "connection",
                r#"{"socketId":"s","connectedAt":1500}"#,
            ),
            (
                Disconnection { socket: socket(), code: 1001, reason: "going\n\"away\"".into() },
                "disconnection",
                r#"{"socketId":"s","code":1001,"reason":"going\n\"away\""}"#,
            ),
            (
                Disconnection { socket: socket(), code: 1006, reason: String::new() },
                "disconnection",
                r#"{"socketId":"s","code":1006}"#,
            ),
            (
                said(Some(r#"{ "user_id": 7.0 }"#)),
                "subscribe",
                r#"{"socketId":"s","channel":"private-a","channelData":{"user_id":7}}"#,
            ),
            (
                said(Some("opaque")),
                "subscribe",
                r#"{"socketId":"s","channel":"private-a","channelData":"opaque"}"#,
            ),
            (said(None), "subscribe", r#"{"socketId":"s","channel":"private-a"}"#),
            (
                Unsubscribe { socket: socket(), channel: channel() },
                "unsubscribe",
                r#"{"socketId":"s","channel":"presence-a"}"#,
            ),
            (
                published(r#"{"id":1}"#),
                "broadcast",
                r#"{"channel":"orders","event":"OrderCreated","data":{"id":1}}"#,
            ),
            (
                whispered(r#"{"on":true}"#, Some("7")),
                "client_event",
                r#"{"socketId":"1.2","channel":"private-a","event":"client-typing","data":{"on":true},"userId":"7"}"#,
            ),
            (
                whispered("", None),
                "client_event",
                r#"{"socketId":"1.2","channel":"private-a","event":"client-typing"}"#,
            ),
            (
                PresenceJoin { channel: channel(), member: member(Some(r#"{"name":"Ann"}"#)) },
                "presence_join",
                r#"{"channel":"presence-a","member":{"id":"7","info":{"name":"Ann"}}}"#,
            ),
            (
                PresenceLeave { channel: channel(), member: member(None) },
                "presence_leave",
                r#"{"channel":"presence-a","member":{"id":"7"}}"#,
            ),
            (CacheMiss { channel: name("cache-a") }, "cache_miss", r#"{"channel":"cache-a"}"#),
        ] {
            assert_eq!((kind.event(), &*kind.data(Timestamp::from_millis(1_500))), (Some(event), data));
        }
    }

    #[test]
    fn what_may_be_undone_is_told_later() {
        let (channel, of_member) = (name("presence-a"), r#"{"channel":"presence-a","userId":"7"}"#);
        let of_channel = r#"{"channel":"presence-a"}"#;
        for (kind, now, later, data) in [
            (
                PresenceJoin { channel: channel.clone(), member: member(None) },
                true,
                "member_added",
                of_member,
            ),
            (
                PresenceLeave { channel: channel.clone(), member: member(None) },
                true,
                "member_removed",
                of_member,
            ),
            (Occupied { channel: channel.clone() }, false, "channel_occupied", of_channel),
            (Vacated { channel }, false, "channel_vacated", of_channel),
        ] {
            assert_eq!((kind.event().is_some(), kind.later()), (now, Some(later)));
            assert_eq!(kind.later_data().as_deref(), Some(data));
        }
        for kind in [published("1"), said(None), whispered("1", None), CacheMiss { channel: name("cache-a") }]
        {
            assert_eq!((kind.event().is_some(), kind.later(), kind.later_data()), (true, None, None));
        }
    }

    #[test]
    fn data_is_json_or_text() {
        for (data, expected) in [
            ("[1.0, 1e21]", "[1,1e+21]"),
            (" null ", "null"),
            (r#""text""#, r#""text""#),
            (r#""\ud83d""#, r#""\ud83d""#),
            ("hello", r#""hello""#),
            ("{broken", r#""{broken""#),
            ("a\u{7}\u{2028}é", "\"a\\u0007\u{2028}é\""),
            ("", r#""""#),
        ] {
            let expected = format!(r#"{{"channel":"orders","event":"OrderCreated","data":{expected}}}"#);
            assert_eq!(published(data).data(Timestamp::EPOCH), expected, "{data}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        let told = published(&deep).data(Timestamp::EPOCH);
        assert!(told.contains(&format!("\"{deep}\"")), "what is nested too deep is text");
    }

    proptest! {
        #[test]
        fn whatever_is_told_is_as_javascript_would_write_it(data: String, event: String, info: String) {
            let joined = PresenceJoin { channel: name("presence-a"), member: member(Some(&info)) };
            let published = Broadcast { channel: name("a"), event: event.clone(), data };
            for kind in [published, joined] {
                let told = kind.data(Timestamp::EPOCH);
                prop_assert_eq!(javascript::normalise(&told), Ok(told));
            }
        }
    }
}
