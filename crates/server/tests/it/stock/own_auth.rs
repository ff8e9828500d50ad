//! Clients without a web application of their own: the server signs for whoever has a token of its.

use fanfare::config::Rule;
use fanfare_model::channel::ChannelPattern;
use serde_json::json;

use super::{Client, spawn, subscribed, url};
use crate::{
    channels::token,
    support::{Node, TestApp},
};

/// A server on which everybody may enter rooms, and the private channel of his own.
async fn spawn_with_rules() -> TestApp {
    spawn(|config| {
        let pattern = |text| ChannelPattern::parse(text).expect("a pattern");
        let own = Rule::new(pattern("private-user.{id}")).with_claim("sub", "{id}");
        config.channels.rules.extend([own, Rule::new(pattern("presence-room.{id}"))]);
    })
    .await
}

#[tokio::test]
async fn pusher_js_is_signed_for_by_the_rules() {
    let app = spawn_with_rules().await;
    let url = url(&app);
    let mut ann = Client::start(&[&url, "key", &url, "", &token(&json!({"sub": "ann"}))]).await;
    assert_eq!(ann.subscribe("private-user.ann", &[]).await, subscribed("private-user.ann"));
    for channel in ["private-user.bob", "private-other"] {
        let refused = ann.subscribe(channel, &[]).await;
        assert_eq!(refused["event"], "pusher:subscription_error", "{refused}");
        assert_eq!(refused["data"]["status"], 403, "{refused}");
    }
    let seen = ann.subscribe("presence-room.1", &[]).await;
    assert_eq!((&seen["count"], &seen["me"]), (&json!(1), &json!("ann")), "{seen}");
    ann.say(json!({"do": "signin"})).await;
    assert_eq!(ann.hear().await["signed_in"]["id"], "ann");
    ann.hears_nothing().await;
    app.channels().terminate_user("ann").expect("the app");
    assert_eq!(ann.hear().await["error"]["code"], 4009);

    let mut stranger = Client::start(&[&url, "key", &url]).await;
    let refused = stranger.subscribe("presence-room.1", &[]).await;
    assert_eq!(refused["event"], "pusher:subscription_error", "{refused}");
}

#[tokio::test]
async fn laravel_echo_is_signed_for_by_the_rules() {
    let app = spawn_with_rules().await;
    let url = url(&app);
    let token = token(&json!({"sub": "ann"}));
    let mut ann = Node::start("echo-client.mjs", &["reverb", &url, "key", &url, "", &token]);
    ann.say(&json!({"do": "private", "name": "user.ann", "events": ["Said"]})).await;
    assert_eq!(ann.next().await, json!({"channel": "user.ann", "subscribed": true}));
    ann.say(&json!({"do": "private", "name": "user.bob"})).await;
    let refused = ann.next().await;
    assert_eq!((&refused["channel"], &refused["error"]["status"]), (&json!("user.bob"), &json!(403)));
    let data = json!({"n": 1});
    app.channels().publish("private-user.ann", r"App\Events\Said", &data).await.expect("told");
    assert_eq!(ann.next().await, json!({"channel": "user.ann", "event": "Said", "data": data}));
}
