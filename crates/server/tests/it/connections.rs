//! The listener's own limits.

use std::time::Duration;

use fanfare::timers::Clock;
use fanfare_model::Timestamp;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Bot, Engine, TestApp, eventually, soon};

/// Everything the server sends until it closes.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    soon("the end of the connection", stream.read_to_string(&mut text)).await.expect("text");
    text
}

/// Whether a new connection gets an answer.
pub(crate) async fn is_served(app: &TestApp) -> Option<()> {
    let mut stream = TcpStream::connect(app.addr()).await.expect("the backlog takes it");
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    answer.starts_with("HTTP/1.1 200 ").then_some(())
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_told_so_and_a_socket_counts_as_one() {
    let app =
        TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| config.http.connections_max = 1).await;
    let bot = Bot::connect(app.addr()).await;
    let mut refused = TcpStream::connect(app.addr()).await.expect("the backlog takes it");
    let answer = read_all(&mut refused).await;
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.ends_with(r#"{"error":"Too many connections"}"#),
        "{answer}"
    );
    drop(bot);
    eventually("a free place", || is_served(&app)).await;
}

/// Moves the clock on until it happens: which deadline is set when is the server's affair.
pub(crate) async fn passing_time<F: Future>(clock: &Clock, happens: F) -> F::Output {
    let pass = async {
        let _: () = eventually("an end of the time", || async {
            clock.advance(Duration::from_secs(1));
            None
        })
        .await;
    };
    tokio::select! {
        output = happens => output,
        () = pass => unreachable!("it never ends"),
    }
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let app = TestApp::spawn().await;
    for (head, is_good) in [
        ("1.1\r\n", false),
        ("1.1\r\nhost: x\r\n", true),
        ("1.1\r\nhost:\r\n", true),
        ("1.1\r\nhost: x\r\nhost: y\r\n", false),
        ("1.0\r\n", true),
        ("1.0\r\nhost: x\r\nhost: x\r\n", false),
    ] {
        let mut stream = TcpStream::connect(app.addr()).await.expect("connected");
        let request = format!("GET /health HTTP/{head}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let answer = read_all(&mut stream).await;
        let expected = if is_good { " 200 " } else { " 400 " };
        assert!(answer[8..].starts_with(expected), "{head:?}: {answer}");
        assert_eq!(answer.ends_with(r#"{"error":"Exactly one Host header is required"}"#), !is_good);
    }
}

#[tokio::test]
async fn half_a_head_does_not_hold_a_connection() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let app = TestApp::spawn_with(Engine::Sqlite, clock.clone(), |_| {}).await;
    let mut stream = TcpStream::connect(app.addr()).await.expect("connected");
    stream.write_all(b"GET /health HTTP/1.1\r\nhost:").await.expect("sent");
    let answer = passing_time(&clock, read_all(&mut stream)).await;
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let app = TestApp::spawn_with(Engine::Sqlite, clock.clone(), |_| {}).await;
    let mut stream = TcpStream::connect(app.addr()).await.expect("connected");
    let head = b"POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    stream.write_all(head).await.expect("sent");
    let mut answer = vec![0; 16];
    passing_time(&clock, stream.read_exact(&mut answer)).await.expect("an answer");
    assert_eq!(&answer[..12], b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_client_that_has_said_all_it_has_to_say_still_gets_its_answer() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut stream = TcpStream::connect(app.addr()).await.expect("connected");
    let head =
        format!("POST /api/sessions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", host.token());
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("half closed");
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[tokio::test]
async fn a_refusal_arrives_although_the_body_was_not_read() {
    let app = TestApp::spawn().await;
    for _ in 0..20 {
        let (mut reader, mut writer) = TcpStream::connect(app.addr()).await.expect("connected").into_split();
        let send = async {
            let head = "POST /api/webhooks HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n";
            writer.write_all(head.as_bytes()).await.expect("sent");
            let chunk = vec![b'x'; 1_000_000];
            // The server may stop listening once it has answered.
            for _ in 0..20 {
                if writer.write_all(&chunk).await.is_err() {
                    break;
                }
            }
        };
        let receive = async {
            let mut answer = [0; 12];
            soon("an answer", reader.read_exact(&mut answer)).await.expect("an answer");
            answer
        };
        let ((), answer) = tokio::join!(send, receive);
        assert_eq!(&answer, b"HTTP/1.1 401");
    }
}

#[tokio::test]
async fn a_client_that_never_reads_loses_its_connection() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let app =
        TestApp::spawn_with(Engine::Sqlite, clock.clone(), |config| config.http.connections_max = 1).await;
    let mut greedy = TcpStream::connect(app.addr()).await.expect("connected");
    // Far more answers than fit into all the buffers on the way.
    let request = b"GET /api/games HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2_000);
    greedy.write_all(&request).await.expect("sent");
    eventually("the end of the connection", || async {
        clock.advance(Duration::from_secs(5));
        is_served(&app).await
    })
    .await;
    drop(greedy);
}
