//! Names of channels. What a channel is like is told by its name alone.

use std::{fmt, ops::Deref, sync::Arc};

use serde::{Serialize, Serializer};

use crate::limits::CHANNEL_NAME_MAX_CHARS;

/// Before the id of a signed-in user: the channel that only his sockets hear.
const SERVER_TO_USER: &str = "#server-to-user-";

/// A channel's name: 1 to [`CHANNEL_NAME_MAX_CHARS`] of `A-Za-z0-9_-=@,.;:`, or
/// `#server-to-user-{id}` with an id of printable characters. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Arc<str>);

/// Who may subscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// Anybody.
    Public,
    /// Whoever is authorised.
    Private,
    /// Whoever is authorised, as a member whom the others see.
    Presence,
}

/// No channel has such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannelName {
    /// It is empty or too long.
    #[error("Channel names have 1 to {CHANNEL_NAME_MAX_CHARS} characters")]
    Length,
    /// It has a character that no name has.
    #[error("Channel names consist of A-Z, a-z, 0-9 and _-=@,.;:")]
    Character,
}

impl ChannelName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`InvalidChannelName`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidChannelName> {
        let (checked, is_allowed): (&str, fn(char) -> bool) = match text.strip_prefix(SERVER_TO_USER) {
            Some(user) => (user, |c| !c.is_control()),
            None => (text, |c| c.is_ascii_alphanumeric() || "_-=@,.;:".contains(c)),
        };
        if checked.is_empty() || text.chars().count() > CHANNEL_NAME_MAX_CHARS {
            Err(InvalidChannelName::Length)
        } else if checked.chars().all(is_allowed) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidChannelName::Character)
        }
    }

    /// The private channel on which the events of a session are.
    pub fn of_session(session_id: i64) -> Self {
        Self(format!("private-session.{session_id}").into())
    }

    /// The private channel on which every start of a session is told.
    pub fn of_sessions() -> Self {
        Self("private-sessions".into())
    }

    /// The channel of one user's sockets; `None` when no channel can have such a name.
    pub fn of_user(user_id: &str) -> Option<Self> {
        Self::parse(&format!("{SERVER_TO_USER}{user_id}")).ok()
    }

    /// Who may subscribe.
    pub fn kind(&self) -> ChannelKind {
        if self.0.starts_with("presence-") {
            ChannelKind::Presence
        } else if self.0.starts_with("private-") || self.user().is_some() {
            ChannelKind::Private
        } else {
            ChannelKind::Public
        }
    }

    /// Whether its last event is kept for those who subscribe later.
    pub fn is_cache(&self) -> bool {
        ["cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-"]
            .iter()
            .any(|prefix| self.0.starts_with(prefix))
    }

    /// Whether its data is encrypted from end to end, opaque to the server.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("private-encrypted-")
    }

    /// Whether only the server itself publishes to it: the channels of game nights and their presence
    /// twins.
    pub fn is_reserved(&self) -> bool {
        let rest = self.0.strip_prefix("private-session").or_else(|| self.0.strip_prefix("presence-session"));
        let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        rest.is_some_and(|rest| rest == "s" || rest.strip_prefix('.').is_some_and(is_id))
    }

    /// The user to whom it belongs.
    pub fn user(&self) -> Option<&str> {
        self.0.strip_prefix(SERVER_TO_USER)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for ChannelName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ChannelName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ChannelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_its_channel_is_like() {
        use ChannelKind::{Presence, Private, Public};
        for (text, kind, is_cache, is_encrypted, is_reserved) in [
            ("news", Public, false, false, false),
            ("privately", Public, false, false, false),
            ("A-z_0=@,.;:", Public, false, false, false),
            ("cache-news", Public, true, false, false),
            ("private-orders.7", Private, false, false, false),
            ("private-cache-a", Private, true, false, false),
            ("private-encrypted-a", Private, false, true, false),
            ("private-encrypted-cache-a", Private, true, true, false),
            ("presence-room", Presence, false, false, false),
            ("presence-cache-room", Presence, true, false, false),
            ("private-session.31", Private, false, false, true),
            ("presence-session.31", Presence, false, false, true),
            ("private-sessions", Private, false, false, true),
            ("presence-sessions", Presence, false, false, true),
            ("private-session.", Private, false, false, false),
            ("private-session.3a", Private, false, false, false),
            ("private-session.3.1", Private, false, false, false),
            ("private-sessions.1", Private, false, false, false),
            ("session.1", Public, false, false, false),
            ("#server-to-user-ann", Private, false, false, false),
        ] {
            let name = ChannelName::parse(text).expect(text);
            let said = (name.kind(), name.is_cache(), name.is_encrypted(), name.is_reserved());
            assert_eq!(said, (kind, is_cache, is_encrypted, is_reserved), "{text}");
            assert_eq!(name.to_string(), text);
        }
        assert!(ChannelName::of_session(7).is_reserved() && ChannelName::of_sessions().is_reserved());
    }

    #[test]
    fn a_users_channel_names_him() {
        let user = |text: &str| ChannelName::parse(text).expect(text).user().map(str::to_owned);
        assert_eq!(user("#server-to-user-ann/é 7"), Some("ann/é 7".to_owned()));
        assert_eq!(user("server-to-user-ann"), None);
        assert_eq!(ChannelName::of_user("7").as_deref(), Some("#server-to-user-7"));
        assert_eq!(ChannelName::of_user("\n"), None);
    }

    #[test]
    fn other_names_are_refused() {
        use InvalidChannelName::{Character, Length};
        let long = "x".repeat(CHANNEL_NAME_MAX_CHARS + 1);
        for (text, why) in [
            ("", Length),
            (&*long, Length),
            ("#server-to-user-", Length),
            ("a b", Character),
            ("a/b", Character),
            ("é", Character),
            ("a\0", Character),
            ("#news", Character),
            ("#server-to-user-a\n", Character),
        ] {
            assert_eq!(ChannelName::parse(text), Err(why), "{text:?}");
        }
        assert!(ChannelName::parse(&long[1..]).is_ok());
    }
}
