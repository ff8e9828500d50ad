//! The request as it arrives, byte by byte.

use std::sync::Arc;

use fanfare_model::{
    application::AppLimits, delivery::FaultKind, egress::EgressPolicy, event::test_data, retry::RetrySchedule,
};
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
        place: 2,
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

/// The default application; there is no other one.
fn application() -> Application {
    Application {
        id: "1".into(),
        key: "app-key".into(),
        secret: "app-secret".into(),
        old_secret: None,
        name: "default".into(),
        limits: AppLimits::default(),
        is_default: true,
        created_at: Timestamp::from_millis(0),
    }
}

fn sender(tasks: &Tasks) -> Sender {
    let clock = Clock::manual(Timestamp::from_millis(NOW_MS));
    let settings = config::Delivery {
        retry_schedule: RetrySchedule::new(vec![5_000; 3]).expect("a schedule"),
        ..config::Config::default().delivery
    };
    let policy = EgressPolicy::new(Vec::new(), Vec::new());
    let roots = Roots::load(None).expect("they are built in");
    let egress = Egress::new(policy, Vec::new(), roots, clock.clone(), tasks);
    let applications: FindApplication = Arc::new(|app| app.is_empty().then(|| Arc::new(application())));
    Sender { applications, egress, settings: settings.into(), clock }
}

/// Makes an attempt at a receiver that answers `answer`: the request's bytes and the result.
async fn attempt(due: &Due, answer: &[u8]) -> (String, u16, Settlement) {
    attempt_in(Format::Json, due, answer).await
}

async fn attempt_in(format: Format, due: &Due, answer: &[u8]) -> (String, u16, Settlement) {
    let tasks = Tasks::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let body = format.render(&due.event).expect("a body");
    let receive = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(body.as_bytes()) {
            request.push(stream.read_u8().await.expect("more of the request"));
        }
        stream.write_all(answer).await.expect("written");
        String::from_utf8(request).expect("UTF-8")
    };
    let options = WebhookOptions { format, ..WebhookOptions::default() };
    let webhook = Webhook { options, ..webhook(format!("http://127.0.0.1:{port}/hook")) };
    let sender = sender(&tasks);
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
async fn in_pushers_format_the_application_signs_as_well() {
    let mut due = due("member_added");
    let event = Event { data: r#"{"channel":"presence-a","userId":"7"}"#.into(), ..(*due.event).clone() };
    due.event = Arc::new(event);
    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
    let (request, _, settlement) = attempt_in(Format::Pusher, &due, answer).await;
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    let event = r#"{"name":"member_added","channel":"presence-a","user_id":"7"}"#;
    assert_eq!(body, format!(r#"{{"time_ms":1773606600000,"events":[{event}]}}"#));
    // Computed with Python's hmac and hashlib.
    let signature = "98aaf7a52ac4528c025b5713c8a13923dd97b593c8ba09551310443a5bc6afd6";
    for line in [
        "content-type: application/json".to_owned(),
        "x-pusher-key: app-key".to_owned(),
        format!("x-pusher-signature: {signature}"),
        format!("x-webhook-signature: {}", signature::brief_header("mysecret123", body.as_bytes())),
    ] {
        assert!(head.split("\r\n").any(|other| other == line), "{line} in {head}");
    }
    assert_eq!(settlement.next, Next::Delivered);
}

#[tokio::test]
async fn without_its_application_a_request_in_pushers_format_has_no_signature_and_is_not_sent() {
    let tasks = Tasks::default();
    let options = WebhookOptions { format: Format::Pusher, ..WebhookOptions::default() };
    let webhook = Webhook { app: "shop".into(), options, ..webhook("http://127.0.0.1:9/".into()) };
    let settlement = sender(&tasks).attempt(&due("member_added"), &webhook, 0).await;
    let message = "the app of the webhook does not exist".to_owned();
    assert_eq!(settlement.outcome, Outcome::Fault { kind: FaultKind::Render, message });
    assert_eq!(settlement.next, Next::Failed);
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
    let settlement = sender(&tasks).attempt(&last, &forbidden, 0).await;
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
