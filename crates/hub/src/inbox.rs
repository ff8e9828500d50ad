//! What waits for one reader: the queue, its caps, its signals, and who is woken. Knows no topics' map.

use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

use crate::{
    message::{Limits, Message, Topic},
    sync::{Mutex, MutexGuard, lock},
};

/// Slots that an empty queue keeps; what a burst needed beyond them is given back.
pub(crate) const KEPT_SLOTS: usize = 8;

/// Shared by the mailbox, its subscriptions and its bells.
pub(crate) struct Inbox {
    limits: Limits,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Arc<Message>>,
    bytes: usize,
    overflowed: bool,
    signals: u8,
    waiting: Option<Waiting>,
}

/// A reader that has nothing to do.
struct Waiting {
    waker: Waker,
    /// Whether messages wake it; signals and an overflow do in any case.
    hears_messages: bool,
}

/// What a reader finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mail {
    /// A message had to be dropped: nothing will ever come again.
    pub overflowed: bool,
    /// The bits that bells have rung since the last look.
    pub signals: u8,
    /// All was taken: the task is woken when there is more, without another look.
    pub drained: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits.
    Queued,
    /// It did not fit, and everything is lost.
    Overflowed,
    /// It came after an overflow.
    Refused,
}

impl Inbox {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, queue: Mutex::new(Queue::default()) }
    }

    /// Queues a message. Whom to wake is appended to `to_wake`, for when the caller's locks are given back.
    pub(crate) fn push(&self, message: &Arc<Message>, to_wake: &mut Vec<Waker>) -> Pushed {
        self.open(to_wake).push(message)
    }

    /// For several messages under one lock.
    pub(crate) fn open<'a>(&'a self, to_wake: &'a mut Vec<Waker>) -> OpenInbox<'a> {
        OpenInbox { limits: self.limits, queue: lock(&self.queue), to_wake }
    }

    /// Sets signals; wakes the reader.
    pub(crate) fn signal(&self, signals: u8) {
        let waiting = {
            let mut queue = lock(&self.queue);
            queue.signals |= signals;
            queue.waiting.take()
        };
        if let Some(waiting) = waiting {
            waiting.waker.wake();
        }
    }

    /// Drops what waits of one topic. Its messages share its name's allocation, so a look at each is
    /// enough: whoever leaves many topics with a full queue looks often.
    pub(crate) fn forget(&self, topic: &Topic) {
        self.forget_those(topic, |_| true);
    }

    /// Drops what waits of one topic and has a place there.
    pub(crate) fn forget_counted(&self, topic: &Topic) {
        self.forget_those(topic, |message| message.seq > 0);
    }

    fn forget_those(&self, topic: &Topic, are_meant: impl Fn(&Message) -> bool) {
        let Queue { messages, bytes, .. } = &mut *lock(&self.queue);
        messages.retain(|message| {
            let stays = !Arc::ptr_eq(&message.topic, topic) || !are_meant(message);
            *bytes -= if stays { 0 } else { message.bytes.len() };
            stays
        });
        shrink(messages);
    }

    pub(crate) fn take(&self, max_messages: usize, max_bytes: usize, into: &mut impl Extend<Arc<Message>>) {
        lock(&self.queue).take(max_messages, max_bytes, into);
    }

    /// Takes what is there; when there is nothing, the task is woken once there is. With
    /// `max_messages` 0 it waits for signals and an overflow only.
    pub(crate) fn poll(
        &self,
        cx: &Context<'_>,
        max_messages: usize,
        max_bytes: usize,
        into: &mut impl Extend<Arc<Message>>,
    ) -> Poll<Mail> {
        let (replaced, found) = {
            let queue = &mut *lock(&self.queue);
            let has_mail = max_messages > 0 && !queue.messages.is_empty();
            if has_mail || queue.overflowed || queue.signals != 0 {
                queue.take(max_messages, max_bytes, into);
                let signals = std::mem::take(&mut queue.signals);
                let drained = queue.messages.is_empty() && !queue.overflowed;
                let replaced = if drained { queue.wait(cx, true) } else { None };
                (replaced, Poll::Ready(Mail { overflowed: queue.overflowed, signals, drained }))
            } else {
                (queue.wait(cx, max_messages > 0), Poll::Pending)
            }
        };
        drop(replaced);
        found
    }

    pub(crate) fn overflowed(&self) -> bool {
        lock(&self.queue).overflowed
    }

    pub(crate) async fn ready(&self) {
        self.until(true, |queue| queue.overflowed || !queue.messages.is_empty()).await;
    }

    pub(crate) async fn overflow(&self) {
        self.until(false, |queue| queue.overflowed).await;
    }

    /// Looks and registers under one lock, so that nothing falls between the two.
    async fn until(&self, hears_messages: bool, is_so: impl Fn(&Queue) -> bool) {
        poll_fn(|cx| {
            let replaced = {
                let queue = &mut *lock(&self.queue);
                if is_so(queue) {
                    return Poll::Ready(());
                }
                queue.wait(cx, hears_messages)
            };
            drop(replaced);
            Poll::Pending
        })
        .await;
    }
}

/// Rings at a mailbox; clones are one. Does not keep it alive.
#[derive(Clone)]
pub struct Bell(Weak<Inbox>);

impl Bell {
    pub(crate) fn of(inbox: &Arc<Inbox>) -> Self {
        Self(Arc::downgrade(inbox))
    }

    /// Sets these bits for [`Mailbox::poll`] and wakes its reader.
    pub fn ring(&self, signals: u8) {
        if let Some(inbox) = self.0.upgrade() {
            inbox.signal(signals);
        }
    }

    pub(crate) fn is_of(&self, inbox: &Arc<Inbox>) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(inbox))
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell").field("is_heard", &(self.0.strong_count() > 0)).finish()
    }
}

/// An inbox that is being filled.
pub(crate) struct OpenInbox<'a> {
    limits: Limits,
    queue: MutexGuard<'a, Queue>,
    to_wake: &'a mut Vec<Waker>,
}

impl OpenInbox<'_> {
    /// As [`Inbox::push`].
    pub(crate) fn push(&mut self, message: &Arc<Message>) -> Pushed {
        let queue = &mut *self.queue;
        if queue.overflowed {
            return Pushed::Refused;
        }
        let bytes = queue.bytes.saturating_add(message.bytes.len());
        if queue.messages.len() >= self.limits.mailbox_max_messages || bytes > self.limits.mailbox_max_bytes {
            let Queue { waiting, signals, .. } = std::mem::take(queue);
            self.to_wake.extend(waiting.map(|waiting| waiting.waker));
            *queue = Queue { overflowed: true, signals, ..Queue::default() };
            return Pushed::Overflowed;
        }
        queue.bytes = bytes;
        queue.messages.push_back(message.clone());
        let wakes = queue.waiting.take_if(|waiting| waiting.hears_messages);
        self.to_wake.extend(wakes.map(|waiting| waiting.waker));
        Pushed::Queued
    }
}

impl Queue {
    /// Registers the task; returns one that waited before it, to be dropped when the lock is given back.
    fn wait(&mut self, cx: &Context<'_>, hears_messages: bool) -> Option<Waiting> {
        match &mut self.waiting {
            Some(waiting) if waiting.waker.will_wake(cx.waker()) => {
                waiting.hears_messages = hears_messages;
                None
            }
            waiting => waiting.replace(Waiting { waker: cx.waker().clone(), hears_messages }),
        }
    }

    fn take(&mut self, max_messages: usize, max_bytes: usize, into: &mut impl Extend<Arc<Message>>) {
        let mut taken_bytes = 0_usize;
        for taken in 0..max_messages {
            let Some(next) = self.messages.front() else { break };
            taken_bytes = taken_bytes.saturating_add(next.bytes.len());
            if taken > 0 && taken_bytes > max_bytes {
                break;
            }
            self.bytes -= next.bytes.len();
            into.extend(self.messages.pop_front());
        }
        shrink(&mut self.messages);
    }
}

/// Gives back what a burst needed.
fn shrink(messages: &mut VecDeque<Arc<Message>>) {
    if messages.is_empty() && messages.capacity() > KEPT_SLOTS {
        messages.shrink_to(KEPT_SLOTS);
    }
}

#[cfg(test)]
impl Inbox {
    /// The bytes that are counted, those that are there, and the slots: for tests.
    pub(crate) fn holds(&self) -> (usize, usize, usize) {
        let queue = lock(&self.queue);
        let there = queue.messages.iter().map(|message| message.bytes.len()).sum();
        (queue.bytes, there, queue.messages.capacity())
    }
}
