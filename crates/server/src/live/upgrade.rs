//! From an HTTP request to a socket, by RFC 6455, section 4.2. What is said on the socket is not
//! known here.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::json;

use super::{
    Live, Sessions,
    connection::{self, Surroundings},
};
use crate::{accept::Slot, auth::Place, shutdown::Tasks, timers::Clock};

/// What RFC 6455, section 1.3, appends to the key.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// From the answer 101 to the moment at which the connection is handed over.
const HAND_OVER_TIMEOUT_MS: u64 = 10_000;

/// `GET /api/sessions/live`.
pub(crate) async fn upgrade(State(live): State<Live>, request: Request) -> Response {
    open_picker(request, Surroundings::from(live))
}

fn open_picker<S: Sessions>(request: Request, surroundings: Surroundings<S>) -> Response {
    let (tasks, clock) = (surroundings.tasks.clone(), surroundings.clock.clone());
    shake_hands(request, &tasks, clock, |stream| connection::run(TokioIo::new(stream), surroundings))
}

/// Answers 101 and goes on as a socket, with `run` in a task of its own. What is no such request is told
/// why: 426 without a (supported) upgrade, 400 with a malformed one.
pub(super) fn shake_hands<R, F>(mut request: Request, tasks: &Tasks, clock: Clock, run: R) -> Response
where
    R: FnOnce(Upgraded) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let accept = match accept_key(request.headers()) {
        Ok(accept) => accept,
        Err(refusal) => return refusal.into_response(),
    };
    // Absent in HTTP/1.0.
    if request.extensions().get::<OnUpgrade>().is_none() {
        return Refusal::NotPossible.into_response();
    }
    let handed_over = hyper::upgrade::on(&mut request);
    // A socket counts as a connection for as long as it is open.
    let slot = request.extensions().get::<Slot>().cloned();
    let place = request.extensions().get::<Place>().cloned();
    tasks.spawn("socket", async move {
        let _held = (slot, place);
        let handed_over = clock.timeout(HAND_OVER_TIMEOUT_MS, handed_over).await;
        // Otherwise the client has hung up before it was told 101.
        if let Ok(Ok(stream)) = handed_over {
            run(stream).await;
        }
    });
    let headers = [
        (CONNECTION, HeaderValue::from_static("upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

/// Why a request becomes no socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("WebSocket upgrade required")]
    NotUpgrade,
    #[error("WebSocket version 13 required")]
    Version,
    #[error("Sec-WebSocket-Key must be 16 bytes in base64")]
    Key,
    #[error("This connection cannot be upgraded")]
    NotPossible,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.to_string() }));
        let upgrade: [(HeaderName, &str); 2] = [(CONNECTION, "upgrade"), (UPGRADE, "websocket")];
        match self {
            Self::NotUpgrade => (StatusCode::UPGRADE_REQUIRED, upgrade, body).into_response(),
            Self::Version => {
                let version = [(SEC_WEBSOCKET_VERSION, "13")];
                (StatusCode::UPGRADE_REQUIRED, upgrade, version, body).into_response()
            }
            Self::Key | Self::NotPossible => (StatusCode::BAD_REQUEST, body).into_response(),
        }
    }
}

/// Checks the client's half of the handshake and makes the `Sec-WebSocket-Accept` of ours.
fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, Refusal> {
    if !has_token(headers, &UPGRADE, "websocket") || !has_token(headers, &CONNECTION, "upgrade") {
        return Err(Refusal::NotUpgrade);
    }
    if !has_token(headers, &SEC_WEBSOCKET_VERSION, "13") {
        return Err(Refusal::Version);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or(Refusal::Key)?;
    if !BASE64_STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16) {
        return Err(Refusal::Key);
    }
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(key.as_bytes());
    sha1.update(KEY_SUFFIX);
    let accept = BASE64_STANDARD.encode(sha1.digest().bytes());
    Ok(HeaderValue::from_str(&accept).expect("base64 is ASCII"))
}

/// Whether a comma-separated header names `token`, in any case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|word| word.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};
    use futures_util::{SinkExt, StreamExt};
    use http_body_util::BodyExt;
    use hyper::server::conn::http1;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio_websockets::{ClientBuilder, Message};

    use super::*;
    use crate::live::testing::House;

    /// The client's end of a connection to a server that has nothing but this handler.
    fn serve(house: &House) -> DuplexStream {
        let (theirs, ours) = duplex(4 << 10);
        let surroundings = house.surroundings();
        let live = get(|request: Request| async move { open_picker(request, surroundings) });
        let service = TowerToHyperService::new(Router::new().route("/api/sessions/live", live));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(ours), service).with_upgrades();
        house.tasks.spawn("connection", async move { drop(connection.await) });
        theirs
    }

    #[tokio::test]
    async fn a_request_becomes_a_socket() {
        let house = House::new();
        let client = ClientBuilder::new().uri("ws://fanfare/api/sessions/live").expect("an address");
        let (mut socket, response) = client.connect_on(serve(&house)).await.expect("101");
        assert_eq!(response.status(), 101);
        socket.send(Message::text(r#"{"type":"ping"}"#)).await.expect("still open");
        let answer = socket.next().await.expect("still open").expect("a good frame");
        assert_eq!(answer.as_text(), Some(r#"{"type":"pong"}"#));
        drop(socket);
        assert!(house.tasks.stop(&house.clock, 1_000).await);
    }

    #[tokio::test]
    async fn an_ordinary_request_is_answered_as_such() {
        let house = House::new();
        let mut connection = serve(&house);
        for (version, status) in [("1.1", "426 Upgrade Required"), ("1.0", "426 Upgrade Required")] {
            let request = format!("GET /api/sessions/live HTTP/{version}\r\nhost: fanfare\r\n\r\n");
            connection.write_all(request.as_bytes()).await.expect("still open");
            let mut answer = vec![0; 4 << 10];
            let bytes = connection.read(&mut answer).await.expect("an answer");
            let answer = String::from_utf8_lossy(&answer[..bytes]);
            assert!(answer.contains(status) && answer.contains("\r\nupgrade: websocket\r\n"), "{answer}");
        }
    }

    fn headers(changes: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let good = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in good.iter().chain(changes) {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn accepts_the_sample_of_the_rfc() {
        let accept = accept_key(&headers(&[])).expect("a good handshake");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_a_handshake() {
        for (name, value, status, error) in [
            ("connection", "keep-alive", 426, "WebSocket upgrade required"),
            ("upgrade", "h2c", 426, "WebSocket upgrade required"),
            ("sec-websocket-version", "8", 426, "WebSocket version 13 required"),
            ("sec-websocket-key", "", 400, "Sec-WebSocket-Key must be 16 bytes in base64"),
            ("sec-websocket-key", "dGhlIHNhbXBsZQ==", 400, "Sec-WebSocket-Key must be 16 bytes in base64"),
            ("sec-websocket-key", "not base64", 400, "Sec-WebSocket-Key must be 16 bytes in base64"),
        ] {
            let refusal = accept_key(&headers(&[(name, value)])).expect_err("a bad handshake");
            let response = refusal.into_response();
            assert_eq!(response.status(), status, "{name}: {value}");
            assert_eq!(response.headers().contains_key(UPGRADE), status == 426);
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            assert_eq!(body, json!({ "error": error }).to_string());
        }
        for name in ["connection", "upgrade", "sec-websocket-version", "sec-websocket-key"] {
            let mut headers = headers(&[]);
            headers.remove(name);
            assert!(accept_key(&headers).is_err(), "without {name}");
        }
    }
}
