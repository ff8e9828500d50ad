//! Bodies that somebody's own template writes.
//!
//! The language is `MiniJinja`'s, in the part that [`super::subset`] allows. A template is given the event
//! and nothing else; what it may cost is bounded: its source, the data that it reads, its steps, and what
//! it writes.

use std::{
    fmt, io,
    sync::{Arc, LazyLock},
};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, value::Serde,
};
use serde_json::json;

use super::{RenderError, subset};
use crate::{
    event::Event,
    javascript,
    limits::{TEMPLATE_DATA_MAX_BYTES, TEMPLATE_FUEL, TEMPLATE_MAX_BYTES, TEMPLATE_OUTPUT_MAX_BYTES},
};

/// The name under which the engine keeps it.
const NAME: &str = "template";
/// An error's text, in characters: it may quote what the template did.
const MESSAGE_MAX_CHARS: usize = 300;

/// A template that was checked and compiled; copies share it.
#[derive(Clone)]
pub struct Template {
    source: Arc<str>,
    environment: Arc<Environment<'static>>,
}

/// Why a text is no template: one line; the text is the API's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// Longer than [`TEMPLATE_MAX_BYTES`].
    #[error("template must not be longer than {TEMPLATE_MAX_BYTES} bytes")]
    TooLong,
    /// It cannot be understood, or holds what templates must not hold.
    #[error("template, line {line}: {what}")]
    Line {
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
}

impl Template {
    /// Checks and compiles a template.
    ///
    /// # Errors
    /// [`InvalidTemplate`]; whether what it asks of an event is there shows when it is rendered.
    pub fn parse(source: &str) -> Result<Self, InvalidTemplate> {
        if source.len() > TEMPLATE_MAX_BYTES {
            return Err(InvalidTemplate::TooLong);
        }
        subset::check(source)?;
        let mut environment = ENGINE.clone();
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| InvalidTemplate::Line {
            line: error.line().unwrap_or(1),
            what: message(&error),
        })?;
        Ok(Self { source: source.into(), environment: Arc::new(environment) })
    }

    /// What it was made from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it writes of `event`.
    ///
    /// # Errors
    /// [`RenderError`] when it asks for what is not there, does what cannot be done, or exceeds a bound.
    pub fn render(&self, event: &Event) -> Result<String, RenderError> {
        if event.data.len() > TEMPLATE_DATA_MAX_BYTES {
            let reason = format!(
                "the event's data is larger than the {TEMPLATE_DATA_MAX_BYTES} bytes that a template reads"
            );
            return Err(RenderError(reason));
        }
        let data: serde_json::Value = serde_json::from_str(&javascript::well_formed(&event.data))
            .map_err(|error| RenderError(format!("the event's data is no JSON: {error}")))?;
        let context = json!({
            "event": event.kind,
            "timestamp": event.at,
            "id": event.public_id,
            "data": data,
        });
        let mut body = Body(Vec::new());
        let template = self.environment.get_template(NAME).map_err(|error| failure(&error))?;
        template.render_captured_to(Serde(&context), &mut body).map_err(|error| failure(&error))?;
        String::from_utf8(body.0).map_err(|error| RenderError(error.to_string()))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}

/// The engine without a template; copies share its filters.
static ENGINE: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut engine = Environment::new();
    engine.set_fuel(Some(TEMPLATE_FUEL));
    // What is not there can be asked about, but not written.
    engine.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    // Errors then name what was undefined.
    engine.set_debug(true);
    // Escaping is the formatter's.
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_formatter(write_value);
    engine.add_filter("tojson", |value: &Value| to_json(value).map(Value::from_safe_string));
    engine.add_filter("truncate", truncate);
    // The engine's takes a set of characters, and looks through all of it at each.
    engine.add_filter("trim", |text: &str| text.trim().to_owned());
    engine
});

/// Writes a value so that it can stand between the quotes of a JSON string, unless it is marked as safe.
fn write_value(out: &mut Output, _state: &mut State, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str().filter(|_| value.is_safe()) {
        return out.write_str(text).map_err(Error::from);
    }
    let text = match value.as_str() {
        Some(text) => quoted(text),
        None if value.is_undefined() => return Ok(()),
        None => quoted(&to_json(value)?),
    };
    out.write_str(&text[1..text.len() - 1]).map_err(Error::from)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A value as `JSON.stringify` would write it.
fn to_json(value: &Value) -> Result<String, Error> {
    let text = serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
    javascript::normalise(&text).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// The first `length` characters, and an ellipsis in the last one's place when there are more.
fn truncate(text: &str, length: usize) -> String {
    if text.chars().nth(length).is_none() {
        return text.to_owned();
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).take(length).collect()
}

/// A body in the making, which takes no more than [`TEMPLATE_OUTPUT_MAX_BYTES`].
struct Body(Vec<u8>);

impl io::Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > TEMPLATE_OUTPUT_MAX_BYTES {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failure(error: &Error) -> RenderError {
    let reason = match error.kind() {
        ErrorKind::WriteFailure => format!("writes more than {TEMPLATE_OUTPUT_MAX_BYTES} bytes"),
        ErrorKind::OutOfFuel => format!("takes more than {TEMPLATE_FUEL} steps"),
        _ => message(error),
    };
    RenderError(match error.line() {
        Some(line) => format!("template, line {line}: {reason}"),
        None => format!("template: {reason}"),
    })
}

/// One line of what went wrong, without the place.
pub(super) fn message(error: &Error) -> String {
    let text = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MESSAGE_MAX_CHARS).collect()
}
