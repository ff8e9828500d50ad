//! The single choke point: [`Dial`] turns a URI into a TCP connection to a vetted address. TLS and
//! HTTP are laid over it elsewhere.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
};

use fanfare_model::{
    delivery::FaultKind,
    egress::{EgressPolicy, ip_literal},
};
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tower::Service;

use super::{Fault, resolve::Lookup, watch::CONNECT_MAX_MS};
use crate::timers::Clock;

/// How long one address may take to accept before the next one has its turn, in milliseconds.
const DIAL_TIMEOUT_MS: u64 = 3_000;
/// What a connection may receive before it is read, in bytes (64 KiB): answers are small, and the
/// memory of the machine is not for the other side to fill.
const RECEIVE_BUFFER_BYTES: u32 = 64 << 10;
/// Addresses of a name that are dialled at most.
const DIALS_MAX: usize = 8;

/// Resolves, vets and dials.
pub(super) struct Dial<N: ?Sized = dyn Lookup>(Arc<DialParts<N>>);

struct DialParts<N: ?Sized> {
    policy: EgressPolicy,
    own_ports: Vec<u16>,
    clock: Clock,
    names: N,
}

impl<N: ?Sized> Clone for Dial<N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<N: Lookup> Dial<N> {
    pub(super) fn new(policy: EgressPolicy, own_ports: Vec<u16>, names: N, clock: Clock) -> Self {
        Self(Arc::new(DialParts { policy, own_ports, clock, names }))
    }

    pub(super) fn shared(self) -> Dial {
        Dial(self.0)
    }
}

impl DialParts<dyn Lookup> {
    async fn connect(&self, uri: &Uri) -> Result<TcpStream, Fault> {
        let refused = |why: &str| Fault::new(FaultKind::Refused, format!("the URL is refused: {why}"));
        let host = uri.host().ok_or_else(|| refused("no host"))?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let addresses = self.vetted(host, port).await?;
        let mut first_fault = None;
        let dialled = addresses.len().min(DIALS_MAX);
        for (place, ip) in addresses.into_iter().take(DIALS_MAX).enumerate() {
            match self.dial(SocketAddr::new(ip, port), place + 1 == dialled).await {
                Ok(stream) => {
                    self.check(&stream)?;
                    // Small requests must not wait for more to send; failing to say so harms nothing.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(fault) => first_fault = first_fault.or(Some(fault)),
            }
        }
        Err(first_fault.unwrap_or_else(|| Fault::new(FaultKind::Dns, "the name has no address")))
    }

    /// The addresses of `host`; one forbidden address forbids them all, since whoever answers for
    /// the name chooses which one is dialled.
    async fn vetted(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, Fault> {
        let addresses = match ip_literal(host) {
            Some(ip) => vec![ip],
            None => self.names.lookup(host.strip_suffix('.').unwrap_or(host)).await?,
        };
        for ip in &addresses {
            self.judge(*ip, port)?;
        }
        Ok(addresses)
    }

    fn judge(&self, ip: IpAddr, port: u16) -> Result<(), Fault> {
        let verdict = self.policy.judge(ip, port);
        verdict.map_err(|forbidden| Fault::new(FaultKind::Refused, forbidden.to_string()))
    }

    async fn dial(&self, address: SocketAddr, last: bool) -> Result<TcpStream, Fault> {
        let timeout_ms = if last { CONNECT_MAX_MS } else { DIAL_TIMEOUT_MS };
        match self.clock.timeout(timeout_ms, connect(address)).await {
            Ok(connected) => connected.map_err(|error| Fault::connect(&error)),
            Err(_) => Err(Fault::new(FaultKind::Connect, format!("no connection within {timeout_ms} ms"))),
        }
    }

    /// Looks at what was reached, not at what was asked for: a firewall or a routing table may
    /// have led somewhere else, home for instance.
    fn check(&self, stream: &TcpStream) -> Result<(), Fault> {
        let reached = || Ok::<_, io::Error>((stream.local_addr()?, stream.peer_addr()?));
        let (local, peer) = reached().map_err(|error| Fault::connect(&error))?;
        self.judge(peer.ip(), peer.port())?;
        if local.ip() == peer.ip() && self.own_ports.contains(&peer.port()) {
            return Err(Fault::new(FaultKind::Refused, format!("{peer} is refused: the server itself")));
        }
        Ok(())
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.connect(address).await
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = Fault;
    type Future = BoxFuture<'static, Result<Self::Response, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let parts = self.0.clone();
        Box::pin(async move { parts.connect(&uri).await.map(TokioIo::new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_can_arrive_unread_is_bounded() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let stream = connect(listener.local_addr().expect("bound")).await.expect("a connection");
        let socket = TcpSocket::from_std_stream(stream.into_std().expect("a socket"));
        // Linux takes as much again for its own books.
        let bytes = socket.recv_buffer_size().expect("a size");
        assert!(bytes <= 2 * RECEIVE_BUFFER_BYTES, "{bytes}");
    }
}
