//! A receiver that misbehaves: a listener of its own and a habit that each of its visitors meets.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use fanfare::timers::Clock;
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::TOLD;
use crate::support::{Client, soon};

/// What an animal's machine keeps of what was written and not sent yet, in bytes, so that what it could
/// write is about what the other side has taken.
const SEND_BUFFER_BYTES: u32 = 16 << 10;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 64;

/// What it does with one connection.
pub(super) type Habit = Arc<dyn Fn(Guest) -> BoxFuture<'static, ()> + Send + Sync>;

/// A habit from an async closure.
pub(super) fn habit<F>(does: impl Fn(Guest) -> F + Send + Sync + 'static) -> Habit
where
    F: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |guest| Box::pin(does(guest)))
}

/// A running animal; it is gone when it is dropped.
pub(super) struct Animal {
    addr: SocketAddr,
    scheme: &'static str,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

/// What it has seen so far.
struct Seen {
    connections: AtomicUsize,
    written_bytes: AtomicUsize,
    requests: watch::Sender<usize>,
    /// Connections that are over.
    over: watch::Sender<usize>,
}

impl Animal {
    pub(super) fn start(clock: &Clock, habit: Habit) -> Self {
        Self::listen("http", clock, habit)
    }

    /// One that is called over TLS, as `localhost`; what the habit does about that is its own affair.
    pub(super) fn start_tls(clock: &Clock, habit: Habit) -> Self {
        Self::listen("https", clock, habit)
    }

    #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
    fn listen(scheme: &'static str, clock: &Clock, habit: Habit) -> Self {
        let listener = listening(BACKLOG);
        let clock = clock.clone();
        let seen = Arc::new(Seen {
            connections: AtomicUsize::new(0),
            written_bytes: AtomicUsize::new(0),
            requests: watch::Sender::new(0),
            over: watch::Sender::new(0),
        });
        let addr = listener.local_addr().expect("bound");
        let witness = seen.clone();
        let task = tokio::spawn(async move {
            let mut visits = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = witness.connections.fetch_add(1, Ordering::SeqCst);
                let visit = habit(Guest { number, stream, clock: clock.clone(), seen: witness.clone() });
                let seen = witness.clone();
                visits.spawn(async move {
                    visit.await;
                    seen.over.send_modify(|over| *over += 1);
                });
            }
        });
        Self { addr, scheme, seen, task }
    }

    pub(super) fn port(&self) -> u16 {
        self.addr.port()
    }

    pub(super) fn url(&self) -> String {
        match self.scheme {
            "https" => format!("https://localhost:{}/hook", self.addr.port()),
            scheme => format!("{scheme}://{}/hook", self.addr),
        }
    }

    /// Registers it as a webhook; returns the webhook's id.
    pub(super) async fn register(&self, host: &Client) -> i64 {
        register(host, &self.url()).await
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> usize {
        *self.seen.requests.borrow()
    }

    /// Waits until it has read so many requests.
    pub(super) async fn has_read(&self, requests: usize) {
        let mut seen = self.seen.requests.subscribe();
        let enough = seen.wait_for(|seen| *seen >= requests);
        soon("a request", enough).await.expect("it runs");
    }

    /// Waits until all of its visits are over.
    pub(super) async fn is_alone(&self) {
        let mut over = self.seen.over.subscribe();
        let all = over.wait_for(|over| *over == self.connections());
        soon("the end of a connection", all).await.expect("it runs");
    }

    /// Bytes that it could write.
    pub(super) fn written_bytes(&self) -> usize {
        self.seen.written_bytes.load(Ordering::SeqCst)
    }
}

impl Drop for Animal {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Registers a webhook for what [`Keeper::tell`](super::Keeper::tell) makes happen; returns its id.
pub(super) async fn register(host: &Client, url: &str) -> i64 {
    let body = json!({"name": "zoo", "url": url, "secret": "mysecret123", "events": [TOLD]});
    host.post("/api/webhooks", body).await.expect(201)["id"].as_i64().expect("an id")
}

/// A socket on a free port of loopback, on which nobody listens.
pub(super) fn bound() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_send_buffer_size(SEND_BUFFER_BYTES).expect("a small buffer");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    socket
}

/// A listener that lets so many connections wait.
pub(super) fn listening(backlog: u32) -> TcpListener {
    bound().listen(backlog).expect("it listens")
}

/// A connection that the server has made.
pub(super) struct Guest<S = TcpStream> {
    /// From 0.
    pub(super) number: usize,
    pub(super) stream: S,
    /// The server's.
    clock: Clock,
    seen: Arc<Seen>,
}

impl Guest {
    /// Hangs up with a reset instead of an end.
    pub(super) fn reset(self) {
        self.stream.set_zero_linger().expect("a reset is sent on close");
    }
}

impl Guest {
    /// The same visitor after a handshake; `None` when that fails.
    pub(super) async fn over_tls(self, acceptor: &TlsAcceptor) -> Option<Guest<TlsStream<TcpStream>>> {
        let Self { number, stream, clock, seen } = self;
        let stream = acceptor.accept(stream).await.ok()?;
        Some(Guest { number, stream, clock, seen })
    }

    /// Waits for the first bytes of a handshake; `false` when the connection ends before.
    pub(super) async fn says_hello(&mut self) -> bool {
        self.stream.read(&mut [0; 4_096]).await.is_ok_and(|read| read > 0)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guest<S> {
    /// Reads a request with its body; `false` when the connection ends before.
    pub(super) async fn asks(&mut self) -> bool {
        let is_whole = self.read_request().await.is_ok();
        if is_whole {
            self.seen.requests.send_modify(|requests| *requests += 1);
        }
        is_whole
    }

    async fn read_request(&mut self) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await?);
        }
        let head = String::from_utf8(head).expect("an ASCII head");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.expect("a length").parse().expect("a number")];
        self.stream.read_exact(&mut body).await.map(drop)
    }

    /// Writes; `false` when the other side does not want it any more.
    pub(super) async fn say(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let Ok(written @ 1..) = self.stream.write(bytes).await else { return false };
            self.seen.written_bytes.fetch_add(written, Ordering::SeqCst);
            bytes = &bytes[written..];
        }
        self.stream.flush().await.is_ok()
    }

    /// Writes the same again and again for as long as it is taken.
    pub(super) async fn pour(&mut self, bytes: &[u8]) {
        while self.say(bytes).await {}
    }

    /// Lets so many milliseconds pass; `false` when the other side hangs up before.
    pub(super) async fn waits(&mut self, ms: u64) -> bool {
        let clock = self.clock.clone();
        tokio::select! {
            () = clock.sleep_ms(ms) => true,
            () = self.hold() => false,
        }
    }

    /// Says and does nothing until the other side hangs up.
    pub(super) async fn hold(&mut self) {
        while !matches!(self.stream.read(&mut [0; 1_024]).await, Ok(0) | Err(_)) {}
    }
}
