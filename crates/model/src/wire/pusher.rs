//! The grammar of Pusher Channels, protocol 7: JSON objects with an `event`, in both directions. What the
//! server sends has its `data` as a JSON string, `pusher:error` alone as an object. Who may say what, and
//! when, is not decided here.
//!
//! Source: <https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/>

mod codes;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use self::{
    codes::{ErrorCode, InvalidProtocol, check_protocol},
    read::{ClientMessage, Invalid, Subscribe, parse},
    write::{
        Refused, cache_miss, connection_established, error, event, member_added, member_removed, ping, pong,
        signin_success, subscription_count, subscription_error, subscription_succeeded,
    },
};
