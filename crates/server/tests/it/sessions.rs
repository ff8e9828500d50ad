//! What is changed, taken back and taken home of sessions, as bots and receivers hear of it.

use fanfare_model::{Timestamp, limits::SESSION_GAMES_MAX, session::NewSessionGame};
use fanfare_store::session_games;
use serde_json::{Value, json};

use crate::{
    story::game_named,
    support::{Client, Engine, Receiver, TestApp},
};

async fn start(host: &Client) -> Value {
    host.post("/api/sessions", json!({"notes": "Friday\nwith friends"})).await.expect(201)["id"].clone()
}

async fn add(host: &Client, session: &Value, title: &str) -> Value {
    let game = game_named(host, title).await;
    host.post(&format!("/api/sessions/{session}/games"), json!({"game_id": game["id"]})).await.expect(201)
}

#[tokio::test]
async fn what_changes_nothing_is_not_told_on_sqlite() {
    what_changes_nothing_is_not_told(Engine::Sqlite).await;
}

#[tokio::test]
async fn what_changes_nothing_is_not_told_on_postgres() {
    what_changes_nothing_is_not_told(Engine::Postgres).await;
}

async fn what_changes_nothing_is_not_told(engine: Engine) {
    let app = TestApp::spawn_on(engine).await;
    let (host, mut bot) = (app.host().await, app.bot().await);
    let session = start(&host).await;
    assert_eq!(bot.hear().await["type"], "session.started");
    bot.subscribe(&session).await;
    let row = add(&host, &session, "Quiplash 3").await;
    assert_eq!(bot.hear().await["type"], "game.added");
    let path = format!("/api/sessions/{session}/games/{}", row["id"]);
    for (part, body, told) in [
        ("status", json!({"status": "playing"}), None),
        ("status", json!({"status": "skipped"}), Some("game.status")),
        ("room-code", json!({"room_code": null}), None),
        ("room-code", json!({"room_code": "abcd"}), Some("room.updated")),
        ("room-code", json!({"room_code": "ABCD"}), None),
        ("player-count", json!({"player_count": null}), None),
        ("player-count", json!({"player_count": 5}), Some("player-count.updated")),
    ] {
        let changed = host.patch(&format!("{path}/{part}"), body.clone()).await.expect(200);
        if let Some(kind) = told {
            assert_eq!(bot.hear().await["type"], kind, "{body}");
        }
        let again = host.patch(&format!("{path}/{part}"), body).await.expect(200);
        assert_eq!(again, changed);
        bot.hears_nothing().await;
    }
}

#[tokio::test]
async fn rooms_and_removals_are_told_on_sqlite() {
    rooms_and_removals_are_told(Engine::Sqlite).await;
}

#[tokio::test]
async fn rooms_and_removals_are_told_on_postgres() {
    rooms_and_removals_are_told(Engine::Postgres).await;
}

async fn rooms_and_removals_are_told(engine: Engine) {
    let app = TestApp::spawn_on(engine).await;
    let (host, mut bot, mut receiver) = (app.host().await, app.bot().await, Receiver::start().await);
    receiver.register(&host, &["room.updated", "game.removed"]).await;
    let session = start(&host).await;
    assert_eq!(bot.hear().await["type"], "session.started");
    bot.subscribe(&session).await;
    let row = add(&host, &session, "Quiplash 3").await;
    assert_eq!(bot.hear().await["type"], "game.added");
    let path = format!("/api/sessions/{session}/games/{}", row["id"]);

    for (given, kept) in [(json!("abCd"), json!("ABCD")), (json!(null), json!(null))] {
        let changed = host.patch(&format!("{path}/room-code"), json!({"room_code": given})).await.expect(200);
        assert_eq!(changed["room_code"], kept);
        let heard = bot.hear().await;
        assert_eq!((&heard["type"], &heard["data"]), (&json!("room.updated"), &changed));
        let delivered = receiver.next().await.json();
        assert_eq!((&delivered["event"], &delivered["data"]["id"]), (&json!("room.updated"), &row["id"]));
    }

    let row = host.get(&format!("/api/sessions/{session}/games")).await.expect(200)[0].clone();
    let removed = host.delete(&path).await.expect(200);
    let message = "Game removed from session successfully";
    assert_eq!(removed, json!({"message": message, "sessionGameId": row["id"]}));
    let heard = bot.hear().await;
    assert_eq!((&heard["type"], &heard["data"]), (&json!("game.removed"), &row));
    assert_eq!(receiver.next().await.json()["data"], row);
    assert_eq!(host.get(&format!("/api/sessions/{session}/games")).await.expect(200), json!([]));
    assert_eq!(host.get(&format!("/api/sessions/{session}")).await.expect(200)["games_played"], 0);
    assert_eq!(game_named(&host, "Quiplash 3").await["play_count"], 0);
    assert_eq!(host.delete(&path).await.expect(404), json!({"error": "Session game not found"}));
    bot.hears_nothing().await;
}

#[tokio::test]
async fn a_closed_session_can_be_corrected_but_not_played() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let session = start(&host).await;
    let row = add(&host, &session, "Quiplash 3").await;
    host.post(&format!("/api/sessions/{session}/close"), json!({})).await.expect(200);
    let path = format!("/api/sessions/{session}/games/{}", row["id"]);
    host.patch(&format!("{path}/room-code"), json!({"room_code": "WXYZ"})).await.expect(200);
    let skipped = host.patch(&format!("{path}/status"), json!({"status": "skipped"})).await.expect(200);
    assert_eq!((&skipped["status"], &skipped["room_code"]), (&json!("skipped"), &json!("WXYZ")));
    let refused = host.patch(&format!("{path}/status"), json!({"status": "playing"})).await.expect(400);
    assert_eq!(refused, json!({"error": "Cannot play games in a closed session"}));
    host.delete(&path).await.expect(200);
}

#[tokio::test]
async fn a_deleted_session_is_gone_for_sockets_too() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let (host, mut bot, mut receiver) = (app.host().await, app.bot().await, Receiver::start().await);
        let session = start(&host).await;
        bot.hear().await;
        add(&host, &session, "Quiplash 3").await;
        let path = format!("/api/sessions/{session}");
        assert!(host.delete(&path).await.status == 400, "an active session stays");
        receiver.register(&host, &["session.ended"]).await;
        host.post(&format!("{path}/close"), json!({})).await.expect(200);
        let deleted = host.delete(&path).await.expect(200);
        assert_eq!(deleted, json!({"message": "Session deleted successfully", "sessionId": session}));
        assert_eq!(receiver.next().await.json()["event"], "session.ended", "what was committed is sent");

        for path in [path.clone(), format!("{path}/games"), format!("{path}/export")] {
            assert_eq!(host.get(&path).await.expect(404), json!({"error": "Session not found"}), "{path}");
        }
        assert_eq!(host.delete(&path).await.expect(404), json!({"error": "Session not found"}));
        assert_eq!(host.get("/api/sessions").await.expect(200), json!([]));
        assert_eq!(game_named(&host, "Quiplash 3").await["play_count"], 1, "totals are history");
        for after in [json!(null), json!(1)] {
            bot.say(&json!({"type": "subscribe", "sessionId": session, "after": after})).await;
            assert_eq!(bot.hear().await, json!({"type": "error", "message": "Session not found"}));
        }
    }
}

#[tokio::test]
async fn a_night_is_taken_home() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut app = TestApp::spawn_on(engine).await;
        if engine == Engine::Sqlite {
            app.shelve(&["Two\nLines \u{1b}[2J"]).await;
        }
        let host = app.host().await;
        let session = start(&host).await;
        let title = if engine == Engine::Sqlite { "Two\nLines \u{1b}[2J" } else { "Quiplash 3" };
        let row = add(&host, &session, title).await;
        let path = format!("/api/sessions/{session}/export");

        let reply = host.get(&format!("{path}?format=json")).await;
        assert_eq!(reply.headers["content-type"], "application/json");
        let disposition = reply.headers["content-disposition"].to_str().expect("text").to_owned();
        let day = &row["played_at"].as_str().expect("a time")[..10];
        assert_eq!(disposition, format!("attachment; filename=\"session-{session}-{day}.json\""));
        let export = reply.expect(200);
        assert_eq!(export["session"], host.get(&format!("/api/sessions/{session}")).await.expect(200));
        assert_eq!(export["games"], json!([row]));
        assert_eq!(export["statistics"]["games_played"], 1);

        for path in [path.clone(), format!("{path}?format=json&format=txt")] {
            let reply = host.get(&path).await;
            assert_eq!(
                (reply.status.as_u16(), &reply.headers["content-type"]),
                (200, &TEXT.parse().expect(TEXT))
            );
            let disposition = reply.headers["content-disposition"].to_str().expect("text");
            assert_eq!(disposition, format!("attachment; filename=\"session-{session}-{day}.txt\""));
            let shown = title.replace(['\n', '\u{1b}'], " ");
            assert!(reply.text.contains(&format!("  {shown} (")), "{}", reply.text);
            assert!(reply.text.contains("Notes:\n    Friday\n    with friends\n"), "{}", reply.text);
            assert!(!reply.text.contains('\u{1b}'));
        }
    }
}
const TEXT: &str = "text/plain; charset=utf-8";

#[tokio::test]
async fn sessions_are_listed_in_parts() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    for _ in 0..3 {
        let session = start(&host).await;
        host.post(&format!("/api/sessions/{session}/close"), json!({})).await.expect(200);
    }
    let all = host.get("/api/sessions").await.expect(200);
    for (query, expected) in [
        ("?limit=2", json!([all[0], all[1]])),
        ("?limit=2&offset=2", json!([all[2]])),
        ("?offset=1", json!([all[1], all[2]])),
        ("?offset=9", json!([])),
    ] {
        assert_eq!(host.get(&format!("/api/sessions{query}")).await.expect(200), expected, "{query}");
    }
}

#[tokio::test]
async fn a_session_holds_a_number_of_games() {
    let mut app = TestApp::spawn().await;
    let host = app.host().await;
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].as_i64().expect("an id");
    let game_id = game_named(&host, "Earwax").await["id"].as_i64().expect("an id");
    app.at_rest(move |tx| {
        let new = NewSessionGame { game_id, manually_added: false, room_code: None };
        for ms in 1..SESSION_GAMES_MAX {
            session_games::add(tx, session, &new, Timestamp::from_millis(ms))?;
        }
        Ok(())
    })
    .await;
    app.restart().await;
    let host = app.host().await;
    let path = format!("/api/sessions/{session}/games");
    let last = host.post(&path, json!({"game_id": game_id})).await.expect(201);
    let full = host.post(&path, json!({"game_id": game_id})).await.expect(409);
    assert_eq!(
        full,
        json!({"error": format!("The session is full: it holds at most {SESSION_GAMES_MAX} games")})
    );
    host.delete(&format!("{path}/{}", last["id"])).await.expect(200);
    host.post(&path, json!({"game_id": game_id})).await.expect(201);
}
