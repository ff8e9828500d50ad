//! The names of events that clients send to other clients, the same in every protocol of channels.

use crate::limits::CHANNEL_EVENT_MAX_CHARS;

/// Whether a message of this name is such an event.
pub(super) fn is_one(event: &str) -> bool {
    event.starts_with("client-")
}

/// Whether an event may be called that.
pub(super) fn is_name(event: &str) -> bool {
    event.chars().count() <= CHANNEL_EVENT_MAX_CHARS && !event.contains(char::is_control)
}
