//! Creating things once under an `Idempotency-Key`.

use std::time::Duration;

use bytes::Bytes;
use fanfare::timers::Clock;
use fanfare_model::Timestamp;
use fanfare_store::idempotency;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

use crate::{
    story::game_named,
    support::{Client, Engine, TestApp, eventually},
};

const KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";

/// The ids of the session's games.
async fn rows(host: &Client, session: &Value) -> usize {
    let rows = host.get(&format!("/api/sessions/{session}/games")).await.expect(200);
    rows.as_array().expect("an array").len()
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer_and_is_done_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut app = TestApp::spawn_on(engine).await;
        let host = app.host().await.with_header(KEY, "friday");
        let body = json!({"notes": "Friday"});
        let first = host.post("/api/sessions", body.clone()).await;
        assert!(!first.headers.contains_key(REPLAYED));
        let again = host.post("/api/sessions", body.clone()).await;
        assert_eq!(again.headers[REPLAYED], "true");
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{engine:?}");
        assert_eq!(again.headers["content-type"], first.headers["content-type"]);

        app.restart().await;
        let host = app.host().await;
        let after_restart = host.with_header(KEY, "friday").post("/api/sessions", body.clone()).await;
        assert_eq!((after_restart.status, after_restart.text), (first.status, first.text));
        assert_eq!(host.get("/api/sessions").await.expect(200).as_array().map(Vec::len), Some(1));
        host.post("/api/sessions", body).await.expect(400);
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let game = game_named(&host, "Earwax").await["id"].clone();
    let path = format!("/api/sessions/{session}/games");
    let keyed = host.with_header(KEY, "a game");
    keyed.post(&path, json!({"game_id": game})).await.expect(201);
    let reused = json!({"error": "Idempotency-Key was used for another request"});
    for (path, body) in [
        (path.as_str(), json!({"game_id": game, "room_code": "ABCD"})),
        (&format!("{path}?again"), json!({"game_id": game})),
        ("/api/sessions/99/games", json!({"game_id": game})),
        ("/api/webhooks", json!({"name": "n", "url": "https://a.example", "secret": "s", "events": ["*"]})),
    ] {
        assert_eq!(keyed.post(path, body).await.expect(422), reused, "{path}");
    }
    // The bytes count, not what they mean.
    let request = Request::post(format!("http://{}{path}", app.addr()))
        .header("authorization", format!("Bearer {}", host.token()))
        .header("content-type", "application/json")
        .header(KEY, "a game")
        .body(Full::<Bytes>::from(format!("{{ \"game_id\": {game} }}")))
        .expect("a request");
    assert_eq!(host.raw(request).await.expect(422), reused);
    assert_eq!(rows(&host, &session).await, 1);
    app.stranger().with_header(KEY, "a game").post(&path, json!({"game_id": game})).await.expect(401);
}

#[tokio::test]
async fn a_refused_request_may_be_tried_again_under_its_key() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let keyed = host.with_header(KEY, "k");
        let running = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
        keyed.post("/api/sessions", json!({})).await.expect(400);
        keyed.post(&format!("/api/sessions/{running}/games"), json!({"game_id": 99_999})).await.expect(404);
        host.post(&format!("/api/sessions/{running}/close"), json!({})).await.expect(200);
        let reply = keyed.post("/api/sessions", json!({})).await;
        assert!(!reply.headers.contains_key(REPLAYED));
        reply.expect(201);
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let error = json!({"error": "Idempotency-Key must be 1 to 255 printable characters"});
    for key in ["", &"k".repeat(256), "clé", "a\tb"] {
        let reply = host.with_header(KEY, key).post("/api/sessions", json!({})).await;
        assert_eq!(reply.expect(400), error, "{key}");
    }
    let two = host.with_header(KEY, "one").with_header(KEY, "two");
    assert_eq!(two.post("/api/sessions", json!({})).await.expect(400), error);
    host.with_header(KEY, &"k".repeat(255)).post("/api/sessions", json!({})).await.expect(201);
}

#[tokio::test]
async fn of_fifty_at_once_one_is_done_and_all_get_its_answer() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
        let game = game_named(&host, "Earwax").await["id"].clone();
        let path = format!("/api/sessions/{session}/games");
        let keyed = host.with_header(KEY, "one game");
        let body = json!({"game_id": game});
        let send = || keyed.post(&path, body.clone());
        let replies = futures_util::future::join_all((0..50).map(|_| send())).await;
        let done = replies.iter().filter(|reply| !reply.headers.contains_key(REPLAYED)).count();
        assert_eq!(done, 1, "{engine:?}");
        for reply in &replies {
            assert_eq!((reply.status.as_u16(), &reply.text), (201, &replies[0].text), "{engine:?}");
        }
        assert_eq!(rows(&host, &session).await, 1);

        // Different keys on one session do not get in each other's way.
        let many = (0..50).map(|n| {
            let keyed = host.with_header(KEY, &format!("game {n}"));
            let (path, body) = (&path, body.clone());
            async move { keyed.post(path, body).await.expect(201) }
        });
        futures_util::future::join_all(many).await;
        assert_eq!(rows(&host, &session).await, 51);
    }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_then_removed() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let mut app = TestApp::spawn_with(engine, clock.clone(), |_| {}).await;
        let webhook = json!({"name": "n", "url": "https://a.example", "secret": "s", "events": ["x.y"]});
        for key in ["a", "b"] {
            app.host().await.with_header(KEY, key).post("/api/webhooks", webhook.clone()).await.expect(201);
        }
        let is_replayed = async |key: &str| {
            let reply = app.host().await.with_header(KEY, key).post("/api/webhooks", webhook.clone()).await;
            reply.expect(201);
            reply.headers.contains_key(REPLAYED)
        };
        clock.advance(Duration::from_hours(24));
        assert!(is_replayed("a").await);
        clock.advance(Duration::from_millis(1));
        assert!(!is_replayed("a").await, "{engine:?}");
        assert!(is_replayed("a").await);

        let commits = async || {
            let metrics = app.host().await.get("/metrics").await.text;
            let count = metrics.lines().find_map(|line| line.strip_prefix("fanfare_commit_jobs_count "));
            count.expect("the figure").parse::<u64>().expect("a number")
        };
        // A round has three: of answers, attempts and events. The first, which began with the server, may
        // still be under way.
        let after_two_rounds = commits().await + 6;
        eventually("housekeeping", async || {
            clock.advance(Duration::from_mins(10));
            (commits().await >= after_two_rounds).then_some(())
        })
        .await;
        let kept = app.at_rest(|tx| idempotency::forget(tx, Timestamp::from_millis(i64::MAX), 100)).await;
        assert_eq!(kept, 1, "the younger answer of {engine:?}");
    }
}
