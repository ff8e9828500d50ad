//! What is described of the wire protocols of channels, held against the transcripts of their state
//! machines, which are what these really say and take.

use fanfare_model::wire;

use super::{
    super::dialect::{CLIENT_EVENT, EVENT},
    *,
};
use crate::live::transcripts;

/// What others on a channel cause to be said: the state machines have no part in it.
const FROM_THE_HUB: [&str; 7] = [
    EVENT,
    CLIENT_EVENT,
    "member_added",
    "member_removed",
    "pusher_internal:member_added",
    "pusher_internal:member_removed",
    "pusher_internal:subscription_count",
];

fn steps(dialect: &Dialect) -> Vec<Value> {
    let files = transcripts(dialect.key);
    let scenarios =
        files.iter().flat_map(|file| serde_json::from_str::<Vec<Value>>(file).expect("scenarios"));
    scenarios.flat_map(|scenario| scenario["steps"].as_array().expect("steps").clone()).collect()
}

/// What the server says in the transcripts, as it goes over the wire: there a string that holds JSON
/// stands as that JSON.
fn told(steps: &[Value], dialect: &Dialect) -> Vec<Value> {
    let effects = steps.iter().filter_map(|step| step["out"].as_array()).flatten();
    let mut messages: Vec<Value> = effects.filter_map(|effect| effect.get("send")).cloned().collect();
    for message in &mut messages {
        if dialect.key == PUSHER.key && message["event"] != "pusher:error" && message.get("data").is_some() {
            message["data"] = message["data"].to_string().into();
        }
    }
    messages
}

/// What clients say in the transcripts, if it is JSON.
fn heard(steps: &[Value]) -> Vec<Value> {
    let said = steps.iter().filter_map(|step| step.get("client"));
    let json =
        |said: &Value| said.as_str().map_or(Some(said.clone()), |text| serde_json::from_str(text).ok());
    said.filter_map(json).collect()
}

fn named<'a>(messages: &'a [Message], message: &Value) -> Option<&'a Message> {
    let event = message["event"].as_str()?;
    let kind = if event.starts_with("client-") { CLIENT_EVENT } else { event };
    messages.iter().find(|message| message.kind == kind)
}

/// Whether it is as described, and so is the JSON in its strings.
fn fits(message: &Value, described: &Message) -> bool {
    let schema = (described.schema)();
    let content = &schema["properties"]["data"]["contentSchema"];
    let holds = |text: &str| {
        let inner: Value = serde_json::from_str(text).expect("JSON");
        validator(content).is_valid(&inner)
    };
    validator(&schema).is_valid(message) && (content.is_null() || message["data"].as_str().is_some_and(holds))
}

#[test]
fn what_the_state_machines_say_is_described() {
    for dialect in DIALECTS {
        let mut seen: BTreeSet<_> = FROM_THE_HUB.into();
        for message in told(&steps(dialect), dialect) {
            let described = named(dialect.from_the_server, &message);
            let described = described.unwrap_or_else(|| panic!("{message} is not described"));
            assert!(fits(&message, described), "{message} is not what is described");
            seen.insert(described.kind);
        }
        for described in dialect.from_the_server {
            assert!(seen.contains(described.kind), "{} is never said", described.kind);
        }
    }
}

#[test]
fn what_the_state_machines_take_is_described_and_nothing_else() {
    let broadcasting = |text: &str| wire::broadcasting::parse(text).said.is_ok();
    let pusher = |text: &str| wire::pusher::parse(text).is_ok();
    let takes: [fn(&str) -> bool; 2] = [broadcasting, pusher];
    for (dialect, takes) in DIALECTS.into_iter().zip(takes) {
        let mut seen = BTreeSet::new();
        for message in heard(&steps(dialect)) {
            let described = named(dialect.from_clients, &message);
            let is_described = described.is_some_and(|it| validator(&(it.schema)()).is_valid(&message));
            assert_eq!(takes(&message.to_string()), is_described, "{message}");
            seen.extend(described.map(|it| it.kind));
        }
        for described in dialect.from_clients {
            assert!(seen.contains(described.kind), "{} is never said", described.kind);
            for example in (described.examples)() {
                assert!(takes(&example), "{example}");
            }
        }
    }
}

#[test]
fn examples_hold_what_is_described_in_their_strings() {
    for message in PUSHER.from_the_server {
        for example in (message.examples)() {
            assert!(fits(&parsed(&example), message), "{example}");
        }
    }
}
