//! What is done to a topic by its name.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;

use crate::{
    backlog::Distributor,
    history::{History, Last},
    inbox::Bell,
    mailbox::{Mailbox, ToWake},
    message::{Limits, Message, Publication, Topic},
    presence::{Member, Presence},
    sync::lock,
    topic::{Act, Announcer, Entry, Published, State},
    topics::Topics,
};

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
    topics: Arc<Topics>,
}

impl Hub {
    /// A hub without topics, on which nobody is told of members.
    pub fn new(limits: Limits) -> Self {
        Self { topics: Arc::new(Topics::new(limits, None)) }
    }

    /// A hub without topics.
    pub fn announcing(limits: Limits, announcer: Arc<dyn Announcer>) -> Self {
        Self { topics: Arc::new(Topics::new(limits, Some(announcer))) }
    }

    /// A mailbox for one connection; dropping it ends all its subscriptions.
    pub fn connect(&self) -> Mailbox {
        Mailbox::new(self.topics.clone())
    }

    /// Hands `bytes` to everybody subscribed to `topic`; returns how many that were, those that are
    /// catching up included and those that overflowed left out. Never waits. Messages of one topic
    /// reach every subscriber in the order of these calls.
    pub fn deliver(&self, topic: &str, seq: u64, bytes: &Bytes) -> usize {
        let Some(entry) = self.topics.find(topic) else { return 0 };
        let message = Arc::new(Message { topic: entry.name.clone(), seq, bytes: bytes.clone() });
        let mut to_wake = ToWake::default();
        let mut act = Act { entry: &entry, common: &self.topics.common, to_wake: &mut to_wake.0 };
        lock(&entry.state).deliver(&mut act, &message)
    }

    /// Hands a publication to everybody subscribed to `topic`, in the form of each; a [`Distributor`] may do
    /// that later. Never waits. Publications of one topic reach every subscriber in the order of these calls.
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
        let mut to_wake = ToWake::default();
        let act = |known: Option<(&Arc<Entry>, &mut State)>| {
            let Some((entry, state)) = known else {
                witness(&Published::default());
                return (Published::default(), false);
            };
            let mut act = Act { entry, common: &self.topics.common, to_wake: &mut to_wake.0 };
            state.keep(&act, history, now_ms);
            let published = state.publish(&mut act, publication, except, now_ms);
            witness(&published);
            (published, state.is_empty())
        };
        if history.is_some() {
            return self.topics.with_entry(topic, |entry, state| act(Some((entry, state)))).1.0;
        }
        let (entry, (published, is_empty)) = self.topics.with_known(topic, act);
        if is_empty && let Some(entry) = entry {
            self.topics.retire(&entry);
        }
        published
    }

    /// Hands a publication to everybody subscribed to `topic` but the reader of `except`, in the form of each,
    /// and leaves the topic's past as it is: it has no place there, and nobody can come back for it. Never
    /// waits. `witness` is called as that of [`Hub::publish_and`].
    pub fn whisper(
        &self,
        topic: &str,
        publication: &Arc<dyn Publication>,
        except: Option<&Bell>,
        witness: impl FnOnce(),
    ) {
        let mut to_wake = ToWake::default();
        let act = |known: Option<(&Arc<Entry>, &mut State)>| {
            witness();
            if let Some((entry, state)) = known {
                let mut act = Act { entry, common: &self.topics.common, to_wake: &mut to_wake.0 };
                state.whisper(&mut act, publication, except);
            }
        };
        self.topics.with_known(topic, act);
    }

    /// From now on whoever publishes on a topic with many subscribers only puts it down, and wakes the
    /// distributor, who calls [`Hub::hand_out`] until nothing is left. Where there are too few calls, and so
    /// much is put down as a mailbox holds, whoever publishes hands it out. Without a distributor everything
    /// goes into the mailboxes at once.
    pub fn set_distributor(&self, distributor: Option<Distributor>) {
        let is_left = distributor.is_none();
        self.topics.common.backlogs.set_distributor(distributor);
        // What the old one had not handed out yet.
        while is_left && self.hand_out(usize::MAX) {}
    }

    /// Gives so many subscribers of one topic everything that they have not got; they are the next ones of the
    /// topic that has waited longest. Returns whether there is more to do.
    pub fn hand_out(&self, max_subscribers: usize) -> bool {
        let Some((entry, are_others)) = self.topics.common.backlogs.pop() else { return false };
        let mut to_wake = ToWake::default();
        let mut act = Act { entry: &entry, common: &self.topics.common, to_wake: &mut to_wake.0 };
        lock(&entry.state).hand_out(&mut act, max_subscribers) || are_others
    }

    /// The last publication of a topic, if it is kept at `now_ms`.
    pub fn last(&self, topic: &str, now_ms: u64) -> Option<Last> {
        let entry = self.topics.find(topic)?;
        let state = lock(&entry.state);
        state.ring().and_then(|ring| ring.last(now_ms))
    }

    /// Drops what is older than the topics' histories say, and forgets topics that nobody is subscribed
    /// to and nobody can come back for.
    pub fn sweep(&self, now_ms: u64) {
        let sweep = |entry: &Arc<Entry>| {
            let is_empty = {
                let mut state = lock(&entry.state);
                state.expire(now_ms);
                state.is_empty()
            };
            if is_empty {
                self.topics.retire(entry);
            }
        };
        self.topics.for_each(|_| true, sweep);
    }

    /// Whether anybody is subscribed to `topic` now: what nobody would hear need not be made.
    pub fn is_heard(&self, topic: &str) -> bool {
        self.topics.find(topic).is_some_and(|entry| lock(&entry.state).subscriptions() > 0)
    }

    /// How many are on a topic; `None` when nobody is.
    pub fn figures(&self, topic: &str) -> Option<Figures> {
        Figures::of(&*self.topics.find(topic)?)
    }

    /// The same of every topic whose name begins so and that somebody is subscribed to, in no order.
    pub fn figures_of(&self, prefix: &str) -> Vec<Figures> {
        let mut figures = Vec::new();
        let wanted = |topic: &Topic| topic.starts_with(prefix);
        self.topics.for_each(wanted, |entry| figures.extend(Figures::of(entry)));
        figures
    }

    /// Who is present on a topic, in the order in which they came.
    pub fn members(&self, topic: &str) -> Vec<Member> {
        let Some(entry) = self.topics.find(topic) else { return Vec::new() };
        let state = lock(&entry.state);
        state.presence().map(Presence::members).unwrap_or_default()
    }

    /// Mailboxes now.
    pub fn connections(&self) -> usize {
        self.topics.connections.load(Ordering::Relaxed)
    }

    /// Subscriptions of all mailboxes now.
    pub fn subscriptions(&self) -> usize {
        self.topics.subscriptions.load(Ordering::Relaxed)
    }

    /// Topics that are known now: those that somebody is subscribed to and those with a past.
    pub fn topics(&self) -> usize {
        self.topics.len()
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
            .field("limits", &self.topics.common.limits)
            .field("connections", &self.connections())
            .field("subscriptions", &self.subscriptions())
            .finish_non_exhaustive()
    }
}
