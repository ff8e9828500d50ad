//! Event streams against the real server.

use fanfare::timers::Clock;
use fanfare_model::Timestamp;
use hyper::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    connections::{is_served, passing_time},
    sockets::{more_events, session_with_events},
    support::{Client, Engine, Listener, TestApp, eventually},
};

async fn follow(client: &Client, session: &Value) -> Listener {
    Listener::open(client, &format!("/api/sessions/{session}/events")).await
}

#[tokio::test]
async fn a_stranger_hears_what_a_bot_hears() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let session = session_with_events(&host, 1).await;
    let mut listener = follow(&app.stranger(), &session).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store, no-transform"),
        ("x-accel-buffering", "no"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(listener.headers[name], value, "{name}");
    }
    assert_eq!(listener.block().await.as_deref(), Some(":\nid: 2\n\n"));
    let mut bot = app.bot().await;
    bot.subscribe(&session).await;
    more_events(&host, &session, &json!(1), 2).await;
    for id in ["3", "4"] {
        assert_eq!(listener.hear().await, bot.hear().await);
        assert_eq!(listener.last_id.as_deref(), Some(id));
    }
    let metrics = host.get("/metrics").await.text;
    assert!(metrics.contains("\nfanfare_streams 1\n"), "{metrics}");
    drop(listener);
}

#[tokio::test]
async fn a_listener_resumes_across_a_restart_without_a_gap_or_a_duplicate() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let session = session_with_events(&host, 3).await;
        let mut seqs = Vec::new();
        let mut listener = follow(&app.stranger().with_header("last-event-id", "0"), &session).await;
        for _ in 0..4 {
            seqs.push(listener.hear().await["seq"].as_i64().expect("a seq"));
        }
        tokio::join!(app.restart(), listener.end());
        let last_id = listener.last_id.expect("some");
        let host = app.host().await;
        more_events(&host, &session, &json!(1), 2).await;
        let mut listener = follow(&app.stranger().with_header("last-event-id", &last_id), &session).await;
        more_events(&host, &session, &json!(1), 2).await;
        for _ in 0..4 {
            seqs.push(listener.hear().await["seq"].as_i64().expect("a seq"));
        }
        assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7, 8], "{engine:?}");
    }
}

#[tokio::test]
async fn a_listener_that_joins_while_events_flow_hears_each_once_in_order() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let session = session_with_events(&host, 1).await;
        let load = futures_util::future::join_all((1..=8).map(|one| events_of(&host, &session, one)));
        let listen = async {
            let path = format!("/api/sessions/{session}/events?lastEventId=0");
            let mut listener = Listener::open(&app.stranger(), &path).await;
            for seq in 1..=402 {
                assert_eq!(listener.hear().await["seq"], seq, "{engine:?}");
            }
        };
        tokio::join!(load, listen);
    }
}

/// Fifty events of one of several who write at a time; nobody sets what another one does.
async fn events_of(host: &Client, session: &Value, one: u64) {
    let path = format!("/api/sessions/{session}/games/1/player-count");
    for count in 0..50 {
        host.patch(&path, json!({"player_count": one * 100 + count})).await.expect(200);
    }
}

#[tokio::test]
async fn where_a_stream_begins() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let session = session_with_events(&host, 2).await;
    let path = format!("/api/sessions/{session}/events");
    let resync = json!({"type": "resync", "sessionId": session, "seq": 3, "message": "Missed events are not available; fetch the session again"});
    for (header, query, first_id, first) in [
        (None, "", "3", None),
        (None, "?lastEventId=1", "1", Some(json!(2))),
        (Some("2"), "?lastEventId=1", "2", Some(json!(3))),
        (Some(""), "?lastEventId=2", "2", Some(json!(3))),
        (Some("3"), "", "3", None),
        (Some("x"), "", "3", None),
        (Some("-1"), "?lastEventId=1", "3", None),
        (Some("4"), "", "3", Some(resync.clone())),
        (None, "?lastEventId=99999999999999999999", "3", Some(resync)),
    ] {
        let stranger = header.map_or(app.stranger(), |id| app.stranger().with_header("last-event-id", id));
        let mut listener = Listener::open(&stranger, &format!("{path}{query}")).await;
        let opening = listener.block().await.expect("an opening");
        assert_eq!(opening, format!(":\nid: {first_id}\n\n"), "{header:?} {query}");
        let Some(first) = first else { continue };
        let heard = listener.hear().await;
        assert!(heard == first || heard["seq"] == first, "{header:?} {query}: {heard}");
    }
    for id in ["99", "0", "x"] {
        let reply = app.stranger().get(&format!("/api/sessions/{id}/events")).await;
        assert_eq!(reply.headers["content-type"], "application/json");
        assert_eq!(reply.expect(404), json!({"error": "Session not found"}));
    }
}

#[tokio::test]
async fn a_token_holder_hears_everything() {
    let app = TestApp::spawn().await;
    let (host, stranger) = (app.host().await, app.stranger());
    let by_query = format!("/api/events?access_token={}", host.token());
    let mut listeners =
        [Listener::open(&host, "/api/events").await, Listener::open(&stranger, &by_query).await];
    let mut bot = app.bot().await;
    let session = session_with_events(&host, 1).await;
    let started = bot.hear().await;
    for listener in &mut listeners {
        assert_eq!(listener.hear().await, started);
        assert_eq!(listener.last_id.as_deref(), started["id"].as_str());
        let added = listener.hear().await;
        assert_eq!((&added["type"], &added["data"]["session"]["id"]), (&json!("game.added"), &session));
    }
    for (path, status, error) in [
        ("/api/events", 401, "Access token required"),
        ("/api/events?access_token=", 401, "Access token required"),
        ("/api/events?access_token=x.y.z", 403, "Invalid or expired token"),
    ] {
        assert_eq!(stranger.get(path).await.expect(status), json!({ "error": error }), "{path}");
    }
    let head = host.send(Method::HEAD, "/api/events", None).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    let elsewhere = format!("/api/webhooks?access_token={}", host.token());
    stranger.get(&elsewhere).await.expect(401);
}

/// Somebody who hears everything, and comes back with the last id that he heard.
async fn come_back(host: &Client, last_id: Option<String>) -> Listener {
    Listener::open(&host.with_header("last-event-id", &last_id.expect("an id")), "/api/events").await
}

#[tokio::test]
async fn whoever_hears_everything_resumes_across_a_restart_without_a_gap_or_a_duplicate() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let mut listener = Listener::open(&host, "/api/events").await;
        let first = session_with_events(&host, 2).await;
        let mut heard = Vec::new();
        heard.push(listener.hear().await);
        tokio::join!(app.restart(), listener.end());
        let host = app.host().await;
        host.post(&format!("/api/sessions/{first}/close"), json!({})).await.expect(200);
        let second = session_with_events(&host, 1).await;
        // Something that no stream carries.
        host.post("/api/events/fire", json!({"event": "order.paid"})).await.expect(201);
        more_events(&host, &first, &json!(1), 1).await;
        let mut listener = come_back(&host, listener.last_id).await;
        more_events(&host, &second, &json!(2), 1).await;
        let of_sessions = [all_ids(&app, &first).await, all_ids(&app, &second).await];
        for _ in 1..of_sessions.concat().len() {
            heard.push(listener.hear().await);
        }
        let heard: Vec<_> = heard.iter().map(|event| event["id"].as_str().expect("an id")).collect();
        for ids in of_sessions {
            let of_session: Vec<_> = heard.iter().filter(|id| ids.iter().any(|other| other == *id)).collect();
            assert_eq!(of_session, ids.iter().collect::<Vec<_>>(), "{engine:?}");
        }
    }
}

/// The ids of a session's events, in their order.
async fn all_ids(app: &TestApp, session: &Value) -> Vec<String> {
    let position = follow(&app.stranger(), session).await.block().await.expect("a position");
    let last: u64 = position.trim_matches([':', '\n']).trim_start_matches("id: ").parse().expect("a seq");
    let mut listener = follow(&app.stranger().with_header("last-event-id", "0"), session).await;
    let mut ids = Vec::new();
    for _ in 0..last {
        ids.push(listener.hear().await["id"].as_str().expect("an id").to_owned());
    }
    ids
}

#[tokio::test]
async fn where_the_stream_of_everything_begins() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let fresh = Listener::open(&host, "/api/events").await.block().await;
    assert_eq!(fresh.as_deref(), Some(":\nid: 0\n\n"));
    let session = session_with_events(&host, 2).await;
    let mut listener = follow(&app.stranger().with_header("last-event-id", "0"), &session).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(listener.hear().await["id"].as_str().expect("an id").to_owned());
    }
    let [one, two, three] = [&*ids[0], &*ids[1], &*ids[2]];
    let fired = host.post("/api/events/fire", json!({"event": "order.paid"})).await.expect(201);
    let fired = fired["id"].as_str().expect("an id");
    let resync =
        json!({"type": "resync", "message": "Missed events are not available; fetch again what you show"});
    for (header, query, place, first) in [
        (None, "", 3, None),
        (Some(one), "", 1, Some(two)),
        (None, one, 1, Some(two)),
        (None, "0", 0, Some(one)),
        (Some(two), one, 2, Some(three)),
        (Some(""), two, 2, Some(three)),
        (Some("2"), "", 2, Some(three)),
        (Some(three), "", 3, None),
        (Some("4"), "", 3, Some("resync")),
        (Some(fired), "", 3, Some("resync")),
        (None, "%0Adata:%201", 3, Some("resync")),
        (None, "%00", 3, Some("resync")),
    ] {
        let client = header.map_or(host.clone(), |id| host.with_header("last-event-id", id));
        let mut listener = Listener::open(&client, &format!("/api/events?lastEventId={query}")).await;
        let opening = listener.block().await.expect("an opening");
        assert_eq!(opening, format!(":\nid: {place}\n\n"), "{header:?} {query}");
        let Some(first) = first else { continue };
        let heard = listener.hear().await;
        assert!(heard == resync && first == "resync" || heard["id"] == first, "{header:?} {query}: {heard}");
    }
}

/// Opens a stream without a client library, which would be confused by a refusal.
async fn open_bare(app: &TestApp, path: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(app.addr()).await.expect("the backlog takes it");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.ok()?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.ok()?;
    (&status == b"HTTP/1.1 200").then_some(stream)
}

#[tokio::test]
async fn a_stream_is_kept_open_and_holds_its_connection() {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let app =
        TestApp::spawn_with(Engine::Sqlite, clock.clone(), |config| config.http.connections_max = 1).await;
    let host = app.host().await;
    let session = session_with_events(&host, 0).await;
    drop(host);
    let path = format!("/api/sessions/{session}/events");
    let mut stream = eventually("a place", || open_bare(&app, &path)).await;
    let comment = async {
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n3\r\n:\n\n\r\n") {
            heard.push(stream.read_u8().await.expect("it goes on"));
        }
    };
    passing_time(&clock, comment).await;
    assert_eq!(is_served(&app).await, None);
    drop(stream);
    passing_time(&clock, eventually("a free place", || is_served(&app))).await;
}
