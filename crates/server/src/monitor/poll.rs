//! One poll of one room. Decides nothing about when.

use bytes::Bytes;
use fanfare_model::room::Answer;
use http::{HeaderMap, HeaderValue, Method, header};
use url::Url;

use super::{USER_AGENT, Ways};
use crate::egress::{Outgoing, Reply};

/// Asks the service for the room.
pub(super) async fn poll(ways: &Ways, code: &str) -> Answer {
    let headers = HeaderMap::from_iter([
        (header::USER_AGENT, USER_AGENT),
        (header::ACCEPT, HeaderValue::from_static("application/json")),
    ]);
    let url = room_url(&ways.settings.base_url, &[code]).to_string();
    let outgoing = Outgoing { method: Method::GET, url, headers, body: Bytes::new() };
    match ways.egress.send(outgoing, ways.settings.timeout_ms).await {
        Ok(Reply { status, body, .. }) => Answer::parse(code, status, &body),
        Err(fault) => Answer::Fault(fault.message),
    }
}

/// `{base}/api/v2/rooms/…`
pub(super) fn room_url(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("http and https URLs have a path")
        .pop_if_empty()
        .extend(["api", "v2", "rooms"])
        .extend(path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_asked_for_below_the_base() {
        for (base, path, expected) in [
            ("https://ecast.example", &["ABCD"][..], "https://ecast.example/api/v2/rooms/ABCD"),
            ("http://127.0.0.1:80/", &["ABCD", "play"], "http://127.0.0.1/api/v2/rooms/ABCD/play"),
            ("http://a/proxy/", &["A/B?#"], "http://a/proxy/api/v2/rooms/A%2FB%3F%23"),
        ] {
            let base = Url::parse(base).expect("a URL");
            assert_eq!(room_url(&base, path).as_str(), expected);
        }
    }
}
