//! laravel-echo, on pusher-js.

use serde_json::{Value, json};

use super::{Backend, spawn, url};
use crate::support::{Node, TestApp};

/// Laravel Echo for this user.
fn echo(app: &TestApp, backend: &Backend, broadcaster: &str, user: &str) -> Node {
    let user = json!(user).to_string();
    Node::start("echo-client.mjs", &[broadcaster, &url(app), "key", &backend.url, &user])
}

async fn both(nodes: &mut [Node; 2], command: &Value, answers: usize) -> [Vec<Value>; 2] {
    let mut heard = [Vec::new(), Vec::new()];
    for (node, heard) in nodes.iter_mut().zip(&mut heard) {
        node.say(command).await;
        for _ in 0..answers {
            heard.push(node.next().await);
        }
    }
    heard
}

#[tokio::test]
async fn public_and_private_channels_are_heard_and_left() {
    let app = spawn(|_| ()).await;
    let backend = Backend::start(&app).await;
    for broadcaster in ["pusher", "reverb"] {
        let mut nodes = [(); 2].map(|()| echo(&app, &backend, broadcaster, "ann"));
        let command = json!({"do": "channel", "name": "orders", "events": ["OrderCreated", ".plain"]});
        both(&mut nodes, &command, 1).await;
        let command = json!({"do": "private", "name": "chat", "events": ["Said"], "whispers": ["typing"]});
        for heard in both(&mut nodes, &command, 1).await {
            assert_eq!(heard, [json!({"channel": "chat", "subscribed": true})], "{broadcaster}");
        }
        let channels = app.channels();
        let data = json!({"order": {"id": 1}});
        for (channel, event) in [
            ("orders", r"App\Events\OrderCreated"),
            ("orders", "plain"),
            ("private-chat", r"App\Events\Said"),
        ] {
            channels.publish(channel, event, &data).await.expect("told");
        }
        for node in &mut nodes {
            for (channel, event) in [("orders", "OrderCreated"), ("orders", ".plain"), ("chat", "Said")] {
                assert_eq!(node.next().await, json!({"channel": channel, "event": event, "data": data}));
            }
        }
        let [ann, bob] = &mut nodes;
        let typing = json!({"do": "whisper", "name": "chat", "whisper": "typing", "data": {"on": true}});
        ann.say(&typing).await;
        let heard = json!({"channel": "chat", "whisper": "typing", "data": {"on": true}});
        assert_eq!(bob.next().await, heard);
        ann.say(&json!({"do": "leave", "name": "chat"})).await;
        // Its own next subscription shows that it has left.
        ann.say(&json!({"do": "channel", "name": "after"})).await;
        assert_eq!(ann.next().await["channel"], "after");
        assert_eq!(channels.subscriptions("private-chat"), Ok(1));
        let [ann, bob] = nodes;
        ann.end().await;
        bob.end().await;
    }
}

#[tokio::test]
async fn presence_says_who_is_here_who_joins_and_who_leaves() {
    let app = spawn(|_| ()).await;
    let backend = Backend::start(&app).await;
    let join = json!({"do": "join", "name": "room", "whispers": ["wave"]});
    let info = |user: &str| json!({ "name": format!("user {user}") });
    let mut ann = echo(&app, &backend, "reverb", "ann");
    ann.say(&join).await;
    assert_eq!(ann.next().await, json!({"channel": "room", "here": [info("ann")]}));
    assert_eq!(ann.next().await, json!({"channel": "room", "subscribed": true}));
    let mut bob = echo(&app, &backend, "pusher", "bob");
    bob.say(&join).await;
    assert_eq!(bob.next().await, json!({"channel": "room", "here": [info("ann"), info("bob")]}));
    assert_eq!(bob.next().await["subscribed"], true);
    assert_eq!(ann.next().await, json!({"channel": "room", "joining": info("bob")}));
    ann.say(&json!({"do": "whisper", "name": "room", "whisper": "wave", "data": 1})).await;
    assert_eq!(bob.next().await, json!({"channel": "room", "whisper": "wave", "data": 1}));
    bob.say(&json!({"do": "leave", "name": "room"})).await;
    assert_eq!(ann.next().await, json!({"channel": "room", "leaving": info("bob")}));
    assert_eq!(app.channels().members("presence-room").expect("a name").len(), 1);
}
