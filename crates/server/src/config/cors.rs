//! The origin of a web page, as a browser sends it (RFC 6454).

use std::{fmt, str::FromStr};

use url::Url;

/// Whose pages may use the API from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigin {
    /// Everybody's.
    Any,
    /// Those of one origin, in the one spelling that browsers send.
    Exact(String),
}

impl FromStr for CorsOrigin {
    type Err = String;

    /// Reads `*` or `http(s)://HOST[:PORT]`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let wrong = || format!("{text:?} is no origin, such as https://example.com, without a path");
        let url = Url::parse(text).map_err(|_| wrong())?;
        let is_bare = ["", "/"].contains(&url.path())
            && url.query().is_none()
            && url.fragment().is_none()
            && !text.ends_with(['/', '\\'])
            && !text.contains(['@', '*']);
        if !is_bare || !["http", "https"].contains(&url.scheme()) {
            return Err(wrong());
        }
        Ok(Self::Exact(url.origin().ascii_serialization()))
    }
}

impl fmt::Display for CorsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "*",
            Self::Exact(origin) => origin,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_perhaps_a_port() {
        for (text, expected) in [
            ("*", Some("*")),
            ("https://example.com", Some("https://example.com")),
            ("HTTPS://Example.COM:443", Some("https://example.com")),
            ("http://localhost:8080", Some("http://localhost:8080")),
            ("http://[::1]:80", Some("http://[::1]")),
            ("https://exämple.com", Some("https://xn--exmple-cua.com")),
            ("https://example.com/", None),
            ("https://example.com/app", None),
            ("https://example.com?x", None),
            ("https://example.com#x", None),
            ("https://me@example.com", None),
            ("https://*.example.com", None),
            ("example.com", None),
            ("null", None),
            ("file:///tmp", None),
            ("ftp://example.com", None),
            ("", None),
        ] {
            let read = text.parse::<CorsOrigin>().ok().map(|origin| origin.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
