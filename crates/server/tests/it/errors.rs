//! Every error text of the endpoints, as data.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::{
    story::game_named,
    support::{Client, TestApp},
};

const NO_TOKEN: &str = "Access token required";
const BAD_TOKEN: &str = "Invalid or expired token";
/// `{"alg":"none","typ":"JWT"}.{"role":"admin"}.`
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJyb2xlIjoiYWRtaW4ifQ.";

#[tokio::test]
async fn guarded_endpoints_ask_for_a_token_and_public_ones_do_not() {
    let app = TestApp::spawn().await;
    let (stranger, forger) = (app.stranger(), app.stranger().with_token(UNSIGNED));
    for (method, path) in [
        (Method::POST, "/api/auth/verify"),
        (Method::POST, "/api/sessions"),
        (Method::POST, "/api/sessions/1/close"),
        (Method::POST, "/api/sessions/1/games"),
        (Method::PATCH, "/api/sessions/1/games/1/status"),
        (Method::PATCH, "/api/sessions/1/games/1/player-count"),
        (Method::PATCH, "/api/sessions/1/games/1/room-code"),
        (Method::DELETE, "/api/sessions/1/games/1"),
        (Method::DELETE, "/api/sessions/1"),
        (Method::GET, "/api/sessions/1/export"),
        (Method::POST, "/api/sessions/1/polls"),
        (Method::POST, "/api/polls/1/votes"),
        (Method::POST, "/api/polls/1/close"),
        (Method::DELETE, "/api/polls/1"),
        (Method::GET, "/api/webhooks"),
        (Method::GET, "/api/webhooks/1"),
        (Method::POST, "/api/webhooks"),
        (Method::PATCH, "/api/webhooks/1"),
        (Method::DELETE, "/api/webhooks/1"),
        (Method::POST, "/api/webhooks/test/1"),
        (Method::GET, "/api/webhooks/1/logs"),
        (Method::GET, "/metrics"),
        (Method::GET, "/api/events"),
    ] {
        let reply = stranger.send(method.clone(), path, None).await;
        assert_eq!(reply.expect(401), json!({ "error": NO_TOKEN }), "{method} {path}");
        let reply = forger.send(method.clone(), path, None).await;
        assert_eq!(reply.expect(403), json!({ "error": BAD_TOKEN }), "{method} {path}");
    }
    for path in ["/health", "/readyz", "/api/games", "/api/games/1", "/api/sessions", "/api/sessions/active"]
    {
        stranger.get(path).await.expect(200);
        forger.get(path).await.expect(200);
    }
    let health = stranger.get("/health").await.expect(200);
    assert_eq!(health, json!({"status": "ok", "message": "Jackbox Game Picker API is running"}));
    assert_eq!(stranger.get("/nowhere").await.expect(404), json!({"error": "Not found"}));
    let reply = stranger.delete("/health").await;
    assert_eq!(reply.headers["allow"], "GET,HEAD");
    assert_eq!(reply.expect(405), json!({"error": "Method not allowed"}));
}

#[tokio::test]
async fn signing_in() {
    let app = TestApp::spawn().await;
    let stranger = app.stranger();
    for body in [json!({}), json!({"key": ""}), json!({"key": null}), json!({"key": 5})] {
        assert_eq!(
            stranger.post("/api/auth/login", body).await.expect(400),
            json!({"error": "Admin key is required"})
        );
    }
    for name in ["key", "apiKey"] {
        let reply = stranger.post("/api/auth/login", json!({ name: TestApp::ADMIN_KEY })).await.expect(200);
        assert_eq!(
            (&reply["message"], &reply["expiresIn"]),
            (&json!("Authentication successful"), &json!("24h"))
        );
        let signed_in = stranger.with_token(reply["token"].as_str().expect("a token"));
        let verified = signed_in.post("/api/auth/verify", json!({})).await.expect(200);
        assert_eq!((&verified["valid"], &verified["user"]["role"]), (&json!(true), &json!("admin")));
    }
    for _ in 0..5 {
        let reply = stranger.post("/api/auth/login", json!({"key": "guess"})).await;
        assert_eq!(reply.expect(401), json!({"error": "Invalid admin key"}));
    }
    let reply = stranger.post("/api/auth/login", json!({"key": TestApp::ADMIN_KEY})).await;
    assert_eq!(reply.headers["retry-after"], "1");
    reply.expect(429);
}

/// Method and path, body, status, `error`. `{open}` and `{closed}` are sessions, `{row}` and `{old}`
/// a game's row in each, `{game}` that game.
const REFUSALS: &[(&str, &str, u16, &str)] = &[
    ("POST /api/sessions", r#"{"notes":5}"#, 400, "notes must be a string"),
    ("POST /api/sessions/99/close", "{}", 404, "Session not found"),
    ("POST /api/sessions/{closed}/close", "{}", 400, "Session is already closed"),
    ("POST /api/sessions/{open}/games", "{}", 400, "game_id is required"),
    ("POST /api/sessions/{open}/games", r#"{"game_id":0}"#, 400, "game_id is required"),
    ("POST /api/sessions/99/games", "{}", 400, "game_id is required"),
    ("POST /api/sessions/99/games", r#"{"game_id":{game}}"#, 404, "Session not found"),
    (
        "POST /api/sessions/{closed}/games",
        r#"{"game_id":{game}}"#,
        400,
        "Cannot add games to a closed session",
    ),
    ("POST /api/sessions/{open}/games", r#"{"game_id":9999}"#, 404, "Game not found"),
    ("POST /api/sessions/{open}/games", r#"{"game_id":"abc"}"#, 404, "Game not found"),
    (
        "POST /api/sessions/{open}/games",
        r#"{"game_id":{game},"room_code":"AB1D"}"#,
        400,
        "room_code must be four letters",
    ),
    (
        "POST /api/sessions/{open}/games",
        r#"{"game_id":{game},"manually_added":"yes"}"#,
        400,
        "manually_added must be a boolean",
    ),
    ("PATCH /api/sessions/{open}/games/{row}/status", "{}", 400, "Invalid status"),
    ("PATCH /api/sessions/{open}/games/{row}/status", r#"{"status":"done"}"#, 400, "Invalid status"),
    ("PATCH /api/sessions/{open}/games/999/status", r#"{"status":"played"}"#, 404, NO_ROW),
    ("PATCH /api/sessions/{open}/games/{old}/status", r#"{"status":"played"}"#, 404, NO_ROW),
    ("PATCH /api/sessions/{open}/games/x/status", r#"{"status":"played"}"#, 404, NO_ROW),
    ("PATCH /api/sessions/x/games/{row}/status", r#"{"status":"played"}"#, 404, NO_ROW),
    (
        "PATCH /api/sessions/{closed}/games/{old}/status",
        r#"{"status":"playing"}"#,
        400,
        "Cannot play games in a closed session",
    ),
    ("PATCH /api/sessions/{open}/games/{old}/room-code", r#"{"room_code":null}"#, 404, NO_ROW),
    ("PATCH /api/sessions/{open}/games/{row}/room-code", "{}", 400, NO_CODE),
    ("PATCH /api/sessions/{open}/games/{row}/room-code", r#"{"room_code":""}"#, 400, NO_CODE),
    ("PATCH /api/sessions/{open}/games/{row}/room-code", r#"{"room_code":"ABCDE"}"#, 400, NO_CODE),
    ("PATCH /api/sessions/{open}/games/{row}/room-code", r#"{"room_code":1234}"#, 400, NO_CODE),
    ("DELETE /api/sessions/{open}/games/{old}", "{}", 404, NO_ROW),
    ("DELETE /api/sessions/{open}/games/999", "{}", 404, NO_ROW),
    ("DELETE /api/sessions/x/games/{row}", "{}", 404, NO_ROW),
    (
        "DELETE /api/sessions/{open}",
        "{}",
        400,
        "Cannot delete an active session. Please close it before deleting it.",
    ),
    ("DELETE /api/sessions/99", "{}", 404, "Session not found"),
    ("GET /api/sessions/99/export", "{}", 404, "Session not found"),
    ("GET /api/sessions/{open}/export?format=pdf", "{}", 400, "format must be json or txt"),
    ("GET /api/sessions/{open}/export?format=", "{}", 400, "format must be json or txt"),
    (
        "GET /api/sessions?limit=1001",
        "{}",
        400,
        "Invalid value for limit: expected an integer from 1 to 1000",
    ),
    ("GET /api/sessions?offset=x", "{}", 400, "Invalid value for offset: expected a non-negative integer"),
    ("PATCH /api/sessions/{open}/games/{old}/player-count", r#"{"player_count":1}"#, 404, NO_ROW),
    ("PATCH /api/sessions/{open}/games/{row}/player-count", "{}", 400, NO_COUNT),
    ("PATCH /api/sessions/{open}/games/{row}/player-count", r#"{"player_count":-1}"#, 400, NO_COUNT),
    ("PATCH /api/sessions/{open}/games/{row}/player-count", r#"{"player_count":1.5}"#, 400, NO_COUNT),
    ("PATCH /api/sessions/{open}/games/{row}/player-count", r#"{"player_count":"3"}"#, 400, NO_COUNT),
    ("PATCH /api/sessions/{open}/games/{row}/player-count", r#"{"player_count":1e300}"#, 400, NO_COUNT),
];
const NO_CODE: &str = "room_code must be four letters";
const NO_ROW: &str = "Session game not found";
const NO_COUNT: &str = "player_count must be a non-negative integer";

#[tokio::test]
async fn refused_changes_of_sessions_change_nothing() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let active = host.get("/api/sessions/active").await.expect(200);
    assert_eq!(active, json!({"session": null, "message": "No active session"}));
    let game = game_named(&host, "Earwax").await["id"].clone();
    let closed = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let old = host.post(&format!("/api/sessions/{closed}/games"), json!({"game_id": game})).await.expect(201);
    host.post(&format!("/api/sessions/{closed}/close"), json!({})).await.expect(200);
    let open = host.post("/api/sessions", json!({"notes": ""})).await.expect(201)["id"].clone();
    assert_eq!(host.get("/api/sessions/active").await.expect(200)["id"], open);
    let games = format!("/api/sessions/{open}/games");
    let row = host.post(&games, json!({"game_id": game})).await.expect(201);
    let names = [
        ("{open}", &open),
        ("{closed}", &closed),
        ("{row}", &row["id"]),
        ("{old}", &old["id"]),
        ("{game}", &game),
    ];
    let fill = |text: &str| {
        names.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, &id.to_string()))
    };
    for (request, body, status, text) in REFUSALS {
        let request = fill(request);
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let body: Value = serde_json::from_str(&fill(body)).expect("JSON");
        let reply = host.send(method.parse().expect("a method"), path, Some(body.clone())).await;
        assert_eq!(reply.expect(*status), json!({ "error": text }), "{request} {body}");
    }
    let rows = host.get(&games).await.expect(200);
    assert_eq!(rows, json!([row]));
}

#[tokio::test]
async fn what_is_no_id_is_an_unknown_one_and_an_unknown_filter_is_named() {
    let app = TestApp::spawn().await;
    let stranger = app.stranger();
    for id in ["0", "-1", "9223372036854775808", "abc", "1e3", "%ff", "99"] {
        for (path, text) in [
            (format!("/api/sessions/{id}"), "Session not found"),
            (format!("/api/sessions/{id}/games"), "Session not found"),
            (format!("/api/games/{id}"), "Game not found"),
        ] {
            assert_eq!(stranger.get(&path).await.expect(404), json!({ "error": text }), "{path}");
        }
    }
    for (query, name) in [
        ("enabled=x", "enabled"),
        ("length=tall", "length"),
        ("playerCount=-1", "playerCount"),
        ("drawing=", "drawing"),
        ("familyFriendly=2", "familyFriendly"),
    ] {
        let error = stranger.get(&format!("/api/games?{query}")).await.expect(400)["error"].clone();
        assert!(error.as_str().is_some_and(|text| text.contains(name)), "{error}");
    }
}

#[tokio::test]
async fn webhooks() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let full = json!({"name": "Discord Bot", "url": "https://example.com/webhook", "secret": "mysecret123", "events": ["game.added"]});
    let created = host.post("/api/webhooks", full.clone()).await.expect(201);
    let (id, at) = (created["id"].clone(), created["created_at"].clone());
    let mut shown = json!({"id": id, "name": "Discord Bot", "url": "https://example.com/webhook", "events": ["game.added"], "enabled": true, "created_at": at});
    // What is more is told in `contract`.
    let told = |webhook: &Value, expected: &Value| {
        expected.as_object().expect("an object").iter().all(|(key, value)| webhook[key] == *value)
    };
    assert!(told(&host.get(&format!("/api/webhooks/{id}")).await.expect(200), &shown));
    let listed = host.get("/api/webhooks").await.expect(200);
    assert!(listed.as_array().is_some_and(|all| all.len() == 1 && told(&all[0], &shown)), "{listed}");
    shown["message"] = json!("Webhook created successfully");
    assert!(told(&created, &shown), "{created}");

    let without = |field: &str| {
        let mut body = full.clone();
        body.as_object_mut().expect("an object").remove(field);
        body
    };
    let with = |field: &str, value: Value| {
        let mut body = full.clone();
        body[field] = value;
        body
    };
    let missing = "Missing required fields: name, url, secret, events";
    for (body, text) in [
        (without("name"), missing),
        (without("events"), missing),
        (with("secret", json!("")), missing),
        (with("events", json!("game.added")), "events must be an array"),
        (with("url", json!("nonsense")), "Invalid URL format"),
    ] {
        assert_eq!(host.post("/api/webhooks", body).await.expect(400), json!({ "error": text }));
    }
    let path = format!("/api/webhooks/{id}");
    for (body, text) in [
        (json!({}), "No fields to update"),
        (json!({"url": "ftp://example.com"}), "Invalid URL format"),
        (json!({"events": {}}), "events must be an array"),
    ] {
        assert_eq!(host.patch(&path, body).await.expect(400), json!({ "error": text }));
    }
    let updated = host.patch(&path, json!({"name": "New", "enabled": false})).await.expect(200);
    let expected = json!({"id": id, "name": "New", "url": "https://example.com/webhook", "events": ["game.added"], "enabled": false, "created_at": at, "message": "Webhook updated successfully"});
    assert!(told(&updated, &expected), "{updated}");
    let gone = json!({"error": "Webhook not found"});
    for unknown in ["99", "abc", "0"] {
        assert_eq!(host.get(&format!("/api/webhooks/{unknown}")).await.expect(404), gone);
        assert_eq!(host.patch(&format!("/api/webhooks/{unknown}"), json!({})).await.expect(404), gone);
        assert_eq!(host.delete(&format!("/api/webhooks/{unknown}")).await.expect(404), gone);
        assert_eq!(host.post(&format!("/api/webhooks/test/{unknown}"), json!({})).await.expect(404), gone);
        assert_eq!(host.get(&format!("/api/webhooks/{unknown}/logs")).await.expect(200), json!([]));
    }
    assert_eq!(
        host.delete(&path).await.expect(200),
        json!({"message": "Webhook deleted successfully", "webhookId": id})
    );
    assert_eq!(host.get(&path).await.expect(404), gone);
    assert_eq!(host.delete(&path).await.expect(404), gone);
    assert_eq!(host.get("/api/webhooks").await.expect(200), json!([]));
}

#[tokio::test]
async fn bad_bodies_change_nothing() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let huge = format!("{{\"notes\":\"{}\"}}", "x".repeat(1 << 20));
    let long = format!("{{\"notes\":\"{}\"}}", "x".repeat(10_001));
    for (content_type, body, status, text) in [
        ("application/json", "{", 400, "Request body is not valid JSON"),
        ("application/json", "[1]", 400, "Request body must be a JSON object"),
        ("application/json", "null", 400, "Request body must be a JSON object"),
        ("text/plain", "{}", 415, "Content-Type must be application/json"),
        (
            "application/json",
            "{\"notes\":\"\\ud83d\"}",
            400,
            "Request body must not contain a lone surrogate",
        ),
        (
            "application/json",
            "{\"notes\":\"\\u0000\"}",
            400,
            "Request body must not contain the character U+0000",
        ),
        ("application/json", long.as_str(), 400, "notes must not be longer than 10000 characters"),
        ("application/json", huge.as_str(), 413, "Request body is larger than 1048576 bytes"),
    ] {
        let reply = host.raw(request(&host, content_type, body)).await;
        assert_eq!(reply.expect(status), json!({ "error": text }));
    }
    assert_eq!(host.get("/api/sessions").await.expect(200), json!([]));
    let reply = host.raw(request(&host, "text/plain", "")).await;
    assert_eq!(reply.status, 201, "an absent body counts as {{}}, whatever its type");
    assert!(reply.headers.contains_key("x-request-id"));
}

fn request(host: &Client, content_type: &str, body: &str) -> Request<Full<Bytes>> {
    Request::post(format!("http://{}/api/sessions", host.addr()))
        .header("authorization", format!("Bearer {}", host.token()))
        .header("content-type", content_type)
        .body(Full::from(body.to_owned()))
        .expect("a request")
}
