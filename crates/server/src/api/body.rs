//! JSON bodies, with every limit that they have.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use bytes::Bytes;
use fanfare_model::{json, limits};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::error::{BodyError, Error};
use crate::app::App;

/// A JSON object; an absent body is an empty one.
pub(super) struct Object(pub(super) Map<String, Value>);

impl FromRequest<App> for Object {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let collecting = Limited::new(body, limits::BODY_MAX_BYTES).collect();
        let bytes = app
            .clock
            .timeout(limits::BODY_READ_TIMEOUT_MS, collecting)
            .await
            .map_err(|_| Error::Body(BodyError::TooSlow))?
            .map_err(|error| match error.downcast::<LengthLimitError>() {
                Ok(_) => Error::Body(BodyError::TooLarge(limits::BODY_MAX_BYTES)),
                Err(_) => Error::Body(BodyError::BrokeOff),
            })?
            .to_bytes();
        parse(&parts.headers, &bytes).map(Self).map_err(Error::Body)
    }
}

fn parse(headers: &HeaderMap, bytes: &Bytes) -> Result<Map<String, Value>, BodyError> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    if !is_json(headers) {
        return Err(BodyError::NotJsonType);
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|_| BodyError::NotJson)?;
    if json::holds_nul(&value) {
        return Err(BodyError::Nul);
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(BodyError::NotObject),
    }
}

/// `application/json` or a `+json` type, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(content_type: Option<&str>, body: &[u8]) -> Result<usize, BodyError> {
        let mut headers = HeaderMap::new();
        if let Some(value) = content_type {
            headers.insert(CONTENT_TYPE, value.parse().expect("a header value"));
        }
        parse(&headers, &Bytes::copy_from_slice(body)).map(|object| object.len())
    }

    #[test]
    fn each_kind_of_bad_body_is_told_apart() {
        let json = Some("application/json");
        let deep = [b"{\"a\":".as_slice(), &b"[".repeat(100_000), &b"]".repeat(100_000), b"}"].concat();
        for (content_type, body, expected) in [
            (json, b"{\"a\":1}".as_slice(), Ok(1)),
            (Some("application/json; charset=utf-8"), b"{}", Ok(0)),
            (Some("Application/Problem+JSON"), b"{}", Ok(0)),
            (None, b"", Ok(0)),
            (Some("text/plain"), b"", Ok(0)),
            (None, b"{}", Err(BodyError::NotJsonType)),
            (Some("text/plain"), b"{}", Err(BodyError::NotJsonType)),
            (json, b"{", Err(BodyError::NotJson)),
            (json, b"\xff", Err(BodyError::NotJson)),
            (json, b"{\"a\":\"\\ud800\"}", Err(BodyError::NotJson)),
            (json, &deep, Err(BodyError::NotJson)),
            (json, b"[]", Err(BodyError::NotObject)),
            (json, b"null", Err(BodyError::NotObject)),
            (json, b"{\"a\":\"\\u0000\"}", Err(BodyError::Nul)),
        ] {
            assert_eq!(
                parsed(content_type, body),
                expected,
                "{:?}",
                String::from_utf8_lossy(&body[..body.len().min(40)])
            );
        }
    }
}
