//! Webhooks and their logs.

use axum::{
    Json,
    extract::{RawQuery, State},
    routing::{get, post},
};
use fanfare_model::{
    limits,
    webhook::{NewWebhook, Webhook, WebhookPatch},
};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;

use super::{
    body::{New, Object},
    error::Error,
    extract::{Admin, Ids, positive_integer},
    views::{LogView, WebhookView, created},
};
use crate::app::{Answer, App, Error as AppError};

type Reply<T> = Result<Json<T>, Error>;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/api/webhooks", get(list_webhooks).post(create_webhook))
        .route("/api/webhooks/{id}", get(get_webhook).patch(update_webhook).delete(delete_webhook))
        .route("/api/webhooks/test/{id}", post(test_webhook))
        .route("/api/webhooks/{id}/logs", get(list_webhook_logs))
}

async fn list_webhooks(State(app): State<App>, _: Admin) -> Reply<Vec<WebhookView>> {
    Ok(Json(app.list_webhooks().await?.into_iter().map(WebhookView::from).collect()))
}

async fn get_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<WebhookView> {
    Ok(Json(app.get_webhook(id).await?.into()))
}

async fn create_webhook(State(app): State<App>, _: Admin, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|webhook: &Webhook| {
        created(&WebhookView::with_message(webhook.clone(), "Webhook created successfully"))
    });
    Ok(app.create_webhook(NewWebhook::parse(&new.body).map_err(AppError::from)?, creation).await?)
}

async fn update_webhook(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Reply<WebhookView> {
    let webhook = app.update_webhook(id, WebhookPatch::parse(&body)).await?;
    Ok(Json(WebhookView::with_message(webhook, "Webhook updated successfully")))
}

async fn delete_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<Value> {
    app.delete_webhook(id).await?;
    Ok(Json(json!({"message": "Webhook deleted successfully", "webhookId": id})))
}

async fn test_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<Value> {
    app.test_webhook(id).await?;
    Ok(Json(json!({
        "message": "Test webhook sent",
        "note": "Check webhook_logs table for delivery status",
    })))
}

/// `limit` is 1 to 500; anything else counts as 50.
async fn list_webhook_logs(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    RawQuery(query): RawQuery,
) -> Reply<Vec<LogView>> {
    let query = query.unwrap_or_default();
    let limit = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "limit")
        .last()
        .and_then(|(_, value)| positive_integer(&value))
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit <= limits::LOGS_MAX_ROWS)
        .unwrap_or(limits::LOGS_DEFAULT_ROWS);
    Ok(Json(app.list_webhook_logs(id, limit).await?.into_iter().map(LogView::from).collect()))
}
