//! A connection's side of the hub.

use std::{
    collections::{HashMap, hash_map},
    fmt,
    sync::{Arc, Weak, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use crate::{
    history::Replay,
    inbox::{Bell, Inbox, Mail},
    memory::give_back,
    message::{Message, Topic},
    presence::{Member, TooManyMembers},
    sync::{Mutex, lock},
    topic::{Act, Entry, Found, Join, Joined, Left, Start},
    topics::Topics,
};

/// Answer of [`Mailbox::release`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Caught up: messages arrive from now on.
    Live,
    /// Something up to this position was published meanwhile: read on.
    Behind(u64),
}

/// One connection's subscriptions and what waits for it. Dropping it ends them all.
///
/// One task at a time waits for a mailbox.
pub struct Mailbox {
    topics: Arc<Topics>,
    inbox: Arc<Inbox>,
    /// What to leave in the end. Locked before a topic, never under one.
    places: Mutex<HashMap<Topic, Place>>,
}

/// Where a subscription is.
struct Place {
    entry: Arc<Entry>,
    number: u64,
    /// As whom the connection is present.
    member: Option<Arc<str>>,
}

/// Takes what waits in a mailbox. Does not keep it alive.
pub struct Reader(Weak<Inbox>);

impl Reader {
    /// As [`Mailbox::poll`]; what comes into one that is gone is awaited for ever.
    pub fn poll(
        &self,
        cx: &Context<'_>,
        max_messages: usize,
        max_bytes: usize,
        into: &mut impl Extend<Arc<Message>>,
    ) -> Poll<Mail> {
        self.0.upgrade().map_or(Poll::Pending, |inbox| inbox.poll(cx, max_messages, max_bytes, into))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl Mailbox {
    pub(crate) fn new(topics: Arc<Topics>) -> Self {
        topics.connections.fetch_add(1, Ordering::Relaxed);
        let inbox = Arc::new(Inbox::new(topics.common.limits));
        Self { topics, inbox, places: Mutex::new(HashMap::new()) }
    }

    /// Subscribes to a topic whose positions somebody else counts and that is delivered to, not published
    /// on. Subscribing twice keeps one subscription (and its state). Returns whether it is new.
    pub fn subscribe(&self, topic: &Topic, start: Start) -> bool {
        let mut places = lock(&self.places);
        if places.contains_key(topic) {
            return false;
        }
        let (entry, number) = self.topics.with_entry(topic, |_, state| state.subscribe(&self.inbox, start));
        self.keep(&mut places, entry, number, None);
        true
    }

    /// Subscribes to a topic that the hub counts, as a member or not. `witness` is told the outcome under
    /// the topic's lock, so in the order in which things happen on it; like every witness it must touch
    /// neither the hub nor a mailbox, and not panic. Joining twice changes nothing and tells what is
    /// there, to no witness; what is told as missed since a place does not come through the mailbox too.
    ///
    /// # Errors
    /// [`TooManyMembers`]; nothing has happened then.
    pub fn join(
        &self,
        topic: &Topic,
        join: &Join,
        witness: impl FnOnce(&Joined),
    ) -> Result<Joined, TooManyMembers> {
        let mut to_wake = ToWake::default();
        let mut places = lock(&self.places);
        if let Some(place) = places.get(topic) {
            let found = self.find_again(place, join, &mut to_wake.0);
            drop(places);
            return Ok(found.tell(join.form));
        }
        let (entry, joined) = self.topics.with_entry(topic, |entry, state| {
            let mut act = Act { entry, common: &self.topics.common, to_wake: &mut to_wake.0 };
            let joined = state.join(&mut act, &self.inbox, join);
            if let Ok((_, found)) = &joined {
                witness(&found.joined);
            }
            joined
        });
        let (number, found) = joined.inspect_err(|_| self.topics.retire(&entry))?;
        let member = join.member.as_ref().map(|(member, _)| member.id.clone());
        self.keep(&mut places, entry, number, member);
        drop(places);
        Ok(found.tell(join.form))
    }

    /// Ends a subscription; nothing of the topic can be taken afterwards. Returns what it leaves behind,
    /// or `None` when there was none; `witness` is told it under the topic's lock.
    pub fn leave(&self, topic: &str, witness: impl FnOnce(&Left)) -> Option<Left> {
        let mut to_wake = ToWake::default();
        let mut places = lock(&self.places);
        let place = places.remove(topic)?;
        give_back(&mut places);
        let left = self.end(&place, witness, &mut to_wake.0);
        self.inbox.forget(&place.entry.name);
        Some(left)
    }

    /// Ends a subscription, whoever is there. Returns whether there was one.
    pub fn unsubscribe(&self, topic: &str) -> bool {
        self.leave(topic, |_| ()).is_some()
    }

    /// Is present no longer, and stays subscribed. Returns whether it was the member's last connection.
    pub fn depart(&self, topic: &str, witness: impl FnOnce(&Member)) -> bool {
        let mut to_wake = ToWake::default();
        let mut places = lock(&self.places);
        let Some(place) = places.get_mut(topic) else { return false };
        let Some(id) = place.member.take() else { return false };
        let mut act = self.act(&place.entry, &mut to_wake.0);
        let mut state = lock(&place.entry.state);
        let member = state.depart(&mut act, &id);
        if let Some(member) = &member {
            witness(member);
        }
        member.is_some()
    }

    /// Is present again. Returns whether the member was not; does nothing without a subscription, and for
    /// one that is present.
    ///
    /// # Errors
    /// [`TooManyMembers`].
    pub fn arrive(
        &self,
        topic: &str,
        member: &Member,
        max_members: usize,
        witness: impl FnOnce(&Member),
    ) -> Result<bool, TooManyMembers> {
        let mut to_wake = ToWake::default();
        let mut places = lock(&self.places);
        let Some(place) = places.get_mut(topic).filter(|place| place.member.is_none()) else {
            return Ok(false);
        };
        let mut act = self.act(&place.entry, &mut to_wake.0);
        let mut state = lock(&place.entry.state);
        let is_new = state.arrive(&mut act, member, max_members)?;
        if is_new {
            witness(member);
        }
        place.member = Some(member.id.clone());
        Ok(is_new)
    }

    /// Whether it is subscribed to the topic.
    pub fn is_subscribed(&self, topic: &str) -> bool {
        lock(&self.places).contains_key(topic)
    }

    /// The topics that it is subscribed to, in no order.
    pub fn topics(&self) -> Vec<Topic> {
        lock(&self.places).keys().cloned().collect()
    }

    /// Back to keeping positions only: queued messages of the topic are dropped, the highest
    /// position is kept. Does nothing without a subscription. For topics that are delivered to:
    /// publications come through the mailbox nevertheless.
    pub fn hold(&self, topic: &str) {
        let mut to_wake = ToWake::default();
        if let Some(place) = lock(&self.places).get(topic) {
            let mut state = lock(&place.entry.state);
            state.hand_to(&mut self.act(&place.entry, &mut to_wake.0), place.number);
            if let Some(subscription) = state.subscription(place.number) {
                subscription.hold(&place.entry.name);
            }
        }
    }

    /// Goes live if nothing beyond `sent` was published since the subscription began. A topic that
    /// is live already stays so; one without a subscription has nothing to wait for either.
    pub fn release(&self, topic: &str, sent: u64) -> Release {
        let places = lock(&self.places);
        let Some(place) = places.get(topic) else { return Release::Live };
        let mut state = lock(&place.entry.state);
        let behind = state.subscription(place.number).and_then(|subscription| subscription.release(sent));
        behind.map_or(Release::Live, Release::Behind)
    }

    /// Rings at this mailbox.
    pub fn bell(&self) -> Bell {
        Bell::of(&self.inbox)
    }

    /// Reads this mailbox in another place.
    pub fn reader(&self) -> Reader {
        Reader(Arc::downgrade(&self.inbox))
    }

    /// Takes at most so many messages and (after the first) bytes, oldest first, and appends them. When
    /// there is neither a message nor a signal nor an overflow, the task is woken once there is; with
    /// `max_messages` 0 it waits for the latter two only.
    pub fn poll(
        &self,
        cx: &Context<'_>,
        max_messages: usize,
        max_bytes: usize,
        into: &mut impl Extend<Arc<Message>>,
    ) -> Poll<Mail> {
        self.inbox.poll(cx, max_messages, max_bytes, into)
    }

    /// Waits until there is something to take or the mailbox has overflowed. Cancel safe.
    pub async fn ready(&self) {
        self.inbox.ready().await;
    }

    /// Takes at most so many messages and (after the first) bytes, oldest first, and appends them.
    pub fn take(&self, max_messages: usize, max_bytes: usize, into: &mut Vec<Arc<Message>>) {
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

    fn act<'a>(&'a self, entry: &'a Arc<Entry>, to_wake: &'a mut Vec<Waker>) -> Act<'a> {
        Act { entry, common: &self.topics.common, to_wake }
    }

    fn keep(
        &self,
        places: &mut HashMap<Topic, Place>,
        entry: Arc<Entry>,
        number: u64,
        member: Option<Arc<str>>,
    ) {
        self.topics.subscriptions.fetch_add(1, Ordering::Relaxed);
        match places.entry(entry.name.clone()) {
            hash_map::Entry::Vacant(vacant) => drop(vacant.insert(Place { entry, number, member })),
            hash_map::Entry::Occupied(_) => unreachable!("it was looked for under this lock"),
        }
    }

    /// What somebody finds who is subscribed already. What he is told of what he missed is taken out of
    /// the queue, under the topic's lock, so nothing newer can be among it; what has no place in the topic,
    /// as news of members, stays.
    fn find_again(&self, place: &Place, join: &Join, to_wake: &mut Vec<Waker>) -> Found {
        let mut state = lock(&place.entry.state);
        state.hand_to(&mut self.act(&place.entry, to_wake), place.number);
        let found = state.found(join);
        if found.missed.is_some() && matches!(join.replay, Some(Replay::After(_))) {
            self.inbox.forget_counted(&place.entry.name);
        }
        found
    }

    fn end(&self, place: &Place, witness: impl FnOnce(&Left), to_wake: &mut Vec<Waker>) -> Left {
        let Place { entry, number, member } = place;
        let (left, is_empty) = {
            let mut state = lock(&entry.state);
            let left = state.leave(&mut self.act(entry, to_wake), *number, member.as_ref());
            witness(&left);
            (left, state.is_empty())
        };
        self.topics.subscriptions.fetch_sub(1, Ordering::Relaxed);
        if is_empty {
            self.topics.retire(entry);
        }
        left
    }
}

/// Readers to wake, which happens when it is dropped, under no lock: it is made before any is taken.
#[derive(Default)]
pub(crate) struct ToWake(pub(crate) Vec<Waker>);

impl Drop for ToWake {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Waker::wake);
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let places = std::mem::take(&mut *lock(&self.places));
        for place in places.into_values() {
            self.end(&place, |_| (), &mut ToWake::default().0);
        }
        self.topics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("topics", &self.topics())
            .field("overflowed", &self.overflowed())
            .finish_non_exhaustive()
    }
}
