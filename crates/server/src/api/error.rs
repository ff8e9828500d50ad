//! The only table of statuses and of error bodies.

use std::{any::Any, borrow::Cow};

use axum::{
    Json,
    http::{
        HeaderName, HeaderValue, Method, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use fanfare_model::{
    limits::IDEMPOTENCY_KEY_MAX_BYTES,
    pusher::{InvalidEvent, InvalidRequest},
};
use serde_json::{Map, Value, json};

use crate::{
    app::{Answer, Error as AppError},
    auth::Denial,
};

/// Marks an answer that an earlier request with the same `Idempotency-Key` got.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What every refusal looks like; some have more keys.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes what `reply` writes")]
pub(super) struct ErrorBody {
    /// What is wrong, for people.
    #[schema(example = "Game not found")]
    error: String,
}

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
    /// A subscription that is not allowed, or cannot be judged.
    Denied(Denial),
    /// A request that must be signed is not, or not well.
    Signature(InvalidRequest),
    /// What is to be published makes no sense, or is too large.
    Event(InvalidEvent),
    /// Not one `Host` header.
    BadHost,
    /// Too many requests came from this address.
    TooManyRequests {
        /// Whole seconds until one is let through.
        retry_after_s: u64,
    },
    /// Too many requests, sockets and streams of this address are under way.
    TooManyConnections,
}

/// Why a body cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than so many bytes.
    TooLarge(usize),
    /// Not declared as JSON.
    NotJsonType,
    /// Declared neither as JSON nor as a form.
    NotFormType,
    /// Not JSON.
    NotJson,
    /// JSON, but a string holds half of a surrogate pair, which is no character.
    LoneSurrogate,
    /// JSON, but no object.
    NotObject,
    /// A string holds U+0000.
    Nul,
    /// An `Idempotency-Key` that is empty, too long or not plain text, or more than one.
    BadKey,
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
            Self::NotFormType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Content-Type must be application/json or application/x-www-form-urlencoded".into(),
            ),
            Self::NotJson => (StatusCode::BAD_REQUEST, "Request body is not valid JSON".into()),
            Self::LoneSurrogate => {
                (StatusCode::BAD_REQUEST, "Request body must not contain a lone surrogate".into())
            }
            Self::NotObject => (StatusCode::BAD_REQUEST, "Request body must be a JSON object".into()),
            Self::Nul => {
                (StatusCode::BAD_REQUEST, "Request body must not contain the character U+0000".into())
            }
            Self::BadKey => (
                StatusCode::BAD_REQUEST,
                format!("Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_MAX_BYTES} printable characters")
                    .into(),
            ),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "Request body did not arrive in time".into()),
            Self::BrokeOff => (StatusCode::BAD_REQUEST, "Request body broke off".into()),
        }
    }
}

impl From<InvalidEvent> for Error {
    fn from(error: InvalidEvent) -> Self {
        Self::Event(error)
    }
}

impl From<AppError> for Error {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
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
            Self::Denied(denial) => {
                let (status, text) = match denial {
                    Denial::Unauthorized(text) => (StatusCode::FORBIDDEN, text),
                    Denial::Capacity(text) => (StatusCode::TOO_MANY_REQUESTS, text),
                    Denial::Failed(text) => (StatusCode::INTERNAL_SERVER_ERROR, text),
                };
                refusal(status, &text)
            }
            Self::Signature(error) => refusal(StatusCode::UNAUTHORIZED, &error.to_string()),
            Self::Event(error) => {
                let is_too_large = matches!(error, InvalidEvent::DataTooLong(_));
                let status =
                    if is_too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
                refusal(status, &error.to_string())
            }
            Self::BadHost => refusal(StatusCode::BAD_REQUEST, "Exactly one Host header is required"),
            Self::TooManyRequests { retry_after_s } => {
                later(refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests"), retry_after_s)
            }
            Self::TooManyConnections => {
                later(refusal(StatusCode::TOO_MANY_REQUESTS, "Too many connections from this address"), 1)
            }
        }
    }
}

/// Tells the client when to come back, in whole seconds.
fn later(mut response: Response, retry_after_s: u64) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
    response
}

fn app_response(error: AppError) -> Response {
    let (error, details) = match error {
        AppError::Detailed(error, details) => (*error, details),
        plain => (plain, Map::new()),
    };
    let refuse = |status, text: &str| {
        let mut body = Map::from_iter([("error".to_owned(), text.into())]);
        body.extend(details);
        reply(status, Value::Object(body))
    };
    match error {
        AppError::Invalid(text) => refuse(StatusCode::BAD_REQUEST, &text),
        AppError::NotFound(text) => refuse(StatusCode::NOT_FOUND, text),
        AppError::Conflict(text) => refuse(StatusCode::CONFLICT, text),
        AppError::KeyReused => {
            refuse(StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key was used for another request")
        }
        AppError::WrongKey => refuse(StatusCode::UNAUTHORIZED, "Invalid admin key"),
        AppError::TooManyLogins { retry_after_s } => {
            let text = "Too many failed logins. Please try again later.";
            later(refuse(StatusCode::TOO_MANY_REQUESTS, text), retry_after_s)
        }
        AppError::NotReady(text) => refuse(StatusCode::SERVICE_UNAVAILABLE, text),
        AppError::Detailed(error, _) => app_response(*error),
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

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = (status, [(CONTENT_TYPE, "application/json")], self.body).into_response();
        if self.is_repeated {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// A refusal of what makes no sense.
pub(super) fn invalid(text: impl Into<Cow<'static, str>>) -> Error {
    AppError::Invalid(text.into()).into()
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

#[cfg_attr(
    feature = "dashboard",
    expect(clippy::unused_async, reason = "a handler where there is no dashboard")
)]
pub(super) async fn unknown_route() -> Response {
    refusal(StatusCode::NOT_FOUND, "Not found")
}

/// The router adds `Allow`, which is all that `OPTIONS` asks for.
pub(super) async fn unknown_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refusal(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
    }
}

/// The panic itself is logged where it happened.
pub(super) fn on_panic(_panic: Box<dyn Any + Send>) -> Response {
    fault(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
}
