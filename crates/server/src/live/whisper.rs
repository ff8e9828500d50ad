//! Where clients may send events to one another.

use fanfare_model::channel::{ChannelKind, ChannelName};

/// Why a client event is not relayed; the text is what the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoWhisper {
    #[error("Client events are not enabled for this app")]
    Disabled,
    #[error("Client events are for private and presence channels only")]
    Public,
    /// The server could not tell one that is encrypted from one that is not.
    #[error("Client events are not supported on encrypted channels")]
    Encrypted,
    #[error("Only the server publishes to this channel")]
    Reserved,
    #[error("Not subscribed to this channel")]
    NotSubscribed,
}

/// Checks whether a client may send an event to the others in a channel.
///
/// # Errors
/// [`NoWhisper`], the first that applies.
pub(super) fn check(channel: &ChannelName, is_enabled: bool, is_subscribed: bool) -> Result<(), NoWhisper> {
    if !is_enabled {
        Err(NoWhisper::Disabled)
    } else if channel.kind() == ChannelKind::Public {
        Err(NoWhisper::Public)
    } else if channel.is_encrypted() {
        Err(NoWhisper::Encrypted)
    } else if channel.is_reserved() || channel.user().is_some() {
        Err(NoWhisper::Reserved)
    } else if is_subscribed {
        Ok(())
    } else {
        Err(NoWhisper::NotSubscribed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_reason() {
        use NoWhisper::{Disabled, Encrypted, NotSubscribed, Public, Reserved};
        for (channel, is_enabled, is_subscribed, expected) in [
            ("private-a", true, true, Ok(())),
            ("presence-a", true, true, Ok(())),
            ("private-cache-a", true, true, Ok(())),
            ("private-a", false, true, Err(Disabled)),
            ("private-a", true, false, Err(NotSubscribed)),
            ("news", true, true, Err(Public)),
            ("private-encrypted-a", true, true, Err(Encrypted)),
            ("private-session.3", true, true, Err(Reserved)),
            ("presence-sessions", true, true, Err(Reserved)),
            ("#server-to-user-ann", true, true, Err(Reserved)),
        ] {
            let name = ChannelName::parse(channel).expect(channel);
            assert_eq!(check(&name, is_enabled, is_subscribed), expected, "{channel}");
        }
    }
}
