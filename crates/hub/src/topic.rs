//! What is known of one topic: who is subscribed to it, who is present, what was published lately. A
//! plain value; who locks it and who wakes the readers is the hub's business.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use crate::{
    backlog::{Backlog, Backlogs, Handed, Telling},
    history::{History, Missed, Replay, Replayed, Ring},
    inbox::{Bell, Inbox, Pushed},
    message::{Form, Limits, Message, Position, Publication, Topic},
    presence::{Member, Presence, TooManyMembers},
    slots::Slots,
    sync::Mutex,
};

/// How a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Messages arrive at once.
    Live,
    /// Only the highest position is kept, until [`release`](crate::mailbox::Mailbox::release).
    CatchingUp,
}

/// Makes what the subscribers of a topic are told of its members. Called under the topic's lock: it must
/// not touch the hub, and not panic.
pub trait Announcer: Send + Sync {
    /// Somebody came who was not present.
    fn member_added(&self, topic: &Topic, member: &Member) -> Arc<dyn Publication>;
    /// Somebody has left with his last connection.
    fn member_removed(&self, topic: &Topic, member: &Member) -> Arc<dyn Publication>;
}

/// How a subscriber joins a topic.
#[derive(Debug, Clone, Default)]
pub struct Join {
    /// What it is told publications in.
    pub form: Form,
    /// As whom, and among how many at most.
    pub member: Option<(Member, usize)>,
    /// Whether the topic's past is kept.
    pub history: Option<History>,
    /// What of it is wanted.
    pub replay: Option<Replay>,
    /// The time, by a clock that never goes back.
    pub now_ms: u64,
}

/// What a subscriber finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Joined {
    /// Whether it was not subscribed before.
    pub is_new: bool,
    /// Subscriptions now, this one included.
    pub subscriptions: usize,
    /// Everybody who is present, in the order in which they came; `None` when nobody is.
    pub members: Option<Vec<Member>>,
    /// Whether the member was not present before.
    pub is_new_member: bool,
    /// The last place of the stream, if a past is kept.
    pub position: Option<Position>,
    /// What was asked for of the past; everything later comes through the mailbox. A witness sees it
    /// without the bytes.
    pub replayed: Option<Replayed>,
}

/// What a subscriber leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Subscriptions that are left.
    pub subscriptions: usize,
    /// The member, if it was his last connection.
    pub member: Option<Member>,
}

/// What a publication came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Its place, if a past is kept.
    pub position: Option<Position>,
}

/// What a subscriber finds, and what he missed before it is told.
pub(crate) struct Found {
    pub(crate) joined: Joined,
    pub(crate) missed: Option<Missed>,
}

impl Found {
    /// Under no lock: many who come back at once ask for much.
    pub(crate) fn tell(mut self, form: Form) -> Joined {
        if let (Some(replayed), Some(missed)) = (&mut self.joined.replayed, &self.missed) {
            replayed.missed = missed.tell(form);
        }
        self.joined
    }
}

/// A topic of the map.
pub(crate) struct Entry {
    /// The key's own allocation, for messages and subscribers to share.
    pub(crate) name: Topic,
    pub(crate) state: Mutex<State>,
}

/// What all topics have in common.
pub(crate) struct Common {
    pub(crate) limits: Limits,
    pub(crate) announcer: Option<Arc<dyn Announcer>>,
    /// Counts on from a number drawn at random, so that the epochs of no two hubs are alike.
    pub(crate) next_epoch: AtomicU64,
    pub(crate) backlogs: Backlogs<Entry>,
}

impl Common {
    fn next_epoch(&self) -> u64 {
        self.next_epoch.fetch_add(1, Ordering::Relaxed)
    }
}

/// What somebody who acts on a topic has at hand, beside its state.
pub(crate) struct Act<'a> {
    pub(crate) entry: &'a Arc<Entry>,
    pub(crate) common: &'a Common,
    /// For when the topic's lock is given back.
    pub(crate) to_wake: &'a mut Vec<Waker>,
}

#[derive(Default)]
pub(crate) struct State {
    /// It is out of the map, or about to be: whoever has it must look again.
    pub(crate) is_gone: bool,
    subscriptions: Slots<Subscription>,
    presence: Option<Box<Presence>>,
    ring: Option<Box<Ring>>,
    backlog: Option<Box<Backlog>>,
}

pub(crate) struct Subscription {
    inbox: Arc<Inbox>,
    /// What it has of the topic's backlog.
    handed: Handed,
    /// The highest position delivered since the subscription began; 0 before the first.
    highest_seq: u64,
    form: Form,
    live: bool,
}

impl State {
    /// Adds a subscription to a topic whose positions somebody else counts.
    pub(crate) fn subscribe(&mut self, inbox: &Arc<Inbox>, start: Start) -> u64 {
        self.add(inbox, Form::default(), start == Start::Live)
    }

    fn add(&mut self, inbox: &Arc<Inbox>, form: Form, live: bool) -> u64 {
        // What was published before it came is not for it.
        let handed = self.backlog.as_ref().map_or(0, |backlog| backlog.end());
        self.subscriptions.insert(Subscription { inbox: inbox.clone(), handed, highest_seq: 0, form, live })
    }

    /// Adds a subscription, and its member before it: he is not told of himself.
    pub(crate) fn join(
        &mut self,
        act: &mut Act<'_>,
        inbox: &Arc<Inbox>,
        join: &Join,
    ) -> Result<(u64, Found), TooManyMembers> {
        let is_new_member = match &join.member {
            Some((member, max_members)) => self.arrive(act, member, *max_members)?,
            None => false,
        };
        self.keep(act, join.history, join.now_ms);
        let number = self.add(inbox, join.form, true);
        let Found { joined, missed } = self.found(join);
        Ok((number, Found { joined: Joined { is_new: true, is_new_member, ..joined }, missed }))
    }

    /// What somebody finds who is subscribed.
    pub(crate) fn found(&self, join: &Join) -> Found {
        let missed = join.replay.and_then(|wish| self.ring.as_ref()?.replay(wish));
        let joined = Joined {
            is_new: false,
            is_new_member: false,
            subscriptions: self.subscriptions.len(),
            members: self.presence.as_ref().map(|presence| presence.members()),
            position: self.ring.as_ref().map(|ring| ring.position()),
            replayed: join.replay.map(|_| Replayed { missed: Vec::new(), complete: missed.is_some() }),
        };
        Found { joined, missed }
    }

    /// Counts a member's connection and tells the others of his first.
    pub(crate) fn arrive(
        &mut self,
        act: &mut Act<'_>,
        member: &Member,
        max_members: usize,
    ) -> Result<bool, TooManyMembers> {
        let presence = self.presence.get_or_insert_default();
        let added = presence.add(member, max_members);
        if presence.len() == 0 {
            self.presence = None;
        }
        let is_new = added?;
        if is_new && let Some(announcer) = &act.common.announcer {
            let news = announcer.member_added(&act.entry.name, member);
            self.fan_out(act, Telling::new(&news, None, None));
        }
        Ok(is_new)
    }

    /// Takes a member's connection away and tells the others of his last.
    pub(crate) fn depart(&mut self, act: &mut Act<'_>, id: &Arc<str>) -> Option<Member> {
        let presence = self.presence.as_mut()?;
        let member = presence.remove(id)?;
        if presence.len() == 0 {
            self.presence = None;
        }
        if let Some(announcer) = &act.common.announcer {
            let news = announcer.member_removed(&act.entry.name, &member);
            self.fan_out(act, Telling::new(&news, None, None));
        }
        Some(member)
    }

    /// Takes a subscription away, and its member after it: he is not told of himself.
    pub(crate) fn leave(&mut self, act: &mut Act<'_>, number: u64, member: Option<&Arc<str>>) -> Left {
        self.subscriptions.remove(number);
        let member = member.and_then(|id| self.depart(act, id));
        Left { subscriptions: self.subscriptions.len(), member }
    }

    pub(crate) fn subscription(&mut self, number: u64) -> Option<&mut Subscription> {
        self.subscriptions.get_mut(number)
    }

    pub(crate) fn deliver(&mut self, act: &mut Act<'_>, message: &Arc<Message>) -> usize {
        self.hand_out_all(act);
        let mut reached = 0;
        for subscription in self.subscriptions.iter_mut() {
            let pushed = subscription.offer(message, act.to_wake);
            reached += usize::from(pushed == Pushed::Queued);
        }
        reached
    }

    pub(crate) fn publish(
        &mut self,
        act: &mut Act<'_>,
        publication: &Arc<dyn Publication>,
        except: Option<&Bell>,
        now_ms: u64,
    ) -> Published {
        let position = self.ring.as_mut().map(|ring| ring.push(publication, now_ms));
        self.fan_out(act, Telling::new(publication, position, except));
        Published { position }
    }

    /// Publishes what is no part of the past.
    pub(crate) fn whisper(
        &mut self,
        act: &mut Act<'_>,
        publication: &Arc<dyn Publication>,
        except: Option<&Bell>,
    ) {
        self.fan_out(act, Telling::new(publication, None, except));
    }

    /// Gives so many subscriptions what they have not got; whether there is more to do, for which the topic is
    /// in the queue again.
    pub(crate) fn hand_out(&mut self, act: &mut Act<'_>, max_subscriptions: usize) -> bool {
        let Some(backlog) = &mut self.backlog else { return false };
        backlog.is_queued = false;
        let mut next = None;
        for (passed, (number, subscription)) in self.subscriptions.iter_mut_from(backlog.walk()).enumerate() {
            if passed == max_subscriptions {
                next = Some(number);
                break;
            }
            subscription.hand(act, backlog);
        }
        match next {
            Some(number) => backlog.next = number,
            None => backlog.finish_lap(),
        }
        let is_left = !backlog.is_empty();
        if is_left {
            self.queue(act);
        }
        is_left
    }

    /// Gives one subscription what it has not got.
    pub(crate) fn hand_to(&mut self, act: &mut Act<'_>, number: u64) {
        if let (Some(backlog), Some(subscription)) = (&mut self.backlog, self.subscriptions.get_mut(number)) {
            subscription.hand(act, backlog);
        }
    }

    /// Begins to keep a past, or changes how much of it is kept.
    pub(crate) fn keep(&mut self, act: &Act<'_>, history: Option<History>, now_ms: u64) {
        match (history, &mut self.ring) {
            (Some(history), Some(ring)) => ring.change(history, now_ms),
            (Some(history), ring) => {
                *ring = Some(Box::new(Ring::new(history, act.common.next_epoch(), now_ms)));
            }
            (None, ring) => *ring = None,
        }
    }

    /// Drops what is too old. The stream itself goes on while somebody is here, and for as long
    /// afterwards as what he heard last would have been kept: he can come back having missed nothing.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        let is_heard = !self.subscriptions.is_empty();
        if let Some(ring) = &mut self.ring {
            ring.trim(now_ms);
            if is_heard {
                ring.touch(now_ms);
            } else if ring.is_over(now_ms) {
                self.ring = None;
            }
        }
    }

    /// Whether nothing would be lost without it.
    pub(crate) fn is_empty(&self) -> bool {
        self.subscriptions.is_empty() && self.ring.is_none()
    }

    pub(crate) fn subscriptions(&self) -> usize {
        self.subscriptions.len()
    }

    pub(crate) fn ring(&self) -> Option<&Ring> {
        self.ring.as_deref()
    }

    pub(crate) fn presence(&self) -> Option<&Presence> {
        self.presence.as_deref()
    }

    /// Tells everybody: at once, or where they are many when the backlog is handed out.
    fn fan_out(&mut self, act: &mut Act<'_>, mut telling: Telling) {
        if !act.common.backlogs.are_for(self.subscriptions.len()) {
            self.hand_out_all(act);
            for subscription in self.subscriptions.iter_mut() {
                subscription.tell(act, &mut telling);
            }
            return;
        }
        let limits = act.common.limits;
        if self.backlog.as_ref().is_some_and(|backlog| !backlog.has_room(&telling, limits)) {
            self.hand_out_all(act);
        }
        let backlog = self.backlog.get_or_insert_default();
        backlog.push(telling);
        if !backlog.is_queued {
            let waker = self.queue(act);
            act.to_wake.extend(waker);
        }
    }

    /// Has the backlog handed out, at once when nobody does that any more. Returns whom to wake.
    fn queue(&mut self, act: &mut Act<'_>) -> Option<Waker> {
        let waker = act.common.backlogs.push(act.entry);
        match &mut self.backlog {
            Some(backlog) if waker.is_some() => backlog.is_queued = true,
            _ => self.hand_out_all(act),
        }
        waker
    }

    fn hand_out_all(&mut self, act: &mut Act<'_>) {
        if let Some(backlog) = self.backlog.as_mut().filter(|backlog| !backlog.is_empty()) {
            for subscription in self.subscriptions.iter_mut() {
                subscription.hand(act, backlog);
            }
            backlog.clear();
        }
    }
}

impl Subscription {
    fn tell(&self, act: &mut Act<'_>, telling: &mut Telling) {
        if telling.is_for(&self.inbox) {
            self.inbox.push(telling.message(&act.entry.name, self.form), act.to_wake);
        }
    }

    fn hand(&mut self, act: &mut Act<'_>, backlog: &mut Backlog) {
        backlog.hand(&act.entry.name, &self.inbox, self.form, &mut self.handed, act.to_wake);
    }

    fn offer(&mut self, message: &Arc<Message>, to_wake: &mut Vec<Waker>) -> Pushed {
        self.highest_seq = self.highest_seq.max(message.seq);
        if self.live {
            self.inbox.push(message, to_wake)
        } else if self.inbox.overflowed() {
            Pushed::Refused
        } else {
            Pushed::Queued
        }
    }

    /// What was queued is dropped under the topic's lock, so nothing newer can be among it.
    pub(crate) fn hold(&mut self, topic: &Topic) {
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
