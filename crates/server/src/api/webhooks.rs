//! Webhooks and their logs.

use axum::{Json, extract::State};
use fanfare_model::{
    limits, text,
    webhook::{NewWebhook, Webhook, WebhookPatch},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{New, Object},
    error::{Error, ErrorBody},
    extract::{Admin, Ids, Query},
    schemas::AnyNumber,
    views::{LogView, WebhookView, created},
    webhook_fields::{NewWebhookBody, WebhookPatchBody},
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
/// the retry schedule ends. What is not given is as the configuration says.
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
///
/// A field that is not given stays as it is; `null` goes back to the default. A `secret` that is replaced
/// signs beside the new one for a while: `webhook-signature` holds the signatures of both, and
/// `X-Webhook-Signature` that of the new one. Of a webhook that stands in the configuration file only
/// `enabled` can be changed.
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
        (status = 409, description = "It stands in the configuration file", body = ErrorBody),
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
        (status = 409, description = "It stands in the configuration file", body = ErrorBody),
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
