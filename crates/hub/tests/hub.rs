//! The hub seen from outside: readers that follow the protocol, against a log that is the truth.

#![expect(clippy::disallowed_methods, reason = "threads of the tests, which join them")]

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, atomic::AtomicBool, atomic::Ordering},
    thread,
};

use bytes::Bytes;
use fanfare_hub::{Hub, Limits, Mailbox, Message, Release, Start, Topic};
use proptest::prelude::*;

const ROOMY: Limits = Limits { mailbox_max_messages: 1_000, mailbox_max_bytes: 100_000 };

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn take_all(mailbox: &Mailbox) -> Vec<Arc<Message>> {
    let mut messages = Vec::new();
    mailbox.take(usize::MAX, usize::MAX, &mut messages);
    messages
}

fn seqs(mailbox: &Mailbox) -> Vec<u64> {
    take_all(mailbox).iter().map(|message| message.seq).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

/// Whether the future is ready when it is polled once.
fn is_ready(future: impl Future<Output = ()>) -> bool {
    runtime().block_on(async {
        tokio::select! {
            biased;
            () = future => true,
            () = async {} => false,
        }
    })
}

#[test]
fn everybody_subscribed_gets_the_same_bytes() {
    let hub = Hub::new(ROOMY);
    let (topic, other): (Topic, Topic) = ("t".into(), "other".into());
    let (ann, bob, eve) = (hub.connect(), hub.connect(), hub.connect());
    assert!(ann.subscribe(&topic, Start::Live));
    assert!(bob.subscribe(&topic, Start::Live));
    assert!(eve.subscribe(&other, Start::Live));
    let sent = bytes("hello");
    assert_eq!(hub.deliver("t", 1, &sent), 2);
    assert_eq!(hub.deliver("nobody", 1, &sent), 0);
    for mailbox in [&ann, &bob] {
        let got = take_all(mailbox);
        assert_eq!(got, [Arc::new(Message { topic: topic.clone(), seq: 1, bytes: sent.clone() })]);
        assert_eq!(got[0].bytes.as_ptr(), sent.as_ptr(), "shared, not copied");
    }
    assert_eq!(take_all(&eve), []);
}

#[test]
fn subscribing_twice_keeps_the_first_and_its_state() {
    let hub = Hub::new(ROOMY);
    let topic: Topic = "t".into();
    let mailbox = hub.connect();
    assert!(mailbox.subscribe(&topic, Start::CatchingUp));
    assert!(!mailbox.subscribe(&topic, Start::Live));
    assert_eq!(hub.subscriptions(), 1);
    assert_eq!(hub.deliver("t", 1, &bytes("x")), 1);
    assert_eq!(seqs(&mailbox), [], "still catching up");
}

#[test]
fn nothing_is_taken_after_unsubscribing() {
    let hub = Hub::new(ROOMY);
    let (topic, kept): (Topic, Topic) = ("t".into(), "kept".into());
    let mailbox = hub.connect();
    mailbox.subscribe(&topic, Start::Live);
    mailbox.subscribe(&kept, Start::Live);
    hub.deliver("t", 1, &bytes("x"));
    hub.deliver("kept", 7, &bytes("x"));
    assert!(mailbox.unsubscribe("t"));
    assert!(!mailbox.unsubscribe("t"));
    assert_eq!(hub.deliver("t", 2, &bytes("x")), 0);
    assert_eq!(seqs(&mailbox), [7]);
}

#[test]
fn a_held_subscription_keeps_the_position_and_no_message() {
    let hub = Hub::new(ROOMY);
    let topic: Topic = "t".into();
    let mailbox = hub.connect();
    mailbox.subscribe(&topic, Start::Live);
    for seq in 1..=3 {
        hub.deliver("t", seq, &bytes("x"));
    }
    mailbox.hold("t");
    assert_eq!(seqs(&mailbox), [], "what was queued is dropped");
    assert_eq!(mailbox.release("t", 2), Release::Behind(3), "the position is not");
    hub.deliver("t", 4, &bytes("x"));
    assert!(!is_ready(mailbox.ready()), "nobody is woken for a position");
    assert_eq!(mailbox.release("t", 3), Release::Behind(4));
    assert_eq!(mailbox.release("t", 4), Release::Live);
    hub.deliver("t", 5, &bytes("x"));
    assert_eq!(seqs(&mailbox), [5]);
    assert_eq!(mailbox.release("t", 0), Release::Live, "live stays live");
    assert_eq!(mailbox.release("elsewhere", 0), Release::Live);
}

#[test]
fn an_overflow_is_final_and_spares_the_others() {
    let hub = Hub::new(Limits { mailbox_max_messages: 2, mailbox_max_bytes: 100 });
    let topic: Topic = "t".into();
    let (slow, fast) = (hub.connect(), hub.connect());
    slow.subscribe(&topic, Start::Live);
    fast.subscribe(&topic, Start::Live);
    for seq in 1..=2 {
        assert_eq!(hub.deliver("t", seq, &bytes("x")), 2);
        assert_eq!(seqs(&fast), [seq]);
    }
    assert!(!slow.overflowed() && !is_ready(slow.overflow()));
    assert_eq!(hub.deliver("t", 3, &bytes("x")), 1, "the one it did not fit is not counted");
    assert!(slow.overflowed() && is_ready(slow.overflow()) && is_ready(slow.ready()));
    assert_eq!(hub.deliver("t", 4, &bytes("x")), 1);
    assert_eq!((seqs(&slow), seqs(&fast)), (vec![], vec![3, 4]));
    slow.hold("t");
    assert_eq!(hub.deliver("t", 5, &bytes("x")), 1, "also while it is held");
    assert!(slow.overflowed());
}

#[test]
fn a_topic_without_subscribers_leaves_no_trace() {
    let hub = Hub::new(ROOMY);
    let (ann, bob) = (hub.connect(), hub.connect());
    for n in 0..500 {
        let topic: Topic = format!("t{n}").into();
        ann.subscribe(&topic, Start::Live);
        if n % 2 == 0 {
            bob.subscribe(&topic, Start::CatchingUp);
        }
    }
    assert_eq!((hub.connections(), hub.topics(), hub.subscriptions()), (2, 500, 750));
    drop(ann);
    assert_eq!((hub.connections(), hub.topics(), hub.subscriptions()), (1, 250, 250));
    bob.unsubscribe("t0");
    assert_eq!((hub.topics(), hub.subscriptions()), (249, 249));
    drop(bob);
    assert_eq!((hub.connections(), hub.topics(), hub.subscriptions()), (0, 0, 0));
}

#[test]
fn a_topic_is_heard_while_somebody_is_subscribed_in_whatever_state() {
    let hub = Hub::new(ROOMY);
    let (first, second) = (hub.connect(), hub.connect());
    assert!(!hub.is_heard("t"));
    first.subscribe(&"t".into(), Start::CatchingUp);
    second.subscribe(&"t".into(), Start::Live);
    assert!(hub.is_heard("t") && !hub.is_heard("u"));
    drop(second);
    assert!(hub.is_heard("t"));
    first.unsubscribe("t");
    assert!(!hub.is_heard("t"));
}

#[test]
fn who_waits_is_woken_by_a_message_and_by_an_overflow() {
    let hub = Hub::new(Limits { mailbox_max_messages: 1, mailbox_max_bytes: 100 });
    let topic: Topic = "t".into();
    let mailbox = Arc::new(hub.connect());
    mailbox.subscribe(&topic, Start::Live);
    let reader = {
        let mailbox = mailbox.clone();
        thread::spawn(move || {
            runtime().block_on(async {
                mailbox.ready().await;
                mailbox.overflow().await;
            });
        })
    };
    while !mailbox.overflowed() {
        hub.deliver("t", 1, &bytes("x"));
        thread::yield_now();
    }
    reader.join().expect("woken twice");
}

/// What the world does to readers in the model test.
#[derive(Debug, Clone)]
enum Step {
    Publish { topic: usize, delivered: bool },
    Subscribe { reader: usize, topic: usize },
    Unsubscribe { reader: usize, topic: usize },
    Hold { reader: usize, topic: usize },
    ReadPage { reader: usize, topic: usize },
    Take { reader: usize, messages: usize },
}

const TOPICS: [&str; 3] = ["a", "b", "c"];
const READERS: usize = 3;
const PAGE: usize = 3;

fn steps(lossy: bool) -> impl Strategy<Value = Vec<Step>> {
    let (reader, topic) = (0..READERS, 0..TOPICS.len());
    let both = || (reader.clone(), topic.clone());
    let step = prop_oneof![
        6 => (topic.clone(), prop::bool::weighted(if lossy { 0.8 } else { 1.0 }))
            .prop_map(|(topic, delivered)| Step::Publish { topic, delivered }),
        2 => both().prop_map(|(reader, topic)| Step::Subscribe { reader, topic }),
        1 => both().prop_map(|(reader, topic)| Step::Unsubscribe { reader, topic }),
        1 => both().prop_map(|(reader, topic)| Step::Hold { reader, topic }),
        4 => both().prop_map(|(reader, topic)| Step::ReadPage { reader, topic }),
        4 => (reader.clone(), 0_usize..6).prop_map(|(reader, messages)| Step::Take { reader, messages }),
    ];
    prop::collection::vec(step, 0..200)
}

/// A reader that follows the protocol and remembers what it has seen of each topic.
struct Reader {
    mailbox: Mailbox,
    /// Of the topics it is subscribed to: whether it is live.
    live: BTreeMap<usize, bool>,
    seen: [Vec<u64>; TOPICS.len()],
}

impl Reader {
    fn new(hub: &Hub) -> Self {
        Self { mailbox: hub.connect(), live: BTreeMap::new(), seen: Default::default() }
    }

    fn position(&self, topic: usize) -> u64 {
        self.seen[topic].last().copied().unwrap_or(0)
    }

    fn subscribe(&mut self, topic: usize) {
        let new = self.mailbox.subscribe(&TOPICS[topic].into(), Start::CatchingUp);
        assert_eq!(new, !self.live.contains_key(&topic));
        self.live.entry(topic).or_insert(false);
    }

    fn hold(&mut self, topic: usize) {
        if let Some(live) = self.live.get_mut(&topic) {
            self.mailbox.hold(TOPICS[topic]);
            *live = false;
        }
    }

    /// A page of the log, which holds 1..=`last`; then, at its end, the attempt to go live.
    fn read_page(&mut self, topic: usize, last: u64) {
        if self.live.get(&topic) != Some(&false) {
            return;
        }
        let from = self.position(topic);
        self.seen[topic].extend((from + 1..=last).take(PAGE));
        if self.position(topic) == last {
            let released = self.mailbox.release(TOPICS[topic], last);
            assert_eq!(released, Release::Live, "nothing was published that the log does not have");
            self.live.insert(topic, true);
        }
    }

    fn take(&mut self, messages: usize, lossy: bool) {
        let mut taken = Vec::new();
        self.mailbox.take(messages, usize::MAX, &mut taken);
        for message in taken {
            let topic = TOPICS.iter().position(|topic| **topic == *message.topic).expect("a known topic");
            let expected = self.position(topic) + 1;
            match self.live.get(&topic) {
                Some(true) if message.seq == expected => self.seen[topic].push(message.seq),
                Some(true) if lossy && message.seq > expected => self.hold(topic),
                // A gap just found in the same handful.
                Some(false) if lossy => {}
                state => panic!("{state:?} got {message:?} instead of {expected}"),
            }
        }
    }

    fn reconnect(&mut self, hub: &Hub) {
        self.mailbox = hub.connect();
        for topic in std::mem::take(&mut self.live).into_keys() {
            self.subscribe(topic);
        }
    }
}

fn play(steps: Vec<Step>, lossy: bool) {
    let hub = Hub::new(Limits { mailbox_max_messages: 6, mailbox_max_bytes: 1_000 });
    let mut log = [0_u64; TOPICS.len()];
    let mut readers: Vec<_> = (0..READERS).map(|_| Reader::new(&hub)).collect();
    for step in steps {
        match step {
            Step::Publish { topic, delivered } => {
                log[topic] += 1;
                if delivered {
                    hub.deliver(TOPICS[topic], log[topic], &bytes("x"));
                }
            }
            Step::Subscribe { reader, topic } => readers[reader].subscribe(topic),
            Step::Unsubscribe { reader, topic } => {
                let had = readers[reader].mailbox.unsubscribe(TOPICS[topic]);
                assert_eq!(had, readers[reader].live.remove(&topic).is_some());
            }
            Step::Hold { reader, topic } => readers[reader].hold(topic),
            Step::ReadPage { reader, topic } => readers[reader].read_page(topic, log[topic]),
            Step::Take { reader, messages } => readers[reader].take(messages, lossy),
        }
        readers.iter_mut().filter(|reader| reader.mailbox.overflowed()).for_each(|r| r.reconnect(&hub));
        assert_eq!(hub.subscriptions(), readers.iter().map(|reader| reader.live.len()).sum::<usize>());
    }
    // One more message per topic, so that a loss at the very end is noticed too; read until calm.
    for (topic, last) in log.iter_mut().enumerate() {
        for reader in &mut readers {
            reader.take(usize::MAX, lossy);
        }
        *last += 1;
        hub.deliver(TOPICS[topic], *last, &bytes("x"));
    }
    for reader in &mut readers {
        reader.take(usize::MAX, lossy);
        for (topic, last) in log.iter().enumerate() {
            for _ in 0..=*last {
                reader.read_page(topic, *last);
            }
            if reader.live.contains_key(&topic) {
                assert_eq!(reader.seen[topic], (1..=*last).collect::<Vec<_>>());
            }
        }
    }
    drop(readers);
    assert_eq!((hub.connections(), hub.topics(), hub.subscriptions()), (0, 0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reader_sees_every_topic_gapless_and_in_order(steps in steps(false)) {
        play(steps, false);
    }

    #[test]
    fn lost_deliveries_are_noticed_and_made_good_from_the_log(steps in steps(true)) {
        play(steps, true);
    }
}

/// A log with one lock, as a database is: what is published is in it before it is delivered.
#[derive(Default)]
struct Log(Mutex<HashMap<Topic, u64>>);

impl Log {
    fn append(&self, topic: &Topic) -> u64 {
        let mut log = self.0.lock().expect("not poisoned");
        let last = log.entry(topic.clone()).or_default();
        *last += 1;
        *last
    }

    fn last(&self, topic: &Topic) -> u64 {
        self.0.lock().expect("not poisoned").get(topic).copied().unwrap_or(0)
    }
}

/// Subscribes in the midst of things, catches up, and follows until `last` of each topic is seen.
async fn follow(hub: Hub, log: Arc<Log>, topics: Vec<Topic>, last: u64) {
    let mailbox = hub.connect();
    let mut positions: HashMap<Topic, u64> = HashMap::new();
    for topic in &topics {
        mailbox.subscribe(topic, Start::CatchingUp);
        let mut position = log.last(topic);
        while let Release::Behind(beyond) = mailbox.release(topic, position) {
            position = log.last(topic);
            assert!(position >= beyond);
        }
        positions.insert(topic.clone(), position);
    }
    let mut taken = Vec::new();
    while positions.values().any(|position| *position < last) {
        mailbox.ready().await;
        mailbox.take(7, 1_000, &mut taken);
        assert!(!mailbox.overflowed());
        for message in taken.drain(..) {
            let position = positions.get_mut(&message.topic).expect("subscribed");
            // What was in the log before it was delivered may come twice, but nothing is left out.
            assert!(message.seq <= *position + 1);
            *position = message.seq.max(*position);
        }
    }
}

#[test]
fn threads_that_publish_subscribe_and_leave_at_once_lose_nothing() {
    const LAST: u64 = 2_000;
    let hub = Hub::new(Limits { mailbox_max_messages: 100_000, mailbox_max_bytes: 1 << 20 });
    let log = Arc::new(Log::default());
    let topics: Vec<Topic> = (0..4).map(|n| format!("t{n}").into()).collect();
    let done = Arc::new(AtomicBool::new(false));
    let churn = {
        let (hub, topics, done) = (hub.clone(), topics.clone(), done.clone());
        thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                let mailbox = hub.connect();
                for topic in &topics {
                    mailbox.subscribe(topic, Start::Live);
                }
                mailbox.unsubscribe(&topics[0]);
            }
        })
    };
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (hub, log, topics) = (hub.clone(), log.clone(), topics.clone());
            thread::spawn(move || runtime().block_on(follow(hub, log, topics, LAST)))
        })
        .collect();
    let publishers: Vec<_> = topics
        .iter()
        .cloned()
        .map(|topic| {
            let (hub, log) = (hub.clone(), log.clone());
            thread::spawn(move || {
                for _ in 0..LAST {
                    hub.deliver(&topic, log.append(&topic), &Bytes::from_static(b"x"));
                }
            })
        })
        .collect();
    for thread in publishers.into_iter().chain(readers) {
        thread.join().expect("nothing lost");
    }
    done.store(true, Ordering::Relaxed);
    churn.join().expect("no panic");
    assert_eq!((hub.connections(), hub.topics(), hub.subscriptions()), (0, 0, 0));
}
