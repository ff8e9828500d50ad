//! Firing events by hand.

use axum::extract::State;
use fanfare_model::{event::kind, fired::Fired, limits};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::New,
    error::{Error, ErrorBody},
    extract::Admin,
    views::created,
};
use crate::app::{Answer, App, Error as AppError, FiredEvent};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(fire_event))
}

/// The name of an event, and no pattern.
struct FiredName;

impl PartialSchema for FiredName {
    fn schema() -> RefOr<Schema> {
        let description = "Any name that is no pattern: neither `*` nor one that ends with `.*`.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(limits::WEBHOOK_EVENT_MAX_CHARS))
            .pattern(Some(r"^[^\u0000]*([^*\u0000]|[^.\u0000]\*)$"))
            .description(Some(description))
            .examples(["order.paid", kind::GAME_ADDED])
            .into()
    }
}

impl ToSchema for FiredName {}

/// An event that is to be heard.
#[derive(ToSchema)]
#[schema(example = json!({"event": "order.paid", "data": {"order": 7, "total": "12.50"}}))]
#[expect(dead_code, reason = "describes what `Fired::parse` reads")]
struct FireEvent {
    event: FiredName,
    /// Sent as JavaScript would write it; `{}` when nothing is said.
    #[schema(nullable = false, value_type = Option<Object>)]
    data: Option<serde_json::Value>,
}

/// An event that was fired.
#[derive(Serialize, ToSchema)]
#[schema(as = FiredEvent)]
struct FiredView<'a> {
    /// The `webhook-id` of every attempt to deliver it.
    #[schema(min_length = 1, example = "evt_019cf33b00002f7e5d1c8a60b94e3d21")]
    id: &'a str,
    #[schema(example = "order.paid")]
    event: &'a str,
    /// How many webhooks it is on its way to.
    #[schema(minimum = 0, example = 2)]
    deliveries: u64,
    /// For how many disabled webhooks it is kept.
    #[schema(minimum = 0, example = 0)]
    held: u64,
}

impl<'a> From<&'a FiredEvent> for FiredView<'a> {
    fn from(fired: &'a FiredEvent) -> Self {
        let FiredEvent { public_id, kind, reach } = fired;
        Self { id: public_id, event: kind, deliveries: reach.pending, held: reach.held }
    }
}

/// Fires an event by hand.
///
/// Every webhook that names it is told, with the promises that hold for all events; sockets and event
/// streams are not. `*` names the events of game nights alone: one of another name must be named, or
/// its family: `order.*`.
#[utoipa::path(
    post,
    path = "/api/events/fire",
    tag = "Events",
    security(("bearerAuth" = [])),
    request_body = FireEvent,
    responses(
        (status = 201, description = "It is committed, and on its way", body = FiredView),
        (status = 400, description = "`event` is no name, or `data` no object", body = ErrorBody),
        (status = 422, description = "The `Idempotency-Key` was used for another request", body = ErrorBody),
    )
)]
async fn fire_event(State(app): State<App>, _: Admin, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|fired: &FiredEvent| created(&FiredView::from(fired)));
    let fired = Fired::parse(new.body.get("event"), new.text_of("data")).map_err(AppError::from)?;
    Ok(app.fire_event(fired, creation).await?)
}
