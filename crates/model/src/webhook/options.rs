//! How a webhook is sent to, beyond where.

use super::{Header, InvalidWebhook};
use crate::{format::Format, retry::RetrySchedule};

/// How a webhook is sent to; `None` is what the configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookOptions {
    /// The verb of its requests.
    pub method: Method,
    /// Added to its requests; no two have the same name.
    pub headers: Vec<Header>,
    /// From the look-up of the name to the last byte of the response, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// The waits between attempts.
    pub retry_schedule: Option<RetrySchedule>,
    /// Which of its deliveries wait for each other.
    pub ordering: Ordering,
    /// Requests under way at once.
    pub max_in_flight: Option<u32>,
    /// Requests a second; `None`: as many as it takes.
    pub rate_limit: Option<u32>,
    /// What its requests hold.
    pub format: Format,
}

/// The verb of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// What receivers expect.
    #[default]
    Post,
    /// For receivers that want it.
    Put,
}

impl Method {
    /// The word of the API, of the database and of HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }

    /// Reads [`Method::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Post, Self::Put].into_iter().find(|method| method.as_str() == word)
    }
}

/// Which deliveries of a webhook wait for each other. One that failed for good lets the next go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ordering {
    /// None.
    #[default]
    None,
    /// All: one at a time, in the order of the events.
    Fifo,
    /// Those of one session, in the order of its events; other sessions flow past.
    Session,
}

impl Ordering {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Fifo, Self::Session];

    /// The word of the API and of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fifo => "fifo",
            Self::Session => "session",
        }
    }

    /// Reads [`Ordering::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ordering| ordering.as_str() == word)
    }
}

/// What is to be changed of [`WebhookOptions`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of WebhookOptions")]
pub struct OptionsPatch {
    pub method: Option<Method>,
    pub headers: Option<Vec<Header>>,
    pub timeout_ms: Option<Option<u64>>,
    pub retry_schedule: Option<Option<RetrySchedule>>,
    pub ordering: Option<Ordering>,
    pub max_in_flight: Option<Option<u32>>,
    pub rate_limit: Option<Option<u32>>,
    pub format: FormatPatch,
}

/// What is to be changed of a webhook's [`Format`]: its word and its template are given apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormatPatch {
    /// As [`Format::word`].
    pub word: Option<String>,
    /// As [`Format::template`].
    pub template: Option<String>,
}

impl FormatPatch {
    /// The format after this change. A template that is there goes with the word `template`.
    ///
    /// # Errors
    /// [`InvalidWebhook`] for what is no format, and for a template where none is used.
    pub fn applied_to(&self, format: Format) -> Result<Format, InvalidWebhook> {
        if *self == Self::default() {
            return Ok(format);
        }
        let word = self.word.as_deref().unwrap_or(format.word());
        let template = self.template.as_deref().or(format.template());
        let next = Format::parse(word, template).map_err(InvalidWebhook::Format)?;
        let is_used = self.template.is_none() || next.template().is_some();
        if is_used { Ok(next) } else { Err(InvalidWebhook::TemplateUnused) }
    }
}

impl OptionsPatch {
    /// The options after this change.
    ///
    /// # Errors
    /// [`InvalidWebhook::Header`] for a hidden value of a header that is not there; for the format see
    /// [`FormatPatch::applied_to`].
    pub fn applied_to(&self, options: WebhookOptions) -> Result<WebhookOptions, InvalidWebhook> {
        let headers = match &self.headers {
            Some(headers) => {
                let revealed = headers.iter().map(|header| header.revealed(&options.headers));
                revealed.collect::<Result<_, _>>().map_err(InvalidWebhook::Header)?
            }
            None => options.headers,
        };
        Ok(WebhookOptions {
            method: self.method.unwrap_or(options.method),
            headers,
            timeout_ms: self.timeout_ms.unwrap_or(options.timeout_ms),
            retry_schedule: self.retry_schedule.clone().unwrap_or(options.retry_schedule),
            ordering: self.ordering.unwrap_or(options.ordering),
            max_in_flight: self.max_in_flight.unwrap_or(options.max_in_flight),
            rate_limit: self.rate_limit.unwrap_or(options.rate_limit),
            format: self.format.applied_to(options.format)?,
        })
    }
}
