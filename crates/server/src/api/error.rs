//! The only table of statuses and of error bodies.

use std::{any::Any, borrow::Cow};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::app::Error as AppError;

/// Why a request got no answer of its own.
#[derive(Debug)]
pub(crate) enum Error {
    /// The use case's reason.
    App(AppError),
    /// No token.
    NoToken,
    /// A token that is not valid now, or not an admin's.
    BadToken,
    /// The body cannot be used as it came.
    Body(BodyError),
}

/// Why a body cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than so many bytes.
    TooLarge(usize),
    /// Not declared as JSON.
    NotJsonType,
    /// Not JSON.
    NotJson,
    /// JSON, but no object.
    NotObject,
    /// A string holds U+0000.
    Nul,
    /// It did not arrive in time.
    TooSlow,
    /// It broke off.
    BrokeOff,
}

impl BodyError {
    fn status_and_text(self) -> (StatusCode, Cow<'static, str>) {
        match self {
            Self::TooLarge(max) => {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("Request body is larger than {max} bytes").into())
            }
            Self::NotJsonType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json".into())
            }
            Self::NotJson => (StatusCode::BAD_REQUEST, "Request body is not valid JSON".into()),
            Self::NotObject => (StatusCode::BAD_REQUEST, "Request body must be a JSON object".into()),
            Self::Nul => {
                (StatusCode::BAD_REQUEST, "Request body must not contain the character U+0000".into())
            }
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "Request body did not arrive in time".into()),
            Self::BrokeOff => (StatusCode::BAD_REQUEST, "Request body broke off".into()),
        }
    }
}

impl From<AppError> for Error {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::App(error) => app_response(error),
            Self::NoToken => refusal(StatusCode::UNAUTHORIZED, "Access token required"),
            Self::BadToken => refusal(StatusCode::FORBIDDEN, "Invalid or expired token"),
            Self::Body(error) => {
                let (status, text) = error.status_and_text();
                refusal(status, &text)
            }
        }
    }
}

fn app_response(error: AppError) -> Response {
    match error {
        AppError::Invalid(text) => refusal(StatusCode::BAD_REQUEST, &text),
        AppError::SessionActive { id } => reply(
            StatusCode::BAD_REQUEST,
            json!({
                "error": "An active session already exists. Please close it before creating a new one.",
                "activeSessionId": id,
            }),
        ),
        AppError::NotFound(text) => refusal(StatusCode::NOT_FOUND, text),
        AppError::WrongKey => refusal(StatusCode::UNAUTHORIZED, "Invalid admin key"),
        AppError::TooManyLogins { retry_after_s } => {
            let mut response =
                refusal(StatusCode::TOO_MANY_REQUESTS, "Too many failed logins. Please try again later.");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
            response
        }
        AppError::Unavailable(detail) => {
            tracing::error!(detail, "the database is unavailable");
            fault(StatusCode::SERVICE_UNAVAILABLE, "The database is unavailable")
        }
        AppError::Bug(detail) => {
            tracing::error!(detail, "a request failed");
            fault(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
        }
    }
}

/// `{"error": text}`
pub(crate) fn refusal(status: StatusCode, text: &str) -> Response {
    reply(status, json!({ "error": text }))
}

/// What an unexpected fault looks like; `message` tells nothing of the inside.
fn fault(status: StatusCode, message: &str) -> Response {
    reply(status, json!({"error": "Something went wrong!", "message": message}))
}

fn reply(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}

pub(super) async fn unknown_route() -> Response {
    refusal(StatusCode::NOT_FOUND, "Not found")
}

pub(super) async fn unknown_method() -> Response {
    refusal(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

/// The panic itself is logged where it happened.
pub(super) fn on_panic(_panic: Box<dyn Any + Send>) -> Response {
    fault(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
}
