//! What passes between a dialect of the channels and the connection that drives it. A dialect is a
//! state machine without I/O: frames, answers and moments go in, [`Effect`]s come out.
//!
//! A dialect handles one frame at a time: while [`Effect::Authorise`], [`Effect::Join`] or
//! [`Effect::SignIn`] is not answered, no other frame is handed to it. What the hub publishes goes to
//! the client without passing through here.

use std::collections::VecDeque;

use fanfare_model::channel::{ChannelName, Member};

#[cfg(test)]
pub(super) use crate::app::channels::Position;
use crate::timers::Tick;
pub(super) use crate::{
    app::channels::Joined,
    auth::{Denial, Grant},
};

/// What the connection is to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Send a text message.
    Send(String),
    /// Send a WebSocket ping, which clients answer without being told to.
    Ping,
    /// Ask whether the socket may subscribe; answer with [`Dialect::authorised`].
    Authorise(Ask),
    /// Join the channel at the hub; answer with [`Dialect::joined`].
    Join(Join),
    /// Leave it.
    Leave(ChannelName),
    /// Relay a client event to the channel's other subscribers. That it may be is decided.
    Whisper(Whisper),
    /// The socket's member has given no sign of life for too long: the others see it leave.
    Expire(ChannelName),
    /// It has given one again: the others see it come back.
    Revive(ChannelName),
    /// Check who the user is; answer with [`Dialect::signed_in`].
    SignIn {
        /// `key:signature`
        auth: String,
        /// The JSON that is signed, byte for byte.
        user_data: String,
    },
    /// The socket belongs to this user from now on.
    SignedIn { user_id: String },
    /// Close the socket; nothing after this matters.
    Close {
        /// One of the table in [`close`](super::close).
        code: u16,
        /// For people; at most 123 bytes.
        reason: &'static str,
    },
}

/// Effects that are still to be carried out.
pub(super) type Effects = VecDeque<Effect>;

/// A wish to subscribe to a private or presence channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) channel: ChannelName,
    /// `key:signature`, if the client has one.
    pub(super) auth: Option<String>,
    /// What the client says of itself; for Pusher, the text that is signed, byte for byte.
    pub(super) channel_data: Option<String>,
    pub(super) resume: Option<Resume>,
    /// The dialect's own mark, handed back as it is.
    pub(super) batch: Option<u64>,
}

/// A subscription that is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Join {
    pub(super) channel: ChannelName,
    /// Who joins; `Some` on presence channels.
    pub(super) member: Option<Member>,
    pub(super) resume: Option<Resume>,
    /// The dialect's own mark, handed back as it is.
    pub(super) batch: Option<u64>,
    /// What the client says of itself, for webhooks.
    pub(super) channel_data: Option<String>,
    /// The socket is in the channel already and asked once more: nobody joins and nobody is told, only
    /// what [`Joined`] says is wanted again.
    pub(super) again: bool,
}

/// What the client has already seen of a channel with history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resume {
    pub(super) offset: u64,
    pub(super) epoch: String,
}

/// A client event on its way to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whisper {
    pub(super) channel: ChannelName,
    pub(super) event: String,
    /// The text that a publication would carry, usually JSON; `None` when the client sent no data.
    pub(super) data: Option<String>,
    /// The sender's member on presence channels.
    pub(super) user_id: Option<String>,
}

/// Who has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: String,
    /// The JSON that was signed, byte for byte.
    pub(crate) data: String,
}

/// Why the server ends a socket. Which code that is depends on the dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The server is shutting down.
    Stopping,
    /// The client does not read what it is sent.
    TooSlow,
    /// The user's connections were terminated over the API.
    Terminated,
    /// The host closed it over the API.
    Closed,
    /// A message was too large to be read at all.
    TooLarge,
    /// The app was deleted.
    AppGone,
    /// A text was not UTF-8.
    NotText,
    /// The client did not answer a ping.
    Silent,
    /// The client says far more than it may.
    Flooding,
    /// The client tried to sign in, and is not who it says.
    Unauthorized,
}

/// What is sent before a socket is closed that never was established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// A text message.
    pub(super) message: String,
    /// One of the table in [`close`](super::close).
    pub(super) code: u16,
    /// For people; at most 123 bytes.
    pub(super) reason: &'static str,
}

/// What a dialect is given when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// A socket from which nothing came for so long is pinged.
    pub(super) activity_timeout_ms: u64,
    /// How long it may take to answer that.
    pub(super) pong_timeout_ms: u64,
    /// Channels that it may be subscribed to at once.
    pub(super) channels_max: usize,
    /// Messages that it may send; 0 means any number.
    pub(super) messages_per_second: u32,
    /// Client events that it may send; 0 means any number.
    pub(super) client_events_per_second: u32,
    /// A presence member without a heartbeat for so long has left; 0 means never.
    pub(super) presence_timeout_ms: u64,
    /// Whether the app has client events at all.
    pub(super) client_events: bool,
}

/// One socket's side of a wire protocol.
pub(super) trait Dialect: Send {
    /// The socket is established.
    fn opened(&mut self, out: &mut Effects);
    /// A text message came.
    fn text(&mut self, text: &str, now: Tick, out: &mut Effects);
    /// A message came that is no text.
    fn binary(&mut self, payload: &[u8], out: &mut Effects);
    /// A message came that is larger than it may be, and was dropped.
    fn too_large(&mut self, out: &mut Effects);
    /// The answer to [`Effect::Authorise`].
    fn authorised(&mut self, ask: Ask, verdict: Result<Grant, Denial>, out: &mut Effects);
    /// The answer to [`Effect::Join`].
    fn joined(&mut self, join: &Join, joined: Result<&Joined, Denial>, out: &mut Effects);
    /// The answer to [`Effect::SignIn`]: who it is, or why that is not known.
    fn signed_in(&mut self, verdict: Result<User, String>, out: &mut Effects);
    /// A frame came, of any kind; said before what the frame holds is handed in.
    fn heard(&mut self, now: Tick);
    /// When [`Dialect::wake`] is next of use.
    fn deadline(&self) -> Tick;
    /// It is `now`: pings, closes what is silent, and lets members expire.
    fn wake(&mut self, now: Tick, out: &mut Effects);
    /// With which code, and which words for people, a socket ends.
    fn close(&self, why: End) -> (u16, &'static str);
}
