//! Random lives of a hub, step by step beside the model.

use std::{collections::BTreeMap, future::poll_fn, sync::Arc, task::Poll};

use bytes::Bytes;
use fanfare_hub::{
    Figures, Form, History, Hub, Join, Limits, Mail, Mailbox, Message, Position, Publishing, Replay, Topic,
};
use proptest::prelude::*;

use crate::{
    model::{BoxModel, BoxNo, Subscriber, TopicNo, World},
    support::{Said, View, distributor, hub, member},
};

const TOPICS: usize = 3;
const BOXES: usize = 4;
const MEMBERS: usize = 3;

/// A topic has one of its own, but now and then it is changed or taken away.
const HISTORIES: [Option<History>; TOPICS] = [
    None,
    Some(History { max_messages: 4, max_bytes: 1_000, max_age_ms: 50 }),
    Some(History { max_messages: 100, max_bytes: 30, max_age_ms: 500 }),
];

#[derive(Debug, Clone)]
enum Wish {
    Nothing,
    Last,
    /// So far behind the place that this mailbox has been told last.
    Behind(u64),
    /// Of the stream that is, or of none.
    Exactly(u64, bool),
}

#[derive(Debug, Clone)]
enum Step {
    Join { who: BoxNo, topic: TopicNo, form: u8, member: Option<(usize, usize)>, past: usize, wish: Wish },
    Leave { who: BoxNo, topic: TopicNo },
    Depart { who: BoxNo, topic: TopicNo },
    Arrive { who: BoxNo, topic: TopicNo, member: usize, max_members: usize },
    Publish { topic: TopicNo, size: usize, except: Option<BoxNo>, past: usize },
    Whisper { topic: TopicNo, except: Option<BoxNo> },
    Deliver { topic: TopicNo, seq: u64 },
    Sweep,
    Wait { ms: u64 },
    Take { who: BoxNo, messages: usize, bytes: usize },
    Poll { who: BoxNo, messages: usize },
    Ring { who: BoxNo, signals: u8 },
    Reconnect { who: BoxNo },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..BOXES;
    let topic = || 0..TOPICS;
    // Mostly the topic's own.
    let past = || prop_oneof![9 => Just(TOPICS), 1 => 0..TOPICS];
    let wish = prop_oneof![
        2 => Just(Wish::Nothing),
        1 => Just(Wish::Last),
        3 => (0_u64..6).prop_map(Wish::Behind),
        1 => (0_u64..30, any::<bool>()).prop_map(|(offset, is_real)| Wish::Exactly(offset, is_real)),
    ];
    let as_whom = prop::option::of((0..MEMBERS, prop_oneof![1 => 0_usize..3, 3 => Just(9)]));
    let step = prop_oneof![
        6 => (who(), topic(), 0_u8..3, as_whom, past(), wish).prop_map(|(who, topic, form, member, past, wish)| {
            Step::Join { who, topic, form, member, past, wish }
        }),
        2 => (who(), topic()).prop_map(|(who, topic)| Step::Leave { who, topic }),
        1 => (who(), topic()).prop_map(|(who, topic)| Step::Depart { who, topic }),
        1 => (who(), topic(), 0..MEMBERS, 0_usize..4).prop_map(|(who, topic, member, max_members)| {
            Step::Arrive { who, topic, member, max_members }
        }),
        8 => (topic(), 0_usize..12, prop::option::of(who()), past()).prop_map(|(topic, size, except, past)| {
            Step::Publish { topic, size, except, past }
        }),
        1 => (topic(), prop::option::of(who())).prop_map(|(topic, except)| Step::Whisper { topic, except }),
        1 => (topic(), 0_u64..9).prop_map(|(topic, seq)| Step::Deliver { topic, seq }),
        1 => Just(Step::Sweep),
        2 => prop_oneof![0_u64..40, 0_u64..800].prop_map(|ms| Step::Wait { ms }),
        4 => (who(), 0_usize..8, 0_usize..60).prop_map(|(who, messages, bytes)| {
            Step::Take { who, messages, bytes }
        }),
        2 => (who(), 0_usize..3).prop_map(|(who, messages)| Step::Poll { who, messages }),
        1 => (who(), 0_u8..8).prop_map(|(who, signals)| Step::Ring { who, signals }),
        1 => who().prop_map(|who| Step::Reconnect { who }),
    ];
    prop::collection::vec(step, 0..150)
}

fn history(topic: TopicNo, past: usize) -> Option<History> {
    HISTORIES[if past == TOPICS { topic } else { past }]
}

fn id(member: usize) -> String {
    format!("m{member}")
}

struct Play {
    hub: Hub,
    names: Vec<Topic>,
    boxes: Vec<Mailbox>,
    world: World,
    now_ms: u64,
    published: usize,
    /// What each mailbox's client knows of a topic it is on.
    views: BTreeMap<(BoxNo, TopicNo), View>,
    /// Where it was told last that a topic stood.
    reached: BTreeMap<(BoxNo, TopicNo), Position>,
}

impl Play {
    /// Of a hub that has what is published on every topic handed out.
    fn handing_out(limits: Limits) -> Self {
        let play = Self::new(limits);
        play.hub.set_distributor(Some(distributor(0)));
        play
    }

    fn new(limits: Limits) -> Self {
        let hub = hub(limits);
        Self {
            boxes: (0..BOXES).map(|_| hub.connect()).collect(),
            names: (0..TOPICS).map(|n| format!("t{n}").into()).collect(),
            world: World::new(limits, TOPICS, BOXES),
            hub,
            now_ms: 0,
            published: 0,
            views: BTreeMap::new(),
            reached: BTreeMap::new(),
        }
    }

    fn all(mut self, steps: Vec<Step>) {
        for step in steps {
            self.step(step);
        }
        self.end();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join { who, topic, form, member, past, wish } => {
                self.join(who, topic, Form::new(form), member, history(topic, past), &wish);
            }
            Step::Leave { who, topic } => self.leave(who, topic),
            Step::Depart { who, topic } => self.depart(who, topic),
            Step::Arrive { who, topic, member, max_members } => self.arrive(who, topic, member, max_members),
            Step::Publish { topic, size, except, past } => {
                self.publish(topic, size, except, history(topic, past));
            }
            Step::Whisper { topic, except } => {
                let bell = except.map(|who| self.boxes[who].bell());
                let publication = Said::that("w");
                self.hub.whisper(&self.names[topic], &publication, bell.as_ref(), || ());
                self.world.tell(topic, "w", None, except);
            }
            Step::Deliver { topic, seq } => self.deliver(topic, seq),
            Step::Sweep => {
                self.hub.sweep(self.now_ms);
                self.world.topics.iter_mut().for_each(|topic| topic.sweep(self.now_ms));
            }
            Step::Wait { ms } => self.now_ms += ms,
            Step::Take { who, messages, bytes } => {
                let mut taken = Vec::new();
                self.boxes[who].take(messages, bytes, &mut taken);
                self.took(who, messages, bytes, &taken);
            }
            Step::Poll { who, messages } => self.poll(who, messages),
            Step::Ring { who, signals } => {
                self.boxes[who].bell().ring(signals);
                self.world.boxes[who].signals |= signals;
            }
            Step::Reconnect { who } => self.reconnect(who),
        }
        // One topic after the other, as the model has it.
        while self.hub.hand_out(usize::MAX) {}
        self.check();
    }

    fn wish(&self, who: BoxNo, topic: TopicNo, wish: &Wish) -> Option<Replay> {
        let epoch = self.world.topics[topic].stream.as_ref().and_then(|stream| stream.epoch);
        match wish {
            Wish::Nothing => None,
            Wish::Last => Some(Replay::Last),
            Wish::Behind(behind) => self.reached.get(&(who, topic)).map(|reached| {
                let offset = reached.offset.saturating_sub(*behind);
                Replay::After(Position { offset, ..*reached })
            }),
            Wish::Exactly(offset, is_real) => {
                let epoch = epoch.unwrap_or(0).wrapping_add(u64::from(!is_real) << 40);
                Some(Replay::After(Position { offset: *offset, epoch }))
            }
        }
    }

    fn join(
        &mut self,
        who: BoxNo,
        topic: TopicNo,
        form: Form,
        as_whom: Option<(usize, usize)>,
        history: Option<History>,
        wish: &Wish,
    ) {
        let replay = self.wish(who, topic, wish);
        let join = Join {
            form,
            member: as_whom.map(|(m, max)| (member(&id(m)), max)),
            history,
            replay,
            now_ms: self.now_ms,
        };
        let mut witnessed = None;
        let joined = self.boxes[who].join(&self.names[topic], &join, |joined| {
            witnessed = Some((joined.subscriptions, joined.is_new_member, joined.position));
        });
        let is_new = !self.world.topics[topic].subscribers.contains_key(&who);
        let mut is_new_member = false;
        if is_new {
            if let Some((m, max)) = as_whom {
                match self.world.topics[topic].arrive(&id(m), max) {
                    Ok(first) => is_new_member = first,
                    Err(()) => return assert!(joined.is_err(), "there are enough members"),
                }
            }
            if is_new_member {
                self.world.tell(topic, &format!("+{}", id(as_whom.expect("new").0)), None, None);
            }
            self.world.topics[topic].keep(history, self.now_ms);
            let member = as_whom.map(|(m, _)| id(m));
            self.world.topics[topic].subscribers.insert(who, Subscriber { form, member });
        }
        let joined = joined.expect("there is room");
        self.world.check_position(topic, joined.position);
        let model = &self.world.topics[topic];
        let subscriptions = model.subscribers.len();
        assert_eq!((joined.is_new, joined.is_new_member), (is_new, is_new_member));
        assert_eq!(joined.subscriptions, subscriptions);
        assert_eq!(witnessed, is_new.then_some((subscriptions, is_new_member, joined.position)));
        let members = joined.members.as_deref();
        assert_ne!(members.map(<[_]>::len), Some(0));
        let ids: Vec<_> = members.unwrap_or_default().iter().map(|member| &*member.id).collect();
        assert!(ids.iter().eq(model.members.iter().map(|(id, _)| id)), "in the order in which they came");
        let expected = replay.map(|wish| model.stream.as_ref().and_then(|stream| stream.replay(wish)));
        let told = expected.as_ref().map(|expected| {
            let told = |(offset, text): &(u64, &str)| {
                Said::told(text, form, Some(Position { offset: *offset, epoch: 0 }))
            };
            let missed: Vec<Bytes> = expected.iter().flatten().map(told).collect();
            (missed, expected.is_some())
        });
        assert_eq!(joined.replayed.map(|replayed| (replayed.missed, replayed.complete)), told);
        let takes_over = matches!((replay, &expected), (Some(Replay::After(_)), Some(Some(_))));
        if takes_over && !is_new {
            self.world.boxes[who].forget_counted(topic);
        }
        if is_new {
            self.views.insert((who, topic), View::of(members.unwrap_or_default()));
        }
        if let Some(position) = joined.position {
            self.reached.insert((who, topic), position);
        }
    }

    fn leave(&mut self, who: BoxNo, topic: TopicNo) {
        let mut witnessed = None;
        let left = self.boxes[who].leave(&self.names[topic], |left| witnessed = Some(left.clone()));
        assert_eq!(left, witnessed);
        let expected = self.left(who, topic);
        assert_eq!(
            left.map(|left| (left.subscriptions, left.member.map(|member| member.id.to_string()))),
            expected
        );
        self.world.boxes[who].forget(topic);
        assert!(!self.boxes[who].is_subscribed(&self.names[topic]));
    }

    /// What the model says of somebody's leaving.
    fn left(&mut self, who: BoxNo, topic: TopicNo) -> Option<(usize, Option<String>)> {
        let model = &mut self.world.topics[topic];
        let member = model.subscribers.remove(&who)?.member;
        let subscriptions = model.subscribers.len();
        let gone = member.filter(|id| model.depart(id));
        if let Some(id) = &gone {
            self.world.tell(topic, &format!("-{id}"), None, None);
        }
        self.views.remove(&(who, topic));
        Some((subscriptions, gone))
    }

    fn depart(&mut self, who: BoxNo, topic: TopicNo) {
        let mut witnessed = None;
        let was_last =
            self.boxes[who].depart(&self.names[topic], |member| witnessed = Some(member.id.clone()));
        let model = &mut self.world.topics[topic];
        let member = model.subscribers.get_mut(&who).and_then(|subscriber| subscriber.member.take());
        let gone = member.filter(|id| model.depart(id));
        if let Some(id) = &gone {
            self.world.tell(topic, &format!("-{id}"), None, None);
        }
        assert_eq!((was_last, witnessed.as_deref()), (gone.is_some(), gone.as_deref()));
    }

    fn arrive(&mut self, who: BoxNo, topic: TopicNo, m: usize, max_members: usize) {
        let mut witnessed = false;
        let member = member(&id(m));
        let arrived = self.boxes[who].arrive(&self.names[topic], &member, max_members, |_| witnessed = true);
        let model = &mut self.world.topics[topic];
        let may = model.subscribers.get(&who).is_some_and(|subscriber| subscriber.member.is_none());
        let expected = if may { model.arrive(&id(m), max_members) } else { Ok(false) };
        assert_eq!((arrived.map_err(|_| ()), witnessed), (expected, expected == Ok(true)));
        if may && expected.is_ok() {
            model.subscribers.get_mut(&who).expect("subscribed").member = Some(id(m));
        }
        if expected == Ok(true) {
            self.world.tell(topic, &format!("+{}", id(m)), None, None);
        }
    }

    fn publish(&mut self, topic: TopicNo, size: usize, except: Option<BoxNo>, history: Option<History>) {
        self.published += 1;
        let text = format!("{}{}", self.published, "x".repeat(size));
        let publication = Said::that(text.clone());
        let alive = Arc::downgrade(&publication);
        let bell = except.map(|who| self.boxes[who].bell());
        let publishing =
            Publishing { publication: &publication, except: bell.as_ref(), history, now_ms: self.now_ms };
        let mut witnessed = None;
        let published =
            self.hub.publish_and(&self.names[topic], &publishing, |published| witnessed = Some(*published));
        assert_eq!(witnessed, Some(published));
        let model = &mut self.world.topics[topic];
        model.keep(history, self.now_ms);
        let place = model.log(&text, alive, self.now_ms);
        self.world.tell(topic, &text, place, except);
        self.world.check_position(topic, published.position);
    }

    fn deliver(&mut self, topic: TopicNo, seq: u64) {
        let bytes = Bytes::from_static(b"d");
        let reached = self.hub.deliver(&self.names[topic], seq, &bytes);
        let World { boxes, topics, limits, .. } = &mut self.world;
        let subscribers = topics[topic].subscribers.keys();
        let queued = subscribers.map(|who| boxes[*who].push(*limits, topic, seq, bytes.clone()));
        assert_eq!(reached, queued.map(usize::from).sum::<usize>());
    }

    fn poll(&mut self, who: BoxNo, messages: usize) {
        let mut taken: Vec<Arc<Message>> = Vec::new();
        let mailbox = &self.boxes[who];
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let polled =
            runtime.block_on(poll_fn(|cx| Poll::Ready(mailbox.poll(cx, messages, usize::MAX, &mut taken))));
        let model = &mut self.world.boxes[who];
        let signals = std::mem::take(&mut model.signals);
        let has_mail = messages > 0 && !model.waiting.is_empty();
        let drained = !model.overflowed && model.waiting.len() <= messages;
        let expected = Poll::Ready(Mail { overflowed: model.overflowed, signals, drained });
        let is_ready = has_mail || model.overflowed || signals != 0;
        assert_eq!(polled, if is_ready { expected } else { Poll::Pending });
        self.took(who, messages, usize::MAX, &taken);
    }

    /// Everything that was queued, and nothing else, in its order.
    fn took(&mut self, who: BoxNo, messages: usize, bytes: usize, taken: &[Arc<Message>]) {
        let expected = self.world.boxes[who].take(messages, bytes);
        assert_eq!(taken.len(), expected.len());
        for (message, (topic, seq, bytes)) in taken.iter().zip(expected) {
            assert_eq!((&message.topic, message.seq, &message.bytes), (&self.names[topic], seq, &bytes));
            self.views.get_mut(&(who, topic)).expect("subscribed").hear(message);
        }
    }

    fn reconnect(&mut self, who: BoxNo) {
        // Among topics there is no order; it leaves them in the one in which it lists them.
        let topics = self.boxes[who].topics();
        self.boxes[who] = self.hub.connect();
        for name in topics {
            let topic = self.names.iter().position(|other| *other == name).expect("one of ours");
            self.left(who, topic).expect("it was on it");
        }
        self.world.boxes[who] = BoxModel::default();
    }

    fn check(&self) {
        let World { topics, boxes, .. } = &self.world;
        assert_eq!(self.hub.connections(), BOXES);
        assert_eq!(self.hub.subscriptions(), topics.iter().map(|topic| topic.subscribers.len()).sum());
        assert_eq!(self.hub.topics(), topics.iter().filter(|topic| topic.is_known()).count());
        for (topic, name) in topics.iter().zip(&self.names) {
            let subscriptions = topic.subscribers.len();
            let figures = Figures { topic: name.clone(), subscriptions, members: topic.members.len() };
            assert_eq!(self.hub.figures(name), (subscriptions > 0).then_some(figures));
            assert_eq!(self.hub.is_heard(name), subscriptions > 0);
            if let Some(stream) = &topic.stream {
                let alive: Vec<bool> = stream.log.iter().map(|l| l.alive.strong_count() > 0).collect();
                assert!(alive.iter().enumerate().all(|(n, alive)| *alive == (n >= stream.dropped)));
            }
        }
        for (mailbox, model) in self.boxes.iter().zip(boxes) {
            assert_eq!(mailbox.overflowed(), model.overflowed);
        }
        for ((who, topic), view) in &self.views {
            let Some(BoxModel { waiting, overflowed: false, .. }) = boxes.get(*who) else { continue };
            if waiting.iter().all(|(other, _, _)| other != topic) {
                assert_eq!(view, &View::of(&self.hub.members(&self.names[*topic])));
            }
        }
    }

    /// Everybody goes, and time passes.
    fn end(mut self) {
        self.boxes.clear();
        assert_eq!((self.hub.connections(), self.hub.subscriptions()), (0, 0));
        self.hub.sweep(self.now_ms + 1_000);
        assert_eq!(self.hub.topics(), 0);
        let mut logged = self.world.topics.iter().flat_map(|topic| &topic.stream).flat_map(|s| &s.log);
        assert!(logged.all(|logged| logged.alive.strong_count() == 0), "a publication is kept for nobody");
    }
}

const FEW_OVERFLOW: Limits = Limits { mailbox_max_messages: 30, mailbox_max_bytes: 400 };
const MANY_OVERFLOW: Limits = Limits { mailbox_max_messages: 4, mailbox_max_bytes: 40 };

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn does_what_the_model_says(steps in steps()) {
        Play::new(FEW_OVERFLOW).all(steps);
    }

    #[test]
    fn does_so_with_mailboxes_that_overflow(steps in steps()) {
        Play::new(MANY_OVERFLOW).all(steps);
    }

    #[test]
    fn does_so_where_a_distributor_hands_out(steps in steps()) {
        Play::handing_out(FEW_OVERFLOW).all(steps);
    }

    #[test]
    fn does_so_where_a_distributor_hands_out_to_mailboxes_that_overflow(steps in steps()) {
        Play::handing_out(MANY_OVERFLOW).all(steps);
    }
}
