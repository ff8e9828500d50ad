//! From the URL that was saved to what goes on the wire.

use base64::{Engine, engine::general_purpose::STANDARD};
use fanfare_model::delivery::FaultKind;
use http::{HeaderValue, Uri};
use url::Url;

use super::Fault;

/// Where a request goes.
pub(super) struct Target {
    /// Absolute, in ASCII, without name, password or fragment.
    pub(super) uri: Uri,
    /// The URL's name and password, if it had any.
    pub(super) authorization: Option<HeaderValue>,
}

/// Takes a URL apart.
///
/// # Errors
/// [`FaultKind::Refused`] for what is no http or https URL, or one that cannot be requested.
pub(super) fn parse(url: &str) -> Result<Target, Fault> {
    let refused = |why: &str| Fault::new(FaultKind::Refused, format!("the URL is refused: {why}"));
    let mut url = Url::parse(url).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("neither http nor https"));
    }
    let authorization = authorization(&url);
    let stripped = url.set_username("").and_then(|()| url.set_password(None));
    stripped.map_err(|()| refused("no host"))?;
    url.set_fragment(None);
    let uri = url.as_str().parse::<Uri>().map_err(|error| refused(&error.to_string()))?;
    Ok(Target { uri, authorization })
}

fn authorization(url: &Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut credentials = percent_decoded(url.username());
    credentials.push(b':');
    credentials.extend(percent_decoded(url.password().unwrap_or_default()));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(credentials)))
        .expect("base64 is a header value");
    value.set_sensitive(true);
    Some(value)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| {
            let mut byte = [0];
            hex::decode_to_slice(digits, &mut byte).ok().map(|()| byte[0])
        });
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_what_is_requested() {
        for (url, uri, credentials) in [
            ("http://Example.com", "http://example.com/", None),
            ("https://example.com:443/a?b=c#d", "https://example.com/a?b=c", None),
            ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC", None),
            ("http://0x7f.1/", "http://127.0.0.1/", None),
            ("http://[::FFFF:127.0.0.1]:81/", "http://[::ffff:7f00:1]:81/", None),
            ("http://example.com/a b\r\nX: y", "http://example.com/a%20bX:%20y", None),
            ("http://ann:s%3Acret@example.com/", "http://example.com/", Some("ann:s:cret")),
            ("http://ann@example.com/", "http://example.com/", Some("ann:")),
            ("http://:p%zz%4@example.com/", "http://example.com/", Some(":p%zz%4")),
        ] {
            let target = parse(url).unwrap_or_else(|fault| panic!("{url}: {fault}"));
            assert_eq!(target.uri.to_string(), uri, "{url}");
            let expected = credentials.map(|text| format!("Basic {}", STANDARD.encode(text)));
            assert_eq!(target.authorization.as_ref().and_then(|v| v.to_str().ok()), expected.as_deref());
        }
    }

    #[test]
    fn what_cannot_be_requested_is_refused() {
        let long = format!("http://example.com/{}", "a".repeat(70_000));
        for url in ["", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", &long] {
            let fault = parse(url).err().unwrap_or_else(|| panic!("{url} passed"));
            assert_eq!(fault.kind, FaultKind::Refused, "{url}");
        }
    }
}
