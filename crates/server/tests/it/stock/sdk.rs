//! Pusher's server SDK on the HTTP API.

use serde_json::json;

use super::{Backend, Client, spawn, subscribed};

#[tokio::test]
async fn events_are_triggered_alone_and_in_batches_and_senders_left_out() {
    let app = spawn(|_| ()).await;
    let mut backend = Backend::start(&app).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = Client::connect(&app, Some(&backend), None).await;
        for channel in ["a", "b"] {
            assert_eq!(client.subscribe(channel, &[]).await, subscribed(channel));
        }
        clients.push(client);
    }
    let event = |channel: &str, event: &str, data| json!({"channel": channel, "event": event, "data": data});
    assert_eq!(backend.call("trigger", json!([["a", "b"], "x", {"n": 1}])).await, (json!(200), json!({})));
    for client in &mut clients {
        assert_eq!(client.hear().await, event("a", "x", json!({"n": 1})));
        assert_eq!(client.hear().await, event("b", "x", json!({"n": 1})));
    }
    let except = json!({"socket_id": clients[0].id});
    assert_eq!(backend.call("trigger", json!(["a", "y", "text", except])).await.0, 200);
    assert_eq!(clients[1].hear().await, event("a", "y", json!("text")));
    clients[0].hears_nothing().await;
    let batch = json!([[
        {"channel": "a", "name": "one", "data": 1, "socket_id": clients[1].id},
        {"channel": "b", "name": "two", "data": [2]},
    ]]);
    assert_eq!(backend.call("triggerBatch", batch).await, (json!(200), json!({})));
    assert_eq!(clients[0].hear().await, event("a", "one", json!(1)));
    for client in &mut clients {
        assert_eq!(client.hear().await, event("b", "two", json!([2])));
    }
    let (status, why) = backend.call("trigger", json!(["a", "large", "x".repeat(11 << 10)])).await;
    assert_eq!(status, 413, "{why}");
    for client in &mut clients {
        client.hears_nothing().await;
    }
}

#[tokio::test]
async fn channels_are_asked_for() {
    let app = spawn(|_| ()).await;
    let mut backend = Backend::start(&app).await;
    let mut ann = Client::connect(&app, Some(&backend), Some(&json!("ann"))).await;
    let mut seven = Client::connect(&app, Some(&backend), Some(&json!(7))).await;
    for client in [&mut ann, &mut seven] {
        client.subscribe("presence-room", &[]).await;
    }
    assert_eq!(ann.hear().await["event"], "pusher:member_added");
    ann.subscribe("orders", &[]).await;
    let get = |path: &str, params| json!([{"path": path, "params": params}]);
    let (status, found) = backend.call("get", get("/channels", json!({}))).await;
    assert_eq!((status, found), (json!(200), json!({"channels": {"orders": {}, "presence-room": {}}})));
    let asked = json!({"filter_by_prefix": "presence-", "info": "user_count"});
    let (_, found) = backend.call("get", get("/channels", asked)).await;
    assert_eq!(found, json!({"channels": {"presence-room": {"user_count": 2}}}));
    let asked = json!({"info": "user_count,subscription_count"});
    let (_, found) = backend.call("get", get("/channels/presence-room", asked)).await;
    assert_eq!((&found["occupied"], &found["user_count"]), (&json!(true), &json!(2)), "{found}");
    let (_, found) =
        backend.call("get", get("/channels/orders", json!({"info": "subscription_count"}))).await;
    assert_eq!(found, json!({"occupied": true, "subscription_count": 1}));
    let (_, found) = backend.call("get", get("/channels/nobody", json!({}))).await;
    assert_eq!(found["occupied"], false);
    let (_, found) = backend.call("get", get("/channels/presence-room/users", json!({}))).await;
    assert_eq!(found, json!({"users": [{"id": "ann"}, {"id": "7"}]}));
    let (status, _) = backend.call("get", get("/channels/orders/users", json!({}))).await;
    assert_eq!(status, 400, "no presence channel");
}

#[tokio::test]
async fn what_is_encrypted_from_end_to_end_passes_through() {
    let app = spawn(|_| ()).await;
    let mut backend = Backend::start(&app).await;
    let channel = "private-encrypted-room";
    let mut client = Client::connect(&app, Some(&backend), Some(&json!("ann"))).await;
    assert_eq!(client.subscribe(channel, &[]).await, subscribed(channel));
    let secret = json!({"n": 1, "text": "é🎮"});
    assert_eq!(backend.call("trigger", json!([channel, "secret", secret])).await.0, 200);
    assert_eq!(client.hear().await, json!({"channel": channel, "event": "secret", "data": secret}));
}
