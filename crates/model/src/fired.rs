//! Events that a client fires by hand: under any name, with any data, in no stream.

use serde_json::Value;

use crate::{
    javascript,
    limits::{JSON_DEPTH_MAX, WEBHOOK_EVENT_MAX_CHARS},
    pattern,
};

/// What somebody wants to be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// 1 to [`WEBHOOK_EVENT_MAX_CHARS`] characters, and no pattern.
    pub kind: String,
    /// A JSON object as JavaScript writes it.
    pub data: String,
}

/// Why a body does not describe an event; the text is the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum InvalidFired {
    #[error("event must be a string of 1 to {WEBHOOK_EVENT_MAX_CHARS} characters")]
    Name,
    #[error("event must be a name, not a pattern")]
    Pattern,
    #[error("data must be an object")]
    DataNotObject,
    #[error("data must not be nested more than {JSON_DEPTH_MAX} deep")]
    DataTooDeep,
}

impl Fired {
    /// Reads the members of the body of `POST /api/events/fire`: `event`, and the JSON of `data` as it
    /// came, which stands for `{}` when it is left out.
    ///
    /// # Errors
    /// The first of [`InvalidFired`] that applies.
    pub fn parse(event: Option<&Value>, data: Option<&str>) -> Result<Self, InvalidFired> {
        let kind = event.and_then(Value::as_str).ok_or(InvalidFired::Name)?;
        if !(1..=WEBHOOK_EVENT_MAX_CHARS).contains(&kind.chars().count()) {
            return Err(InvalidFired::Name);
        }
        if pattern::is_pattern(kind) {
            return Err(InvalidFired::Pattern);
        }
        let data = javascript::normalise(data.unwrap_or("{}")).map_err(|invalid| match invalid {
            javascript::Invalid::TooDeep => InvalidFired::DataTooDeep,
            javascript::Invalid::Syntax { .. } => InvalidFired::DataNotObject,
        })?;
        if !data.starts_with('{') {
            return Err(InvalidFired::DataNotObject);
        }
        Ok(Self { kind: kind.to_owned(), data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(event: &Value, data: Option<&str>) -> Result<(String, String), String> {
        let fired = Fired::parse(Some(event), data);
        fired.map(|fired| (fired.kind, fired.data)).map_err(|error| error.to_string())
    }

    #[test]
    fn any_name_and_any_object_will_do() {
        let longest = "🎮".repeat(WEBHOOK_EVENT_MAX_CHARS);
        for name in ["order.paid", "broadcast", "a b", ".", "a.*b", &longest] {
            assert_eq!(parse(&json!(name), None), Ok((name.to_owned(), "{}".to_owned())));
        }
    }

    #[test]
    fn data_is_what_javascript_would_write() {
        let data = r#" {"b": 1.0, "2": 1e21, "1": 9007199254740993, "b": 0.1e-6, "é": "\u00e9\/"}"#;
        let expected = r#"{"1":9007199254740992,"2":1e+21,"b":1e-7,"é":"é/"}"#;
        assert_eq!(parse(&json!("e"), Some(data)), Ok(("e".to_owned(), expected.to_owned())));
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let name = "event must be a string of 1 to 200 characters";
        let pattern = "event must be a name, not a pattern";
        for (event, expected) in [
            (json!(null), name),
            (json!(5), name),
            (json!(""), name),
            (json!("e".repeat(WEBHOOK_EVENT_MAX_CHARS + 1)), name),
            (json!("*"), pattern),
            (json!("order.*"), pattern),
        ] {
            assert_eq!(parse(&event, None), Err(expected.to_owned()), "{event}");
        }
        assert_eq!(Fired::parse(None, None), Err(InvalidFired::Name));
        for data in ["null", "[]", "\"{}\"", "7", "{", ""] {
            assert_eq!(parse(&json!("e"), Some(data)), Err("data must be an object".to_owned()), "{data}");
        }
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse(&json!("e"), Some(&nested(JSON_DEPTH_MAX))).is_ok());
        let too_deep = "data must not be nested more than 100 deep";
        assert_eq!(parse(&json!("e"), Some(&nested(JSON_DEPTH_MAX + 1))), Err(too_deep.to_owned()));
    }
}
