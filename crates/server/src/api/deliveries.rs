//! A webhook's deliveries: looking at them, sending them again, calling them off.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use fanfare_model::{
    Timestamp,
    delivery::{Delivery, DeliveryState, LogRow},
    limits,
    replay::ReplayRequest,
    text,
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Object,
    error::{Error, ErrorBody, invalid},
    extract::{Admin, Ids, Query},
    schemas::Switch,
    views::LogView,
};
use crate::app::{App, Error as AppError, SentRequest};

type Reply<T> = Result<Json<T>, Error>;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(get_delivery))
        .routes(routes!(get_delivery_request))
        .routes(routes!(resend_delivery))
        .routes(routes!(cancel_delivery))
        .routes(routes!(replay_deliveries))
}

/// One event on its way to one webhook; `payload` is the event's `data`, not the envelope.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(super) struct DeliveryView {
    #[schema(minimum = 1)]
    id: i64,
    #[schema(minimum = 1)]
    webhook_id: i64,
    /// The event's id, the `webhook-id` of every attempt.
    event_id: String,
    event_type: String,
    /// When the event happened.
    event_at: Timestamp,
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    #[schema(inline, value_type = StateWord)]
    state: &'static str,
    /// Attempts made so far.
    #[schema(minimum = 0)]
    attempts: i64,
    /// When it is due, if it is pending.
    #[schema(required)]
    next_at: Option<Timestamp>,
    /// Its attempts that are still in the log, first to last; only in the answer about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    log: Option<Vec<LogView>>,
}

/// Where a delivery stands.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the words of `DeliveryState`")]
enum StateWord {
    Pending,
    Delivered,
    Failed,
    Held,
    Cancelled,
}

/// What is listed.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `listed_state` reads")]
enum ListedState {
    Pending,
    Failed,
    Held,
    Cancelled,
}

impl DeliveryView {
    pub(super) fn with_log(delivery: Delivery, log: Vec<LogRow>) -> Self {
        Self { log: Some(log.into_iter().map(LogView::from).collect()), ..delivery.into() }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            event_id: delivery.event_id,
            event_type: delivery.event_type,
            event_at: delivery.event_at,
            payload: RawValue::from_string(delivery.payload).expect("an event's data is JSON"),
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            next_at: delivery.next_at,
            log: None,
        }
    }
}

/// A request to a receiver.
#[derive(Serialize, ToSchema)]
struct DeliveryRequest {
    #[schema(example = "POST")]
    method: String,
    /// Without a name and a password, which become the header `authorization`.
    #[schema(example = "https://bot.example/hook")]
    url: String,
    /// By name, in lower case.
    #[schema(example = json!({"content-type": "application/json", "webhook-id": "evt_1", "x-webhook-event": "game.added", "x-key": "***"}))]
    headers: BTreeMap<String, String>,
    /// The exact body.
    #[schema(example = "{\"event\":\"game.added\",\"timestamp\":\"2026-03-15T20:30:00.000Z\",\"data\":{}}")]
    body: String,
}

impl From<SentRequest> for DeliveryRequest {
    fn from(SentRequest { method, url, headers, body }: SentRequest) -> Self {
        Self { method, url, headers, body }
    }
}

/// What is to be sent again.
#[derive(ToSchema)]
#[schema(as = ReplayRequest)]
#[expect(dead_code, reason = "describes what `ReplayRequest::parse` reads")]
struct ReplayBody {
    #[schema(inline)]
    which: ReplayWord,
    /// Of events that happened then or later; null: from the beginning.
    #[schema(format = "date-time", example = "2026-03-15T18:00:00Z")]
    since: Option<String>,
    /// Of events that happened then or earlier; null: until now.
    #[schema(format = "date-time", example = "2026-03-15T23:00:00Z")]
    until: Option<String>,
    /// Only counts.
    dry_run: Option<Switch>,
}

/// Which deliveries are sent again: those that were given up, those that were kept back while the webhook
/// was disabled, or events that it asks for now and has no delivery of.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the words of `Replay`")]
enum ReplayWord {
    Failed,
    Held,
    Missed,
}

/// What is sent again, or would be.
#[derive(Serialize, ToSchema)]
struct Replayed {
    #[schema(inline, value_type = ReplayWord)]
    which: &'static str,
    since: Timestamp,
    until: Timestamp,
    dry_run: bool,
    /// Deliveries that became pending, or would.
    #[schema(minimum = 0, example = 12)]
    count: i64,
}

/// A webhook's deliveries in one state, newest first.
///
/// Those that were delivered are not listed: each of their attempts is in the log. For the next page give
/// the last id as `before`.
#[utoipa::path(
    get,
    path = "/api/webhooks/{id}/deliveries",
    tag = "Webhooks",
    params(
        ("id" = i64, Path, minimum = 1, description = "The webhook"),
        ("state" = inline(Option<ListedState>), Query, description = "Which; `pending` when it is not given"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 500, description = "Rows at most; 50 when it is not given"),
        ("before" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Only those with a smaller id"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "The deliveries", body = Vec<DeliveryView>),
        (status = 400, description = "A parameter has a value that it does not take", body = ErrorBody),
        (status = 404, description = "Webhook not found", body = ErrorBody),
    )
)]
async fn list_deliveries(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    query: Query,
) -> Reply<Vec<DeliveryView>> {
    let state = listed_state(query.last("state"))?;
    let limit = query.limit(limits::LOGS_DEFAULT_ROWS, limits::LOGS_MAX_ROWS)?;
    let before = match query.last("before") {
        None => i64::MAX,
        Some(value) => text::integer(value, 1..=limits::INTEGER_MAX)
            .ok_or_else(|| invalid("Invalid value for before: expected a positive integer"))?,
    };
    let deliveries = app.list_deliveries(id, state, before, limit).await?;
    Ok(Json(deliveries.into_iter().map(DeliveryView::from).collect()))
}

fn listed_state(word: Option<&str>) -> Result<DeliveryState, Error> {
    let Some(word) = word else { return Ok(DeliveryState::Pending) };
    match DeliveryState::parse(word) {
        Some(DeliveryState::Delivered) => Err(invalid(
            "Deliveries that were delivered are not listed: see the log, GET /api/webhooks/{id}/logs",
        )),
        Some(state) => Ok(state),
        None => Err(invalid("Invalid value for state: expected pending, failed, held or cancelled")),
    }
}

/// One delivery with its attempts, delivered or not.
#[utoipa::path(
    get,
    path = "/api/webhooks/{id}/deliveries/{delivery_id}",
    tag = "Webhooks",
    params(
        ("id" = i64, Path, minimum = 1, description = "The webhook"),
        ("delivery_id" = i64, Path, minimum = 1, description = "The delivery"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "The delivery", body = DeliveryView),
        (status = 404, description = "Webhook or delivery not found", body = ErrorBody),
    )
)]
async fn get_delivery(
    State(app): State<App>,
    _: Admin,
    Ids([webhook_id, id]): Ids<2>,
) -> Reply<DeliveryView> {
    let (delivery, log) = app.get_delivery(webhook_id, id).await?;
    Ok(Json(DeliveryView::with_log(delivery, log)))
}

/// What an attempt of a delivery sends.
///
/// It is made as the webhook is now; body and `webhook-id` are those of every attempt as long as the webhook's
/// format stays as it is, time and signatures are new in each. Of headers that the webhook was given the values
/// are `***`. `Host`, `Content-Length` and `Accept-Encoding` are added on the way.
#[utoipa::path(
    get,
    path = "/api/webhooks/{id}/deliveries/{delivery_id}/request",
    tag = "Webhooks",
    params(
        ("id" = i64, Path, minimum = 1, description = "The webhook"),
        ("delivery_id" = i64, Path, minimum = 1, description = "The delivery"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "The request", body = DeliveryRequest),
        (status = 400, description = "The webhook's template does not fit the event", body = ErrorBody),
        (status = 404, description = "Webhook or delivery not found", body = ErrorBody),
    )
)]
async fn get_delivery_request(
    State(app): State<App>,
    _: Admin,
    Ids([webhook_id, id]): Ids<2>,
) -> Reply<DeliveryRequest> {
    Ok(Json(app.delivery_request(webhook_id, id).await?.into()))
}

/// Sends a delivery again, whatever came of it.
///
/// It is due at once and its retry schedule begins anew. The receiver sees the same `webhook-id`.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/deliveries/{delivery_id}/resend",
    tag = "Webhooks",
    params(
        ("id" = i64, Path, minimum = 1, description = "The webhook"),
        ("delivery_id" = i64, Path, minimum = 1, description = "The delivery"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "It is pending", body = DeliveryView),
        (status = 404, description = "Webhook or delivery not found", body = ErrorBody),
        (status = 409, description = "The webhook is disabled", body = ErrorBody),
    )
)]
async fn resend_delivery(
    State(app): State<App>,
    _: Admin,
    Ids([webhook_id, id]): Ids<2>,
) -> Reply<DeliveryView> {
    Ok(Json(app.resend_delivery(webhook_id, id).await?.into()))
}

/// Calls off a delivery that is pending, held or failed.
///
/// An attempt that is under way may still deliver it.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/deliveries/{delivery_id}/cancel",
    tag = "Webhooks",
    params(
        ("id" = i64, Path, minimum = 1, description = "The webhook"),
        ("delivery_id" = i64, Path, minimum = 1, description = "The delivery"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "It is cancelled", body = DeliveryView),
        (status = 404, description = "Webhook or delivery not found", body = ErrorBody),
        (status = 409, description = "The delivery is over", body = ErrorBody),
    )
)]
async fn cancel_delivery(
    State(app): State<App>,
    _: Admin,
    Ids([webhook_id, id]): Ids<2>,
) -> Reply<DeliveryView> {
    Ok(Json(app.cancel_delivery(webhook_id, id).await?.into()))
}

/// Sends many deliveries again, or counts them.
///
/// They are due at once, each webhook's order is kept, and their retry schedules begin anew. With `dry_run`
/// nothing is sent, and the webhook may be disabled.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/replay",
    tag = "Webhooks",
    params(("id" = i64, Path, minimum = 1, description = "The webhook")),
    security(("bearerAuth" = [])),
    request_body = ReplayBody,
    responses(
        (status = 200, description = "How many", body = Replayed),
        (status = 400, description = "It is not clear what is to be sent", body = ErrorBody),
        (status = 404, description = "Webhook not found", body = ErrorBody),
        (status = 409, description = "The webhook is disabled", body = ErrorBody),
        (status = 503, description = "The server is stopping; what is left can be asked for again", body = ErrorBody),
    )
)]
async fn replay_deliveries(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Reply<Replayed> {
    let request = ReplayRequest::parse(&body, app.clock.now()).map_err(AppError::from)?;
    let ReplayRequest { which, since, until, dry_run } = request;
    let count = app.replay(id, request).await?;
    Ok(Json(Replayed { which: which.as_str(), since, until, dry_run, count }))
}
