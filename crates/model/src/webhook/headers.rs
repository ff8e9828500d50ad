//! Headers that a webhook's owner adds to each request.

use crate::limits::{WEBHOOK_HEADER_NAME_MAX_CHARS, WEBHOOK_HEADER_VALUE_MAX_CHARS};

/// What stands in place of a value that is not shown. In a change it means the value that is there.
pub const HIDDEN_VALUE: &str = "***";

/// Names, in lower case, whose values the server decides: of its own headers, and of those that say
/// where a request goes and where it ends.
const RESERVED: [&str; 18] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "x-webhook-event",
    "x-webhook-signature",
];
/// The start of more such names.
const RESERVED_PREFIX: &str = "proxy-";

/// A header: both parts can stand in a request as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

/// Why a header is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum InvalidHeader {
    #[error("headers: {0:?} is not a header name of at most {WEBHOOK_HEADER_NAME_MAX_CHARS} characters")]
    Name(String),
    #[error("headers: {0} is set by the server")]
    Reserved(String),
    #[error(
        "headers: the value of {0} must be at most {WEBHOOK_HEADER_VALUE_MAX_CHARS} printable ASCII characters"
    )]
    Value(String),
    #[error("headers: {HIDDEN_VALUE} stands for a value that {0} does not have")]
    Hidden(String),
}

impl Header {
    /// Checks both parts.
    ///
    /// # Errors
    /// [`InvalidHeader`] for a name that is no token of RFC 9110 or is reserved, and for a value with
    /// anything but printable ASCII.
    pub fn new(name: &str, value: &str) -> Result<Self, InvalidHeader> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > WEBHOOK_HEADER_NAME_MAX_CHARS || !name.bytes().all(is_token) {
            let shown = name.chars().take(WEBHOOK_HEADER_NAME_MAX_CHARS).collect();
            return Err(InvalidHeader::Name(shown));
        }
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) || lower.starts_with(RESERVED_PREFIX) {
            return Err(InvalidHeader::Reserved(name.to_owned()));
        }
        let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
        if value.len() > WEBHOOK_HEADER_VALUE_MAX_CHARS || !value.bytes().all(is_printable) {
            return Err(InvalidHeader::Value(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), value: value.trim().to_owned() })
    }

    /// As it was given; compared without regard to case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// May be a secret.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// This header, or with the value of its namesake in `known` if its own is [`HIDDEN_VALUE`].
    pub(super) fn revealed(&self, known: &[Self]) -> Result<Self, InvalidHeader> {
        if self.value != HIDDEN_VALUE {
            return Ok(self.clone());
        }
        let namesake = known.iter().find(|header| header.name.eq_ignore_ascii_case(&self.name));
        let value = namesake.ok_or_else(|| InvalidHeader::Hidden(self.name.clone()))?.value.clone();
        Ok(Self { name: self.name.clone(), value })
    }
}

/// Says the name alone.
impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {HIDDEN_VALUE}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_cannot_break_out_of_their_line() {
        for (name, value, expected) in [
            ("X-Api-Key", "a b~", Ok(())),
            ("authorization", "Bearer x", Ok(())),
            ("X", "", Ok(())),
            ("", "v", Err("headers: \"\" is not a header name of at most 100 characters")),
            ("a b", "v", Err("headers: \"a b\" is not a header name of at most 100 characters")),
            ("a\r\nb", "v", Err("headers: \"a\\r\\nb\" is not a header name of at most 100 characters")),
            ("é", "v", Err("headers: \"é\" is not a header name of at most 100 characters")),
            ("Host", "v", Err("headers: Host is set by the server")),
            ("CONTENT-length", "v", Err("headers: CONTENT-length is set by the server")),
            ("Proxy-Authorization", "v", Err("headers: Proxy-Authorization is set by the server")),
            ("webhook-ID", "v", Err("headers: webhook-ID is set by the server")),
            (
                "X",
                "a\r\nb: c",
                Err("headers: the value of X must be at most 1000 printable ASCII characters"),
            ),
            ("X", "a\0", Err("headers: the value of X must be at most 1000 printable ASCII characters")),
            ("X", "é", Err("headers: the value of X must be at most 1000 printable ASCII characters")),
        ] {
            let made = Header::new(name, value).map(drop).map_err(|error| error.to_string());
            assert_eq!(made, expected.map_err(str::to_owned), "{name:?}: {value:?}");
        }
        assert!(Header::new(&"n".repeat(100), &"v".repeat(1_000)).is_ok());
        assert!(Header::new(&"n".repeat(101), "v").is_err());
        assert!(Header::new("n", &"v".repeat(1_001)).is_err());
    }

    #[test]
    fn a_hidden_value_is_the_one_that_is_there() {
        let known = [Header::new("X-Key", "hush").expect("valid")];
        let hidden = Header::new("x-key", "***").expect("valid");
        assert_eq!(hidden.revealed(&known).map(|header| header.value), Ok("hush".to_owned()));
        assert_eq!(hidden.revealed(&[]), Err(InvalidHeader::Hidden("x-key".into())));
        assert!(!format!("{known:?}").contains("hush"));
    }
}
