//! The HTTP API of the Pusher protocol, as an app's own server uses it.

use std::time::Duration;

use fanfare::timers::Clock;
use fanfare_model::{Timestamp, application::Application, pusher::channel_auth};
use hyper::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, Engine, Peer, Reply, TestApp,
    backend::{application, signed, signed_by},
};

async fn spawn(clock: Clock) -> TestApp {
    TestApp::spawn_with(Engine::Sqlite, clock, |config| {
        config.app = Some("1:key:secret".parse().expect("an app"));
    })
    .await
}

fn now() -> Timestamp {
    Clock::real().now()
}

/// A POST that is signed for the default app.
async fn post(client: &Client, path: &str, body: &Value) -> Reply {
    let path = signed("POST", path, Some(&body.to_string()), now());
    client.post(&path, body.clone()).await
}

async fn get(client: &Client, path: &str) -> Reply {
    client.get(&signed("GET", path, None, now())).await
}

/// Joins a presence channel as this user.
async fn join(peer: &mut Peer, application: &Application, channel: &str, user: &str) {
    let data = json!({"user_id": user}).to_string();
    let auth = channel_auth(application, &peer.id, channel, Some(&data));
    let answer = peer.subscribe(channel, Some(&auth), Some(&data)).await;
    assert_eq!(answer["event"], "pusher_internal:subscription_succeeded", "{answer}");
}

#[tokio::test]
async fn an_event_reaches_both_protocols_but_for_the_socket_that_is_named() {
    let app = spawn(Clock::real()).await;
    let backend = app.stranger();
    let mut ts = Peer::broadcasting(app.addr(), None).await;
    let mut pusher = Peer::pusher(app.addr(), "key").await;
    for peer in [&mut ts, &mut pusher] {
        peer.subscribe("orders", None, None).await;
    }
    let event = json!({"name": "created", "channels": ["orders", "none", "orders"], "data": "{\"id\":1}"});
    assert_eq!(post(&backend, "/apps/1/events", &event).await.expect(200), json!({}));
    assert_eq!(ts.hear().await, json!({"event": "created", "channel": "orders", "data": {"id": 1}}));
    let told = json!({"event": "created", "channel": "orders", "data": "{\"id\":1}"});
    assert_eq!(pusher.hear().await, told);

    let event =
        |id: &str| json!({"name": "next", "channel": "orders", "data": "plain text", "socket_id": id});
    post(&backend, "/apps/1/events", &event(&ts.id)).await.expect(200);
    assert_eq!(pusher.hear().await["data"], "plain text");
    post(&backend, "/apps/1/events", &event(&pusher.id)).await.expect(200);
    assert_eq!(ts.hear().await["data"], "plain text");
    pusher.hears_nothing().await;
    ts.hears_nothing().await;

    let info = json!({"name": "n", "data": "", "channel": "orders", "info": "subscription_count"});
    let answer = post(&backend, "/apps/1/events", &info).await.expect(200);
    assert_eq!(answer, json!({"channels": {"orders": {"subscription_count": 2}}}));
    let figures = backend.get("/stats").await.expect(200);
    assert_eq!((&figures["connections"], &figures["subscriptions"]), (&json!(2), &json!(2)));
    assert_eq!(figures["channels"], 1);
    let metrics = app.host().await.get("/metrics").await.text;
    for line in [
        "fanfare_channel_connections 2",
        "fanfare_channels 1",
        "fanfare_channel_events_total 5",
        r#"fanfare_channel_subscriptions{dialect="broadcasting"} 1"#,
        r#"fanfare_channel_subscriptions{dialect="pusher"} 1"#,
    ] {
        assert!(metrics.lines().any(|there| there == line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn a_batch_is_published_in_its_order_or_not_at_all() {
    let app = spawn(Clock::real()).await;
    let backend = app.stranger();
    let mut peer = Peer::pusher(app.addr(), "key").await;
    peer.subscribe("a", None, None).await;
    let event = |name: String, channel: &str| json!({"name": name, "data": "{}", "channel": channel});
    let ten: Vec<_> = (0..10).map(|at| event(at.to_string(), "a")).collect();
    let bad = |last: Value| json!({"batch": [event("x".into(), "a"), last]});
    for refused in [bad(event(String::new(), "a")), bad(event("n".into(), "private-session.1"))] {
        post(&backend, "/apps/1/batch_events", &refused).await.expect(400);
    }
    post(&backend, "/apps/1/batch_events", &json!({ "batch": ten })).await.expect(200);
    for at in 0..10 {
        assert_eq!(peer.hear().await["event"], at.to_string(), "nothing of what was refused is heard");
    }
    // The largest that there can be, each of its bytes escaped.
    let data = "\u{1}".repeat(10_240);
    let channels = || (0..100).map(|at| format!("{at:0200}")).collect::<Vec<_>>();
    let large = json!({"name": "\u{1}".repeat(200), "data": data, "channels": channels()});
    post(&backend, "/apps/1/events", &large).await.expect(200);
    let large: Vec<_> = (0..10).map(|_| json!({"name": "n", "data": data, "channel": "a"})).collect();
    post(&backend, "/apps/1/batch_events", &json!({ "batch": large })).await.expect(200);
}

#[tokio::test]
async fn who_is_there_is_told() {
    let app = spawn(Clock::real()).await;
    let backend = app.stranger();
    let application = application();
    let mut peers = Vec::new();
    for user in ["ann", "bob", "ann"] {
        let mut peer = Peer::pusher(app.addr(), "key").await;
        join(&mut peer, &application, "presence-room", user).await;
        peers.push(peer);
    }
    peers[0].subscribe("orders", None, None).await;
    let users = get(&backend, "/apps/1/channels/presence-room/users").await.expect(200);
    assert_eq!(users, json!({"users": [{"id": "ann"}, {"id": "bob"}]}));
    let one = get(&backend, "/apps/1/channels/presence-room?info=subscription_count,user_count").await;
    assert_eq!(one.expect(200), json!({"occupied": true, "user_count": 2, "subscription_count": 3}));
    let all = get(&backend, "/apps/1/channels?info=subscription_count").await.expect(200);
    let counts = json!({"orders": {"subscription_count": 1}, "presence-room": {"subscription_count": 3}});
    assert_eq!(all, json!({ "channels": counts }));
    let some = get(&backend, "/apps/1/channels?filter_by_prefix=presence-&info=user_count").await.expect(200);
    assert_eq!(some, json!({"channels": {"presence-room": {"user_count": 2}}}));

    // Another app knows nothing of them, and takes no signature of this one.
    let body = json!({"name": "n", "id": "2", "key": "key2", "secret": "hush"});
    app.host().await.post("/api/apps", body).await.expect(201);
    let other = Application { id: "2".into(), key: "key2".into(), secret: "hush".into(), ..application };
    let path = signed_by(&other, "GET", "/apps/2/channels", None, now());
    assert_eq!(backend.get(&path).await.expect(200), json!({"channels": {}}));
    let stolen = backend.get(&signed("GET", "/apps/2/channels", None, now())).await.expect(401);
    assert_eq!(stolen["error"], "auth_key is not the key of this app");
}

#[tokio::test]
async fn what_is_not_signed_well_changes_nothing() {
    let app = spawn(Clock::real()).await;
    let backend = app.stranger();
    let mut peer = Peer::pusher(app.addr(), "key").await;
    peer.subscribe("orders", None, None).await;
    let body = json!({"name": "n", "data": "{}", "channel": "orders"});
    let other = Application { secret: "guess".into(), ..application() };
    let early = Timestamp::from_millis(now().as_millis() - 700_000);
    let text = body.to_string();
    let good = signed("POST", "/apps/1/events", Some(&text), now());
    for (path, error) in [
        ("/apps/1/events".to_owned(), "The query lacks auth_key"),
        (signed_by(&other, "POST", "/apps/1/events", Some(&text), now()), "auth_signature is wrong"),
        (signed("POST", "/apps/1/events", Some(&text), early), "auth_timestamp is more than 600 seconds"),
        (signed("POST", "/apps/1/events", Some("{}"), now()), "body_md5 is not the MD5 of the body"),
        (signed("GET", "/apps/1/events", Some(&text), now()), "auth_signature is wrong"),
        (format!("{good}&more=1"), "auth_signature is wrong"),
        (good.replace("/events?", "/batch_events?"), "auth_signature is wrong"),
    ] {
        let refused = backend.post(&path, body.clone()).await.expect(401);
        assert!(refused["error"].as_str().is_some_and(|text| text.starts_with(error)), "{refused}");
    }
    // It is not even read: this one is too large.
    let large = json!({"data": "x".repeat(1 << 20)});
    backend.post(&signed_by(&other, "POST", "/apps/1/events", None, now()), large).await.expect(401);
    peer.hears_nothing().await;
    backend.post(&good, body).await.expect(200);
    assert_eq!(peer.hear().await["event"], "n");
}

#[tokio::test]
async fn changes_of_an_app_hold_once_they_are_answered() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let app = spawn(clock.clone()).await;
    let (host, backend) = (app.host().await, app.stranger());
    let body = json!({"name": "n", "id": "2", "key": "key2", "secret": "first", "data_max_bytes": 10});
    host.post("/api/apps", body).await.expect(201);
    let known = |secret: &str| {
        let secret = secret.to_owned();
        Application { id: "2".into(), key: "key2".into(), secret, ..application() }
    };
    let publish = async |application: &Application, data: &str| {
        let body = json!({"name": "n", "data": data, "channel": "a"});
        let path = signed_by(application, "POST", "/apps/2/events", Some(&body.to_string()), clock.now());
        backend.post(&path, body).await.status.as_u16()
    };
    let first = known("first");
    assert_eq!((publish(&first, "0123456789").await, publish(&first, "0123456789a").await), (200, 413));
    host.patch("/api/apps/2", json!({"data_max_bytes": 11})).await.expect(200);
    assert_eq!(publish(&first, "0123456789a").await, 200);

    let rotated = host.post("/api/apps/2/rotate", json!({})).await.expect(200);
    let second = known(rotated["secret"].as_str().expect("a text"));
    assert_eq!((publish(&first, "").await, publish(&second, "").await), (200, 200));
    clock.advance(Duration::from_hours(24));
    let (host, backend) = (app.host().await, app.stranger());
    let publish = async |application: &Application| {
        let body = json!({"name": "n", "data": "", "channel": "a"});
        let path = signed_by(application, "POST", "/apps/2/events", Some(&body.to_string()), clock.now());
        backend.post(&path, body).await.status.as_u16()
    };
    assert_eq!((publish(&first).await, publish(&second).await), (401, 200));
    host.delete("/api/apps/2").await.expect(200);
    assert_eq!(publish(&second).await, 404);
}

#[tokio::test]
async fn a_channel_may_be_read_by_any_spelling_that_was_signed() {
    let app = spawn(Clock::real()).await;
    let backend = app.stranger();
    let signed_path = signed("GET", "/apps/1/channels/presence-a=b,c", None, now());
    let sent = signed_path.replace("presence-a=b,c", "presence-a%3Db%2Cc");
    assert_eq!(backend.get(&sent).await.expect(200), json!({"occupied": false}));
    let head = backend.send(Method::HEAD, &signed("HEAD", "/apps/1/channels/a", None, now()), None).await;
    assert_eq!(head.status, 200);
}
