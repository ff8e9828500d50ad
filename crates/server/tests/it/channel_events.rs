//! What happens on channels, as the receivers of webhooks hear of it.

use fanfare::timers::Clock;
use fanfare_model::{application::Preset, pusher::channel_auth, signature};
use fanfare_store::testing::Hold;
use serde_json::{Value, json};

use crate::support::{Client, Engine, Peer, Receiver, TestApp, backend::application, eventually};

const CHANNEL: &str = "presence-room";
const BOB: &str = r#"{"user_id":"bob","user_info":{"name":"Bob"}}"#;

async fn spawn(engine: Engine) -> TestApp {
    TestApp::spawn_with(engine, Clock::real(), |config| {
        config.app = Some("night:key:secret".parse::<Preset>().expect("an app"));
    })
    .await
}

/// Registers the receiver for these events, to be sent one after the other.
async fn register(host: &Client, receiver: &Receiver, events: Value, format: &str) {
    let body = json!({"name": "n", "url": receiver.url(), "secret": "mysecret123", "events": events,
        "ordering": "fifo", "format": format});
    host.post("/api/webhooks", body).await.expect(201);
}

/// Somebody who speaks Pusher's protocol and is present.
async fn bob(app: &TestApp) -> Peer {
    let mut bob = Peer::pusher(app.addr(), "key").await;
    let auth = channel_auth(&application(), &bob.id, CHANNEL, Some(BOB));
    let answer = bob.subscribe(CHANNEL, Some(&auth), Some(BOB)).await;
    assert_eq!(answer["event"], "pusher_internal:subscription_succeeded", "{answer}");
    bob
}

/// The next event: its name and its data. Its moment is a number.
async fn next(receiver: &mut Receiver) -> (String, Value) {
    let mut body = receiver.next().await.json();
    assert!(body["timestamp"].as_i64().is_some_and(|at| at > 1_577_836_800_000), "{body}");
    (body["event"].as_str().expect("a name").to_owned(), body["data"].take())
}

#[tokio::test]
async fn each_event_of_a_channel_is_sent() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = spawn(engine).await;
        let host = app.host().await;
        let mut receiver = Receiver::start().await;
        let events = json!([
            "connection",
            "disconnection",
            "subscribe",
            "unsubscribe",
            "broadcast",
            "presence_join",
            "presence_leave",
            "client_event"
        ]);
        register(&host, &receiver, events, "json").await;

        let mut peer = bob(&app).await;
        let socket = peer.id.clone();
        let (name, data) = next(&mut receiver).await;
        assert_eq!(name, "connection");
        let connected_at = &data["connectedAt"];
        assert_eq!(data, json!({"socketId": socket, "connectedAt": connected_at}));
        assert!(connected_at.is_i64(), "{data}");

        let channels = app.channels();
        channels.publish(CHANNEL, "OrderCreated", &json!({"id": 1})).await.expect("told");
        peer.hear().await;
        peer.say(&json!({"event": "client-typing", "channel": CHANNEL, "data": {"on": true}})).await;
        let member = json!({"id": "bob", "info": {"name": "Bob"}});
        let channel_data: Value = serde_json::from_str(BOB).expect("JSON");
        for (name, data) in [
            ("subscribe", json!({"socketId": socket, "channel": CHANNEL, "channelData": channel_data})),
            ("presence_join", json!({"channel": CHANNEL, "member": member})),
            ("broadcast", json!({"channel": CHANNEL, "event": "OrderCreated", "data": {"id": 1}})),
            (
                "client_event",
                json!({"socketId": socket, "channel": CHANNEL, "event": "client-typing", "data": {"on": true},
                    "userId": "bob"}),
            ),
        ] {
            assert_eq!(next(&mut receiver).await, (name.to_owned(), data));
        }

        peer.say(&json!({"event": "pusher:unsubscribe", "data": {"channel": CHANNEL}})).await;
        let unsubscribed = json!({"socketId": socket, "channel": CHANNEL});
        assert_eq!(next(&mut receiver).await, ("unsubscribe".to_owned(), unsubscribed));
        let left = ("presence_leave".to_owned(), json!({"channel": CHANNEL, "member": member}));
        assert_eq!(next(&mut receiver).await, left);
        drop(peer);
        let (name, data) = next(&mut receiver).await;
        assert_eq!((&*name, &data["socketId"]), ("disconnection", &json!(socket)));
        assert!(data["code"].is_u64(), "{data}");

        drop(bob(&app).await);
        let mut names = Vec::new();
        while names.last().is_none_or(|name| name != "disconnection") {
            names.push(next(&mut receiver).await.0);
        }
        let expected = ["connection", "subscribe", "presence_join", "presence_leave", "disconnection"];
        assert_eq!(names, expected, "who disconnects does not unsubscribe");
    }
}

#[tokio::test]
async fn a_receiver_of_pushers_webhooks_can_believe_what_it_is_sent() {
    let app = spawn(Engine::Sqlite).await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    let events = json!(["channel_occupied", "member_added", "client_event", "cache_miss"]);
    register(&host, &receiver, events, "pusher").await;
    let mut peer = bob(&app).await;
    peer.say(&json!({"event": "client-typing", "channel": CHANNEL, "data": {"on": true}})).await;
    peer.say(&json!({"event": "pusher:subscribe", "data": {"channel": "cache-news"}})).await;
    for expected in [
        json!({"name": "channel_occupied", "channel": CHANNEL}),
        json!({"name": "member_added", "channel": CHANNEL, "user_id": "bob"}),
        json!({"name": "client_event", "channel": CHANNEL, "event": "client-typing", "data": "{\"on\":true}",
            "socket_id": peer.id, "user_id": "bob"}),
        json!({"name": "channel_occupied", "channel": "cache-news"}),
        json!({"name": "cache_miss", "channel": "cache-news"}),
    ] {
        let request = receiver.next().await;
        let body = request.json();
        assert_eq!(body["events"], json!([expected]));
        assert!(body["time_ms"].is_i64(), "{body}");
        assert_eq!(request.header("x-pusher-key"), "key");
        let signature = signature::pusher_header("secret", &request.body);
        assert_eq!(request.header("x-pusher-signature"), signature);
        assert_eq!(request.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn what_happens_is_sent_before_the_server_ends() {
    let mut app = spawn(Engine::Sqlite).await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    register(&host, &receiver, json!(["member_removed", "disconnection"]), "json").await;
    let peer = bob(&app).await;
    app.restart().await;
    drop(peer);
    let mut names = vec![next(&mut receiver).await.0, next(&mut receiver).await.0];
    names.sort_unstable();
    assert_eq!(names, ["disconnection", "member_removed"]);
}

#[tokio::test]
async fn how_far_the_database_is_behind_stands_in_the_figures() {
    let app = spawn(Engine::Sqlite).await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    register(&host, &receiver, json!(["broadcast"]), "json").await;
    let (host, waiting) = (&host, "fanfare_channel_occurrences_waiting");
    let figure = async |name: &str| -> f64 {
        let text = host.get("/metrics").await.text;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name} in {text}")).parse().expect("a number")
    };
    let hold = Hold::writing(&app.config().data.join("fanfare.db"));
    for n in 0..3 {
        app.channels().publish("news", "n", &json!(n)).await.expect("told");
    }
    assert!((figure(waiting).await - 3.0).abs() < f64::EPSILON);
    assert!((figure("fanfare_channel_occurrences_max").await - 2_304.0).abs() < f64::EPSILON);
    eventually("one that has waited", async || {
        (figure("fanfare_channel_occurrences_oldest_seconds").await > 0.0).then_some(())
    })
    .await;
    drop(hold);
    for n in 0..3 {
        assert_eq!(next(&mut receiver).await.1["data"], n);
    }
    for name in [waiting, "fanfare_channel_occurrences_oldest_seconds"] {
        eventually(name, async || (figure(name).await == 0.0).then_some(())).await;
    }
}
