//! What rows look like on the wire.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use fanfare_model::{
    Timestamp,
    breaker::Health,
    delivery::LogRow,
    event::SessionGameRow,
    game::Game,
    json::Flag,
    session::{Session, SessionGame},
    webhook::{HIDDEN_VALUE, Header, Webhook},
};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};
use utoipa::ToSchema;

use crate::app::{Answer, Examined};

/// The answer to a request that created something.
pub(super) fn created<T: Serialize>(row: &T) -> Answer {
    answer(201, row)
}

/// An answer with that status and `body` as JSON.
pub(super) fn answer<T: Serialize>(status: u16, body: &T) -> Answer {
    let body = serde_json::to_string(body).expect("rows have string keys only");
    Answer { status, body, is_repeated: false }
}

/// What borrows from a local value and so cannot leave the handler, as JSON.
pub(super) fn json<T: Serialize>(body: &T) -> Response {
    Json(body).into_response()
}

/// How many of something, in words: one game, two games.
pub(super) fn count(number: impl TryInto<u64>, of: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {of}{plural}")
}

/// A game of the library; booleans as `0`/`1`.
#[derive(Serialize, ToSchema)]
pub(super) struct GameRow<'a> {
    #[schema(minimum = 1)]
    id: i64,
    pack_name: &'a str,
    /// Unique in its pack.
    title: &'a str,
    #[schema(minimum = 1)]
    min_players: i64,
    #[schema(minimum = 1)]
    max_players: i64,
    /// How long a round takes, if it is known.
    #[schema(required, minimum = 1)]
    length_minutes: Option<i64>,
    has_audience: Flag,
    family_friendly: Flag,
    #[schema(required)]
    game_type: Option<&'a str>,
    #[schema(required)]
    secondary_type: Option<&'a str>,
    /// How often it was played, in all sessions.
    #[schema(minimum = 0)]
    play_count: i64,
    /// `upvotes` minus `downvotes`.
    popularity_score: i64,
    #[schema(minimum = 0)]
    upvotes: i64,
    #[schema(minimum = 0)]
    downvotes: i64,
    /// Whether it may be picked.
    enabled: Flag,
    /// How much the picker likes it.
    #[schema(minimum = -1, maximum = 1)]
    favor_bias: i64,
    created_at: Timestamp,
}

impl<'a> From<&'a Game> for GameRow<'a> {
    fn from(game: &'a Game) -> Self {
        Self {
            popularity_score: game.popularity_score(),
            id: game.id,
            pack_name: &game.pack_name,
            title: &game.title,
            min_players: game.min_players,
            max_players: game.max_players,
            length_minutes: game.length_minutes,
            has_audience: Flag(game.has_audience),
            family_friendly: Flag(game.family_friendly),
            game_type: game.game_type.as_deref(),
            secondary_type: game.secondary_type.as_deref(),
            play_count: game.play_count,
            upvotes: game.upvotes,
            downvotes: game.downvotes,
            enabled: Flag(game.enabled),
            favor_bias: game.favor_bias,
            created_at: game.created_at,
        }
    }
}

/// A session; booleans as `0`/`1`.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionRow {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(required)]
    notes: Option<String>,
    is_active: Flag,
    created_at: Timestamp,
    #[schema(required)]
    closed_at: Option<Timestamp>,
    /// Its games, of any status.
    #[schema(minimum = 0)]
    games_played: i64,
}

impl From<Session> for SessionRow {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            notes: session.notes,
            is_active: Flag(session.is_active),
            created_at: session.created_at,
            closed_at: session.closed_at,
            games_played: session.games_played,
        }
    }
}

/// A session's game, the same row as in events.
pub(super) fn session_game(row: &SessionGame) -> Response {
    json(&SessionGameRow::from(row))
}

/// A webhook, without its secret; booleans as `true`/`false`.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(super) struct WebhookView {
    #[schema(minimum = 1)]
    id: i64,
    name: String,
    url: String,
    events: Vec<String>,
    enabled: bool,
    created_at: Timestamp,
    /// Why the server disabled it, if it did.
    #[schema(required)]
    disabled_reason: Option<String>,
    /// The app whose events it hears; null: the default app.
    #[schema(required, example = json!(null))]
    app: Option<String>,
    /// `config`: it stands in the configuration file, which alone changes it.
    #[schema(inline, value_type = WebhookOrigin)]
    origin: &'static str,
    #[schema(inline, value_type = WebhookMethod)]
    method: &'static str,
    /// Names of headers that are added; their values are hidden.
    #[schema(value_type = std::collections::BTreeMap<String, String>, example = json!({"Authorization": "***"}))]
    headers: Map<String, Value>,
    /// How long one attempt may take; null: what the configuration says.
    #[schema(required, minimum = 10, maximum = 300_000)]
    timeout_ms: Option<u64>,
    /// Waits between attempts; null: what the configuration says.
    #[schema(required, max_items = 50, example = json!([1000, 2000, 3000]))]
    retry_schedule_ms: Option<Vec<i64>>,
    /// Which deliveries wait for each other: none, all (`fifo`), or those of one session.
    #[schema(inline, value_type = WebhookOrdering)]
    ordering: &'static str,
    /// Requests under way at once; null: 16.
    #[schema(required, minimum = 1, maximum = 64)]
    max_in_flight: Option<u32>,
    /// Requests a second; null: any number.
    #[schema(required, minimum = 1, maximum = 10_000)]
    rate_limit: Option<u32>,
    /// What its requests hold: the event as it is or as Pusher's webhooks tell it, a message for Discord or
    /// Slack, or what the template makes of it.
    #[schema(inline, value_type = WebhookFormat)]
    format: &'static str,
    /// The template of the format `template`.
    #[schema(required)]
    template: Option<String>,
    health: HealthView,
    /// When the last of the secrets that were replaced stops signing beside the current one; not there
    /// when none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    old_secrets_until: Option<Timestamp>,
    /// What was done; only in answers to changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Webhook updated successfully")]
    message: Option<&'static str>,
}

impl WebhookView {
    pub(super) fn with_message(webhook: impl Into<Examined>, message: &'static str) -> Self {
        Self { message: Some(message), ..webhook.into().into() }
    }
}

impl From<Examined> for WebhookView {
    fn from(Examined { webhook, health }: Examined) -> Self {
        let old_secrets_until = webhook.old_secrets.iter().map(|old| old.expires_at).max();
        let Webhook {
            id, name, url, events, enabled, created_at, disabled_reason, app, origin, options, ..
        } = webhook;
        let hidden = |header: &Header| (header.name().to_owned(), HIDDEN_VALUE.into());
        Self {
            id,
            name,
            url,
            events,
            enabled,
            created_at,
            disabled_reason,
            app: Some(app).filter(|app| !app.is_empty()),
            origin: origin.as_str(),
            method: options.method.as_str(),
            headers: options.headers.iter().map(hidden).collect(),
            timeout_ms: options.timeout_ms,
            retry_schedule_ms: options.retry_schedule.map(|schedule| schedule.delays_ms().to_vec()),
            ordering: options.ordering.as_str(),
            max_in_flight: options.max_in_flight,
            rate_limit: options.rate_limit,
            format: options.format.word(),
            template: options.format.template().map(str::to_owned),
            health: health.into(),
            old_secrets_until,
            message: None,
        }
    }
}

/// How a webhook's receiver does.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookHealth)]
struct HealthView {
    /// Attempts in a row that failed.
    #[schema(minimum = 0)]
    failures: u32,
    /// When the first of them ended.
    #[schema(required)]
    failing_since: Option<Timestamp>,
    /// Until then nothing is sent, for its failures or because it asked to be left alone.
    #[schema(required)]
    held_until: Option<Timestamp>,
}

impl From<Health> for HealthView {
    fn from(health: Health) -> Self {
        Self { failures: health.failures, failing_since: health.failing_since, held_until: health.hold_until }
    }
}

/// Who looks after a webhook.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the words of `Origin`")]
enum WebhookOrigin {
    Api,
    Config,
}

/// The verb of a webhook's requests.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "describes the words of `Method`")]
pub(super) enum WebhookMethod {
    Post,
    Put,
}

/// What a webhook's requests hold.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the words of `Format`")]
pub(super) enum WebhookFormat {
    Json,
    Discord,
    Slack,
    Pusher,
    Template,
}

/// Which deliveries of a webhook wait for each other.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the words of `Ordering`")]
pub(super) enum WebhookOrdering {
    None,
    Fifo,
    Session,
}

/// One attempt in a webhook's log; `payload` is the event's `data`, not the envelope.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookLog)]
pub(super) struct LogView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(minimum = 1)]
    webhook_id: i64,
    /// The delivery that was tried.
    #[schema(minimum = 1)]
    delivery_id: i64,
    /// The event's id, the `webhook-id` of every attempt.
    event_id: String,
    event_type: String,
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    /// Which attempt of the delivery it was.
    #[schema(minimum = 1)]
    attempt: i64,
    /// How long it took.
    #[schema(minimum = 0)]
    duration_ms: i64,
    /// The receiver's status, if it answered.
    #[schema(required, minimum = 100, maximum = 999)]
    response_status: Option<u16>,
    /// What went wrong, if anything did.
    #[schema(required)]
    error_message: Option<String>,
    /// The class of what went wrong, if anything did: `status` is an answer that is no 2xx.
    #[schema(required, inline, value_type = Option<ErrorKind>)]
    error_kind: Option<String>,
    /// The first 4096 bytes of the response's body, if it answered.
    #[schema(required)]
    response_head: Option<String>,
    /// When it is to be tried again, if it is.
    #[schema(required)]
    next_retry_at: Option<Timestamp>,
    created_at: Timestamp,
}

impl From<LogRow> for LogView {
    fn from(row: LogRow) -> Self {
        Self {
            id: row.id,
            webhook_id: row.webhook_id,
            delivery_id: row.delivery_id,
            event_id: row.event_id,
            event_type: row.event_type,
            payload: RawValue::from_string(row.payload).expect("an event's data is JSON"),
            attempt: row.attempt,
            duration_ms: row.duration_ms,
            response_status: row.response_status,
            error_message: row.error_message,
            error_kind: row.error_kind,
            response_head: row.response_head,
            next_retry_at: row.next_retry_at,
            created_at: row.created_at,
        }
    }
}

/// What goes wrong with attempts.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the words of `Outcome::class`")]
enum ErrorKind {
    Status,
    Refused,
    Dns,
    Connect,
    Tls,
    Timeout,
    Protocol,
    Render,
}
