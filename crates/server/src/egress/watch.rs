//! What is known of a connection once it is open: [`Watch`] stands above TLS and counts the bytes of
//! answers.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use fanfare_model::delivery::FaultKind;
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::{
    client::legacy::connect::{CaptureConnection, Connected, Connection},
    rt::TokioIo,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tower::Service;

use super::{Fault, fault};
use crate::timers::{Clock, Tick};

/// How long a connection may take with look-up and TLS, in milliseconds. A request's own deadline
/// is shorter; this one is for the connection that is finished for the pool when the request that
/// asked for it got another one.
pub(super) const CONNECT_MAX_MS: u64 = 30_000;
/// Bytes that are taken in answer to one request, interim responses and framing included
/// (256 KiB).
const ANSWER_MAX_BYTES: usize = 256 << 10;

/// What became of the connection that a request was given.
pub(super) struct Usage {
    /// `None` when there was no connection.
    counts: Option<Arc<Counts>>,
    connection: CaptureConnection,
}

/// How [`Counts`] travel through hyper.
#[derive(Clone)]
struct Shared(Arc<Counts>);

struct Counts {
    opened: Tick,
    /// Bytes received since bytes were last sent.
    answer_bytes: AtomicUsize,
    /// Whether bytes had been received before bytes were last sent.
    answered_before: AtomicBool,
}

impl Usage {
    /// Reads what [`Watch`] noted of the connection.
    pub(super) fn of(connection: CaptureConnection) -> Self {
        let mut extensions = http::Extensions::new();
        if let Some(connected) = &*connection.connection_metadata() {
            connected.get_extras(&mut extensions);
        }
        Self { counts: extensions.remove::<Shared>().map(|shared| shared.0), connection }
    }

    /// Whether it had served an earlier request and sent nothing in answer to the latest.
    pub(super) fn died_before_answering(&self) -> bool {
        self.counts.as_ref().is_some_and(|counts| {
            counts.answered_before.load(Ordering::Relaxed) && counts.answer_bytes.load(Ordering::Relaxed) == 0
        })
    }

    /// Keeps an old connection from serving another request.
    pub(super) fn retire_if_older_than(&self, clock: &Clock, age_ms: u64) {
        if let (Some(counts), Some(connected)) = (&self.counts, &*self.connection.connection_metadata())
            && clock.tick() >= counts.opened.plus_millis(age_ms)
        {
            connected.poison();
        }
    }
}

/// Lays [`Watched`] over the connections of another connector.
#[derive(Clone)]
pub(super) struct Watch<C> {
    inner: C,
    clock: Clock,
}

impl<C> Watch<C> {
    pub(super) fn new(inner: C, clock: Clock) -> Self {
        Self { inner, clock }
    }
}

impl<C, S> Service<Uri> for Watch<C>
where
    C: Service<Uri, Response = S, Error = Box<dyn std::error::Error + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = TokioIo<Watched<S>>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Self::Response, Fault>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        self.inner.poll_ready(context).map_err(|error| fault::of_connect(&*error))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let clock = self.clock.clone();
        Box::pin(async move {
            let stream = clock
                .timeout(CONNECT_MAX_MS, connecting)
                .await
                .map_err(|_| {
                    Fault::new(FaultKind::Connect, format!("no connection within {CONNECT_MAX_MS} ms"))
                })?
                .map_err(|error| fault::of_connect(&*error))?;
            let counts = Counts {
                opened: clock.tick(),
                answer_bytes: AtomicUsize::new(0),
                answered_before: AtomicBool::new(false),
            };
            Ok(TokioIo::new(Watched { inner: TokioIo::new(stream), counts: Arc::new(counts) }))
        })
    }
}

/// A connection that counts the bytes of each answer and takes no endless one.
pub(super) struct Watched<S> {
    inner: TokioIo<S>,
    counts: Arc<Counts>,
}

impl<S: Connection> Connection for Watched<S> {
    fn connected(&self) -> Connected {
        self.inner.connected().extra(Shared(self.counts.clone()))
    }
}

impl<S: hyper::rt::Read + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        let answer_bytes = self.counts.answer_bytes.fetch_add(read, Ordering::Relaxed) + read;
        if answer_bytes > ANSWER_MAX_BYTES {
            let fault = Fault::new(FaultKind::Protocol, "the response does not end");
            return Poll::Ready(Err(io::Error::other(fault)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: hyper::rt::Write + Unpin> Watched<S> {
    fn sent(&self, bytes: usize) {
        if bytes > 0 && self.counts.answer_bytes.swap(0, Ordering::Relaxed) > 0 {
            self.counts.answered_before.store(true, Ordering::Relaxed);
        }
    }
}

impl<S: hyper::rt::Write + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.sent(sent);
        Poll::Ready(Ok(sent))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, slices))?;
        self.sent(sent);
        Poll::Ready(Ok(sent))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
