//! A WebSocket to a vetted address, as the client. What is said on it is not known here.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use fanfare_model::delivery::FaultKind;
use http::{HeaderMap, HeaderValue, header};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_websockets::{ClientBuilder, Limits, WebSocketStream};
use tower::Service;

use super::{Egress, Fault, RESPONSE_HEAD_MAX_BYTES, fault, target};

/// An open WebSocket; dropping it closes the connection.
pub(crate) type Socket = WebSocketStream<Bounded>;

/// A WebSocket to be opened at an address that came from outside.
#[derive(Debug, Clone)]
pub(crate) struct Upgrade {
    /// http for a plain one, https for one over TLS.
    pub(crate) url: String,
    /// Beside those of the handshake.
    pub(crate) headers: HeaderMap,
    /// The only subprotocol that is offered.
    pub(crate) subprotocol: &'static str,
    /// The largest message that is taken, in bytes.
    pub(crate) message_max_bytes: usize,
}

impl Egress {
    /// Opens a WebSocket; `timeout_ms` covers everything from the look-up of the name to the end of
    /// the handshake.
    ///
    /// # Errors
    /// A classified [`Fault`].
    pub(crate) async fn upgrade(&self, upgrade: Upgrade, timeout_ms: u64) -> Result<Socket, Fault> {
        let opening = self.open(upgrade);
        self.0.clock.timeout(timeout_ms, opening).await.unwrap_or_else(|_| {
            Err(Fault::new(FaultKind::Timeout, format!("timed out after {timeout_ms} ms")))
        })
    }

    async fn open(&self, upgrade: Upgrade) -> Result<Socket, Fault> {
        let Upgrade { url, headers, subprotocol, message_max_bytes } = upgrade;
        let protocol = |message: String| Fault::new(FaultKind::Protocol, message);
        let uri = target::parse(&url)?.uri;
        let connected = self.0.https.clone().call(uri.clone()).await;
        let stream = connected.map_err(|error| fault::of_connect(&*error))?;
        let head_left = Arc::new(AtomicUsize::new(RESPONSE_HEAD_MAX_BYTES));
        let stream = Bounded { inner: TokioIo::new(stream), head_left: head_left.clone() };
        let mut builder =
            ClientBuilder::from_uri(uri).limits(Limits::default().max_payload_len(Some(message_max_bytes)));
        let offered = (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        for (name, value) in headers.chain([offered]) {
            builder = builder.add_header(name, value).map_err(|error| protocol(error.to_string()))?;
        }
        let shaken = builder.connect_on(stream).await;
        let (socket, response) = shaken.map_err(|error| protocol(format!("no WebSocket: {error}")))?;
        let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        if chosen.is_some_and(|chosen| chosen != subprotocol) {
            return Err(protocol("no WebSocket: another subprotocol was chosen".to_owned()));
        }
        head_left.store(usize::MAX, Ordering::Relaxed);
        Ok(socket)
    }
}

/// A connection on which the answer to the handshake has an end.
pub(crate) struct Bounded {
    inner: TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>,
    /// Bytes that may yet arrive; `usize::MAX` once the handshake is over.
    head_left: Arc<AtomicUsize>,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let left = self.head_left.load(Ordering::Relaxed);
        if left < usize::MAX {
            let Some(left) = left.checked_sub(buffer.filled().len() - before) else {
                return Poll::Ready(Err(io::Error::other("the response head is too large")));
            };
            self.head_left.store(left, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
