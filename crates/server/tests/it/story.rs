//! A game night from end to end: the host, a bot on the socket, a receiver behind a webhook, and a
//! stranger who has no token.

use serde_json::{Value, json};

use crate::support::{Client, Engine, Receiver, TestApp, eventually};

#[tokio::test]
async fn a_game_night_on_sqlite() {
    game_night(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_game_night_on_postgres() {
    game_night(Engine::Postgres).await;
}

async fn game_night(engine: Engine) {
    let app = TestApp::spawn_on(engine).await;
    let (host, stranger) = (app.host().await, app.stranger());
    let mut bot = app.bot().await;
    let mut receiver = Receiver::start().await;
    let webhook = receiver.register(&host, &["game.added", "session.*"]).await;

    let session = host.post("/api/sessions", json!({"notes": "Friday 🎉"})).await.expect(201);
    let id = session["id"].clone();
    let created_at = session["created_at"].clone();
    assert_eq!(
        session,
        json!({"id": id, "notes": "Friday 🎉", "is_active": 1, "created_at": created_at, "closed_at": null, "games_played": 0})
    );
    let started = bot.hear().await;
    let started_data =
        json!({"session": {"id": id, "is_active": 1, "created_at": created_at, "notes": "Friday 🎉"}});
    assert_eq!(
        (&started["type"], &started["data"], &started["seq"]),
        (&json!("session.started"), &started_data, &json!(1))
    );
    assert_eq!(receiver.next().await.json()["event"], "session.started");

    bot.subscribe(&id).await;
    let quiplash = game_named(&stranger, "Quiplash 3").await;
    let row =
        host.post(&format!("/api/sessions/{id}/games"), json!({"game_id": quiplash["id"]})).await.expect(201);
    let text = bot.hear_text().await;
    let added: Value = serde_json::from_str(&text).expect("JSON");
    let expected = json!({
        "session": {"id": id, "is_active": true, "games_played": 1},
        "game": {"id": quiplash["id"], "title": "Quiplash 3", "pack_name": "The Jackbox Party Pack 7",
                 "min_players": 3, "max_players": 8, "manually_added": false},
    });
    assert_eq!((&added["type"], &added["data"], &added["seq"]), (&json!("game.added"), &expected, &json!(2)));
    let delivered = receiver.next().await;
    let envelope = json!({"event": "game.added", "timestamp": added["timestamp"], "data": expected});
    assert_eq!(delivered.json(), envelope);
    assert_eq!(delivered.header("webhook-id"), added["id"]);
    assert_eq!(delivered.header("x-webhook-event"), "game.added");

    the_session_goes_on(&host, &mut bot, &id, &row).await;
    let mut last =
        [receiver.next().await.json(), receiver.next().await.json()].map(|body| body["event"].clone());
    last.sort_by_key(ToString::to_string);
    assert_eq!(last, ["game.added", "session.ended"]);
    let logs = logs_of(&host, webhook, 4).await;
    let log = logs.iter().find(|log| log["payload"] == expected).expect("the first game's");
    let shown = json!({"id": log["id"], "webhook_id": webhook, "delivery_id": log["delivery_id"], "event_id": added["id"], "event_type": "game.added", "payload": expected, "attempt": 1, "duration_ms": log["duration_ms"], "response_status": 200, "error_message": null, "error_kind": null, "response_head": "", "next_retry_at": null, "created_at": log["created_at"]});
    assert_eq!(*log, shown);
    assert!(logs.is_sorted_by_key(|log| std::cmp::Reverse(log["id"].as_i64())), "newest first");

    stranger.post("/api/sessions", json!({})).await.expect(401);
    assert_eq!(stranger.get(&format!("/api/sessions/{id}")).await.expect(200)["is_active"], 0);
    assert_eq!(game_named(&stranger, "Quiplash 3").await["play_count"], 1);
}

/// A second game, a status, a count, the end: each heard by the bot as the API shows it.
async fn the_session_goes_on(host: &Client, bot: &mut crate::support::Bot, id: &Value, first: &Value) {
    let games = format!("/api/sessions/{id}/games");
    let drawful = game_named(host, "Drawful 2").await;
    let body = json!({"game_id": drawful["id"], "manually_added": true, "room_code": "abcd"});
    let second = host.post(&games, body).await.expect(201);
    assert_eq!(
        (&second["manually_added"], &second["status"], &second["room_code"]),
        (&json!(1), &json!("playing"), &json!("ABCD"))
    );
    let added = bot.hear().await;
    assert_eq!(added["data"]["game"]["room_code"], "ABCD");
    assert_eq!(added["data"]["game"]["manually_added"], true);
    let rows = host.get(&games).await.expect(200);
    assert_eq!((&rows[0]["status"], &rows[1]["status"]), (&json!("played"), &json!("playing")));

    let path = format!("{games}/{}", first["id"]);
    let skipped = host.patch(&format!("{path}/status"), json!({"status": "skipped"})).await.expect(200);
    let heard = bot.hear().await;
    assert_eq!((&heard["type"], &heard["data"]), (&json!("game.status"), &skipped));
    assert_eq!(skipped["status"], "skipped");

    let counted = host.patch(&format!("{path}/player-count"), json!({"player_count": 5})).await.expect(200);
    assert_eq!(
        (&counted["player_count"], &counted["player_count_check_status"]),
        (&json!(5), &json!("manual"))
    );
    let heard = bot.hear().await;
    let expected = json!({"sessionId": id, "gameId": first["id"], "game_id": first["game_id"], "playerCount": 5, "status": "manual"});
    assert_eq!((&heard["type"], &heard["data"]), (&json!("player-count.updated"), &expected));
    host.patch(&format!("{path}/player-count"), json!({"player_count": null})).await.expect(200);
    let heard = bot.hear().await;
    assert_eq!((&heard["data"]["playerCount"], &heard["data"]["status"]), (&Value::Null, &json!("idle")));

    let closed =
        host.post(&format!("/api/sessions/{id}/close"), json!({"notes": "Good night"})).await.expect(200);
    assert_eq!(
        (&closed["is_active"], &closed["notes"], &closed["games_played"]),
        (&json!(0), &json!("Good night"), &json!(2))
    );
    assert!(closed["closed_at"].is_string());
    let ended = bot.hear().await;
    assert_eq!(ended["data"], json!({"session": {"id": id, "is_active": 0, "games_played": 2}}));
    assert_eq!((&ended["type"], &ended["seq"]), (&json!("session.ended"), &json!(7)));
    let rows = host.get(&games).await.expect(200);
    assert_eq!((&rows[0]["status"], &rows[1]["status"]), (&json!("skipped"), &json!("played")));
    bot.hears_nothing().await;
}

#[tokio::test]
async fn two_simultaneous_starts_make_one_session_on_sqlite() {
    two_simultaneous_starts(Engine::Sqlite).await;
}

#[tokio::test]
async fn two_simultaneous_starts_make_one_session_on_postgres() {
    two_simultaneous_starts(Engine::Postgres).await;
}

async fn two_simultaneous_starts(engine: Engine) {
    let app = TestApp::spawn_on(engine).await;
    let host = app.host().await;
    for _ in 0..5 {
        let (a, b) =
            tokio::join!(host.post("/api/sessions", json!({})), host.post("/api/sessions", json!({})));
        let (winner, loser) = if a.status == 201 { (a, b) } else { (b, a) };
        let id = winner.expect(201)["id"].clone();
        let expected = json!({
            "error": "An active session already exists. Please close it before creating a new one.",
            "activeSessionId": id,
        });
        assert_eq!(loser.expect(400), expected);
        host.post(&format!("/api/sessions/{id}/close"), json!({})).await.expect(200);
    }
    assert_eq!(host.get("/api/sessions").await.expect(200).as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn an_empty_library_gets_the_63_games_once() {
    let mut app = TestApp::spawn().await;
    for _ in 0..2 {
        let games = app.stranger().get("/api/games").await.expect(200);
        let games = games.as_array().expect("an array");
        assert_eq!(games.len(), 63);
        let order: Vec<_> =
            games.iter().map(|game| (game["pack_name"].as_str(), game["title"].as_str())).collect();
        assert!(order.is_sorted(), "by pack, then title");
        app.restart().await;
    }
    let drawing = app.stranger().get("/api/games?drawing=only&playerCount=9&enabled=true").await.expect(200);
    let titles: Vec<_> =
        drawing.as_array().expect("an array").iter().map(|game| game["title"].clone()).collect();
    assert_eq!(titles, ["Drawful: Animate"]);
}

/// A game of the library by its title.
pub(crate) async fn game_named(client: &Client, title: &str) -> Value {
    let games = client.get("/api/games").await.expect(200);
    let mut games = games.as_array().expect("an array").iter();
    games.find(|game| game["title"] == title).unwrap_or_else(|| panic!("no {title}")).clone()
}

/// The webhook's log once it has so many rows.
pub(crate) async fn logs_of(host: &Client, webhook: i64, rows: usize) -> Vec<Value> {
    eventually("the log", || async {
        let logs = host.get(&format!("/api/webhooks/{webhook}/logs")).await.expect(200);
        let logs = logs.as_array().expect("an array").clone();
        (logs.len() >= rows).then_some(logs)
    })
    .await
}
