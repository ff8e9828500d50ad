//! One part of the topics' map: topics, their subscriptions, and how a message reaches them.
//! A plain value; who locks it and who wakes the readers is the hub's business.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

use crate::{
    Message, Topic,
    inbox::{Inbox, Pushed},
};

/// How a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Messages arrive at once.
    Live,
    /// Only the highest position is kept, until [`release`](crate::Mailbox::release).
    CatchingUp,
}

#[derive(Default)]
pub(crate) struct Shard {
    topics: HashMap<Topic, Channel>,
}

/// What is known of a topic; there is none without a subscriber.
struct Channel {
    /// The key's own allocation, for messages and subscribers to share.
    name: Topic,
    subscriptions: HashMap<u64, Subscription>,
}

pub(crate) struct Subscription {
    inbox: Arc<Inbox>,
    live: bool,
    /// The highest position published since the subscription began; 0 before the first.
    highest_seq: u64,
}

/// What a delivery did.
#[derive(Default)]
pub(crate) struct Delivered {
    pub(crate) reached: usize,
    /// To be woken once no lock is held.
    pub(crate) to_wake: Vec<Arc<Inbox>>,
}

impl Shard {
    /// The topic's shared name, if the subscription is new.
    pub(crate) fn subscribe(
        &mut self,
        topic: &Topic,
        reader: u64,
        inbox: &Arc<Inbox>,
        start: Start,
    ) -> Option<Topic> {
        let channel = self
            .topics
            .entry(topic.clone())
            .or_insert_with_key(|name| Channel { name: name.clone(), subscriptions: HashMap::new() });
        if channel.subscriptions.contains_key(&reader) {
            return None;
        }
        let subscription = Subscription { inbox: inbox.clone(), live: start == Start::Live, highest_seq: 0 };
        channel.subscriptions.insert(reader, subscription);
        Some(channel.name.clone())
    }

    pub(crate) fn unsubscribe(&mut self, topic: &str, reader: u64) {
        let Some(channel) = self.topics.get_mut(topic) else { return };
        channel.subscriptions.remove(&reader);
        if channel.subscriptions.is_empty() {
            self.topics.remove(topic);
        }
    }

    pub(crate) fn subscription(&mut self, topic: &str, reader: u64) -> Option<&mut Subscription> {
        self.topics.get_mut(topic)?.subscriptions.get_mut(&reader)
    }

    pub(crate) fn deliver(&mut self, topic: &str, seq: u64, bytes: &Bytes) -> Delivered {
        let mut delivered = Delivered::default();
        let Some(channel) = self.topics.get_mut(topic) else { return delivered };
        let message = Message { topic: channel.name.clone(), seq, bytes: bytes.clone() };
        for subscription in channel.subscriptions.values_mut() {
            let pushed = subscription.offer(&message);
            if matches!(pushed, Pushed::First | Pushed::Overflowed) {
                delivered.to_wake.push(subscription.inbox.clone());
            }
            if matches!(pushed, Pushed::First | Pushed::Queued) {
                delivered.reached += 1;
            }
        }
        delivered
    }

    pub(crate) fn has(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }
}

impl Subscription {
    fn offer(&mut self, message: &Message) -> Pushed {
        self.highest_seq = self.highest_seq.max(message.seq);
        if self.live {
            self.inbox.push(message.clone())
        } else if self.inbox.overflowed() {
            Pushed::Refused
        } else {
            Pushed::Queued
        }
    }

    /// What was queued is dropped under the shard's lock, so nothing newer can be among it.
    pub(crate) fn hold(&mut self, topic: &str) {
        self.live = false;
        self.inbox.forget(topic);
    }

    /// Goes live, or says the highest position when that lies beyond `sent`.
    pub(crate) fn release(&mut self, sent: u64) -> Option<u64> {
        if !self.live && self.highest_seq > sent {
            return Some(self.highest_seq);
        }
        self.live = true;
        None
    }
}
