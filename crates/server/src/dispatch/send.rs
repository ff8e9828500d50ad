//! One attempt: the request that a webhook gets for an event, and what came of it. Decides nothing
//! about when, and writes nothing down.

use std::sync::Arc;

use bytes::Bytes;
use fanfare_model::{
    Timestamp,
    application::Application,
    delivery::{FaultKind, Next, Outcome},
    event::Event,
    format::{Format, RenderError},
    limits::RESPONSE_KEEP_MAX_BYTES,
    retry_after, signature,
    webhook::{self, Webhook, WebhookOptions},
};
use fanfare_store::deliveries::{Due, Settlement};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{
    config,
    egress::{Egress, Fault, Outgoing, Reply},
    timers::Clock,
};

const USER_AGENT: HeaderValue = HeaderValue::from_static("Jackbox-Game-Picker-Webhook/1.0");
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/json");
const X_WEBHOOK_EVENT: HeaderName = HeaderName::from_static("x-webhook-event");
const X_WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("x-webhook-signature");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const X_PUSHER_KEY: HeaderName = HeaderName::from_static("x-pusher-key");
const X_PUSHER_SIGNATURE: HeaderName = HeaderName::from_static("x-pusher-signature");

/// Finds an application as it is now by [`Webhook::app`].
pub(crate) type FindApplication = Arc<dyn Fn(&str) -> Option<Arc<Application>> + Send + Sync>;

/// What every attempt is made with.
pub(super) struct Sender {
    pub(super) applications: FindApplication,
    pub(super) egress: Egress,
    pub(super) settings: Arc<config::Delivery>,
    pub(super) clock: Clock,
}

impl Sender {
    /// Makes the next attempt of `due`. `chance` is uniform and becomes the jitter of a retry.
    pub(super) async fn attempt(&self, due: &Due, webhook: &Webhook, chance: u64) -> Settlement {
        let Self { egress, settings, clock, .. } = self;
        let WebhookOptions { timeout_ms, retry_schedule, .. } = &webhook.options;
        let started = clock.tick();
        let reply = match signed_request(&due.event, webhook, clock.now(), &*self.applications) {
            Ok(outgoing) => egress.send(outgoing, timeout_ms.unwrap_or(settings.timeout_ms)).await,
            Err(message) => Err(Fault { kind: FaultKind::Render, message }),
        };
        let outcome = match reply {
            Ok(Reply { status, body, retry_after }) => Outcome::Response {
                status,
                body: kept(&body),
                retry_after_ms: retry_after.and_then(|header| retry_after::parse(&header, clock.now())),
            },
            Err(fault) => Outcome::Fault { kind: fault.kind, message: fault.message },
        };
        let (at, attempt) = (clock.steady_now(), due.attempts.saturating_add(1));
        let schedule = retry_schedule.as_ref().unwrap_or(&settings.retry_schedule);
        let step = attempt.saturating_sub(due.schedule_from);
        Settlement {
            delivery_id: due.id,
            webhook_id: due.webhook_id,
            event_id: due.event.id,
            attempt,
            schedule_from: due.schedule_from,
            next: Next::after(&outcome, step, schedule, at, chance),
            outcome,
            duration_ms: i64::try_from(clock.tick().since(started).as_millis()).unwrap_or(i64::MAX),
            at,
        }
    }
}

/// The request for `event` that an attempt makes at `now`, or why there is none. In Pusher's format it is
/// signed with the secret that the application has now as well.
pub(crate) fn signed_request(
    event: &Event,
    webhook: &Webhook,
    now: Timestamp,
    find_application: impl Fn(&str) -> Option<Arc<Application>>,
) -> Result<Outgoing, String> {
    let mut outgoing = request(event, webhook, now).map_err(|error| error.to_string())?;
    if webhook.options.format == Format::Pusher {
        let application = find_application(&webhook.app);
        let application = application.ok_or("the app of the webhook does not exist")?;
        sign_for_pusher(&mut outgoing, &application);
    }
    Ok(outgoing)
}

/// Adds the headers of Pusher's webhooks.
pub(crate) fn sign_for_pusher(outgoing: &mut Outgoing, application: &Application) {
    let signature = signature::pusher_header(&application.secret, &outgoing.body);
    outgoing.headers.insert(X_PUSHER_KEY, header_value(&application.key));
    outgoing.headers.insert(X_PUSHER_SIGNATURE, header_value(&signature));
}

/// The request for `event`, made and signed at `now`: the signed bytes are the sent bytes. Every secret
/// that is still good has its signature in `webhook-signature`; `X-Webhook-Signature` can hold one.
///
/// # Errors
/// [`RenderError`] when the webhook's template has no body for the event.
pub(crate) fn request(event: &Event, webhook: &Webhook, now: Timestamp) -> Result<Outgoing, RenderError> {
    let body = Bytes::from(webhook.options.format.render(event)?);
    let (options, seconds) = (&webhook.options, now.as_seconds());
    let mut headers = HeaderMap::with_capacity(8 + options.headers.len());
    headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(X_WEBHOOK_EVENT, header_value(&event.kind));
    headers.insert(WEBHOOK_ID, header_value(&event.public_id));
    headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(seconds));
    let sign = |secret| signature::standard_header(secret, &event.public_id, seconds, &body);
    let signatures: Vec<_> = webhook.secrets_at(now).map(sign).collect();
    if !signatures.is_empty() {
        headers.insert(X_WEBHOOK_SIGNATURE, header_value(&signature::brief_header(&webhook.secret, &body)));
        headers.insert(WEBHOOK_SIGNATURE, header_value(&signatures.join(" ")));
    }
    for header in &options.headers {
        // The model lets only names and values pass that HTTP takes.
        if let (Ok(name), Ok(value)) = (header.name().parse::<HeaderName>(), header.value().parse()) {
            headers.insert(name, value);
        }
    }
    let method = match options.method {
        webhook::Method::Post => Method::POST,
        webhook::Method::Put => Method::PUT,
    };
    Ok(Outgoing { method, url: webhook.url.clone(), headers, body })
}

/// `text` as a header value; a control character, which none may hold, becomes `?`.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| {
        let text: String = text.chars().map(|c| if c.is_ascii_control() { '?' } else { c }).collect();
        HeaderValue::from_bytes(text.as_bytes()).expect("no control characters are left")
    })
}

/// The start of a response as the log keeps it: text, without NUL, which `PostgreSQL` cannot store.
fn kept(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(body).replace('\0', "\u{FFFD}");
    text.truncate(text.floor_char_boundary(RESPONSE_KEEP_MAX_BYTES));
    text
}

#[cfg(test)]
mod tests;
