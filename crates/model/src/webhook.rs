//! Webhooks: who wants to hear of what, and at which URL.

use serde_json::{Map, Value};
use url::Url;

use crate::{
    Timestamp, json,
    limits::{WEBHOOK_EVENT_MAX_CHARS, WEBHOOK_EVENTS_MAX, WEBHOOK_TEXT_MAX_CHARS},
};

/// A receiver of events.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Never reused.
    pub id: i64,
    /// For people.
    pub name: String,
    /// http or https with a host; nothing else was checked.
    pub url: String,
    /// Signs what is sent, as UTF-8 bytes; never shown.
    pub secret: String,
    /// Names and patterns as they were given, see [`crate::pattern`].
    pub events: Vec<String>,
    /// A disabled one gets nothing; its deliveries are held.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A webhook that is to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// For people; not empty.
    pub name: String,
    /// Checked by [`is_url`].
    pub url: String,
    /// Not empty.
    pub secret: String,
    /// Names and patterns, unknown ones included.
    pub events: Vec<String>,
}

/// What is to be changed of a webhook; at least one field is `Some`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebhookPatch {
    /// For people; not empty.
    pub name: Option<String>,
    /// Checked by [`is_url`].
    pub url: Option<String>,
    /// Not empty.
    pub secret: Option<String>,
    /// Names and patterns, unknown ones included.
    pub events: Option<Vec<String>>,
    /// Whether it gets deliveries.
    pub enabled: Option<bool>,
}

/// Why a body does not describe a webhook; the text is the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
}

impl NewWebhook {
    /// Reads the body of `POST /api/webhooks`: missing fields are told first, then `events`, then
    /// the URL.
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
        Ok(Self { name: text("name", &body["name"])?, url, secret: text("secret", &body["secret"])?, events })
    }
}

impl WebhookPatch {
    /// Reads the body of `PATCH /api/webhooks/{id}`; unknown fields are ignored.
    ///
    /// # Errors
    /// The first of [`InvalidWebhook`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidWebhook> {
        if !["name", "url", "secret", "events", "enabled"].into_iter().any(|field| body.contains_key(field)) {
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
        })
    }
}

/// Whether `text` is an http or https URL with a host. No more is asked of a webhook's URL when it
/// is saved; where it leads is judged when something is sent there.
pub fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn error_of(body: &Value) -> Option<String> {
        NewWebhook::parse(body.as_object().expect("an object")).err().map(|error| error.to_string())
    }

    #[test]
    fn a_new_webhook_is_checked_in_the_stated_order() {
        let missing = "Missing required fields: name, url, secret, events";
        let full = json!({"name": "n", "url": "https://example.com", "secret": "s", "events": []});
        assert_eq!(error_of(&full), None);
        let mut largest = full.clone();
        largest["name"] = json!("🎮".repeat(1_000));
        largest["events"] = json!(vec!["é".repeat(200); 100]);
        assert_eq!(error_of(&largest), None);
        for (field, value, expected) in [
            ("name", json!(""), missing),
            ("url", json!(null), missing),
            ("secret", json!(""), missing),
            ("events", json!(null), missing),
            ("events", json!(""), missing),
            ("events", json!("game.added"), "events must be an array"),
            ("events", json!({}), "events must be an array"),
            ("events", json!([1]), "events must be an array of strings"),
            ("url", json!("example.com"), "Invalid URL format"),
            ("url", json!("ftp://example.com"), "Invalid URL format"),
            ("url", json!("http://"), "Invalid URL format"),
            ("url", json!(5), "Invalid URL format"),
            ("name", json!(5), "name must be a non-empty string"),
            ("name", json!("n".repeat(1_001)), "name must not be longer than 1000 characters"),
            ("secret", json!("s".repeat(1_001)), "secret must not be longer than 1000 characters"),
            ("events", json!(vec!["a"; 101]), "events must hold at most 100 names of at most 200 characters"),
            (
                "events",
                json!(["a".repeat(201)]),
                "events must hold at most 100 names of at most 200 characters",
            ),
        ] {
            let mut body = full.clone();
            body[field] = value;
            assert_eq!(error_of(&body).as_deref(), Some(expected), "{field}");
        }
        let both_wrong = json!({"name": "n", "url": "x", "secret": "s", "events": 1});
        assert_eq!(error_of(&both_wrong).as_deref(), Some("events must be an array"));
    }

    #[test]
    fn a_patch_takes_any_subset() {
        let parse = |body: Value| {
            WebhookPatch::parse(body.as_object().expect("an object")).map_err(|e| e.to_string())
        };
        assert!(parse(json!({"enabled": 0})).is_ok_and(|patch| patch.enabled == Some(false)));
        for (body, expected) in [
            (json!({}), "No fields to update"),
            (json!({"id": 7}), "No fields to update"),
            (json!({"url": "x"}), "Invalid URL format"),
            (json!({"events": "x"}), "events must be an array"),
            (json!({"url": "x", "events": "x"}), "Invalid URL format"),
            (json!({"enabled": "no"}), "enabled must be a boolean"),
            (json!({"secret": null}), "secret must be a non-empty string"),
        ] {
            assert_eq!(parse(body).err().as_deref(), Some(expected));
        }
    }
}
