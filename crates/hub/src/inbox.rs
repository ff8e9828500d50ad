//! What waits for one reader: the queue, its caps, its signals, and who is woken. Knows no topics' map.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    Limits, Message,
    sync::{Mutex, lock},
};

/// Slots that an empty queue keeps; what a burst needed beyond them is given back.
const KEPT_SLOTS: usize = 8;

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
    /// It is stuck with what it took: messages need not wake it.
    for_urgent_only: bool,
}

/// What a reader finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mail {
    /// A message had to be dropped: nothing will ever come again.
    pub overflowed: bool,
    /// The bits that bells have rung since the last look.
    pub signals: u8,
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
        let queue = &mut *lock(&self.queue);
        if queue.overflowed {
            return Pushed::Refused;
        }
        let bytes = queue.bytes.saturating_add(message.bytes.len());
        if queue.messages.len() >= self.limits.mailbox_max_messages || bytes > self.limits.mailbox_max_bytes {
            let Queue { waiting, signals, .. } = std::mem::take(queue);
            to_wake.extend(waiting.map(|waiting| waiting.waker));
            *queue = Queue { overflowed: true, signals, ..Queue::default() };
            return Pushed::Overflowed;
        }
        queue.bytes = bytes;
        queue.messages.push_back(message.clone());
        let wakes = queue.waiting.take_if(|waiting| !waiting.for_urgent_only);
        to_wake.extend(wakes.map(|waiting| waiting.waker));
        Pushed::Queued
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

    /// Drops what waits of one topic.
    pub(crate) fn forget(&self, topic: &str) {
        let queue = &mut *lock(&self.queue);
        queue.messages.retain(|message| &*message.topic != topic);
        queue.bytes = queue.messages.iter().map(|message| message.bytes.len()).sum();
        queue.shrink();
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
        let queue = &mut *lock(&self.queue);
        let for_urgent_only = max_messages == 0;
        let has_mail = !for_urgent_only && !queue.messages.is_empty();
        if has_mail || queue.overflowed || queue.signals != 0 {
            queue.take(max_messages, max_bytes, into);
            let signals = std::mem::take(&mut queue.signals);
            return Poll::Ready(Mail { overflowed: queue.overflowed, signals });
        }
        queue.wait(cx, for_urgent_only);
        Poll::Pending
    }

    pub(crate) fn overflowed(&self) -> bool {
        lock(&self.queue).overflowed
    }

    pub(crate) async fn ready(&self) {
        self.until(false, |queue| queue.overflowed || !queue.messages.is_empty()).await;
    }

    pub(crate) async fn overflow(&self) {
        self.until(true, |queue| queue.overflowed).await;
    }

    /// Looks and registers under one lock, so that nothing falls between the two.
    async fn until(&self, for_urgent_only: bool, is_so: impl Fn(&Queue) -> bool) {
        poll_fn(|cx| {
            let queue = &mut *lock(&self.queue);
            if is_so(queue) {
                return Poll::Ready(());
            }
            queue.wait(cx, for_urgent_only);
            Poll::Pending
        })
        .await;
    }
}

impl Queue {
    fn wait(&mut self, cx: &Context<'_>, for_urgent_only: bool) {
        match &mut self.waiting {
            Some(waiting) if waiting.waker.will_wake(cx.waker()) => waiting.for_urgent_only = for_urgent_only,
            waiting => *waiting = Some(Waiting { waker: cx.waker().clone(), for_urgent_only }),
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
        self.shrink();
    }

    fn shrink(&mut self) {
        if self.messages.is_empty() && self.messages.capacity() > KEPT_SLOTS {
            self.messages.shrink_to(KEPT_SLOTS);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn message(topic: &str, seq: u64, bytes: usize) -> Arc<Message> {
        Arc::new(Message { topic: topic.into(), seq, bytes: Bytes::from(vec![0; bytes]) })
    }

    fn push(inbox: &Inbox, message: &Arc<Message>) -> Pushed {
        inbox.push(message, &mut Vec::new())
    }

    fn inbox(mailbox_max_messages: usize, mailbox_max_bytes: usize) -> Inbox {
        Inbox::new(Limits { mailbox_max_messages, mailbox_max_bytes })
    }

    fn take(inbox: &Inbox, max_messages: usize, max_bytes: usize) -> Vec<u64> {
        let mut taken: Vec<Arc<Message>> = Vec::new();
        inbox.take(max_messages, max_bytes, &mut taken);
        taken.iter().map(|message| message.seq).collect()
    }

    #[test]
    fn the_caps_hold_to_the_message_and_to_the_byte() {
        for (max_messages, max_bytes, sizes, last) in [
            (2, 100, &[1, 1][..], Pushed::Queued),
            (2, 100, &[1, 1, 1], Pushed::Overflowed),
            (2, 100, &[1, 1, 0], Pushed::Overflowed),
            (9, 10, &[4, 6], Pushed::Queued),
            (9, 10, &[4, 7], Pushed::Overflowed),
            (9, 10, &[10], Pushed::Queued),
            (9, 10, &[11], Pushed::Overflowed),
            (9, 10, &[11, 0], Pushed::Refused),
        ] {
            let inbox = inbox(max_messages, max_bytes);
            let pushed = sizes.iter().map(|bytes| push(&inbox, &message("t", 1, *bytes))).last();
            assert_eq!(pushed, Some(last), "{sizes:?} into {max_messages} messages, {max_bytes} bytes");
            let overflowed = matches!(last, Pushed::Overflowed | Pushed::Refused);
            assert_eq!(inbox.overflowed(), overflowed);
            assert_eq!(take(&inbox, 9, 100).len(), if overflowed { 0 } else { sizes.len() });
        }
    }

    #[test]
    fn what_was_taken_or_forgotten_makes_room() {
        let inbox = inbox(2, 10);
        push(&inbox, &message("a", 1, 5));
        push(&inbox, &message("b", 2, 5));
        assert_eq!(take(&inbox, 1, 100), [1]);
        assert_eq!(push(&inbox, &message("a", 3, 5)), Pushed::Queued);
        inbox.forget("b");
        assert_eq!(push(&inbox, &message("a", 4, 5)), Pushed::Queued);
        assert_eq!(take(&inbox, 9, 100), [3, 4]);
        assert_eq!(push(&inbox, &message("a", 5, 10)), Pushed::Queued);
    }

    #[test]
    fn takes_by_messages_and_by_bytes_but_at_least_one() {
        let inbox = inbox(9, 100);
        for (seq, bytes) in [(1, 30), (2, 4), (3, 6), (4, 1), (5, 1)] {
            push(&inbox, &message("t", seq, bytes));
        }
        assert_eq!(take(&inbox, 9, 10), [1]);
        assert_eq!(take(&inbox, 9, 10), [2, 3]);
        assert_eq!(take(&inbox, 1, 10), [4]);
        assert_eq!(take(&inbox, 0, 10), []);
        assert_eq!(take(&inbox, 9, 10), [5]);
    }

    #[test]
    fn a_burst_leaves_no_memory_behind() {
        let inbox = inbox(1_000, 1_000);
        assert_eq!(lock(&inbox.queue).messages.capacity(), 0, "an idle inbox has none");
        for seq in 0..1_000 {
            push(&inbox, &message("t", seq, 1));
        }
        take(&inbox, 1_000, 1_000);
        assert!(lock(&inbox.queue).messages.capacity() <= KEPT_SLOTS);
    }

    proptest! {
        #[test]
        fn counts_its_bytes(steps in prop::collection::vec((0_u8..4, 0_usize..20), 0..100)) {
            let inbox = inbox(50, 200);
            for (kind, n) in steps {
                match kind {
                    0 => inbox.forget("a"),
                    1 => drop(take(&inbox, n / 4, n)),
                    2 => drop(push(&inbox, &message("a", 0, n))),
                    _ => drop(push(&inbox, &message("b", 0, n))),
                }
                let queue = lock(&inbox.queue);
                prop_assert_eq!(queue.bytes, queue.messages.iter().map(|m| m.bytes.len()).sum::<usize>());
            }
        }
    }
}
