//! pusher-js on every kind of channel.

use serde_json::json;

use super::{Backend, Client, spawn, subscribed};

#[tokio::test]
async fn a_public_channel_is_heard_until_it_is_left() {
    let app = spawn(|_| ()).await;
    let mut client = Client::connect(&app, None, None).await;
    assert_eq!(client.subscribe("orders", &[]).await, subscribed("orders"));
    let data = json!({"id": 1, "note": "\u{2028}é\"🎮"});
    app.channels().publish("orders", "created", &data).await.expect("told");
    assert_eq!(client.hear().await, json!({"channel": "orders", "event": "created", "data": data}));
    // Clients decode what is JSON; what an application sends as a text stays one.
    app.channels().publish("orders", "text", &json!("plain")).await.expect("told");
    assert_eq!(client.hear().await["data"], "plain");
    client.say(json!({"do": "unsubscribe", "channel": "orders"})).await;
    client.hears_nothing().await;
    assert_eq!(app.channels().subscriptions("orders"), Ok(0));
    app.channels().publish("orders", "created", &data).await.expect("told");
    client.hears_nothing().await;
    client.node.end().await;
}

#[tokio::test]
async fn private_channels_need_a_signature_and_client_events_pass_between_their_subscribers() {
    let app = spawn(|_| ()).await;
    let backend = Backend::start(&app).await;
    let channel = "private-room";
    let mut stranger = Client::connect(&app, Some(&backend), None).await;
    let refused = stranger.subscribe(channel, &[]).await;
    assert_eq!(refused["event"], "pusher:subscription_error");
    assert_eq!(refused["data"]["status"], 403, "the web application's word: {refused}");
    let mut clients = Vec::new();
    for user in ["ann", "bob"] {
        let mut client = Client::connect(&app, Some(&backend), Some(&json!(user))).await;
        assert_eq!(client.subscribe(channel, &["client-typing"]).await, subscribed(channel));
        clients.push(client);
    }
    let typing = json!({"do": "trigger", "channel": channel, "event": "client-typing", "data": {"on": true}});
    clients[0].say(typing).await;
    assert_eq!(
        clients[1].hear().await,
        json!({"channel": channel, "event": "client-typing", "data": {"on": true}})
    );
    clients[0].hears_nothing().await;
    app.channels().publish(channel, "news", &json!([1])).await.expect("told");
    for client in &mut clients {
        assert_eq!(client.hear().await["data"], json!([1]));
    }
    stranger.hears_nothing().await;
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let app = spawn(|_| ()).await;
    let mut backend =
        crate::support::Node::start("backend.mjs", &[&super::url(&app), "night", "key", "forged"]);
    let auth = format!("http://127.0.0.1:{}", backend.next().await["port"]);
    let mut client = Client::start(&[&super::url(&app), "key", &auth, "1"]).await;
    for channel in ["private-room", "presence-room", "private-encrypted-room"] {
        let refused = client.subscribe(channel, &[]).await;
        assert_eq!(refused["event"], "pusher:subscription_error", "{refused}");
        assert_eq!(
            (&refused["data"]["type"], &refused["data"]["status"]),
            (&json!("AuthError"), &json!(401)),
            "{refused}"
        );
    }
    client.hears_nothing().await;
    assert_eq!(app.channels().statistics().expect("the app").channels, 0);
}

#[tokio::test]
async fn presence_knows_each_user_once() {
    let app = spawn(|_| ()).await;
    let backend = Backend::start(&app).await;
    let channel = "presence-room";
    let info = |user: &str| json!({ "name": format!("user {user}") });
    let mut ann = Client::connect(&app, Some(&backend), Some(&json!("ann"))).await;
    assert_eq!(
        ann.subscribe(channel, &["client-hi"]).await,
        json!({
            "channel": channel, "event": "pusher:subscription_succeeded",
            "members": {"ann": info("ann")}, "count": 1, "me": "ann",
        })
    );
    let mut seven = Client::connect(&app, Some(&backend), Some(&json!(7))).await;
    let found = seven.subscribe(channel, &["client-hi"]).await;
    assert_eq!(found["members"], json!({"ann": info("ann"), "7": info("7")}));
    assert_eq!((&found["count"], &found["me"]), (&json!(2), &json!(7)));
    let added = ann.hear().await;
    assert_eq!(added["event"], "pusher:member_added");
    assert_eq!(added["data"]["info"], info("7"));
    assert!(added["data"]["id"] == "7" || added["data"]["id"] == 7, "{added}");

    // The same user once more, whose id is a text this time.
    let mut again = Client::connect(&app, Some(&backend), Some(&json!("7"))).await;
    assert_eq!(again.subscribe(channel, &[]).await["count"], 2);
    ann.hears_nothing().await;
    seven.say(json!({"do": "trigger", "channel": channel, "event": "client-hi", "data": {}})).await;
    let heard = ann.hear().await;
    assert_eq!((&heard["event"], &heard["user_id"]), (&json!("client-hi"), &json!("7")), "{heard}");
    assert_eq!(again.hear().await["event"], "client-hi");
    seven.say(json!({"do": "disconnect"})).await;
    assert_eq!(seven.hear().await["state"], "disconnected");
    ann.hears_nothing().await;
    again.say(json!({"do": "unsubscribe", "channel": channel})).await;
    let removed = ann.hear().await;
    assert_eq!(removed["event"], "pusher:member_removed");
    assert_eq!(removed["data"]["info"], info("7"), "the client still knew the member");
    assert_eq!(app.channels().members(channel).expect("a name").len(), 1);
}

#[tokio::test]
async fn a_cache_channel_gives_its_last_event_to_who_comes_later() {
    let app = spawn(|_| ()).await;
    let backend = Backend::start(&app).await;
    for channel in ["cache-prices", "private-cache-prices", "presence-cache-prices"] {
        let mut first = Client::connect(&app, Some(&backend), Some(&json!("ann"))).await;
        let answer = first.subscribe(channel, &[]).await;
        assert_eq!(answer["event"], "pusher:subscription_succeeded");
        assert_eq!(first.hear().await["event"], "pusher:cache_miss", "{channel}");
        for price in [1, 2] {
            app.channels().publish(channel, "price", &json!(price)).await.expect("told");
            assert_eq!(first.hear().await["data"], price);
        }
        // What clients say to each other is not kept.
        if channel != "cache-prices" {
            first.say(json!({"do": "trigger", "channel": channel, "event": "client-x", "data": 3})).await;
            first.hears_nothing().await;
        }
        let mut second = Client::connect(&app, Some(&backend), Some(&json!("ann"))).await;
        let answer = second.subscribe(channel, &[]).await;
        assert_eq!(answer["event"], "pusher:subscription_succeeded");
        assert_eq!(second.hear().await, json!({"channel": channel, "event": "price", "data": 2}));
        second.hears_nothing().await;
        first.hears_nothing().await;
    }
}

#[tokio::test]
async fn counts_of_subscriptions_reach_the_clients_of_an_app_that_wants_them() {
    let app = spawn(|_| ()).await;
    let host = app.host().await;
    host.patch("/api/apps/night", json!({"subscription_counts": true})).await.expect(200);
    let mut first = Client::connect(&app, None, None).await;
    let count = |count: u64| {
        let data = json!({"subscription_count": count});
        json!({"channel": "orders", "event": "pusher:subscription_count", "data": data})
    };
    assert_eq!(first.subscribe("orders", &[]).await, subscribed("orders"));
    assert_eq!(first.hear().await, count(1));
    let mut second = Client::connect(&app, None, None).await;
    assert_eq!(second.subscribe("orders", &[]).await, subscribed("orders"));
    assert_eq!(second.hear().await, count(2));
    assert_eq!(first.hear().await, count(2));
    second.say(json!({"do": "disconnect"})).await;
    assert_eq!(first.hear().await, count(1));
}

/// Takes a while: pusher-js tries again at once, and if the server is not back by then, after 15 s.
#[tokio::test]
async fn a_client_comes_back_after_a_restart_subscribes_again_and_signs_in_again() {
    let mut app = spawn(|_| ()).await;
    let addr = app.addr();
    app.reconfigure(|config| config.listen = addr);
    let mut backend = Backend::start(&app).await;
    let mut client = Client::connect(&app, Some(&backend), Some(&json!("ann"))).await;
    let channels = ["orders", "presence-room", "private-room"];
    for channel in channels {
        assert_eq!(client.subscribe(channel, &[]).await["event"], "pusher:subscription_succeeded");
    }
    client.say(json!({"do": "signin"})).await;
    assert_eq!(client.hear().await["signed_in"]["id"], "ann");
    client.hears_nothing().await;
    let before = client.id.clone();
    app.restart().await;
    client.connected().await;
    assert_ne!(client.id, before);
    // Each is signed by itself, so any may come first.
    let mut back = Vec::new();
    for _ in 0..=channels.len() {
        let heard = client.hear().await;
        assert!(
            heard["event"] == "pusher:subscription_succeeded" || heard["signed_in"]["id"] == "ann",
            "{heard}"
        );
        back.extend(heard["channel"].as_str().map(str::to_owned));
    }
    back.sort_unstable();
    assert_eq!(back, channels);
    client.hears_nothing().await;
    app.channels().publish("private-room", "news", &json!(1)).await.expect("told");
    assert_eq!(client.hear().await["event"], "news");
    assert_eq!(backend.call("sendToUser", json!(["ann", "greeting", 1])).await.0, 200);
    assert_eq!(client.hear().await, json!({"user": "greeting", "data": 1}));
}
