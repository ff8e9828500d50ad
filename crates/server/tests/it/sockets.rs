//! The game socket against the real server.

use std::time::Duration;

use fanfare::timers::Clock;
use fanfare_model::Timestamp;
use serde_json::{Value, json};
use tokio_websockets::{CloseCode, Message};

use crate::{
    story::game_named,
    support::{Bot, Client, Engine, TestApp, eventually},
};

/// A session with so many events beyond `session.started`.
pub(crate) async fn session_with_events(host: &Client, events: usize) -> Value {
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    if events > 0 {
        let game = game_named(host, "Earwax").await["id"].clone();
        let row =
            host.post(&format!("/api/sessions/{session}/games"), json!({"game_id": game})).await.expect(201);
        more_events(host, &session, &row["id"], events - 1).await;
    }
    session
}

pub(crate) async fn more_events(host: &Client, session: &Value, row: &Value, events: usize) {
    let games = host.get(&format!("/api/sessions/{session}/games")).await.expect(200);
    let games = games.as_array().expect("a list");
    // What is set already would be no event.
    let last = games.iter().find(|game| game["id"] == *row).and_then(|game| game["player_count"].as_u64());
    let path = format!("/api/sessions/{session}/games/{row}/player-count");
    for count in (last.map_or(0, |last| last + 1)..).take(events) {
        host.patch(&path, json!({"player_count": count})).await.expect(200);
    }
}

#[tokio::test]
async fn before_it_signs_in_a_bot_hears_pongs_and_errors() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut bot = Bot::connect(app.addr()).await;
    let not_authenticated = json!({"type": "error", "message": "Not authenticated"});
    let refused = json!({"type": "auth_error", "message": "Invalid or expired token"});
    for (said, heard) in [
        (json!({"type": "ping"}), json!({"type": "pong"})),
        (json!({"type": "subscribe", "sessionId": 1}), not_authenticated.clone()),
        (json!({"type": "unsubscribe", "sessionId": 1}), not_authenticated),
        (json!({"type": "auth"}), json!({"type": "auth_error", "message": "Token required"})),
        (json!({"type": "auth", "token": ""}), json!({"type": "auth_error", "message": "Token required"})),
        (json!({"type": "auth", "token": "x.y.z"}), refused.clone()),
        (json!({"type": "auth", "token": 5}), refused.clone()),
    ] {
        bot.say(&said).await;
        assert_eq!(bot.hear().await, heard, "{said}");
    }
    host.post("/api/sessions", json!({})).await.expect(201);
    bot.hears_nothing().await;
    bot.sign_in(host.token()).await;
    bot.say(&json!({"type": "auth", "token": "x.y.z"})).await;
    assert_eq!(bot.hear().await, refused);
    bot.subscribe(&json!(1)).await;
}

#[tokio::test]
async fn nonsense_gets_an_error_and_the_connection_lives() {
    let app = TestApp::spawn().await;
    let mut bot = app.bot().await;
    for text in ["", "{", "[]", "5", "{}", r#"{"type":5}"#, r#"{"type":"dance"}"#, "\u{feff}{}"] {
        bot.say_frame(Message::text(text.to_owned())).await;
        assert_eq!(bot.hear().await["type"], "error", "{text}");
    }
    bot.say_frame(Message::binary(vec![0, 1, 2])).await;
    assert_eq!(bot.hear().await["type"], "error");
    for (session, text) in [
        (json!("1"), "sessionId must be an integer"),
        (json!(1.5), "sessionId must be an integer"),
        (json!(null), "sessionId must be an integer"),
        (json!(99), "Session not found"),
        (json!(-1), "Session not found"),
    ] {
        bot.say(&json!({"type": "subscribe", "sessionId": session})).await;
        assert_eq!(bot.hear().await, json!({"type": "error", "message": text}), "{session}");
    }
    bot.say(&json!({"type": "unsubscribe", "sessionId": 7})).await;
    let unsubscribed =
        json!({"type": "unsubscribed", "sessionId": 7, "message": "Unsubscribed from session 7"});
    assert_eq!(bot.hear().await, unsubscribed);
    bot.say_frame(Message::text("x".repeat(65_537))).await;
    assert_eq!(bot.close_code().await, CloseCode::MESSAGE_TOO_BIG);
}

#[tokio::test]
async fn subscribers_hear_their_session_once_and_others_do_not() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let session = session_with_events(&host, 1).await;
    let (mut subscriber, mut other) = (app.bot().await, app.bot().await);
    subscriber.subscribe(&session).await;
    subscriber.subscribe(&session).await;
    more_events(&host, &session, &json!(1), 1).await;
    assert_eq!(subscriber.hear().await["seq"], 3);
    subscriber.hears_nothing().await;
    other.hears_nothing().await;
    subscriber.say(&json!({"type": "unsubscribe", "sessionId": session})).await;
    assert_eq!(subscriber.hear().await["type"], "unsubscribed");
    more_events(&host, &session, &json!(1), 1).await;
    subscriber.hears_nothing().await;
}

#[tokio::test]
async fn a_bot_resumes_across_a_restart_without_a_gap_or_a_duplicate() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let session = session_with_events(&host, 3).await;
        let mut bot = app.bot().await;
        bot.say(&json!({"type": "subscribe", "sessionId": session, "after": 0})).await;
        assert_eq!(bot.hear().await["type"], "subscribed");
        let mut heard = Vec::new();
        for _ in 0..4 {
            heard.push(bot.hear().await);
        }
        let ((), code) = tokio::join!(app.restart(), bot.close_code());
        assert_eq!(code, CloseCode::GOING_AWAY);
        let host = app.host().await;
        more_events(&host, &session, &json!(1), 2).await;
        let mut bot = app.bot().await;
        bot.say(
            &json!({"type": "subscribe", "sessionId": session, "after": heard.last().expect("some")["seq"]}),
        )
        .await;
        assert_eq!(bot.hear().await["type"], "subscribed");
        more_events(&host, &session, &json!(1), 2).await;
        for _ in 0..4 {
            heard.push(bot.hear().await);
        }
        let seqs: Vec<_> = heard.iter().map(|event| event["seq"].as_i64().expect("a seq")).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7, 8], "{engine:?}");
        let ids: std::collections::HashSet<_> = heard.iter().map(|event| event["id"].to_string()).collect();
        assert_eq!(ids.len(), 8);
        bot.hears_nothing().await;
    }
}

#[tokio::test]
async fn a_position_that_cannot_be_resumed_from_is_said_so() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let session = session_with_events(&host, 1).await;
    let mut bot = app.bot().await;
    bot.say(&json!({"type": "subscribe", "sessionId": session, "after": 3})).await;
    assert_eq!(bot.hear().await["type"], "subscribed");
    let resync = bot.hear().await;
    assert_eq!(
        (&resync["type"], &resync["sessionId"], &resync["seq"]),
        (&json!("resync"), &session, &json!(2))
    );
    more_events(&host, &session, &json!(1), 1).await;
    assert_eq!(bot.hear().await["seq"], 3);
    bot.say(&json!({"type": "subscribe", "sessionId": session, "after": -1})).await;
    assert_eq!(bot.hear().await["type"], "error");
}

#[tokio::test]
async fn a_bot_that_joins_while_events_flow_hears_each_once_in_order() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let session = session_with_events(&host, 1).await;
        let path = format!("/api/sessions/{session}/games/1/player-count");
        let load = futures_util::future::join_all((1..=8).map(|one| {
            let (host, path) = (&host, &path);
            async move {
                for count in 0..100 {
                    host.patch(path, json!({"player_count": one * 100 + count})).await.expect(200);
                }
            }
        }));
        let listen = async {
            let mut bot = app.bot().await;
            bot.say(&json!({"type": "subscribe", "sessionId": session, "after": 0})).await;
            assert_eq!(bot.hear().await["type"], "subscribed");
            for seq in 1..=802 {
                assert_eq!(bot.hear().await["seq"], seq, "{engine:?}");
            }
            bot.hears_nothing().await;
        };
        tokio::join!(load, listen);
    }
}

#[tokio::test]
async fn silent_sockets_are_closed_in_their_time() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let app = TestApp::spawn_with(Engine::Sqlite, clock.clone(), |_| {}).await;
    let mut mute = Bot::connect(app.addr()).await;
    let mut idle = app.bot().await;
    let host = app.host().await;
    eventually("both sockets", || async {
        host.get("/metrics").await.text.contains("fanfare_sockets 2").then_some(())
    })
    .await;
    idle.hears_nothing().await;
    mute.hears_nothing().await;
    clock.advance(Duration::from_secs(30));
    assert_eq!(mute.close_code().await, CloseCode::POLICY_VIOLATION);
    idle.hears_nothing().await;
    clock.advance(Duration::from_millis(59_999));
    idle.say_frame(Message::ping(b"alive".as_slice())).await;
    idle.hears_nothing().await;
    clock.advance(Duration::from_mins(1));
    assert_eq!(idle.close_code().await, CloseCode::POLICY_VIOLATION);
}

#[tokio::test]
async fn an_upgrade_that_is_none_is_told_so() {
    let app = TestApp::spawn().await;
    let reply = app.stranger().get("/api/sessions/live").await;
    assert!(matches!(reply.status.as_u16(), 400 | 426), "{}", reply.status);
    assert!(reply.json()["error"].is_string());
}
