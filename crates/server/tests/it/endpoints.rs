//! Webhooks that stand in the configuration file, and those that an embedding program makes known.

use std::{path::Path, time::Duration};

use fanfare::{Endpoint, Header, Method, WebhookError, config::Secret, timers::Clock};
use fanfare_model::{Timestamp, signature};
use serde_json::{Value, json};

use crate::support::{Client, Engine, Process, Receiver, TestApp};

async fn webhooks(host: &Client) -> Vec<Value> {
    host.get("/api/webhooks").await.expect(200).as_array().expect("a list").clone()
}

fn write(data: &Path, text: &str) {
    std::fs::create_dir_all(data).expect("a folder");
    std::fs::write(data.join("fanfare.toml"), text).expect("written");
}

fn entry(receiver: &Receiver, more: &str) -> String {
    format!("[[webhooks.endpoints]]\nurl = '{}'\nevents = ['session.started']\n{more}\n", receiver.url())
}

async fn stop(server: Process) {
    server.signal("TERM").await;
    assert_eq!(server.end().await, Some(0));
}

#[tokio::test]
async fn the_file_says_who_is_sent_what() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let (mut first, mut second) = (Receiver::start().await, Receiver::start().await);
    let full = "method = 'PUT'\nheaders = { X-Room = 'living room' }\nsecret = 'own'\nname = 'bot'\n\
                ordering = 'session'\nmax_in_flight = 2\nrate_limit = 100";
    write(&data, &format!("[webhooks]\nretry_attempts = 2\ntimeout_ms = 900\n{}", entry(&first, full)));
    let server = Process::start(&data, &[]).await;
    let host = server.host().await;
    host.post("/api/sessions", json!({})).await.expect(201);
    let request = first.next().await;
    assert_eq!((request.method.as_str(), request.header("x-room")), ("PUT", "living room"));
    assert_eq!(request.header("x-webhook-signature"), signature::brief_header("own", &request.body));
    let made = webhooks(&host).await.remove(0);
    for (name, expected) in [
        ("name", json!("bot")),
        ("origin", json!("config")),
        ("ordering", json!("session")),
        ("max_in_flight", json!(2)),
        ("rate_limit", json!(100)),
        ("timeout_ms", json!(900)),
        ("retry_schedule_ms", json!([1_000, 2_000])),
        ("headers", json!({"X-Room": "***"})),
    ] {
        assert_eq!(made[name], expected, "{name}");
    }
    let path = format!("/api/webhooks/{}", made["id"]);
    let refused = "This webhook stands in the configuration file; only enabled can be changed here";
    for change in [json!({"name": "n"}), json!({"enabled": true, "secret": "s"})] {
        assert_eq!(host.patch(&path, change).await.expect(409)["error"], refused);
    }
    assert_eq!(host.delete(&path).await.expect(409)["error"], refused);
    assert_eq!(host.patch(&path, json!({"enabled": false})).await.expect(200)["enabled"], false);
    assert_eq!(host.patch(&path, json!({"enabled": true})).await.expect(200)["enabled"], true);

    // One is changed, another is new.
    stop(server).await;
    write(&data, &format!("{}{}", entry(&second, ""), entry(&first, "name = 'changed'")));
    let server = Process::start(&data, &[]).await;
    let host = server.host().await;
    let both = webhooks(&host).await;
    assert_eq!(both.iter().map(|webhook| &webhook["name"]).collect::<Vec<_>>(), ["changed", &second.url()]);
    assert_eq!((&both[0]["id"], &both[0]["method"]), (&made["id"], &json!("POST")));
    host.post("/api/sessions/1/close", json!({})).await.expect(200);
    host.post("/api/sessions", json!({})).await.expect(201);
    for receiver in [&mut first, &mut second] {
        let request = receiver.next().await;
        assert_eq!(request.method, "POST");
        assert!(request.headers.get("x-room").is_none());
        assert!(request.headers.get("x-webhook-signature").is_none(), "without a secret nothing is signed");
        assert!(request.headers.get("webhook-signature").is_none());
    }

    // Both are gone.
    stop(server).await;
    write(&data, "");
    let server = Process::start(&data, &[]).await;
    let host = server.host().await;
    assert_eq!(webhooks(&host).await, [json!(null); 0]);
    host.get(&path).await.expect(404);
    stop(server).await;
}

#[tokio::test]
async fn the_switch_keeps_back_what_happens_meanwhile() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut receiver = Receiver::start().await;
        let mut app = TestApp::spawn_with(engine, Clock::real(), |config| {
            config.webhooks.enabled = false;
            config.webhooks.secret = Some(Secret("common".into()));
            config.webhooks.endpoints = vec![Endpoint::new(receiver.url(), ["session.*"])];
        })
        .await;
        let host = app.host().await;
        let webhook = webhooks(&host).await.remove(0);
        assert_eq!(webhook["disabled_reason"], "webhooks.enabled is false in the configuration");
        host.post("/api/sessions", json!({})).await.expect(201);

        app.reconfigure(|config| config.webhooks.enabled = true);
        app.restart().await;
        let host = app.host().await;
        let webhook = webhooks(&host).await.remove(0);
        assert_eq!((&webhook["enabled"], &webhook["disabled_reason"]), (&json!(true), &json!(null)));
        assert!(receiver.is_quiet());
        let path = format!("/api/webhooks/{}/replay", webhook["id"]);
        let replayed = host.post(&path, json!({"which": "held"})).await.expect(200);
        assert_eq!(replayed["count"], 1);
        let request = receiver.next().await;
        assert_eq!(request.header("x-webhook-signature"), signature::brief_header("common", &request.body));
    }
}

#[tokio::test]
async fn a_program_makes_receivers_known() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut receiver = Receiver::start().await;
        let in_the_file = "http://127.0.0.1:9/";
        let mut app = TestApp::spawn_with(engine, Clock::real(), |config| {
            config.webhooks.secret = Some(Secret("common".into()));
            config.webhooks.endpoints = vec![Endpoint::new(in_the_file, ["none"])];
        })
        .await;
        let webhooks = app.webhooks();
        let endpoint = Endpoint::new(receiver.url(), ["session.started"]);
        let id = webhooks.register(endpoint.clone()).await.expect("it is registered");
        let both = tokio::join!(webhooks.register(endpoint.clone()), webhooks.register(endpoint.clone()));
        assert_eq!(both, (Ok(id), Ok(id)), "the same one");
        let host = app.host().await;
        host.post("/api/sessions", json!({})).await.expect(201);
        let request = receiver.next().await;
        assert_eq!(request.method, "POST");
        assert_eq!(request.header("x-webhook-signature"), signature::brief_header("common", &request.body));
        let made = host.get(&format!("/api/webhooks/{id}")).await.expect(200);
        assert_eq!((&made["name"], &made["origin"]), (&json!(receiver.url()), &json!("api")));
        assert_eq!(made["retry_schedule_ms"], json!([1_000, 2_000, 3_000]));

        let headers = vec![Header::new("X-Room", "living room").expect("a header")];
        let changed = Endpoint { method: Method::Put, headers, ..endpoint.clone() };
        assert_eq!(webhooks.register(changed).await, Ok(id));
        host.post("/api/sessions/1/close", json!({})).await.expect(200);
        host.post("/api/sessions", json!({})).await.expect(201);
        let request = receiver.next().await;
        assert_eq!((request.method.as_str(), request.header("x-room")), ("PUT", "living room"));

        let fired = Endpoint::new(receiver.url(), ["order.*"]);
        assert_eq!(webhooks.register(fired).await, Ok(id));
        let event_id = webhooks.fire("order.paid", &json!({"order": 7})).await.expect("it is fired");
        let request = receiver.next().await;
        assert_eq!(request.header("webhook-id"), event_id);
        assert_eq!(
            (&request.json()["event"], &request.json()["data"]),
            (&json!("order.paid"), &json!({"order": 7}))
        );
        for (event, data) in [("order.*", json!({})), ("", json!({})), ("order.paid", json!([]))] {
            let refused = webhooks.fire(event, &data).await;
            assert!(matches!(refused, Err(WebhookError::Invalid(_))), "{refused:?}");
        }

        let bad = webhooks.register(Endpoint::new("nowhere", ["*"])).await;
        assert_eq!(bad, Err(WebhookError::Invalid("url: expected an http or https URL".into())));
        let taken = webhooks.register(Endpoint::new(in_the_file, ["*"])).await;
        let line = "The configuration file has a webhook with this URL";
        assert_eq!(taken, Err(WebhookError::Conflict(line.into())));

        app.restart().await;
        let kept = app.host().await.get(&format!("/api/webhooks/{id}")).await.expect(200);
        assert_eq!(kept["events"], json!(["order.*"]));
        let gone = webhooks.register(endpoint).await;
        assert!(matches!(gone, Err(WebhookError::Unavailable(_))), "its server has stopped: {gone:?}");
    }
}

#[tokio::test]
async fn what_happened_before_the_log_begins_was_not_missed() {
    for (log_keep_days, expected) in [(30, 0), (31, 1), (0, 1)] {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let app = TestApp::spawn_with(Engine::Sqlite, clock.clone(), |config| {
            config.delivery.log_keep_days = log_keep_days;
        })
        .await;
        app.host().await.post("/api/sessions", json!({})).await.expect(201);
        clock.advance(Duration::from_secs(30 * 24 * 60 * 60 + 1));
        let host = app.host().await;
        let id = Receiver::start().await.register(&host, &["*"]).await;
        let body = json!({"which": "missed", "dry_run": true});
        let counted = host.post(&format!("/api/webhooks/{id}/replay"), body).await.expect(200);
        assert_eq!(counted["count"], expected, "{log_keep_days}");
    }
}
