//! Applications: who may publish to which channels, and what its clients may do. Channels of different
//! applications never meet.

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

pub use self::parse::{
    ApplicationPatch, FIELDS, InvalidApplication, LimitsPatch, NewApplication, Preset, is_word,
};
use crate::Timestamp;
pub use crate::webhook::OldSecret;

/// An application, whose channels are its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Application {
    /// Names it in the paths of the HTTP API; 1 to 64 of `A-Za-z0-9_-`.
    pub id: String,
    /// Names it to clients; as `id`, and known to everybody.
    pub key: String,
    /// Signs requests and subscriptions: 1 to 128 of printable ASCII but `:`. Never shown but to
    /// whom it was just made for.
    pub secret: String,
    /// The secret before it, which is taken beside it for a while.
    pub old_secret: Option<OldSecret>,
    /// For people; not empty.
    pub name: String,
    /// What its clients may do.
    pub limits: AppLimits,
    /// The one whose channels hold the session events; it cannot be deleted.
    pub is_default: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What clients of an application may do; `None`: what the configuration says in `[channels]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppLimits {
    /// Connections at once.
    pub connections_max: Option<u32>,
    /// Channels that one connection is subscribed to.
    pub channels_max_per_connection: Option<u32>,
    /// Members of one presence channel.
    pub members_max: Option<u32>,
    /// Messages a second from one connection.
    pub messages_per_second: Option<u32>,
    /// Client events a second from one connection.
    pub client_events_per_second: Option<u32>,
    /// The data of one event, in bytes.
    pub data_max_bytes: Option<u32>,
    /// Whether clients may send client events at all.
    pub client_events: bool,
    /// Whether Pusher clients are told how many subscriptions a channel has.
    pub subscription_counts: bool,
}

impl Default for AppLimits {
    fn default() -> Self {
        Self {
            connections_max: None,
            channels_max_per_connection: None,
            members_max: None,
            messages_per_second: None,
            client_events_per_second: None,
            data_max_bytes: None,
            client_events: true,
            subscription_counts: false,
        }
    }
}

impl Application {
    /// The secrets that are taken at `now`, the current one first.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let old = self.old_secret.iter().filter(move |old| old.expires_at > now);
        std::iter::once(self.secret.as_str()).chain(old.map(|old| old.secret.as_str()))
    }

    /// The application with a new secret at `now`; the one that it had is taken for `overlap_ms` longer.
    #[must_use]
    pub fn with_secret(self, secret: String, now: Timestamp, overlap_ms: i64) -> Self {
        if secret == self.secret {
            return self;
        }
        let old = OldSecret { secret: self.secret, expires_at: now.plus_millis(overlap_ms) };
        Self { secret, old_secret: Some(old), ..self }
    }
}

/// Leaves out the secrets.
impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("id", &self.id).field("key", &self.key).finish_non_exhaustive()
    }
}
