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

mod inbox;
mod mailbox;
mod shard;

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

use crate::shard::Shard;
pub use crate::{
    mailbox::{Mailbox, Release},
    shard::Start,
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
    /// Its position in the topic; the publisher's business.
    pub seq: u64,
    /// What was published, shared by all subscribers.
    pub bytes: Bytes,
}

/// The topics and who is subscribed to them; clones are one hub.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    limits: Limits,
    hasher: RandomState,
    /// Locked one at a time. Whoever holds one may lock an inbox's queue, never the other way round,
    /// and wakes nobody.
    shards: Box<[Mutex<Shard>]>,
    next_reader: AtomicU64,
    connections: AtomicUsize,
    subscriptions: AtomicUsize,
}

impl Hub {
    /// A hub without topics.
    pub fn new(limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner {
                limits,
                hasher: RandomState::new(),
                shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
                next_reader: AtomicU64::new(0),
                connections: AtomicUsize::new(0),
                subscriptions: AtomicUsize::new(0),
            }),
        }
    }

    /// A mailbox for one connection; dropping it ends all its subscriptions.
    pub fn connect(&self) -> Mailbox {
        Mailbox::new(self.clone(), self.inner.next_reader.fetch_add(1, Ordering::Relaxed))
    }

    /// Hands `bytes` to everybody subscribed to `topic`; returns how many that were, those that are
    /// catching up included and those that overflowed left out. Never waits. Messages of one topic
    /// reach every subscriber in the order of these calls.
    pub fn deliver(&self, topic: &str, seq: u64, bytes: &Bytes) -> usize {
        let delivered = self.shard(topic).deliver(topic, seq, bytes);
        delivered.to_wake.iter().for_each(|inbox| inbox.wake());
        delivered.reached
    }

    /// Whether anybody is subscribed to `topic` now: what nobody would hear need not be made.
    pub fn is_heard(&self, topic: &str) -> bool {
        self.shard(topic).has(topic)
    }

    /// Mailboxes now.
    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::Relaxed)
    }

    /// Subscriptions of all mailboxes now.
    pub fn subscriptions(&self) -> usize {
        self.inner.subscriptions.load(Ordering::Relaxed)
    }

    /// Topics that somebody is subscribed to now.
    pub fn topics(&self) -> usize {
        self.inner.shards.iter().map(|shard| lock(shard).topics()).sum()
    }

    fn shard(&self, topic: &str) -> MutexGuard<'_, Shard> {
        let hash = self.inner.hasher.hash_one(topic);
        let index = hash % SHARDS as u64;
        lock(&self.inner.shards[usize::try_from(index).expect("less than 64")])
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

/// No code under these locks leaves a half-made change behind when it panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
