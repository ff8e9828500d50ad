//! A client on the channels, in either wire protocol.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::HeaderName;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

use super::{described, soon};

/// A connected client.
pub(crate) struct Peer {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What the server calls it.
    pub(crate) id: String,
    is_pusher: bool,
}

impl Peer {
    /// In ts-broadcasting's protocol.
    pub(crate) async fn broadcasting(addr: SocketAddr, token: Option<&str>) -> Self {
        let query = token.map(|token| format!("?token={token}")).unwrap_or_default();
        let mut peer = Self::open(addr, &format!("/ws{query}"), &[]).await.expect("101");
        peer.hear_hello().await;
        peer
    }

    /// In Pusher's protocol.
    pub(crate) async fn pusher(addr: SocketAddr, key: &str) -> Self {
        let path = format!("/app/{key}?protocol=7&client=test&version=1");
        let mut peer = Self::open(addr, &path, &[]).await.expect("101");
        peer.hear_hello().await;
        peer
    }

    /// The first message of a socket that is welcome, in which it is given its id.
    pub(crate) async fn hear_hello(&mut self) -> Value {
        let hello = self.hear().await;
        let (prefix, inner) = match hello["data"].as_str() {
            Some(text) => ("pusher:", serde_json::from_str(text).expect("JSON")),
            None => ("", hello["data"].clone()),
        };
        assert_eq!(hello["event"], format!("{prefix}connection_established"), "{hello}");
        inner["socket_id"].as_str().expect("an id").clone_into(&mut self.id);
        hello
    }

    /// A socket that has heard nothing yet.
    pub(crate) async fn open(
        addr: SocketAddr,
        path: &str,
        headers: &[(HeaderName, &str)],
    ) -> Result<Self, tokio_websockets::Error> {
        let uri = format!("ws://{addr}{path}").parse().expect("a URI");
        let mut client = ClientBuilder::from_uri(uri);
        for (name, value) in headers {
            client = client.add_header(name.clone(), value.parse().expect("a value")).expect("allowed");
        }
        let (socket, _) = soon("an upgrade", client.connect()).await?;
        Ok(Self { socket, id: String::new(), is_pusher: path.starts_with("/app/") })
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.say_frame(Message::text(message.to_string())).await;
    }

    pub(crate) async fn say_frame(&mut self, frame: Message) {
        soon("a frame being sent", self.socket.send(frame)).await.expect("connected");
    }

    /// The next message, which is one that is described.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            let frame = self.frame().await;
            if let Some(text) = frame.as_text() {
                let message = serde_json::from_str(text).expect("JSON");
                described::check(self.is_pusher, &message);
                return message;
            }
            assert!(frame.is_ping() || frame.is_pong(), "unexpected {frame:?}");
        }
    }

    /// Subscribes; returns the answer.
    pub(crate) async fn subscribe(&mut self, channel: &str, auth: Option<&str>, data: Option<&str>) -> Value {
        let message = if self.is_pusher {
            let mut said = json!({ "channel": channel });
            for (name, value) in [("auth", auth), ("channel_data", data)] {
                if let Some(value) = value {
                    said[name] = value.into();
                }
            }
            json!({"event": "pusher:subscribe", "data": said})
        } else {
            json!({"event": "subscribe", "channel": channel})
        };
        self.say(&message).await;
        self.hear().await
    }

    /// The next frame of any kind. That a ping is answered waits for the next look.
    pub(crate) async fn frame(&mut self) -> Message {
        soon("a frame", self.socket.next()).await.expect("connected").expect("a good frame")
    }

    /// Proves that nothing else was on its way: the answer to a ping comes next.
    pub(crate) async fn hears_nothing(&mut self) {
        let prefix = if self.is_pusher { "pusher:" } else { "" };
        self.say(&json!({ "event": format!("{prefix}ping") })).await;
        assert_eq!(self.hear().await["event"], format!("{prefix}pong"));
    }

    /// The code and the reason with which the server closes; whatever comes before is skipped.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            let frame =
                soon("a close", self.socket.next()).await.expect("a close frame").expect("a good frame");
            if let Some((code, reason)) = frame.as_close() {
                return (code.into(), reason.to_owned());
            }
        }
    }

    /// Every message until the server closes, and the code with which it does.
    pub(crate) async fn rest(&mut self) -> (u16, Vec<Value>) {
        let mut messages = Vec::new();
        loop {
            let frame = self.frame().await;
            if let Some((code, _)) = frame.as_close() {
                return (code.into(), messages);
            }
            messages.extend(frame.as_text().map(|text| serde_json::from_str(text).expect("JSON")));
        }
    }
}
