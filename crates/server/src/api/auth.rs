//! Health, and signing in.

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{AnyOfBuilder, Type},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Object,
    error::{Error, ErrorBody},
    extract::Admin,
    guard::ClientAddress,
};
use crate::app::{App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(readiness))
        .routes(routes!(login))
        .routes(routes!(verify))
}

/// That the server answers.
#[derive(Serialize, ToSchema)]
struct Health {
    #[schema(pattern = "^ok$", example = "ok")]
    status: &'static str,
    #[schema(example = "Jackbox Game Picker API is running")]
    message: &'static str,
}

/// Whether the server can do its work now: the database answers, can be written and is this server's,
/// and the server is not about to stop.
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
#[derive(Serialize, ToSchema)]
struct Readiness {
    #[schema(example = "ready")]
    status: &'static str,
}

/// Whether the server answers.
#[utoipa::path(
    get,
    path = "/health",
    tag = "Health",
    responses((status = 200, description = "The server answers", body = Health))
)]
async fn health() -> Json<Health> {
    Json(Health { status: "ok", message: "Jackbox Game Picker API is running" })
}

/// The admin key, under one of two names; `key` counts when both are usable.
struct LoginBody;

impl PartialSchema for LoginBody {
    fn schema() -> RefOr<Schema> {
        let named = |name| {
            let key = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
            ObjectBuilder::new().schema_type(Type::Object).property(name, key).required(name)
        };
        let description = "The admin key, under one of two names; `key` counts when both are usable.";
        AnyOfBuilder::new()
            .item(named("key"))
            .item(named("apiKey"))
            .description(Some(description))
            .examples([json!({"key": "the admin key"})])
            .into()
    }
}

impl ToSchema for LoginBody {}

/// A token.
#[derive(Serialize, ToSchema)]
struct LoggedIn {
    /// A JWT, to be sent as `Authorization: Bearer …`.
    #[schema(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYWRtaW4ifQ.c2lnbmF0dXJl")]
    token: String,
    #[schema(example = "Authentication successful")]
    message: &'static str,
    /// How long the token is valid.
    #[serde(rename = "expiresIn")]
    #[schema(pattern = "^24h$", example = "24h")]
    expires_in: &'static str,
}

/// Trades the admin key for a token of 24 hours.
///
/// An address that sent five wrong keys has to wait, longer after each further one.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "Auth",
    request_body = LoginBody,
    responses(
        (status = 200, description = "The token", body = LoggedIn),
        (status = 400, description = "Admin key is required", body = ErrorBody),
        (status = 401, description = "Invalid admin key", body = ErrorBody),
        (
            status = 429, description = "Too many failed logins. Please try again later.", body = ErrorBody,
            headers(("Retry-After" = u64, description = "Whole seconds to wait"))
        ),
    )
)]
async fn login(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Object(body): Object,
) -> Result<Json<LoggedIn>, Error> {
    let given = |name| body.get(name).and_then(Value::as_str).filter(|key: &&str| !key.is_empty());
    let key = given("key").or_else(|| given("apiKey"));
    let key = key.ok_or(AppError::Invalid("Admin key is required".into()))?;
    let token = app.login(key, address)?;
    Ok(Json(LoggedIn { token, message: "Authentication successful", expires_in: "24h" }))
}

/// That the token is valid.
#[derive(Serialize, ToSchema)]
struct Verified {
    #[schema(example = true)]
    valid: bool,
    #[schema(value_type = TokenClaims)]
    user: Map<String, Value>,
}

/// What the token says; other claims may stand beside these.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the claims of a token")]
struct TokenClaims {
    #[schema(pattern = "^admin$", example = "admin")]
    role: String,
    /// When it was issued, in seconds since 1970.
    #[schema(nullable = false, example = 1_773_606_600)]
    iat: Option<f64>,
    /// When it ends, in seconds since 1970.
    #[schema(nullable = false, example = 1_773_693_000)]
    exp: Option<f64>,
}

/// Says whether the token is valid, and what it says.
#[utoipa::path(
    post,
    path = "/api/auth/verify",
    tag = "Auth",
    security(("bearerAuth" = [])),
    responses((status = 200, description = "The token is valid", body = Verified))
)]
async fn verify(Admin(claims): Admin) -> Json<Verified> {
    Json(Verified { valid: true, user: claims.0 })
}
