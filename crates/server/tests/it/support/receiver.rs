//! A receiver behind a webhook: keeps what it gets, answers what the test says.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use super::{Client, soon};

/// A running receiver; it is gone when it is dropped.
pub(crate) struct Receiver {
    addr: SocketAddr,
    answers: Arc<Mutex<VecDeque<u16>>>,
    requests: mpsc::UnboundedReceiver<Received>,
    task: JoinHandle<()>,
}

/// A request as it came in.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Clone)]
struct Book {
    answers: Arc<Mutex<VecDeque<u16>>>,
    requests: mpsc::UnboundedSender<Received>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().expect("text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// On an address that an earlier one may have had.
    #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
    pub(crate) async fn start_on(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let (sender, requests) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let router =
            Router::new().fallback(take).with_state(Book { answers: answers.clone(), requests: sender });
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { addr, answers, requests, task }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    /// The statuses of the next answers; 200 when there are no more.
    pub(crate) fn will_answer(&self, statuses: &[u16]) {
        self.answers.lock().expect("no panic").extend(statuses);
    }

    pub(crate) async fn next(&mut self) -> Received {
        soon("a delivery", self.requests.recv()).await.expect("the receiver runs")
    }

    /// Whether nothing has come in since the last look.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }

    /// Registers this receiver as a webhook; returns the webhook's id.
    pub(crate) async fn register(&self, host: &Client, events: &[&str]) -> i64 {
        let body = json!({"name": "receiver", "url": self.url(), "secret": "mysecret123", "events": events});
        host.post("/api/webhooks", body).await.expect(201)["id"].as_i64().expect("an id")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(book): State<Book>, method: Method, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = book.answers.lock().expect("no panic").pop_front().unwrap_or(200);
    book.requests.send(Received { method, headers, body }).ok();
    StatusCode::from_u16(status).expect("a status")
}
