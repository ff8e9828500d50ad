//! Tokens: JWT, HS256 only, 24 hours.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use fanfare_model::{Timestamp, channel::Member};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};

/// How long an issued token is valid.
const LIFETIME_S: i64 = 24 * 60 * 60;
/// How long one is valid that a command makes for itself (1 h): longer than the longest import.
const SHORT_LIFETIME_S: i64 = 60 * 60;

/// Issues and verifies tokens under one secret.
pub(super) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    /// Tokens issued before are over; 0 when none ever ended early.
    valid_from_s: i64,
    validation: Validation,
}

/// What a valid token says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claims(pub(crate) Map<String, Value>);

impl Claims {
    /// Whom it is about, if that can be a user's id.
    pub(crate) fn subject(&self) -> Option<String> {
        self.0.get("sub").and_then(|id| Member::parse_id(id).ok())
    }

    /// Whether it carries the role that REST and the game socket ask for.
    pub(super) fn is_admin(&self) -> bool {
        self.0.get("role").is_some_and(|role| role == "admin")
    }
}

impl Tokens {
    pub(super) fn new(secret: &[u8], valid_from_s: i64) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Time is judged below, by the server's clock; a token without `exp` has no end, as with
        // the libraries that existing tokens come from.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            valid_from_s,
            validation,
        }
    }

    pub(super) fn issue(&self, now: Timestamp) -> String {
        self.sign(now, LIFETIME_S)
    }

    pub(super) fn issue_short(&self, now: Timestamp) -> String {
        self.sign(now, SHORT_LIFETIME_S)
    }

    fn sign(&self, now: Timestamp, lifetime_s: i64) -> String {
        let issued_s = now.as_seconds().max(self.valid_from_s);
        let claims = json!({"role": "admin", "iat": issued_s, "exp": now.as_seconds() + lifetime_s});
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .expect("signing with a shared secret cannot fail")
    }

    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if has_critical_extensions(token)? {
            return None;
        }
        let claims =
            jsonwebtoken::decode::<Map<String, Value>>(token, &self.decoding, &self.validation).ok()?.claims;
        let seconds = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(()),
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds of the years 1 to 9999 are exact in a double"
        )]
        let (now_s, valid_from_s) = (now.as_seconds() as f64, self.valid_from_s as f64);
        let (expires, starts, issued) = (seconds("exp").ok()?, seconds("nbf").ok()?, seconds("iat").ok()?);
        let in_time = expires.is_none_or(|at| now_s < at) && starts.is_none_or(|at| at <= now_s);
        let still_counts = self.valid_from_s == 0 || issued.is_some_and(|at| at >= valid_from_s);
        (in_time && still_counts).then_some(Claims(claims))
    }
}

/// Whether the header names extensions that must be understood: none are (RFC 7515, section 4.1.11).
/// `None` when it is no header.
fn has_critical_extensions(token: &str) -> Option<bool> {
    let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let header: Map<String, Value> = serde_json::from_slice(&header).ok()?;
    Some(header.contains_key("crit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;
    const SECRET: &[u8] = b"a secret for these tests";

    fn sign(algorithm: Algorithm, secret: &[u8], claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret))
            .expect("signs")
    }

    #[test]
    fn an_issued_token_is_valid_for_24_hours() {
        let tokens = Tokens::new(SECRET, 0);
        let token = tokens.issue(NOW);
        let valid = |ms| tokens.verify(&token, NOW.plus_millis(ms)).is_some_and(|claims| claims.is_admin());
        assert!(valid(0));
        assert!(valid(LIFETIME_S * 1000 - 1));
        assert!(!valid(LIFETIME_S * 1000));

        let short = tokens.issue_short(NOW);
        let valid = |ms| tokens.verify(&short, NOW.plus_millis(ms)).is_some_and(|claims| claims.is_admin());
        assert!(valid(SHORT_LIFETIME_S * 1000 - 1));
        assert!(!valid(SHORT_LIFETIME_S * 1000));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let tokens = Tokens::new(SECRET, 0);
        let admin = json!({"role": "admin"});
        assert!(tokens.verify(&sign(Algorithm::HS256, SECRET, &admin), NOW).is_some());
        for token in [
            sign(Algorithm::HS512, SECRET, &admin),
            sign(Algorithm::HS256, b"another secret", &admin),
            // {"alg":"none","typ":"JWT"}.{"role":"admin"}.
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJyb2xlIjoiYWRtaW4ifQ.".to_owned(),
            String::new(),
            "a.b.c".to_owned(),
        ] {
            assert!(tokens.verify(&token, NOW).is_none(), "{token}");
        }
    }

    #[test]
    fn extensions_that_must_be_understood_are_not() {
        let tokens = Tokens::new(SECRET, 0);
        for (header, valid) in [
            (json!({"alg": "HS256"}), true),
            (json!({"alg": "HS256", "exp": 5}), true),
            (json!({"alg": "HS256", "exp": 5, "crit": ["exp"]}), false),
            (json!({"alg": "HS256", "crit": []}), false),
        ] {
            let parts = [header.to_string(), json!({"role": "admin"}).to_string()];
            let message = parts.map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
            let signature = jsonwebtoken::crypto::sign(
                message.as_bytes(),
                &EncodingKey::from_secret(SECRET),
                Algorithm::HS256,
            );
            let token = format!("{message}.{}", signature.expect("signs"));
            assert_eq!(tokens.verify(&token, NOW).is_some(), valid, "{header}");
        }
    }

    #[test]
    fn times_that_are_no_numbers_are_refused_and_nbf_counts() {
        let tokens = Tokens::new(SECRET, 0);
        for (claims, valid) in [
            (json!({"exp": "never"}), false),
            (json!({"exp": 0.5}), true),
            (json!({"exp": 0}), false),
            (json!({"nbf": 1}), false),
            (json!({"nbf": 0}), true),
            (json!({"sub": 7}), true),
        ] {
            let token = sign(Algorithm::HS256, SECRET, &claims);
            assert_eq!(tokens.verify(&token, NOW).is_some(), valid, "{claims}");
        }
    }

    #[test]
    fn a_new_key_ends_older_tokens_and_those_that_do_not_say_their_age() {
        let old = Tokens::new(SECRET, 0).issue(NOW);
        let tokens = Tokens::new(SECRET, 1);
        assert!(tokens.verify(&old, NOW).is_none());
        assert!(tokens.verify(&sign(Algorithm::HS256, SECRET, &json!({"role": "admin"})), NOW).is_none());
        assert!(tokens.verify(&tokens.issue(NOW), NOW).is_some());
    }
}
