//! Applications as requests and the configuration describe them.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

use super::{AppLimits, Application};
use crate::{
    json,
    limits::{
        APP_CONNECTIONS_LIMIT, APP_NAME_MAX_CHARS, APP_SECRET_MAX_CHARS, APP_WORD_MAX_CHARS,
        CHANNELS_LIMIT_PER_CONNECTION, EVENT_DATA_LIMIT_BYTES, MEMBERS_LIMIT, SOCKET_RATE_LIMIT,
    },
};

/// Why something does not describe an application; the text is the API's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum InvalidApplication {
    #[error("Missing required fields: name")]
    Missing,
    #[error("No fields to update")]
    NothingToUpdate,
    #[error("name must be a non-empty string of at most {APP_NAME_MAX_CHARS} characters")]
    Name,
    #[error("{0} must be 1 to {APP_WORD_MAX_CHARS} of the characters A-Z a-z 0-9 _ -")]
    Word(&'static str),
    #[error("secret must be 1 to {APP_SECRET_MAX_CHARS} printable ASCII characters without colons")]
    Secret,
    #[error("{name} must be a whole number from 1 to {max}, or null")]
    Number { name: &'static str, max: u32 },
    #[error("{0} must be a boolean")]
    NotBoolean(&'static str),
    #[error("{0} cannot be changed")]
    Fixed(&'static str),
    #[error("expected ID:KEY:SECRET")]
    NotThreeParts,
}

/// The fields of a change, as the API calls them.
pub const FIELDS: [&str; 9] = [
    "name",
    "connections_max",
    "channels_max_per_connection",
    "members_max",
    "messages_per_second",
    "client_events_per_second",
    "data_max_bytes",
    "client_events",
    "subscription_counts",
];

/// An application that is to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewApplication {
    /// For people; not empty.
    pub name: String,
    /// `None`: one is made up.
    pub id: Option<String>,
    /// `None`: one is made up.
    pub key: Option<String>,
    /// `None`: one is made up.
    pub secret: Option<String>,
    /// What its clients may do.
    pub limits: AppLimits,
}

impl NewApplication {
    /// Reads the body of `POST /api/apps`; unknown fields are ignored, null counts as not given.
    ///
    /// # Errors
    /// The first of [`InvalidApplication`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidApplication> {
        let given = |name: &str| body.get(name).filter(|value| !value.is_null());
        Ok(Self {
            name: name(given("name").ok_or(InvalidApplication::Missing)?)?,
            id: given("id").map(|value| word("id", value)).transpose()?,
            key: given("key").map(|value| word("key", value)).transpose()?,
            secret: given("secret").map(secret).transpose()?,
            limits: LimitsPatch::parse(body)?.applied_to(&AppLimits::default()),
        })
    }
}

/// What is to be changed of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationPatch {
    /// For people; not empty.
    pub name: Option<String>,
    /// What its clients may do.
    pub limits: LimitsPatch,
}

impl ApplicationPatch {
    /// Reads the body of `PATCH /api/apps/{id}`; unknown fields are ignored.
    ///
    /// # Errors
    /// The first of [`InvalidApplication`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidApplication> {
        if let Some(fixed) = ["id", "key", "secret"].into_iter().find(|name| body.contains_key(*name)) {
            return Err(InvalidApplication::Fixed(fixed));
        }
        if !FIELDS.into_iter().any(|field| body.contains_key(field)) {
            return Err(InvalidApplication::NothingToUpdate);
        }
        Ok(Self { name: body.get("name").map(name).transpose()?, limits: LimitsPatch::parse(body)? })
    }

    /// The application after this change.
    #[must_use]
    pub fn applied_to(&self, application: Application) -> Application {
        Application {
            name: self.name.clone().unwrap_or(application.name),
            limits: self.limits.applied_to(&application.limits),
            ..application
        }
    }
}

/// What is to be changed of [`AppLimits`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of AppLimits")]
pub struct LimitsPatch {
    pub connections_max: Option<Option<u32>>,
    pub channels_max_per_connection: Option<Option<u32>>,
    pub members_max: Option<Option<u32>>,
    pub messages_per_second: Option<Option<u32>>,
    pub client_events_per_second: Option<Option<u32>>,
    pub data_max_bytes: Option<Option<u32>>,
    pub client_events: Option<bool>,
    pub subscription_counts: Option<bool>,
}

impl LimitsPatch {
    /// Reads the limits among the fields of an application; null goes back to the default.
    ///
    /// # Errors
    /// The first of [`InvalidApplication`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidApplication> {
        let number = |name, max| number(body, name, max);
        let channels = "channels_max_per_connection";
        let defaults = AppLimits::default();
        Ok(Self {
            connections_max: number("connections_max", APP_CONNECTIONS_LIMIT)?,
            channels_max_per_connection: number(channels, CHANNELS_LIMIT_PER_CONNECTION)?,
            members_max: number("members_max", MEMBERS_LIMIT)?,
            messages_per_second: number("messages_per_second", SOCKET_RATE_LIMIT)?,
            client_events_per_second: number("client_events_per_second", SOCKET_RATE_LIMIT)?,
            data_max_bytes: number("data_max_bytes", EVENT_DATA_LIMIT_BYTES)?,
            client_events: flag(body, "client_events", defaults.client_events)?,
            subscription_counts: flag(body, "subscription_counts", defaults.subscription_counts)?,
        })
    }

    /// The limits after this change.
    #[must_use]
    pub fn applied_to(&self, limits: &AppLimits) -> AppLimits {
        let channels = self.channels_max_per_connection;
        let client_events = self.client_events_per_second;
        AppLimits {
            connections_max: self.connections_max.unwrap_or(limits.connections_max),
            channels_max_per_connection: channels.unwrap_or(limits.channels_max_per_connection),
            members_max: self.members_max.unwrap_or(limits.members_max),
            messages_per_second: self.messages_per_second.unwrap_or(limits.messages_per_second),
            client_events_per_second: client_events.unwrap_or(limits.client_events_per_second),
            data_max_bytes: self.data_max_bytes.unwrap_or(limits.data_max_bytes),
            client_events: self.client_events.unwrap_or(limits.client_events),
            subscription_counts: self.subscription_counts.unwrap_or(limits.subscription_counts),
        }
    }
}

/// The default application as the configuration gives it: `ID:KEY:SECRET`.
#[derive(Clone, PartialEq, Eq)]
pub struct Preset {
    /// As [`Application::id`].
    pub id: String,
    /// As [`Application::key`].
    pub key: String,
    /// As [`Application::secret`].
    pub secret: String,
}

impl FromStr for Preset {
    type Err = InvalidApplication;

    fn from_str(text: &str) -> Result<Self, InvalidApplication> {
        let parts: Vec<&str> = text.splitn(4, ':').collect();
        let [id, key, secret] = parts[..] else { return Err(InvalidApplication::NotThreeParts) };
        for (name, text) in [("id", id), ("key", key)] {
            if !is_word(text) {
                return Err(InvalidApplication::Word(name));
            }
        }
        if !is_secret(secret) {
            return Err(InvalidApplication::Secret);
        }
        Ok(Self { id: id.to_owned(), key: key.to_owned(), secret: secret.to_owned() })
    }
}

/// Leaves out the secret.
impl fmt::Debug for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preset").field("id", &self.id).field("key", &self.key).finish_non_exhaustive()
    }
}

/// Leaves out the secret.
impl fmt::Debug for NewApplication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApplication").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether `text` can be an id or a key: 1 to [`APP_WORD_MAX_CHARS`] of `A-Za-z0-9_-`.
pub fn is_word(text: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=APP_WORD_MAX_CHARS).contains(&text.len()) && text.bytes().all(is_one)
}

fn is_secret(text: &str) -> bool {
    let is_one = |byte: u8| matches!(byte, b' '..=b'~') && byte != b':';
    (1..=APP_SECRET_MAX_CHARS).contains(&text.len()) && text.bytes().all(is_one)
}

fn name(value: &Value) -> Result<String, InvalidApplication> {
    let is_name = |text: &&str| (1..=APP_NAME_MAX_CHARS).contains(&text.chars().count());
    value.as_str().filter(is_name).map(str::to_owned).ok_or(InvalidApplication::Name)
}

fn word(name: &'static str, value: &Value) -> Result<String, InvalidApplication> {
    let text = value.as_str().filter(|text| is_word(text));
    text.map(str::to_owned).ok_or(InvalidApplication::Word(name))
}

fn secret(value: &Value) -> Result<String, InvalidApplication> {
    let text = value.as_str().filter(|text| is_secret(text));
    text.map(str::to_owned).ok_or(InvalidApplication::Secret)
}

/// A number from 1 to `max`; `Some(None)` for null.
#[expect(clippy::option_option, reason = "not given, null, or a number")]
fn number(
    body: &Map<String, Value>,
    name: &'static str,
    max: u32,
) -> Result<Option<Option<u32>>, InvalidApplication> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => {
            let number = json::as_integer(value).and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| (1..=max).contains(number));
            number.map(|number| Some(Some(number))).ok_or(InvalidApplication::Number { name, max })
        }
    }
}

/// A switch; null stands for the default.
fn flag(
    body: &Map<String, Value>,
    name: &'static str,
    default: bool,
) -> Result<Option<bool>, InvalidApplication> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(default)),
        Some(value) => json::as_bool(value).map(Some).ok_or(InvalidApplication::NotBoolean(name)),
    }
}
