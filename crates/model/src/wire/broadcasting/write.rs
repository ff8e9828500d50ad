//! What the server says.

use serde::{Serialize, Serializer};

use crate::{
    channel::Member,
    wire::{
        broadcasting::read::BatchKind,
        raw::{ById, Embedded, Ids, json},
    },
};

/// What kind of [`error`] it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum ErrorKind {
    /// The message is none, or says something that makes no sense.
    ValidationError,
    /// It is larger than messages may be.
    PayloadTooLarge,
    /// There were too many; `retryAfter` says when there may be more.
    RateLimitExceeded,
    /// What it asks for does not exist here.
    NotSupported,
    /// A batch names too many channels.
    BatchError,
    /// There are too many connections.
    CapacityError,
}

/// Why a subscription was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// Nothing allows it: `AuthError`, 401.
    Auth,
    /// A limit is reached: `CapacityError`, 429.
    Capacity,
    /// It could not be decided: `ServerError`, 500.
    Server,
}

/// Fields in the order in which they are written.
#[derive(Serialize)]
struct Outgoing<'a, D> {
    event: &'a str,
    #[serde(rename = "messageId", skip_serializing_if = "Option::is_none")]
    message_id: Option<Id<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<D>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<bool>,
}

/// Data of a message that has none.
type Nothing = ();

impl<'a, D: Serialize> Outgoing<'a, D> {
    fn new(event: &'a str, channel: Option<&'a str>, data: Option<D>) -> Self {
        Self { event, message_id: None, channel, data, offset: None, epoch: None, recovered: None }
    }

    fn at(self, position: Option<(u64, &'a str)>) -> Self {
        Self { offset: position.map(|(offset, _)| offset), epoch: position.map(|(_, epoch)| epoch), ..self }
    }
}

/// The JSON of a `messageId`.
type Id<'a> = Embedded<'a>;

#[derive(Serialize)]
struct MemberData<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<Embedded<'a>>,
}

impl<'a> From<&'a Member> for MemberData<'a> {
    fn from(member: &'a Member) -> Self {
        Self { id: &member.id, info: member.info.as_deref().map(Embedded) }
    }
}

#[derive(Serialize)]
struct Presence<'a> {
    ids: Ids<'a>,
    hash: ById<'a, fn(&'a Member) -> MemberData<'a>>,
    count: usize,
}

impl<'a> From<&'a [Member]> for Presence<'a> {
    fn from(members: &'a [Member]) -> Self {
        Self { ids: Ids(members), hash: ById(members, MemberData::from), count: members.len() }
    }
}

/// The first message: the socket's id and after how long without a message it should say something, in
/// seconds.
pub fn connection_established(socket_id: &str, activity_timeout_s: u64) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        socket_id: &'a str,
        activity_timeout: u64,
    }
    let data = Data { socket_id, activity_timeout: activity_timeout_s };
    json(&Outgoing::new("connection_established", None, Some(data)))
}

/// Messages of this channel follow.
///
/// `members`: who is present, on presence channels. `position`: the last offset and its epoch, on channels
/// with history. `recovered`: whether all that was missed follows, if that was asked.
pub fn subscription_succeeded(
    channel: &str,
    members: Option<&[Member]>,
    position: Option<(u64, &str)>,
    recovered: Option<bool>,
) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        presence: Presence<'a>,
    }
    let data = members.map(|members| Data { presence: members.into() });
    let message = Outgoing::new("subscription_succeeded", Some(channel), data).at(position);
    json(&Outgoing { recovered, ..message })
}

/// No messages of this channel follow, for this reason.
pub fn subscription_error(channel: &str, why: Refused, error: &str) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        error: &'a str,
        status: u16,
    }
    let (kind, status) = match why {
        Refused::Auth => ("AuthError", 401),
        Refused::Capacity => ("CapacityError", 429),
        Refused::Server => ("ServerError", 500),
    };
    json(&Outgoing::new("subscription_error", Some(channel), Some(Data { kind, error, status })))
}

/// What became of a batch. `failed` says why, channel by channel; `present` who is present in the
/// presence channels that were subscribed to. `message_id` is JSON.
pub fn batch_result(
    kind: BatchKind,
    message_id: Option<&str>,
    succeeded: &[String],
    failed: &[(String, String)],
    present: &[(String, Vec<Member>)],
) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(rename = "messageId", skip_serializing_if = "Option::is_none")]
        message_id: Option<Id<'a>>,
        succeeded: &'a [String],
        #[serde(serialize_with = "entries")]
        failed: Vec<(&'a str, &'a str)>,
        #[serde(serialize_with = "entries", skip_serializing_if = "Vec::is_empty")]
        presence: Vec<(&'a str, Presence<'a>)>,
    }
    let event = match kind {
        BatchKind::Subscribe => "batch_subscribe_result",
        BatchKind::Unsubscribe => "batch_unsubscribe_result",
    };
    let message_id = message_id.map(Embedded);
    let failed = failed.iter().map(|(channel, why)| (&**channel, &**why)).collect();
    let presence = present.iter().map(|(channel, members)| (&**channel, (&**members).into())).collect();
    let data = Data { message_id, succeeded, failed, presence };
    json(&Outgoing { message_id, ..Outgoing::new(event, None, Some(data)) })
}

fn entries<T: Serialize, S: Serializer>(entries: &[(&str, T)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
}

/// Something that was published, or that another client sent. `data` is written as the JSON it is, or as
/// a string when it is none; `position` is the message's offset and its epoch, on channels with history.
pub fn event(channel: &str, event: &str, data: Option<&str>, position: Option<(u64, &str)>) -> String {
    json(&Outgoing::new(event, Some(channel), data.map(Embedded)).at(position))
}

/// Somebody has come.
pub fn member_added(channel: &str, member: &Member) -> String {
    json(&Outgoing::new("member_added", Some(channel), Some(MemberData::from(member))))
}

/// Somebody has left.
pub fn member_removed(channel: &str, member: &Member) -> String {
    json(&Outgoing::new("member_removed", Some(channel), Some(MemberData::from(member))))
}

/// The answer to a ping.
pub fn pong() -> String {
    json(&Outgoing::<Nothing>::new("pong", None, None))
}

/// The message with this `messageId`, which is JSON, has arrived.
pub fn ack(message_id: &str) -> String {
    let message = Outgoing::<Nothing>::new("ack", None, None);
    json(&Outgoing { message_id: Some(Embedded(message_id)), ..message })
}

/// A message was not accepted, for this reason; `retry_after_ms` is the time, in milliseconds since 1970,
/// from when on another one may be.
pub fn error(kind: ErrorKind, error: &str, retry_after_ms: Option<i64>) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(rename = "type")]
        kind: ErrorKind,
        error: &'a str,
        #[serde(rename = "retryAfter", skip_serializing_if = "Option::is_none")]
        retry_after: Option<i64>,
    }
    json(&Outgoing::new("error", None, Some(Data { kind, error, retry_after: retry_after_ms })))
}
