//! Apps: the one there always is, the one that the configuration gives, and which hold after a restart.

use fanfare::{Server, timers::Clock};
use fanfare_model::application::Preset;
use serde_json::{Value, json};

use crate::support::{Client, Engine, TestApp};

fn preset(text: &str) -> Preset {
    text.parse().expect("three parts")
}

async fn apps(host: &Client) -> Vec<Value> {
    host.get("/api/apps").await.expect(200).as_array().expect("a list").clone()
}

/// Id and key of each app, and whether it is the default one.
async fn names(host: &Client) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let name = |app: &Value| (text(&app["id"]), text(&app["key"]), app["is_default"] == true);
    apps(host).await.iter().map(name).collect()
}

#[tokio::test]
async fn the_first_start_makes_one_that_stays() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut app = TestApp::spawn_on(engine).await;
        let first = apps(&app.host().await).await;
        let (id, key) = (first[0]["id"].as_str().expect("a text"), first[0]["key"].as_str().expect("a text"));
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_digit()), "{id}");
        assert_eq!((key.len(), first.len()), (20, 1));
        let other = TestApp::spawn().await;
        assert_ne!(names(&other.host().await).await[0].1, key, "nobody else has the key");

        let made = app.host().await.post("/api/apps", json!({"name": "Chat"})).await.expect(201);
        assert_eq!(made["secret"].as_str().map(str::len), Some(64));
        app.restart().await;
        let again = apps(&app.host().await).await;
        assert_eq!((again.len(), &again[0], &again[1]["id"]), (2, &first[0], &made["id"]));
        assert!(again.iter().all(|app| app.get("secret").is_none()), "secrets are shown once");
    }
}

#[tokio::test]
async fn the_configuration_gives_the_default_one() {
    let line = |id: &str, key: &str, is_default| (id.to_owned(), key.to_owned(), is_default);
    let mut app =
        TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| config.app = Some(preset("1:key:hush")))
            .await;
    assert_eq!(names(&app.host().await).await, [line("1", "key", true)]);
    let refused = app.host().await.post("/api/apps/1/rotate", json!({})).await.expect(409);
    assert_eq!(refused["error"], "The secret of this app stands in the configuration, as app");
    app.host().await.patch("/api/apps/1", json!({"members_max": 5})).await.expect(200);

    // Another secret is taken beside the one before it.
    app.reconfigure(|config| config.app = Some(preset("1:key:another")));
    app.restart().await;
    let changed = apps(&app.host().await).await.remove(0);
    assert!(changed["old_secret_until"].is_string(), "{changed}");
    assert_eq!((&changed["is_default"], &changed["members_max"]), (&json!(true), &json!(5)));

    // Another app takes its place, and it goes on as any other.
    app.reconfigure(|config| config.app = Some(preset("2:key2:hush")));
    app.restart().await;
    assert_eq!(names(&app.host().await).await, [line("2", "key2", true), line("1", "key", false)]);
    app.host().await.delete("/api/apps/2").await.expect(409);

    // Without a word of the configuration all stays as it is.
    app.reconfigure(|config| config.app = None);
    app.restart().await;
    assert_eq!(names(&app.host().await).await[0], line("2", "key2", true));
    app.host().await.delete("/api/apps/1").await.expect(200);
    app.host().await.post("/api/apps/2/rotate", json!({})).await.expect(200);
}

#[tokio::test]
async fn a_key_that_another_app_has_keeps_the_server_from_starting() {
    let mut app =
        TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| config.app = Some(preset("1:key:hush")))
            .await;
    app.reconfigure(|config| config.app = Some(preset("2:key:hush")));
    app.stop().await;
    let error = Server::start(app.config().clone(), Clock::real()).await.err().expect("it does not start");
    assert_eq!(error.to_string(), "app: another app has this key already");
}
