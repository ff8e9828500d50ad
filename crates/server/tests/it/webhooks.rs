//! What a webhook says of itself, and how its receiver is sent to for it.

use fanfare::{config::Endpoint, timers::Clock};
use fanfare_model::{Timestamp, breaker::Health, signature};
use fanfare_store::webhooks;
use serde_json::{Value, json};

use crate::{
    story::logs_of,
    support::{Client, Engine, Listener, Receiver, TestApp, eventually},
};

/// Registers the receiver for `session.started` with these fields more.
async fn register(host: &Client, receiver: &Receiver, more: Value) -> i64 {
    let mut body =
        json!({"name": "n", "url": receiver.url(), "secret": "mysecret123", "events": ["session.started"]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    host.post("/api/webhooks", body).await.expect(201)["id"].as_i64().expect("an id")
}

#[tokio::test]
async fn a_receiver_gets_the_method_and_the_headers_that_it_wants() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let mut receiver = Receiver::start().await;
        let headers = json!({"Authorization": "Bearer hush", "X-Room": " a room ", "x-empty": ""});
        let id = register(&host, &receiver, json!({"method": "PUT", "headers": headers})).await;
        let kept = json!({"headers": {"authorization": "***", "X-New": "n"}});
        host.patch(&format!("/api/webhooks/{id}"), kept).await.expect(200);
        host.post("/api/sessions", json!({})).await.expect(201);
        let request = receiver.next().await;
        assert_eq!(request.method, "PUT");
        assert_eq!((request.header("authorization"), request.header("x-new")), ("Bearer hush", "n"));
        assert!(request.headers.get("x-room").is_none(), "a change replaces all of them");
    }
}

#[tokio::test]
async fn both_secrets_sign_while_one_is_being_replaced() {
    let app = TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| {
        config.delivery.secret_overlap_ms = 3_600_000;
    })
    .await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    let id = register(&host, &receiver, json!({})).await;
    host.patch(&format!("/api/webhooks/{id}"), json!({"secret": "another"})).await.expect(200);
    host.post("/api/sessions", json!({})).await.expect(201);
    let request = receiver.next().await;
    let timestamp = request.header("webhook-timestamp").parse().expect("seconds");
    let signed_by =
        |secret| signature::standard_header(secret, request.header("webhook-id"), timestamp, &request.body);
    let both = format!("{} {}", signed_by("another"), signed_by("mysecret123"));
    assert_eq!(request.header("webhook-signature"), both);
    assert_eq!(request.header("x-webhook-signature"), signature::brief_header("another", &request.body));
}

#[tokio::test]
async fn a_template_writes_the_body_that_is_signed() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    let template = r#"{"said":"{{ event }}: {{ data.session.notes }}"}"#;
    let id = register(&host, &receiver, json!({"format": "template", "template": template})).await;
    host.post("/api/sessions", json!({"notes": "\"hi\""})).await.expect(201);
    let request = receiver.next().await;
    assert_eq!(request.body, r#"{"said":"session.started: \"hi\""}"#);
    assert_eq!(request.header("x-webhook-signature"), signature::brief_header("mysecret123", &request.body));
    assert_eq!(request.header("content-type"), "application/json");
    let log = logs_of(&host, id, 1).await;
    assert_eq!(log[0]["payload"]["session"]["notes"], "\"hi\"", "the log has the event, not the body");
}

#[tokio::test]
async fn a_template_that_does_not_fit_sends_nothing_and_is_not_tried_again() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    let template = json!({"format": "template", "template": "one\n{{ data.nothing }}"});
    let id = register(&host, &receiver, template).await;
    host.post("/api/sessions", json!({})).await.expect(201);
    let log = logs_of(&host, id, 1).await;
    assert_eq!(
        (&log[0]["error_kind"], &log[0]["response_status"], &log[0]["next_retry_at"]),
        (&json!("render"), &Value::Null, &Value::Null)
    );
    assert!(log[0]["error_message"].as_str().is_some_and(|text| text.starts_with("template, line 2: ")));
    assert!(receiver.is_quiet());
    let webhook = host.get(&format!("/api/webhooks/{id}")).await.expect(200);
    assert_eq!(webhook["health"]["failures"], 0, "it says nothing of the receiver");

    let path = format!("/api/webhooks/{id}");
    host.patch(&path, json!({"template": "{{ event }}"})).await.expect(200);
    let failed = host.post(&format!("{path}/replay"), json!({"which": "failed"})).await.expect(200);
    assert_eq!(failed["count"], 1);
    let request = receiver.next().await;
    assert_eq!(
        (request.body.as_ref(), request.header("webhook-id")),
        (&b"session.started"[..], text(&log[0]["event_id"]))
    );
}

#[tokio::test]
async fn what_was_delivered_can_be_sent_again() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let mut receiver = Receiver::start().await;
        let id = register(&host, &receiver, json!({})).await;
        host.post("/api/sessions", json!({})).await.expect(201);
        let first = receiver.next().await;
        let log = logs_of(&host, id, 1).await;
        let path = format!("/api/webhooks/{id}/deliveries/{}", log[0]["delivery_id"]);
        assert_eq!(host.get(&path).await.expect(200)["state"], "delivered");
        let resent = host.post(&format!("{path}/resend"), json!({})).await.expect(200);
        assert_eq!((&resent["state"], &resent["attempts"]), (&json!("pending"), &json!(1)));
        let second = receiver.next().await;
        assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
        assert_eq!(second.body, first.body);
        let delivery = eventually("its second attempt", || async {
            let delivery = host.get(&path).await.expect(200);
            (delivery["state"] == "delivered").then_some(delivery)
        })
        .await;
        let attempts: Vec<_> =
            delivery["log"].as_array().expect("a log").iter().map(|row| &row["attempt"]).collect();
        assert_eq!(attempts, [&json!(1), &json!(2)]);
        let over = host.post(&format!("{path}/cancel"), json!({})).await;
        assert_eq!(over.expect(409)["error"], "The delivery is over");
    }
}

#[tokio::test]
async fn a_webhook_of_the_configuration_file_can_only_be_switched() {
    let app = TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| {
        let endpoint = Endpoint::new("http://127.0.0.1:9/", ["nothing"]);
        config.webhooks.endpoints = vec![Endpoint { name: Some("configured".into()), ..endpoint }];
    })
    .await;
    let host = app.host().await;
    let id = host.get("/api/webhooks").await.expect(200)[0]["id"].clone();
    let path = format!("/api/webhooks/{id}");
    assert_eq!(host.get(&path).await.expect(200)["origin"], "config");
    let refusal = "This webhook stands in the configuration file; only enabled can be changed here";
    for body in [json!({"name": "mine"}), json!({"enabled": false, "url": "http://127.0.0.1:9/x"})] {
        assert_eq!(host.patch(&path, body).await.expect(409)["error"], refusal);
    }
    assert_eq!(host.delete(&path).await.expect(409)["error"], refusal);
    assert_eq!(host.patch(&path, json!({"enabled": false})).await.expect(200)["enabled"], false);
    assert_eq!(host.get(&path).await.expect(200)["name"], "configured");
}

#[tokio::test]
async fn how_a_receiver_does_stands_beside_its_webhook() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let now = Timestamp::parse("2026-03-15T20:30:00Z").expect("a time");
        let clock = Clock::manual(now);
        let mut app = TestApp::spawn_with(engine, clock.clone(), |_| {}).await;
        let receiver = Receiver::start().await;
        let host = app.host().await;
        let (ill, well) =
            (register(&host, &receiver, json!({})).await, register(&host, &receiver, json!({})).await);
        let health = Health {
            failures: 5,
            failing_since: Some(now),
            failed_at: Some(now),
            opens: 1,
            hold_until: Some(now.plus_millis(30_000)),
        };
        app.at_rest(move |tx| webhooks::set_health(tx, &[(ill, health)])).await;
        app.restart().await;
        let host = app.host().await;
        let fine = json!({"failures": 0, "failing_since": null, "held_until": null});
        let expected = json!({
            "failures": 5, "failing_since": "2026-03-15T20:30:00.000Z", "held_until": "2026-03-15T20:30:30.000Z",
        });
        let list = host.get("/api/webhooks").await.expect(200);
        assert_eq!((&list[0]["health"], &list[1]["health"]), (&expected, &fine), "{engine:?}");
        let path = format!("/api/webhooks/{ill}");
        assert_eq!(host.get(&path).await.expect(200)["health"], expected);
        assert_eq!(host.get(&format!("/api/webhooks/{well}")).await.expect(200)["health"], fine);
        let renamed = host.patch(&path, json!({"name": "x"})).await.expect(200);
        assert_eq!(renamed["health"], expected, "another name is no other receiver");

        clock.advance(std::time::Duration::from_secs(30));
        let host = app.host().await;
        assert_eq!(host.get(&path).await.expect(200)["health"]["held_until"], Value::Null, "it is over");
        let moved = host.patch(&path, json!({"url": "http://127.0.0.1:9/x"})).await.expect(200);
        assert_eq!(moved["health"], fine, "another address is another receiver");
    }
}

#[tokio::test]
async fn everybody_is_told_of_a_webhook_that_is_given_up() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut bot = app.bot().await;
    let mut stream = Listener::open(&host, "/api/events").await;
    assert_eq!(stream.block().await.as_deref(), Some(":\nid: 0\n\n"));
    let (gone, mut observer) = (Receiver::start().await, Receiver::start().await);
    gone.will_answer(&[410]);
    let id = register(&host, &gone, json!({"name": "Gone"})).await;
    observer.register(&host, &["webhook.disabled"]).await;
    host.post(&format!("/api/webhooks/test/{id}"), json!({})).await.expect(200);
    let reason = "the receiver answered 410 Gone";
    let data = json!({"webhook": {"id": id, "name": "Gone"}, "reason": reason});
    let told = bot.hear().await;
    assert_eq!((&told["type"], &told["data"]), (&json!("webhook.disabled"), &data));
    assert!(told.get("seq").is_none(), "it is no session's: {told}");
    assert_eq!(stream.hear().await, told);
    let delivered = observer.next().await;
    assert_eq!((delivered.json()["data"].clone(), delivered.header("webhook-id")), (data, text(&told["id"])));
    let webhook = host.get(&format!("/api/webhooks/{id}")).await.expect(200);
    assert_eq!((&webhook["enabled"], &webhook["disabled_reason"]), (&json!(false), &json!(reason)));
    let again = host.patch(&format!("/api/webhooks/{id}"), json!({"enabled": true})).await.expect(200);
    assert_eq!((&again["enabled"], &again["disabled_reason"]), (&json!(true), &Value::Null));
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
