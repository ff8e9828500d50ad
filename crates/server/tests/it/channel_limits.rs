//! The limits of channels, each met on a real server in both wire protocols: what is said at it, in the
//! words of the protocol, and that the socket goes on where it may.

use fanfare::{
    config::{Config, Rule, Secret},
    timers::Clock,
};
use fanfare_model::{
    Timestamp,
    application::Preset,
    channel::ChannelPattern,
    limits::{MAILBOX_MAX_BYTES, SOCKET_FRAME_MAX_BYTES},
    pusher::channel_auth,
};
use serde_json::{Value, json};
use tokio_websockets::Message;

use crate::{
    channels::token,
    support::{Engine, Peer, TestApp, backend::application},
};

/// What the manual clock of these tests says; nothing is let off because the test takes long.
const NOW_MS: i64 = 1_750_000_000_000;
const PRESENCE: &str = "presence-user.7";

async fn spawn(configure: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::spawn_with(Engine::Sqlite, Clock::manual(Timestamp::from_millis(NOW_MS)), |config| {
        config.app = Some("night:key:secret".parse::<Preset>().expect("an app"));
        config.jwt_secret = Some(Secret("the secret of the tokens".to_owned()));
        let pattern = ChannelPattern::parse("presence-user.{id}").expect("a pattern");
        config.channels.rules.push(Rule::new(pattern).with_claim("group", "{id}"));
        configure(config);
    })
    .await
}

async fn broadcasting(app: &TestApp, user: &str) -> Peer {
    Peer::broadcasting(app.addr(), Some(&token(&json!({"sub": user, "group": 7})))).await
}

/// The next message; data that is JSON in a string stands as that JSON.
async fn hear(peer: &mut Peer) -> Value {
    readable(peer.hear().await)
}

fn readable(mut message: Value) -> Value {
    let inner = message["data"].as_str().and_then(|data| serde_json::from_str(data).ok());
    if let Some(inner) = inner {
        message["data"] = inner;
    }
    message
}

/// Joins the presence channel as this user; the answer.
async fn present(peer: &mut Peer, user: &str) -> Value {
    let data = json!({ "user_id": user }).to_string();
    let auth = channel_auth(&application(), &peer.id, PRESENCE, Some(&data));
    readable(peer.subscribe(PRESENCE, Some(&auth), Some(&data)).await)
}

/// An error of ts-broadcasting's protocol.
fn error(kind: &str, why: &str) -> Value {
    json!({"event": "error", "data": {"type": kind, "error": why}})
}

/// One of Pusher's.
fn pusher_error(code: Option<u16>, why: &str) -> Value {
    json!({"event": "pusher:error", "data": {"code": code, "message": why}})
}

/// A subscription that is refused.
fn refused(event: &str, channel: &str, kind: &str, why: &str, status: u16) -> Value {
    json!({"event": event, "channel": channel, "data": {"type": kind, "error": why, "status": status}})
}

#[tokio::test]
async fn an_app_has_so_many_connections() {
    let app = spawn(|_| ()).await;
    let host = app.host().await;
    host.patch("/api/apps/night", json!({"connections_max": 1})).await.expect(200);
    let first = Peer::broadcasting(app.addr(), None).await;

    let mut ts = Peer::open(app.addr(), "/ws", &[]).await.expect("101");
    assert_eq!(ts.hear().await, error("CapacityError", "Too many connections"));
    assert_eq!(ts.closed().await, (1013, "too many connections: reconnect later".to_owned()));

    let why = "The app has as many connections as it may have";
    let mut pusher = Peer::open(app.addr(), "/app/key?protocol=7", &[]).await.expect("101");
    assert_eq!(pusher.hear().await, pusher_error(Some(4004), why));
    assert_eq!(pusher.closed().await, (4004, why.to_owned()));
    drop(first);
}

#[tokio::test]
async fn a_connection_has_so_many_channels() {
    let app = spawn(|config| config.channels.channels_max_per_connection = 1).await;
    let why = "At most 1 channels a connection";
    for (mut peer, event) in [
        (Peer::broadcasting(app.addr(), None).await, "subscription_error"),
        (Peer::pusher(app.addr(), "key").await, "pusher:subscription_error"),
    ] {
        peer.subscribe("a", None, None).await;
        let answer = readable(peer.subscribe("b", None, None).await);
        assert_eq!(answer, refused(event, "b", "CapacityError", why, 429));
        let again = peer.subscribe("a", None, None).await;
        assert!(again["event"].as_str().is_some_and(|event| event.ends_with("succeeded")), "{again}");
    }
}

#[tokio::test]
async fn a_presence_channel_has_so_many_members() {
    let app = spawn(|config| config.channels.members_max = 1).await;
    let mut ann = broadcasting(&app, "ann").await;
    let joined = ann.subscribe(PRESENCE, None, None).await;
    assert_eq!(joined["data"]["presence"]["ids"], json!(["ann"]), "{joined}");

    let why = "At most 1 members can be present on a channel";
    let mut bob = broadcasting(&app, "bob").await;
    let answer = bob.subscribe(PRESENCE, None, None).await;
    assert_eq!(answer, refused("subscription_error", PRESENCE, "CapacityError", why, 429));
    let mut bob = Peer::pusher(app.addr(), "key").await;
    let answer = present(&mut bob, "bob").await;
    assert_eq!(answer, refused("pusher:subscription_error", PRESENCE, "CapacityError", why, 429));

    // Another connection of a member is no member more.
    let mut again = Peer::pusher(app.addr(), "key").await;
    assert_eq!(present(&mut again, "ann").await["data"]["presence"]["ids"], json!(["ann"]));
    ann.hears_nothing().await;
}

#[tokio::test]
async fn a_message_has_so_many_bytes() {
    let app = spawn(|_| ()).await;
    let why = ("Invalid JSON", "Message is too large", "Messages must be text");
    for (mut peer, no_json, too_large, no_text) in [
        (
            Peer::broadcasting(app.addr(), None).await,
            error("ValidationError", why.0),
            error("PayloadTooLarge", why.1),
            error("NotSupported", why.2),
        ),
        (
            Peer::pusher(app.addr(), "key").await,
            pusher_error(None, why.0),
            pusher_error(Some(4301), why.1),
            pusher_error(None, why.2),
        ),
    ] {
        for (message, answer) in [
            (Message::text("x".repeat(SOCKET_FRAME_MAX_BYTES)), &no_json),
            (Message::text("x".repeat(SOCKET_FRAME_MAX_BYTES + 1)), &too_large),
            (Message::binary(vec![0; 10]), &no_text),
            (Message::binary(vec![0; SOCKET_FRAME_MAX_BYTES + 1]), &too_large),
        ] {
            peer.say_frame(message).await;
            assert_eq!(hear(&mut peer).await, *answer);
        }
        peer.hears_nothing().await;
        peer.say_frame(Message::text("x".repeat(200 << 10))).await;
        assert_eq!(peer.closed().await.0, 1009);
    }
}

#[tokio::test]
async fn names_have_so_many_characters() {
    let app = spawn(|_| ()).await;
    let (channel, longer) = ("x".repeat(200), "x".repeat(201));
    let event = |characters: usize| format!("client-{}", "é".repeat(characters - 7));
    let (no_channel, no_event) = (
        "Channel names have 1 to 200 characters",
        "Event names have at most 200 characters, and no control characters",
    );

    let mut ts = broadcasting(&app, "ann").await;
    assert_eq!(ts.subscribe(&channel, None, None).await["event"], "subscription_succeeded");
    assert_eq!(ts.subscribe(&longer, None, None).await, error("ValidationError", no_channel));
    ts.subscribe(PRESENCE, None, None).await;
    ts.say(&json!({"event": event(201), "channel": PRESENCE})).await;
    assert_eq!(hear(&mut ts).await, error("ValidationError", no_event));

    let mut pusher = Peer::pusher(app.addr(), "key").await;
    let answer = pusher.subscribe(&channel, None, None).await;
    assert_eq!(answer["event"], "pusher_internal:subscription_succeeded");
    let answer = readable(pusher.subscribe(&longer, None, None).await);
    let expected = refused("pusher:subscription_error", &longer, "ValidationError", no_channel, 400);
    assert_eq!(answer, expected);
    present(&mut pusher, "bob").await;
    assert_eq!(hear(&mut ts).await["event"], "member_added");
    pusher.say(&json!({"event": event(201), "channel": PRESENCE})).await;
    assert_eq!(hear(&mut pusher).await, pusher_error(None, no_event));

    pusher.say(&json!({"event": event(200), "channel": PRESENCE})).await;
    assert_eq!(hear(&mut ts).await["event"], event(200));
}

#[tokio::test]
async fn a_connection_says_so_much_a_second() {
    let app = spawn(|config| {
        config.channels.messages_per_second = 4;
        config.channels.client_events_per_second = 1;
    })
    .await;
    let whisper = json!({"event": "client-x", "channel": PRESENCE, "data": 1});
    let mut ts = broadcasting(&app, "ann").await;
    let mut pusher = Peer::pusher(app.addr(), "key").await;
    ts.subscribe(PRESENCE, None, None).await;
    present(&mut pusher, "bob").await;
    hear(&mut ts).await;
    let why = "Too many messages";
    let limited = |at_ms: i64| json!({"event": "error", "data": {"type": "RateLimitExceeded", "error": why, "retryAfter": at_ms}});
    for _ in 0..2 {
        ts.say(&whisper).await;
        pusher.say(&whisper).await;
    }
    // Each hears the other's first one, and of his own second one that it was one too many.
    for (peer, answer) in [(&mut ts, limited(NOW_MS + 1_001)), (&mut pusher, pusher_error(Some(4301), why))] {
        let mut heard = [hear(peer).await, hear(peer).await];
        heard.sort_by_key(|message| message["event"] == "client-x");
        assert_eq!((&heard[0], &heard[1]["data"]), (&answer, &json!(1)));
    }
    // The fourth is the last one.
    ts.hears_nothing().await;
    pusher.hears_nothing().await;
    ts.say(&json!({"event": "ping"})).await;
    assert_eq!(hear(&mut ts).await, limited(NOW_MS + 251));
    pusher.say(&json!({"event": "pusher:ping"})).await;
    assert_eq!(hear(&mut pusher).await, pusher_error(Some(4301), why));
}

#[tokio::test]
async fn so_much_waits_for_a_reader() {
    let app = spawn(|_| ()).await;
    let channels = app.channels();
    let filling = json!("x".repeat(MAILBOX_MAX_BYTES / 64));
    for (mut peer, code, reason) in [
        (Peer::broadcasting(app.addr(), None).await, 1013, "reading too slowly: reconnect and resume"),
        (Peer::pusher(app.addr(), "key").await, 4100, "Over capacity: reconnect a little later"),
    ] {
        peer.subscribe("orders", None, None).await;
        let mut published = 0;
        // The buffers of the operating system take some megabytes, then the mailbox one.
        while channels.subscriptions("orders") == Ok(1) {
            assert!(published < 100_000, "it is never given up");
            published += 1;
            channels.publish("orders", "n", &filling).await.expect("told");
            // The socket's task has to find out that its mailbox is lost.
            tokio::task::yield_now().await;
        }
        assert!(published > 63, "{published}");
        assert_eq!(peer.closed().await, (code, reason.to_owned()));
    }
}
