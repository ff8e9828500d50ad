//! Whatever happens and in whatever order, a client sees every session it follows without a gap,
//! without a duplicate and in order: the dialect with a real hub and a log, against a naive client.

use fanfare_hub::{Hub, Limits, Mailbox, Start};
use fanfare_model::{Timestamp, limits::CATCH_UP_PAGE_EVENTS};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use crate::timers::Clock;

const SESSIONS: usize = 2;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A commit; the hub may miss it.
    Publish {
        session: usize,
        is_delivered: bool,
    },
    /// `publishes`: a commit between the subscription at the hub and the look into the log.
    Subscribe {
        session: usize,
        after: Option<u64>,
        publishes: bool,
    },
    Unsubscribe {
        session: usize,
    },
    AskForPage,
    GetPage,
    Take {
        messages: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let session = 0..SESSIONS;
    let step = prop_oneof![
        6 => (session.clone(), prop::bool::weighted(0.8))
            .prop_map(|(session, is_delivered)| Step::Publish { session, is_delivered }),
        3 => (session.clone(), prop::option::of(0_u64..12), any::<bool>())
            .prop_map(|(session, after, publishes)| Step::Subscribe { session, after, publishes }),
        1 => session.prop_map(|session| Step::Unsubscribe { session }),
        4 => Just(Step::AskForPage),
        4 => Just(Step::GetPage),
        4 => (1_usize..5).prop_map(|messages| Step::Take { messages }),
    ];
    prop::collection::vec(step, 0..150)
}

struct Play {
    hub: Hub,
    mailbox: Mailbox,
    dialect: Dialect,
    effects: Effects,
    /// The last event of each session.
    log: [u64; SESSIONS],
    /// What was read and has not come yet.
    reading: Option<(Page, Vec<Event>)>,
    publishes_while_joining: bool,
    /// What the client has of each session it follows.
    seen: [Option<u64>; SESSIONS],
}

fn event(session: usize, seq: u64) -> Event {
    Event {
        id: 0,
        public_id: format!("{session}-{seq}"),
        topic: Some(topic(session)),
        seq: i64::try_from(seq).expect("small"),
        place: 0,
        kind: "game.added".to_owned(),
        at: Timestamp::from_millis(0),
        data: json!({ "session": session }).to_string(),
    }
}

fn topic(session: usize) -> String {
    session_topic(i64::try_from(session).expect("small"))
}

impl Play {
    fn new() -> Self {
        let hub = Hub::new(Limits { mailbox_max_messages: 10_000, mailbox_max_bytes: 1 << 24 });
        let settings = config::Sockets { auth_timeout_ms: 30_000, idle_timeout_ms: 60_000 };
        let now = Clock::manual(Timestamp::from_millis(0)).tick();
        let mut play = Self {
            mailbox: hub.connect(),
            hub,
            dialect: Dialect::new(&settings, now),
            effects: Effects::new(),
            log: [1; SESSIONS],
            reading: None,
            publishes_while_joining: false,
            seen: [None; SESSIONS],
        };
        play.dialect.verdict(true, &mut play.effects);
        play.carry_out();
        play
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Publish { session, is_delivered } => self.publish(session, is_delivered),
            Step::Subscribe { session, after, publishes } => {
                self.publishes_while_joining = publishes;
                let message = json!({"type": "subscribe", "sessionId": session, "after": after});
                self.dialect.text(&message.to_string(), &mut self.effects);
            }
            Step::Unsubscribe { session } => {
                let message = json!({"type": "unsubscribe", "sessionId": session});
                self.dialect.text(&message.to_string(), &mut self.effects);
                self.carry_out();
                self.seen[session] = None;
            }
            Step::AskForPage => {
                if self.reading.is_none() {
                    self.reading = self.dialect.next_page().map(|page| {
                        let session = usize::try_from(page.session_id).expect("small");
                        let events = (page.after + 1..=self.log[session]).take(CATCH_UP_PAGE_EVENTS);
                        let events = events.map(|seq| event(session, seq)).collect();
                        (page, events)
                    });
                }
            }
            Step::GetPage => {
                if let Some((page, events)) = self.reading.take() {
                    self.dialect.page(&page, &events, &mut self.effects);
                }
            }
            Step::Take { messages } => {
                let mut taken = Vec::new();
                self.mailbox.take(messages, usize::MAX, &mut taken);
                for message in taken {
                    self.dialect.hub(&message, &mut self.effects);
                    self.carry_out();
                }
            }
        }
        self.carry_out();
    }

    fn publish(&mut self, session: usize, is_delivered: bool) {
        self.log[session] += 1;
        if is_delivered {
            let seq = self.log[session];
            self.hub.deliver(&topic(session), seq, &event(session, seq).socket_frame().into());
        }
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Send(frame) => self.see(&frame),
                Effect::HearEveryone => {}
                Effect::Join(join) => self.join(join),
                Effect::Leave(topic) => {
                    self.reading.take_if(|(page, _)| page.topic == topic);
                    assert!(self.mailbox.unsubscribe(&topic));
                }
                Effect::Hold(topic) => self.mailbox.hold(&topic),
                Effect::Release { topic, sent } => {
                    let release = self.mailbox.release(&topic, sent);
                    self.dialect.released(&topic, release);
                }
                effect @ (Effect::Verify(_) | Effect::Close(_)) => panic!("{effect:?}"),
            }
        }
    }

    fn join(&mut self, join: Join) {
        self.reading.take_if(|(page, _)| page.topic == join.topic);
        if !self.mailbox.subscribe(&join.topic, Start::CatchingUp) {
            self.mailbox.hold(&join.topic);
        }
        let session = usize::try_from(join.session_id).expect("small");
        if self.publishes_while_joining {
            self.publish(session, true);
        }
        let last = self.log[session];
        let after = join.after.map_or(last, |after| u64::try_from(after).expect("not negative"));
        self.seen[session] = Some(after.min(last));
        self.dialect.joined(join, Some(&Span { first: 1, last }), &mut self.effects);
    }

    /// The naive client: each event must be the next one.
    fn see(&mut self, frame: &Bytes) {
        let frame: Value = serde_json::from_slice(frame).expect("JSON");
        let Some(session) = frame["data"]["session"].as_u64() else { return };
        let session = usize::try_from(session).expect("small");
        let seen = self.seen[session].as_mut().expect("only what is followed");
        *seen += 1;
        assert_eq!(frame["seq"].as_u64(), Some(*seen));
    }

    fn is_calm(&mut self) -> bool {
        let before = self.seen;
        for step in [Step::Take { messages: usize::MAX }, Step::AskForPage, Step::GetPage] {
            self.step(step);
        }
        self.seen == before && self.dialect.next_page().is_none()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_gap_no_duplicate_no_disorder(steps in steps()) {
        let mut play = Play::new();
        for step in steps {
            play.step(step);
        }
        // So that what the hub missed at the very end is noticed too.
        for session in 0..SESSIONS {
            play.publish(session, true);
        }
        let calm = (0..100).any(|_| play.is_calm());
        prop_assert!(calm, "it goes on for ever");
        for session in 0..SESSIONS {
            if let Some(seen) = play.seen[session] {
                prop_assert_eq!(seen, play.log[session]);
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(texts in prop::collection::vec(".*", 0..10)) {
        let mut play = Play::new();
        for text in texts {
            play.dialect.text(&text, &mut play.effects);
            prop_assert_eq!(play.effects.drain(..).count(), 1);
        }
    }
}
