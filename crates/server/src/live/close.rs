//! The codes with which the server closes a socket: a public contract, all of it in these tables.
//!
//! Sockets of game nights, `/api/sessions/live`:
//!
//! | Code | When | What a client does |
//! |---|---|---|
//! | none | answers a close of the client's that has none | nothing |
//! | 1001 | the server is shutting down | reconnects, and resumes with `after` |
//! | 1002 | the client broke the WebSocket protocol | is repaired |
//! | 1007 | a text frame was not UTF-8 | is repaired |
//! | 1008 | no `auth` in time, or no frame at all for too long | reconnects, and says `auth` and `ping` |
//! | 1009 | a message was larger than 64 KiB | is repaired |
//! | 1013 | the client reads too slowly, or the log cannot be read now | reconnects, and resumes with `after` |
//!
//! Channels in the dialect of ts-broadcasting, `/ws`:
//!
//! | Code | When | What a client does |
//! |---|---|---|
//! | 1001 | the server is shutting down | reconnects, and resumes with `offset` and `epoch` |
//! | 1007 | a text frame was not UTF-8 | is repaired |
//! | 1008 | a ping was not answered, far too many messages were sent, the app was deleted, or the user's connections were terminated or this one closed by the host | reconnects if it still may |
//! | 1009 | a message was too large to be read at all | is repaired |
//! | 1013 | the client reads too slowly, or there are too many connections | reconnects later, and resumes |
//!
//! Channels in Pusher's dialect, `/app/{key}`: its numbers where it has one (`ErrorCode` in
//! `fanfare_model::wire::pusher` has them all).
//!
//! | Code | When | What a client does |
//! |---|---|---|
//! | 1007 | a text frame was not UTF-8 | is repaired |
//! | 1009 | a message was too large to be read at all | is repaired |
//! | 4001 | no app has the key, or the app was deleted | stays away |
//! | 4004 | the app has as many connections as it may have | stays away |
//! | 4006, 4007, 4008 | the protocol's version is no number, is not supported, is missing | is repaired |
//! | 4009 | a sign-in was refused, or the user's connections were terminated or this one closed by the host | stays away |
//! | 4100 | the client reads too slowly, or sent far too many messages | reconnects a little later |
//! | 4200 | the server is shutting down | reconnects at once |
//! | 4201 | a ping was not answered | reconnects at once |
//!
//! 1002 and most of 1007 are sent by the WebSocket library. Any other code answers a close of the client's
//! and is the client's own.

use fanfare_model::wire::pusher::ErrorCode;
use tokio_websockets::CloseCode;

use super::effect::End;

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

/// The code, and the words for people, with which a socket of ts-broadcasting's dialect ends.
pub(super) fn of_broadcasting(why: End) -> (u16, &'static str) {
    let (code, reason) = match why {
        End::Stopping => (CloseCode::GOING_AWAY, Close::Stopping.reason()),
        End::TooSlow => (CloseCode::SERVICE_OVERLOAD, Close::TooSlow.reason()),
        End::Terminated => (CloseCode::POLICY_VIOLATION, "the user's connections were terminated"),
        End::Closed => (CloseCode::POLICY_VIOLATION, "the host closed the connection"),
        End::TooLarge => (CloseCode::MESSAGE_TOO_BIG, Close::TooLarge.reason()),
        End::AppGone => (CloseCode::POLICY_VIOLATION, "the app was deleted"),
        End::NotText => (CloseCode::INVALID_FRAME_PAYLOAD_DATA, Close::NotText.reason()),
        End::Silent => (CloseCode::POLICY_VIOLATION, "a ping was not answered in time"),
        End::Flooding => (CloseCode::POLICY_VIOLATION, "far too many messages"),
        End::Unauthorized => (CloseCode::POLICY_VIOLATION, "the connection is not authorized"),
    };
    (code.into(), reason)
}

/// The code, and the words for people, with which a socket of Pusher's dialect ends.
pub(super) fn of_pusher(why: End) -> (u16, &'static str) {
    let code = match why {
        End::TooLarge => return (CloseCode::MESSAGE_TOO_BIG.into(), Close::TooLarge.reason()),
        End::NotText => return (CloseCode::INVALID_FRAME_PAYLOAD_DATA.into(), Close::NotText.reason()),
        End::Stopping => ErrorCode::ReconnectNow,
        End::TooSlow | End::Flooding => ErrorCode::OverCapacity,
        End::Terminated | End::Closed | End::Unauthorized => ErrorCode::Unauthorized,
        End::AppGone => ErrorCode::NoApplication,
        End::Silent => ErrorCode::NoPong,
    };
    (code.number(), code.message())
}
