//! Who hears of what happens: a webhook's receiver that answers 200, and a bot on a socket.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_websockets::{ClientBuilder, Message};

use crate::server::Server;

/// Both; they end when this is dropped.
pub(crate) struct Ears {
    hook: SocketAddr,
    deliveries: Arc<AtomicUsize>,
    frames: Arc<AtomicUsize>,
    tasks: std::cell::RefCell<JoinSet<()>>,
}

impl Ears {
    /// Opens the receiver.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let hook = listener.local_addr().expect("bound");
        let deliveries = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(receive(listener, deliveries.clone()));
        Self { hook, deliveries, frames: Arc::default(), tasks: tasks.into() }
    }

    pub(crate) fn hook(&self) -> SocketAddr {
        self.hook
    }

    /// Puts a bot on a socket and subscribes it.
    pub(crate) async fn listen_to(&self, server: &Server) {
        let uri = format!("ws://{}/api/sessions/live", server.addr).parse().expect("a URI");
        let (mut socket, _) = ClientBuilder::from_uri(uri).connect().await.expect("upgraded");
        for message in [
            json!({"type": "auth", "token": server.scene.token}),
            json!({"type": "subscribe", "sessionId": server.scene.session}),
        ] {
            socket.send(Message::text(message.to_string())).await.expect("connected");
            socket.next().await.expect("an answer").expect("a good frame");
        }
        let frames = self.frames.clone();
        self.tasks.borrow_mut().spawn(async move {
            while let Some(Ok(_)) = socket.next().await {
                frames.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    /// What came in so far, for people.
    pub(crate) fn heard(&self) -> String {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        format!("meanwhile {} webhook deliveries and {} frames", of(&self.deliveries), of(&self.frames))
    }
}

async fn receive(listener: TcpListener, deliveries: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(answer(stream, deliveries.clone()));
    }
}

/// Answers each request with 200. One comes after the answer to the one before, so a read that ends
/// with a whole body ends a request.
async fn answer(mut stream: TcpStream, deliveries: Arc<AtomicUsize>) {
    let mut buffer = Vec::with_capacity(16 << 10);
    while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        if is_whole(&buffer) {
            buffer.clear();
            deliveries.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                return;
            }
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    request.len() >= head.len() + 4 + length.unwrap_or(0)
}
