//! Topics, subscriptions and mailboxes: fan-out of opaque bytes inside one process.
//!
//! A [`Hub`] knows topics by name. Each connection has one [`Mailbox`], puts it on topics and takes
//! messages out of it. Telling a topic never waits: a mailbox that is full overflows, once and for good,
//! and its reader is expected to disconnect and to come back.
//!
//! Not in here: protocols, I/O, a database, time. The bytes are never looked at, and where the time
//! matters the caller says it.
//!
//! # Topics with a log elsewhere
//!
//! Their messages carry positions that somebody else counts; [`Hub::deliver`] tells them. A subscription
//! may start by *catching up*: its reader is busy reading what it missed in the log, and the mailbox
//! keeps the highest position it was told of rather than the messages. [`Mailbox::release`] ends that,
//! unless there is more to read.
//!
//! ```
//! use bytes::Bytes;
//! use fanfare_hub::{Hub, Limits, Release, Start, Topic};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let hub = Hub::new(Limits { mailbox_max_messages: 100, mailbox_max_bytes: 10_000 });
//! let topic: Topic = "kitchen".into();
//!
//! // First the subscription, then the past: nothing can fall between the two.
//! let mailbox = hub.connect();
//! mailbox.subscribe(&topic, Start::CatchingUp);
//! hub.deliver("kitchen", 1, &Bytes::from_static(b"soup"));
//! assert_eq!(mailbox.release("kitchen", 0), Release::Behind(1));
//! // Here the reader would read message 1 from its log, and then:
//! assert_eq!(mailbox.release("kitchen", 1), Release::Live);
//!
//! hub.deliver("kitchen", 2, &Bytes::from_static(b"bread"));
//! mailbox.ready().await;
//! let mut messages = Vec::new();
//! mailbox.take(64, 65_536, &mut messages);
//! assert_eq!((messages[0].seq, &messages[0].bytes[..]), (2, &b"bread"[..]));
//!
//! drop(mailbox);
//! assert_eq!(hub.topics(), 0);
//! # }
//! ```
//!
//! # Channels
//!
//! On these the hub counts itself. [`Mailbox::join`] says who is there and what was missed, and
//! everything later comes through the mailbox: publications, each in the [`Form`] of its reader, and
//! what the hub's [`Announcer`] makes of members who come and leave. Whoever was away says the
//! [`Position`] that it has reached, and is told the rest, or that it cannot be told.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use fanfare_hub::{
//!     Announcer, Form, History, Hub, Join, Limits, Mailbox, Member, Position, Publication, Publishing,
//!     Replay, Topic,
//! };
//!
//! const PLAIN: Form = Form::new(0);
//! const LOUD: Form = Form::new(1);
//!
//! struct Said(String);
//!
//! impl Publication for Said {
//!     fn form(&self, form: Form, _: Option<Position>) -> Bytes {
//!         if form == LOUD { self.0.to_uppercase().into() } else { self.0.clone().into() }
//!     }
//!     fn size(&self) -> usize {
//!         self.0.len()
//!     }
//! }
//!
//! struct Doorman;
//!
//! impl Announcer for Doorman {
//!     fn member_added(&self, _: &Topic, member: &Member) -> Arc<dyn Publication> {
//!         Arc::new(Said(format!("{} came", member.id)))
//!     }
//!     fn member_removed(&self, _: &Topic, member: &Member) -> Arc<dyn Publication> {
//!         Arc::new(Said(format!("{} left", member.id)))
//!     }
//! }
//!
//! let limits = Limits { mailbox_max_messages: 100, mailbox_max_bytes: 10_000 };
//! let hub = Hub::announcing(limits, Arc::new(Doorman));
//! let topic: Topic = "kitchen".into();
//! let history = Some(History { max_messages: 100, max_bytes: 100_000, max_age_ms: 60_000 });
//! let wish = |id: &str, form, replay| {
//!     let member = Member { id: id.into(), info: Bytes::new() };
//!     Join { form, member: Some((member, 100)), history, replay, now_ms: 0 }
//! };
//! let say = |text: &str| {
//!     let publication: Arc<dyn Publication> = Arc::new(Said(text.to_owned()));
//!     hub.publish(&topic, &Publishing { publication: &publication, except: None, history, now_ms: 0 })
//! };
//! let heard = |mailbox: &Mailbox| {
//!     let mut messages = Vec::new();
//!     mailbox.take(64, 65_536, &mut messages);
//!     messages.iter().map(|message| message.bytes.clone()).collect::<Vec<_>>()
//! };
//!
//! let ann = hub.connect();
//! ann.join(&topic, &wish("ann", PLAIN, None), |_| ())?;
//! let bob = hub.connect();
//! let joined = bob.join(&topic, &wish("bob", LOUD, None), |_| ())?;
//! assert_eq!(joined.members.map(|members| members.len()), Some(2));
//! let reached = say("soup").position.expect("there is a history");
//! assert_eq!(heard(&bob), ["SOUP"]);
//!
//! // While bob is away something is said, and the past has it.
//! drop(bob);
//! say("bread");
//! let bob = hub.connect();
//! let joined = bob.join(&topic, &wish("bob", LOUD, Some(Replay::After(reached))), |_| ())?;
//! let replayed = joined.replayed.expect("it was asked for");
//! assert!(replayed.complete);
//! assert_eq!(replayed.missed, ["BREAD"]);
//! assert_eq!(heard(&ann), ["bob came", "soup", "bob left", "bread", "bob came"]);
//!
//! // What is too old is forgotten, and so is the topic when nobody is on it.
//! drop((ann, bob));
//! hub.sweep(60_001);
//! assert_eq!(hub.topics(), 0);
//! # Ok::<(), fanfare_hub::TooManyMembers>(())
//! ```

mod history;
mod inbox;
#[cfg(test)]
mod inbox_tests;
mod mailbox;
mod presence;
mod slots;
mod sync;
mod topic;

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

pub use crate::{
    history::{History, Last, Position, Replay, Replayed},
    inbox::Mail,
    mailbox::{Bell, Mailbox, Release},
    presence::{Member, TooManyMembers},
    topic::{Join, Joined, Left, Publication, Published, Start},
};
use crate::{
    mailbox::ToWake,
    presence::Presence,
    sync::{Mutex, MutexGuard, lock},
    topic::{Entry, State},
};

/// A topic's name; the hub gives it no meaning.
pub type Topic = Arc<str>;

/// Parts of the topics' map, so that topics seldom wait for one another.
const SHARDS: usize = 64;

/// How much a mailbox holds before it overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages that may wait at once.
    pub mailbox_max_messages: usize,
    /// Bytes that may wait at once, the messages' own only.
    pub mailbox_max_bytes: usize,
}

/// What a subscriber takes out of its mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it was published.
    pub topic: Topic,
    /// Its position in the topic; 0 where nobody counts.
    pub seq: u64,
    /// What was published, shared by all subscribers.
    pub bytes: Bytes,
}

/// One of a few ways to tell a publication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Form(u8);

impl Form {
    /// How many there can be.
    pub const COUNT: usize = 4;

    /// The form of this number.
    ///
    /// # Panics
    /// For a number that is not below [`Form::COUNT`].
    pub const fn new(number: u8) -> Self {
        assert!((number as usize) < Self::COUNT, "there are no more forms");
        Self(number)
    }

    /// Its number.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Makes what the subscribers of a topic are told of its members. Called under the topic's lock: it must
/// not touch the hub, and not panic.
pub trait Announcer: Send + Sync {
    /// Somebody came who was not present.
    fn member_added(&self, topic: &Topic, member: &Member) -> Arc<dyn Publication>;
    /// Somebody has left with his last connection.
    fn member_removed(&self, topic: &Topic, member: &Member) -> Arc<dyn Publication>;
}

/// Something to publish.
pub struct Publishing<'a> {
    /// What.
    pub publication: &'a Arc<dyn Publication>,
    /// Whose reader is not told.
    pub except: Option<&'a Bell>,
    /// Whether the topic's past is kept. Without one, and without subscribers, nothing happens.
    pub history: Option<History>,
    /// The time, by a clock that never goes back.
    pub now_ms: u64,
}

/// How many are on a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// The topic.
    pub topic: Topic,
    /// Subscriptions now.
    pub subscriptions: usize,
    /// Members now.
    pub members: usize,
}

/// The topics and who is subscribed to them; clones are one hub.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

type Shard = Mutex<HashMap<Topic, Arc<Entry>>>;

struct Inner {
    limits: Limits,
    hasher: RandomState,
    announcer: Option<Arc<dyn Announcer>>,
    /// Locked one at a time and for a look only. Whoever holds a mailbox's places may lock a shard or a
    /// topic, whoever holds either of those may lock an inbox's queue, never the other way round; readers
    /// are woken under none of them.
    shards: Box<[Shard]>,
    /// Counts on from a number drawn at random, so that the epochs of no two hubs are alike.
    next_epoch: AtomicU64,
    connections: AtomicUsize,
    subscriptions: AtomicUsize,
}

impl Hub {
    /// A hub without topics, on which nobody is told of members.
    pub fn new(limits: Limits) -> Self {
        Self::build(limits, None)
    }

    /// A hub without topics.
    pub fn announcing(limits: Limits, announcer: Arc<dyn Announcer>) -> Self {
        Self::build(limits, Some(announcer))
    }

    fn build(limits: Limits, announcer: Option<Arc<dyn Announcer>>) -> Self {
        let hasher = RandomState::new();
        Self {
            inner: Arc::new(Inner {
                limits,
                next_epoch: AtomicU64::new(hasher.hash_one("the first epoch")),
                hasher,
                announcer,
                shards: (0..SHARDS).map(|_| Shard::default()).collect(),
                connections: AtomicUsize::new(0),
                subscriptions: AtomicUsize::new(0),
            }),
        }
    }

    /// A mailbox for one connection; dropping it ends all its subscriptions.
    pub fn connect(&self) -> Mailbox {
        Mailbox::new(self.clone())
    }

    /// Hands `bytes` to everybody subscribed to `topic`; returns how many that were, those that are
    /// catching up included and those that overflowed left out. Never waits. Messages of one topic
    /// reach every subscriber in the order of these calls.
    pub fn deliver(&self, topic: &str, seq: u64, bytes: &Bytes) -> usize {
        let Some(entry) = self.find(topic) else { return 0 };
        let message = Arc::new(Message { topic: entry.name.clone(), seq, bytes: bytes.clone() });
        let mut to_wake = ToWake::default();
        lock(&entry.state).deliver(&message, &mut to_wake.0)
    }

    /// Hands a publication to everybody subscribed to `topic`, in the form of each. Never waits.
    /// Publications of one topic reach every subscriber in the order of these calls. Subscribers whose
    /// mailbox overflows are left out of the count.
    pub fn publish(&self, topic: &Topic, publishing: &Publishing<'_>) -> Published {
        self.publish_and(topic, publishing, |_| ())
    }

    /// The same; `witness` is told the outcome under the topic's lock, so in the order in which things
    /// happen on it. It must touch neither the hub nor a mailbox, and not panic. On a topic that is not
    /// known, on which nothing happens, it is told under no lock.
    pub fn publish_and(
        &self,
        topic: &Topic,
        publishing: &Publishing<'_>,
        witness: impl FnOnce(&Published),
    ) -> Published {
        let Publishing { publication, except, history, now_ms } = *publishing;
        let except = except.and_then(Bell::inbox);
        let mut to_wake = ToWake::default();
        let act = |known: Option<(&Topic, &mut State)>| {
            let Some((name, state)) = known else {
                witness(&Published::default());
                return (Published::default(), false);
            };
            state.keep(history, || self.next_epoch(), now_ms);
            let published = state.publish(name, publication, except.as_deref(), now_ms, &mut to_wake.0);
            witness(&published);
            (published, state.is_empty())
        };
        if history.is_some() {
            return self.with_entry(topic, |name, state| act(Some((name, state)))).1.0;
        }
        let (entry, (published, is_empty)) = self.with_known(topic, act);
        if is_empty && let Some(entry) = entry {
            self.retire(&entry);
        }
        published
    }

    /// Hands a publication to everybody subscribed to `topic` but the reader of `except`, in the form of each,
    /// and leaves the topic's past as it is: it has no place there, and nobody can come back for it. Never
    /// waits. `witness` is called as that of [`Hub::publish_and`]. Returns how many it was queued for.
    pub fn whisper(
        &self,
        topic: &str,
        publication: &Arc<dyn Publication>,
        except: Option<&Bell>,
        witness: impl FnOnce(),
    ) -> usize {
        let except = except.and_then(Bell::inbox);
        let mut to_wake = ToWake::default();
        let act = |known: Option<(&Topic, &mut State)>| {
            witness();
            known.map_or(0, |(name, state)| {
                state.whisper(name, publication, except.as_deref(), &mut to_wake.0)
            })
        };
        self.with_known(topic, act).1
    }

    /// Drops what is older than the topics' histories say, and forgets topics that nobody is subscribed
    /// to and nobody can come back for.
    pub fn sweep(&self, now_ms: u64) {
        for shard in &self.inner.shards {
            let entries: Vec<_> = lock(shard).values().cloned().collect();
            for entry in entries {
                let is_empty = {
                    let mut state = lock(&entry.state);
                    state.expire(now_ms);
                    state.is_empty()
                };
                if is_empty {
                    self.retire(&entry);
                }
            }
        }
    }

    /// Whether anybody is subscribed to `topic` now: what nobody would hear need not be made.
    pub fn is_heard(&self, topic: &str) -> bool {
        self.find(topic).is_some_and(|entry| lock(&entry.state).subscriptions() > 0)
    }

    /// How many are on a topic; `None` when nobody is.
    pub fn figures(&self, topic: &str) -> Option<Figures> {
        Figures::of(&*self.find(topic)?)
    }

    /// The same of every topic whose name begins so and that somebody is subscribed to, in no order.
    pub fn figures_of(&self, prefix: &str) -> Vec<Figures> {
        let mut figures = Vec::new();
        for shard in &self.inner.shards {
            let wanted = |entry: &&Arc<Entry>| entry.name.starts_with(prefix);
            let entries: Vec<_> = lock(shard).values().filter(wanted).cloned().collect();
            figures.extend(entries.iter().filter_map(|entry| Figures::of(entry)));
        }
        figures
    }

    /// The last publication of a topic, if it is kept at `now_ms`.
    pub fn last(&self, topic: &str, now_ms: u64) -> Option<Last> {
        let entry = self.find(topic)?;
        let state = lock(&entry.state);
        state.ring().and_then(|ring| ring.last(now_ms))
    }

    /// Who is present on a topic, in the order in which they came.
    pub fn members(&self, topic: &str) -> Vec<Member> {
        let Some(entry) = self.find(topic) else { return Vec::new() };
        let state = lock(&entry.state);
        state.presence().map(Presence::members).unwrap_or_default()
    }

    /// Mailboxes now.
    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Subscriptions of all mailboxes now.
    pub fn subscriptions(&self) -> usize {
        self.inner.subscriptions.load(Ordering::Relaxed)
    }

    /// Topics that are known now: those that somebody is subscribed to and those with a past.
    pub fn topics(&self) -> usize {
        self.inner.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn next_epoch(&self) -> u64 {
        self.inner.next_epoch.fetch_add(1, Ordering::Relaxed)
    }

    fn shard(&self, topic: &str) -> MutexGuard<'_, HashMap<Topic, Arc<Entry>>> {
        let hash = self.inner.hasher.hash_one(topic);
        let index = hash % SHARDS as u64;
        lock(&self.inner.shards[usize::try_from(index).expect("less than 64")])
    }

    fn find(&self, topic: &str) -> Option<Arc<Entry>> {
        self.shard(topic).get(topic).cloned()
    }

    /// Runs `act` on a topic, which is made if need be. One that was forgotten between the look and the
    /// lock is looked for again.
    fn with_entry<T>(&self, topic: &Topic, act: impl FnOnce(&Topic, &mut State) -> T) -> (Arc<Entry>, T) {
        loop {
            let entry = {
                let mut shard = self.shard(topic);
                let new = || Arc::new(Entry { name: topic.clone(), state: Mutex::default() });
                shard.entry(topic.clone()).or_insert_with(new).clone()
            };
            let mut state = lock(&entry.state);
            if !state.is_gone {
                let done = act(&entry.name, &mut state);
                drop(state);
                return (entry, done);
            }
        }
    }

    /// The same on a topic that is known.
    fn with_known<T>(
        &self,
        topic: &str,
        act: impl FnOnce(Option<(&Topic, &mut State)>) -> T,
    ) -> (Option<Arc<Entry>>, T) {
        loop {
            let Some(entry) = self.find(topic) else { return (None, act(None)) };
            let mut state = lock(&entry.state);
            if !state.is_gone {
                let done = act(Some((&entry.name, &mut state)));
                drop(state);
                return (Some(entry), done);
            }
        }
    }

    /// Forgets a topic if it is still empty.
    fn retire(&self, entry: &Arc<Entry>) {
        let mut shard = self.shard(&entry.name);
        let mut state = lock(&entry.state);
        if !state.is_gone && state.is_empty() {
            state.is_gone = true;
            shard.remove(&entry.name);
            give_back(&mut shard);
        }
    }
}

/// Gives back what a crowd needed when most of it has gone.
fn give_back<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.len() * 4 < map.capacity() {
        map.shrink_to(map.len() * 2);
    }
}

impl Figures {
    fn of(entry: &Entry) -> Option<Self> {
        let state = lock(&entry.state);
        let subscriptions = state.subscriptions();
        let members = state.presence().map_or(0, Presence::len);
        (subscriptions > 0).then(|| Self { topic: entry.name.clone(), subscriptions, members })
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("limits", &self.inner.limits)
            .field("connections", &self.connections())
            .field("subscriptions", &self.subscriptions())
            .finish_non_exhaustive()
    }
}
