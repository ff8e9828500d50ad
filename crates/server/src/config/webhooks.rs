//! Webhooks that stand in the configuration: the table `[webhooks]`, and its endpoints with a table of
//! keys of their own. What a value must look like is known here; the file is not.

use fanfare_model::{
    format::Format,
    limits::{
        APP_WORD_MAX_CHARS, IN_FLIGHT_LIMIT_PER_WEBHOOK, RATE_LIMIT_MAX, WEBHOOK_EVENT_MAX_CHARS,
        WEBHOOK_EVENTS_MAX, WEBHOOK_HEADERS_MAX, WEBHOOK_TEXT_MAX_CHARS,
    },
    retry::{LINEAR_ATTEMPTS, LINEAR_DELAY_MS, RetrySchedule},
    webhook::{Header, Method, NewWebhook, Ordering, Origin, WebhookOptions, is_app, is_url},
};

use super::{
    ConfigError, Secret,
    file::Table,
    key::{Field, Key, key, secret},
    secret::{HIDDEN, without_password},
};

/// The list of endpoints in the file.
pub(super) const ENDPOINTS: &str = "webhooks.endpoints";

/// What tells endpoints apart.
const URL: &str = "webhooks.endpoints.url";

/// The longest first wait of a retry, in milliseconds: fifty of them that grow end within 7 days.
pub(super) const RETRY_DELAY_MAX_MS: u64 = 7 * 24 * 60 * 60 * 1_000 / 50;

/// Webhooks from the configuration file and from an embedding program.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// Without it the endpoints of the configuration file get nothing.
    pub enabled: bool,
    /// Attempts after the first.
    pub retry_attempts: u32,
    /// The first wait before another attempt, in milliseconds; each that follows is longer by as much.
    pub retry_delay_ms: i64,
    /// From the look-up of the name to the last byte of the response.
    pub timeout_ms: u64,
    /// Signs what is sent to endpoints without a secret of their own; `None`: nothing does.
    pub secret: Option<Secret>,
    /// Those of the configuration file; no two have the same URL.
    pub endpoints: Vec<Endpoint>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            enabled: true,
            retry_attempts: LINEAR_ATTEMPTS,
            retry_delay_ms: LINEAR_DELAY_MS,
            timeout_ms: 5_000,
            secret: None,
            endpoints: Vec::new(),
        }
    }
}

/// A receiver that is made known by the configuration file or by an embedding program.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// http or https with a host.
    pub url: String,
    /// Names of events, families such as `game.*`, or `*`.
    pub events: Vec<String>,
    /// The id of the application whose events it hears; `None`: the default one, to which the game nights
    /// belong.
    pub app: Option<String>,
    /// For people; `None`: the URL.
    pub name: Option<String>,
    /// Signs what is sent to it; `None`: the secret of [`Webhooks`], if there is one.
    pub secret: Option<Secret>,
    /// The verb of its requests.
    pub method: Method,
    /// Added to its requests; no two have the same name.
    pub headers: Vec<Header>,
    /// Which of its deliveries wait for each other.
    pub ordering: Ordering,
    /// Requests under way at once; `None`: 16.
    pub max_in_flight: Option<u32>,
    /// Requests a second; `None`: as many as it takes.
    pub rate_limit: Option<u32>,
}

/// Without the password that may stand in the URL, and without secrets.
impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &without_password(&self.url))
            .field("events", &self.events)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// A receiver of these events, with everything else as it is by default.
    pub fn new<S: Into<String>>(url: impl Into<String>, events: impl IntoIterator<Item = S>) -> Self {
        Self {
            url: url.into(),
            events: events.into_iter().map(Into::into).collect(),
            app: None,
            name: None,
            secret: None,
            method: Method::default(),
            headers: Vec::new(),
            ordering: Ordering::default(),
            max_in_flight: None,
            rate_limit: None,
        }
    }

    /// What an embedding program made, judged as the configuration file is. The error is one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut checked = Self::new("", [""; 0]);
        set_url(&mut checked, &self.url).map_err(|problem| format!("url: {problem}"))?;
        set_events(&mut checked, &self.events).map_err(|problem| format!("events: {problem}"))?;
        if let Some(app) = &self.app {
            set_app(&mut checked, app).map_err(|problem| format!("app: {problem}"))?;
        }
        if let Some(name) = &self.name {
            set_name(&mut checked, name).map_err(|problem| format!("name: {problem}"))?;
        }
        if let Some(own) = &self.secret {
            set_secret(&mut checked, &own.0).map_err(|problem| format!("secret {problem}"))?;
        }
        no_more_headers(&self.headers).map_err(|problem| format!("headers {problem}"))?;
        let bounds = [
            ("max_in_flight", self.max_in_flight, IN_FLIGHT_LIMIT_PER_WEBHOOK),
            ("rate_limit", self.rate_limit, RATE_LIMIT_MAX),
        ];
        let out = bounds.into_iter().find(|(_, number, max)| number.is_some_and(|n| n == 0 || n > *max));
        out.map_or(Ok(()), |(name, _, max)| Err(format!("{name} must be from 1 to {max}")))
    }
}

impl Webhooks {
    /// An endpoint as a webhook that is to be made.
    pub(crate) fn webhook(&self, endpoint: &Endpoint, origin: Origin) -> NewWebhook {
        let retry_schedule = RetrySchedule::linear(self.retry_attempts, self.retry_delay_ms);
        let secret = endpoint.secret.as_ref().or(self.secret.as_ref());
        NewWebhook {
            name: endpoint.name.clone().unwrap_or_else(|| shortened(&endpoint.url)),
            url: endpoint.url.clone(),
            secret: secret.map(|secret| secret.0.clone()).unwrap_or_default(),
            events: endpoint.events.clone(),
            app: endpoint.app.clone().unwrap_or_default(),
            options: WebhookOptions {
                method: endpoint.method,
                headers: endpoint.headers.clone(),
                timeout_ms: Some(self.timeout_ms),
                // An embedding program may ask for what the file cannot: then for the usual waits.
                retry_schedule: retry_schedule.ok(),
                ordering: endpoint.ordering,
                max_in_flight: endpoint.max_in_flight,
                rate_limit: endpoint.rate_limit,
                format: Format::Json,
            },
            origin,
        }
    }
}

/// A name is shorter than a URL may be.
fn shortened(url: &str) -> String {
    without_password(url).chars().take(WEBHOOK_TEXT_MAX_CHARS).collect()
}

/// What an endpoint of the file can say.
pub(super) const ENDPOINT_KEYS: &[Key<Endpoint>] = &[
    Key {
        needed: true,
        ..key(
            URL,
            "Where to send: http or https. No two endpoints have the same, which is what tells them apart",
            Field::Text { get: |e| Some(without_password(&e.url)), set: set_url },
        )
    },
    Key {
        needed: true,
        ..key(
            "webhooks.endpoints.events",
            "What to send: names of events, families such as game.*, or * for all",
            Field::Texts { get: |e| e.events.clone(), set: set_events },
        )
    },
    Key {
        unset: "the default app",
        ..key(
            "webhooks.endpoints.app",
            "The id of the app whose events it hears",
            Field::Text { get: |e| e.app.clone(), set: set_app },
        )
    },
    Key {
        unset: "the url",
        ..key(
            "webhooks.endpoints.name",
            "What people call it",
            Field::Text { get: |e| e.name.clone(), set: set_name },
        )
    },
    Key {
        unset: "webhooks.secret",
        ..key(
            "webhooks.endpoints.secret",
            "What its requests are signed with",
            Field::Secret { get: |e| e.secret.as_ref().map(|_| HIDDEN.to_owned()), set: set_secret },
        )
    },
    key(
        "webhooks.endpoints.method",
        "The verb of its requests: POST or PUT",
        Field::Text { get: |e| Some(e.method.as_str().to_owned()), set: set_method },
    ),
    key(
        "webhooks.endpoints.headers",
        "Headers that are added to its requests, such as { Authorization = \"Bearer …\" }",
        Field::SecretsByName {
            get: |e| e.headers.iter().map(|header| header.name().to_owned()).collect(),
            set: set_headers,
        },
    ),
    key(
        "webhooks.endpoints.ordering",
        "Which of its deliveries wait for each other: none, all (fifo) or those of one session",
        Field::Text { get: |e| Some(e.ordering.as_str().to_owned()), set: set_ordering },
    ),
    Key {
        unset: "16",
        ..key(
            "webhooks.endpoints.max_in_flight",
            "Its requests under way at once",
            Field::Number {
                range: 1..=IN_FLIGHT_LIMIT_PER_WEBHOOK as u64,
                get: |e| e.max_in_flight.map(u64::from),
                set: |e, count| e.max_in_flight = u32::try_from(count).ok(),
            },
        )
    },
    Key {
        unset: "as many as it takes",
        ..key(
            "webhooks.endpoints.rate_limit",
            "Its requests a second",
            Field::Number {
                range: 1..=RATE_LIMIT_MAX as u64,
                get: |e| e.rate_limit.map(u64::from),
                set: |e, count| e.rate_limit = u32::try_from(count).ok(),
            },
        )
    },
];

/// Reads the endpoints of the file; an error names the line and the key.
pub(super) fn endpoints(tables: &[Table<Endpoint>]) -> Result<Vec<Endpoint>, ConfigError> {
    let mut endpoints: Vec<Endpoint> = Vec::with_capacity(tables.len());
    for table in tables {
        let mut endpoint = Endpoint::new("", [""; 0]);
        table.fill(&mut endpoint, ENDPOINT_KEYS)?;
        if endpoints.iter().any(|other| other.url == endpoint.url) {
            let problem = format!("is {:?}: another endpoint has it", without_password(&endpoint.url));
            return Err(ConfigError::Value { origin: table.origin_of(URL).clone(), name: URL, problem });
        }
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

fn set_url(endpoint: &mut Endpoint, text: &str) -> Result<(), String> {
    if text.contains(HIDDEN) {
        return Err(format!("{HIDDEN} only stands for a password"));
    }
    if !is_url(text) {
        return Err("expected an http or https URL".to_owned());
    }
    text.clone_into(&mut endpoint.url);
    Ok(())
}

fn set_events(endpoint: &mut Endpoint, events: &[String]) -> Result<(), String> {
    let fits = |name: &String| name.chars().count() <= WEBHOOK_EVENT_MAX_CHARS;
    if events.len() > WEBHOOK_EVENTS_MAX || !events.iter().all(fits) {
        return Err(format!(
            "expected at most {WEBHOOK_EVENTS_MAX} names of at most {WEBHOOK_EVENT_MAX_CHARS} characters"
        ));
    }
    events.clone_into(&mut endpoint.events);
    Ok(())
}

fn set_app(endpoint: &mut Endpoint, text: &str) -> Result<(), String> {
    if !is_app(text) {
        return Err(format!("expected 1 to {APP_WORD_MAX_CHARS} of the characters A-Z a-z 0-9 _ -"));
    }
    endpoint.app = Some(text.to_owned());
    Ok(())
}

fn set_name(endpoint: &mut Endpoint, text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().count() > WEBHOOK_TEXT_MAX_CHARS {
        return Err(format!("expected 1 to {WEBHOOK_TEXT_MAX_CHARS} characters"));
    }
    endpoint.name = Some(text.to_owned());
    Ok(())
}

fn set_secret(endpoint: &mut Endpoint, text: &str) -> Result<(), String> {
    endpoint.secret = Some(signing_secret(text)?);
    Ok(())
}

/// A secret that signs.
pub(super) fn signing_secret(text: &str) -> Result<Secret, String> {
    if text.chars().count() > WEBHOOK_TEXT_MAX_CHARS {
        return Err(format!("is longer than {WEBHOOK_TEXT_MAX_CHARS} characters"));
    }
    secret(text)
}

fn set_method(endpoint: &mut Endpoint, text: &str) -> Result<(), String> {
    endpoint.method = Method::parse(text).ok_or("expected POST or PUT")?;
    Ok(())
}

fn set_ordering(endpoint: &mut Endpoint, text: &str) -> Result<(), String> {
    endpoint.ordering = Ordering::parse(text).ok_or("expected none, fifo or session")?;
    Ok(())
}

fn set_headers(endpoint: &mut Endpoint, fields: &[(String, String)]) -> Result<(), String> {
    let header = |(name, value): &(String, String)| {
        if value.contains(HIDDEN) {
            return Err(format!("holds {HIDDEN}, which only stands for the value of {name}: expected that"));
        }
        // The model's words begin with the field of the API.
        Header::new(name, value)
            .map_err(|error| error.to_string().replacen("headers: ", "cannot be sent: ", 1))
    };
    let headers = fields.iter().map(header).collect::<Result<Vec<_>, _>>()?;
    no_more_headers(&headers)?;
    endpoint.headers = headers;
    Ok(())
}

fn no_more_headers(headers: &[Header]) -> Result<(), String> {
    let is_again = |(at, header): (usize, &Header)| {
        headers[..at].iter().any(|other| other.name().eq_ignore_ascii_case(header.name()))
    };
    if headers.len() > WEBHOOK_HEADERS_MAX || headers.iter().enumerate().any(is_again) {
        return Err(format!("are too many: expected at most {WEBHOOK_HEADERS_MAX} names, each once"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
