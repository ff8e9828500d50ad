//! Health, and signing in.

use axum::{
    Json,
    extract::State,
    routing::{get, post},
};
use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{body::Object, error::Error, extract::Admin, guard::ClientAddress};
use crate::app::{App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/health", get(health))
        .routes(routes!(readiness))
        .route("/api/auth/login", post(login))
        .route("/api/auth/verify", post(verify))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "message": "Jackbox Game Picker API is running"}))
}

/// Whether the server can do its work now: the database answers and is this server's, and the
/// server is not about to stop.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "Health",
    responses((status = 200, description = "It can", body = Readiness))
)]
async fn readiness(State(app): State<App>) -> Result<Json<Readiness>, Error> {
    app.check_readiness().await?;
    Ok(Json(Readiness { status: "ready" }))
}

/// That the server can do its work.
#[derive(serde::Serialize, utoipa::ToSchema)]
struct Readiness {
    #[schema(example = "ready")]
    status: &'static str,
}

/// Takes the key as `key` or as `apiKey`.
async fn login(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Object(body): Object,
) -> Result<Json<Value>, Error> {
    let given = |name| body.get(name).and_then(Value::as_str).filter(|key: &&str| !key.is_empty());
    let key = given("key").or_else(|| given("apiKey"));
    let key = key.ok_or(AppError::Invalid("Admin key is required".into()))?;
    let token = app.login(key, address)?;
    Ok(Json(json!({"token": token, "message": "Authentication successful", "expiresIn": "24h"})))
}

async fn verify(Admin(claims): Admin) -> Json<Value> {
    Json(json!({"valid": true, "user": claims.0}))
}
