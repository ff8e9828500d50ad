//! What the server says.

use serde::Serialize;

use crate::{
    channel::Member,
    wire::raw::{ById, Embedded, Ids, json},
};

/// Why a subscription was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// No channel has such a name: `ValidationError`, 400.
    Name,
    /// Nothing allows it: `AuthError`, 401.
    Auth,
    /// A limit is reached: `CapacityError`, 429.
    Capacity,
    /// It could not be decided: `ServerError`, 500.
    Server,
}

/// Fields in the order in which they are written.
#[derive(Serialize)]
struct Message<'a> {
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

/// A message whose data is the JSON of `data`.
fn message(event: &str, channel: Option<&str>, data: &impl Serialize) -> String {
    json(&Message { event, channel, data: Some(&json(data)), user_id: None })
}

/// Data of a message that has nothing to say.
#[derive(Serialize)]
struct Empty {}

/// The first message: the socket's id and after how long without a message the client should ping, in
/// seconds.
pub fn connection_established(socket_id: &str, activity_timeout_s: u64) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        socket_id: &'a str,
        activity_timeout: u64,
    }
    let data = Data { socket_id, activity_timeout: activity_timeout_s };
    message("pusher:connection_established", None, &data)
}

/// Asks whether the client is still there.
pub fn ping() -> String {
    message("pusher:ping", None, &Empty {})
}

/// The answer to a ping.
pub fn pong() -> String {
    message("pusher:pong", None, &Empty {})
}

/// Messages of this channel follow; `members`: who is present, on presence channels.
pub fn subscription_succeeded(channel: &str, members: Option<&[Member]>) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        presence: Option<Presence<'a>>,
    }
    #[derive(Serialize)]
    struct Presence<'a> {
        ids: Ids<'a>,
        hash: ById<'a, fn(&'a Member) -> Option<Embedded<'a>>>,
        count: usize,
    }
    let presence = members.map(|members| Presence {
        ids: Ids(members),
        hash: ById(members, info),
        count: members.len(),
    });
    message("pusher_internal:subscription_succeeded", Some(channel), &Data { presence })
}

fn info(member: &Member) -> Option<Embedded<'_>> {
    member.info.as_deref().map(Embedded)
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
        Refused::Name => ("ValidationError", 400),
        Refused::Auth => ("AuthError", 401),
        Refused::Capacity => ("CapacityError", 429),
        Refused::Server => ("ServerError", 500),
    };
    message("pusher:subscription_error", Some(channel), &Data { kind, error, status })
}

/// The socket belongs to a user now; `user_data` is the text that was signed.
pub fn signin_success(user_data: &str) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        user_data: &'a str,
    }
    message("pusher:signin_success", None, &Data { user_data })
}

/// Something that was published, or that another client sent. `user_id` is the sender's, for client events
/// on presence channels.
pub fn event(channel: &str, event: &str, data: Option<&str>, user_id: Option<&str>) -> String {
    json(&Message { event, channel: Some(channel), data, user_id })
}

/// Somebody has come.
pub fn member_added(channel: &str, member: &Member) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        user_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_info: Option<Embedded<'a>>,
    }
    let data = Data { user_id: &member.id, user_info: info(member) };
    message("pusher_internal:member_added", Some(channel), &data)
}

/// Somebody has left.
pub fn member_removed(channel: &str, member: &Member) -> String {
    #[derive(Serialize)]
    struct Data<'a> {
        user_id: &'a str,
    }
    message("pusher_internal:member_removed", Some(channel), &Data { user_id: &member.id })
}

/// How many sockets are subscribed to the channel now.
pub fn subscription_count(channel: &str, count: usize) -> String {
    #[derive(Serialize)]
    struct Data {
        subscription_count: usize,
    }
    let data = Data { subscription_count: count };
    message("pusher_internal:subscription_count", Some(channel), &data)
}

/// The cache channel had no last event.
pub fn cache_miss(channel: &str) -> String {
    json(&Message { event: "pusher:cache_miss", channel: Some(channel), data: None, user_id: None })
}

/// Something is wrong: a number of the table of [`ErrorCode`](super::ErrorCode) or none, and why.
pub fn error(code: Option<u16>, message: &str) -> String {
    #[derive(Serialize)]
    struct Error<'a> {
        event: &'static str,
        data: Data<'a>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        code: Option<u16>,
        message: &'a str,
    }
    json(&Error { event: "pusher:error", data: Data { code, message } })
}
