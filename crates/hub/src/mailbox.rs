//! A connection's side of the hub.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, atomic::Ordering},
};

use crate::{Hub, Message, Start, Topic, inbox::Inbox, lock};

/// Answer of [`Mailbox::release`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Caught up: messages arrive from now on.
    Live,
    /// Something up to this position was published meanwhile: read on.
    Behind(u64),
}

/// One connection's subscriptions and what waits for it. Dropping it ends them all.
pub struct Mailbox {
    hub: Hub,
    reader: u64,
    inbox: Arc<Inbox>,
    /// What to leave in the end. Locked before a shard, never under one.
    topics: Mutex<HashSet<Topic>>,
}

impl Mailbox {
    pub(crate) fn new(hub: Hub, reader: u64) -> Self {
        hub.inner.connections.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::new(Inbox::new(hub.inner.limits));
        Self { hub, reader, inbox, topics: Mutex::default() }
    }

    /// Subscribing twice keeps one subscription (and its state). Returns whether it is new.
    pub fn subscribe(&self, topic: &Topic, start: Start) -> bool {
        let mut topics = lock(&self.topics);
        let Some(name) = self.hub.shard(topic).subscribe(topic, self.reader, &self.inbox, start) else {
            return false;
        };
        topics.insert(name);
        self.hub.inner.subscriptions.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Ends a subscription; nothing of the topic can be taken afterwards. Returns whether there
    /// was one.
    pub fn unsubscribe(&self, topic: &str) -> bool {
        let mut topics = lock(&self.topics);
        if !topics.remove(topic) {
            return false;
        }
        self.leave(topic);
        self.inbox.forget(topic);
        true
    }

    /// Back to keeping positions only: queued messages of the topic are dropped, the highest
    /// position is kept. Does nothing without a subscription.
    pub fn hold(&self, topic: &str) {
        if let Some(subscription) = self.hub.shard(topic).subscription(topic, self.reader) {
            subscription.hold(topic);
        }
    }

    /// Goes live if nothing beyond `sent` was published since the subscription began. A topic that
    /// is live already stays so; one without a subscription has nothing to wait for either.
    pub fn release(&self, topic: &str, sent: u64) -> Release {
        self.hub
            .shard(topic)
            .subscription(topic, self.reader)
            .and_then(|subscription| subscription.release(sent))
            .map_or(Release::Live, Release::Behind)
    }

    /// Waits until there is something to take or the mailbox has overflowed. Cancel safe.
    pub async fn ready(&self) {
        self.inbox.ready().await;
    }

    /// Takes at most so many messages and (after the first) bytes, oldest first, and appends them.
    pub fn take(&self, max_messages: usize, max_bytes: usize, into: &mut Vec<Message>) {
        self.inbox.take(max_messages, max_bytes, into);
    }

    /// Whether a message had to be dropped: the reader is too slow. Final; the queue is emptied
    /// and stays so.
    pub fn overflowed(&self) -> bool {
        self.inbox.overflowed()
    }

    /// Resolves once it has overflowed. Cancel safe.
    pub async fn overflow(&self) {
        self.inbox.overflow().await;
    }

    fn leave(&self, topic: &str) {
        self.hub.shard(topic).unsubscribe(topic, self.reader);
        self.hub.inner.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        for topic in std::mem::take(&mut *lock(&self.topics)) {
            self.leave(&topic);
        }
        self.hub.inner.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("topics", &*lock(&self.topics))
            .field("overflowed", &self.overflowed())
            .finish_non_exhaustive()
    }
}
