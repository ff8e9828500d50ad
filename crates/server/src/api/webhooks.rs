//! Webhooks and their logs.

use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
};
use fanfare_model::{
    limits,
    webhook::{NewWebhook, WebhookPatch},
};
use serde_json::{Value, json};

use super::{
    body::Object,
    error::Error,
    extract::{Admin, Ids, positive_integer},
    views::{LogView, WebhookView},
};
use crate::app::{App, Error as AppError};

type Reply<T> = Result<Json<T>, Error>;

pub(super) async fn list_webhooks(State(app): State<App>, _: Admin) -> Reply<Vec<WebhookView>> {
    Ok(Json(app.list_webhooks().await?.into_iter().map(WebhookView::from).collect()))
}

pub(super) async fn get_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<WebhookView> {
    Ok(Json(app.get_webhook(id).await?.into()))
}

pub(super) async fn create_webhook(
    State(app): State<App>,
    _: Admin,
    Object(body): Object,
) -> Result<(StatusCode, Json<WebhookView>), Error> {
    let new = NewWebhook::parse(&body).map_err(AppError::from)?;
    let webhook = app.create_webhook(new).await?;
    Ok((StatusCode::CREATED, Json(WebhookView::with_message(webhook, "Webhook created successfully"))))
}

pub(super) async fn update_webhook(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Reply<WebhookView> {
    let webhook = app.update_webhook(id, WebhookPatch::parse(&body)).await?;
    Ok(Json(WebhookView::with_message(webhook, "Webhook updated successfully")))
}

pub(super) async fn delete_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<Value> {
    app.delete_webhook(id).await?;
    Ok(Json(json!({"message": "Webhook deleted successfully", "webhookId": id})))
}

pub(super) async fn test_webhook(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<Value> {
    app.test_webhook(id).await?;
    Ok(Json(json!({
        "message": "Test webhook sent",
        "note": "Check webhook_logs table for delivery status",
    })))
}

/// `limit` is 1 to 500; anything else counts as 50.
pub(super) async fn list_webhook_logs(
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
