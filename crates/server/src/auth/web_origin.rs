//! Which web pages may open a socket. Browsers send the page's origin and let every page try, so the
//! server has to say no (RFC 6455, section 10.2). It is no protection from anything but browsers.

use url::{Host, Url};

use crate::config::CorsOrigin;

/// Whether a handshake with this `Origin` and this `Host` may go on: it is no page's, since it names no
/// origin, or a page's of the server's own host, or one that is allowed.
///
/// A page without an origin of its own, such as a file or a sandboxed frame, says `null`; only `*` lets
/// it in.
pub(crate) fn origin_allowed(origin: Option<&str>, host: Option<&str>, allowed: &[CorsOrigin]) -> bool {
    let Some(origin) = origin else { return true };
    let is_allowed = |allowed: &CorsOrigin| match allowed {
        CorsOrigin::Any => true,
        CorsOrigin::Exact(exact) => exact.eq_ignore_ascii_case(origin),
    };
    allowed.iter().any(is_allowed) || host.is_some_and(|host| is_same_host(origin, host))
}

/// Whether a page's origin is on the host that was asked for. The scheme may differ: a proxy may have
/// taken TLS off, and with it the port that the scheme stands for.
fn is_same_host(origin: &str, host: &str) -> bool {
    let place = |url: &str| -> Option<(Host<String>, Option<u16>)> {
        let url = Url::parse(url).ok()?;
        let is_bare = url.username().is_empty() && url.password().is_none() && url.path() == "/";
        let place = (url.host()?.to_owned(), url.port());
        (is_bare && url.query().or(url.fragment()).is_none()).then_some(place)
    };
    let Some((scheme, _)) = origin.split_once("://") else { return false };
    let is_web = ["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme));
    is_web && place(origin).is_some_and(|page| place(&format!("{scheme}://{host}")) == Some(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_hosts_must_be_allowed() {
        let (none, one, all): (&[&str], &[&str], &[&str]) = (&[], &["https://a.example"], &["*"]);
        for (origin, host, allowed, expected) in [
            (None, Some("fan.example"), none, true),
            (None, None, none, true),
            (Some("http://fan.example"), Some("fan.example"), none, true),
            (Some("https://fan.example"), Some("FAN.example"), none, true),
            (Some("https://fan.example"), Some("fan.example:443"), none, true),
            (Some("http://localhost:5000"), Some("localhost:5000"), none, true),
            (Some("http://[::1]:5000"), Some("[::1]:5000"), none, true),
            (Some("http://localhost:5001"), Some("localhost:5000"), none, false),
            (Some("http://localhost"), Some("localhost:5000"), none, false),
            (Some("http://fan.example.evil.example"), Some("fan.example"), none, false),
            (Some("http://fan.example@evil.example"), Some("fan.example"), none, false),
            (Some("http://evil.example/"), Some("fan.example"), none, false),
            (Some("http://fan.example"), None, none, false),
            (Some("http://fan.example"), Some("fan.example/x"), none, false),
            (Some("http://fan.example"), Some("me@fan.example"), none, false),
            (Some("app://fan.example"), Some("fan.example"), none, false),
            (Some("null"), Some("null"), none, false),
            (Some("null"), Some("fan.example"), one, false),
            (Some("null"), Some("fan.example"), all, true),
            (Some(""), Some(""), none, false),
            (Some("https://a.example"), Some("fan.example"), one, true),
            (Some("HTTPS://A.example"), Some("fan.example"), one, true),
            (Some("http://a.example"), Some("fan.example"), one, false),
            (Some("https://a.example:8443"), Some("fan.example"), one, false),
            (Some("https://b.a.example"), Some("fan.example"), one, false),
            (Some("https://anything.example"), None, all, true),
        ] {
            let allowed: Vec<CorsOrigin> = allowed.iter().map(|text| text.parse().expect("one")).collect();
            assert_eq!(origin_allowed(origin, host, &allowed), expected, "{origin:?} {host:?} {allowed:?}");
        }
    }
}
