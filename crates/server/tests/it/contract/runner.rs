//! Runs a scenario: a list of steps on a fresh server whose clock stands at [`START`].
//!
//! A step is an object. What it sends:
//! - `host` or `visitor`: method and path of the request, with or without a token; or `backend`: that of
//!   the default app `1:key:secret`, which signs it; or `client`: the handshake of a socket on channels,
//!   of which `body` is the first message; it stays open, and each message that it `says` is answered
//! - `send`: a JSON body; or `raw`: a body word for word, as JSON unless `headers` say otherwise
//! - `headers`: more headers; `after_ms`: first moves the clock on
//! - `each`: a list of objects; the step is run once with the keys of each
//!
//! What comes back, in the patterns of `matching`:
//! - `status` and `body`; or `error`: status and text of an answer that has nothing else
//! - `text`: parts of a body that is not JSON; `reply_headers`; `stream`: only the head is read
//! - `eventually`: asks again until the answer is the expected one
//! - `save`: names for parts of the answer, by JSON pointer, or by `text` for all of it; `{name}`
//!   in later steps stands for them (of a socket, `id` is what the server calls it), and `{long}` for a text of 10,001 bytes
//!
//! Every answer must be as `openapi.json` describes it. After one that is an error nothing may have changed: the runner compares all there is to
//! see before and after.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use fanfare::{config::Secret, timers::Clock};
use fanfare_model::Timestamp;
use http_body_util::Full;
use hyper::Request;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{described::Description, matching::compare};
use crate::support::{Client, Engine, Peer, Reply, TestApp, backend, eventually};

/// When every scenario begins.
const START: &str = "2026-03-15T20:30:00.000Z";

/// One request and what is expected of its answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    host: Option<String>,
    visitor: Option<String>,
    backend: Option<String>,
    client: Option<String>,
    #[serde(default)]
    says: Vec<Value>,
    send: Option<Value>,
    raw: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    after_ms: u64,
    status: Option<u16>,
    body: Option<Value>,
    error: Option<String>,
    #[serde(default)]
    text: Vec<String>,
    #[serde(default)]
    reply_headers: Map<String, Value>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    eventually: bool,
    #[serde(default)]
    save: BTreeMap<String, String>,
    /// The step as it stands in the file.
    #[serde(skip)]
    said: String,
}

impl Step {
    /// Method and path.
    pub(super) fn request(&self) -> (&str, &str) {
        let request = self.asks().next().expect("somebody who asks");
        request.split_once(' ').expect("a method and a path")
    }

    fn asks(&self) -> impl Iterator<Item = &str> {
        [&self.host, &self.visitor, &self.backend, &self.client].into_iter().filter_map(Option::as_deref)
    }

    pub(super) fn expected_status(&self) -> u16 {
        let error = self.error.as_deref().and_then(|error| error.split(' ').next()?.parse().ok());
        error.or(self.status).expect("a status or an error")
    }

    fn expected_body(&self) -> Option<Value> {
        let error = self.error.as_deref().map(|error| error.split_once(' ').expect("a text").1);
        error.map(|text| json!({ "error": text })).or_else(|| self.body.clone())
    }

    fn check(self) -> Result<Self, String> {
        let says_what = self.error.is_some() || self.status.is_some();
        let says_more =
            self.expected_body().is_some() || !self.text.is_empty() || !self.reply_headers.is_empty();
        let is_whole = says_what && says_more && self.asks().count() == 1;
        if is_whole { Ok(self) } else { Err(format!("a step is not whole: {}", self.said)) }
    }
}

/// The steps of a scenario, one for each of `each`.
pub(super) fn steps(scenario: &Value) -> Vec<Result<Step, String>> {
    let steps = scenario.as_array().expect("a list of steps").iter();
    let whole = steps.flat_map(|step| {
        let mut step = step.as_object().expect("an object").clone();
        let variants = step.remove("each").unwrap_or_else(|| json!([{}]));
        let variants = variants.as_array().expect("a list").clone();
        variants.into_iter().map(move |variant| {
            let mut step = step.clone();
            step.extend(variant.as_object().expect("an object").clone());
            Value::Object(step)
        })
    });
    whole
        .map(|step| {
            let said = step.to_string();
            let read: Step = serde_json::from_value(step).map_err(|error| format!("{error} in {said}"))?;
            Step { said, ..read }.check()
        })
        .collect()
}

/// Runs all steps until one fails; the error shows that step and its answer.
pub(super) async fn run(scenario: &Value, engine: Engine, description: &Description) -> Result<(), String> {
    let start = Timestamp::parse(START).expect("a time");
    let clock = Clock::manual(start);
    let app = TestApp::spawn_with(engine, clock.clone(), |config| {
        config.app = Some("1:key:secret".parse().expect("an app"));
        // Nobody asks the real room service: this address answers nothing.
        config.jwt_secret = Some(Secret("the secret of the contract, which is long enough".into()));
        config.rooms.base_url = "http://127.0.0.1:9/".parse().expect("a URL");
    })
    .await;
    let mut scene = Scene {
        description,
        host: app.host().await,
        visitor: app.stranger(),
        clock,
        saved: BTreeMap::from([("long".to_owned(), json!("x".repeat(10_001)))]),
        seen: None,
        peers: Vec::new(),
    };
    for step in steps(scenario) {
        let step = step?;
        let said = step.said.clone();
        scene.play(step).await.map_err(|fault| format!("  {fault}\n  in {said}"))?;
    }
    Ok(())
}

struct Scene<'a> {
    description: &'a Description,
    host: Client,
    visitor: Client,
    clock: Clock,
    saved: BTreeMap<String, Value>,
    /// All there was to see, as long as nothing was changed since.
    seen: Option<Vec<Value>>,
    /// The sockets that are open.
    peers: Vec<Peer>,
}

impl Scene<'_> {
    async fn play(&mut self, step: Step) -> Result<(), String> {
        if step.client.is_some() {
            return self.connect(&step).await;
        }
        if step.after_ms > 0 {
            self.clock.advance(Duration::from_millis(step.after_ms));
            // The server closes what lay idle meanwhile.
            self.visitor = Client::stranger(self.host.addr());
            self.host = self.visitor.with_token(self.host.token());
        }
        let refused = step.expected_status() >= 400;
        if refused && self.seen.is_none() {
            self.seen = Some(self.look_around().await);
        }
        let reply = if step.eventually {
            eventually("the expected answer", || async {
                let reply = self.send(&step).await;
                self.judge(&step, &reply).is_ok().then_some(reply)
            })
            .await
        } else {
            self.send(&step).await
        };
        self.judge(&step, &reply)?;
        for (name, pointer) in &step.save {
            let value = match pointer.as_str() {
                "text" => Value::from(reply.text.clone()),
                pointer => {
                    reply.json().pointer(pointer).ok_or(format!("no {pointer} in {}", reply.text))?.clone()
                }
            };
            self.saved.insert(name.clone(), value);
        }
        if refused {
            let now = self.look_around().await;
            if self.seen.as_ref() != Some(&now) {
                return Err(format!("an error changed something: {:?} became {now:?}", self.seen));
            }
        } else if step.request().0 != "GET" {
            self.seen = None;
        }
        Ok(())
    }

    async fn connect(&mut self, step: &Step) -> Result<(), String> {
        let opened = Peer::open(self.host.addr(), &self.fill_text(step.request().1), &[]).await;
        let mut peer = opened.map_err(|error| error.to_string())?;
        let hello = peer.hear_hello().await;
        compare(&self.fill(&step.expected_body().expect("a first message")), &hello)
            .map_err(|fault| format!("{fault}, in {hello}"))?;
        for message in &step.says {
            peer.say(&self.fill(message)).await;
            peer.hear().await;
        }
        for (name, what) in &step.save {
            assert_eq!(what, "id", "what is kept of a socket");
            self.saved.insert(name.clone(), json!(peer.id));
        }
        self.peers.push(peer);
        Ok(())
    }

    async fn send(&self, step: &Step) -> Reply {
        let (method, path) = step.request();
        let client = if step.host.is_some() { &self.host } else { &self.visitor };
        let send = step.send.as_ref().map(|body| self.fill(body).to_string());
        let body = send.or_else(|| step.raw.as_ref().map(|raw| self.fill_text(raw)));
        let mut path = self.fill_text(path);
        if step.backend.is_some() {
            path = backend::signed(method, &path, body.as_deref(), self.clock.now());
        }
        let uri = format!("http://{}{path}", client.addr());
        let mut request = Request::builder().method(method).uri(uri);
        if step.host.is_some() {
            request = request.header("authorization", format!("Bearer {}", client.token()));
        }
        if body.is_some() && !step.headers.contains_key("content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &step.headers {
            request = request.header(name, self.fill_text(value));
        }
        let request = request.body(Full::from(Bytes::from(body.unwrap_or_default()))).expect("a request");
        if step.stream { client.head(request).await } else { client.raw(request).await }
    }

    fn judge(&self, step: &Step, reply: &Reply) -> Result<(), String> {
        let shown: String = reply.text.chars().take(2_000).collect();
        let expected = step.expected_status();
        if reply.status != expected {
            return Err(format!("expected {expected}, got {}: {shown}", reply.status));
        }
        if !step.stream {
            let (method, path) = step.request();
            let judged = self.description.judge(method, &self.fill_text(path), reply);
            judged.map_err(|fault| format!("{fault}, in {shown}"))?;
        }
        if let Some(expected) = step.expected_body() {
            let actual =
                serde_json::from_str(&reply.text).map_err(|error| format!("{error} in {shown:?}"))?;
            compare(&self.fill(&expected), &actual).map_err(|fault| format!("{fault}, in {shown}"))?;
        }
        for part in &step.text {
            let part = self.fill_text(part);
            if !reply.text.contains(&part) {
                return Err(format!("no {part:?} in {shown:?}"));
            }
        }
        for (name, expected) in &step.reply_headers {
            let actual = reply.headers.get(name).and_then(|value| value.to_str().ok());
            compare(&self.fill(expected), &json!(actual)).map_err(|fault| format!("{name}: {fault}"))?;
        }
        Ok(())
    }

    /// A text that is a name alone becomes what it stands for; inside of others it becomes text.
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                match name.and_then(|name| self.saved.get(name)) {
                    Some(saved) => saved.clone(),
                    None => self.fill_text(text).into(),
                }
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(object) => {
                object.iter().map(|(key, value)| (key.clone(), self.fill(value))).collect()
            }
            other => other.clone(),
        }
    }

    fn fill_text(&self, text: &str) -> String {
        self.saved.iter().fold(text.to_owned(), |text, (name, value)| {
            let name = format!("{{{name}}}");
            if !text.contains(&name) {
                return text;
            }
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.replace(&name, &value)
        })
    }

    /// Everything that an error could have changed.
    async fn look_around(&self) -> Vec<Value> {
        look_around(&self.host).await
    }
}

/// Everything that an error could have changed.
pub(super) async fn look_around(host: &Client) -> Vec<Value> {
    let lists =
        ["/api/games", "/api/games/packs", "/api/sessions", "/api/webhooks", "/api/votes", "/api/apps"];
    let mut seen = Vec::new();
    for path in lists {
        let reply = host.get(path).await;
        let mut list = serde_json::from_str(&reply.text).unwrap_or(Value::Null);
        // How a webhook's receiver does is told by attempts, which end when they end.
        for row in list.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            row.remove("health");
        }
        seen.push(list);
    }
    let sessions = seen[2].as_array().cloned().unwrap_or_default();
    for session in sessions {
        seen.push(host.get(&format!("/api/sessions/{}/games", session["id"])).await.json());
    }
    seen
}
