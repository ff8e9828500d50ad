//! What is said on a socket: messages, and the wire protocols of channels that consist of them.

use fanfare_model::limits::CHANNEL_EVENT_MAX_CHARS;
use serde_json::{Value, json};

use super::{
    parsed, references,
    schemas::{about, constant, text, with},
};

/// One message.
pub(super) struct Message {
    /// The name by which it is told apart: its `type`, or its `event`.
    pub(super) kind: &'static str,
    pub(super) summary: &'static str,
    pub(super) schema: fn() -> Value,
    /// Texts as they go over the wire.
    pub(super) examples: fn() -> Vec<String>,
}

impl Message {
    /// As the document has it.
    pub(super) fn described(&self) -> Value {
        let examples = (self.examples)().into_iter().map(|text| json!({"payload": parsed(&text)}));
        json!({
            "name": self.kind,
            "summary": self.summary,
            "payload": (self.schema)(),
            "examples": examples.collect::<Vec<_>>(),
        })
    }
}

/// Kinds of messages that have no name of their own: a client's event, and whatever is published.
pub(super) const CLIENT_EVENT: &str = "client-event";
pub(super) const EVENT: &str = "event";

/// One wire protocol of channels.
pub(super) struct Dialect {
    /// In the keys of the document.
    pub(super) key: &'static str,
    /// In the names of operations.
    pub(super) name: &'static str,
    pub(super) address: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// The query parameters of its address.
    pub(super) query: fn() -> Value,
    /// The parameters in it.
    pub(super) parameters: fn() -> Value,
    pub(super) from_clients: &'static [Message],
    pub(super) from_the_server: &'static [Message],
}

impl Dialect {
    /// Every message by its key.
    pub(super) fn messages(&self) -> impl Iterator<Item = (String, Value)> {
        let from_clients = self.from_clients.iter().map(|it| (self.clients_key(it), it.described()));
        let told = self.from_the_server.iter().map(|it| (self.servers_key(it), it.described()));
        from_clients.chain(told)
    }

    pub(super) fn channel(&self) -> Value {
        json!({
            "address": self.address,
            "title": self.title,
            "description": self.description,
            "servers": [{"$ref": "#/servers/socket"}],
            "parameters": (self.parameters)(),
            "messages": references(self.messages().map(|(key, _)| key)),
            "bindings": {"ws": {"method": "GET", "query": (self.query)(), "bindingVersion": "0.1.0"}},
        })
    }

    /// What is done on it: the operation's name, its action, its summary, its messages.
    pub(super) fn operations(&self) -> [(String, &'static str, String, Vec<String>); 2] {
        let Self { name, from_clients, from_the_server, .. } = self;
        let heard = from_clients.iter().map(|message| self.clients_key(message)).collect();
        let told = from_the_server.iter().map(|message| self.servers_key(message)).collect();
        [
            (format!("hear{name}Clients"), "receive", format!("Takes what {name} clients say"), heard),
            (format!("tell{name}Clients"), "send", format!("Answers and tells {name} clients"), told),
        ]
    }

    fn clients_key(&self, message: &Message) -> String {
        format!("{}.client.{}", self.key, short(message))
    }

    fn servers_key(&self, message: &Message) -> String {
        format!("{}.server.{}", self.key, short(message))
    }
}

/// Keys have no colons.
fn short(message: &Message) -> &'static str {
    message.kind.rsplit(':').next().unwrap_or_default()
}

/// A message of this name with these fields, and others, which are ignored.
pub(super) fn said(kind: &str, fields: &[(&str, Value)]) -> Value {
    with(&[&[("event", constant(kind))], fields].concat())
}

/// The name of an event that a client sends to others.
pub(super) fn client_event_name() -> Value {
    let no_control_characters = r"^client-[^\u0000-\u001F\u007F-\u009F]*$";
    json!({"type": "string", "pattern": no_control_characters, "maxLength": CHANNEL_EVENT_MAX_CHARS})
}

pub(super) fn channel_name() -> Value {
    about(text(), "1 to 200 of `A-Z a-z 0-9 _ - = @ , . ; :`")
}

/// `key:signature`
pub(super) fn signature() -> Value {
    about(json!({"type": ["string", "null"]}), "`key:signature`, made with the app's secret")
}
