//! Sockets: the same check as for requests, and a handshake that has an end.

use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{Message, ServerBuilder};

use super::*;

pub(super) fn upgrade(url: String) -> Upgrade {
    let headers = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static("a test"))]);
    Upgrade { url, headers, subprotocol: "ecast-v0", message_max_bytes: 1_000 }
}

async fn fault(net: &Net, url: String) -> (FaultKind, String) {
    match net.egress.upgrade(upgrade(url.clone()), 15_000).await {
        Ok(_) => panic!("{url} was opened"),
        Err(Fault { kind, message }) => (kind, message),
    }
}

/// Opens sockets, chooses this subprotocol, and says two messages of these sizes.
async fn sockets(net: &Net, subprotocol: Option<&'static str>, sizes: [usize; 2]) -> SocketAddr {
    let serve = move |_, stream: TcpStream| async move {
        let mut builder = ServerBuilder::new();
        if let Some(name) = subprotocol {
            let value = HeaderValue::from_static(name);
            builder = builder.add_header(header::SEC_WEBSOCKET_PROTOCOL, value).expect("it may be added");
        }
        let Ok((request, mut socket)) = builder.accept(stream).await else { return };
        assert_eq!(request.headers()[header::SEC_WEBSOCKET_PROTOCOL], "ecast-v0");
        assert_eq!(request.headers()[header::USER_AGENT], "a test");
        assert_eq!(request.uri(), "/room?x=1");
        for size in sizes {
            let _ = socket.send(Message::text("x".repeat(size))).await;
        }
    };
    net.receiver(serve).await
}

#[tokio::test]
async fn a_socket_brings_messages_up_to_a_size() {
    for subprotocol in [Some("ecast-v0"), None] {
        let net = Net::new(&[], Vec::new());
        let addr = sockets(&net, subprotocol, [1_000, 1_001]).await;
        let opened = net.egress.upgrade(upgrade(format!("http://{addr}/room?x=1")), 15_000).await;
        let mut socket = opened.unwrap_or_else(|fault| panic!("{fault}"));
        let message = socket.next().await.expect("open").expect("a message");
        assert_eq!(message.as_payload().len(), 1_000);
        assert!(!matches!(socket.next().await, Some(Ok(_))), "the larger one is not taken");
    }
}

#[tokio::test]
async fn another_subprotocol_is_none() {
    let net = Net::new(&[], Vec::new());
    let addr = sockets(&net, Some("chat"), [0, 0]).await;
    let (kind, message) = fault(&net, format!("http://{addr}/room?x=1")).await;
    assert_eq!(
        (kind, message.as_str()),
        (FaultKind::Protocol, "no WebSocket: another subprotocol was chosen")
    );
}

#[tokio::test]
async fn sockets_are_judged_like_requests() {
    let net = Net::new(&[("inside.example", &[&["10.0.0.1"]])], vec![7]);
    for url in [
        "http://169.254.169.254/",
        "http://inside.example/",
        "ftp://127.0.0.1/",
        "http://[::ffff:a9fe:a9fe]/",
    ] {
        assert_eq!(fault(&net, url.to_owned()).await.0, FaultKind::Refused, "{url}");
    }
}

#[tokio::test]
async fn a_handshake_that_is_none_or_has_no_end_is_a_fault() {
    let endless = format!("HTTP/1.1 101 Switching Protocols\r\nx: {}", "x".repeat(100_000));
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 302 Found\r\nlocation: /\r\n\r\n",
        "",
        &endless,
    ] {
        let net = Net::new(&[], Vec::new());
        let answer = answer.to_owned();
        let serve = move |_, mut stream: TcpStream| {
            let answer = answer.clone();
            async move {
                let _ = stream.read(&mut [0; 1_000]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.len() > 1_000 {
                    std::future::pending::<()>().await;
                }
            }
        };
        let addr = net.receiver(serve).await;
        let (kind, message) = fault(&net, format!("http://{addr}/")).await;
        assert_eq!(kind, FaultKind::Protocol, "{message}");
        assert!(message.starts_with("no WebSocket: "), "{message}");
    }
}
