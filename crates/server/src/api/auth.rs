//! Health, and signing in.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, State},
    routing::{get, post},
};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;

use super::{body::Object, error::Error, extract::Admin};
use crate::app::{App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/health", get(health))
        .route("/api/auth/login", post(login))
        .route("/api/auth/verify", post(verify))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "message": "Jackbox Game Picker API is running"}))
}

/// Takes the key as `key` or as `apiKey`.
async fn login(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Object(body): Object,
) -> Result<Json<Value>, Error> {
    let given = |name| body.get(name).and_then(Value::as_str).filter(|key: &&str| !key.is_empty());
    let key = given("key").or_else(|| given("apiKey"));
    let key = key.ok_or(AppError::Invalid("Admin key is required".into()))?;
    let token = app.login(key, peer.ip())?;
    Ok(Json(json!({"token": token, "message": "Authentication successful", "expiresIn": "24h"})))
}

async fn verify(Admin(claims): Admin) -> Json<Value> {
    Json(json!({"valid": true, "user": claims.0}))
}
