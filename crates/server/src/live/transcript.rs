//! For tests: plays transcripts, which are data, to a dialect: what goes in and what must come out, step
//! by step.
//!
//! A file is a list of scenarios, each with a `name`, `settings` that differ from [`settings`], and
//! `steps`. A step has one input, and in `out` the effects that come of it, in order, and nothing else:
//!
//! | Input | Means |
//! |---|---|
//! | `client` | the client sends that object, or that text; `times` often |
//! | `other` | the client sends a `binary` or a `too_large` message |
//! | `at` | it is that many milliseconds after the start; alone, the dialect is woken |
//! | `open` | the socket is established |
//! | `granted`, `denied` | the answer to the last `authorise`: the member; a kind and a text |
//! | `joined`, `refused` | the answer to the last `join` |
//! | `signed_in`, `not_signed_in` | the answer to the last `sign_in` |
//! | `end` | the code and the words for such an end |
//!
//! `deadline` is checked after a step, in milliseconds after the start.

use fanfare_model::{Timestamp, channel::Member};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::effect::{
    Ask, Denial, Dialect, Effect, Effects, End, Grant, Join, Joined, Position, Resume, Settings, User,
    Whisper,
};
use crate::timers::{Clock, Tick};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    #[serde(default)]
    settings: Map<String, Value>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: Option<u64>,
    client: Option<Value>,
    #[serde(default = "once")]
    times: usize,
    other: Option<String>,
    #[serde(default)]
    open: bool,
    granted: Option<Value>,
    denied: Option<(String, String)>,
    joined: Option<Found>,
    refused: Option<(String, String)>,
    signed_in: Option<(String, String)>,
    not_signed_in: Option<String>,
    end: Option<String>,
    #[serde(default)]
    out: Vec<Value>,
    deadline: Option<u64>,
}

fn once() -> usize {
    1
}

/// What a `join` finds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    members: Option<Vec<Value>>,
    position: Option<(u64, String)>,
    recovered: Option<bool>,
    cached: Option<bool>,
}

/// What every scenario starts from.
pub(super) fn settings(overrides: &Map<String, Value>) -> Settings {
    let number =
        |name: &str, otherwise: u64| overrides.get(name).map_or(otherwise, |n| n.as_u64().expect(name));
    let rate = |name: &str| u32::try_from(number(name, 0)).expect("a small number");
    Settings {
        activity_timeout_ms: number("activity_timeout_ms", 120_000),
        pong_timeout_ms: number("pong_timeout_ms", 30_000),
        channels_max: usize::try_from(number("channels_max", 3)).expect("a small number"),
        messages_per_second: rate("messages_per_second"),
        client_events_per_second: rate("client_events_per_second"),
        presence_timeout_ms: number("presence_timeout_ms", 0),
        client_events: overrides.get("client_events").is_none_or(|flag| flag == &json!(true)),
    }
}

/// The transcripts of a dialect.
pub(crate) fn transcripts(dialect: &str) -> Vec<String> {
    let folder = format!("{}/src/live/{dialect}/tests", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).expect("transcripts");
    files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a file")).collect()
}

/// Plays all transcripts of a dialect.
pub(super) fn play_all<D: Dialect>(dialect: &str, make: impl Fn(Settings, Tick) -> D) {
    let files = transcripts(dialect);
    assert!(!files.is_empty());
    for file in files {
        play(&file, &make);
    }
}

/// Plays all scenarios of a file.
fn play<D: Dialect>(file: &str, make: impl Fn(Settings, Tick) -> D) {
    let scenarios: Vec<Scenario> = serde_json::from_str(file).expect("scenarios");
    assert!(!scenarios.is_empty());
    for Scenario { name, settings: overrides, steps } in scenarios {
        let start = Clock::manual(Timestamp::from_millis(0)).tick();
        let dialect = make(settings(&overrides), start);
        let mut player = Player { dialect, start, now: start, out: Effects::new(), ask: None, join: None };
        for (i, step) in steps.into_iter().enumerate() {
            let (out, deadline) = (step.out.clone(), step.deadline);
            player.input(step);
            let came = player.output();
            assert_eq!(json!(came), json!(out), "{name}, step {i}");
            if let Some(ms) = deadline {
                assert_eq!(player.dialect.deadline(), start.plus_millis(ms), "{name}, step {i}");
            }
        }
    }
}

/// Hands every file of a fuzz target's corpus to a dialect, as texts of one socket; what it asks is granted.
pub(super) fn pass_corpus<D: Dialect>(target: &str, make: impl Fn(Settings, Tick) -> D) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/");
    let files = std::fs::read_dir(format!("{folder}{target}")).expect("a corpus");
    let now = Clock::manual(Timestamp::from_millis(0)).tick();
    let (mut dialect, mut out, mut count) = (make(settings(&Map::new()), now), Effects::new(), 0);
    for file in files {
        let bytes = std::fs::read(file.expect("a file").path()).expect("a file");
        dialect.text(&String::from_utf8_lossy(&bytes), now, &mut out);
        count += 1;
        while let Some(effect) = out.pop_front() {
            match effect {
                Effect::Send(text) => drop(readable(&text)),
                Effect::Authorise(ask) => {
                    let member = Some(Member { id: "7".into(), info: None });
                    dialect.authorised(ask, Ok(Grant { member }), &mut out);
                }
                Effect::Join(join) => dialect.joined(&join, Ok(&Joined::default()), &mut out),
                _ => {}
            }
        }
    }
    assert!(count >= 10, "{count} files");
}

struct Player<D> {
    dialect: D,
    start: Tick,
    now: Tick,
    out: Effects,
    ask: Option<Ask>,
    join: Option<Join>,
}

impl<D: Dialect> Player<D> {
    fn input(&mut self, step: Step) {
        let is_message = step.client.is_some() || step.other.is_some();
        if let Some(ms) = step.at {
            self.now = self.start.plus_millis(ms);
            if !is_message {
                self.dialect.wake(self.now, &mut self.out);
            }
        }
        if is_message {
            self.dialect.heard(self.now);
        }
        if step.open {
            self.dialect.opened(&mut self.out);
        }
        if let Some(client) = step.client {
            let text = client.as_str().map_or_else(|| client.to_string(), str::to_owned);
            for _ in 0..step.times {
                self.dialect.text(&text, self.now, &mut self.out);
            }
        }
        match step.other.as_deref() {
            Some("binary") => self.dialect.binary(&[], &mut self.out),
            Some("too_large") => self.dialect.too_large(&mut self.out),
            Some(other) => panic!("{other}"),
            None => {}
        }
        if let Some(end) = step.end {
            let (code, reason) = self.dialect.close(end_of(&end));
            self.out.push_back(Effect::Close { code, reason });
        }
        let verdict = step.granted.map(|value| Ok(Grant { member: member(&value) }));
        let verdict = verdict.or(step.denied.map(|denied| Err(denial(denied))));
        if let Some(verdict) = verdict {
            let ask = self.ask.take().expect("a question");
            self.dialect.authorised(ask, verdict, &mut self.out);
        }
        let found = step.joined.map(|found| Ok(joined(found))).or(step.refused.map(|it| Err(denial(it))));
        if let Some(found) = found {
            let join = self.join.take().expect("a join");
            self.dialect.joined(&join, found.as_ref().map_err(Clone::clone), &mut self.out);
        }
        let user = step.signed_in.map(|(id, data)| Ok(User { id, data })).or(step.not_signed_in.map(Err));
        if let Some(user) = user {
            self.dialect.signed_in(user, &mut self.out);
        }
    }

    fn output(&mut self) -> Vec<Value> {
        let effects: Vec<Effect> = self.out.drain(..).collect();
        for effect in &effects {
            match effect {
                Effect::Authorise(ask) => self.ask = Some(ask.clone()),
                Effect::Join(join) => self.join = Some(join.clone()),
                _ => {}
            }
        }
        effects.iter().map(describe).collect()
    }
}

fn member(value: &Value) -> Option<Member> {
    let id = value.get("id")?.as_str().expect("an id").to_owned();
    Some(Member { id, info: value.get("info").map(Value::to_string) })
}

fn denial((kind, text): (String, String)) -> Denial {
    match &*kind {
        "unauthorized" => Denial::Unauthorized(text),
        "capacity" => Denial::Capacity(text),
        "failed" => Denial::Failed(text),
        _ => panic!("{kind}"),
    }
}

fn joined(found: Found) -> Joined {
    Joined {
        members: found.members.map(|members| members.iter().filter_map(member).collect()),
        position: found.position.map(|(offset, epoch)| Position { offset, epoch }),
        recovered: found.recovered,
        cached: found.cached,
        count: 1,
        missed: Vec::new(),
    }
}

fn end_of(name: &str) -> End {
    match name {
        "stopping" => End::Stopping,
        "too_slow" => End::TooSlow,
        "terminated" => End::Terminated,
        "closed" => End::Closed,
        "too_large" => End::TooLarge,
        "app_gone" => End::AppGone,
        "not_text" => End::NotText,
        _ => panic!("{name}"),
    }
}

/// An effect as it stands in the files; what has no value is left out.
fn describe(effect: &Effect) -> Value {
    match effect {
        Effect::Send(text) => json!({ "send": readable(text) }),
        Effect::Ping => json!("ping"),
        Effect::Authorise(ask) => {
            let Ask { channel, auth, channel_data, resume, batch: _ } = ask;
            json!({ "authorise": present(json!({
                "channel": channel, "auth": auth, "channel_data": channel_data, "resume": at(resume.as_ref()),
            })) })
        }
        Effect::Join(join) => {
            let Join { channel, member, resume, channel_data, again, batch: _ } = join;
            json!({ "join": present(json!({
                "channel": channel, "member": member.as_ref().map(|member| &member.id),
                "channel_data": channel_data, "resume": at(resume.as_ref()), "again": again.then_some(true),
            })) })
        }
        Effect::Leave(channel) => json!({ "leave": channel }),
        Effect::Whisper(Whisper { channel, event, data, user_id }) => json!({ "whisper": present(json!({
            "channel": channel, "event": event, "data": data, "user_id": user_id,
        })) }),
        Effect::Expire(channel) => json!({ "expire": channel }),
        Effect::Revive(channel) => json!({ "revive": channel }),
        Effect::SignIn { auth, user_data } => json!({ "sign_in": [auth, user_data] }),
        Effect::SignedIn { user_id } => json!({ "signed_in": user_id }),
        Effect::Close { code, .. } => json!({ "close": code }),
    }
}

fn at(resume: Option<&Resume>) -> Value {
    resume.map_or(Value::Null, |Resume { offset, epoch }| json!([offset, epoch]))
}

fn present(mut object: Value) -> Value {
    object.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    object
}

/// A message; data that is JSON in a string stands as that JSON, which is how Pusher has it.
fn readable(text: &str) -> Value {
    let mut message: Value = serde_json::from_str(text).expect("JSON");
    let inner = message["data"].as_str().and_then(|data| serde_json::from_str(data).ok());
    if let Some(inner) = inner {
        message["data"] = inner;
    }
    message
}
