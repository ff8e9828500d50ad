//! The inbox alone.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use proptest::prelude::*;

use crate::{
    inbox::{Inbox, KEPT_SLOTS, Mail, Pushed},
    message::{Limits, Message, Topic},
};

fn message(topic: &Topic, seq: u64, bytes: usize) -> Arc<Message> {
    Arc::new(Message { topic: topic.clone(), seq, bytes: Bytes::from(vec![0; bytes]) })
}

fn topics() -> (Topic, Topic) {
    ("a".into(), "b".into())
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
        let pushed = sizes.iter().map(|bytes| push(&inbox, &message(&"t".into(), 1, *bytes))).last();
        assert_eq!(pushed, Some(last), "{sizes:?} into {max_messages} messages, {max_bytes} bytes");
        let overflowed = matches!(last, Pushed::Overflowed | Pushed::Refused);
        assert_eq!(inbox.overflowed(), overflowed);
        assert_eq!(take(&inbox, 9, 100).len(), if overflowed { 0 } else { sizes.len() });
    }
}

#[test]
fn what_was_taken_or_forgotten_makes_room() {
    let (inbox, (a, b)) = (inbox(2, 10), topics());
    push(&inbox, &message(&a, 1, 5));
    push(&inbox, &message(&b, 2, 5));
    assert_eq!(take(&inbox, 1, 100), [1]);
    assert_eq!(push(&inbox, &message(&a, 3, 5)), Pushed::Queued);
    inbox.forget(&b);
    assert_eq!(push(&inbox, &message(&a, 4, 5)), Pushed::Queued);
    assert_eq!(take(&inbox, 9, 100), [3, 4]);
    assert_eq!(push(&inbox, &message(&a, 5, 10)), Pushed::Queued);
}

#[test]
fn takes_by_messages_and_by_bytes_but_at_least_one() {
    let inbox = inbox(9, 100);
    for (seq, bytes) in [(1, 30), (2, 4), (3, 6), (4, 1), (5, 1)] {
        push(&inbox, &message(&"t".into(), seq, bytes));
    }
    assert_eq!(take(&inbox, 9, 10), [1]);
    assert_eq!(take(&inbox, 9, 10), [2, 3]);
    assert_eq!(take(&inbox, 1, 10), [4]);
    assert_eq!(take(&inbox, 0, 10), []);
    assert_eq!(take(&inbox, 9, 10), [5]);
}

struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_last_look_says_what_wakes_its_reader() {
    let (inbox, (a, _)) = (inbox(9, 100), topics());
    let counts = Arc::new(Counts(AtomicUsize::new(0)));
    let waker = Waker::from(counts.clone());
    let mut taken: Vec<Arc<Message>> = Vec::new();
    let push = || {
        let mut to_wake = Vec::new();
        inbox.push(&message(&a, 1, 1), &mut to_wake);
        to_wake.into_iter().for_each(Waker::wake);
        counts.0.load(Ordering::Relaxed)
    };
    for (looks, woken) in [(&[9, 0][..], 0), (&[0, 9], 1), (&[9], 2)] {
        inbox.take(9, 99, &mut taken);
        for max_messages in looks {
            let looked = inbox.poll(&Context::from_waker(&waker), *max_messages, 99, &mut taken);
            assert!(looked.is_pending());
        }
        assert_eq!((push(), push()), (woken, woken), "once, after looks for {looks:?}");
    }
}

#[test]
fn a_burst_leaves_no_memory_behind() {
    let inbox = inbox(1_000, 1_000);
    assert_eq!(inbox.holds().2, 0, "an idle inbox has none");
    for seq in 0..1_000 {
        push(&inbox, &message(&"t".into(), seq, 1));
    }
    take(&inbox, 1_000, 1_000);
    assert!(inbox.holds().2 <= KEPT_SLOTS);
}

/// Counts how often it is woken.
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn push_and_wake(inbox: &Inbox, bytes: usize) {
    let mut to_wake = Vec::new();
    inbox.push(&message(&"t".into(), 1, bytes), &mut to_wake);
    to_wake.into_iter().for_each(Waker::wake);
}

#[test]
fn who_has_taken_all_is_woken_by_the_next_message_without_another_look() {
    let inbox = inbox(9, 100);
    let counter = Arc::new(Counter(AtomicUsize::new(0)));
    let waker = Waker::from(counter.clone());
    let mut taken: Vec<Arc<Message>> = Vec::new();
    let mut poll = |max| inbox.poll(&Context::from_waker(&waker), max, 100, &mut taken);
    let mail = |signals, drained| Poll::Ready(Mail { overflowed: false, signals, drained });
    let woken = || counter.0.load(Ordering::SeqCst);
    push_and_wake(&inbox, 1);
    push_and_wake(&inbox, 1);
    assert_eq!((woken(), poll(1)), (0, mail(0, false)));
    push_and_wake(&inbox, 1);
    assert_eq!((woken(), poll(9)), (0, mail(0, true)), "who has left something looks again");
    push_and_wake(&inbox, 1);
    push_and_wake(&inbox, 1);
    assert_eq!(woken(), 1, "once");
    inbox.signal(4);
    assert_eq!((woken(), poll(9)), (1, mail(4, true)));
    inbox.signal(2);
    assert_eq!((woken(), poll(9)), (2, mail(2, true)));
    assert_eq!((taken.len(), woken()), (5, 2));
}

proptest! {
    #[test]
    fn counts_its_bytes(steps in prop::collection::vec((0_u8..4, 0_usize..20), 0..100)) {
        let (inbox, (a, b)) = (inbox(50, 200), topics());
        for (kind, n) in steps {
            match kind {
                0 => inbox.forget(&a),
                1 => drop(take(&inbox, n / 4, n)),
                2 => drop(push(&inbox, &message(&a, 0, n))),
                _ => drop(push(&inbox, &message(&b, 0, n))),
            }
            let (counted, there, _) = inbox.holds();
            prop_assert_eq!(counted, there);
        }
    }
}
