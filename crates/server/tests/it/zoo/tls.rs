//! Animals under TLS: whom the server must not believe, and handshakes that come to nothing.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use super::{
    BROKEN, Expected, NOT_HTTP, TIMEOUT,
    animal::{Animal, Habit, habit},
    animals, certificate,
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// The answer of a server that knows nothing newer than TLS 1.0: a hello of that version, with 32 bytes
/// that should be random, no session, and AES-128-CBC.
const HELLO_OF_TLS_1_0: &[u8] = b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01\
    01234567890123456789012345678901\x00\x00\x2f\x00";
/// A record of encrypted data, with 32 bytes under no key.
const FOREIGN_RECORD: &[u8] = b"\x17\x03\x03\x00\x2001234567890123456789012345678901";
/// A fatal alert: `handshake_failure`.
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";

/// What a failed handshake is called begins like this.
const UNTRUSTED: Expected = Expected::Fault("tls", &["TLS: invalid peer certificate: UnknownIssuer"]);

/// Issues far more tickets for later handshakes than anybody needs, before it says anything.
fn issues_tickets() -> Habit {
    habit(|guest| async move {
        let mut config = server("good");
        config.send_tls13_tickets = 50_000;
        let Some(mut guest) = guest.over_tls(&TlsAcceptor::from(Arc::new(config))).await else { return };
        if guest.asks().await {
            guest.hold().await;
        }
    })
}

/// Goes on with a record that is none of the connection's own.
fn breaks_the_cipher() -> Habit {
    let acceptor = acceptor("good");
    habit(move |guest| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut guest) = guest.over_tls(&acceptor).await else { return };
            if guest.asks().await && guest.stream.get_mut().0.write_all(FOREIGN_RECORD).await.is_ok() {
                guest.hold().await;
            }
        }
    })
}

fn acceptor(name: &str) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(server(name)))
}

fn server(name: &str) -> ServerConfig {
    let read = |name: &str| certificate(&format!("{name}.pem"));
    let chain = CertificateDer::from_pem_file(read(name)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(read("key")).expect("a key");
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("the key fits the certificate")
}

/// Shows this certificate and, to who believes it, answers `answer` and pours `more`, if there is any.
fn shows(name: &str, answer: &'static [u8], more: &'static [u8]) -> Habit {
    let acceptor = acceptor(name);
    habit(move |guest| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut guest) = guest.over_tls(&acceptor).await else { return };
            if guest.asks().await && guest.say(answer).await {
                if more.is_empty() {
                    guest.hold().await;
                } else {
                    guest.pour(more).await;
                }
            }
        }
    })
}

/// Waits for the other side's hello and answers with these bytes, or with none.
fn answers_the_hello(answer: &'static [u8]) -> Habit {
    habit(move |mut guest| async move {
        if guest.says_hello().await && guest.say(answer).await {
            guest.hold().await;
        }
    })
}

/// Waits for the other side's hello and answers with these bytes for ever.
fn pours_after_the_hello(more: &'static [u8]) -> Habit {
    habit(move |mut guest| async move {
        if guest.says_hello().await {
            guest.pour(more).await;
        }
    })
}

animals! {
    Animal::start_tls;

    // Those that are not believed.
    is_vouched_for: shows("good", OK, b"") => Expected::Delivered(200, "ok");
    has_expired: shows("expired", OK, b"") => Expected::Fault("tls", &["TLS: invalid peer certificate: certificate expired"]);
    is_somebody_else: shows("elsewhere", OK, b"")
        => Expected::Fault("tls", &["TLS: invalid peer certificate: certificate not valid for name \"localhost\""]);
    vouches_for_itself: shows("self-signed", OK, b"") => UNTRUSTED;

    // Handshakes that come to nothing.
    stalls_in_the_handshake: answers_the_hello(b"") => TIMEOUT;
    stalls_within_a_record: answers_the_hello(&HELLO_OF_TLS_1_0[..20]) => TIMEOUT;
    breaks_off_the_handshake: habit(|mut guest| async move {
        guest.says_hello().await;
    }) => Expected::Fault("tls", &["TLS: tls handshake eof", "TLS: Connection reset"]);
    resets_in_the_handshake: habit(|mut guest| async move {
        guest.says_hello().await;
        guest.reset();
    }) => Expected::Fault("tls", &["TLS: "]);
    speaks_plain_http: answers_the_hello(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        => Expected::Fault("tls", &["TLS: received corrupt message"]);
    speaks_tls_1_0: answers_the_hello(HELLO_OF_TLS_1_0) => Expected::Fault("tls", &["TLS: "]);
    sends_an_alert: answers_the_hello(ALERT)
        => Expected::Fault("tls", &["TLS: received fatal alert: HandshakeFailure"]);
    pours_hellos: pours_after_the_hello(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00")
        => Expected::Fault("tls", &["TLS: received unexpected handshake message"]);
    pours_changes_of_cipher: pours_after_the_hello(b"\x14\x03\x03\x00\x01\x01")
        => Expected::Fault("tls", &["TLS: received unexpected message"]);
    pours_warnings: pours_after_the_hello(b"\x15\x03\x03\x00\x02\x01\x70")
        => Expected::Fault("tls", &["TLS: peer misbehaved: TooManyWarningAlertsReceived"]);
    pours_empty_records: pours_after_the_hello(b"\x16\x03\x03\x00\x00")
        => Expected::Fault("tls", &["TLS: received corrupt message"]);
    pours_data_too_early: pours_after_the_hello(b"\x17\x03\x03\x00\x01\x00")
        => Expected::Fault("tls", &["TLS: received unexpected message"]);
    pours_one_large_message: pours_after_the_hello(b"\x16\x03\x03\x00\x08\x02\xff\xff\xff\x03\x03\x00\x00")
        => Expected::Fault("tls", &["TLS: received corrupt message"]);

    // What comes after a good one.
    issues_many_tickets: issues_tickets() => NOT_HTTP;
    breaks_into_the_cipher: breaks_the_cipher() => Expected::Fault("tls", &["TLS: cannot decrypt"]);
    is_silent_under_tls: shows("good", b"", b"") => TIMEOUT;
    breaks_off_under_tls: habit({
        let acceptor = acceptor("good");
        move |guest| {
            let acceptor = acceptor.clone();
            async move {
                let Some(mut guest) = guest.over_tls(&acceptor).await else { return };
                guest.asks().await;
                guest.say(&OK[..20]).await;
            }
        }
    }) => BROKEN;
    pours_under_tls: shows("good", b"HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 1_000])
        => Expected::DeliveredMuch(200, "xx");
}

#[tokio::test]
async fn nobody_is_believed_but_those_that_the_configuration_names() {
    let mut keeper = super::Keeper::start_with(|config| config.delivery.ca_file = None).await;
    let animal = Animal::start_tls(&keeper.clock, shows("good", OK, b""));
    let webhook = animal.register(&keeper.host).await;
    keeper.tell().await;
    keeper.attempt("good", webhook, UNTRUSTED).await;
    assert_eq!(animal.requests(), 0);
}
