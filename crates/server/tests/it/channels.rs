//! Channels against the real server, in both wire protocols at once.

use fanfare::{
    config::{Rule, Secret},
    timers::Clock,
};
use fanfare_model::{application::Preset, channel::ChannelPattern, pusher::channel_auth};
use http::header::ORIGIN;
use serde_json::{Value, json};

use crate::{
    story::game_named,
    support::{Engine, Peer, TestApp, backend::application},
};

/// A server whose default app is known, where a user may subscribe to his own channels.
async fn spawn() -> TestApp {
    TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| {
        config.app = Some("night:key:secret".parse::<Preset>().expect("an app"));
        config.jwt_secret = Some(Secret("the secret of the tokens".to_owned()));
        config.channels.messages_per_second = 0;
        for pattern in ["private-user.{id}", "presence-user.{id}"] {
            let pattern = ChannelPattern::parse(pattern).expect("a pattern");
            config.channels.rules.push(Rule::new(pattern).with_claim("group", "{id}"));
        }
    })
    .await
}

/// A token that the servers of these tests believe.
pub(crate) fn token(claims: &Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(b"the secret of the tokens");
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).expect("signed")
}

#[tokio::test]
async fn what_is_published_is_heard_in_both_protocols() {
    let app = spawn().await;
    let mut ts = Peer::broadcasting(app.addr(), None).await;
    let mut pusher = Peer::pusher(app.addr(), "key").await;
    assert_eq!(
        ts.subscribe("orders", None, None).await,
        json!({"event": "subscription_succeeded", "channel": "orders"})
    );
    assert_eq!(
        pusher.subscribe("orders", None, None).await,
        json!({"event": "pusher_internal:subscription_succeeded", "channel": "orders", "data": "{}"})
    );
    let channels = app.channels();
    assert_eq!(channels.subscriptions("orders"), Ok(2));
    let data = json!({"id": 1, "note": "\u{2028}é\""});
    channels.publish("orders", "OrderCreated", &data).await.expect("told");
    assert_eq!(ts.hear().await, json!({"event": "OrderCreated", "channel": "orders", "data": data}));
    assert_eq!(
        pusher.hear().await,
        json!({"event": "OrderCreated", "channel": "orders", "data": data.to_string()})
    );
    for peer in [&ts.id, &pusher.id] {
        channels.publish_except("orders", "x", &json!(1), Some(peer)).await.expect("told");
    }
    assert_eq!(ts.hear().await["data"], json!(1));
    assert_eq!(pusher.hear().await["data"], json!("1"));
    ts.hears_nothing().await;
    pusher.hears_nothing().await;
    ts.say(&json!({"event": "unsubscribe", "channel": "orders"})).await;
    ts.hears_nothing().await;
    assert_eq!(channels.subscriptions("orders"), Ok(1));
    for (channel, event) in [("a b", "x"), ("", "x"), ("orders", ""), ("private-session.1", "x")] {
        channels.publish(channel, event, &json!(1)).await.expect_err("refused");
    }
    pusher.hears_nothing().await;
}

#[tokio::test]
async fn whispers_pass_between_the_protocols_and_presence_is_one() {
    let app = spawn().await;
    let claims = json!({"sub": "ann", "group": 7});
    let mut ann = Peer::broadcasting(app.addr(), Some(&token(&claims))).await;
    let channel = "presence-user.7";
    let answer = ann.subscribe(channel, None, None).await;
    assert_eq!(answer["data"]["presence"]["ids"], json!(["ann"]), "{answer}");

    let mut bob = Peer::pusher(app.addr(), "key").await;
    let data = r#"{"user_id":"bob","user_info":{"name":"Bob"}}"#;
    let auth = channel_auth(&application(), &bob.id, channel, Some(data));
    let answer = bob.subscribe(channel, Some(&auth), Some(data)).await;
    let found: Value = serde_json::from_str(answer["data"].as_str().expect("text")).expect("JSON");
    assert_eq!(found["presence"]["ids"], json!(["ann", "bob"]));
    assert_eq!(
        ann.hear().await,
        json!({"event": "member_added", "channel": channel, "data": {"id": "bob", "info": {"name": "Bob"}}})
    );

    bob.say(&json!({"event": "client-typing", "channel": channel, "data": {"on": true}})).await;
    assert_eq!(ann.hear().await, json!({"event": "client-typing", "channel": channel, "data": {"on": true}}));
    bob.hears_nothing().await;
    ann.say(&json!({"event": "client-typing", "channel": channel, "data": {"on": false}})).await;
    let heard = bob.hear().await;
    assert_eq!((&heard["data"], &heard["user_id"]), (&json!(r#"{"on":false}"#), &json!("ann")));
    let metrics = app.host().await.get("/metrics").await.text;
    assert!(metrics.lines().any(|line| line == "fanfare_channel_client_events_total 2"), "{metrics}");
    assert_eq!(app.channels().members(channel).expect("a name").len(), 2);

    drop(bob);
    assert_eq!(
        ann.hear().await,
        json!({"event": "member_removed", "channel": channel, "data": {"id": "bob", "info": {"name": "Bob"}}})
    );
    assert_eq!(app.channels().members(channel).expect("a name").len(), 1);
}

#[tokio::test]
async fn whoever_is_not_let_in_leaves_no_trace() {
    let app = spawn().await;
    let forged = {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{}.{}.", part(json!({"alg": "none"})), part(json!({"sub": "ann", "group": 7})))
    };
    for token in [None, Some(forged), Some(token(&json!({"sub": "ann", "group": 8})))] {
        let mut eve = Peer::broadcasting(app.addr(), token.as_deref()).await;
        for n in 0..100 {
            let answer = eve.subscribe("private-user.7", None, None).await;
            assert_eq!(answer["data"]["status"], 401, "{n}: {answer}");
            let answer = eve.subscribe("private-session.1", None, None).await;
            assert_eq!(answer["data"]["status"], 401, "{n}: {answer}");
        }
        eve.say(&json!({"event": "client-x", "channel": "private-user.7", "data": 1})).await;
        assert_eq!(eve.hear().await["event"], "error");
    }
    let mut mallory = Peer::pusher(app.addr(), "key").await;
    let auth = channel_auth(&application(), "1.1", "private-user.7", None);
    let answer = mallory.subscribe("private-user.7", Some(&auth), None).await;
    assert_eq!(answer["event"], "pusher:subscription_error", "{answer}");
    assert_eq!(app.channels().statistics().expect("the app").channels, 0);

    let opened = Peer::open(app.addr(), "/ws", &[(ORIGIN, "https://evil.example")]).await;
    assert!(opened.is_err(), "a foreign page");
    let own = format!("http://{}", app.addr());
    Peer::open(app.addr(), "/ws", &[(ORIGIN, &own)]).await.expect("the server's own page");
    for (path, code) in [
        ("/app/nokey?protocol=7", 4001),
        ("/app/key", 4008),
        ("/app/key?protocol=x", 4006),
        ("/app/key?protocol=99", 4007),
    ] {
        let mut peer = Peer::open(app.addr(), path, &[]).await.expect("101");
        let said = peer.hear().await;
        assert_eq!((&said["event"], &said["data"]["code"]), (&json!("pusher:error"), &json!(code)));
        assert_eq!(peer.closed().await.0, code, "{path}");
    }
}

#[tokio::test]
async fn a_game_night_is_heard_on_its_channels() {
    let app = spawn().await;
    let host = app.host().await;
    let mut bot = Peer::broadcasting(app.addr(), Some(host.token())).await;
    assert_eq!(bot.subscribe("private-sessions", None, None).await["event"], "subscription_succeeded");
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let started = bot.hear().await;
    assert_eq!(started["event"], "session.started");
    assert_eq!(started["data"]["seq"], 1);
    assert_eq!(started["data"]["data"]["session"]["id"], session);
    let channel = format!("private-session.{session}");
    assert_eq!(bot.subscribe(&channel, None, None).await["event"], "subscription_succeeded");
    let game = game_named(&host, "Earwax").await["id"].clone();
    host.post(&format!("/api/sessions/{session}/games"), json!({"game_id": game})).await.expect(201);
    let added = bot.hear().await;
    assert_eq!((&added["event"], &added["data"]["seq"]), (&json!("game.added"), &json!(2)));
    assert_eq!(added["channel"], channel);
    bot.say(&json!({"event": "client-x", "channel": channel, "data": 1})).await;
    assert_eq!(bot.hear().await["event"], "error");
}

#[tokio::test]
async fn a_stop_closes_every_socket_in_its_words() {
    let mut app = spawn().await;
    let mut ts = Peer::broadcasting(app.addr(), None).await;
    let mut pusher = Peer::pusher(app.addr(), "key").await;
    let ((), ts, pusher) = tokio::join!(app.stop(), ts.closed(), pusher.closed());
    assert_eq!((ts.0, pusher.0), (1001, 4200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_comes_whole_and_in_order() {
    let app = TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| {
        config.app = Some("night:key:secret".parse::<Preset>().expect("an app"));
    })
    .await;
    let channels = app.channels();
    let mut peers = Vec::new();
    for _ in 0..3 {
        let mut peer = Peer::pusher(app.addr(), "key").await;
        peer.subscribe("orders", None, None).await;
        peers.push(peer);
    }
    for round in 0..3 {
        for n in 0..300 {
            channels.publish("orders", "n", &json!([round, n])).await.expect("told");
        }
        for peer in &mut peers {
            for n in 0..300 {
                assert_eq!(peer.hear().await["data"], json!([round, n]).to_string());
            }
            peer.hears_nothing().await;
        }
    }
}
