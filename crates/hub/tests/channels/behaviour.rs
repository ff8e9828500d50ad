//! One thing at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};

use bytes::Bytes;
use fanfare_hub::{
    Form, History, Hub, Join, Limits, Mailbox, Position, Publication, Publishing, Replay, Start, Topic,
};

use crate::support::{LONG, ROOMY, Said, as_member, hub, member, publish, publish_at, take_all, text, texts};

fn join(mailbox: &Mailbox, topic: &Topic, join: &Join) -> fanfare_hub::Joined {
    mailbox.join(topic, join, |_| ()).expect("there is room")
}

fn told(bytes: &[Bytes]) -> Vec<String> {
    bytes.iter().map(text).collect()
}

fn with(history: History, replay: Option<Replay>, now_ms: u64) -> Join {
    Join { history: Some(history), replay, now_ms, ..Join::default() }
}

/// Looks at a mailbox when it wakes somebody, as an executor may that runs the task at once.
struct Looks {
    at: Arc<Mailbox>,
    times: AtomicUsize,
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        self.at.topics();
        self.times.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn readers_are_woken_under_no_lock() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let (reader, acting) = (hub.connect(), Arc::new(hub.connect()));
    join(&reader, &topic, &Join::default());
    let looks = Arc::new(Looks { at: acting.clone(), times: AtomicUsize::new(0) });
    let waker = Waker::from(looks.clone());
    let wait = || {
        take_all(&reader);
        assert!(reader.poll(&Context::from_waker(&waker), 9, 999, &mut Vec::new()).is_pending());
    };
    wait();
    join(&acting, &topic, &as_member("bob"));
    wait();
    assert!(acting.depart("t", |_| ()));
    wait();
    assert_eq!(acting.arrive("t", &member("bob"), 9, |_| ()), Ok(true));
    wait();
    assert!(acting.unsubscribe("t"));
    wait();
    publish(&hub, &topic, "hello", None);
    wait();
    hub.deliver("t", 1, &Bytes::new());
    assert_eq!(looks.times.load(Ordering::Relaxed), 6);
}

#[test]
fn each_is_told_in_his_form_and_the_sender_is_not() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let mailboxes: Vec<_> = (0..3).map(|_| hub.connect()).collect();
    for (number, mailbox) in (0..).zip(&mailboxes) {
        join(mailbox, &topic, &Join { form: Form::new(number), ..Join::default() });
    }
    let publication = Said::that("hello");
    let bell = mailboxes[1].bell();
    let publishing = Publishing { publication: &publication, except: Some(&bell), history: None, now_ms: 0 };
    hub.publish(&topic, &publishing);
    let heard = |mailbox| take_all(mailbox).iter().map(|message| message.bytes.clone()).collect::<Vec<_>>();
    assert_eq!(heard(&mailboxes[0]), ["hello 0 0"]);
    assert_eq!(heard(&mailboxes[1]), [""; 0]);
    assert_eq!(heard(&mailboxes[2]), ["hello 2 0"]);
}

#[test]
fn a_member_with_several_connections_comes_once_and_leaves_once() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let (audience, phone, laptop) = (hub.connect(), hub.connect(), hub.connect());
    join(&audience, &topic, &Join::default());
    assert!(join(&phone, &topic, &as_member("ann")).is_new_member);
    assert!(!join(&laptop, &topic, &as_member("ann")).is_new_member);
    drop(phone);
    assert_eq!(texts(&audience), ["+ann"]);
    drop(laptop);
    assert_eq!(texts(&audience), ["-ann"]);
}

#[test]
fn who_is_refused_leaves_nobody_behind() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let (first, refused) = (hub.connect(), hub.connect());
    let nobody = Join { member: Some((member("ann"), 0)), ..Join::default() };
    assert!(refused.join(&topic, &nobody, |_| unreachable!("refused")).is_err());
    assert_eq!(hub.topics(), 0);
    join(&first, &topic, &Join::default());
    assert!(refused.join(&topic, &nobody, |_| unreachable!("refused")).is_err());
    assert_eq!(join(&refused, &topic, &Join::default()).members, None);
    assert_eq!(texts(&first), [""; 0]);
}

#[test]
fn a_history_that_became_smaller_is_so_at_once() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let alive: Vec<_> = (0..5)
        .map(|_| {
            let publication = Said::that("12345");
            let publishing =
                Publishing { publication: &publication, except: None, history: Some(LONG), now_ms: 0 };
            hub.publish(&topic, &publishing);
            Arc::downgrade(&publication)
        })
        .collect();
    let alive = || alive.iter().filter(|publication| publication.strong_count() > 0).count();
    for (history, kept) in [
        (LONG, 5),
        (History { max_messages: 4, ..LONG }, 4),
        (History { max_bytes: 14, ..LONG }, 2),
        (History { max_bytes: 1, ..LONG }, 1),
        (History { max_messages: 0, ..LONG }, 1),
    ] {
        join(&hub.connect(), &topic, &with(history, None, 0));
        assert_eq!(alive(), kept);
    }
    join(&hub.connect(), &topic, &with(LONG, None, LONG.max_age_ms + 1));
    assert_eq!(alive(), 0);
}

#[test]
fn what_is_too_old_is_not_told_though_nobody_has_swept() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let position = publish(&hub, &topic, "old", Some(LONG)).position.expect("a history");
    let before = Position { offset: 0, ..position };
    for (now_ms, complete) in [(LONG.max_age_ms, true), (LONG.max_age_ms + 1, false)] {
        for replay in [Replay::Last, Replay::After(before)] {
            let joined = join(&hub.connect(), &topic, &with(LONG, Some(replay), now_ms));
            let replayed = joined.replayed.expect("asked for");
            assert_eq!((replayed.complete, replayed.missed.len()), (complete, usize::from(complete)));
        }
    }
}

#[test]
fn the_last_publication_is_shown_for_as_long_as_it_is_kept() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    assert!(hub.last("t", 0).is_none(), "there is no such topic");
    for text in ["old", "new"] {
        publish(&hub, &topic, text, Some(LONG));
    }
    let last = |now_ms| hub.last("t", now_ms).map(|last| (last.publication.size(), last.left_ms));
    let size = last(0).expect("it is kept").0;
    assert_eq!(last(1), Some((size, LONG.max_age_ms - 1)));
    assert_eq!(last(LONG.max_age_ms), Some((size, 0)));
    assert_eq!(last(LONG.max_age_ms + 1), None);
}

#[test]
fn who_was_here_all_the_time_can_come_back_however_quiet_it_was() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let mailbox = hub.connect();
    let position = join(&mailbox, &topic, &with(LONG, None, 0)).position.expect("a history");
    let much_later = 100 * LONG.max_age_ms;
    hub.sweep(much_later);
    drop(mailbox);
    hub.sweep(much_later + LONG.max_age_ms);
    let back = hub.connect();
    let joined = join(&back, &topic, &with(LONG, Some(Replay::After(position)), much_later));
    assert!(joined.replayed.expect("asked for").complete);
    drop(back);
    hub.sweep(much_later + LONG.max_age_ms + 1);
    assert_eq!(hub.topics(), 0, "but not for ever");
}

#[test]
fn a_gap_that_cannot_be_filled_is_said() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let history = History { max_messages: 3, ..LONG };
    let mut epochs = (0..9).map(|n| publish(&hub, &topic, &n.to_string(), Some(history)).position);
    let epoch = epochs.next().flatten().expect("a history").epoch;
    assert!(epochs.all(|position| position.is_some_and(|position| position.epoch == epoch)));
    for (offset, epoch, missed) in [
        (0, epoch, None),
        (5, epoch, None),
        (6, epoch, Some(3)),
        (8, epoch, Some(1)),
        (9, epoch, Some(0)),
        (10, epoch, None),
        (u64::MAX, epoch, None),
        (8, epoch.wrapping_add(1), None),
    ] {
        let after = Replay::After(Position { offset, epoch });
        let replayed = join(&hub.connect(), &topic, &with(history, Some(after), 0)).replayed;
        let replayed = replayed.expect("asked for");
        assert_eq!(replayed.complete.then_some(replayed.missed.len()), missed, "after {offset}");
        assert!(replayed.complete || replayed.missed.is_empty());
    }
}

#[test]
fn who_joins_again_and_asks_for_what_he_missed_gets_it_once() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let mailbox = hub.connect();
    let start = join(&mailbox, &topic, &with(LONG, None, 0)).position.expect("a history");
    publish(&hub, &topic, "one", Some(LONG));
    publish(&hub, &topic, "two", Some(LONG));
    hub.whisper(&topic, &Said::that("psst"), None, || ());
    let again = join(&mailbox, &topic, &with(LONG, Some(Replay::After(start)), 0));
    publish(&hub, &topic, "three", Some(LONG));
    assert_eq!(told(&again.replayed.expect("asked for").missed), ["one", "two"]);
    assert_eq!(texts(&mailbox), ["psst", "three"]);
    // What cannot be told stays where it is.
    publish(&hub, &topic, "four", Some(LONG));
    let unknown = Replay::After(Position { offset: 99, ..start });
    assert!(!join(&mailbox, &topic, &with(LONG, Some(unknown), 0)).replayed.expect("asked for").complete);
    assert_eq!(texts(&mailbox), ["four"]);
}

/// Looks at its topic when it is told again.
struct LooksBack(Hub, AtomicUsize);

impl Publication for LooksBack {
    fn form(&self, _: Form, _: Option<Position>) -> Bytes {
        if self.1.fetch_add(1, Ordering::Relaxed) > 0 {
            self.0.members("t");
        }
        Bytes::new()
    }

    /// Another one each time.
    fn size(&self) -> usize {
        self.1.fetch_add(1, Ordering::Relaxed)
    }
}

#[test]
fn what_was_missed_is_told_under_no_lock() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let publication: Arc<dyn Publication> = Arc::new(LooksBack(hub.clone(), AtomicUsize::new(0)));
    let publishing = Publishing { publication: &publication, except: None, history: Some(LONG), now_ms: 0 };
    hub.publish(&topic, &publishing);
    for mailbox in [hub.connect(), hub.connect()] {
        let replayed = join(&mailbox, &topic, &with(LONG, Some(Replay::Last), 0)).replayed;
        assert_eq!(replayed.expect("asked for").missed.len(), 1);
    }
}

#[test]
fn a_size_that_changes_does_not_spoil_the_bounds() {
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let publication: Arc<dyn Publication> = Arc::new(LooksBack(hub.clone(), AtomicUsize::new(0)));
    let history = History { max_messages: 1, ..LONG };
    let publishing =
        Publishing { publication: &publication, except: None, history: Some(history), now_ms: 0 };
    for _ in 0..5 {
        hub.publish(&topic, &publishing);
    }
    // Sizes 0 to 4 were asked for; the last one alone counts, and a byte more would be too many for two.
    let fits = History { max_messages: 2, max_bytes: 7, ..LONG };
    publish_at(&hub, &topic, "123", Some(fits), 0);
    let after = Arc::strong_count(&publication);
    assert_eq!(after, 2, "in the history, and here");
    publish_at(&hub, &topic, "45678", Some(fits), 0);
    assert_eq!(Arc::strong_count(&publication), 1);
}

#[test]
fn a_crowd_that_leaves_a_topic_makes_it_as_cheap_as_before() {
    const CROWD: usize = 10_000;
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let mut crowd: Vec<_> = (0..CROWD).map(|_| hub.connect()).collect();
    for mailbox in &crowd {
        join(mailbox, &topic, &Join::default());
    }
    let last = crowd.pop().expect("a crowd");
    crowd.clear();
    publish(&hub, &topic, "hello", None);
    assert_eq!(texts(&last), ["hello"]);
}

#[test]
fn thousands_that_vanish_at_once_leave_nothing() {
    const MAILBOXES: usize = 10_000;
    const TOPICS_EACH: usize = 10;
    let hub = hub(Limits { mailbox_max_messages: 16, mailbox_max_bytes: 10_000 });
    let topics: Vec<Topic> = (0..1_000).map(|n| format!("t{n}").into()).collect();
    let mut mailboxes = Vec::new();
    for n in 0..MAILBOXES {
        let mailbox = hub.connect();
        for (k, topic) in topics.iter().cycle().skip(n % 1_000).take(TOPICS_EACH).enumerate() {
            let wants = if k == 0 { as_member(&n.to_string()) } else { Join::default() };
            join(&mailbox, topic, &wants);
        }
        mailboxes.push(mailbox);
    }
    assert_eq!((hub.topics(), hub.subscriptions()), (1_000, MAILBOXES * TOPICS_EACH));
    let (even, odd): (Vec<_>, Vec<_>) =
        mailboxes.into_iter().enumerate().partition(|(n, _)| n.is_multiple_of(2));
    std::thread::scope(|threads| {
        threads.spawn(|| drop(even));
        threads.spawn(|| drop(odd));
    });
    assert_eq!((hub.connections(), hub.subscriptions(), hub.topics()), (0, 0, 0));
}

#[test]
fn leaving_one_topic_of_many_takes_its_messages_alone() {
    const TOPICS: u64 = 100;
    let hub = hub(ROOMY);
    let mailbox = hub.connect();
    let topics: Vec<Topic> = (0..TOPICS).map(|n| format!("t{n}").into()).collect();
    for topic in &topics {
        mailbox.subscribe(topic, Start::Live);
    }
    for round in 0..10 {
        for (n, topic) in (0..).zip(&topics) {
            hub.deliver(topic, round * TOPICS + n, &Bytes::from_static(b"x"));
        }
    }
    // By a name of its own, not the one that was subscribed with.
    (0..TOPICS).filter(|n| n % 3 > 0).for_each(|n| assert!(mailbox.unsubscribe(&format!("t{n}"))));
    let seqs: Vec<u64> = take_all(&mailbox).iter().map(|message| message.seq).collect();
    assert!(seqs.iter().copied().eq((0..10 * TOPICS).filter(|seq| (seq % TOPICS).is_multiple_of(3))));
}
