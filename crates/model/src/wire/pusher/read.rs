//! What clients say.

use std::borrow::Cow;

use crate::{
    limits::CHANNEL_EVENT_MAX_CHARS,
    wire::{
        client_event,
        raw::{Fields, NotFields, text_of},
    },
};

/// What a client says. Names of channels are as it wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// `pusher:subscribe` with `{"channel","auth"?,"channel_data"?}`
    Subscribe(Subscribe),
    /// `pusher:unsubscribe` with `{"channel"}`
    Unsubscribe {
        /// The channel.
        channel: String,
    },
    /// `pusher:signin` with `{"auth","user_data"}`
    SignIn {
        /// `key:signature`
        auth: String,
        /// The text that is signed.
        user_data: String,
    },
    /// `pusher:ping`
    Ping,
    /// `pusher:pong`
    Pong,
    /// `client-…`
    ClientEvent {
        /// With the `client-`; at most [`CHANNEL_EVENT_MAX_CHARS`] characters.
        event: String,
        /// Where.
        channel: String,
        /// The data as a text: what a JSON string holds, any other JSON as it was sent.
        data: Option<String>,
    },
}

/// A wish to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The channel.
    pub channel: String,
    /// A signature, `key:signature`; on encrypted channels `:shared_secret` may follow.
    pub auth: Option<String>,
    /// The text that is signed, byte for byte.
    pub channel_data: Option<String>,
}

/// Why a text is no message; the text is what the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum Invalid {
    #[error("Invalid JSON")]
    Json,
    #[error("JSON is nested too deep")]
    TooDeep,
    #[error("Message must be a JSON object")]
    NotObject,
    #[error("event must be a string")]
    NoEvent,
    #[error("Unknown event")]
    UnknownEvent,
    #[error("Event names have at most {CHANNEL_EVENT_MAX_CHARS} characters, and no control characters")]
    EventName,
    #[error("data must be an object, or a string that holds one")]
    Data,
    #[error("channel must be a string")]
    Channel,
    #[error("auth must be a string")]
    Auth,
    #[error("channel_data must be a string")]
    ChannelData,
    #[error("user_data must be a string")]
    UserData,
}

impl From<NotFields> for Invalid {
    fn from(fault: NotFields) -> Self {
        match fault {
            NotFields::Syntax => Self::Json,
            NotFields::NotObject => Self::NotObject,
            NotFields::TooDeep => Self::TooDeep,
        }
    }
}

/// Reads a client's text frame. Unknown members are ignored, of equal ones the last one counts.
///
/// # Errors
/// [`Invalid`], the first that applies.
pub fn parse(text: &str) -> Result<ClientMessage, Invalid> {
    let message = Fields::read(text, ["event", "channel", "data"])?;
    let event = message.needed_text("event").ok_or(Invalid::NoEvent)?;
    match &*event {
        "pusher:ping" => Ok(ClientMessage::Ping),
        "pusher:pong" => Ok(ClientMessage::Pong),
        "pusher:subscribe" | "pusher:unsubscribe" | "pusher:signin" => {
            // An object, or a string that holds one.
            let json = message.json("data").ok_or(Invalid::Data)?;
            let json = text_of(json).map_or(Cow::Borrowed(json), Cow::Owned);
            command(&event, &json)
        }
        _ if !client_event::is_one(&event) => Err(Invalid::UnknownEvent),
        _ if !client_event::is_name(&event) => Err(Invalid::EventName),
        _ => {
            let channel = message.needed_text("channel").ok_or(Invalid::Channel)?;
            let data = message.json("data").map(|json| text_of(json).unwrap_or_else(|| json.to_owned()));
            Ok(ClientMessage::ClientEvent { event, channel, data })
        }
    }
}

fn command(event: &str, data: &str) -> Result<ClientMessage, Invalid> {
    let data =
        Fields::read(data, ["channel", "auth", "channel_data", "user_data"]).map_err(
            |fault| match fault {
                NotFields::Syntax | NotFields::NotObject => Invalid::Data,
                NotFields::TooDeep => Invalid::TooDeep,
            },
        )?;
    let auth = data.text("auth").map_err(|_| Invalid::Auth)?;
    if event == "pusher:signin" {
        let user_data = data.needed_text("user_data").ok_or(Invalid::UserData)?;
        return Ok(ClientMessage::SignIn { auth: auth.ok_or(Invalid::Auth)?, user_data });
    }
    let channel = data.needed_text("channel").ok_or(Invalid::Channel)?;
    if event == "pusher:unsubscribe" {
        return Ok(ClientMessage::Unsubscribe { channel });
    }
    let channel_data = data.text("channel_data").map_err(|_| Invalid::ChannelData)?;
    Ok(ClientMessage::Subscribe(Subscribe { channel, auth, channel_data }))
}
