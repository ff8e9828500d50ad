//! A room service that says what the test scripts, room by room, and tells the test who asked.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response, header},
    routing::get,
};
use fanfare::timers::Clock;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_websockets::{Message, ServerBuilder, WebSocketStream};

use super::{eventually, soon};

/// The running service; it is gone when it is dropped.
pub(crate) struct RoomService {
    addr: SocketAddr,
    sockets: SocketAddr,
    script: Script,
    polls: mpsc::UnboundedReceiver<Poll>,
    visits: mpsc::UnboundedReceiver<Visit>,
    tasks: [JoinHandle<()>; 2],
}

type Script = Arc<Mutex<HashMap<String, Said>>>;

/// What a poll of a room is answered.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// A status, a content type and a body.
    Text(u16, &'static str, String),
    /// To look elsewhere.
    Redirect(String),
    /// Nothing, ever.
    Nothing,
}

impl Said {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::Text(status, "application/json", body.to_string())
    }

    pub(crate) fn unknown() -> Self {
        Self::json(404, &json!({"ok": false, "error": "no such room"}))
    }
}

/// Somebody asked for a room.
#[derive(Debug)]
pub(crate) struct Poll {
    pub(crate) code: String,
    pub(crate) headers: HeaderMap,
}

/// Somebody came to a room's socket.
pub(crate) struct Visit {
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) headers: HeaderMap,
    socket: WebSocketStream<TcpStream>,
}

impl Visit {
    pub(crate) async fn say(&mut self, opcode: &str, result: Value) {
        let frame = json!({"pc": 1, "opcode": opcode, "result": result}).to_string();
        self.say_text(frame).await;
    }

    pub(crate) async fn say_text(&mut self, text: String) {
        // The visitor may be gone, which is for the test to find out.
        let _ = soon("a frame being sent", self.socket.send(Message::text(text))).await;
    }

    /// Waits until the visitor goes.
    pub(crate) async fn is_left(&mut self) {
        soon("the visitor's leave", async {
            while let Some(Ok(message)) = self.socket.next().await {
                assert!(message.is_close() || message.is_ping(), "the visitor said {message:?}");
            }
        })
        .await;
    }
}

impl RoomService {
    #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
    pub(crate) async fn start() -> Self {
        let script = Script::default();
        let (listener, sockets) = (bind().await, bind().await);
        let (addr, sockets_addr) = (local(&listener), local(&sockets));
        let (tell_poll, polls) = mpsc::unbounded_channel();
        let (tell_visit, visits) = mpsc::unbounded_channel();
        let router =
            Router::new().route("/api/v2/rooms/{code}", get(answer)).with_state((script.clone(), tell_poll));
        let tasks = [
            tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") }),
            tokio::spawn(receive(sockets, tell_visit)),
        ];
        Self { addr, sockets: sockets_addr, script, polls, visits, tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// From now on polls of the room are answered so.
    pub(crate) fn says(&self, code: &str, said: Said) {
        self.script.lock().expect("no panic").insert(code.to_owned(), said);
    }

    /// The room exists, with these fields beside `code` and `host`.
    pub(crate) fn has_room(&self, code: &str, fields: Value) {
        let mut body = json!({"code": code, "host": self.sockets.to_string()});
        let Value::Object(fields) = fields else { panic!("fields of an object") };
        body.as_object_mut().expect("an object").extend(fields);
        self.says(code, Said::json(200, &json!({"ok": true, "body": body})));
    }

    /// The next poll.
    pub(crate) async fn polled(&mut self) -> Poll {
        soon("a poll", self.polls.recv()).await.expect("the service runs")
    }

    /// Lets time pass until somebody polls anew; returns how many seconds that took.
    pub(crate) async fn polled_by(&mut self, clock: &Clock) -> u64 {
        let mut passed_s = 0;
        while self.was_polled().is_some() {}
        eventually("a poll", || {
            let polled = self.was_polled();
            if polled.is_none() {
                clock.advance(Duration::from_secs(1));
                passed_s += 1;
            }
            async move { polled }
        })
        .await;
        passed_s
    }

    /// A poll that has come in already.
    pub(crate) fn was_polled(&mut self) -> Option<Poll> {
        self.polls.try_recv().ok()
    }

    /// The next visitor of a socket.
    pub(crate) async fn visited(&mut self) -> Visit {
        soon("a visit", self.visits.recv()).await.expect("the service runs")
    }

    pub(crate) fn was_visited(&mut self) -> bool {
        self.visits.try_recv().is_ok()
    }
}

impl Drop for RoomService {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

fn local(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("bound")
}

async fn answer(
    State((script, polls)): State<(Script, mpsc::UnboundedSender<Poll>)>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let said = script.lock().expect("no panic").get(&code).cloned().unwrap_or_else(Said::unknown);
    polls.send(Poll { code, headers }).ok();
    let response = Response::builder();
    let response = match said {
        Said::Text(status, kind, body) => {
            response.status(status).header(header::CONTENT_TYPE, kind).body(Body::from(body))
        }
        Said::Redirect(to) => response.status(302).header(header::LOCATION, to).body(Body::empty()),
        Said::Nothing => std::future::pending().await,
    };
    response.expect("a response")
}

async fn receive(listener: TcpListener, visits: mpsc::UnboundedSender<Visit>) {
    while let Ok((stream, _)) = listener.accept().await {
        let builder = ServerBuilder::new()
            .add_header(header::SEC_WEBSOCKET_PROTOCOL, "ecast-v0".parse().expect("a value"))
            .expect("it may be added");
        let Ok((request, socket)) = builder.accept(stream).await else { continue };
        let query = request.uri().query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
        visits.send(Visit { path, query, headers, socket }).ok();
    }
}
