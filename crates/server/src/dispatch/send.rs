//! One attempt: the request that a webhook gets for an event, and what came of it. Decides nothing
//! about when, and writes nothing down.

use bytes::Bytes;
use fanfare_model::{
    Timestamp,
    delivery::{Next, Outcome},
    event::Event,
    limits::RESPONSE_KEEP_MAX_BYTES,
    signature,
    webhook::Webhook,
};
use fanfare_store::deliveries::{Due, Settlement};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{
    config,
    egress::{Egress, Outgoing, Reply},
    timers::Clock,
};

const USER_AGENT: HeaderValue = HeaderValue::from_static("Jackbox-Game-Picker-Webhook/1.0");
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/json");
const X_WEBHOOK_EVENT: HeaderName = HeaderName::from_static("x-webhook-event");
const X_WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("x-webhook-signature");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What every attempt is made with.
pub(super) struct Sender {
    pub(super) egress: Egress,
    pub(super) settings: config::Delivery,
    pub(super) clock: Clock,
}

impl Sender {
    /// Makes the next attempt of `due`. `chance` is uniform and becomes the jitter of a retry.
    pub(super) async fn attempt(&self, due: &Due, webhook: &Webhook, chance: u64) -> Settlement {
        let Self { egress, settings, clock } = self;
        let started = clock.tick();
        let reply = egress.send(request(&due.event, webhook, clock.now()), settings.timeout_ms).await;
        let outcome = match reply {
            Ok(Reply { status, body, .. }) => Outcome::Response { status, body: kept(&body) },
            Err(fault) => Outcome::Fault { kind: fault.kind, message: fault.message },
        };
        let (at, attempt) = (clock.now(), due.attempts.saturating_add(1));
        Settlement {
            delivery_id: due.id,
            webhook_id: due.webhook_id,
            event_id: due.event.id,
            attempt,
            next: Next::after(&outcome, attempt, &settings.retry_schedule, at, chance),
            outcome,
            duration_ms: i64::try_from(clock.tick().since(started).as_millis()).unwrap_or(i64::MAX),
            at,
        }
    }
}

/// The request for `event`, made and signed at `now`: the signed bytes are the sent bytes.
pub(crate) fn request(event: &Event, webhook: &Webhook, now: Timestamp) -> Outgoing {
    let body = Bytes::from(event.webhook_body());
    let (secret, seconds) = (&webhook.secret, now.as_seconds());
    let headers = HeaderMap::from_iter([
        (header::CONTENT_TYPE, CONTENT_TYPE),
        (header::USER_AGENT, USER_AGENT),
        (X_WEBHOOK_EVENT, header_value(&event.kind)),
        (X_WEBHOOK_SIGNATURE, header_value(&signature::brief_header(secret, &body))),
        (WEBHOOK_ID, header_value(&event.public_id)),
        (WEBHOOK_TIMESTAMP, HeaderValue::from(seconds)),
        (
            WEBHOOK_SIGNATURE,
            header_value(&signature::standard_header(secret, &event.public_id, seconds, &body)),
        ),
    ]);
    Outgoing { method: Method::POST, url: webhook.url.clone(), headers, body }
}

/// `text` as a header value; a control character, which none may hold, becomes `?`.
fn header_value(text: &str) -> HeaderValue {
    let text: String = text.chars().map(|c| if c.is_ascii_control() { '?' } else { c }).collect();
    HeaderValue::from_bytes(text.as_bytes()).expect("no control characters are left")
}

/// The start of a response as the log keeps it: text, without NUL, which `PostgreSQL` cannot store.
fn kept(body: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(body).replace('\0', "\u{FFFD}");
    text.truncate(text.floor_char_boundary(RESPONSE_KEEP_MAX_BYTES));
    text
}

#[cfg(test)]
mod tests;
