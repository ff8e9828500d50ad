//! The codes with which the server closes a socket: a public contract, all of it in this table.
//!
//! | Code | When | What a client does |
//! |---|---|---|
//! | 1000 | answers a close of the client's that has no code of its own | nothing |
//! | 1001 | the server is shutting down | reconnects, and resumes with `after` |
//! | 1002 | the client broke the WebSocket protocol | is repaired |
//! | 1007 | a text frame was not UTF-8 | is repaired |
//! | 1008 | no `auth` in time, or no frame at all for too long | reconnects, and says `auth` and `ping` |
//! | 1009 | a message was larger than 64 KiB | is repaired |
//! | 1013 | the client reads too slowly, or the log cannot be read now | reconnects, and resumes with `after` |
//!
//! 1002 and most of 1007 are sent by the WebSocket library. Any other code answers a close of the client's
//! and is the client's own.

use tokio_websockets::CloseCode;

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The server is shutting down.
    Stopping,
    /// The client never said `auth`.
    NoAuth,
    /// The client has been silent for too long.
    Silent,
    /// A text was not UTF-8.
    NotText,
    /// A message was too large.
    TooLarge,
    /// The client does not read what it is sent.
    TooSlow,
    /// The database did not answer.
    Unavailable,
}

impl Close {
    pub(super) fn code(self) -> CloseCode {
        match self {
            Self::Stopping => CloseCode::GOING_AWAY,
            Self::NoAuth | Self::Silent => CloseCode::POLICY_VIOLATION,
            Self::NotText => CloseCode::INVALID_FRAME_PAYLOAD_DATA,
            Self::TooLarge => CloseCode::MESSAGE_TOO_BIG,
            Self::TooSlow | Self::Unavailable => CloseCode::SERVICE_OVERLOAD,
        }
    }

    /// For people; at most 123 bytes.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Stopping => "server is shutting down",
            Self::NoAuth => "no auth message in time",
            Self::Silent => "nothing heard for too long",
            Self::NotText => "invalid utf8",
            Self::TooLarge => "message too large",
            Self::TooSlow => "reading too slowly: reconnect and resume",
            Self::Unavailable => "temporarily unavailable: reconnect and resume",
        }
    }
}
