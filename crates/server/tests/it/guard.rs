//! What every request passes and every answer carries.

use std::time::Duration;

use bytes::Bytes;
use fanfare::timers::Clock;
use fanfare_model::Timestamp;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Request};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Client, Engine, Listener, TestApp, eventually, soon};

/// A server that believes what this machine says of where requests come from.
async fn behind_a_proxy(clock: &Clock, configure: impl FnOnce(&mut fanfare::config::Http)) -> TestApp {
    TestApp::spawn_with(Engine::Sqlite, clock.clone(), |config| {
        config.http.trusted_proxies =
            vec!["127.0.0.1".parse().map(std::net::IpAddr::into).expect("an address")];
        configure(&mut config.http);
    })
    .await
}

fn client_at(app: &TestApp, address: &str) -> Client {
    app.stranger().with_header("x-forwarded-for", address)
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let clock = Clock::manual(Timestamp::from_millis(0));
    let app = behind_a_proxy(&clock, |http| http.requests_per_second = 2).await;
    let (busy, other) = (client_at(&app, "9.9.9.9"), client_at(&app, "10.0.0.7"));
    for _ in 0..4 {
        busy.get("/health").await.expect(200);
    }
    for path in ["/health", "/nowhere", "/api/sessions/live"] {
        let reply = busy.get(path).await;
        assert_eq!(reply.headers["retry-after"], "1", "{path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.expect(429), json!({"error": "Too many requests"}));
    }
    // What the client puts in front of its own address does not count.
    client_at(&app, "8.8.8.8, 9.9.9.9").get("/health").await.expect(429);
    other.get("/health").await.expect(200);
    clock.advance(Duration::from_secs(1));
    busy.get("/health").await.expect(200);
    // The proxy speaks for itself when it names nobody.
    for status in [200, 200, 200, 200, 429] {
        app.stranger().get("/health").await.expect(status);
    }
}

#[tokio::test]
async fn this_machine_may_ask_as_often_as_it_likes() {
    let app = TestApp::spawn_with(Engine::Sqlite, Clock::manual(Timestamp::from_millis(0)), |config| {
        config.http.requests_per_second = 1;
    })
    .await;
    for _ in 0..20 {
        client_at(&app, "9.9.9.9").get("/health").await.expect(200);
    }
}

#[tokio::test]
async fn wrong_keys_count_against_the_client_behind_the_proxy() {
    let app = behind_a_proxy(&Clock::real(), |_| {}).await;
    let (guesser, host) = (client_at(&app, "9.9.9.9"), client_at(&app, "10.0.0.7"));
    for _ in 0..5 {
        guesser.post("/api/auth/login", json!({"key": "guess"})).await.expect(401);
    }
    guesser.post("/api/auth/login", json!({"key": TestApp::ADMIN_KEY})).await.expect(429);
    host.post("/api/auth/login", json!({"key": TestApp::ADMIN_KEY})).await.expect(200);
}

#[tokio::test]
async fn streams_through_a_proxy_count_for_their_client() {
    let app = behind_a_proxy(&Clock::real(), |http| http.connections_max_per_address = 2).await;
    let (greedy, other) = (client_at(&app, "9.9.9.9"), client_at(&app, "10.0.0.7"));
    let host = other.sign_in(TestApp::ADMIN_KEY).await;
    let greedy = greedy.with_token(host.token());
    let streams =
        [Listener::open(&greedy, "/api/events").await, Listener::open(&greedy, "/api/events").await];
    let reply = greedy.get("/health").await;
    assert_eq!(reply.headers["retry-after"], "1");
    assert_eq!(reply.expect(429), json!({"error": "Too many connections from this address"}));
    other.get("/health").await.expect(200);
    drop(streams);
}

#[tokio::test]
async fn sockets_through_a_proxy_count_for_their_client() {
    let app = behind_a_proxy(&Clock::real(), |http| http.connections_max_per_address = 1).await;
    let mut socket = TcpStream::connect(app.addr()).await.expect("connected");
    let request = "GET /api/sessions/live HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 9.9.9.9\r\nconnection: upgrade\r\n\
        upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut status = [0; 12];
    soon("an upgrade", socket.read_exact(&mut status)).await.expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 101");
    client_at(&app, "9.9.9.9").get("/health").await.expect(429);
    client_at(&app, "9.9.9.8").get("/health").await.expect(200);
    drop(socket);
    eventually("a free place", async || {
        (client_at(&app, "9.9.9.9").get("/health").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_answer_tells_browsers_to_keep_their_hands_off() {
    let app = TestApp::spawn().await;
    for (path, status) in
        [("/health", 200), ("/nowhere", 404), ("/api/webhooks", 401), ("/api/sessions/live", 426)]
    {
        let reply = app.stranger().get(path).await;
        assert_eq!(reply.status, status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(reply.headers[name], value, "{name} of {path}");
        }
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
    }
}

/// What a browser asks before a request that is not plain.
async fn preflight(app: &TestApp, origin: &str) -> HeaderMap {
    let request = Request::options(format!("http://{}/api/sessions", app.addr()))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,idempotency-key")
        .body(Full::<Bytes>::default())
        .expect("a request");
    app.stranger().raw(request).await.headers
}

#[tokio::test]
async fn only_pages_of_named_origins_may_use_the_api() {
    const ALLOWED: &str = "access-control-allow-origin";
    let with = async |origins: &[&str]| {
        let origins = origins.iter().map(|origin| origin.parse().expect("an origin")).collect();
        TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| config.http.cors_origins = origins).await
    };
    let ours = "https://dash.example";
    let named = with(&[ours, "http://localhost:8080"]).await;
    for (app, origin, allowed) in [
        (&with(&[]).await, ours, None),
        (&named, ours, Some(ours)),
        (&named, "http://localhost:8080", Some("http://localhost:8080")),
        (&named, "https://evil.example", None),
        (&with(&["*"]).await, "https://any.example", Some("*")),
    ] {
        let headers = preflight(app, origin).await;
        assert_eq!(headers.get(ALLOWED).map(|value| value.to_str().expect("ASCII")), allowed, "{origin}");
        if allowed.is_some() {
            let list = |name: &str| headers[name].to_str().expect("ASCII").to_ascii_lowercase();
            assert_eq!(list("access-control-allow-methods"), "get,head,post,put,patch,delete");
            let asked = "authorization,content-type,idempotency-key,last-event-id";
            assert_eq!(list("access-control-allow-headers"), asked);
        }
        let reply = app.stranger().with_header("origin", origin).get("/nowhere").await;
        assert_eq!(reply.headers.get(ALLOWED).map(|value| value.to_str().expect("ASCII")), allowed);
        if allowed.is_some() {
            let exposed = "location,retry-after,idempotency-replayed,x-request-id";
            assert_eq!(reply.headers["access-control-expose-headers"], exposed);
            assert!(!reply.headers.contains_key("cross-origin-resource-policy"));
        }
        assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn methods_that_are_not_there_say_which_are() {
    let app = TestApp::spawn().await;
    let stranger = app.stranger();
    for (path, allowed) in [
        ("/health", "GET,HEAD"),
        ("/api/sessions", "GET,HEAD,POST"),
        ("/api/auth/login", "POST"),
        ("/api/sessions/live", "GET,HEAD"),
        ("/api/events", "GET,HEAD"),
    ] {
        let refused = stranger.send(Method::PUT, path, None).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.headers["allow"]),
            (405, &allowed.parse().expect("a value"))
        );
        let options = stranger.send(Method::OPTIONS, path, None).await;
        assert_eq!((options.status.as_u16(), options.text.as_str()), (204, ""), "{path}");
        assert_eq!(options.headers["allow"], allowed);
    }
    for path in ["/health", "/api/games", "/api/sessions/1"] {
        let (get, head) = (stranger.get(path).await, stranger.send(Method::HEAD, path, None).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
        assert_eq!(head.headers["content-length"], get.headers["content-length"]);
    }
}

#[tokio::test]
async fn a_server_is_ready_when_its_database_answers() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        assert_eq!(app.stranger().get("/readyz").await.expect(200), json!({"status": "ready"}), "{engine:?}");
    }
}

#[tokio::test]
async fn a_server_whose_database_another_one_has_is_not_ready() {
    let app = TestApp::spawn_on(Engine::Postgres).await;
    app.take_over();
    let error = eventually("a refusal", async || {
        let reply = app.stranger().get("/readyz").await;
        (reply.status == 503).then(|| reply.json()["error"].clone())
    })
    .await;
    assert!(
        ["The lock on the database is lost", "The database does not answer"]
            .map(|text| json!(text))
            .contains(&error),
        "{error}"
    );
    app.stranger().get("/health").await.expect(200);
}
