//! The request as it arrives, byte by byte.

use std::sync::Arc;

use fanfare_model::{delivery::FaultKind, egress::EgressPolicy, event::test_data, retry::RetrySchedule};
use fanfare_store::testing::TestDatabase;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::{egress::Roots, shutdown::Tasks};

const NOW_MS: i64 = 1_773_606_600_999;

fn webhook(url: String) -> Webhook {
    Webhook {
        id: 4,
        name: "bot".into(),
        url,
        secret: "mysecret123".into(),
        old_secrets: Vec::new(),
        events: vec!["*".into()],
        enabled: true,
        disabled_reason: None,
        origin: webhook::Origin::Api,
        app: String::new(),
        options: WebhookOptions::default(),
        created_at: Timestamp::from_millis(0),
    }
}

fn due(kind: &str) -> Due {
    let event = Event {
        id: 9,
        public_id: "evt_1".into(),
        topic: Some("session:3".into()),
        seq: 2,
        kind: kind.into(),
        at: Timestamp::from_millis(1_773_606_600_000),
        data: test_data(),
    };
    Due {
        id: 11,
        webhook_id: 4,
        attempts: 2,
        schedule_from: 0,
        test: false,
        order_key: None,
        event: Arc::new(event),
    }
}

fn sender(tasks: &Tasks, database: &TestDatabase) -> Sender {
    let (store, _commits) = database.open();
    let clock = Clock::manual(Timestamp::from_millis(NOW_MS));
    let settings = config::Delivery {
        retry_schedule: RetrySchedule::new(vec![5_000; 3]).expect("a schedule"),
        ..config::Config::default().delivery
    };
    let policy = EgressPolicy::new(Vec::new(), Vec::new());
    let roots = Roots::load(None).expect("they are built in");
    let egress = Egress::new(policy, Vec::new(), roots, clock.clone(), tasks);
    Sender { store, egress, settings: settings.into(), clock }
}

/// Makes an attempt at a receiver that answers `answer`: the request's bytes and the result.
async fn attempt(due: &Due, answer: &[u8]) -> (String, u16, Settlement) {
    let tasks = Tasks::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let body = due.event.webhook_body();
    let receive = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(body.as_bytes()) {
            request.push(stream.read_u8().await.expect("more of the request"));
        }
        stream.write_all(answer).await.expect("written");
        String::from_utf8(request).expect("UTF-8")
    };
    let database = TestDatabase::sqlite();
    let (sender, webhook) = (sender(&tasks, &database), webhook(format!("http://127.0.0.1:{port}/hook")));
    let (request, settlement) = tokio::join!(receive, sender.attempt(due, &webhook, 0));
    (request, port, settlement)
}

#[tokio::test]
async fn the_request_is_exactly_this() {
    let due = due("game.added");
    let body = concat!(
        r#"{"event":"game.added","timestamp":"2026-03-15T20:30:00.000Z","data":{"session":{"id":0,"#,
        r#""is_active":true,"games_played":0},"game":{"id":0,"title":"Test Game","pack_name":"Test Pack","#,
        r#""min_players":2,"max_players":8,"manually_added":false}}}"#
    );
    let (request, port, _) = attempt(&due, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let (head, sent) = request.split_once("\r\n\r\n").expect("a head and a body");
    assert_eq!(sent, body);
    let mut lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /hook HTTP/1.1");
    lines.sort_unstable();
    let brief = signature::brief_header("mysecret123", body.as_bytes());
    let standard = signature::standard_header("mysecret123", "evt_1", 1_773_606_600, body.as_bytes());
    assert_eq!(
        lines,
        [
            "accept-encoding: identity".to_owned(),
            format!("content-length: {}", body.len()),
            "content-type: application/json".to_owned(),
            format!("host: 127.0.0.1:{port}"),
            "user-agent: Jackbox-Game-Picker-Webhook/1.0".to_owned(),
            "webhook-id: evt_1".to_owned(),
            format!("webhook-signature: {standard}"),
            "webhook-timestamp: 1773606600".to_owned(),
            "x-webhook-event: game.added".to_owned(),
            format!("x-webhook-signature: {brief}"),
        ]
    );
    assert!(brief.starts_with("sha256=") && standard.starts_with("v1,"));
}

#[tokio::test]
async fn an_attempt_ends_as_its_answer_says() {
    let at = Timestamp::from_millis(NOW_MS);
    for (answer, status, next) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, Next::Delivered),
        ("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", 500, Next::RetryAt(at.plus_millis(5_000))),
        ("HTTP/1.1 301 Moved\r\nlocation: /\r\n\r\n", 301, Next::RetryAt(at.plus_millis(5_000))),
    ] {
        let (_, _, settlement) = attempt(&due("game.added"), answer.as_bytes()).await;
        assert_eq!(
            settlement,
            Settlement {
                delivery_id: 11,
                webhook_id: 4,
                event_id: 9,
                attempt: 3,
                schedule_from: 0,
                outcome: Outcome::Response { status, body: String::new(), retry_after_ms: None },
                duration_ms: 0,
                at,
                next,
            }
        );
    }
}

#[tokio::test]
async fn a_refused_address_is_an_attempt_like_any_other() {
    let tasks = Tasks::default();
    let forbidden = webhook("http://169.254.169.254/latest/meta-data".into());
    let mut last = due("game.added");
    last.attempts = 3;
    let settlement = sender(&tasks, &TestDatabase::sqlite()).attempt(&last, &forbidden, 0).await;
    let Outcome::Fault { kind: FaultKind::Refused, message } = &settlement.outcome else {
        panic!("{:?}", settlement.outcome)
    };
    assert_eq!(message, "169.254.169.254 is refused: link-local");
    assert_eq!((settlement.attempt, settlement.next), (4, Next::Failed));
}

#[tokio::test]
async fn an_event_name_that_no_header_can_hold_is_sent_all_the_same() {
    let due = due("x\r\nhost: evil\0 \u{1F3AE}");
    let (request, _, settlement) = attempt(&due, b"HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(request.contains("\r\nx-webhook-event: x??host: evil? \u{1F3AE}\r\n"), "{request}");
    assert_eq!(settlement.next, Next::Delivered);
}

#[test]
fn the_log_keeps_text_that_every_database_can_store() {
    for (body, text) in [
        (&b"ok"[..], "ok".to_owned()),
        (b"a\0b", "a\u{FFFD}b".to_owned()),
        (b"\xff", "\u{FFFD}".to_owned()),
        (&[b'x'; 5_000], "x".repeat(RESPONSE_KEEP_MAX_BYTES)),
        ("\u{20AC}".repeat(2_000).as_bytes(), "\u{20AC}".repeat(RESPONSE_KEEP_MAX_BYTES / 3)),
    ] {
        assert_eq!(kept(body), text);
    }
}
