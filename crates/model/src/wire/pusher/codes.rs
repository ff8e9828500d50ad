//! The codes with which a server of Pusher Channels refuses and closes, and the versions of the protocol.

/// Why a connection is closed, or a message refused. What a client does is told by the hundreds: after
/// 40xx it stays away, after 41xx it comes back a second or more later, after 42xx it comes back at once;
/// 43xx says nothing about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant's message says it")]
pub enum ErrorCode {
    TlsOnly,
    NoApplication,
    ApplicationDisabled,
    OverQuota,
    PathNotFound,
    BadVersion,
    UnsupportedVersion,
    NoVersion,
    Unauthorized,
    OverCapacity,
    ReconnectNow,
    NoPong,
    Inactive,
    ClientEvent,
}

impl ErrorCode {
    /// All of them, by number.
    pub const ALL: [Self; 14] = [
        Self::TlsOnly,
        Self::NoApplication,
        Self::ApplicationDisabled,
        Self::OverQuota,
        Self::PathNotFound,
        Self::BadVersion,
        Self::UnsupportedVersion,
        Self::NoVersion,
        Self::Unauthorized,
        Self::OverCapacity,
        Self::ReconnectNow,
        Self::NoPong,
        Self::Inactive,
        Self::ClientEvent,
    ];

    /// The number, as in `pusher:error` and as the WebSocket close code.
    pub fn number(self) -> u16 {
        self.entry().0
    }

    /// For people; at most 123 bytes, which is what fits into a close frame.
    pub fn message(self) -> &'static str {
        self.entry().1
    }

    /// The table.
    fn entry(self) -> (u16, &'static str) {
        match self {
            Self::TlsOnly => (4000, "The app takes TLS connections only: reconnect with wss://"),
            Self::NoApplication => (4001, "There is no app with this key"),
            Self::ApplicationDisabled => (4003, "The app is disabled"),
            Self::OverQuota => (4004, "The app has as many connections as it may have"),
            Self::PathNotFound => (4005, "There is nothing under this path"),
            Self::BadVersion => (4006, "The protocol's version is not a number"),
            Self::UnsupportedVersion => (4007, "This version of the protocol is not supported"),
            Self::NoVersion => (4008, "The protocol's version is missing"),
            Self::Unauthorized => (4009, "The connection is not authorized"),
            Self::OverCapacity => (4100, "Over capacity: reconnect a little later"),
            Self::ReconnectNow => (4200, "Reconnect at once"),
            Self::NoPong => (4201, "A ping was not answered in time"),
            Self::Inactive => (4202, "Closed after too long without activity"),
            Self::ClientEvent => (4301, "The client event was refused"),
        }
    }
}

/// Versions of the protocol that are spoken: since 5, `data` is a JSON string, which is all that a client
/// of this server could tell them apart by. The SDKs for Java and .NET say 5.
const PROTOCOLS: std::ops::RangeInclusive<u32> = 5..=7;

/// Why the `protocol` of an address will not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidProtocol {
    /// There is none.
    Missing,
    /// It is no number.
    Malformed,
    /// It is one that is not spoken.
    Unsupported,
}

impl From<InvalidProtocol> for ErrorCode {
    fn from(invalid: InvalidProtocol) -> Self {
        match invalid {
            InvalidProtocol::Missing => Self::NoVersion,
            InvalidProtocol::Malformed => Self::BadVersion,
            InvalidProtocol::Unsupported => Self::UnsupportedVersion,
        }
    }
}

/// Checks the query parameter `protocol` of the address that a client connects to.
///
/// # Errors
/// [`InvalidProtocol`] says what is wrong with it.
pub fn check_protocol(protocol: Option<&str>) -> Result<(), InvalidProtocol> {
    let text = protocol.filter(|text| !text.is_empty()).ok_or(InvalidProtocol::Missing)?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidProtocol::Malformed);
    }
    // What is no number now is one that is too large.
    let is_spoken = text.parse().is_ok_and(|version| PROTOCOLS.contains(&version));
    if is_spoken { Ok(()) } else { Err(InvalidProtocol::Unsupported) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_pushers() {
        let numbers = ErrorCode::ALL.map(ErrorCode::number);
        let expected = [4000, 4001, 4003, 4004, 4005, 4006, 4007, 4008, 4009, 4100, 4200, 4201, 4202, 4301];
        assert_eq!(numbers, expected);
        assert!(ErrorCode::ALL.iter().all(|code| (1..=123).contains(&code.message().len())));
    }

    #[test]
    fn three_versions_are_spoken() {
        let number = |protocol| check_protocol(protocol).map_err(|why| ErrorCode::from(why).number());
        for (protocol, expected) in [
            (Some("5"), Ok(())),
            (Some("7"), Ok(())),
            (Some("4"), Err(4007)),
            (Some("8"), Err(4007)),
            (Some("99999999999"), Err(4007)),
            (Some("7.0"), Err(4006)),
            (Some("-7"), Err(4006)),
            (Some("seven"), Err(4006)),
            (Some(""), Err(4008)),
            (None, Err(4008)),
        ] {
            assert_eq!(number(protocol), expected, "{protocol:?}");
        }
    }
}
