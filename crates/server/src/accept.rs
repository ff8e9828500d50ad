//! The listener loop: takes connections up to a limit, gives each a deadline for its request
//! heads, and lets them finish when the server stops.

mod stream;

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt;

pub(crate) use self::stream::Stream;
use crate::{
    auth::{Place, Places, TrustedProxies},
    config::Http,
    metrics::Metrics,
    shutdown::Tasks,
    timers::Clock,
};

/// The largest request head, in bytes (64 KiB).
const HEAD_MAX_BYTES: usize = 64 << 10;
/// How long to wait after `accept` failed for want of file descriptors or memory.
const ACCEPT_BACKOFF_MS: u64 = 100;
/// How long the client of a stream has to take what is on its way when the server stops. A stream ends
/// in the midst anyway, and one that is not read would hold the stop until its deadline.
const STREAM_STOP_GRACE_MS: u64 = 1_000;
/// Answered to a connection beyond the limit, without reading from it.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    content-length: 32\r\nretry-after: 1\r\nconnection: close\r\n\r\n{\"error\":\"Too many connections\"}";

/// The same when the address has too many.
const FULL_FOR_ADDRESS: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n\
    content-length: 50\r\nretry-after: 1\r\nconnection: close\r\n\r\n\
    {\"error\":\"Too many connections from this address\"}";

/// Serves connections.
pub(crate) struct Acceptor {
    pub(crate) router: Router,
    pub(crate) settings: Http,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    pub(crate) metrics: Arc<Metrics>,
}

impl Acceptor {
    /// Accepts until the server stops.
    pub(crate) async fn run(self, listener: TcpListener) {
        let limits = Limits::new(&self.settings);
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.tasks.stopping() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match limits.admit(peer) {
                    Ok(taken) => self.serve(stream, peer, taken),
                    Err(refusal) => self.refuse(stream, refusal),
                },
                Err(error) => self.after_failure(&error).await,
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, taken: Taken) {
        // Small frames and answers must not wait for more; without it they only come later.
        stream.set_nodelay(true).ok();
        let (router, slot) = (self.router.clone(), Slot::new(self.metrics.clone(), taken));
        let held = slot.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(slot.clone());
            router.clone().oneshot(request)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(self.clock.clone())
            .header_read_timeout(std::time::Duration::from_millis(self.settings.header_timeout_ms))
            .max_buf_size(HEAD_MAX_BYTES)
            // A client that has nothing more to say still wants its answer.
            .half_close(true)
            .serve_connection(TokioIo::new(Stream::new(stream, self.clock.clone())), service)
            .with_upgrades();
        let (tasks, clock) = (self.tasks.clone(), self.clock.clone());
        self.tasks.spawn("connection", async move {
            tokio::pin!(connection);
            tokio::select! {
                // A client that breaks off or talks nonsense is its own affair.
                _ = &mut connection => return,
                () = tasks.stopping() => connection.as_mut().graceful_shutdown(),
            }
            if held.is_streaming() {
                clock.timeout(STREAM_STOP_GRACE_MS, connection).await.ok();
            } else {
                connection.await.ok();
            }
        });
    }

    fn refuse(&self, stream: TcpStream, refusal: &[u8]) {
        self.metrics.connections_refused.inc();
        // The answer fits any fresh send buffer, so nothing has to wait; a client that is gone needs
        // none. Asking the runtime would answer "not ready" for a connection it has only just met.
        if let Ok(mut stream) = stream.into_std() {
            stream.write_all(refusal).ok();
        }
    }

    async fn after_failure(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset};
        if !matches!(error.kind(), ConnectionAborted | ConnectionReset) {
            tracing::warn!(%error, "no connection could be accepted");
            self.clock.sleep_ms(ACCEPT_BACKOFF_MS).await;
        }
    }
}

/// How many connections there may be.
struct Limits {
    all: Arc<Semaphore>,
    per_address: Places,
    proxies: TrustedProxies,
}

/// What a connection takes up under the limits.
struct Taken {
    _permit: OwnedSemaphorePermit,
    _place: Option<Place>,
}

impl Limits {
    fn new(settings: &Http) -> Self {
        Self {
            all: Arc::new(Semaphore::new(settings.connections_max)),
            per_address: Places::new(settings.connections_max_per_address),
            proxies: TrustedProxies::new(settings.trusted_proxies.clone()),
        }
    }

    /// Lets a connection in, or says what it is answered instead. This machine's own connections
    /// count for no address, and a trusted proxy's are many people's.
    fn admit(&self, peer: SocketAddr) -> Result<Taken, &'static [u8]> {
        let address = peer.ip().to_canonical();
        let permit = self.all.clone().try_acquire_owned().map_err(|_| FULL)?;
        let place = if address.is_loopback() || self.proxies.contains(address) {
            None
        } else {
            Some(self.per_address.take(address).ok_or(FULL_FOR_ADDRESS)?)
        };
        Ok(Taken { _permit: permit, _place: place })
    }
}

/// A connection's place under the limits, counted while it is open. An upgraded connection takes a
/// clone with it out of the request's extensions.
#[derive(Clone)]
pub(crate) struct Slot {
    open: Arc<Open>,
}

struct Open {
    metrics: Arc<Metrics>,
    _taken: Taken,
    is_streaming: AtomicBool,
}

impl Slot {
    fn new(metrics: Arc<Metrics>, taken: Taken) -> Self {
        metrics.connections.inc();
        Self { open: Arc::new(Open { metrics, _taken: taken, is_streaming: AtomicBool::new(false) }) }
    }

    /// Notes that the connection's answer has no end of its own.
    pub(crate) fn set_streaming(&self) {
        self.open.is_streaming.store(true, Ordering::Relaxed);
    }

    fn is_streaming(&self) -> bool {
        self.open.is_streaming.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{Extension, body::Body, routing::get};
    use fanfare_model::Timestamp;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::config::Config;

    async fn endless(Extension(slot): Extension<Slot>) -> Body {
        slot.set_streaming();
        Body::from_stream(stream::repeat_with(|| Ok::<_, io::Error>(vec![b'x'; 64 << 10])))
    }

    #[tokio::test]
    async fn a_stream_that_nobody_reads_does_not_hold_a_stop() {
        let (clock, tasks) = (Clock::manual(Timestamp::EPOCH), Tasks::default());
        let acceptor = Acceptor {
            router: Router::new().route("/", get(endless)),
            settings: Config::default().http,
            clock: clock.clone(),
            tasks: tasks.clone(),
            metrics: Arc::new(Metrics::new()),
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        tasks.spawn("accept", acceptor.run(listener));
        let mut client = TcpStream::connect(addr).await.expect("connected");
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut status = [0; 12];
        client.read_exact(&mut status).await.expect("an answer");
        assert_eq!(&status, b"HTTP/1.1 200");
        let mut stop = Box::pin(tasks.stop(&clock, 10_000));
        assert!(futures_util::poll!(&mut stop).is_pending());
        let passing = async {
            for _ in 0..20 {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                clock.advance(Duration::from_secs(1));
            }
            std::future::pending::<()>().await;
        };
        let in_time = tokio::select! {
            in_time = stop => in_time,
            () = passing => unreachable!("it is pending"),
        };
        assert!(in_time, "it ended before the deadline");
    }

    #[test]
    fn each_refusal_states_its_length() {
        for refusal in [FULL, FULL_FOR_ADDRESS] {
            let text = std::str::from_utf8(refusal).expect("ASCII");
            let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        }
    }

    #[test]
    fn an_address_has_its_share_and_those_of_this_machine_and_of_proxies_have_none() {
        let mut settings = Config::default().http;
        (settings.connections_max, settings.connections_max_per_address) = (6, 1);
        settings.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        let limits = Limits::new(&settings);
        let mut open = Vec::new();
        for (peer, expected) in [
            ("127.0.0.1:1", None),
            ("127.0.0.1:2", None),
            ("[::ffff:10.1.2.3]:1", None),
            ("10.1.2.3:2", None),
            ("9.9.9.9:1", None),
            ("9.9.9.9:2", Some(FULL_FOR_ADDRESS)),
            ("[::ffff:9.9.9.9]:3", Some(FULL_FOR_ADDRESS)),
            ("8.8.8.8:1", None),
            ("7.7.7.7:1", Some(FULL)),
        ] {
            match limits.admit(peer.parse().expect("an address")) {
                Ok(taken) => {
                    open.push(taken);
                    assert!(expected.is_none(), "{peer}");
                }
                Err(refusal) => assert_eq!(Some(refusal), expected, "{peer}"),
            }
        }
        open.clear();
        assert!(limits.admit("9.9.9.9:4".parse().expect("an address")).is_ok());
    }
}
