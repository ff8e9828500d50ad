//! What was published on topics with many subscribers and is not handed out yet: whoever publishes there
//! only puts it down, and somebody else goes past the subscribers, again and again, and gives each of them at
//! once all that it has not got.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
};

use crate::{
    inbox::{Bell, Inbox},
    message::{Form, Limits, Message, Position, Publication, Topic},
    sync::{Mutex, lock},
};

/// Slots that an empty backlog keeps.
const KEPT_SLOTS: usize = 64;

/// Who hands out what is published on topics with many subscribers.
#[derive(Debug, Clone)]
pub struct Distributor {
    /// What a topic with fewer subscriptions is told goes into their mailboxes at once.
    pub min_subscriptions: usize,
    /// Woken when there is something to hand out.
    pub waker: Waker,
}

/// A publication on its way to subscribers, in the forms that were asked for so far.
pub(crate) struct Telling {
    publication: Arc<dyn Publication>,
    position: Option<Position>,
    except: Option<Bell>,
    made: [Option<Arc<Message>>; Form::COUNT],
}

impl Telling {
    pub(crate) fn new(
        publication: &Arc<dyn Publication>,
        position: Option<Position>,
        except: Option<&Bell>,
    ) -> Self {
        Self { publication: publication.clone(), position, except: except.cloned(), made: Default::default() }
    }

    pub(crate) fn is_for(&self, inbox: &Arc<Inbox>) -> bool {
        !self.except.as_ref().is_some_and(|except| except.is_of(inbox))
    }

    pub(crate) fn message(&mut self, topic: &Topic, form: Form) -> &Arc<Message> {
        let Self { publication, position, made, .. } = self;
        made[form.index()].get_or_insert_with(|| {
            let seq = position.map_or(0, |position| position.offset);
            Arc::new(Message { topic: topic.clone(), seq, bytes: publication.form(form, *position) })
        })
    }
}

/// What somebody has got of a topic's backlog: so many of all tellings that were ever in it.
pub(crate) type Handed = u64;

/// The backlog of one topic, and how far the walk past its subscribers is.
#[derive(Default)]
pub(crate) struct Backlog {
    /// Oldest first; never more than a mailbox holds.
    tellings: VecDeque<Telling>,
    bytes: usize,
    /// What everybody has got.
    before: Handed,
    /// The number of the subscription that comes next in the walk.
    pub(crate) next: u64,
    /// What there was when the walk began: when it ends, everybody has got it.
    lap: Handed,
    /// The topic is among those to be handed out.
    pub(crate) is_queued: bool,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.tellings.is_empty()
    }

    /// What somebody has got who has got everything.
    pub(crate) fn end(&self) -> Handed {
        self.before + self.tellings.len() as u64
    }

    pub(crate) fn has_room(&self, telling: &Telling, limits: Limits) -> bool {
        self.tellings.len() < limits.mailbox_max_messages
            && self.bytes.saturating_add(telling.publication.size()) <= limits.mailbox_max_bytes
    }

    pub(crate) fn push(&mut self, telling: Telling) {
        self.bytes = self.bytes.saturating_add(telling.publication.size());
        self.tellings.push_back(telling);
    }

    /// Puts into an inbox what is beyond `handed`.
    pub(crate) fn hand(
        &mut self,
        topic: &Topic,
        inbox: &Arc<Inbox>,
        form: Form,
        handed: &mut Handed,
        to_wake: &mut Vec<Waker>,
    ) {
        let got = usize::try_from(*handed - self.before).expect("as many as there are");
        *handed = self.end();
        if got == self.tellings.len() {
            return;
        }
        let mut open = inbox.open(to_wake);
        for telling in self.tellings.range_mut(got..) {
            if telling.is_for(inbox) {
                open.push(telling.message(topic, form));
            }
        }
    }

    /// Begins a walk, or goes on with one.
    pub(crate) fn walk(&mut self) -> u64 {
        if self.next == 0 {
            self.lap = self.end();
        }
        self.next
    }

    /// Everybody has got everything.
    pub(crate) fn clear(&mut self) {
        self.before = self.end();
        self.tellings.clear();
        self.tellings.shrink_to(KEPT_SLOTS);
        self.bytes = 0;
        self.next = 0;
    }

    /// The walk has passed the last subscriber.
    pub(crate) fn finish_lap(&mut self) {
        self.next = 0;
        while self.before < self.lap
            && let Some(telling) = self.tellings.pop_front()
        {
            self.before += 1;
            self.bytes = self.bytes.saturating_sub(telling.publication.size());
        }
        if self.tellings.is_empty() {
            self.tellings.shrink_to(KEPT_SLOTS);
        }
    }
}

/// The topics that have a backlog, in the order in which they are handed out.
pub(crate) struct Backlogs<T> {
    /// From how many subscriptions on a topic has one; as many as there cannot be when nobody hands out.
    min_subscriptions: AtomicUsize,
    queue: Mutex<Queue<T>>,
}

struct Queue<T> {
    topics: VecDeque<Arc<T>>,
    waker: Option<Waker>,
}

impl<T> Default for Backlogs<T> {
    fn default() -> Self {
        let queue = Queue { topics: VecDeque::new(), waker: None };
        Self { min_subscriptions: AtomicUsize::new(usize::MAX), queue: Mutex::new(queue) }
    }
}

impl<T> Backlogs<T> {
    pub(crate) fn set_distributor(&self, distributor: Option<Distributor>) {
        let min_subscriptions = distributor.as_ref().map_or(usize::MAX, |it| it.min_subscriptions);
        let old = {
            let queue = &mut *lock(&self.queue);
            self.min_subscriptions.store(min_subscriptions, Ordering::Relaxed);
            std::mem::replace(&mut queue.waker, distributor.map(|distributor| distributor.waker))
        };
        drop(old);
    }

    /// Whether a topic with so many subscriptions has a backlog.
    pub(crate) fn are_for(&self, subscriptions: usize) -> bool {
        subscriptions >= self.min_subscriptions.load(Ordering::Relaxed)
    }

    /// Puts a topic behind the others; returns whom to wake, or `None` when nobody hands out any more.
    pub(crate) fn push(&self, topic: &Arc<T>) -> Option<Waker> {
        let queue = &mut *lock(&self.queue);
        let waker = queue.waker.clone()?;
        queue.topics.push_back(topic.clone());
        Some(waker)
    }

    /// Takes the topic that is next, and says whether there are others.
    pub(crate) fn pop(&self) -> Option<(Arc<T>, bool)> {
        let queue = &mut *lock(&self.queue);
        let topic = queue.topics.pop_front()?;
        Some((topic, !queue.topics.is_empty()))
    }
}
