//! Votes from chat logs, beside those that came live.

use serde_json::{Value, json};

use super::{DUPLICATE, Night, moment, totals, vote};
use crate::support::Engine;

fn said(username: &str, message: &str, ms: i64) -> Value {
    json!({"username": username, "message": message, "timestamp": moment(ms)})
}

#[tokio::test]
async fn a_chat_log_counts_once_beside_live_votes() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut night = Night::begin(engine).await;
        let first = night.play("Earwax").await;
        night.pass(60_000);
        let host = &night.host;
        let second = night.play("Drawful 2").await;
        host.post("/api/votes/live", vote("Ann", "up", 1_000)).await.expect(200);
        let mut bot = night.app.bot().await;
        bot.subscribe(&night.session).await;
        night.close().await;
        assert_eq!(bot.hear().await["type"], "session.ended");

        let log = json!([
            said("bob", "ThisGame++ yes", 60_000),
            said("bob", "thisgame++", 59_500),
            said("ann ", "thisgame++", 1_900),
            said("ann", "thisgame—", 2_001),
            said("cleo", "[kosmi] thisgame++", 5_000),
            said("cleo", "hello", 5_000),
            said("dan", "thisgame++ or thisgame--", -1),
            said("dan", "thisgame--", 3_000),
            said("e\0", "thisgame++", 3_000),
            "thisgame++",
            null,
        ]);
        let game = |id: &Value, title: &str, up: i64, down: i64| json!({"id": id, "title": title, "upvotes": up, "downvotes": down, "popularity_score": up - down});
        let mut expected = json!({
            "message": "Chat log imported", "messagesProcessed": 11, "votesFound": 6, "votesRecorded": 3,
            "duplicatesSkipped": 2, "unmatched": 1, "invalid": 3,
            "gamesUpdated": [game(&first, "Earwax", 2, 2)],
        });
        assert_eq!(night.import(json!({"chatData": log})).await, expected, "bob's first came at 59.5 s");
        for (key, value) in
            [("votesRecorded", json!(0)), ("duplicatesSkipped", json!(5)), ("gamesUpdated", json!([]))]
        {
            expected[key] = value;
        }
        assert_eq!(night.import(log).await, expected, "the bare list, again");
        assert_eq!(totals(host, &first).await, (2, 2, 0));
        assert_eq!(totals(host, &second).await, (0, 0, 0));
        bot.hears_nothing().await;

        let page = host.get("/api/votes?username=ANN&limit=1").await.expect(200);
        let row = json!({
            "id": page["votes"][0]["id"], "session_id": night.session, "game_id": first,
            "game_title": "Earwax", "pack_name": "The Jackbox Party Pack 2", "username": "ann",
            "vote_type": "down", "timestamp": moment(2_001), "created_at": moment(60_000),
        });
        let pagination = json!({"page": 1, "limit": 1, "total": 2, "total_pages": 2});
        assert_eq!(page, json!({"votes": [row], "pagination": pagination}));
        let tallies = night.app.stranger().get(&format!("/api/sessions/{}/votes", night.session)).await;
        let row = json!({
            "game_id": first, "title": "Earwax", "pack_name": "The Jackbox Party Pack 2",
            "upvotes": 2, "downvotes": 2, "net_score": 0, "total_votes": 4,
        });
        assert_eq!(tallies.expect(200), json!({"session_id": night.session, "votes": [row]}));
    }
}

#[tokio::test]
async fn an_imported_vote_makes_a_live_one_a_duplicate() {
    let night = Night::begin(Engine::Sqlite).await;
    let unmatched = night.import(json!([said("ann", "thisgame++", 0)])).await;
    assert_eq!(
        (&unmatched["unmatched"], &unmatched["votesRecorded"]),
        (&json!(1), &json!(0)),
        "no games yet"
    );
    night.play("Earwax").await;
    night.import(json!([said("ann", "thisgame++", 0)])).await;
    let reply = night.host.post("/api/votes/live", vote("ANN", "down", 1_000)).await.expect(409);
    assert_eq!(reply, json!({ "error": DUPLICATE }));
    night.host.post("/api/votes/live", vote("ANN", "down", 1_001)).await.expect(200);
}

#[tokio::test]
async fn a_log_of_fifty_thousand_messages() {
    let night = Night::begin(Engine::Sqlite).await;
    let game = night.play("Earwax").await;
    let message = |n: i64| said(&format!("user {}", n % 500), "thisgame++", n * 10);
    let mut log: Vec<_> = (0..50_000).map(message).collect();
    let imported = night.import(json!({"chatData": log})).await;
    assert_eq!(
        (&imported["messagesProcessed"], &imported["votesRecorded"]),
        (&json!(50_000), &json!(50_000))
    );
    assert_eq!(totals(&night.host, &game).await, (50_000, 0, 50_000));
    let again = night.import(json!(log)).await;
    assert_eq!((&again["duplicatesSkipped"], &again["votesRecorded"]), (&json!(50_000), &json!(0)));
    log.push(message(0));
    let path = format!("/api/sessions/{}/chat-import", night.session);
    let reply = night.host.post(&path, json!({"chatData": log})).await.expect(400);
    assert_eq!(reply, json!({"error": "chatData must not hold more than 50000 messages"}));
    assert_eq!(totals(&night.host, &game).await, (50_000, 0, 50_000));
}
