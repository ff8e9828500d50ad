//! What handlers take from a request besides its body.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};

use super::error::Error;
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
                *id = positive_integer(text).unwrap_or(0);
            }
        }
        Ok(Self(ids))
    }
}

/// Digits only: no sign, no exponent, no fraction.
pub(super) fn positive_integer(text: &str) -> Option<i64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|n| digits && *n > 0)
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
    fn only_plain_positive_integers_are_ids() {
        for (text, expected) in [
            ("1", Some(1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("0", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.0", None),
            ("abc", None),
            ("", None),
        ] {
            assert_eq!(positive_integer(text), expected, "{text}");
        }
    }
}
