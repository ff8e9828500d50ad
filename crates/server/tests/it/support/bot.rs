//! A bot on the game socket.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, CloseCode, MaybeTlsStream, Message, WebSocketStream};

use super::soon;

/// A connected bot.
pub(crate) struct Bot {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Bot {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let uri = format!("ws://{addr}/api/sessions/live").parse().expect("a URI");
        let (socket, _) = soon("an upgrade", ClientBuilder::from_uri(uri).connect()).await.expect("upgraded");
        Self { socket }
    }

    pub(crate) async fn sign_in(&mut self, token: &str) {
        self.say(&json!({"type": "auth", "token": token})).await;
        assert_eq!(
            self.hear().await,
            json!({"type": "auth_success", "message": "Authenticated successfully"})
        );
    }

    pub(crate) async fn subscribe(&mut self, session: &Value) {
        self.say(&json!({"type": "subscribe", "sessionId": session})).await;
        let message = format!("Subscribed to session {session}");
        assert_eq!(
            self.hear().await,
            json!({"type": "subscribed", "sessionId": session, "message": message})
        );
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.say_frame(Message::text(message.to_string())).await;
    }

    pub(crate) async fn say_frame(&mut self, frame: Message) {
        soon("a frame being sent", self.socket.send(frame)).await.expect("connected");
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.hear_text().await).expect("JSON")
    }

    /// The next message, byte for byte.
    pub(crate) async fn hear_text(&mut self) -> String {
        loop {
            let frame = soon("a frame", self.socket.next()).await.expect("connected").expect("a good frame");
            if let Some(text) = frame.as_text() {
                return text.to_owned();
            }
            assert!(frame.is_ping() || frame.is_pong(), "unexpected {frame:?}");
        }
    }

    /// Proves that nothing else was on its way: the answer to a ping comes next.
    pub(crate) async fn hears_nothing(&mut self) {
        self.say(&json!({"type": "ping"})).await;
        assert_eq!(self.hear().await, json!({"type": "pong"}));
    }

    /// The code with which the server closes; whatever comes before is skipped.
    pub(crate) async fn close_code(&mut self) -> CloseCode {
        loop {
            let frame =
                soon("a close", self.socket.next()).await.expect("a close frame").expect("a good frame");
            if let Some((code, _)) = frame.as_close() {
                return code;
            }
        }
    }
}
