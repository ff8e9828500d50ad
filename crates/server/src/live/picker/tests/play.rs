//! Plays transcripts: what goes in and what must come out, line by line.
//!
//! | Line | Means |
//! |---|---|
//! | `> text` | the client sends that text (`> binary`: something else) |
//! | `= answer` | the answer to the last question: `good`, `bad`, `span 1..5`, `no session`, `page 3..5`, `live`, `behind 7` |
//! | `* 3/6` | the hub has event 6 of session 3 (`* everyone text`: that text for everybody) |
//! | `@ 30000` | it is that many milliseconds after the start |
//! | `< effect` | what comes out of that, in order, nothing else |
//! | `? page` | what the log is asked for next |

use fanfare_model::Timestamp;
use serde_json::Value;

use super::super::*;
use crate::timers::Clock;

pub(super) struct Play {
    clock: Clock,
    start: Tick,
    pub(super) dialect: Dialect,
    effects: Effects,
    pub(super) join: Option<Join>,
    release: Option<Topic>,
}

pub(super) fn event(session_id: i64, seq: u64) -> Event {
    Event {
        id: 1000 * session_id + i64::try_from(seq).expect("small"),
        public_id: format!("{session_id}-{seq}"),
        topic: Some(session_topic(session_id)),
        seq: i64::try_from(seq).expect("small"),
        place: 0,
        kind: if seq == 1 { SESSION_STARTED } else { "game.added" }.to_owned(),
        at: Timestamp::from_millis(0),
        data: format!(r#"{{"session":{{"id":{session_id}}}}}"#),
    }
}

impl Play {
    pub(super) fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let start = clock.tick();
        let settings = config::Sockets { auth_timeout_ms: 30_000, idle_timeout_ms: 60_000 };
        let dialect = Dialect::new(&settings, start);
        Self { clock, start, dialect, effects: Effects::new(), join: None, release: None }
    }

    pub(super) fn input(&mut self, line: &str) {
        let (dialect, out) = (&mut self.dialect, &mut self.effects);
        let (kind, rest) = line.split_once(' ').expect("a mark and a text");
        match (kind, rest) {
            (">", "binary") => dialect.binary(out),
            (">", text) => {
                dialect.heard(self.clock.tick());
                dialect.text(text, out);
            }
            ("=", "good") => dialect.verdict(true, out),
            ("=", "bad") => dialect.verdict(false, out),
            ("=", "no session") => dialect.joined(self.join.take().expect("a join"), None, out),
            ("=", "live") => dialect.released(self.release.as_ref().expect("a release"), Release::Live),
            ("*", everyone) if everyone.starts_with("everyone ") => {
                let text = everyone.strip_prefix("everyone ").expect("just seen").to_owned();
                dialect.hub(&Message { topic: EVERYONE.into(), seq: 0, bytes: text.into() }, out);
            }
            ("*", position) => {
                let (id, seq) = position.split_once('/').expect("session/seq");
                let (id, seq) = (id.parse().expect("an id"), seq.parse().expect("a seq"));
                let bytes = event(id, seq).socket_frame().into();
                dialect.hub(&Message { topic: session_topic(id).into(), seq, bytes }, out);
            }
            ("@", ms) => {
                let now = self.start.plus_millis(ms.parse().expect("milliseconds"));
                self.clock.advance(now.since(self.clock.tick()));
                dialect.wake(now, out);
            }
            ("=", answer) => self.answer(answer),
            _ => panic!("{line}"),
        }
    }

    pub(super) fn answer(&mut self, answer: &str) {
        let (kind, rest) = answer.split_once(' ').expect("a kind and a value");
        let range = || {
            let (first, last) = rest.split_once("..").expect("first..last");
            (first.parse::<u64>().expect("a number"), last.parse::<u64>().expect("a number"))
        };
        match kind {
            "span" => {
                let (first, last) = range();
                let join = self.join.take().expect("a join");
                self.dialect.joined(join, Some(&Span { first, last }), &mut self.effects);
            }
            "page" => {
                let page = self.dialect.next_page().expect("a page is wanted");
                let (first, last) = range();
                let events: Vec<_> = (first..=last).map(|seq| event(page.session_id, seq)).collect();
                self.dialect.page(&page, &events, &mut self.effects);
            }
            "behind" => {
                let topic = self.release.clone().expect("a release");
                self.dialect.released(&topic, Release::Behind(rest.parse().expect("a number")));
            }
            _ => panic!("{answer}"),
        }
    }

    pub(super) fn output(&mut self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for effect in self.effects.drain(..) {
            match &effect {
                Effect::Join(join) => self.join = Some(join.clone()),
                Effect::Release { topic, .. } => self.release = Some(topic.clone()),
                _ => {}
            }
            lines.push(describe(&effect));
        }
        lines
    }
}

pub(super) fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Send(frame) => {
            let value: Value = serde_json::from_slice(frame).expect("JSON");
            let kind = value["type"].as_str().expect("a type");
            match kind {
                "error" | "auth_error" => format!("{kind}: {}", value["message"].as_str().expect("a text")),
                "subscribed" | "unsubscribed" => format!("{kind} {}", value["sessionId"]),
                "resync" => format!("{kind} {} at {}", value["sessionId"], value["seq"]),
                _ if value.get("data").is_some() => {
                    format!("event {}/{}", value["data"]["session"]["id"], value["seq"])
                }
                _ => kind.to_owned(),
            }
        }
        Effect::Verify(token) => format!("verify {token}"),
        Effect::HearEveryone => "hear everyone".into(),
        Effect::Join(Join { topic, after: None, .. }) => format!("join {topic}"),
        Effect::Join(Join { topic, after: Some(after), .. }) => format!("join {topic} after {after}"),
        Effect::Leave(topic) => format!("leave {topic}"),
        Effect::Hold(topic) => format!("hold {topic}"),
        Effect::Release { topic, sent } => format!("release {topic} at {sent}"),
        Effect::Close(close) => format!("close {close:?}"),
    }
}

pub(super) fn play(transcript: &str) {
    let mut play = Play::new();
    let mut lines = transcript.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        if let Some(wanted) = line.strip_prefix("? ") {
            let page = play.dialect.next_page();
            let page = page.map_or("nothing".into(), |page| format!("{} after {}", page.topic, page.after));
            assert_eq!(page, wanted);
            continue;
        }
        play.input(line);
        let mut expected = Vec::new();
        while let Some(effect) = lines.next_if(|line| line.starts_with("< ")) {
            expected.push(effect.trim_start_matches("< "));
        }
        assert_eq!(play.output(), expected, "after {line:?} in {transcript}");
    }
}

const SIGNED_IN: &str = r#"
    > {"type":"auth","token":"t"}
    < verify t
    = good
    < hear everyone
    < auth_success
"#;

pub(super) fn play_signed_in(transcript: &str) {
    play(&format!("{SIGNED_IN}{transcript}"));
}
