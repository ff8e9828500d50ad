//! What is picked to be played, and what the figures say afterwards.

use serde_json::{Value, json};

use crate::{
    story::game_named,
    support::{Client, Engine, TestApp},
};

async fn pool_size(client: &Client, body: Value) -> i64 {
    client.post("/api/pick", body).await.expect(200)["poolSize"].as_i64().expect("a number")
}

#[tokio::test]
async fn a_pick_tells_its_odds() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let stranger = app.stranger();
    let reply = stranger.post("/api/pick", json!({})).await.expect(200);
    assert_eq!((&reply["poolSize"], &reply["totalEnabled"]), (&json!(63), &json!(63)));
    assert_eq!(reply["probability"], json!(1.0 / 63.0));
    let id = &reply["game"]["id"];
    assert_eq!(reply["game"], host.get(&format!("/api/games/{id}")).await.expect(200));

    let earwax = game_named(&host, "Earwax").await;
    host.patch(&format!("/api/games/{}/favor", earwax["id"]), json!({"favor_bias": 1})).await.expect(200);
    let pack = earwax["pack_name"].as_str().expect("a name").replace(' ', "%20");
    host.patch(&format!("/api/games/packs/{pack}/favor"), json!({"favor_bias": -1})).await.expect(200);
    let others = 62 * 100 - 4 * 100 + 4 * 30;
    let reply = stranger.post("/api/pick", json!({"count": 100, "seed": 7})).await.expect(200);
    let games = reply["games"].as_array().expect("games");
    assert_eq!((games.len(), reply.get("game"), reply.get("probability")), (63, None, None));
    assert_eq!(games[62]["probability"], json!(1.0), "the last one was certain");
    let mut left = f64::from(others + 90);
    for choice in games {
        let game = &choice["game"];
        let weight = match (game["title"] == "Earwax", game["pack_name"] == earwax["pack_name"]) {
            (true, _) => 90.0,
            (false, true) => 30.0,
            (false, false) => 100.0,
        };
        // The reader of the test may be off by the last bit.
        let probability = choice["probability"].as_f64().expect("a number");
        assert!((probability - weight / left).abs() < 1e-15, "{probability} {game}");
        left -= weight;
    }
    let again = stranger.post("/api/pick", json!({"count": 100, "seed": 7})).await.expect(200);
    assert_eq!(again, reply);
    let several = stranger.post("/api/pick", json!({"count": 1})).await.expect(200);
    assert_eq!(several["games"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_session_holds_its_games_back() {
    held_back(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_session_holds_its_games_back_on_postgres() {
    held_back(Engine::Postgres).await;
}

async fn held_back(engine: Engine) {
    let app = TestApp::spawn_on(engine).await;
    let host = app.host().await;
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let mut ids = Vec::new();
    for title in ["Earwax", "Bidiots", "Champ'd Up"] {
        let id = game_named(&host, title).await["id"].clone();
        host.post(&format!("/api/sessions/{session}/games"), json!({"game_id": id})).await.expect(201);
        ids.push(id);
    }
    for (body, expected) in [
        (json!({}), 63),
        (json!({"excludePlayed": true}), 63),
        (json!({"sessionId": session}), 61),
        (json!({"sessionId": session, "excludePlayed": false}), 61),
        (json!({"sessionId": session, "excludePlayed": true}), 60),
        (json!({"sessionId": session, "excludeGameIds": [ids[0], ids[1]]}), 60),
        (json!({"sessionId": null, "excludeGameIds": null}), 63),
    ] {
        assert_eq!(pool_size(&host, body.clone()).await, expected, "{body}");
    }
    for title in ["Earwax", "Bidiots", "Champ'd Up"] {
        let pack = game_named(&host, title).await["pack_name"].clone();
        let body = json!({"sessionId": session, "excludePlayed": true, "packs": [pack], "count": 100});
        let games = host.post("/api/pick", body).await.expect(200)["games"].clone();
        let mut games = games.as_array().expect("games").iter();
        assert!(games.all(|choice| choice["game"]["title"] != title), "{title}");
    }
    let unknown = host.post("/api/pick", json!({"sessionId": 99})).await.expect(404);
    assert_eq!(unknown, json!({"error": "Session not found"}));

    let stats = host.get("/api/stats").await.expect(200);
    for (name, count) in [
        ("games", 63),
        ("gamesEnabled", 63),
        ("sessions", 1),
        ("activeSessions", 1),
        ("totalGamesPlayed", 3),
        ("totalVotes", 0),
    ] {
        assert_eq!(stats[name], json!({ "count": count }), "{name}");
    }
    assert_eq!(stats["packs"]["count"], stats["perPack"].as_array().expect("packs").len());
    let played: Vec<_> =
        stats["mostPlayedGames"].as_array().expect("games").iter().map(|game| &game["id"]).collect();
    let mut sorted: Vec<_> = ids.iter().collect();
    sorted.sort_by_key(|id| id.as_i64());
    assert_eq!(played, sorted);
    assert_eq!((&stats["topRatedGames"], &stats["lowestRatedGames"]), (&json!([]), &json!([])));
    assert_eq!(stats["neverPlayed"]["count"], 60);
    assert_eq!(stats["neverPlayed"]["games"].as_array().map(Vec::len), Some(50));
    let night = &stats["perSession"][0];
    assert_eq!((&night["id"], &night["games_played"], &night["is_active"]), (&session, &json!(3), &json!(1)));
    let plays = stats["perPack"].as_array().expect("packs").iter();
    assert_eq!(plays.filter_map(|pack| pack["play_count"].as_i64()).sum::<i64>(), 3);
}

#[tokio::test]
async fn an_empty_pool_names_the_filter_and_nonsense_its_option() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let (none, pick) = ("No games match the current filters", "/api/pick");
    for (body, filter) in [
        (json!({"playerCount": 1000}), "playerCount"),
        (json!({"packs": ["Nobody's"]}), "packs"),
        (json!({"drawing": "only", "maxLength": 1}), "maxLength"),
    ] {
        let reply = host.post(pick, body.clone()).await.expect(404);
        assert_eq!(reply, json!({"error": none, "emptiedBy": filter}), "{body}");
    }
    for (body, expected) in [
        (json!({"playerCount": "4"}), "Invalid value for playerCount: expected a positive integer"),
        (json!({"familyFriendly": "yes"}), "Invalid value for familyFriendly: expected true or false"),
        (json!({"drawing": "both"}), "Invalid value for drawing: expected only or exclude"),
        (json!({"sessionId": "abc"}), "Invalid value for sessionId: expected a positive integer"),
    ] {
        assert_eq!(host.post(pick, body).await.expect(400), json!({ "error": expected }));
    }
    for game in host.get("/api/games").await.expect(200).as_array().expect("games") {
        host.patch(&format!("/api/games/{}/toggle", game["id"]), json!({})).await.expect(200);
    }
    let reply = host.post(pick, json!({})).await.expect(404);
    assert_eq!(reply, json!({"error": none, "emptiedBy": "enabled"}));
}

/// What was answered as done is seen by whoever asks next.
#[tokio::test]
async fn a_change_is_seen_at_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let id = game_named(&host, "Earwax").await["id"].clone();
        for round in 1..=100_i64 {
            let title = json!(format!("Earwax {round}"));
            let path = format!("/api/games/{id}");
            host.send(hyper::Method::PUT, &path, Some(json!({"title": title}))).await.expect(200);
            assert_eq!(host.get(&path).await.expect(200)["title"], title);
            let all = host.get("/api/games").await.expect(200);
            assert!(all.as_array().expect("games").iter().any(|game| game["title"] == title));
        }
    }
}
