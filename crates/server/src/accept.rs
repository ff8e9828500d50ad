//! The listener loop: takes connections up to a limit, gives each a deadline for its request
//! heads, and lets them finish when the server stops.

mod stream;

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt;

use self::stream::Stream;
use crate::{config::Http, metrics::Metrics, shutdown::Tasks, timers::Clock};

/// The largest request head, in bytes (64 KiB).
const HEAD_MAX_BYTES: usize = 64 << 10;
/// How long to wait after `accept` failed for want of file descriptors or memory.
const ACCEPT_BACKOFF_MS: u64 = 100;
/// Answered to a connection beyond the limit, without reading from it.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    content-length: 32\r\nretry-after: 1\r\nconnection: close\r\n\r\n{\"error\":\"Too many connections\"}";

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
        let slots = Arc::new(Semaphore::new(self.settings.connections_max));
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.tasks.stopping() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match slots.clone().try_acquire_owned() {
                    Ok(slot) => self.serve(stream, peer, slot),
                    Err(_) => self.refuse(stream),
                },
                Err(error) => self.after_failure(&error).await,
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit) {
        // Small frames and answers must not wait for more; without it they only come later.
        stream.set_nodelay(true).ok();
        let (router, slot) = (self.router.clone(), Slot::new(self.metrics.clone(), slot));
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
        let tasks = self.tasks.clone();
        self.tasks.spawn("connection", async move {
            let _held = held;
            tokio::pin!(connection);
            tokio::select! {
                // A client that breaks off or talks nonsense is its own affair.
                _ = &mut connection => return,
                () = tasks.stopping() => connection.as_mut().graceful_shutdown(),
            }
            connection.await.ok();
        });
    }

    fn refuse(&self, stream: TcpStream) {
        self.metrics.connections_refused.inc();
        // The answer fits any fresh send buffer, so nothing has to wait; a client that is gone needs
        // none. Asking the runtime would answer "not ready" for a connection it has only just met.
        if let Ok(mut stream) = stream.into_std() {
            stream.write_all(FULL).ok();
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

/// A connection's place under the limit, counted while it is open. An upgraded connection takes a
/// clone with it out of the request's extensions.
#[derive(Clone)]
pub(crate) struct Slot {
    _open: Arc<Open>,
}

struct Open {
    metrics: Arc<Metrics>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    fn new(metrics: Arc<Metrics>, permit: OwnedSemaphorePermit) -> Self {
        metrics.connections.inc();
        Self { _open: Arc::new(Open { metrics, _permit: permit }) }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_states_its_length() {
        let text = std::str::from_utf8(FULL).expect("ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
