//! Webhooks and their logs.

use axum::{Json, extract::State};
use fanfare_model::{
    event, limits, text,
    webhook::{NewWebhook, Webhook, WebhookPatch},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{New, Object},
    error::{Error, ErrorBody},
    extract::{Admin, Ids, Query},
    schemas::{AnyNumber, Switch, at_least_one},
    views::{LogView, WebhookView, created},
};
use crate::app::{Answer, App, Error as AppError};

type Reply<T> = Result<Json<T>, Error>;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks, create_webhook))
        .routes(routes!(get_webhook, update_webhook, delete_webhook))
        .routes(routes!(test_webhook))
        .routes(routes!(list_webhook_logs))
}

/// http or https with a host. Nothing else is checked when it is saved; where it leads is judged when
/// something is sent there. The pattern leaves out rarer forms that are understood as well, such as
/// IPv6 addresses.
#[derive(ToSchema)]
#[schema(
    pattern = r"^[Hh][Tt][Tt][Pp][Ss]?://(([A-Za-z0-9]+(-[A-Za-z0-9]+)*\.)*[A-Za-z][A-Za-z0-9]*|((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9]))(:([0-9]{1,4}|[1-5][0-9]{4}))?([/?#][^\u0000]*)?$",
    example = "https://bot.example/hooks/fanfare"
)]
#[expect(dead_code, reason = "describes what `is_url` takes")]
struct WebhookUrl(String);

/// The name of an event, or a pattern.
struct EventName;

impl PartialSchema for EventName {
    fn schema() -> RefOr<Schema> {
        let description = "The name of an event, such as `game.added`, or a pattern: `session.*`, or `*` for all \
             events of game nights. Unknown names are kept, and are heard of when somebody fires one.";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(limits::WEBHOOK_EVENT_MAX_CHARS))
            .description(Some(description))
            .examples([event::kind::GAME_ADDED])
            .into()
    }
}

impl ToSchema for EventName {}

/// A webhook that is to be made.
#[derive(ToSchema)]
#[schema(as = NewWebhook)]
#[expect(dead_code, reason = "describes what `NewWebhook::parse` reads")]
struct NewWebhookBody {
    #[schema(min_length = 1, max_length = 1000, example = "Announcer")]
    name: String,
    url: WebhookUrl,
    /// Signs what is sent, as UTF-8 bytes; it is never shown again.
    #[schema(min_length = 1, max_length = 1000, example = "a long random text")]
    secret: String,
    #[schema(max_items = 100, example = json!(["game.added", "session.*"]))]
    events: Vec<EventName>,
}

/// What can be changed of a webhook.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `WebhookPatch::parse` reads")]
struct WebhookFields {
    #[schema(nullable = false, min_length = 1, max_length = 1000, example = "Announcer")]
    name: Option<String>,
    #[schema(nullable = false)]
    url: Option<WebhookUrl>,
    /// Signs what is sent, as UTF-8 bytes; it is never shown again.
    #[schema(nullable = false, min_length = 1, max_length = 1000, example = "a longer random text")]
    secret: Option<String>,
    #[schema(nullable = false, max_items = 100, example = json!(["*"]))]
    events: Option<Vec<EventName>>,
    /// Whether it gets deliveries; what happens meanwhile is kept for a disabled one.
    #[schema(nullable = false)]
    enabled: Option<Switch>,
}

/// What is to be changed of a webhook: at least one of the fields.
struct WebhookPatchBody;

impl PartialSchema for WebhookPatchBody {
    fn schema() -> RefOr<Schema> {
        at_least_one(WebhookFields::schema(), ["name", "url", "secret", "events", "enabled"])
    }
}

impl ToSchema for WebhookPatchBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        WebhookFields::schemas(schemas);
    }
}

/// That a webhook is gone.
#[derive(Serialize, ToSchema)]
struct WebhookDeleted {
    #[schema(example = "Webhook deleted successfully")]
    message: &'static str,
    #[serde(rename = "webhookId")]
    #[schema(minimum = 1, example = 5)]
    webhook_id: i64,
}

/// That a test was put on its way.
#[derive(Serialize, ToSchema)]
struct WebhookTested {
    #[schema(example = "Test webhook sent")]
    message: &'static str,
    #[schema(example = "Check webhook_logs table for delivery status")]
    note: &'static str,
}

/// Every webhook, without its secret.
#[utoipa::path(
    get,
    path = "/api/webhooks",
    tag = "Webhooks",
    security(("bearerAuth" = [])),
    responses((status = 200, description = "The webhooks", body = Vec<WebhookView>))
)]
async fn list_webhooks(State(app): State<App>, _: Admin) -> Reply<Vec<WebhookView>> {
    Ok(Json(app.list_webhooks().await?.into_iter().map(WebhookView::from).collect()))
}

/// One webhook, without its secret.
#[utoipa::path(
    get,
    path = "/api/webhooks/{id}",
    tag = "Webhooks",
    params(("id" = i64, Path, minimum = 1, description = "The webhook")),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "The webhook", body = WebhookView),
        (status = 404, description = "Webhook not found", body = ErrorBody),
    )
)]
async fn get_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<WebhookView> {
    Ok(Json(app.get_webhook(id).await?.into()))
}

/// Makes a webhook.
///
/// From now on the events that it names are sent to its URL, each until it is answered with a 2xx or
/// the retry schedule ends.
#[utoipa::path(
    post,
    path = "/api/webhooks",
    tag = "Webhooks",
    security(("bearerAuth" = [])),
    request_body = NewWebhookBody,
    responses(
        (status = 201, description = "The webhook", body = WebhookView),
        (status = 400, description = "Missing required fields: name, url, secret, events", body = ErrorBody),
    )
)]
async fn create_webhook(State(app): State<App>, _: Admin, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|webhook: &Webhook| {
        created(&WebhookView::with_message(webhook.clone(), "Webhook created successfully"))
    });
    Ok(app.create_webhook(NewWebhook::parse(&new.body).map_err(AppError::from)?, creation).await?)
}

/// Changes a webhook.
#[utoipa::path(
    patch,
    path = "/api/webhooks/{id}",
    tag = "Webhooks",
    params(("id" = i64, Path, minimum = 1, description = "The webhook")),
    security(("bearerAuth" = [])),
    request_body = WebhookPatchBody,
    responses(
        (status = 200, description = "The webhook", body = WebhookView),
        (status = 400, description = "No fields to update", body = ErrorBody),
        (status = 404, description = "Webhook not found", body = ErrorBody),
    )
)]
async fn update_webhook(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Reply<WebhookView> {
    let webhook = app.update_webhook(id, WebhookPatch::parse(&body)).await?;
    Ok(Json(WebhookView::with_message(webhook, "Webhook updated successfully")))
}

/// Deletes a webhook and its log; what was not delivered yet will not be.
#[utoipa::path(
    delete,
    path = "/api/webhooks/{id}",
    tag = "Webhooks",
    params(("id" = i64, Path, minimum = 1, description = "The webhook")),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "It is gone", body = WebhookDeleted),
        (status = 404, description = "Webhook not found", body = ErrorBody),
    )
)]
async fn delete_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<WebhookDeleted> {
    app.delete_webhook(id).await?;
    Ok(Json(WebhookDeleted { message: "Webhook deleted successfully", webhook_id: id }))
}

/// Sends a dummy `game.added` to a webhook, disabled or not.
#[utoipa::path(
    post,
    path = "/api/webhooks/test/{id}",
    tag = "Webhooks",
    params(("id" = i64, Path, minimum = 1, description = "The webhook")),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "It is on its way", body = WebhookTested),
        (status = 404, description = "Webhook not found", body = ErrorBody),
    )
)]
async fn test_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<WebhookTested> {
    app.test_webhook(id).await?;
    Ok(Json(WebhookTested {
        message: "Test webhook sent",
        note: "Check webhook_logs table for delivery status",
    }))
}

/// The newest attempts to deliver to a webhook, newest first.
#[utoipa::path(
    get,
    path = "/api/webhooks/{id}/logs",
    tag = "Webhooks",
    params(
        ("id" = inline(AnyNumber), Path, description = "The webhook; an unknown one has no log", example = 5),
        ("limit" = inline(Option<AnyNumber>), Query, description = "Rows at most: 1 to 500; any other value counts as 50"),
    ),
    security(("bearerAuth" = [])),
    responses((status = 200, description = "The attempts", body = Vec<LogView>))
)]
async fn list_webhook_logs(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    query: Query,
) -> Reply<Vec<LogView>> {
    let limit = query.last("limit").and_then(|text| text::integer(text, 1..=limits::LOGS_MAX_ROWS));
    let limit = limit.unwrap_or(limits::LOGS_DEFAULT_ROWS);
    Ok(Json(app.list_webhook_logs(id, limit).await?.into_iter().map(LogView::from).collect()))
}
