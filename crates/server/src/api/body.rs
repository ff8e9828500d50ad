//! JSON bodies, with every limit that they have.

use std::{borrow::Cow, collections::HashMap};

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderName, header::CONTENT_TYPE, request::Parts},
};
use bytes::Bytes;
use fanfare_model::{json, limits};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value, value::RawValue};
use sha2::{Digest, Sha256};

use super::{
    aside::aside,
    error::{BodyError, Error},
};
use crate::app::{Answer, App, Creation, RequestKey};

/// What browsers send forms as.
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A JSON object; an absent body is an empty one.
pub(super) struct Object(pub(super) Map<String, Value>);

impl FromRequest<App> for Object {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let value = receive(request, app, limits::BODY_MAX_BYTES).await?.json().map_err(Error::Body)?;
        object(without_nul(value)?).map(Self)
    }
}

/// What a JSON object or a form holds; an absent body is an empty object. A form has texts only, and of a
/// name that it has twice the last one counts.
pub(super) struct Fields(pub(super) Map<String, Value>);

impl FromRequest<App> for Fields {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let received = receive(request, app, limits::BODY_MAX_BYTES).await?;
        let value = if media_type(&received.parts.headers) == FORM {
            let pairs = url::form_urlencoded::parse(&received.bytes).into_owned();
            Value::Object(pairs.map(|(name, text)| (name, text.into())).collect())
        } else {
            let or_form =
                |error| if error == BodyError::NotJsonType { BodyError::NotFormType } else { error };
            received.json().map_err(|error| Error::Body(or_form(error)))?
        };
        object(without_nul(value)?).map(Self)
    }
}

/// A JSON object that describes something to be created, and the key of the request.
pub(super) struct New {
    pub(super) body: Map<String, Value>,
    bytes: Bytes,
    key: Option<RequestKey>,
}

impl FromRequest<App> for New {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let received = receive(request, app, limits::BODY_MAX_BYTES).await?;
        let value = received.json().map_err(Error::Body)?;
        let key = received.key().map_err(Error::Body)?;
        Ok(Self { body: object(without_nul(value)?)?, bytes: received.bytes, key })
    }
}

impl New {
    /// The JSON of a member as it came, of which a [`Value`] may have lost the last digit of a number.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(&self.bytes).ok()?;
        members.get(name).map(|text| text.get())
    }

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
        let received = receive(request, app, limits::IMPORT_MAX_BYTES).await?;
        let read = move || {
            let body = received.json().map_err(Error::Body)?;
            let key = received.key().map_err(Error::Body)?;
            Ok(Self { body: without_nul(body)?, key })
        };
        aside(read).await
    }
}

/// An import as it came, which is said to be JSON: whoever reads it leaves out the items that make no
/// sense, instead of refusing them all.
pub(super) struct Lenient {
    pub(super) body: Bytes,
    key: Option<RequestKey>,
}

impl FromRequest<App> for Lenient {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let received = receive(request, app, limits::IMPORT_MAX_BYTES).await?;
        let read = move || {
            let body = received.declared().map_err(Error::Body)?;
            Ok(Self { body, key: received.key().map_err(Error::Body)? })
        };
        aside(read).await
    }
}

impl Import {
    /// Says how what is created is answered.
    pub(super) fn answered<T>(&self, answer: fn(&T) -> Answer) -> Creation<T> {
        Creation { key: self.key.clone(), answer }
    }
}

impl Lenient {
    /// Says how what is created is answered.
    pub(super) fn answered<T>(&self, answer: fn(&T) -> Answer) -> Creation<T> {
        Creation { key: self.key.clone(), answer }
    }
}

/// A body that arrived, with the head of its request.
struct Received {
    parts: Parts,
    bytes: Bytes,
}

async fn receive(request: Request, app: &App, max_bytes: usize) -> Result<Received, Error> {
    let (parts, body) = request.into_parts();
    let bytes = collect(body, app, max_bytes).await?;
    Ok(Received { parts, bytes })
}

/// All of a body that is not too large and comes in time.
pub(super) async fn collect(body: Body, app: &App, max_bytes: usize) -> Result<Bytes, Error> {
    let collecting = Limited::new(body, max_bytes).collect();
    let collected = app
        .clock
        .timeout(limits::BODY_READ_TIMEOUT_MS, collecting)
        .await
        .map_err(|_| Error::Body(BodyError::TooSlow))?
        .map_err(|error| match error.downcast::<LengthLimitError>() {
            Ok(_) => Error::Body(BodyError::TooLarge(max_bytes)),
            Err(_) => Error::Body(BodyError::BrokeOff),
        })?;
    Ok(collected.to_bytes())
}

impl Received {
    fn json(&self) -> Result<Value, BodyError> {
        parse(&self.parts.headers, &self.bytes)
    }

    /// The bytes, if they are said to be JSON; those of an absent body are an empty object's.
    fn declared(&self) -> Result<Bytes, BodyError> {
        declared(&self.parts.headers, &self.bytes)
    }

    fn key(&self) -> Result<Option<RequestKey>, BodyError> {
        request_key(&self.parts, &self.bytes)
    }
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
    // A tab, which headers may hold, is not printable.
    let is_good =
        |key: &&str| (1..=limits::IDEMPOTENCY_KEY_MAX_BYTES).contains(&key.len()) && !key.contains('\t');
    let key = key.to_str().ok().filter(is_good).ok_or(BodyError::BadKey)?.to_owned();
    let mut hash = Sha256::new();
    for part in [parts.method.as_str(), parts.uri.path(), parts.uri.query().unwrap_or_default()] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(body);
    Ok(Some(RequestKey { key, fingerprint: hex::encode(hash.finalize()) }))
}

fn parse(headers: &HeaderMap, bytes: &Bytes) -> Result<Value, BodyError> {
    serde_json::from_slice(&declared(headers, bytes)?).map_err(|error| {
        // The parser has no other word for it.
        let text = error.to_string();
        let is_surrogate = ["lone leading surrogate", "unexpected end of hex escape"];
        let is_surrogate = is_surrogate.into_iter().any(|start| text.starts_with(start));
        if is_surrogate { BodyError::LoneSurrogate } else { BodyError::NotJson }
    })
}

fn declared(headers: &HeaderMap, bytes: &Bytes) -> Result<Bytes, BodyError> {
    if bytes.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    if is_json(headers) { Ok(bytes.clone()) } else { Err(BodyError::NotJsonType) }
}

fn without_nul(value: Value) -> Result<Value, Error> {
    if json::holds_nul(&value) { Err(Error::Body(BodyError::Nul)) } else { Ok(value) }
}

/// The type of the body in lower case, without its parameters; empty when there is none.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase()
}

/// `application/json` or a `+json` type, whatever its parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = media_type(headers);
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
            (json, b"{\"a\":\"\\ud800\"}", Err(BodyError::LoneSurrogate)),
            (json, b"{\"a\":\"\\ud800\\n\"}", Err(BodyError::LoneSurrogate)),
            (json, b"{\"a\":\"\\ud800\\ud800\"}", Err(BodyError::LoneSurrogate)),
            (json, b"{\"a\":\"\\udc00\"}", Err(BodyError::LoneSurrogate)),
            (json, b"{\"a\":\"\\ud80\"}", Err(BodyError::NotJson)),
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
