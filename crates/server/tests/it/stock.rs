//! Clients and server SDKs that people already have, as they come from npm: pusher-js, laravel-echo and
//! Pusher's own `pusher`, each in a process of its own, against the real server.

mod channels;
mod echo;
mod own_auth;
mod sdk;
mod users;

use fanfare::{
    config::{Config, Secret},
    timers::Clock,
};
use fanfare_model::application::Preset;
use serde_json::{Value, json};

use crate::support::{Engine, Node, TestApp};

/// A server whose default app the clients know.
async fn spawn(configure: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::spawn_with(Engine::Sqlite, Clock::real(), |config| {
        config.app = Some("night:key:secret".parse::<Preset>().expect("an app"));
        config.jwt_secret = Some(Secret("the secret of the tokens".to_owned()));
        configure(config);
    })
    .await
}

fn url(app: &TestApp) -> String {
    format!("http://{}", app.addr())
}

/// A web application on Pusher's server SDK, which signs for anybody.
struct Backend {
    node: Node,
    url: String,
}

impl Backend {
    async fn start(app: &TestApp) -> Self {
        let mut node = Node::start("backend.mjs", &[&url(app), "night", "key", "secret"]);
        let url = format!("http://127.0.0.1:{}", node.next().await["port"]);
        Self { node, url }
    }

    /// Calls a method of the SDK; returns the status and the body of what the server answers.
    async fn call(&mut self, method: &str, args: Value) -> (Value, Value) {
        self.node.say(&json!({"do": "call", "method": method, "args": args})).await;
        let mut answer = self.node.next().await;
        (answer["status"].take(), answer["body"].take())
    }
}

/// pusher-js.
struct Client {
    node: Node,
    /// What the server calls its connection.
    id: String,
}

impl Client {
    /// Connected; `user` is who its web application takes it for.
    async fn connect(app: &TestApp, backend: Option<&Backend>, user: Option<&Value>) -> Self {
        let server = url(app);
        let auth = backend.map_or(server.as_str(), |backend| &backend.url);
        let user = user.map(Value::to_string).unwrap_or_default();
        Self::start(&[&server, "key", auth, &user]).await
    }

    /// Connected; the arguments are the script's.
    async fn start(args: &[&str]) -> Self {
        let mut client = Self { node: Node::start("pusher-client.mjs", args), id: String::new() };
        client.connected().await;
        client
    }

    /// Waits for a connection; what else happens to it on the way is skipped.
    async fn connected(&mut self) {
        loop {
            let heard = self.node.next().await;
            if heard["state"] == "connected" {
                heard["id"].as_str().expect("an id").clone_into(&mut self.id);
                return;
            }
        }
    }

    async fn hear(&mut self) -> Value {
        self.node.next().await
    }

    async fn say(&mut self, command: Value) {
        self.node.say(&command).await;
    }

    /// Subscribes, and listens to these events' metadata as well; returns the first word on the channel.
    async fn subscribe(&mut self, channel: &str, events: &[&str]) -> Value {
        self.say(json!({"do": "subscribe", "channel": channel, "events": events})).await;
        let heard = self.hear().await;
        assert_eq!(heard["channel"], channel, "{heard}");
        heard
    }

    /// Proves that nothing else was on its way.
    async fn hears_nothing(&mut self) {
        self.say(json!({"do": "ping"})).await;
        assert_eq!(self.hear().await, json!({"pong": true}));
    }
}

fn subscribed(channel: &str) -> Value {
    json!({"channel": channel, "event": "pusher:subscription_succeeded", "data": {}})
}
