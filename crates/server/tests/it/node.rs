//! The receivers that people already run, in Node: the official `standardwebhooks` package, one
//! that verifies the raw body, one that verifies `JSON.stringify(JSON.parse(body))`, and a bot on
//! the stock `ws` client.

use serde_json::json;

use crate::{
    story::game_named,
    support::{Node, TestApp},
};

const SECRET: &str = "mysecret123";
/// What people might write into titles and notes.
const ODD_TEXTS: &[&str] = &[
    "plain",
    "\"double\" and 'single' quotes, \\ and /",
    "emoji 🎮👩‍👩‍👧 and ünïcödé",
    "line\u{2028}and paragraph\u{2029}separators",
    "newline \n tab \t return \r bell \u{7} backspace \u{8} form feed \u{c} delete \u{7f}",
    "</script><!-- & --> {\"1\":1,\"0\":2} 1e21 0.1 -0 \u{feff} \u{fffd} \u{10ffff}",
];

#[tokio::test]
async fn the_three_kinds_of_receivers_verify_every_title() {
    let mut app = TestApp::spawn().await;
    app.shelve(ODD_TEXTS).await;
    let host = app.host().await;
    let mut receivers = Vec::new();
    for mode in ["standardwebhooks", "raw", "stringify"] {
        let mut node = Node::start("receiver.mjs", &[mode, SECRET]);
        let port = node.next().await["port"].clone();
        let url = format!("http://127.0.0.1:{port}/");
        let body = json!({"name": mode, "url": url, "secret": SECRET, "events": ["*"]});
        host.post("/api/webhooks", body).await.expect(201);
        receivers.push((mode, node));
    }
    for text in ODD_TEXTS {
        let session = host.post("/api/sessions", json!({ "notes": text })).await.expect(201)["id"].clone();
        let game = game_named(&host, text).await["id"].clone();
        let body = json!({"game_id": game, "manually_added": true, "room_code": "ABCD"});
        let row = host.post(&format!("/api/sessions/{session}/games"), body).await.expect(201)["id"].clone();
        let path = format!("/api/sessions/{session}/games/{row}");
        let largest = json!({"player_count": 9_007_199_254_740_991_i64});
        host.patch(&format!("{path}/player-count"), largest).await.expect(200);
        host.patch(&format!("{path}/status"), json!({"status": "skipped"})).await.expect(200);
        host.post(&format!("/api/sessions/{session}/close"), json!({})).await.expect(200);
        for (mode, node) in &mut receivers {
            for _ in 0..5 {
                let request = node.next().await;
                assert_eq!(request["ok"], true, "{mode} on {text:?}: {request}");
                if request["event"] == "game.added" {
                    assert_eq!(request["title"], *text, "{mode}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_bot_on_the_stock_client_hears_the_game() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let url = format!("http://{}", app.addr());
    let mut node = Node::start("bot.mjs", &[&url, host.token(), &session.to_string()]);
    assert_eq!(node.next().await["type"], "auth_success");
    assert_eq!(node.next().await["type"], "subscribed");
    let game = game_named(&host, "Quiplash 3").await["id"].clone();
    host.post(&format!("/api/sessions/{session}/games"), json!({ "game_id": game })).await.expect(201);
    let added = node.next().await;
    assert_eq!(
        (&added["type"], &added["data"]["game"]["title"]),
        (&json!("game.added"), &json!("Quiplash 3"))
    );
    node.end().await;
}
