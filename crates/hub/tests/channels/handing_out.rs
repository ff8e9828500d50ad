//! Topics with many subscribers, whose publications a distributor hands out.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

use fanfare_hub::{Distributor, Hub, Join, Limits, Mailbox, Position, Publishing, Replay, Topic};
use proptest::prelude::*;

use crate::support::{LONG, ROOMY, Said, as_member, distributor, hub, publish, take_all, text, texts};

fn handing_out(limits: Limits, min_subscriptions: usize) -> Hub {
    let hub = hub(limits);
    hub.set_distributor(Some(distributor(min_subscriptions)));
    hub
}

fn join(mailbox: &Mailbox, topic: &Topic, join: &Join) -> fanfare_hub::Joined {
    mailbox.join(topic, join, |_| ()).expect("there is room")
}

fn joined(hub: &Hub, topic: &Topic, mailboxes: usize) -> Vec<Mailbox> {
    let join_one = |_| {
        let mailbox = hub.connect();
        join(&mailbox, topic, &Join::default());
        mailbox
    };
    (0..mailboxes).map(join_one).collect()
}

#[test]
fn one_walk_gives_each_all_that_he_has_not_got() {
    let (hub, topic): (_, Topic) = (handing_out(ROOMY, 3), "t".into());
    let mailboxes = joined(&hub, &topic, 3);
    publish(&hub, &topic, "a", None);
    assert!(mailboxes.iter().all(|mailbox| texts(mailbox).is_empty()));
    assert!(hub.hand_out(1));
    assert_eq!(mailboxes.iter().map(texts).collect::<Vec<_>>(), [vec!["a".to_owned()], vec![], vec![]]);
    publish(&hub, &topic, "b", None);
    assert!(hub.hand_out(2), "the first one has not got b yet");
    assert_eq!(
        mailboxes.iter().map(texts).collect::<Vec<_>>(),
        [vec![], vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned(), "b".to_owned()]]
    );
    assert!(!hub.hand_out(3));
    assert_eq!(mailboxes.iter().map(texts).collect::<Vec<_>>(), [vec!["b".to_owned()], vec![], vec![]]);
    assert!(!hub.hand_out(1));
}

#[test]
fn who_comes_gets_what_comes_after_him_and_who_goes_gets_nothing_more() {
    let (hub, topic): (_, Topic) = (handing_out(ROOMY, 2), "t".into());
    let mailboxes = joined(&hub, &topic, 3);
    publish(&hub, &topic, "a", None);
    let late = hub.connect();
    join(&late, &topic, &as_member("late"));
    publish(&hub, &topic, "b", None);
    mailboxes[0].unsubscribe("t");
    while hub.hand_out(1) {}
    assert_eq!(texts(&mailboxes[0]), [""; 0]);
    assert_eq!(texts(&mailboxes[1]), ["a", "+late", "b"]);
    assert_eq!(texts(&late), ["b"]);
}

#[test]
fn what_is_put_down_is_handed_out_before_what_goes_at_once() {
    let (hub, topic): (_, Topic) = (handing_out(ROOMY, 2), "t".into());
    let mut mailboxes = joined(&hub, &topic, 2);
    publish(&hub, &topic, "a", None);
    mailboxes.pop();
    publish(&hub, &topic, "b", None);
    assert_eq!(texts(&mailboxes[0]), ["a", "b"], "there are few now");
    assert!(!hub.hand_out(1));

    mailboxes.extend(joined(&hub, &topic, 1));
    publish(&hub, &topic, "c", None);
    hub.set_distributor(None);
    publish(&hub, &topic, "d", None);
    assert_eq!(texts(&mailboxes[0]), ["c", "d"], "nobody hands out any more");
}

#[test]
fn who_comes_back_for_what_he_missed_is_told_it_once() {
    let (hub, topic): (_, Topic) = (handing_out(ROOMY, 2), "t".into());
    let mailboxes = joined(&hub, &topic, 2);
    let kept = Join { history: Some(LONG), ..Join::default() };
    let start = join(&mailboxes[0], &topic, &kept).position;
    assert_eq!(start, None, "the first who publishes begins the past");
    let first = publish(&hub, &topic, "a", Some(LONG)).position.expect("a history");
    publish(&hub, &topic, "b", Some(LONG));
    hub.whisper("t", &Said::that("w"), None, || ());
    let again = Join { replay: Some(Replay::After(first)), ..kept };
    let told = join(&mailboxes[0], &topic, &again).replayed.expect("asked for");
    assert_eq!(told.missed.iter().map(text).collect::<Vec<_>>(), ["b"]);
    while hub.hand_out(1) {}
    assert_eq!(texts(&mailboxes[0]), ["w"], "which has no place");
    assert_eq!(texts(&mailboxes[1]), ["a", "b", "w"]);
}

#[test]
fn what_is_too_much_for_a_mailbox_is_handed_out_by_whoever_publishes() {
    for limits in [Limits { mailbox_max_messages: 3, ..ROOMY }, Limits { mailbox_max_bytes: 3, ..ROOMY }] {
        let (hub, topic): (_, Topic) = (handing_out(limits, 2), "t".into());
        let mailboxes = joined(&hub, &topic, 2);
        let put_down = ["a", "b", "c"].map(|text| {
            let publication = Said::that(text);
            let publishing = Publishing { publication: &publication, except: None, history: None, now_ms: 0 };
            hub.publish(&topic, &publishing);
            assert_eq!(texts(&mailboxes[0]), [""; 0]);
            Arc::downgrade(&publication)
        });
        publish(&hub, &topic, "d", None);
        assert!(put_down.iter().all(|publication| publication.upgrade().is_none()));
        // The forms have four bytes more than the texts have.
        let fits = limits.mailbox_max_bytes > 15;
        assert_eq!(mailboxes[0].overflowed(), !fits);
        if fits {
            assert_eq!(texts(&mailboxes[0]), ["a", "b", "c"]);
            assert!(!hub.hand_out(2));
            assert_eq!(texts(&mailboxes[0]), ["d"]);
        }
    }
}

struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_distributor_is_woken_once_until_all_is_handed_out() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let wakes = Arc::new(Counts(AtomicUsize::new(0)));
    hub.set_distributor(Some(Distributor { min_subscriptions: 2, waker: Waker::from(wakes.clone()) }));
    let mailboxes = joined(&hub, &topic, 2);
    for _ in 0..2 {
        publish(&hub, &topic, "a", None);
        publish(&hub, &topic, "b", None);
        assert!(hub.hand_out(1));
        publish(&hub, &topic, "c", None);
        while hub.hand_out(1) {}
    }
    assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    assert!(mailboxes.iter().all(|mailbox| texts(mailbox) == ["a", "b", "c", "a", "b", "c"]));
}

#[test]
fn topics_take_turns() {
    let hub = handing_out(ROOMY, 2);
    let (busy, other): (Topic, Topic) = ("busy".into(), "other".into());
    let (crowd, few) = (joined(&hub, &busy, 100), joined(&hub, &other, 2));
    publish(&hub, &busy, "a", None);
    publish(&hub, &other, "b", None);
    assert!(hub.hand_out(10) && hub.hand_out(10));
    assert!(few.iter().all(|mailbox| texts(mailbox) == ["b"]));
    assert_eq!(crowd.iter().filter(|mailbox| texts(mailbox) == ["a"]).count(), 10);
}

#[test]
fn nothing_is_kept_for_a_topic_that_everybody_has_left() {
    let (hub, topic): (_, Topic) = (handing_out(ROOMY, 2), "t".into());
    let mailboxes = joined(&hub, &topic, 2);
    let publication = Said::that("a");
    let alive = Arc::downgrade(&publication);
    let publishing = Publishing { publication: &publication, except: None, history: None, now_ms: 0 };
    hub.publish(&topic, &publishing);
    drop((mailboxes, publication));
    assert_eq!(hub.topics(), 0);
    assert!(!hub.hand_out(1));
    assert!(alive.upgrade().is_none());
}

const BOXES: usize = 4;
const TOPICS: usize = 2;
const MAX_MESSAGES: usize = 8;

#[derive(Debug, Clone, Copy)]
enum Step {
    Join { who: usize, topic: usize },
    Resume { who: usize, topic: usize },
    Leave { who: usize, topic: usize },
    Publish { topic: usize, except: Option<usize> },
    Whisper { topic: usize },
    HandOut { subscribers: usize },
    Take { who: usize, messages: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let both = || (0..BOXES, 0..TOPICS);
    let step = prop_oneof![
        3 => both().prop_map(|(who, topic)| Step::Join { who, topic }),
        1 => both().prop_map(|(who, topic)| Step::Resume { who, topic }),
        1 => both().prop_map(|(who, topic)| Step::Leave { who, topic }),
        6 => (0..TOPICS, prop::option::weighted(0.2, 0..BOXES))
            .prop_map(|(topic, except)| Step::Publish { topic, except }),
        1 => (0..TOPICS).prop_map(|topic| Step::Whisper { topic }),
        5 => (1_usize..4).prop_map(|subscribers| Step::HandOut { subscribers }),
        5 => (0..BOXES, 0_usize..6).prop_map(|(who, messages)| Step::Take { who, messages }),
    ];
    prop::collection::vec(step, 0..200)
}

/// What a mailbox has still to be told of a topic: the place, 0 without one, and the text.
type Due = VecDeque<(u64, String)>;

struct Life {
    hub: Hub,
    names: [Topic; TOPICS],
    boxes: Vec<Mailbox>,
    due: Vec<BTreeMap<usize, Due>>,
    /// What was published in all, by topic.
    logs: [Vec<String>; TOPICS],
    told: usize,
}

impl Life {
    fn new() -> Self {
        let hub = handing_out(Limits { mailbox_max_messages: MAX_MESSAGES, ..ROOMY }, 2);
        Self {
            names: ["a".into(), "b".into()],
            boxes: (0..BOXES).map(|_| hub.connect()).collect(),
            due: (0..BOXES).map(|_| BTreeMap::new()).collect(),
            logs: Default::default(),
            told: 0,
            hub,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join { who, topic } => {
                let wish = Join { history: Some(LONG), ..Join::default() };
                let joined = join(&self.boxes[who], &self.names[topic], &wish);
                assert_eq!(joined.is_new, !self.due[who].contains_key(&topic));
                self.due[who].entry(topic).or_default();
            }
            Step::Resume { who, topic } => self.resume(who, topic),
            Step::Leave { who, topic } => {
                let was_there = self.boxes[who].unsubscribe(&self.names[topic]);
                assert_eq!(was_there, self.due[who].remove(&topic).is_some());
            }
            Step::Publish { topic, except } => {
                let text = self.say(topic);
                let publication = Said::that(text.clone());
                let bell = except.map(|who| self.boxes[who].bell());
                let (except_bell, history) = (bell.as_ref(), Some(LONG));
                let publishing =
                    Publishing { publication: &publication, except: except_bell, history, now_ms: 0 };
                self.hub.publish(&self.names[topic], &publishing);
                self.logs[topic].push(text.clone());
                self.tell(topic, self.logs[topic].len() as u64, &text, except);
            }
            Step::Whisper { topic } => {
                let text = self.say(topic);
                self.hub.whisper(&self.names[topic], &Said::that(text.clone()), None, || ());
                self.tell(topic, 0, &text, None);
            }
            Step::HandOut { subscribers } => drop(self.hub.hand_out(subscribers)),
            Step::Take { who, messages } => self.take(who, messages),
        }
        self.replace_those_that_overflowed();
    }

    fn say(&mut self, topic: usize) -> String {
        self.told += 1;
        format!("{topic}-{}", self.told)
    }

    fn tell(&mut self, topic: usize, place: u64, text: &str, except: Option<usize>) {
        for (who, topics) in self.due.iter_mut().enumerate() {
            if Some(who) != except
                && let Some(due) = topics.get_mut(&topic)
            {
                due.push_back((place, text.to_owned()));
            }
        }
    }

    /// Asks for everything since a place, as somebody does who is subscribed already.
    fn resume(&mut self, who: usize, topic: usize) {
        if !self.due[who].contains_key(&topic) {
            return;
        }
        let position = self.position(topic);
        let after = Position { offset: position.offset / 2, ..position };
        let wish = Join { history: Some(LONG), replay: Some(Replay::After(after)), ..Join::default() };
        let replayed = join(&self.boxes[who], &self.names[topic], &wish).replayed.expect("asked for");
        assert!(replayed.complete);
        let missed: Vec<String> = replayed.missed.iter().map(text).collect();
        let reached = usize::try_from(after.offset).expect("small");
        assert_eq!(missed, self.logs[topic][reached..]);
        self.replace_those_that_overflowed();
        if let Some(due) = self.due[who].get_mut(&topic) {
            due.retain(|(place, _)| *place == 0);
        }
    }

    fn position(&self, topic: usize) -> Position {
        let wish = Join { history: Some(LONG), ..Join::default() };
        join(&self.hub.connect(), &self.names[topic], &wish).position.expect("a history")
    }

    /// What is taken is what is due next, on every topic.
    fn take(&mut self, who: usize, messages: usize) {
        let mut taken = Vec::new();
        self.boxes[who].take(messages, usize::MAX, &mut taken);
        for message in taken {
            let topic = self.names.iter().position(|name| *name == message.topic).expect("one of ours");
            let due = self.due[who].get_mut(&topic).expect("subscribed").pop_front();
            assert_eq!(due, Some((message.seq, text(&message.bytes))));
        }
    }

    fn replace_those_that_overflowed(&mut self) {
        for (mailbox, due) in self.boxes.iter_mut().zip(&mut self.due) {
            if mailbox.overflowed() {
                let waiting: usize = due.values().map(VecDeque::len).sum();
                assert!(waiting > MAX_MESSAGES, "{waiting} fit");
                *mailbox = self.hub.connect();
                due.clear();
            }
        }
    }

    /// Nothing is left behind.
    fn end(mut self) {
        for who in 0..BOXES {
            self.take(who, usize::MAX);
        }
        while self.hub.hand_out(1) {}
        self.replace_those_that_overflowed();
        for who in 0..BOXES {
            self.take(who, usize::MAX);
            assert!(self.due[who].values().all(VecDeque::is_empty));
            assert!(take_all(&self.boxes[who]).is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn everybody_gets_everything_in_order_however_it_is_handed_out(steps in steps()) {
        let mut life = Life::new();
        for step in steps {
            life.step(step);
        }
        life.end();
    }
}
