//! What is published over the HTTP API: bodies of `POST /apps/{id}/events` and `/batch_events`, and what
//! can be asked about channels. Source: "Pusher Channels HTTP API reference" of Pusher's documentation.

use serde::Deserialize;

use crate::{
    channel::{ChannelName, InvalidChannelName, SocketId},
    limits::{BATCH_MAX_EVENTS, CHANNEL_EVENT_MAX_CHARS, CHANNEL_NAME_MAX_CHARS, EVENT_MAX_CHANNELS},
};

/// What a byte of a text takes in JSON at most, as `\u00XX`.
const ESCAPED_MAX_BYTES: usize = 6;
/// What the rest of an event takes: its fields' names and a generous lot of blanks.
const FRAME_MAX_BYTES: usize = 1 << 10;

/// An event that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// 1 to [`CHANNEL_EVENT_MAX_CHARS`] characters.
    pub name: String,
    /// Any text, usually JSON.
    pub data: String,
    /// 1 to [`EVENT_MAX_CHANNELS`] of them, each once.
    pub channels: Vec<ChannelName>,
    /// Whose socket does not get it.
    pub except: Option<SocketId>,
    /// What is to be told of the channels.
    pub info: Info,
}

/// What is asked about a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Info {
    /// How many members a presence channel has.
    pub user_count: bool,
    /// How many subscriptions it has.
    pub subscription_count: bool,
    /// The last event of a cache channel.
    pub cache: bool,
}

/// Why a body describes nothing that can be published; the text is the API's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum InvalidEvent {
    #[error("Request body is not valid JSON")]
    NotJson,
    #[error("Request body describes no event: {0}")]
    Shape(String),
    #[error("name must be a string of 1 to {CHANNEL_EVENT_MAX_CHARS} characters")]
    Name,
    #[error("data is required: a string, usually of JSON")]
    NoData,
    #[error("data must not be longer than {0} bytes")]
    DataTooLong(usize),
    #[error("name and data must not contain the character U+0000")]
    Nul,
    #[error("channels must name 1 to {EVENT_MAX_CHANNELS} channels")]
    Channels,
    #[error("{name:?} is no channel: {why}")]
    Channel { name: String, why: InvalidChannelName },
    #[error("socket_id is no socket's id")]
    SocketId,
    #[error("info must be user_count or subscription_count, or both with a comma between them")]
    Info,
    #[error("batch must hold at most {BATCH_MAX_EVENTS} events")]
    Batch,
    #[error("An event of a batch names one channel")]
    ChannelOfBatch,
}

/// The largest body of so many events whose data is as long as it may be, in bytes.
pub fn body_max_bytes(events: usize, data_max_bytes: usize) -> usize {
    let name = ESCAPED_MAX_BYTES * CHANNEL_EVENT_MAX_CHARS;
    let channels = EVENT_MAX_CHANNELS * (ESCAPED_MAX_BYTES * CHANNEL_NAME_MAX_CHARS);
    events
        .saturating_mul(ESCAPED_MAX_BYTES.saturating_mul(data_max_bytes) + name + channels + FRAME_MAX_BYTES)
}

#[derive(Deserialize)]
struct Raw {
    name: Option<String>,
    data: Option<String>,
    #[serde(default)]
    channels: Option<Vec<String>>,
    channel: Option<String>,
    socket_id: Option<String>,
    info: Option<String>,
}

#[derive(Deserialize)]
struct RawBatch {
    batch: Vec<Raw>,
}

impl Event {
    /// Reads the body of `POST /apps/{id}/events`; unknown fields are ignored, null counts as not given.
    ///
    /// # Errors
    /// The first of [`InvalidEvent`] that applies.
    pub fn parse(body: &[u8], data_max_bytes: usize) -> Result<Self, InvalidEvent> {
        Self::from_raw(read(body)?, data_max_bytes)
    }

    /// Reads the body of `POST /apps/{id}/batch_events`.
    ///
    /// # Errors
    /// The first of [`InvalidEvent`] that applies to any of the events.
    pub fn parse_batch(body: &[u8], data_max_bytes: usize) -> Result<Vec<Self>, InvalidEvent> {
        let RawBatch { batch } = read(body)?;
        if batch.len() > BATCH_MAX_EVENTS {
            return Err(InvalidEvent::Batch);
        }
        let events = batch.into_iter().map(|raw| {
            let event = Self::from_raw(raw, data_max_bytes)?;
            if event.channels.len() == 1 { Ok(event) } else { Err(InvalidEvent::ChannelOfBatch) }
        });
        events.collect()
    }

    fn from_raw(raw: Raw, data_max_bytes: usize) -> Result<Self, InvalidEvent> {
        let Raw { name, data, channels, channel, socket_id, info } = raw;
        let is_name = |name: &String| (1..=CHANNEL_EVENT_MAX_CHARS).contains(&name.chars().count());
        let name = name.filter(is_name).ok_or(InvalidEvent::Name)?;
        let data = data.ok_or(InvalidEvent::NoData)?;
        if data.len() > data_max_bytes {
            return Err(InvalidEvent::DataTooLong(data_max_bytes));
        }
        // No database keeps it.
        if name.contains('\0') || data.contains('\0') {
            return Err(InvalidEvent::Nul);
        }
        let named: Vec<String> = channels.unwrap_or_default().into_iter().chain(channel).collect();
        if !(1..=EVENT_MAX_CHANNELS).contains(&named.len()) {
            return Err(InvalidEvent::Channels);
        }
        let mut channels = Vec::with_capacity(named.len());
        for name in named {
            let channel = ChannelName::parse(&name).map_err(|why| InvalidEvent::Channel { name, why })?;
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        let except = socket_id.map(|id| SocketId::parse(&id).ok_or(InvalidEvent::SocketId)).transpose()?;
        let info = info.as_deref().map_or(Ok(Info::default()), Info::parse)?;
        if info.cache {
            return Err(InvalidEvent::Info);
        }
        Ok(Self { name, data, channels, except, info })
    }
}

impl Info {
    /// Reads names with commas between them.
    ///
    /// # Errors
    /// [`InvalidEvent::Info`] for an unknown name.
    pub fn parse(text: &str) -> Result<Self, InvalidEvent> {
        let mut info = Self::default();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                "user_count" => info.user_count = true,
                "subscription_count" => info.subscription_count = true,
                "cache" => info.cache = true,
                _ => return Err(InvalidEvent::Info),
            }
        }
        Ok(info)
    }

    /// Whether anything is asked at all.
    pub fn asks(self) -> bool {
        self != Self::default()
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, InvalidEvent> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() { InvalidEvent::Shape(error.to_string()) } else { InvalidEvent::NotJson }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DATA_MAX_BYTES: usize = 20;

    fn parse(body: &Value) -> Result<Event, InvalidEvent> {
        Event::parse(body.to_string().as_bytes(), DATA_MAX_BYTES)
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::parse(name).expect("a name")
    }

    #[test]
    fn an_event_is_read_whole() {
        let body = json!({
            "name": "new ☂", "data": "{\"a\":1}", "channels": ["a", "private-b", "a"], "channel": "c",
            "socket_id": "1.2", "info": "user_count, subscription_count,", "more": 1,
        });
        let expected = Event {
            name: "new ☂".into(),
            data: "{\"a\":1}".into(),
            channels: ["a", "private-b", "c"].map(channel).to_vec(),
            except: Some(SocketId(1 << 64 | 2)),
            info: Info { user_count: true, subscription_count: true, cache: false },
        };
        assert_eq!(parse(&body), Ok(expected));
        let uuid = "00000000-0000-0001-0000-000000000002";
        let least = json!({"name": "n", "data": "", "channel": "#server-to-user-7", "socket_id": uuid});
        let least = parse(&least).expect("an event");
        assert_eq!((least.except, least.info.asks()), (Some(SocketId(1 << 64 | 2)), false));
        assert_eq!(least.channels, [channel("#server-to-user-7")]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let with = |name: &str, value: Value| {
            let mut body = json!({"name": "n", "data": "d", "channels": ["c"]});
            body[name] = value;
            parse(&body).expect_err("it is refused").to_string()
        };
        let name = "name must be a string of 1 to 200 characters";
        let channels = "channels must name 1 to 100 channels";
        let many: Vec<_> = (0..101).map(|at| format!("c{at}")).collect();
        for (field, value, expected) in [
            ("name", json!(null), name),
            ("name", json!(""), name),
            ("name", json!("n".repeat(201)), name),
            ("data", json!(null), "data is required: a string, usually of JSON"),
            ("data", json!("☂".repeat(7)), "data must not be longer than 20 bytes"),
            ("data", json!("\0"), "name and data must not contain the character U+0000"),
            ("channels", json!(null), channels),
            ("channels", json!([]), channels),
            ("channels", json!(many), channels),
            (
                "channels",
                json!(["a b"]),
                "\"a b\" is no channel: Channel names consist of A-Z, a-z, 0-9 and _-=@,.;:",
            ),
            ("channel", json!(""), "\"\" is no channel: Channel names have 1 to 200 characters"),
            ("socket_id", json!("1"), "socket_id is no socket's id"),
            (
                "info",
                json!("name"),
                "info must be user_count or subscription_count, or both with a comma between them",
            ),
            (
                "info",
                json!("cache"),
                "info must be user_count or subscription_count, or both with a comma between them",
            ),
        ] {
            assert_eq!(with(field, value.clone()), expected, "{field}: {value}");
        }
        let shape = with("data", json!({}));
        let expected =
            "Request body describes no event: invalid type: map, expected a string at line 1 column ";
        assert!(shape.starts_with(expected), "{shape}");
        for body in [&b"{"[..], b"", b"\xff", br#"{"name":"\ud800"}"#] {
            assert_eq!(Event::parse(body, 9), Err(InvalidEvent::NotJson));
        }
        assert!(matches!(Event::parse(b"[]", 9), Err(InvalidEvent::Shape(_) | InvalidEvent::Name)));
        assert!(matches!(Event::parse(b"5", 9), Err(InvalidEvent::Shape(_))));
    }

    #[test]
    fn the_limits_are_met_exactly() {
        let many: Vec<_> = (0..100).map(|at| format!("c{at}")).collect();
        let body = json!({"name": "n".repeat(200), "data": "d".repeat(DATA_MAX_BYTES), "channels": many});
        assert_eq!(parse(&body).map(|event| event.channels.len()), Ok(100));
    }

    #[test]
    fn a_batch_is_taken_whole_or_not_at_all() {
        let event = |name: &str| json!({"name": name, "data": "d", "channel": "c"});
        let parse = |batch: Value| {
            Event::parse_batch(json!({ "batch": batch }).to_string().as_bytes(), DATA_MAX_BYTES)
        };
        let names = parse(json!([event("a"), event("b")])).expect("a batch");
        assert_eq!(names.iter().map(|event| &*event.name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(parse(json!([])), Ok(Vec::new()));
        assert_eq!(parse(json!([event("a"), event("")])), Err(InvalidEvent::Name));
        assert_eq!(parse(vec![event("a"); 10].into()).map(|events| events.len()), Ok(10));
        assert_eq!(parse(vec![event("a"); 11].into()), Err(InvalidEvent::Batch));
        let two = json!({"name": "a", "data": "d", "channels": ["c", "d"]});
        assert_eq!(parse(json!([two])), Err(InvalidEvent::ChannelOfBatch));
        assert!(matches!(Event::parse_batch(b"{}", 9), Err(InvalidEvent::Shape(_))));
    }

    #[test]
    fn the_largest_batch_fits() {
        let data = "\u{1}".repeat(DATA_MAX_BYTES);
        let channels: Vec<_> = (0..100).map(|at| format!("{at:0200}")).collect();
        let event =
            json!({"name": "\u{1}".repeat(200), "data": data, "channels": channels, "socket_id": "1.2"});
        let body = json!({"batch": vec![event; 10]}).to_string();
        assert!(body.len() <= body_max_bytes(BATCH_MAX_EVENTS, DATA_MAX_BYTES), "{}", body.len());
    }
}
