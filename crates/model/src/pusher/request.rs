//! Requests to the HTTP API, signed in their query.
//!
//! What is signed is the method, the path and the parameters but the signature itself, a line each:
//! `POST`, `/apps/3/events`, `auth_key=…&auth_timestamp=…`. The parameters are sorted by their names, which
//! are in lower case, and stand as they are before they are encoded. A body is in it by its MD5.

use std::borrow::Cow;

use hmac::Mac as _;
use md5::{Digest as _, Md5};
use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::{bytes_of, code, is_code};
use crate::{
    Timestamp,
    application::Application,
    limits::{SIGNED_PARAMETERS_MAX, SIGNED_REQUEST_AGE_MAX_S},
    text,
};

const KEY: &str = "auth_key";
const TIMESTAMP: &str = "auth_timestamp";
const VERSION: &str = "auth_version";
const BODY: &str = "body_md5";
const SIGNATURE: &str = "auth_signature";
/// The only version there is.
const VERSION_1: &str = "1.0";

/// Why a request is not believed; the text is the API's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum InvalidRequest {
    #[error("The query lacks {0}: requests are signed with the app's key and secret")]
    Missing(&'static str),
    #[error("The query has {0} more than once")]
    Repeated(String),
    #[error("The query has more than {SIGNED_PARAMETERS_MAX} parameters")]
    TooMany,
    #[error("auth_key is not the key of this app")]
    Key,
    #[error("auth_version must be {VERSION_1}")]
    Version,
    #[error("auth_timestamp must be a whole number of seconds since 1970")]
    Timestamp,
    #[error(
        "auth_timestamp is more than {SIGNED_REQUEST_AGE_MAX_S} seconds away from the server's clock, which \
         says {now_s}"
    )]
    Expired { now_s: i64 },
    #[error(
        "auth_signature is wrong: it must be the HMAC-SHA256 of the request under the app's secret, in hexadecimal"
    )]
    Signature,
    #[error("body_md5 is not the MD5 of the body")]
    Body,
}

/// What of a request is signed, as it came.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Still encoded; begins with `/`.
    pub path: &'a str,
    /// Still encoded; without the `?`.
    pub query: &'a str,
}

impl RequestHead<'_> {
    /// Believes the head of a request that is signed with a secret that `application` takes at `now`; what
    /// is returned tells whether the body is the one that was meant.
    ///
    /// # Errors
    /// The first of [`InvalidRequest`] that applies.
    pub fn verify(&self, application: &Application, now: Timestamp) -> Result<BodyDigest, InvalidRequest> {
        let parameters = parameters(self.query)?;
        let get = |name: &'static str| {
            let found = parameters.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_ref()).ok_or(InvalidRequest::Missing(name))
        };
        if get(KEY)? != application.key {
            return Err(InvalidRequest::Key);
        }
        if get(VERSION)? != VERSION_1 {
            return Err(InvalidRequest::Version);
        }
        let signed_s = text::digits(get(TIMESTAMP)?).ok_or(InvalidRequest::Timestamp)?;
        let now_s = now.as_seconds();
        if now_s.max(0).unsigned_abs().abs_diff(signed_s) > SIGNED_REQUEST_AGE_MAX_S {
            return Err(InvalidRequest::Expired { now_s });
        }
        let signature = bytes_of(get(SIGNATURE)?).ok_or(InvalidRequest::Signature)?;
        let is_signed = |path: &str| {
            let is_by = |secret| is_code(canonical(secret, self.method, path, &parameters), &signature);
            application.secrets_at(now).any(is_by)
        };
        // Clients sign the path before they encode it, and few encode it at all.
        let decoded = || percent_decode_str(self.path).decode_utf8_lossy();
        if !(is_signed(self.path) || self.path.contains('%') && is_signed(&decoded())) {
            return Err(InvalidRequest::Signature);
        }
        if self.method != "POST" {
            return Ok(BodyDigest::Any);
        }
        match get(BODY) {
            Ok(digest) => bytes_of(digest).map(BodyDigest::Md5).ok_or(InvalidRequest::Body),
            Err(_) => Ok(BodyDigest::Empty),
        }
    }
}

/// Which body belongs to a head that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyDigest {
    /// The method has none that matters.
    Any,
    /// The head says nothing of one.
    Empty,
    /// One with this MD5.
    Md5([u8; 16]),
}

impl BodyDigest {
    /// Believes a body that is the one that was signed.
    ///
    /// # Errors
    /// [`InvalidRequest::Missing`] for a body that is not signed, [`InvalidRequest::Body`] for another one.
    pub fn verify(self, body: &[u8]) -> Result<(), InvalidRequest> {
        match self {
            Self::Any => Ok(()),
            Self::Empty if body.is_empty() => Ok(()),
            Self::Empty => Err(InvalidRequest::Missing(BODY)),
            // What is compared is signed, and neither side of it is a secret.
            Self::Md5(digest) if digest == <[u8; 16]>::from(Md5::digest(body)) => Ok(()),
            Self::Md5(_) => Err(InvalidRequest::Body),
        }
    }
}

/// The query of a request that [`RequestHead::verify`] believes, `query` (encoded, may be empty) with it;
/// `body` is `None` for a request without one.
///
/// # Errors
/// [`InvalidRequest`] for a query that cannot be signed.
pub fn sign_request(
    application: &Application,
    method: &str,
    path: &str,
    query: &str,
    body: Option<&[u8]>,
    now: Timestamp,
) -> Result<String, InvalidRequest> {
    let mut signed = String::from(query);
    for (name, value) in [
        (KEY, Some(application.key.clone())),
        (TIMESTAMP, Some(now.as_seconds().to_string())),
        (VERSION, Some(VERSION_1.to_owned())),
        (BODY, body.map(|body| hex::encode(Md5::digest(body)))),
    ] {
        let Some(value) = value else { continue };
        let separator = if signed.is_empty() { "" } else { "&" };
        signed.extend([separator, name, "=", &value]);
    }
    let code = canonical(&application.secret, method, path, &parameters(&signed)?);
    signed.extend(["&", SIGNATURE, "=", &hex::encode(code.finalize().into_bytes())]);
    Ok(signed)
}

type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The parameters of a query, decoded and by name, each once.
fn parameters(query: &str) -> Result<Vec<Parameter<'_>>, InvalidRequest> {
    let mut parameters: Vec<Parameter<'_>> = Vec::with_capacity(8);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if parameters.len() == SIGNED_PARAMETERS_MAX {
            return Err(InvalidRequest::TooMany);
        }
        let is_low = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        let name = if is_low { name } else { Cow::Owned(name.to_ascii_lowercase()) };
        parameters.push((name, value));
    }
    parameters.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    match parameters.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(InvalidRequest::Repeated(pair[0].0.clone().into_owned())),
        None => Ok(parameters),
    }
}

fn canonical(
    secret: &str,
    method: &str,
    path: &str,
    parameters: &[Parameter<'_>],
) -> hmac::Hmac<sha2::Sha256> {
    let mut code = code(secret, [method, "\n", path, "\n"]);
    let signed = parameters.iter().filter(|(name, _)| name != SIGNATURE);
    for (at, (name, value)) in signed.enumerate() {
        for part in [if at == 0 { "" } else { "&" }, name, "=", value] {
            code.update(part.as_bytes());
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pusher::tests::{application, at};

    const SIGNED_AT_MS: i64 = 1_353_088_179_000;
    // The worked example of Pusher's documentation.
    const BODY: &[u8] = br#"{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}"#;
    const QUERY: &str = "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0\
        &body_md5=ec365a775a4cd0599faeb73354201b6f\
        &auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c";
    const HEAD: RequestHead<'_> = RequestHead { method: "POST", path: "/apps/3/events", query: QUERY };

    #[test]
    fn the_documented_example_is_made_and_believed() {
        let made = sign_request(&application(), "POST", "/apps/3/events", "", Some(BODY), at(SIGNED_AT_MS));
        assert_eq!(made.as_deref(), Ok(QUERY));
        let digest = HEAD.verify(&application(), at(SIGNED_AT_MS)).expect("it is signed");
        assert_eq!(digest.verify(BODY), Ok(()));
        assert_eq!(digest.verify(b""), Err(InvalidRequest::Body));
    }

    #[test]
    fn it_is_believed_for_ten_minutes() {
        for (apart_s, is_believed) in [(0, true), (600, true), (-600, true), (601, false), (-601, false)] {
            let now = at(SIGNED_AT_MS + apart_s * 1_000);
            assert_eq!(HEAD.verify(&application(), now).is_ok(), is_believed, "{apart_s}");
        }
        let expired = HEAD.verify(&application(), at(0)).expect_err("it was signed in 2012");
        assert_eq!(
            expired.to_string(),
            "auth_timestamp is more than 600 seconds away from the server's clock, which says 0"
        );
    }

    #[test]
    fn what_is_changed_is_refused() {
        let verify = |head: RequestHead<'_>| head.verify(&application(), at(SIGNED_AT_MS)).err();
        let with = |from: &str, to: &str| QUERY.replace(from, to);
        for (from, to, expected) in [
            ("auth_key=278d425bdf160c739803&", "", InvalidRequest::Missing("auth_key")),
            ("auth_timestamp=1353088179&", "", InvalidRequest::Missing("auth_timestamp")),
            ("auth_version=1.0&", "", InvalidRequest::Missing("auth_version")),
            ("auth_signature", "signature", InvalidRequest::Missing("auth_signature")),
            ("auth_key=2", "auth_key=3", InvalidRequest::Key),
            ("version=1.0", "version=2.0", InvalidRequest::Version),
            ("=1353088179", "=1353088178", InvalidRequest::Signature),
            ("=1353088179", "=soon", InvalidRequest::Timestamp),
            ("=1353088179", "=-1", InvalidRequest::Timestamp),
            ("body_md5=e", "body_md5=f", InvalidRequest::Signature),
            ("457e6c", "457e6d", InvalidRequest::Signature),
            ("457e6c", "457e", InvalidRequest::Signature),
            ("457e6c", "457e6g", InvalidRequest::Signature),
            ("auth_key", "a=b&auth_key", InvalidRequest::Signature),
            ("auth_key", "Auth_Key=1&auth_key", InvalidRequest::Repeated("auth_key".into())),
            ("auth_key", "auth_signature=1&auth_key", InvalidRequest::Repeated("auth_signature".into())),
        ] {
            assert_eq!(verify(RequestHead { query: &with(from, to), ..HEAD }), Some(expected), "{from} {to}");
        }
        assert_eq!(verify(RequestHead { method: "PUT", ..HEAD }), Some(InvalidRequest::Signature));
        assert_eq!(verify(RequestHead { path: "/apps/3/event", ..HEAD }), Some(InvalidRequest::Signature));
        let many = (0..SIGNED_PARAMETERS_MAX).fold(String::new(), |text, at| format!("{text}&p{at}"));
        assert!(verify(RequestHead { query: &many, ..HEAD }) != Some(InvalidRequest::TooMany));
        assert_eq!(
            verify(RequestHead { query: &format!("{many}&x"), ..HEAD }),
            Some(InvalidRequest::TooMany)
        );
    }

    #[test]
    fn names_are_lowered_and_values_decoded_before_they_are_signed() {
        let now = at(SIGNED_AT_MS);
        let (path, query) = ("/apps/3/channels", "info=user_count%2Csubscription_count&Filter=a%20b+c");
        let signed = sign_request(&application(), "GET", path, query, None, now).expect("it can be");
        // Computed with Python's hmac.
        let signature = "736440c61b6da5c76bb5063d3559b948c7ce279918fda80f460ec3e36d271dc2";
        assert!(signed.ends_with(signature), "{signed}");
        let plain = signed.replace("%2C", ",").replace('+', "%20").replace("Filter", "filter");
        for query in [&signed, &plain] {
            let head = RequestHead { method: "GET", path, query };
            assert_eq!(head.verify(&application(), now), Ok(BodyDigest::Any), "{query}");
        }
    }

    #[test]
    fn a_path_may_be_signed_before_it_is_encoded() {
        let now = at(SIGNED_AT_MS);
        for signed_path in ["/apps/3/users/jo é/terminate", "/apps/3/users/jo%20%C3%A9/terminate"] {
            let query =
                sign_request(&application(), "POST", signed_path, "", Some(b"{}"), now).expect("it can be");
            let head =
                RequestHead { method: "POST", path: "/apps/3/users/jo%20%C3%A9/terminate", query: &query };
            assert!(head.verify(&application(), now).is_ok(), "{signed_path}");
        }
    }

    #[test]
    fn a_body_must_be_signed() {
        let now = at(SIGNED_AT_MS);
        let query = sign_request(&application(), "POST", "/", "", None, now).expect("it can be");
        let digest = RequestHead { method: "POST", path: "/", query: &query }.verify(&application(), now);
        let digest = digest.expect("it is signed");
        assert_eq!(digest.verify(b""), Ok(()));
        assert_eq!(digest.verify(b"{}"), Err(InvalidRequest::Missing("body_md5")));
    }

    #[test]
    fn the_old_secret_signs_until_it_expires() {
        let now = at(SIGNED_AT_MS);
        let after = application().with_secret("new".into(), now, 1_000);
        assert!(HEAD.verify(&after, at(SIGNED_AT_MS + 999)).is_ok());
        assert_eq!(HEAD.verify(&after, at(SIGNED_AT_MS + 1_000)), Err(InvalidRequest::Signature));
    }
}
