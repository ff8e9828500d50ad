//! Topics, subscriptions and mailboxes: fan-out of opaque bytes inside one process.
//!
//! A [`Hub`] knows topics by name. Each connection has one [`Mailbox`], subscribes it to topics and
//! takes messages out of it; [`Hub::deliver`] puts a message into the mailboxes of a topic's
//! subscribers. Delivering never waits: a mailbox that is full overflows, once and for good, and its
//! reader is expected to disconnect and to come back.
//!
//! Messages carry a position. A subscription may start by *catching up*: its reader is busy reading
//! what it missed elsewhere (a log), and the mailbox keeps the highest position it was told of rather
//! than the messages. [`Mailbox::release`] ends that, unless there is more to read.
//!
//! Not in here: protocols, I/O, a database, time. The bytes are never looked at.
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

mod history;
mod inbox;
mod mailbox;
mod presence;
mod slots;
mod sync;
mod topic;

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
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
    mailbox::wake,
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
/// not touch the hub.
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
        let mut to_wake = Vec::new();
        let reached = lock(&entry.state).deliver(&message, &mut to_wake);
        wake(to_wake);
        reached
    }

    /// Hands a publication to everybody subscribed to `topic`, in the form of each. Never waits.
    /// Publications of one topic reach every subscriber in the order of these calls. Subscribers whose
    /// mailbox overflows are left out of the count.
    pub fn publish(&self, topic: &Topic, publishing: &Publishing<'_>) -> Published {
        self.publish_and(topic, publishing, |_| ())
    }

    /// The same; `witness` is told the outcome under the topic's lock, so in the order in which things
    /// happen on it.
    pub fn publish_and(
        &self,
        topic: &Topic,
        publishing: &Publishing<'_>,
        witness: impl FnOnce(&Published),
    ) -> Published {
        let Publishing { publication, except, history, now_ms } = *publishing;
        let except = except.and_then(Bell::inbox);
        let mut to_wake = Vec::new();
        let mut run = |entry: &Topic, state: &mut State| {
            state.keep(history, || self.next_epoch(), now_ms);
            let published = state.publish(entry, publication, except.as_deref(), now_ms, &mut to_wake);
            (published, state.is_empty())
        };
        let told = |(published, is_empty): (Published, bool)| {
            witness(&published);
            (published, is_empty)
        };
        let (published, is_over) = if history.is_some() {
            let (_, (published, _)) = self.with_entry(topic, |name, state| told(run(name, state)));
            (published, None)
        } else if let Some(entry) = self.find(topic) {
            let (published, is_empty) = told(run(&entry.name, &mut lock(&entry.state)));
            (published, is_empty.then_some(entry))
        } else {
            (told((Published::default(), false)).0, None)
        };
        wake(to_wake);
        if let Some(entry) = is_over {
            self.retire(&entry);
        }
        published
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
        state.presence().map(|presence| presence.members()).unwrap_or_default()
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

    /// Forgets a topic if it is still empty.
    fn retire(&self, entry: &Arc<Entry>) {
        let mut shard = self.shard(&entry.name);
        let mut state = lock(&entry.state);
        if !state.is_gone && state.is_empty() {
            state.is_gone = true;
            shard.remove(&entry.name);
            if shard.len() * 4 < shard.capacity() {
                shard.shrink_to_fit();
            }
        }
    }
}

impl Figures {
    fn of(entry: &Entry) -> Option<Self> {
        let state = lock(&entry.state);
        let subscriptions = state.subscriptions();
        let members = state.presence().map_or(0, |presence| presence.len());
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
