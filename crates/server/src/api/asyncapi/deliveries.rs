//! What webhooks are told: events of game nights, what happens on channels, and either in Pusher's format.

use fanfare_model::{
    event::{Event as Committed, kind},
    format::Format,
    webhook::{Webhook, WebhookOptions},
};
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::{
    super::samples,
    committed, data,
    events::EVENTS,
    occurrences::{OCCURRENCES, Told},
    parsed,
    schemas::{about, and_maybe, constant, count, exactly, list_of, named, one_of, text, with},
};
use crate::dispatch;

/// The key of a delivery in Pusher's format.
pub(super) const PUSHER_DELIVERY: &str = "webhook.pusher";

/// The key of an event's delivery.
pub(super) fn delivery(kind: &str) -> String {
    format!("webhook.{kind}")
}

/// The keys of all deliveries in the ordinary format.
pub(super) fn keys() -> impl Iterator<Item = String> {
    let of_games = EVENTS.iter().map(|event| event.kind);
    of_games.chain(OCCURRENCES.iter().map(|told| told.kind)).map(delivery)
}

/// Every delivery by its key.
pub(super) fn messages() -> impl Iterator<Item = (String, Value)> {
    let of_games = EVENTS.iter().map(|event| ordinary(&committed(event), event.summary, &named("Timestamp")));
    let moment = about(json!({"type": "integer"}), "Milliseconds since 1970");
    let of_channels = OCCURRENCES.iter().map(move |told| ordinary(&told.event(), told.summary, &moment));
    of_games.chain(of_channels).chain([(PUSHER_DELIVERY.to_owned(), pushers())])
}

/// The schemas of headers.
pub(super) fn headers() -> [(String, Value); 2] {
    let mut pushers = ordinary_headers();
    let key = json!({"type": "string", "minLength": 1, "description": "The key of the webhook's app"});
    let signature = "HMAC-SHA256 of exactly the body, with the app's secret as key, in hexadecimal";
    let signature = json!({"type": "string", "pattern": "^[0-9a-f]{64}$", "description": signature});
    for (name, schema) in [("x-pusher-key", key), ("x-pusher-signature", signature)] {
        pushers["properties"][name] = schema;
        pushers["required"].as_array_mut().expect("a list").push(name.into());
    }
    [("WebhookHeaders".to_owned(), ordinary_headers()), ("PusherWebhookHeaders".to_owned(), pushers)]
}

fn ordinary(event: &Committed, summary: &str, timestamp: &Value) -> (String, Value) {
    let message = json!({
        "name": event.kind,
        "summary": summary,
        "headers": named("WebhookHeaders"),
        "payload": exactly(&[
            ("event", constant(&event.kind)),
            ("timestamp", timestamp.clone()),
            ("data", named(&data(&event.kind))),
        ]),
        "examples": [example(event, &samples::webhook())],
    });
    (delivery(&event.kind), message)
}

/// A body of Pusher's webhooks tells of one event.
fn pushers() -> Value {
    let of_channel = [kind::CHANNEL_OCCUPIED, kind::CHANNEL_VACATED, kind::CACHE_MISS];
    let of_channel = exactly(&[("name", one_of(&of_channel)), ("channel", text())]);
    let of_member = one_of(&[kind::MEMBER_ADDED, kind::MEMBER_REMOVED]);
    let of_member = exactly(&[("name", of_member), ("channel", text()), ("user_id", text())]);
    let of_client =
        exactly(&[("name", constant(kind::CLIENT_EVENT)), ("channel", text()), ("event", text())]);
    let user = about(text(), "Who it was, on a presence channel");
    let of_client = and_maybe(of_client, &[("data", text()), ("socket_id", text()), ("user_id", user)]);
    let any_other = exactly(&[("name", text()), ("data", json!({"type": "object"}))]);
    let mut events = list_of(&json!({"oneOf": [of_channel, of_member, of_client, any_other]}));
    (events["minItems"], events["maxItems"]) = (1.into(), 1.into());

    let options = WebhookOptions { format: Format::Pusher, ..WebhookOptions::default() };
    let webhook = Webhook { options, ..samples::webhook() };
    let examples = OCCURRENCES.iter().filter(|told| told.is_pushers()).map(Told::event);
    let game = EVENTS.first().map(committed);
    let examples: Vec<_> = examples.chain(game).map(|event| example(&event, &webhook)).collect();
    json!({
        "name": "pusher",
        "summary": "What a webhook of the format `pusher` is sent.",
        "headers": named("PusherWebhookHeaders"),
        "payload": exactly(&[("time_ms", count()), ("events", events)]),
        "examples": examples,
    })
}

/// The request that the webhook is sent.
fn example(event: &Committed, webhook: &Webhook) -> Value {
    let request = dispatch::request(event, webhook, event.at);
    let mut request = request.expect("the format has a body for each event");
    if webhook.options.format == Format::Pusher {
        dispatch::sign_for_pusher(&mut request, &samples::application());
    }
    json!({"headers": texts(&request.headers), "payload": parsed(&String::from_utf8_lossy(&request.body))})
}

fn texts(headers: &HeaderMap) -> Map<String, Value> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), json!(text(value)))).collect()
}

/// What every webhook is sent.
fn ordinary_headers() -> Value {
    let header = |pattern: &str, description: &str| json!({"type": "string", "pattern": pattern, "description": description});
    with(&[
        ("content-type", header("^application/json$", "The body is JSON")),
        ("user-agent", header("^Jackbox-Game-Picker-Webhook/1\\.0$", "Who sends")),
        ("x-webhook-event", header("^[a-z_-]+(\\.[a-z-]+)?$", "The event's name")),
        (
            "x-webhook-signature",
            header(
                "^sha256=[0-9a-f]{64}$",
                "HMAC-SHA256 of exactly the body, with the webhook's secret as key, in hexadecimal",
            ),
        ),
        ("webhook-id", header("^.+$", "The event's `id`, the same for every attempt")),
        ("webhook-timestamp", header("^[0-9]+$", "When this attempt was made, in seconds since 1970")),
        (
            "webhook-signature",
            header(
                "^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)*$",
                "HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}` in base64, as Standard Webhooks defines it; \
                 while a secret is being replaced one for each, the new one first",
            ),
        ),
    ])
}
