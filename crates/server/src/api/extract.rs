//! What handlers take from a request besides its body.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use fanfare_model::text;

use super::error::{Error, invalid};
use crate::{app::App, auth::Claims};

/// The bearer of a valid admin token.
pub(super) struct Admin(pub(super) Claims);

impl FromRequestParts<App> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let token = bearer_token(&parts.headers).ok_or(Error::NoToken)?;
        app.auth.admin(token).map(Self).ok_or(Error::BadToken)
    }
}

/// What follows `Bearer` and one space; the scheme's case does not matter.
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = rest.split(' ').next().unwrap_or_default();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The ids in a path, in order. What is not a positive integer becomes 0, which is no row's id, so
/// it is answered as an unknown id is.
pub(super) struct Ids<const N: usize>(pub(super) [i64; N]);

impl<const N: usize, S: Send + Sync> FromRequestParts<S> for Ids<N> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let mut ids = [0; N];
        if let Ok(params) = RawPathParams::from_request_parts(parts, state).await {
            for (id, (_, text)) in ids.iter_mut().zip(&params) {
                *id = text::integer(text, 1..=i64::MAX).unwrap_or(0);
            }
        }
        Ok(Self(ids))
    }
}

/// The texts in a path, decoded and in order. One that is not UTF-8 is empty, which names nothing.
pub(super) struct Texts<const N: usize>(pub(super) [String; N]);

impl<const N: usize, S: Send + Sync> FromRequestParts<S> for Texts<N> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let mut texts = [const { String::new() }; N];
        if let Ok(params) = RawPathParams::from_request_parts(parts, state).await {
            for (text, (_, found)) in texts.iter_mut().zip(&params) {
                found.clone_into(text);
            }
        }
        Ok(Self(texts))
    }
}

/// The parameters behind the `?` of a URL, decoded.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Names and values in their order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a parameter; of one given twice the last counts.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.pairs().filter(|(key, _)| *key == name).last().map(|(_, value)| value)
    }

    /// Whether a parameter says yes; no when it is not given.
    pub(super) fn switch(&self, name: &str) -> Result<bool, Error> {
        match self.last(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(invalid(format!("Invalid value for {name}: expected true or false"))),
        }
    }

    /// How many rows are asked for by `limit`: 1 to `max`.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Error> {
        self.last("limit").map_or(Ok(default), |value| {
            let complaint =
                || invalid(format!("Invalid value for limit: expected an integer from 1 to {max}"));
            text::integer(value, 1..=max).ok_or_else(complaint)
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_token_follows_bearer_and_one_space() {
        for (header, expected) in [
            ("Bearer abc", Some("abc")),
            ("bEaReR abc", Some("abc")),
            ("Bearer  abc", None),
            ("Bearer ", None),
            ("Bearer", None),
            ("Basic abc", None),
            ("abc", None),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(header))]);
            assert_eq!(bearer_token(&headers), expected, "{header}");
        }
    }

    #[test]
    fn a_query_is_decoded_and_the_last_of_a_name_counts() {
        let query = Query::parse("a=1&b=%C3%BC+x&a=2&c");
        assert_eq!(query.pairs().collect::<Vec<_>>(), [("a", "1"), ("b", "ü x"), ("a", "2"), ("c", "")]);
        for (name, expected) in [("a", Some("2")), ("b", Some("ü x")), ("c", Some("")), ("d", None)] {
            assert_eq!(query.last(name), expected, "{name}");
        }
    }
}
