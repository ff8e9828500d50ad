//! Opens every connection whose address came through the API, after the check.
//!
//! One HTTP/1.1 client over one connector: the connector resolves the name, asks the policy about
//! every address, and dials only what was vetted. No proxy, no redirect, no cookie. Nothing here
//! knows what a webhook is, or signs, retries or records anything.

mod connector;
mod fault;
mod resolve;
mod socket;
mod target;
#[cfg(test)]
mod tests;
mod watch;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use fanfare_model::{
    delivery::FaultKind,
    egress::EgressPolicy,
    limits::{IN_FLIGHT_MAX_PER_WEBHOOK, RESPONSE_READ_MAX_BYTES},
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::capture_connection};
use tokio_rustls::rustls::{ClientConfig, crypto::ring};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{
    connector::Dial,
    resolve::{Lookup, SystemNames},
    watch::{Usage, Watch},
};
pub(crate) use self::{
    fault::Fault,
    socket::{Socket, Upgrade},
};
use crate::{shutdown::Tasks, timers::Clock};

/// Headers that a response may have.
const RESPONSE_HEADERS_MAX: usize = 100;
/// The largest head of a response, in bytes (64 KiB).
const RESPONSE_HEAD_MAX_BYTES: usize = 64 << 10;
/// What is kept of a `Retry-After` header, in bytes; a date, the longest good value, takes 33.
const RETRY_AFTER_MAX_BYTES: usize = 64;
/// How long a connection may lie idle in the pool, in milliseconds.
const POOL_IDLE_MS: u64 = 60_000;
/// Age at which a connection is not used again, so that a name that points elsewhere now is asked
/// for and judged anew, in milliseconds.
const CONNECTION_AGE_MAX_MS: u64 = 300_000;

/// The way out; clones share one pool of connections, which closes when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Egress(Arc<Inner>);

struct Inner {
    pooled: HttpClient,
    /// Never reuses a connection: for the request whose pooled connection turned out to be dead.
    fresh: HttpClient,
    /// For what is not a request and its response.
    https: HttpsConnector<Dial>,
    clock: Clock,
    _open: DropGuard,
}

type HttpClient = Client<Watch<HttpsConnector<Dial>>, Full<Bytes>>;

/// A request to an address that came through the API.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// The verb.
    pub(crate) method: Method,
    /// http or https; name and password in it become a Basic `Authorization` header.
    pub(crate) url: String,
    /// Beside `Host`, `Content-Length`, `Accept-Encoding` and `Authorization`, which are added.
    pub(crate) headers: HeaderMap,
    /// The exact bytes.
    pub(crate) body: Bytes,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The start of the body, at most [`RESPONSE_READ_MAX_BYTES`].
    pub(crate) body: Vec<u8>,
    /// The first `Retry-After` as it was sent, at most [`RETRY_AFTER_MAX_BYTES`] of it, with U+FFFD for
    /// what is no UTF-8; whether it means anything is for the reader to find out.
    pub(crate) retry_after: Option<String>,
}

impl Egress {
    /// A way out under `policy`. `own_ports` are the ports this server listens on: a connection
    /// that turns out to end at one of them on this very machine is refused, whatever the name.
    pub(crate) fn new(policy: EgressPolicy, own_ports: Vec<u16>, clock: Clock, tasks: &Tasks) -> Self {
        let roots = tls_config().with_webpki_roots().with_no_client_auth();
        let names = SystemNames::from_system();
        Self::with_parts(Dial::new(policy, own_ports, names, clock.clone()), roots, clock, tasks)
    }

    fn with_parts<N: Lookup>(dial: Dial<N>, tls: ClientConfig, clock: Clock, tasks: &Tasks) -> Self {
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(dial.shared());
        let connector = Watch::new(https.clone(), clock.clone());
        let closed = CancellationToken::new();
        let mut builder = Client::builder(Connections { tasks: tasks.clone(), closed: closed.clone() });
        builder
            .timer(clock.clone())
            .pool_timer(clock.clone())
            .pool_idle_timeout(Duration::from_millis(POOL_IDLE_MS))
            .pool_max_idle_per_host(IN_FLIGHT_MAX_PER_WEBHOOK)
            .http1_max_headers(RESPONSE_HEADERS_MAX)
            .http1_max_buf_size(RESPONSE_HEAD_MAX_BYTES);
        let pooled = builder.build(connector.clone());
        let fresh = builder.pool_max_idle_per_host(0).build(connector);
        Self(Arc::new(Inner { pooled, fresh, https, clock, _open: closed.drop_guard() }))
    }

    /// Sends `outgoing` and reads the answer; `timeout_ms` covers everything from the look-up of
    /// the name to the last byte that is read.
    ///
    /// # Errors
    /// A classified [`Fault`] whenever there is no complete answer.
    pub(crate) async fn send(&self, outgoing: Outgoing, timeout_ms: u64) -> Result<Reply, Fault> {
        let exchange = self.exchange(outgoing);
        self.0.clock.timeout(timeout_ms, exchange).await.unwrap_or_else(|_| {
            Err(Fault::new(FaultKind::Timeout, format!("timed out after {timeout_ms} ms")))
        })
    }

    async fn exchange(&self, outgoing: Outgoing) -> Result<Reply, Fault> {
        let target = target::parse(&outgoing.url)?;
        let mut headers = outgoing.headers;
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(credentials) = target.authorization {
            headers.insert(header::AUTHORIZATION, credentials);
        }
        let request = || {
            let mut request = Request::new(Full::new(outgoing.body.clone()));
            *request.method_mut() = outgoing.method.clone();
            *request.uri_mut() = target.uri.clone();
            *request.headers_mut() = headers.clone();
            request
        };
        let response = match self.0.request(&self.0.pooled, request()).await {
            // The other side closed the idle connection while our request was on its way: it
            // cannot have answered, so this is not the receiver's failure.
            Err(failed) if failed.on_dead_connection => {
                self.0.request(&self.0.fresh, request()).await.map_err(|failed| failed.fault)?
            }
            other => other.map_err(|failed| failed.fault)?,
        };
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let body = read_start(response.into_body()).await?;
        Ok(Reply { status, body, retry_after })
    }
}

/// A request that got no response head.
struct Failed {
    fault: Fault,
    /// Whether a connection from the pool was closed before any byte of the response.
    on_dead_connection: bool,
}

impl Inner {
    async fn request(
        &self,
        client: &HttpClient,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failed> {
        let captured = capture_connection(&mut request);
        let result = client.request(request).await;
        let usage = Usage::of(captured);
        match result {
            Ok(response) => {
                // It may lie idle for a while before it is used again.
                usage.retire_if_older_than(&self.clock, CONNECTION_AGE_MAX_MS - POOL_IDLE_MS);
                Ok(response)
            }
            Err(error) => Err(Failed {
                fault: fault::of_exchange(&error),
                on_dead_connection: usage.died_before_answering(),
            }),
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::RETRY_AFTER)?.as_bytes();
    let mut text = String::from_utf8_lossy(&value[..value.len().min(RETRY_AFTER_MAX_BYTES)]).into_owned();
    text.truncate(text.floor_char_boundary(RETRY_AFTER_MAX_BYTES));
    Some(text)
}

/// Reads the start of a body. Dropping the rest closes its connection.
async fn read_start(mut body: Incoming) -> Result<Vec<u8>, Fault> {
    let mut start = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| fault::of_exchange(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        let room = RESPONSE_READ_MAX_BYTES - start.len();
        start.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            break;
        }
    }
    Ok(start)
}

fn tls_config() -> tokio_rustls::rustls::ConfigBuilder<ClientConfig, tokio_rustls::rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
}

/// Runs the client's connections as tasks of the server, until the way out is closed.
#[derive(Clone)]
struct Connections {
    tasks: Tasks,
    closed: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Connections
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, connection: F) {
        let closed = self.closed.clone();
        self.tasks.spawn("egress connection", async move {
            tokio::select! {
                biased;
                () = closed.cancelled() => {}
                () = connection => {}
            }
        });
    }
}
