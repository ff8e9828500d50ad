//! What `asyncapi.json` says that sockets on channels are told, for every message that a test hears.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

/// A message that is described.
struct Message {
    name: String,
    whole: Validator,
    /// Of the JSON in the string `data`.
    content: Option<Validator>,
}

static BROADCASTING: LazyLock<Vec<Message>> = LazyLock::new(|| messages("tellBroadcastingClients"));
static PUSHER: LazyLock<Vec<Message>> = LazyLock::new(|| messages("tellPusherClients"));

fn messages(operation: &str) -> Vec<Message> {
    let document: Value = serde_json::from_str(include_str!("../../../../../asyncapi.json")).expect("JSON");
    let validator = |schema: &Value| {
        let whole = json!({"allOf": [schema], "components": document["components"]});
        jsonschema::draft202012::new(&whole).expect("a schema")
    };
    let listed = document["operations"][operation]["messages"].as_array().expect("messages");
    let described = listed.iter().map(|reference| {
        let path = reference["$ref"].as_str().expect("a reference");
        let key = path.rsplit('/').next().expect("a key");
        let message = &document["components"]["messages"][key];
        let payload = &message["payload"];
        let content = payload["properties"]["data"].get("contentSchema").map(validator);
        let name = message["name"].as_str().expect("a name").to_owned();
        Message { name, whole: validator(payload), content }
    });
    described.collect()
}

/// Fails the test when the message is not as described.
pub(crate) fn check(is_pusher: bool, message: &Value) {
    let messages: &[Message] = if is_pusher { &PUSHER } else { &BROADCASTING };
    let event = message["event"].as_str().unwrap_or_default();
    let named = |name: &str| messages.iter().find(|message| message.name == name);
    let kind = if event.starts_with("client-") { "client-event" } else { event };
    let described = named(kind).or_else(|| named("event")).expect("events are described");
    let errors: Vec<_> = described.whole.iter_errors(message).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{message}: {errors:?}");
    if let Some(content) = &described.content {
        let data = message["data"].as_str().expect("a string");
        let data = serde_json::from_str(data).expect("JSON in a string");
        assert!(content.is_valid(&data), "{message}");
    }
}
