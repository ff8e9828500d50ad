//! What is behind the webhooks. It lives in the harness's process and so outlasts every server; each
//! webhook has a port of its own and a way of its own to answer. All that comes in is kept.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{Notify, watch},
    task::JoinSet,
};

use crate::{
    history::{Receipt, Reply},
    http::{Message, Wire},
    lots::Lots,
    time::{Clock, pause},
};

/// Connections that may wait to be taken.
const BACKLOG: u32 = 1_024;
/// Path of the harness's own question, see [`Receiver::settle`].
const KNOCK: &str = "/knock";
/// How long a shy receiver stays, and how long it is away, in milliseconds.
const THERE_MS: std::ops::RangeInclusive<u64> = 300..=1_500;
const AWAY_MS: std::ops::RangeInclusive<u64> = 10..=150;

/// How a webhook is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// With 200, at once.
    Steady,
    /// One event in so many fails first, once or twice, with 500 or 503.
    Flaky { one_in: u64 },
    /// With 200 after so many milliseconds at most.
    Slow { max_ms: u64 },
    /// With 200, but for stretches nobody listens.
    Shy,
}

/// The harness's receiving side; everything of it ends when this is dropped.
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    /// Of each webhook.
    ports: Vec<SocketAddr>,
    _tasks: JoinSet<()>,
}

struct Shared {
    clock: Clock,
    receipts: Mutex<Receipts>,
    /// The life of the server that runs, see [`crate::history::History::lives`].
    life: AtomicUsize,
    /// Connections open now.
    open: watch::Sender<usize>,
    /// Rung when a request has been answered.
    answered: Notify,
    /// Shy receivers stay from now on.
    stay: AtomicBool,
}

#[derive(Default)]
struct Receipts {
    list: Vec<Receipt>,
    /// Bodies and ids are kept once.
    texts: HashMap<String, Arc<str>>,
    /// How often each event has come to each webhook.
    times: HashMap<(usize, Arc<str>), u64>,
}

/// One webhook's side.
#[derive(Clone)]
struct Door {
    hook: usize,
    manner: Manner,
    seed: u64,
    shared: Arc<Shared>,
}

impl Receiver {
    /// Opens a port for each manner.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open(manners: &[Manner], clock: Clock, lots: &mut Lots) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            clock,
            receipts: Mutex::default(),
            life: AtomicUsize::new(0),
            open: watch::channel(0).0,
            answered: Notify::new(),
            stay: AtomicBool::new(false),
        });
        let mut tasks = JoinSet::new();
        let mut ports = Vec::new();
        for (hook, manner) in manners.iter().enumerate() {
            // Bound and never listened on: while nobody is there, nobody else may take the port.
            let place = bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            let addr = place.local_addr()?;
            let listener = bind(addr)?.listen(BACKLOG)?;
            ports.push(addr);
            let door = Door { hook, manner: *manner, seed: lots.draw(), shared: shared.clone() };
            let lots = matches!(manner, Manner::Shy).then(|| lots.fork());
            tasks.spawn(serve(door, listener, place, lots));
        }
        Ok(Self { shared, ports, _tasks: tasks })
    }

    /// Where a webhook is; any path leads there.
    pub(crate) fn url(&self, hook: usize, path: &str) -> String {
        format!("http://{}/{path}", self.ports[hook])
    }

    /// What comes in from now on is of this life.
    pub(crate) fn begin_life(&self, life: usize) {
        self.shared.life.store(life, Ordering::SeqCst);
    }

    /// After the end of a server: waits until everything that it sent was read, and every connection
    /// from it has ended.
    pub(crate) async fn settle(&self) {
        for addr in &self.ports {
            // Taken after all that came before it. Where nobody is there, nothing waits.
            if let Ok(mut wire) = Wire::connect(*addr).await {
                let _ = wire.write(&format!("POST {KNOCK} HTTP/1.1\r\n\r\n")).await;
                let _ = wire.read().await;
            }
        }
        let mut open = self.shared.open.subscribe();
        open.wait_for(|open| *open == 0).await.expect("the receiver is there");
    }

    /// Resolves when the next request has been answered.
    pub(crate) async fn answered(&self) {
        self.shared.answered.notified().await;
    }

    /// Shy receivers stay from now on.
    pub(crate) fn stay(&self) {
        self.shared.stay.store(true, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.receipts().list.len()
    }

    pub(crate) fn receipts(&self) -> Vec<Receipt> {
        self.shared.receipts().list.clone()
    }
}

impl Shared {
    fn receipts(&self) -> MutexGuard<'_, Receipts> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bind(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

/// Takes connections; with `lots` it goes away now and then.
async fn serve(door: Door, mut listener: TcpListener, place: TcpSocket, lots: Option<Lots>) {
    let Some(mut lots) = lots else { return accept(&door, &listener).await };
    let addr = place.local_addr().expect("bound");
    loop {
        tokio::select! {
            () = accept(&door, &listener) => return,
            () = pause(lots.between(THERE_MS)) => {}
        }
        if door.shared.stay.load(Ordering::SeqCst) {
            return accept(&door, &listener).await;
        }
        drop(listener);
        pause(lots.between(AWAY_MS)).await;
        listener = bind(addr).and_then(|socket| socket.listen(BACKLOG)).expect("the port is kept");
    }
}

/// Connections end with the listener that took them.
async fn accept(door: &Door, listener: &TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let open = Open::new(&door.shared);
        let door = door.clone();
        connections.spawn(async move {
            let _open = open;
            if let Ok(wire) = Wire::new(stream) {
                door.converse(wire).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Counts a connection for as long as it is there.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.send_modify(|open| *open += 1);
        Self(shared.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

impl Door {
    async fn converse(&self, mut wire: Wire) {
        while let Ok(message) = wire.read().await {
            if message.start.contains(KNOCK) {
                let _ = wire.write("HTTP/1.1 204 No Content\r\n\r\n").await;
                return;
            }
            let (index, earlier) = self.take(&message);
            let (status, wait_ms) = self.answer(message.header("webhook-id"), earlier);
            if wait_ms > 0 {
                tokio::select! {
                    biased;
                    () = wire.gone() => return self.note(index, Reply::Gone),
                    () = pause(wait_ms) => {}
                }
            }
            // Noted first, so that nothing which follows from the answer can seem to come before it.
            self.note(index, Reply::Status { status, at: self.shared.clock.now() });
            let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: 2\r\n\r\nok");
            if wire.write(&answer).await.is_err() {
                return self.note(index, Reply::Gone);
            }
            self.shared.answered.notify_waiters();
        }
    }

    /// Keeps a request; returns its place and how often the same event has come to this webhook before.
    fn take(&self, message: &Message) -> (usize, u64) {
        let shared = &self.shared;
        let mut receipts = shared.receipts();
        let id = receipts.text(message.header("webhook-id"));
        let body = receipts.text(&String::from_utf8_lossy(&message.body));
        let times = receipts.times.entry((self.hook, id.clone())).or_default();
        let earlier = *times;
        *times += 1;
        receipts.list.push(Receipt {
            hook: self.hook,
            life: shared.life.load(Ordering::SeqCst),
            id,
            kind: message.header("x-webhook-event").to_owned(),
            timestamp: message.header("webhook-timestamp").to_owned(),
            standard: message.header("webhook-signature").to_owned(),
            brief: message.header("x-webhook-signature").to_owned(),
            body,
            at: shared.clock.now(),
            // Until it is answered: what is cut off says nothing more.
            reply: Reply::Cut,
        });
        (receipts.list.len() - 1, earlier)
    }

    fn note(&self, index: usize, reply: Reply) {
        self.shared.receipts().list[index].reply = reply;
    }

    /// Status, and milliseconds to wait before it is sent. The same event fares alike whenever it comes.
    fn answer(&self, id: &str, earlier: u64) -> (u16, u64) {
        let seed = id.bytes().fold(self.seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let mut lots = Lots::new(seed);
        match self.manner {
            Manner::Steady | Manner::Shy => (200, 0),
            Manner::Slow { max_ms } => (200, lots.between(1..=max_ms)),
            Manner::Flaky { one_in } => {
                let failures = if lots.one_in(one_in) { lots.between(1..=2) } else { 0 };
                let failure = if lots.one_in(2) { 500 } else { 503 };
                (if earlier < failures { failure } else { 200 }, 0)
            }
        }
    }
}

impl Receipts {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(text.to_owned(), new.clone());
        new
    }
}
