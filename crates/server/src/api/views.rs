//! What rows look like on the wire.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use fanfare_model::{
    Timestamp,
    delivery::LogRow,
    event::SessionGameRow,
    game::Game,
    json::Flag,
    session::{Session, SessionGame},
    webhook::Webhook,
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::app::Answer;

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
    /// What was done; only in answers to changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Webhook updated successfully")]
    message: Option<&'static str>,
}

impl WebhookView {
    pub(super) fn with_message(webhook: Webhook, message: &'static str) -> Self {
        Self { message: Some(message), ..webhook.into() }
    }
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        let Webhook { id, name, url, secret: _, events, enabled, created_at } = webhook;
        Self { id, name, url, events, enabled, created_at, message: None }
    }
}

/// One attempt in a webhook's log; `payload` is the event's `data`, not the envelope.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookLog)]
pub(super) struct LogView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(minimum = 1)]
    webhook_id: i64,
    event_type: String,
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    /// The receiver's status, if it answered.
    #[schema(required, minimum = 100, maximum = 999)]
    response_status: Option<u16>,
    /// What went wrong, if anything did.
    #[schema(required)]
    error_message: Option<String>,
    created_at: Timestamp,
}

impl From<LogRow> for LogView {
    fn from(row: LogRow) -> Self {
        let LogRow { id, webhook_id, event_type, payload, response_status, error_message, created_at } = row;
        let payload = RawValue::from_string(payload).expect("an event's data is JSON");
        Self { id, webhook_id, event_type, payload, response_status, error_message, created_at }
    }
}
