//! Webhooks as requests describe them.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::{
    FormatPatch, Header, InvalidHeader, Method, NewWebhook, OptionsPatch, Ordering, Origin, WebhookOptions,
    WebhookPatch, is_app, is_url,
};
use crate::{
    format::{Format, InvalidFormat},
    json,
    limits::{
        DELIVERY_TIMEOUT_MAX_MS, DELIVERY_TIMEOUT_MIN_MS, IN_FLIGHT_LIMIT_PER_WEBHOOK, INTEGER_MAX,
        RATE_LIMIT_MAX, RETRY_DELAY_MAX_MS, RETRY_DELAY_MIN_MS, RETRY_STEPS_MAX, WEBHOOK_EVENT_MAX_CHARS,
        WEBHOOK_EVENTS_MAX, WEBHOOK_HEADERS_MAX, WEBHOOK_TEXT_MAX_CHARS,
    },
    retry::{InvalidSchedule, LINEAR_ATTEMPTS, LINEAR_DELAY_MS, RetrySchedule},
};

/// Why a body does not describe a webhook; the text is the API's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum InvalidWebhook {
    #[error("Missing required fields: name, url, secret, events")]
    Missing,
    #[error("No fields to update")]
    NothingToUpdate,
    #[error("events must be an array")]
    EventsNotArray,
    #[error("events must be an array of strings")]
    EventNotString,
    #[error(
        "events must hold at most {WEBHOOK_EVENTS_MAX} names of at most {WEBHOOK_EVENT_MAX_CHARS} characters"
    )]
    EventsTooLong,
    #[error("{0} must not be longer than {WEBHOOK_TEXT_MAX_CHARS} characters")]
    TooLong(&'static str),
    #[error("Invalid URL format")]
    Url,
    #[error("{0} must be a non-empty string")]
    NotText(&'static str),
    #[error("enabled must be a boolean")]
    NotBoolean,
    #[error("app must be the id of an application, or null")]
    App,
    #[error("method must be POST or PUT")]
    Method,
    #[error("ordering must be none, fifo or session")]
    Ordering,
    #[error("headers must be an object of strings")]
    HeadersNotObject,
    #[error("headers must hold at most {WEBHOOK_HEADERS_MAX} names, each once")]
    HeadersTooMany,
    #[error(transparent)]
    Header(#[from] InvalidHeader),
    #[error("{name} must be a whole number from {min} to {max}, or null")]
    Number { name: &'static str, min: i64, max: i64 },
    #[error("retry_schedule_ms must be an array of whole numbers, or null")]
    ScheduleNotArray,
    #[error("retry_schedule_ms: {0}")]
    Schedule(#[from] InvalidSchedule),
    #[error("retry_schedule_ms cannot stand beside retry_attempts or retry_delay_ms")]
    TwoSchedules,
    #[error(transparent)]
    Format(#[from] InvalidFormat),
    #[error("template must be a string")]
    TemplateNotText,
    #[error("template is for the format template alone")]
    TemplateUnused,
}

/// The fields of a change, as the API calls them.
pub const FIELDS: [&str; 17] = [
    "name",
    "url",
    "secret",
    "events",
    "enabled",
    "app",
    "method",
    "headers",
    "timeout_ms",
    "retry_schedule_ms",
    "retry_attempts",
    "retry_delay_ms",
    "ordering",
    "max_in_flight",
    "rate_limit",
    "format",
    "template",
];

impl NewWebhook {
    /// Reads the body of `POST /api/webhooks`: missing fields are told first, then `events`, then
    /// the URL, then everything else.
    ///
    /// # Errors
    /// The first of [`InvalidWebhook`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidWebhook> {
        let given = |name: &str| !matches!(body.get(name), None | Some(Value::Null)) && body[name] != "";
        if !["name", "url", "secret", "events"].into_iter().all(given) {
            return Err(InvalidWebhook::Missing);
        }
        let events = events(&body["events"])?;
        let url = url(&body["url"])?;
        Ok(Self {
            name: text("name", &body["name"])?,
            url,
            secret: text("secret", &body["secret"])?,
            events,
            app: body.get("app").map(app).transpose()?.unwrap_or_default(),
            options: OptionsPatch::parse(body)?.applied_to(WebhookOptions::default())?,
            origin: Origin::Api,
        })
    }
}

impl WebhookPatch {
    /// Reads the body of `PATCH /api/webhooks/{id}`; unknown fields are ignored.
    ///
    /// # Errors
    /// The first of [`InvalidWebhook`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidWebhook> {
        if !FIELDS.into_iter().any(|field| body.contains_key(field)) {
            return Err(InvalidWebhook::NothingToUpdate);
        }
        Ok(Self {
            url: body.get("url").map(url).transpose()?,
            events: body.get("events").map(events).transpose()?,
            name: body.get("name").map(|value| text("name", value)).transpose()?,
            secret: body.get("secret").map(|value| text("secret", value)).transpose()?,
            enabled: body
                .get("enabled")
                .map(|value| json::as_bool(value).ok_or(InvalidWebhook::NotBoolean))
                .transpose()?,
            app: body.get("app").map(app).transpose()?,
            options: OptionsPatch::parse(body)?,
        })
    }
}

impl OptionsPatch {
    /// Reads the options among the fields of a webhook; `null` goes back to the default.
    ///
    /// # Errors
    /// The first of [`InvalidWebhook`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidWebhook> {
        let timeout_ms = DELIVERY_TIMEOUT_MIN_MS..=DELIVERY_TIMEOUT_MAX_MS;
        let max_in_flight = 1..=i64::from(IN_FLIGHT_LIMIT_PER_WEBHOOK);
        Ok(Self {
            method: word(body, "method", Method::parse, InvalidWebhook::Method)?,
            headers: body.get("headers").map(headers).transpose()?,
            timeout_ms: number(body, "timeout_ms", timeout_ms)?,
            retry_schedule: retry_schedule(body)?,
            ordering: word(body, "ordering", Ordering::parse, InvalidWebhook::Ordering)?,
            max_in_flight: number(body, "max_in_flight", max_in_flight)?,
            rate_limit: number(body, "rate_limit", 1..=i64::from(RATE_LIMIT_MAX))?,
            format: FormatPatch::parse(body)?,
        })
    }
}

impl FormatPatch {
    /// Reads the format among the fields of a webhook. A template that is null counts as not given.
    ///
    /// # Errors
    /// The first of [`InvalidWebhook`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidWebhook> {
        let word = match body.get("format") {
            None => None,
            Some(Value::Null) => Some(Format::default().word()),
            Some(value) => Some(value.as_str().ok_or(InvalidFormat::Unknown)?),
        };
        let template = match body.get("template") {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_str().ok_or(InvalidWebhook::TemplateNotText)?),
        };
        Ok(Self { word: word.map(str::to_owned), template: template.map(str::to_owned) })
    }
}

fn url(value: &Value) -> Result<String, InvalidWebhook> {
    value.as_str().filter(|text| is_url(text)).map(str::to_owned).ok_or(InvalidWebhook::Url)
}

fn text(name: &'static str, value: &Value) -> Result<String, InvalidWebhook> {
    let text = value.as_str().filter(|text| !text.is_empty()).ok_or(InvalidWebhook::NotText(name))?;
    if text.chars().count() > WEBHOOK_TEXT_MAX_CHARS {
        Err(InvalidWebhook::TooLong(name))
    } else {
        Ok(text.to_owned())
    }
}

fn events(value: &Value) -> Result<Vec<String>, InvalidWebhook> {
    let items = value.as_array().ok_or(InvalidWebhook::EventsNotArray)?;
    let names =
        items.iter().map(|item| item.as_str().map(str::to_owned).ok_or(InvalidWebhook::EventNotString));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let too_long = names.len() > WEBHOOK_EVENTS_MAX
        || names.iter().any(|name| name.chars().count() > WEBHOOK_EVENT_MAX_CHARS);
    if too_long { Err(InvalidWebhook::EventsTooLong) } else { Ok(names) }
}

/// The id of an application; null stands for the default one.
fn app(value: &Value) -> Result<String, InvalidWebhook> {
    if value.is_null() {
        return Ok(String::new());
    }
    value.as_str().filter(|text| is_app(text)).map(str::to_owned).ok_or(InvalidWebhook::App)
}

/// A word that stands for a value; null stands for the default.
fn word<T: Default>(
    body: &Map<String, Value>,
    name: &str,
    parse: fn(&str) -> Option<T>,
    invalid: InvalidWebhook,
) -> Result<Option<T>, InvalidWebhook> {
    match body.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(T::default())),
        Some(value) => value.as_str().and_then(parse).map(Some).ok_or(invalid),
    }
}

fn headers(value: &Value) -> Result<Vec<Header>, InvalidWebhook> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let fields = value.as_object().ok_or(InvalidWebhook::HeadersNotObject)?;
    let mut headers: Vec<Header> = Vec::with_capacity(fields.len().min(WEBHOOK_HEADERS_MAX));
    for (name, value) in fields {
        let value = value.as_str().ok_or(InvalidWebhook::HeadersNotObject)?;
        let header = Header::new(name, value)?;
        let twice = headers.iter().any(|other| other.name().eq_ignore_ascii_case(name));
        if twice || headers.len() == WEBHOOK_HEADERS_MAX {
            return Err(InvalidWebhook::HeadersTooMany);
        }
        headers.push(header);
    }
    Ok(headers)
}

/// A number within bounds; `Some(None)` for null.
#[expect(clippy::option_option, reason = "not given, null, or a number")]
fn number<T: TryFrom<i64>>(
    body: &Map<String, Value>,
    name: &'static str,
    range: RangeInclusive<i64>,
) -> Result<Option<Option<T>>, InvalidWebhook> {
    let invalid = InvalidWebhook::Number { name, min: *range.start(), max: *range.end() };
    match body.get(name) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(value) => {
            let number = json::as_integer(value).filter(|number| range.contains(number));
            let number = number.and_then(|number| T::try_from(number).ok());
            number.map(|number| Some(Some(number))).ok_or(invalid)
        }
    }
}

/// The waits, as a list or in the linear terms of `retry_attempts` and `retry_delay_ms`.
#[expect(clippy::option_option, reason = "not given, null, or a schedule")]
fn retry_schedule(body: &Map<String, Value>) -> Result<Option<Option<RetrySchedule>>, InvalidWebhook> {
    let steps_max = i64::try_from(RETRY_STEPS_MAX).unwrap_or(INTEGER_MAX);
    let attempts: Option<Option<u32>> = number(body, "retry_attempts", 0..=steps_max)?;
    let delay_ms: Option<Option<i64>> =
        number(body, "retry_delay_ms", RETRY_DELAY_MIN_MS..=RETRY_DELAY_MAX_MS)?;
    let list = body.get("retry_schedule_ms");
    let Some(list) = list else {
        return match (attempts, delay_ms) {
            (None, None) => Ok(None),
            (None | Some(None), None | Some(None)) => Ok(Some(None)),
            (attempts, delay_ms) => {
                let attempts = attempts.flatten().unwrap_or(LINEAR_ATTEMPTS);
                let delay_ms = delay_ms.flatten().unwrap_or(LINEAR_DELAY_MS);
                Ok(Some(Some(RetrySchedule::linear(attempts, delay_ms)?)))
            }
        };
    };
    if attempts.is_some() || delay_ms.is_some() {
        return Err(InvalidWebhook::TwoSchedules);
    }
    if list.is_null() {
        return Ok(Some(None));
    }
    let items = list.as_array().ok_or(InvalidWebhook::ScheduleNotArray)?;
    let waits: Option<Vec<i64>> = items.iter().map(json::as_integer).collect();
    Ok(Some(Some(RetrySchedule::new(waits.ok_or(InvalidWebhook::ScheduleNotArray)?)?)))
}
