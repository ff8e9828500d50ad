//! One reader's queue.

use std::{
    future::poll_fn,
    ops::Range,
    sync::Arc,
    task::{Poll, Waker},
};

use bytes::Bytes;
use shuttle::{future::block_on, thread};

use crate::{
    check,
    inbox::{Inbox, Mail, Pushed},
    message::{Limits, Message, Topic},
};

fn inbox(mailbox_max_messages: usize) -> Arc<Inbox> {
    Arc::new(Inbox::new(Limits { mailbox_max_messages, mailbox_max_bytes: 1_000 }))
}

fn push(inbox: &Inbox, topic: &Topic, seq: u64) -> Pushed {
    let mut to_wake = Vec::new();
    let message = Arc::new(Message { topic: topic.clone(), seq, bytes: Bytes::from_static(b"x") });
    let pushed = inbox.push(&message, &mut to_wake);
    to_wake.into_iter().for_each(Waker::wake);
    pushed
}

fn pushes(inbox: &Arc<Inbox>, topic: &'static str, seqs: Range<u64>) -> thread::JoinHandle<()> {
    let inbox = inbox.clone();
    thread::spawn(move || {
        let topic = topic.into();
        for seq in seqs {
            push(&inbox, &topic, seq);
        }
    })
}

fn rings(inbox: &Arc<Inbox>, signals: u8) -> thread::JoinHandle<()> {
    let inbox = inbox.clone();
    thread::spawn(move || inbox.signal(signals))
}

fn end<const N: usize>(threads: [thread::JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().expect("ends");
    }
}

/// Whether the mailbox has overflowed, and signals.
type News = (bool, u8);

fn news(mail: Mail) -> News {
    (mail.overflowed, mail.signals)
}

/// One look; waits when there is nothing.
fn look(inbox: &Inbox, max_messages: usize, taken: &mut Vec<u64>) -> News {
    let mut messages: Vec<Arc<Message>> = Vec::new();
    let mail = block_on(poll_fn(|cx| inbox.poll(cx, max_messages, usize::MAX, &mut messages)));
    taken.extend(messages.iter().map(|message| message.seq));
    news(mail)
}

#[test]
fn a_message_wakes_its_reader() {
    check(|| {
        let inbox = inbox(9);
        let pusher = pushes(&inbox, "t", 1..4);
        let mut taken = Vec::new();
        while taken.len() < 3 {
            assert_eq!(look(&inbox, 2, &mut taken), (false, 0));
        }
        assert_eq!(taken, [1, 2, 3]);
        pusher.join().expect("pushes");
    });
}

#[test]
fn two_publishers_at_once_are_both_heard() {
    check(|| {
        let inbox = inbox(9);
        let pushers = [pushes(&inbox, "t", 1..2), pushes(&inbox, "u", 2..3)];
        let mut taken = Vec::new();
        while taken.len() < 2 {
            look(&inbox, 9, &mut taken);
        }
        taken.sort_unstable();
        assert_eq!(taken, [1, 2]);
        end(pushers);
    });
}

#[test]
fn a_signal_wakes_a_reader_and_is_seen_once() {
    check(|| {
        let inbox = inbox(9);
        let ringers = [rings(&inbox, 1), rings(&inbox, 2)];
        let (mut seen, mut taken) = (0, Vec::new());
        while seen != 3 {
            let (overflowed, signals) = look(&inbox, 9, &mut taken);
            assert!(!overflowed && signals != 0 && seen & signals == 0);
            seen |= signals;
        }
        end(ringers);
    });
}

#[test]
fn a_reader_that_is_stuck_hears_signals_and_then_finds_its_messages() {
    check(|| {
        let inbox = inbox(9);
        let threads = [pushes(&inbox, "t", 1..2), rings(&inbox, 1)];
        let mut taken = Vec::new();
        assert_eq!(look(&inbox, 0, &mut taken), (false, 1));
        assert!(taken.is_empty());
        while taken.is_empty() {
            assert_eq!(look(&inbox, 9, &mut taken).1, 0);
        }
        end(threads);
    });
}

#[test]
fn a_reader_that_was_stuck_is_woken_by_a_message_again() {
    check(|| {
        let inbox = inbox(9);
        let pusher = pushes(&inbox, "t", 1..2);
        let mut taken: Vec<Arc<Message>> = Vec::new();
        // In one turn it looks for signals only, and then for everything.
        let mail = block_on(poll_fn(|cx| {
            assert!(inbox.poll(cx, 0, 0, &mut taken).is_pending());
            inbox.poll(cx, 9, 9, &mut taken)
        }));
        assert_eq!((news(mail), taken.len()), ((false, 0), 1));
        pusher.join().expect("pushes");
    });
}

#[test]
fn a_reader_that_has_taken_all_is_woken_without_another_look() {
    check(|| {
        let inbox = inbox(9);
        let pusher = pushes(&inbox, "t", 1..4);
        let mut taken: Vec<Arc<Message>> = Vec::new();
        block_on(poll_fn(|cx| {
            while let Poll::Ready(mail) = inbox.poll(cx, 2, usize::MAX, &mut taken) {
                if taken.len() == 3 {
                    return Poll::Ready(());
                }
                if mail.drained {
                    break;
                }
            }
            Poll::Pending
        }));
        pusher.join().expect("pushes");
    });
}

#[test]
fn a_reader_that_is_stuck_hears_of_an_overflow() {
    check(|| {
        let inbox = inbox(1);
        let pusher = pushes(&inbox, "t", 1..4);
        let mut taken = Vec::new();
        assert_eq!(look(&inbox, 0, &mut taken), (true, 0));
        pusher.join().expect("pushes");
        assert_eq!(push(&inbox, &"t".into(), 9), Pushed::Refused);
        assert_eq!(look(&inbox, 9, &mut taken), (true, 0));
        assert!(taken.is_empty());
    });
}

#[test]
fn an_overflow_loses_no_signal() {
    check(|| {
        let inbox = inbox(0);
        let threads = [pushes(&inbox, "t", 1..2), rings(&inbox, 4)];
        let (mut seen, mut taken) = (0, Vec::new());
        loop {
            let (overflowed, signals) = look(&inbox, 0, &mut taken);
            seen |= signals;
            if overflowed {
                break;
            }
        }
        end(threads);
        assert_eq!(seen | look(&inbox, 0, &mut taken).1, 4);
    });
}

#[test]
fn who_awaits_messages_and_then_an_overflow_gets_both() {
    check(|| {
        let inbox = inbox(1);
        let pusher = pushes(&inbox, "t", 1..3);
        block_on(inbox.ready());
        block_on(inbox.overflow());
        assert!(inbox.overflowed());
        pusher.join().expect("pushes");
    });
}

#[test]
fn what_is_forgotten_meanwhile_takes_no_other_along() {
    check(|| {
        let inbox = inbox(9);
        let (gone, stays): (Topic, Topic) = ("gone".into(), "stays".into());
        push(&inbox, &gone, 1);
        let other = {
            let (inbox, stays) = (inbox.clone(), stays.clone());
            thread::spawn(move || assert_eq!(push(&inbox, &stays, 2), Pushed::Queued))
        };
        inbox.forget(&gone);
        let mut taken = Vec::new();
        look(&inbox, 9, &mut taken);
        assert_eq!(taken, [2]);
        other.join().expect("pushes");
    });
}
