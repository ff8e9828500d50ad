//! pusher-js signing in.

use serde_json::json;

use super::{Backend, Client, spawn};

async fn signed_in(client: &mut Client, user: &str) {
    client.say(json!({"do": "signin"})).await;
    let name = format!("user {user}");
    assert_eq!(client.hear().await, json!({"signed_in": {"id": user, "name": name}}));
    // The client subscribes to the channel of its user by itself, before it says anything else.
    client.hears_nothing().await;
}

#[tokio::test]
async fn a_user_is_spoken_to_on_all_connections_and_can_be_sent_away() {
    let app = spawn(|_| ()).await;
    let mut backend = Backend::start(&app).await;
    let mut clients = Vec::new();
    for user in ["ann", "ann", "bob"] {
        let mut client = Client::connect(&app, Some(&backend), Some(&json!(user))).await;
        signed_in(&mut client, user).await;
        clients.push(client);
    }
    let (status, _) = backend.call("sendToUser", json!(["ann", "greeting", {"hello": "Ann"}])).await;
    assert_eq!(status, 200);
    for client in &mut clients[..2] {
        assert_eq!(client.hear().await, json!({"user": "greeting", "data": {"hello": "Ann"}}));
    }
    clients[2].hears_nothing().await;

    let (status, _) = backend.call("terminateUserConnections", json!(["ann"])).await;
    assert_eq!(status, 200);
    for client in &mut clients[..2] {
        let gone = client.hear().await;
        assert!(gone["error"]["code"] == 4009 || gone["state"] == "disconnected", "{gone}");
    }
    clients[2].hears_nothing().await;
    let (status, _) = backend.call("sendToUser", json!(["ann", "greeting", {}])).await;
    assert_eq!(status, 200, "nobody is there to hear it");
}
