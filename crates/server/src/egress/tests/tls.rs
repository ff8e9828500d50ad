//! TLS: whom the way out believes, and what a connection under TLS is taken for.

use std::sync::Mutex;

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::{SinkExt, StreamExt};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use tokio_websockets::{Message, ServerBuilder};

use super::*;

/// A certificate for `bot.example`, valid from 2020 to 2120, signed by its own key.
const VALID: &str = "\
    MIIBZTCCAQqgAwIBAgIBATAKBggqhkjOPQQDAjAWMRQwEgYDVQQDDAtib3QuZXhhbXBsZTAgFw0yMDAxMDEwMDAwMD\
    BaGA8yMTIwMDEwMTAwMDAwMFowFjEUMBIGA1UEAwwLYm90LmV4YW1wbGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\
    AASPI+C0GVEBfGq6IPC3+rYXvn7QXwuOKIGIH3g3mVC57qGxAQ+f1xuGOoUEkFhql5I2CnAGopRvgwOvD1zZbeRno0\
    cwRTAWBgNVHREEDzANggtib3QuZXhhbXBsZTAMBgNVHRMBAf8EAjAAMB0GA1UdDgQWBBRX6ZKG1IzPSNz3PVSJkIma\
    N0GHJTAKBggqhkjOPQQDAgNJADBGAiEAs86XMzRyoo4l/A/EQ5NS3gSg0Zr+ANv4nsAq/U8p9gMCIQDRREn3WpDYCP\
    Nj1lKw8DDTXI+gwqsLJUI13B0CY1slSA==";
/// The same, valid for the first day of 2020 only.
const EXPIRED: &str = "\
    MIIBYTCCAQigAwIBAgIBAjAKBggqhkjOPQQDAjAWMRQwEgYDVQQDDAtib3QuZXhhbXBsZTAeFw0yMDAxMDEwMDAwMD\
    BaFw0yMDAxMDIwMDAwMDBaMBYxFDASBgNVBAMMC2JvdC5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\
    jyPgtBlRAXxquiDwt/q2F75+0F8LjiiBiB94N5lQue6hsQEPn9cbhjqFBJBYapeSNgpwBqKUb4MDrw9c2W3kZ6NHME\
    UwFgYDVR0RBA8wDYILYm90LmV4YW1wbGUwDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQUV+mShtSMz0jc9z1UiZCJmjdB\
    hyUwCgYIKoZIzj0EAwIDRwAwRAIgYg0miSTymv/XRrQI9ykQq9e+s2ShPLZQMpMdn5DTWDwCID4ndBwfyZNP4MmKh7\
    9YgRk93mKPTpC9qjc5qAA1ZMu3";
/// Their key (PKCS #8), made for this test and used nowhere else.
const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEfLl4Ue0tZiJDFgg7IEaSOCPV3mwy9pqqoVkBTCH9W\
    +hRANCAASPI+C0GVEBfGq6IPC3+rYXvn7QXwuOKIGIH3g3mVC57qGxAQ+f1xuGOoUEkFhql5I2CnAGopRvgwOvD1zZ\
    beRn";

fn bytes(base64: &str) -> Vec<u8> {
    STANDARD.decode(base64).expect("base64")
}

/// Believes [`VALID`]'s key and nobody else.
fn believing() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(bytes(VALID))).expect("a certificate");
    tls_config().with_root_certificates(roots).with_no_client_auth()
}

fn acceptor(certificate: &str) -> TlsAcceptor {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(bytes(KEY)));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(bytes(certificate))], key)
        .expect("the key fits the certificate");
    TlsAcceptor::from(Arc::new(config))
}

const NAMES: &[(&str, &[&[&str]])] =
    &[("bot.example", &[&["127.0.0.1"]]), ("other.example", &[&["127.0.0.1"]])];

/// Serves connections by a script, see [`scripted`]; remembers the names that were asked for.
async fn tls_receiver(
    net: &Net,
    certificate: &str,
    script: &'static [&'static str],
) -> (u16, Arc<Mutex<Vec<String>>>) {
    let (acceptor, asked) = (acceptor(certificate), Arc::new(Mutex::new(Vec::new())));
    let heard = asked.clone();
    let serve = move |number: usize, stream: TcpStream| {
        let (acceptor, heard) = (acceptor.clone(), heard.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let name = stream.get_ref().1.server_name().map(str::to_owned);
            heard.lock().expect("no panic").extend(name);
            for step in script[number].chars() {
                if read_request(&mut stream).await.is_none() || step == 'c' {
                    let _ = stream.shutdown().await;
                    return;
                }
                stream.write_all(OK).await.expect("written");
                stream.flush().await.expect("sent");
            }
            let _ = read_request(&mut stream).await;
        }
    };
    (net.receiver(serve).await.port(), asked)
}

#[tokio::test]
async fn the_name_in_the_url_is_asked_for_and_must_be_the_certificates() {
    let net = Net::with_tls(NAMES, Vec::new(), believing());
    let (port, asked) = tls_receiver(&net, VALID, &["a", ""]).await;
    assert_eq!(net.post(format!("https://bot.example:{port}/")).await, Ok(reply(200, "ok")));
    assert_eq!(*asked.lock().expect("no panic"), ["bot.example"]);
    let (kind, message) = net.fault(format!("https://other.example:{port}/")).await;
    assert_eq!(kind, FaultKind::Tls);
    assert!(message.contains("not valid for name"), "{message}");
}

#[tokio::test]
async fn a_socket_is_opened_over_tls_too() {
    let net = Net::with_tls(NAMES, Vec::new(), believing());
    let acceptor = acceptor(VALID);
    let serve = move |_, stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let (_, mut socket) = ServerBuilder::new().accept(stream).await.expect("a handshake");
            socket.send(Message::text("hello")).await.expect("sent");
        }
    };
    let port = net.receiver(serve).await.port();
    let opened = net.egress.upgrade(socket::upgrade(format!("https://bot.example:{port}/")), 15_000).await;
    let message = opened.expect("an open socket").next().await.expect("open").expect("a message");
    assert_eq!(message.as_text(), Some("hello"));
    let opened = net.egress.upgrade(socket::upgrade(format!("https://other.example:{port}/")), 15_000).await;
    assert_eq!(opened.err().map(|fault| fault.kind), Some(FaultKind::Tls));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_or_that_is_too_old_is_refused() {
    for (tls, certificate, expected) in
        [(strict(), VALID, "UnknownIssuer"), (believing(), EXPIRED, "expired")]
    {
        let net = Net::with_tls(NAMES, Vec::new(), tls);
        let (port, _) = tls_receiver(&net, certificate, &[""]).await;
        let (kind, message) = net.fault(format!("https://bot.example:{port}/")).await;
        assert_eq!(kind, FaultKind::Tls);
        assert!(message.starts_with("TLS: ") && message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_costs_no_attempt_under_tls_either() {
    let net = Net::with_tls(NAMES, Vec::new(), believing());
    let (port, asked) = tls_receiver(&net, VALID, &["ac", "a"]).await;
    for _ in 0..2 {
        assert_eq!(net.post(format!("https://bot.example:{port}/")).await, Ok(reply(200, "ok")));
    }
    assert_eq!(asked.lock().expect("no panic").len(), 2);
}
