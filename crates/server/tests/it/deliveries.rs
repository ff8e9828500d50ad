//! Webhooks as a receiver sees them, and what the log says of it.

use fanfare::timers::Clock;
use fanfare_model::{retry::RetrySchedule, signature};
use serde_json::{Value, json};

use crate::{
    story::{game_named, logs_of},
    support::{Engine, Receiver, TestApp, eventually},
};

/// A server that retries after a millisecond, so many times.
async fn impatient_app(engine: Engine, retries: usize) -> TestApp {
    TestApp::spawn_with(engine, Clock::real(), |config| {
        config.delivery.retry_schedule = RetrySchedule::new(vec![1; retries]).expect("a schedule");
    })
    .await
}

#[tokio::test]
async fn a_receiver_that_fails_three_times_then_recovers() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = impatient_app(engine, 5).await;
        let host = app.host().await;
        let mut receiver = Receiver::start().await;
        receiver.will_answer(&[500, 404, 301]);
        let webhook = receiver.register(&host, &["session.started"]).await;
        host.post("/api/sessions", json!({})).await.expect(201);
        let mut ids = Vec::new();
        for _ in 0..4 {
            let request = receiver.next().await;
            ids.push((request.header("webhook-id").to_owned(), request.body));
        }
        assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "one event, the same id and bytes each time");
        let logs = logs_of(&host, webhook, 4).await;
        let statuses: Vec<_> = logs.iter().map(|log| log["response_status"].clone()).collect();
        assert_eq!(statuses, [200, 301, 404, 500]);
        assert_eq!(logs[0]["error_message"], Value::Null);
        assert!(logs[3]["error_message"].as_str().is_some_and(|text| text.contains("500")));
        assert!(receiver.is_quiet());
    }
}

#[tokio::test]
async fn a_receiver_that_never_recovers_is_given_up_after_the_schedule() {
    let app = impatient_app(Engine::Sqlite, 2).await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    receiver.will_answer(&[503; 3]);
    let webhook = receiver.register(&host, &["*"]).await;
    host.post("/api/sessions", json!({})).await.expect(201);
    for _ in 0..3 {
        receiver.next().await;
    }
    logs_of(&host, webhook, 3).await;
    let metrics = host.get("/metrics").await;
    assert!(metrics.text.contains("fanfare_deliveries_total{state=\"failed\"} 1"), "{}", metrics.text);
    assert!(receiver.is_quiet());
}

#[tokio::test]
async fn the_request_is_signed_in_both_ways() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    receiver.register(&host, &["session.started"]).await;
    host.post("/api/sessions", json!({"notes": "\"quotes\" \u{2028} \n 🎮 \u{7f} \\"})).await.expect(201);
    let request = receiver.next().await;
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("user-agent"), "Jackbox-Game-Picker-Webhook/1.0");
    assert_eq!(request.header("x-webhook-event"), "session.started");
    assert_eq!(request.header("x-webhook-signature"), signature::brief_header("mysecret123", &request.body));
    let timestamp = request.header("webhook-timestamp").parse().expect("seconds");
    let standard =
        signature::standard_header("mysecret123", request.header("webhook-id"), timestamp, &request.body);
    assert_eq!(request.header("webhook-signature"), standard);
    let text = std::str::from_utf8(&request.body).expect("UTF-8");
    assert!(text.starts_with(r#"{"event":"session.started","timestamp":""#), "{text}");
    assert!(text.contains("\"notes\":\"\\\"quotes\\\" \u{2028} \\n 🎮 \u{7f} \\\\\""), "{text}");
}

#[tokio::test]
async fn a_disabled_webhook_gets_only_tests_and_a_deleted_one_nothing() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    let webhook = receiver.register(&host, &["*"]).await;
    let path = format!("/api/webhooks/{webhook}");
    host.patch(&path, json!({"enabled": false})).await.expect(200);
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let sent = host.post(&format!("/api/webhooks/test/{webhook}"), json!({})).await.expect(200);
    assert_eq!(
        sent,
        json!({"message": "Test webhook sent", "note": "Check webhook_logs table for delivery status"})
    );
    assert_eq!(receiver.next().await.json()["event"], "game.added");
    logs_of(&host, webhook, 1).await;
    let metrics = host.get("/metrics").await.text;
    assert!(metrics.contains("fanfare_deliveries_waiting{state=\"held\"} 1"), "{metrics}");

    host.patch(&path, json!({"enabled": true})).await.expect(200);
    host.post(&format!("/api/sessions/{session}/close"), json!({})).await.expect(200);
    assert_eq!(receiver.next().await.json()["event"], "session.ended");
    host.delete(&path).await.expect(200);
    assert_eq!(host.get(&format!("{path}/logs")).await.expect(200), json!([]));
    host.post("/api/sessions", json!({})).await.expect(201);
    eventually("the end of its rows", || async {
        let metrics = host.get("/metrics").await.text;
        metrics.contains("fanfare_deliveries_waiting{state=\"held\"} 0").then_some(())
    })
    .await;
    assert!(receiver.is_quiet());
}

#[tokio::test]
async fn forbidden_addresses_are_never_reached_and_each_refusal_is_logged() {
    let app = impatient_app(Engine::Sqlite, 0).await;
    let host = app.host().await;
    let own = format!("http://{}/health", app.addr());
    for (url, why) in [
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254"),
        ("http://[::ffff:10.0.0.1]/", "10.0.0.1"),
        ("http://192.168.1.1:8080/", "192.168.1.1"),
        ("http://0xa9fea9fe/", "169.254.169.254"),
        (own.as_str(), "127.0.0.1"),
    ] {
        let body = json!({"name": "x", "url": url, "secret": "s", "events": ["session.started"]});
        let id = host.post("/api/webhooks", body).await.expect(201)["id"].as_i64().expect("an id");
        host.post(&format!("/api/webhooks/test/{id}"), json!({})).await.expect(200);
        let logs = logs_of(&host, id, 1).await;
        assert_eq!(logs[0]["response_status"], Value::Null, "{url}");
        assert!(
            logs[0]["error_message"].as_str().is_some_and(|text| text.contains(why)),
            "{url}: {}",
            logs[0]
        );
    }
}

#[tokio::test]
async fn a_changed_url_counts_from_the_next_attempt() {
    let app = impatient_app(Engine::Sqlite, 50).await;
    let host = app.host().await;
    let (mut old, mut new) = (Receiver::start().await, Receiver::start().await);
    old.will_answer(&[500; 50]);
    let webhook = old.register(&host, &["session.started"]).await;
    host.post("/api/sessions", json!({})).await.expect(201);
    let first = old.next().await;
    host.patch(&format!("/api/webhooks/{webhook}"), json!({"url": new.url(), "secret": "another"}))
        .await
        .expect(200);
    let later = new.next().await;
    assert_eq!(later.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(later.header("x-webhook-signature"), signature::brief_header("another", &later.body));
}

#[tokio::test]
async fn a_thousand_events_reach_ten_webhooks_once_each() {
    const SENT: usize = 1_000;
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut receivers = Vec::new();
    for _ in 0..10 {
        let receiver = Receiver::start().await;
        receiver.register(&host, &["game.*", "player-count.updated"]).await;
        receivers.push(receiver);
    }
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let game = game_named(&host, "Earwax").await["id"].clone();
    let path = format!("/api/sessions/{session}/games");
    let row = host.post(&path, json!({ "game_id": game })).await.expect(201)["id"].clone();
    let path = format!("{path}/{row}/player-count");
    for batch in 0..SENT / 50 {
        let sends = (0..50).map(|n| host.patch(&path, json!({"player_count": batch * 50 + n})));
        for reply in futures_util::future::join_all(sends).await {
            reply.expect(200);
        }
    }
    for receiver in &mut receivers {
        let mut ids = std::collections::HashSet::new();
        for _ in 0..=SENT {
            ids.insert(receiver.next().await.header("webhook-id").to_owned());
        }
        assert_eq!(ids.len(), SENT + 1);
        assert!(receiver.is_quiet());
    }
}

#[tokio::test]
async fn the_request_that_is_shown_is_the_one_that_was_sent() {
    let app = impatient_app(Engine::Sqlite, 0).await;
    let host = app.host().await;
    for format in ["json", "slack", "discord", "pusher"] {
        let mut receiver = Receiver::start().await;
        let webhook = json!({
            "name": format, "url": receiver.url(), "secret": "mysecret123", "events": ["order.paid"],
            "format": format, "headers": {"X-Key": "hush"},
        });
        let webhook = host.post("/api/webhooks", webhook).await.expect(201)["id"].clone();
        host.post("/api/events/fire", json!({"event": "order.paid", "data": {"n": 1}})).await.expect(201);
        let sent = receiver.next().await;
        let log = logs_of(&host, webhook.as_i64().expect("an id"), 1).await;
        let path = format!("/api/webhooks/{webhook}/deliveries/{}/request", log[0]["delivery_id"]);
        let shown = host.get(&path).await;
        assert!(!shown.text.contains("hush") && !shown.text.contains("mysecret123"), "{}", shown.text);
        let shown = shown.expect(200);
        assert_eq!((&shown["method"], &shown["url"]), (&json!("POST"), &json!(receiver.url())));
        assert_eq!(shown["body"].as_str().map(str::as_bytes), Some(&sent.body[..]), "{format}");
        let headers = shown["headers"].as_object().expect("an object");
        for (name, value) in headers {
            let value = value.as_str().expect("a text");
            match name.as_str() {
                "x-key" => assert_eq!((value, sent.header("x-key")), ("***", "hush")),
                // Each attempt has its own.
                "webhook-timestamp" => assert!(value >= sent.header(name), "{value}"),
                "webhook-signature" => assert!(value.starts_with("v1,"), "{value}"),
                _ => assert_eq!(value, sent.header(name), "{format}: {name}"),
            }
        }
        assert_eq!(headers.contains_key("x-pusher-signature"), format == "pusher");
        let on_the_way = ["host", "content-length", "accept-encoding"];
        let unseen = sent
            .headers
            .keys()
            .find(|name| !headers.contains_key(name.as_str()) && !on_the_way.contains(&name.as_str()));
        assert_eq!(unseen, None, "{format}");
        host.delete(&format!("/api/webhooks/{webhook}")).await.expect(200);
    }
}
