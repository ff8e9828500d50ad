//! What clients say.

use std::collections::HashMap;

use serde_json::{Value, value::RawValue};

use crate::{
    json,
    limits::{BATCH_MAX_CHANNELS, CHANNEL_EVENT_MAX_CHARS, MESSAGE_ID_MAX_BYTES},
    wire::{
        client_event,
        raw::{Fields, NotFields, embeddable, text_of},
    },
};

/// A text frame, read as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The `messageId` of a message that is to be acknowledged, as JSON.
    pub ack: Option<String>,
    /// What was said, or why it is no message.
    pub said: Result<ClientMessage, Invalid>,
}

/// What a client says. Names of channels are as it wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// `{"event":"subscribe","channel","channel_data"?,"auth"?,"offset"?,"epoch"?}`
    Subscribe(Subscribe),
    /// `{"event":"unsubscribe","channel"}`
    Unsubscribe {
        /// The channel.
        channel: String,
    },
    /// `{"event":"batch_subscribe"|"batch_unsubscribe","channels","channelData"?,"messageId"?}`
    Batch(Batch),
    /// `{"event":"client-…","channel","data"?}`
    ClientEvent {
        /// With the `client-`; at most [`CHANNEL_EVENT_MAX_CHARS`] characters.
        event: String,
        /// Where.
        channel: String,
        /// The JSON of the data as it was sent.
        data: Option<String>,
    },
    /// `{"event":"ping"}`
    Ping,
    /// `{"event":"heartbeat"|"presence_heartbeat","channel"?}`
    Heartbeat {
        /// Where; `None` means everywhere.
        channel: Option<String>,
    },
}

/// A wish to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The channel.
    pub channel: String,
    /// The JSON of what the client says of itself; a text that holds JSON counts as that JSON.
    pub channel_data: Option<String>,
    /// A signature, `key:signature`.
    pub auth: Option<String>,
    /// What it has already seen.
    pub resume: Option<Resume>,
}

/// A position in a channel's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// Of the last message that was seen.
    pub offset: u64,
    /// The run of offsets that it belongs to.
    pub epoch: String,
}

/// A wish that concerns several channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What is to be done.
    pub kind: BatchKind,
    /// At most [`BATCH_MAX_CHANNELS`] channels, each once, with the JSON of what the client says of
    /// itself there.
    pub channels: Vec<(String, Option<String>)>,
    /// The `messageId` that the result is to have, as JSON.
    pub message_id: Option<String>,
}

/// What a batch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchKind {
    /// Subscribe.
    Subscribe,
    /// Unsubscribe.
    Unsubscribe,
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
    #[error("channel must be a string")]
    Channel,
    #[error("auth must be a string")]
    Auth,
    #[error("offset must be a non-negative integer and epoch a string, both or neither")]
    Resume,
    #[error("channels must be an array of strings")]
    Channels,
    #[error("channelData must be an object")]
    ChannelData,
    #[error("At most {BATCH_MAX_CHANNELS} channels can be named at once")]
    BatchTooLarge,
    #[error("messageId must be a string or a number of at most {MESSAGE_ID_MAX_BYTES} bytes")]
    MessageId,
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

type Message<'a> = Fields<'a, 11>;

/// Reads a client's text frame. Unknown members are ignored, of equal ones the last one counts.
pub fn parse(text: &str) -> Frame {
    let names = [
        "event",
        "channel",
        "channel_data",
        "auth",
        "offset",
        "epoch",
        "channels",
        "channelData",
        "messageId",
        "data",
        "ack",
    ];
    let read = Fields::read(text, names).map_err(Invalid::from);
    match read.and_then(|message| Ok((message, message_id(&message)?))) {
        Ok((message, id)) => Frame {
            ack: id.clone().filter(|_| message.json("ack") == Some("true")),
            said: said(&message, id),
        },
        Err(invalid) => Frame { ack: None, said: Err(invalid) },
    }
}

fn message_id(message: &Message<'_>) -> Result<Option<String>, Invalid> {
    let Some(json) = message.json("messageId") else { return Ok(None) };
    // Kept as it was sent, but only if every reader of JSON takes it: half of a surrogate pair and a number
    // that no double holds would come back as something that some do not.
    match serde_json::from_str(json) {
        Ok(Value::String(_) | Value::Number(_)) if json.len() <= MESSAGE_ID_MAX_BYTES => {
            Ok(Some(json.to_owned()))
        }
        _ => Err(Invalid::MessageId),
    }
}

fn said(message: &Message<'_>, message_id: Option<String>) -> Result<ClientMessage, Invalid> {
    let event = message.needed_text("event").ok_or(Invalid::NoEvent)?;
    match &*event {
        "subscribe" => Ok(ClientMessage::Subscribe(Subscribe {
            channel: channel(message)?,
            channel_data: message.json("channel_data").map(unwrapped),
            auth: message.text("auth").map_err(|_| Invalid::Auth)?,
            resume: resume(message)?,
        })),
        "unsubscribe" => Ok(ClientMessage::Unsubscribe { channel: channel(message)? }),
        "batch_subscribe" => batch(BatchKind::Subscribe, message, message_id),
        "batch_unsubscribe" => batch(BatchKind::Unsubscribe, message, message_id),
        "ping" => Ok(ClientMessage::Ping),
        "heartbeat" | "presence_heartbeat" => {
            Ok(ClientMessage::Heartbeat { channel: message.text("channel").map_err(|_| Invalid::Channel)? })
        }
        _ if !client_event::is_one(&event) => Err(Invalid::UnknownEvent),
        _ if !client_event::is_name(&event) => Err(Invalid::EventName),
        _ => {
            let channel = channel(message)?;
            Ok(ClientMessage::ClientEvent { event, channel, data: message.json("data").map(str::to_owned) })
        }
    }
}

fn channel(message: &Message<'_>) -> Result<String, Invalid> {
    message.needed_text("channel").ok_or(Invalid::Channel)
}

fn resume(message: &Message<'_>) -> Result<Option<Resume>, Invalid> {
    match (message.json("offset"), message.json("epoch")) {
        (None, None) => Ok(None),
        (Some(offset), Some(epoch)) => {
            let offset: Option<Value> = serde_json::from_str(offset).ok();
            let offset = offset.as_ref().and_then(json::as_integer).and_then(|offset| offset.try_into().ok());
            let both = offset.zip(text_of(epoch));
            both.map(|(offset, epoch)| Some(Resume { offset, epoch })).ok_or(Invalid::Resume)
        }
        _ => Err(Invalid::Resume),
    }
}

fn batch(
    kind: BatchKind,
    message: &Message<'_>,
    message_id: Option<String>,
) -> Result<ClientMessage, Invalid> {
    let named: Vec<String> =
        message.json("channels").and_then(|json| serde_json::from_str(json).ok()).ok_or(Invalid::Channels)?;
    if named.len() > BATCH_MAX_CHANNELS {
        return Err(Invalid::BatchTooLarge);
    }
    let mut data = channel_data(message)?;
    let mut channels: Vec<(String, Option<String>)> = Vec::with_capacity(named.len());
    for channel in named {
        if channels.iter().all(|(known, _)| *known != channel) {
            let data = data.remove(&channel).filter(|json| json.get() != "null");
            channels.push((channel, data.map(|json| unwrapped(json.get()))));
        }
    }
    Ok(ClientMessage::Batch(Batch { kind, channels, message_id }))
}

/// What `channelData` has for each channel.
fn channel_data<'a>(message: &Message<'a>) -> Result<HashMap<String, &'a RawValue>, Invalid> {
    let Some(json) = message.json("channelData") else { return Ok(HashMap::new()) };
    serde_json::from_str(json).map_err(|_| Invalid::ChannelData)
}

/// The JSON in a text that holds some, else the JSON itself.
fn unwrapped(json: &str) -> String {
    let text = text_of(json);
    let inner = text.as_deref().and_then(embeddable);
    inner.map_or(json, RawValue::get).to_owned()
}
