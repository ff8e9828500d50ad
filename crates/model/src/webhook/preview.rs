//! Looking at what a webhook would be sent.

use serde_json::{Map, Value};

use super::{FormatPatch, InvalidWebhook};
use crate::{
    Timestamp,
    event::{Event, kind},
    format::{Format, RenderError},
    javascript,
    limits::{PREVIEW_DATA_MAX_BYTES, WEBHOOK_EVENT_MAX_CHARS},
};

/// An event that is looked at only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewRequest {
    /// The event's name.
    pub event: String,
    /// Its `data`, a JSON object as JavaScript would write it; `None`: an example.
    pub data: Option<String>,
}

/// Why there is no preview; the text is the API's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum InvalidPreview {
    #[error("event must be a name of at most {WEBHOOK_EVENT_MAX_CHARS} characters")]
    Event,
    #[error("data must be an object of at most {PREVIEW_DATA_MAX_BYTES} bytes")]
    Data,
    #[error("data: {0}")]
    Json(#[from] javascript::Invalid),
    #[error(transparent)]
    Format(#[from] InvalidWebhook),
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl PreviewRequest {
    /// Reads the event of a body; `game.added` where none is named. `null` counts as not given.
    ///
    /// # Errors
    /// The first of [`InvalidPreview`] that applies.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, InvalidPreview> {
        let given = |name: &str| body.get(name).filter(|value| !value.is_null());
        let is_name = |name: &&str| !name.is_empty() && name.chars().count() <= WEBHOOK_EVENT_MAX_CHARS;
        let event = given("event").map_or(Some(kind::GAME_ADDED), Value::as_str).filter(is_name);
        let data = given("data").map(|data| {
            let text =
                data.is_object().then(|| javascript::stringify(data)).ok_or(InvalidPreview::Data)??;
            if text.len() > PREVIEW_DATA_MAX_BYTES { Err(InvalidPreview::Data) } else { Ok(text) }
        });
        Ok(Self { event: event.ok_or(InvalidPreview::Event)?.to_owned(), data: data.transpose()? })
    }

    /// The format that a body describes as that of a webhook would.
    ///
    /// # Errors
    /// [`InvalidPreview::Format`] for what is no format.
    pub fn format(body: &Map<String, Value>) -> Result<Format, InvalidPreview> {
        Ok(FormatPatch::parse(body)?.applied_to(Format::default())?)
    }

    /// The body of a request about the event, as if it happened at `now`. `example` gives the `data`
    /// of an event that comes without, by its name.
    ///
    /// # Errors
    /// [`InvalidPreview::Render`] when a template does not fit the event.
    pub fn render(
        self,
        format: &Format,
        now: Timestamp,
        example: fn(&str) -> Option<String>,
    ) -> Result<String, InvalidPreview> {
        let data = self.data.or_else(|| example(&self.event)).unwrap_or_else(|| "{}".to_owned());
        let event = Event {
            id: 0,
            public_id: "evt_preview".to_owned(),
            topic: None,
            seq: 0,
            place: 0,
            kind: self.event,
            at: now,
            data,
        };
        Ok(format.render(&event)?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn preview(body: &Value) -> Result<String, String> {
        let body = body.as_object().expect("an object");
        let show = || -> Result<String, InvalidPreview> {
            let format = PreviewRequest::format(body)?;
            let example = |kind: &str| (kind == "a.b").then(|| r#"{"x":1}"#.to_owned());
            PreviewRequest::parse(body)?.render(&format, Timestamp::EPOCH, example)
        };
        show().map_err(|error| error.to_string())
    }

    fn envelope(event: &str, data: &str) -> String {
        format!(r#"{{"event":"{event}","timestamp":"1970-01-01T00:00:00.000Z","data":{data}}}"#)
    }

    #[test]
    fn what_is_not_given_is_made_up() {
        assert_eq!(preview(&json!({})), Ok(envelope("game.added", "{}")));
        assert_eq!(preview(&json!({"event": "a.b"})), Ok(envelope("a.b", r#"{"x":1}"#)));
        let own = json!({"event": "a.b", "data": {"b": 1.0, "1": [null]}, "format": null});
        assert_eq!(preview(&own), Ok(envelope("a.b", r#"{"1":[null],"b":1}"#)), "as JavaScript writes it");
        let template = json!({"format": "template", "template": "{\"n\":{{ data.x }}}", "event": "a.b"});
        assert_eq!(preview(&template), Ok(r#"{"n":1}"#.to_owned()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut deep = json!({});
        for _ in 0..120 {
            deep = json!({ "a": deep });
        }
        for (body, expected) in [
            (json!({"event": ""}), "event must be a name of at most 200 characters"),
            (json!({"event": "é".repeat(201)}), "event must be a name of at most 200 characters"),
            (json!({"event": 1}), "event must be a name of at most 200 characters"),
            (json!({"data": []}), "data must be an object of at most 65536 bytes"),
            (json!({"data": {"a": "x".repeat(65_536)}}), "data must be an object of at most 65536 bytes"),
            (json!({ "data": deep }), "data: JSON nested more than 100 deep"),
            (json!({"format": "xml"}), "format must be one of: json, discord, slack, pusher, template"),
            (json!({"format": 1}), "format must be one of: json, discord, slack, pusher, template"),
            (json!({"format": "template"}), "format template needs a template"),
            (json!({"template": "x"}), "template is for the format template alone"),
            (json!({"template": 1}), "template must be a string"),
        ] {
            assert_eq!(preview(&body), Err(expected.to_owned()), "{body}");
        }
        let typo = json!({"format": "template", "template": "ok\n{{ data.x | shout }}"});
        assert!(preview(&typo).is_err_and(|error| error.starts_with("template, line 2: ")));
        let absent = json!({"format": "template", "template": "{{ data.y }}"});
        assert!(preview(&absent).is_err_and(|error| error.starts_with("template, line 1: ")));
    }
}
