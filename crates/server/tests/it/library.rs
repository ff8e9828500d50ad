//! Games, packs and lists of games, as a host changes them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::{
    story::game_named,
    support::{Client, Engine, TestApp},
};

const NAME_TAKEN: &str = "A game with this title already exists in this pack";
const NO_BIAS: &str = "favor_bias must be -1, 0 or 1";
const MISSING: &str = "Missing required fields: pack_name, title, min_players, max_players";

async fn put(client: &Client, path: &str, body: Value) -> crate::support::Reply {
    client.send(Method::PUT, path, Some(body)).await
}

async fn titles(client: &Client, query: &str) -> Vec<String> {
    let games = client.get(&format!("/api/games{query}")).await.expect(200);
    let games = games.as_array().expect("an array").iter();
    games.map(|game| game["title"].as_str().expect("a title").to_owned()).collect()
}

fn charades() -> Value {
    json!({"pack_name": "House Games", "title": "Charades", "min_players": 4, "max_players": 12})
}

#[tokio::test]
async fn a_game_comes_changes_and_goes() {
    a_game_lives(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_game_comes_changes_and_goes_on_postgres() {
    a_game_lives(Engine::Postgres).await;
}

async fn a_game_lives(engine: Engine) {
    let app = TestApp::spawn_on(engine).await;
    let host = app.host().await;
    let mut game = host.post("/api/games", charades()).await.expect(201);
    let (id, created_at) = (game["id"].clone(), game["created_at"].clone());
    let expected = json!({
        "id": id, "pack_name": "House Games", "title": "Charades", "min_players": 4, "max_players": 12,
        "length_minutes": null, "has_audience": 0, "family_friendly": 0, "game_type": null,
        "secondary_type": null, "play_count": 0, "popularity_score": 0, "upvotes": 0, "downvotes": 0,
        "enabled": 1, "favor_bias": 0, "created_at": created_at,
    });
    assert_eq!(game, expected);
    let path = format!("/api/games/{id}");
    assert_eq!(host.get(&path).await.expect(200), expected);
    assert_eq!(host.post("/api/games", charades()).await.expect(409), json!({ "error": NAME_TAKEN }));

    for (name, value) in [
        ("title", json!("<script>alert(1)</script>'); --")),
        ("length_minutes", json!(30)),
        ("favor_bias", json!(1)),
    ] {
        game[name] = value.clone();
        assert_eq!(put(&host, &path, json!({ name: value })).await.expect(200), game);
    }
    game["enabled"] = json!(0);
    assert_eq!(host.patch(&format!("{path}/toggle"), json!({})).await.expect(200), game);
    game["favor_bias"] = json!(-1);
    assert_eq!(host.patch(&format!("{path}/favor"), json!({"favor_bias": -1})).await.expect(200), game);
    assert_eq!(put(&host, &path, json!({})).await.expect(200), game);
    assert_eq!(host.get(&path).await.expect(200), game);

    let packs = host.get("/api/games/packs").await.expect(200);
    assert!(packs.as_array().expect("packs").iter().any(|pack| pack["name"] == "House Games"));
    put(&host, &path, json!({"pack_name": "Garden Games"})).await.expect(200);
    let packs = host.get("/api/games/packs").await.expect(200);
    assert!(packs.as_array().expect("packs").iter().all(|pack| pack["name"] != "House Games"));

    let gone = host.delete(&path).await.expect(200);
    assert_eq!(gone, json!({"message": "Game deleted successfully"}));
    assert_eq!(host.get(&path).await.expect(404), json!({"error": "Game not found"}));
    assert_eq!(titles(&host, "").await.len(), 63);

    let played = game_named(&host, "Earwax").await["id"].clone();
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    host.post(&format!("/api/sessions/{session}/games"), json!({"game_id": played})).await.expect(201);
    let refused = host.delete(&format!("/api/games/{played}")).await.expect(409);
    let text = "Game has been played and cannot be deleted. Disable it instead.";
    assert_eq!(refused, json!({ "error": text }));
}

/// Method and path, body, status, `error`. `{game}` is Earwax.
const REFUSALS: &[(&str, &str, u16, &str)] = &[
    ("POST /api/games", "{}", 400, MISSING),
    ("POST /api/games", r#"{"pack_name":"P","title":"T","min_players":1}"#, 400, MISSING),
    ("POST /api/games", r#"{"pack_name":"P","title":"","min_players":1,"max_players":2}"#, 400, MISSING),
    (
        "POST /api/games",
        r#"{"pack_name":"P","title":"{long}","min_players":1,"max_players":2}"#,
        400,
        "title must not be longer than 200 characters",
    ),
    (
        "POST /api/games",
        r#"{"pack_name":" ","title":"T","min_players":1,"max_players":2}"#,
        400,
        "pack_name must not be empty",
    ),
    (
        "POST /api/games",
        r#"{"pack_name":"P","title":"T","min_players":3,"max_players":2}"#,
        400,
        "min_players must not be greater than max_players",
    ),
    (
        "PUT /api/games/{game}",
        r#"{"min_players":99}"#,
        400,
        "min_players must not be greater than max_players",
    ),
    ("PUT /api/games/{game}", r#"{"title":null}"#, 400, "title must be a string"),
    ("PUT /api/games/{game}", r#"{"favor_bias":2}"#, 400, NO_BIAS),
    ("PUT /api/games/{game}", r#"{"title":"Bidiots"}"#, 409, NAME_TAKEN),
    ("PUT /api/games/9999", r#"{"title":"X"}"#, 404, "Game not found"),
    ("PUT /api/games/abc", r#"{"title":"X"}"#, 404, "Game not found"),
    ("DELETE /api/games/0", "{}", 404, "Game not found"),
    ("PATCH /api/games/9223372036854775808/toggle", "{}", 404, "Game not found"),
    ("PATCH /api/games/9999/favor", r#"{"favor_bias":1}"#, 404, "Game not found"),
    ("PATCH /api/games/{game}/favor", "{}", 400, NO_BIAS),
    ("PATCH /api/games/{game}/favor", r#"{"favor_bias":"1"}"#, 400, NO_BIAS),
    ("PATCH /api/games/{game}/favor", r#"{"favor_bias":0.5}"#, 400, NO_BIAS),
    ("PATCH /api/games/packs/Nobody/favor", r#"{"favor_bias":1}"#, 404, "Pack not found"),
    ("PATCH /api/games/packs/%FF/favor", r#"{"favor_bias":1}"#, 404, "Pack not found"),
    ("PATCH /api/games/packs/Nobody/favor", r#"{"favor_bias":null}"#, 400, NO_BIAS),
    ("PATCH /api/games/packs/Nobody/toggle", r#"{"enabled":true}"#, 404, "Pack not found"),
    ("PATCH /api/games/packs/Nobody/toggle", "{}", 400, "enabled must be a boolean"),
    ("POST /api/games/import/csv", "{}", 400, "csvData is required"),
    ("POST /api/games/import/csv", "[]", 400, "Request body must be a JSON object"),
    ("POST /api/games/import/csv", r#"{"csvData":5}"#, 400, "csvData must be a string"),
    (
        "POST /api/games/import/csv",
        r#"{"csvData":"x","mode":"merge"}"#,
        400,
        "mode must be append or replace",
    ),
    (
        "POST /api/games/import/csv?partial=maybe",
        r#"{"csvData":"x"}"#,
        400,
        "Invalid value for partial: expected true or false",
    ),
    (
        "POST /api/games/import/csv",
        r#"{"csvData":"pack_name,title,min_players,max_players\n","mode":"replace"}"#,
        400,
        "csvData holds no games to replace the library with",
    ),
];

#[tokio::test]
async fn refused_changes_of_the_library_change_nothing() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let game = game_named(&host, "Earwax").await["id"].to_string();
    let before = host.get("/api/games").await.expect(200);
    for (route, body, status, expected) in REFUSALS {
        let (method, path) = route.split_once(' ').expect("method and path");
        let body = body.replace("{long}", &"x".repeat(10_000));
        let body = serde_json::from_str(&body).expect("JSON");
        let method = method.parse().expect("a method");
        let reply = host.send(method, &path.replace("{game}", &game), Some(body)).await;
        assert_eq!(reply.expect(*status), json!({ "error": expected }), "{route}");
    }
    assert_eq!(host.get("/api/games").await.expect(200), before);
}

#[tokio::test]
async fn changing_the_library_needs_a_token_and_reading_it_does_not() {
    let app = TestApp::spawn().await;
    let stranger = app.stranger();
    for (method, path) in [
        (Method::POST, "/api/games"),
        (Method::PUT, "/api/games/1"),
        (Method::DELETE, "/api/games/1"),
        (Method::PATCH, "/api/games/1/toggle"),
        (Method::PATCH, "/api/games/1/favor"),
        (Method::PATCH, "/api/games/packs/x/toggle"),
        (Method::PATCH, "/api/games/packs/x/favor"),
        (Method::GET, "/api/games/export/csv"),
        (Method::POST, "/api/games/import/csv"),
    ] {
        let reply = stranger.send(method.clone(), path, None).await;
        assert_eq!(reply.expect(401), json!({"error": "Access token required"}), "{method} {path}");
    }
    for path in ["/api/games/packs", "/api/games/meta/packs", "/api/stats"] {
        stranger.get(path).await.expect(200);
    }
    stranger.post("/api/pick", json!({})).await.expect(200);
}

#[tokio::test]
async fn packs_are_meant_in_any_case_and_stand_in_figures() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    for (pack, title) in [("100% Straße/Ω", "A"), ("100% Straße/Ω", "B"), ("100% STRASSE/Ω", "C")] {
        let body = json!({"pack_name": pack, "title": title, "min_players": 1, "max_players": 2});
        host.post("/api/games", body).await.expect(201);
    }
    let favor = |path: &'static str, bias: i64| {
        let host = host.clone();
        async move {
            let path = format!("/api/games/packs/{path}/favor");
            host.patch(&path, json!({"favor_bias": bias})).await.expect(200)
        }
    };
    let pack = favor("100%25%20Stra%C3%9Fe%2F%CE%A9", 1).await;
    assert_eq!((&pack["name"], &pack["favor_bias"]), (&json!("100% Straße/Ω"), &json!(1)));
    assert_eq!(pack.as_object().expect("a pack").len(), 4);
    let pack = favor("100%25%20STRASSE%2F%CE%A9", -1).await;
    assert_eq!(pack["name"], "100% STRASSE/Ω", "an exact name comes first");
    let pack = favor("100%25%20strasse%2F%CF%89", 0).await;
    assert_eq!(pack["name"], "100% Straße/Ω", "of two in another case the older");
    // Whichever is named, both are meant.
    favor("100%25%20Stra%C3%9Fe%2F%CE%A9", 1).await;

    let path = "/api/games/packs/100%25%20Stra%C3%9Fe%2F%CE%A9/toggle";
    let reply = host.patch(path, json!({"enabled": false})).await.expect(200);
    assert_eq!(reply, json!({"message": "3 games disabled", "gamesAffected": 3}));
    let figures = host.get("/api/games/meta/packs").await.expect(200);
    let ours: Vec<_> = figures.as_array().expect("an array").iter().take(2).cloned().collect();
    let expected = json!([
        {"name": "100% STRASSE/Ω", "total_count": 1, "enabled_count": 0, "total_plays": 0, "favor_bias": 1},
        {"name": "100% Straße/Ω", "total_count": 2, "enabled_count": 0, "total_plays": 0, "favor_bias": 1},
    ]);
    assert_eq!(Value::from(ours), expected);
    let reply = host.patch(path, json!({"enabled": 1})).await.expect(200);
    assert_eq!(reply, json!({"message": "3 games enabled", "gamesAffected": 3}));
}

const HEADER: &str = "pack_name,title,min_players,max_players";

#[tokio::test]
async fn a_list_is_imported_whole_or_not_at_all() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let csv = format!(
        "\u{feff}{HEADER},colour\r\n\"P, 1\",\"A\r\n\"\"quoted\"\"\",1,2,red\r\nP,'=1+1,3,4\r\nP,Bad,5,4,\r\nP,Worse,x,4\r\n"
    );
    let reply = host.post("/api/games/import/csv", json!({ "csvData": csv })).await.expect(400);
    let errors = json!([
        {"line": 5, "error": "min_players is greater than max_players"},
        {"line": 6, "error": "min_players is not a whole number from 1"},
    ]);
    let text = "The list is faulty; nothing was imported";
    assert_eq!(reply, json!({"error": text, "imported": 0, "skipped": 0, "faulty": 2, "errors": errors}));
    assert_eq!(titles(&host, "").await.len(), 63);

    let partial = host.post("/api/games/import/csv?partial=true", json!({"csvData": csv, "mode": "append"}));
    let expected = json!({
        "message": "2 games imported, 2 faulty lines left out", "imported": 2, "skipped": 0, "updated": 0,
        "removed": 0, "disabled": 0, "faulty": 2, "errors": errors,
    });
    assert_eq!(partial.await.expect(200), expected);
    assert_eq!(titles(&host, "?pack=P").await, ["=1+1"]);
    assert_eq!(titles(&host, "?pack=P,%201").await, ["A\r\n\"quoted\""]);

    let again = host.post("/api/games/import/csv?partial=1", json!({ "csvData": csv })).await.expect(200);
    assert_eq!((&again["imported"], &again["skipped"]), (&json!(0), &json!(2)));
    let headless = json!({"csvData": "title\nx", "mode": "replace"});
    let reply = host.post("/api/games/import/csv?partial=true", headless).await.expect(400);
    assert_eq!(reply["errors"], json!([{"line": 1, "error": "the column pack_name is missing"}]));
    assert_eq!(titles(&host, "").await.len(), 65);
}

#[tokio::test]
async fn what_is_exported_replaces_itself() {
    replace(Engine::Sqlite).await;
}

#[tokio::test]
async fn what_is_exported_replaces_itself_on_postgres() {
    replace(Engine::Postgres).await;
}

async fn replace(engine: Engine) {
    let app = TestApp::spawn_on(engine).await;
    let host = app.host().await;
    let formula = json!({"pack_name": "@home", "title": "-1", "min_players": 1, "max_players": 2});
    host.post("/api/games", formula).await.expect(201);
    let earwax = game_named(&host, "Earwax").await["id"].clone();
    host.patch(&format!("/api/games/{earwax}/favor"), json!({"favor_bias": -1})).await.expect(200);
    host.patch(&format!("/api/games/{earwax}/toggle"), json!({})).await.expect(200);
    host.patch("/api/games/packs/@HOME/favor", json!({"favor_bias": 1})).await.expect(200);
    let (games, packs) =
        (host.get("/api/games").await.expect(200), host.get("/api/games/packs").await.expect(200));

    let export = host.get("/api/games/export/csv").await;
    assert_eq!(export.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(export.headers["content-disposition"], "attachment; filename=\"games.csv\"");
    assert!(export.text.contains("\r\n'@home,'-1,1,2,"), "{}", export.text);
    let import = json!({"csvData": export.text, "mode": "replace"});
    let reply = host.post("/api/games/import/csv", import.clone()).await.expect(200);
    assert_eq!((&reply["imported"], &reply["updated"]), (&json!(64), &json!(64)));
    assert_eq!(host.get("/api/games").await.expect(200), games, "ids and all");
    assert_eq!(host.get("/api/games/packs").await.expect(200), packs);

    let bidiots = game_named(&host, "Bidiots").await["id"].clone();
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    host.post(&format!("/api/sessions/{session}/games"), json!({"game_id": bidiots})).await.expect(201);
    let short = json!({"csvData": format!("{HEADER}\n@home,-1,2,3\n@home,New,1,2\n"), "mode": "replace"});
    let reply = host.post("/api/games/import/csv", short).await.expect(200);
    let expected = json!({
        "message": "2 games imported", "imported": 2, "skipped": 0, "updated": 1, "removed": 62,
        "disabled": 1, "faulty": 0, "errors": [],
    });
    assert_eq!(reply, expected);
    assert_eq!(titles(&host, "").await, ["-1", "New", "Bidiots"]);
    let kept = game_named(&host, "Bidiots").await;
    assert_eq!((&kept["id"], &kept["enabled"], &kept["play_count"]), (&bidiots, &json!(0), &json!(1)));
    let home = &host.get("/api/games/packs").await.expect(200)[0];
    assert_eq!((&home["name"], &home["favor_bias"]), (&json!("@home"), &json!(1)));
    let faulty = json!({"csvData": format!("{HEADER}\n@home,-1,2,3\n@home,New,1,x\n"), "mode": "replace"});
    let reply = host.post("/api/games/import/csv?partial=true", faulty).await.expect(200);
    let numbers = ["imported", "skipped", "removed", "disabled"].map(|name| reply[name].clone());
    assert_eq!(numbers, [1, 1, 0, 1], "what a faulty line names stays");
    assert_eq!(game_named(&host, "New").await["enabled"], 1);
    let back = host.post("/api/games/import/csv", import).await.expect(200);
    assert_eq!((&back["imported"], &back["updated"], &back["removed"]), (&json!(64), &json!(2), &json!(1)));
    assert_eq!(game_named(&host, "Bidiots").await["enabled"], 1);
}

#[tokio::test]
async fn an_import_with_a_key_is_done_once() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let body = json!({"csvData": format!("{HEADER}\nP,T,1,2\n")}).to_string();
    let send = |body: String| {
        let request = Request::post(format!("http://{}/api/games/import/csv", host.addr()))
            .header("authorization", format!("Bearer {}", host.token()))
            .header("content-type", "application/json")
            .header("idempotency-key", "one")
            .body(Full::<Bytes>::from(body))
            .expect("a request");
        host.raw(request)
    };
    let first = send(body.clone()).await.expect(200);
    assert_eq!(first["imported"], 1);
    assert_eq!(send(body.clone()).await.expect(200), first);
    send(body.replace('T', "U")).await.expect(422);
}

#[tokio::test]
async fn a_library_has_a_largest_size() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let list = |rows: usize| {
        let rows: Vec<_> = (0..rows).map(|row| format!("P,{row},1,2")).collect();
        json!({"csvData": format!("{HEADER}\n{}", rows.join("\n"))})
    };
    let text = "The library is full: it holds at most 10000 games";
    let reply = host.post("/api/games/import/csv", list(9_938)).await;
    assert_eq!(reply.expect(409), json!({ "error": text }));
    assert_eq!(titles(&host, "").await.len(), 63);
    host.post("/api/games/import/csv", list(9_937)).await.expect(200);
    assert_eq!(host.post("/api/games", charades()).await.expect(409), json!({ "error": text }));
    let reply = host.post("/api/games/import/csv", list(10_001)).await.expect(400);
    assert_eq!(reply["errors"], json!([{"line": 10_002, "error": "more than 10000 rows"}]));
}

/// A game that is deleted while it is put on is either gone or played; nothing breaks.
#[tokio::test]
async fn deleting_and_playing_a_game_at_once() {
    let app = TestApp::spawn_on(Engine::Postgres).await;
    let host = app.host().await;
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let games = format!("/api/sessions/{session}/games");
    for _ in 0..10 {
        let id = host.post("/api/games", charades()).await.expect(201)["id"].clone();
        let path = format!("/api/games/{id}");
        let (added, deleted) = tokio::join!(host.post(&games, json!({"game_id": id})), host.delete(&path));
        match added.status.as_u16() {
            201 => {
                deleted.expect(409);
                put(&host, &path, json!({"title": format!("Charades {id}")})).await.expect(200);
            }
            status => {
                assert_eq!((status, deleted.status.as_u16()), (404, 200));
                assert_eq!(added.json(), json!({"error": "Game not found"}));
            }
        }
    }
}
