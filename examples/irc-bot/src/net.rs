//! Connections, with or without TLS.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::wait::within;

/// How long a connection may take, TLS included, in milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 15_000;

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Connects; with TLS the certificate must bear the host's name and come from one of Mozilla's
/// roots.
///
/// # Errors
/// A line that says why not.
pub(crate) async fn open(host: &str, port: u16, tls: bool) -> Result<Box<dyn Stream>, String> {
    let connecting = async {
        let tcp = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
        if !tls {
            return Ok(Box::new(tcp) as Box<dyn Stream>);
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let stream = TlsConnector::from(tls_config()).connect(name, tcp).await;
        Ok(Box::new(stream.map_err(|error| error.to_string())?) as Box<dyn Stream>)
    };
    within(CONNECT_TIMEOUT_MS, connecting).await?
}

fn tls_config() -> Arc<ClientConfig> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the protocols that rustls has")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
