//! What waits for one reader: the queue, its caps, and the bell. Knows no topics' map.

use std::{collections::VecDeque, sync::Mutex};

use tokio::sync::Notify;

use crate::{Limits, Message, lock};

/// Slots that an empty queue keeps; what a burst needed beyond them is given back.
const KEPT_SLOTS: usize = 8;

/// Shared by the mailbox and its subscriptions.
pub(crate) struct Inbox {
    limits: Limits,
    queue: Mutex<Queue>,
    /// Rung when the queue stops being empty, and when it overflows.
    filled: Notify,
    /// Rung when it overflows.
    spilled: Notify,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
    overflowed: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits behind others.
    Queued,
    /// It is the first: the reader must be woken.
    First,
    /// It did not fit, and everything is lost: the reader must be woken.
    Overflowed,
    /// It came after an overflow.
    Refused,
}

impl Inbox {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, queue: Mutex::default(), filled: Notify::new(), spilled: Notify::new() }
    }

    /// The caller wakes the reader, after it has given back its locks.
    pub(crate) fn push(&self, message: Message) -> Pushed {
        let mut queue = lock(&self.queue);
        if queue.overflowed {
            return Pushed::Refused;
        }
        let bytes = queue.bytes.saturating_add(message.bytes.len());
        if queue.messages.len() >= self.limits.mailbox_max_messages || bytes > self.limits.mailbox_max_bytes {
            *queue = Queue { overflowed: true, ..Queue::default() };
            return Pushed::Overflowed;
        }
        queue.bytes = bytes;
        queue.messages.push_back(message);
        if queue.messages.len() == 1 { Pushed::First } else { Pushed::Queued }
    }

    /// Never called under a lock.
    pub(crate) fn wake(&self) {
        self.filled.notify_waiters();
        if self.overflowed() {
            self.spilled.notify_waiters();
        }
    }

    /// Drops what waits of one topic.
    pub(crate) fn forget(&self, topic: &str) {
        let queue = &mut *lock(&self.queue);
        queue.messages.retain(|message| &*message.topic != topic);
        queue.bytes = queue.messages.iter().map(|message| message.bytes.len()).sum();
        queue.shrink();
    }

    pub(crate) fn take(&self, max_messages: usize, max_bytes: usize, into: &mut Vec<Message>) {
        let queue = &mut *lock(&self.queue);
        let mut taken_bytes = 0_usize;
        for taken in 0..max_messages {
            let Some(next) = queue.messages.front() else { break };
            taken_bytes = taken_bytes.saturating_add(next.bytes.len());
            if taken > 0 && taken_bytes > max_bytes {
                break;
            }
            queue.bytes -= next.bytes.len();
            into.extend(queue.messages.pop_front());
        }
        queue.shrink();
    }

    pub(crate) fn overflowed(&self) -> bool {
        lock(&self.queue).overflowed
    }

    pub(crate) async fn ready(&self) {
        wait_until(&self.filled, || {
            let queue = lock(&self.queue);
            queue.overflowed || !queue.messages.is_empty()
        })
        .await;
    }

    pub(crate) async fn overflow(&self) {
        wait_until(&self.spilled, || self.overflowed()).await;
    }
}

impl Queue {
    fn shrink(&mut self) {
        if self.messages.is_empty() && self.messages.capacity() > KEPT_SLOTS {
            self.messages.shrink_to(KEPT_SLOTS);
        }
    }
}

/// Registers for the bell before it looks, so that no ring between the two is missed.
async fn wait_until(bell: &Notify, is_so: impl Fn() -> bool) {
    loop {
        let mut rung = std::pin::pin!(bell.notified());
        rung.as_mut().enable();
        if is_so() {
            return;
        }
        rung.await;
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn message(topic: &str, seq: u64, bytes: usize) -> Message {
        Message { topic: topic.into(), seq, bytes: Bytes::from(vec![0; bytes]) }
    }

    fn inbox(mailbox_max_messages: usize, mailbox_max_bytes: usize) -> Inbox {
        Inbox::new(Limits { mailbox_max_messages, mailbox_max_bytes })
    }

    fn take(inbox: &Inbox, max_messages: usize, max_bytes: usize) -> Vec<u64> {
        let mut taken = Vec::new();
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
            (9, 10, &[10], Pushed::First),
            (9, 10, &[11], Pushed::Overflowed),
            (9, 10, &[11, 0], Pushed::Refused),
        ] {
            let inbox = inbox(max_messages, max_bytes);
            let pushed = sizes.iter().map(|bytes| inbox.push(message("t", 1, *bytes))).last();
            assert_eq!(pushed, Some(last), "{sizes:?} into {max_messages} messages, {max_bytes} bytes");
            let overflowed = matches!(last, Pushed::Overflowed | Pushed::Refused);
            assert_eq!(inbox.overflowed(), overflowed);
            assert_eq!(take(&inbox, 9, 100).len(), if overflowed { 0 } else { sizes.len() });
        }
    }

    #[test]
    fn what_was_taken_or_forgotten_makes_room() {
        let inbox = inbox(2, 10);
        inbox.push(message("a", 1, 5));
        inbox.push(message("b", 2, 5));
        assert_eq!(take(&inbox, 1, 100), [1]);
        assert_eq!(inbox.push(message("a", 3, 5)), Pushed::Queued);
        inbox.forget("b");
        assert_eq!(inbox.push(message("a", 4, 5)), Pushed::Queued);
        assert_eq!(take(&inbox, 9, 100), [3, 4]);
        assert_eq!(inbox.push(message("a", 5, 10)), Pushed::First);
    }

    #[test]
    fn takes_by_messages_and_by_bytes_but_at_least_one() {
        let inbox = inbox(9, 100);
        for (seq, bytes) in [(1, 30), (2, 4), (3, 6), (4, 1), (5, 1)] {
            inbox.push(message("t", seq, bytes));
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
            inbox.push(message("t", seq, 1));
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
                    2 => drop(inbox.push(message("a", 0, n))),
                    _ => drop(inbox.push(message("b", 0, n))),
                }
                let queue = lock(&inbox.queue);
                prop_assert_eq!(queue.bytes, queue.messages.iter().map(|m| m.bytes.len()).sum::<usize>());
            }
        }
    }
}
