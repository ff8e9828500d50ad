//! JSON bodies, with every limit that they have.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderName, header::CONTENT_TYPE, request::Parts},
};
use bytes::Bytes;
use fanfare_model::{json, limits};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::error::{BodyError, Error};
use crate::app::{Answer, App, Creation, RequestKey};

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A JSON object; an absent body is an empty one.
pub(super) struct Object(pub(super) Map<String, Value>);

impl FromRequest<App> for Object {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (_, value) = read(request, app, limits::BODY_MAX_BYTES).await?;
        object(without_nul(value)?).map(Self)
    }
}

/// A JSON object that describes something to be created, and the key of the request.
pub(super) struct New {
    pub(super) body: Map<String, Value>,
    key: Option<RequestKey>,
}

impl FromRequest<App> for New {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (key, value) = read(request, app, limits::BODY_MAX_BYTES).await?;
        Ok(Self { body: object(without_nul(value)?)?, key })
    }
}

impl New {
    /// Says how what is created is answered.
    pub(super) fn answered<T>(&self, answer: fn(&T) -> Answer) -> Creation<T> {
        Creation { key: self.key.clone(), answer }
    }
}

/// Any JSON value, up to the size of an import, and the key of the request.
pub(super) struct Import {
    pub(super) body: Value,
    key: Option<RequestKey>,
}

impl FromRequest<App> for Import {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (key, body) = read(request, app, limits::IMPORT_MAX_BYTES).await?;
        Ok(Self { body: without_nul(body)?, key })
    }
}

/// An import whose strings may hold U+0000: of its items, whoever reads it leaves out those with such
/// a string that would be stored, instead of refusing them all.
pub(super) struct Lenient(pub(super) Import);

impl FromRequest<App> for Lenient {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (key, body) = read(request, app, limits::IMPORT_MAX_BYTES).await?;
        Ok(Self(Import { body, key }))
    }
}

impl Import {
    /// Says how what is created is answered.
    pub(super) fn answered<T>(&self, answer: fn(&T) -> Answer) -> Creation<T> {
        Creation { key: self.key.clone(), answer }
    }
}

async fn read(request: Request, app: &App, max_bytes: usize) -> Result<(Option<RequestKey>, Value), Error> {
    let (parts, body) = request.into_parts();
    let collecting = Limited::new(body, max_bytes).collect();
    let bytes = app
        .clock
        .timeout(limits::BODY_READ_TIMEOUT_MS, collecting)
        .await
        .map_err(|_| Error::Body(BodyError::TooSlow))?
        .map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => Error::Body(BodyError::TooLarge(max_bytes)),
            Err(_) => Error::Body(BodyError::BrokeOff),
        })?
        .to_bytes();
    let value = parse(&parts.headers, &bytes).map_err(Error::Body)?;
    Ok((request_key(&parts, &bytes).map_err(Error::Body)?, value))
}

fn object(value: Value) -> Result<Map<String, Value>, Error> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Error::Body(BodyError::NotObject)),
    }
}

/// The request's `Idempotency-Key`, if it has one, with what tells it from other requests.
fn request_key(parts: &Parts, body: &Bytes) -> Result<Option<RequestKey>, BodyError> {
    let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(BodyError::BadKey);
    }
    // Of what `to_str` lets through only the tab is not printable.
    let is_good =
        |key: &&str| (1..=limits::IDEMPOTENCY_KEY_MAX_BYTES).contains(&key.len()) && !key.contains('\t');
    let key = key.to_str().ok().filter(is_good);
    let key = key.ok_or(BodyError::BadKey)?.to_owned();
    let mut hash = Sha256::new();
    for part in [parts.method.as_str(), parts.uri.path(), parts.uri.query().unwrap_or_default()] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(body);
    Ok(Some(RequestKey { key, fingerprint: hex::encode(hash.finalize()) }))
}

fn parse(headers: &HeaderMap, bytes: &Bytes) -> Result<Value, BodyError> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    if !is_json(headers) {
        return Err(BodyError::NotJsonType);
    }
    serde_json::from_slice(bytes).map_err(|_| BodyError::NotJson)
}

fn without_nul(value: Value) -> Result<Value, Error> {
    if json::holds_nul(&value) { Err(Error::Body(BodyError::Nul)) } else { Ok(value) }
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
        match parse(&headers, &Bytes::copy_from_slice(body)).map(|value| object(without_nul(value)?))? {
            Ok(object) => Ok(object.len()),
            Err(Error::Body(error)) => Err(error),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_is_printable_and_not_too_long() {
        let longest = "k".repeat(limits::IDEMPOTENCY_KEY_MAX_BYTES);
        for (key, is_good) in
            [("a b~", true), ("a\tb", false), ("", false), (&*longest, true), (&format!("{longest}k"), false)]
        {
            let request = Request::post("/").header(IDEMPOTENCY_KEY, key).body(()).expect("a request");
            let (parts, ()) = request.into_parts();
            assert_eq!(request_key(&parts, &Bytes::new()).is_ok(), is_good, "{key:?}");
        }
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
