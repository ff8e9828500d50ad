//! Many threads on one hub.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use fanfare_hub::{History, Hub, Join, Mailbox, Position, Publishing, Replay, Topic};

use crate::support::{LONG, ROOMY, Said, View, as_member, hub, publish, take_all, text, texts};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

/// The place at the end of what a subscriber was told.
fn offset(bytes: &[u8]) -> u64 {
    let told = std::str::from_utf8(bytes).expect("a text");
    told.rsplit(' ').next().expect("a word").parse().expect("an offset")
}

/// Joins and leaves until told to end.
fn churn(hub: &Hub, topic: &Topic, join: &Join, done: &AtomicBool) {
    let mut turns = 0_u64;
    while !done.load(Ordering::Relaxed) {
        let mailbox = hub.connect();
        mailbox.join(topic, join, |_| ()).expect("there is room");
        turns += 1;
        if turns.is_multiple_of(2) {
            mailbox.unsubscribe(topic);
        }
    }
}

/// Follows a topic until it has got so far, sees no gap, and goes away and comes back now and then.
fn follow(hub: &Hub, topic: &Topic, until: u64, seen: &mut Vec<String>) {
    let wait = runtime();
    let mut place: Option<Position> = None;
    while place.is_none_or(|place| place.offset < until) {
        let mailbox = hub.connect();
        let replay = Some(place.map_or(Replay::Last, Replay::After));
        let join = Join { history: Some(LONG), replay, ..Join::default() };
        let joined = mailbox.join(topic, &join, |_| ()).expect("there is room");
        let stands = joined.position.expect("a history");
        let replayed = joined.replayed.expect("asked for");
        let mut reached = if let Some(place) = place {
            assert!(replayed.complete && stands.epoch == place.epoch);
            place.offset
        } else {
            stands.offset - replayed.missed.len() as u64
        };
        let mut see = |bytes: &bytes::Bytes| {
            reached += 1;
            assert_eq!(offset(bytes), reached);
            seen.push(text(bytes));
            reached
        };
        for bytes in &replayed.missed {
            see(bytes);
        }
        let mut stays_for = 50;
        let mut last = stands.offset;
        while stays_for > 0 && last < until {
            wait.block_on(mailbox.ready());
            for message in take_all(&mailbox) {
                last = see(&message.bytes);
                assert_eq!(message.seq, last);
                stays_for -= 1;
            }
        }
        place = Some(Position { offset: last, ..stands });
    }
}

#[test]
fn every_subscriber_sees_a_stream_without_a_gap_in_the_order_of_its_witnesses() {
    const PUBLISHERS: usize = 3;
    const EACH: usize = 1_000;
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    let witnessed = Mutex::new(Vec::new());
    let done = AtomicBool::new(false);
    let everything = hub.connect();
    let join = Join { history: Some(LONG), ..Join::default() };
    everything.join(&topic, &join, |_| ()).expect("there is room");
    thread::scope(|threads| {
        let followers: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    let mut seen = Vec::new();
                    follow(&hub, &topic, (PUBLISHERS * EACH) as u64, &mut seen);
                    seen
                })
            })
            .collect();
        let churning = threads.spawn(|| churn(&hub, &topic, &join, &done));
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| {
                let (hub, topic, witnessed) = (&hub, &topic, &witnessed);
                threads.spawn(move || {
                    for n in 0..EACH {
                        let said = format!("{publisher}-{n}");
                        let publication = Said::that(said.clone());
                        let publishing = Publishing {
                            publication: &publication,
                            except: None,
                            history: Some(LONG),
                            now_ms: 0,
                        };
                        hub.publish_and(topic, &publishing, |published| {
                            let offset = published.position.expect("a history").offset;
                            witnessed.lock().expect("whole").push((offset, said));
                        });
                    }
                })
            })
            .collect();
        for thread in publishers {
            thread.join().expect("published");
        }
        let orders: Vec<_> = followers.into_iter().map(|thread| thread.join().expect("no gap")).collect();
        done.store(true, Ordering::Relaxed);
        churning.join().expect("came and went");
        let witnessed = witnessed.lock().expect("whole");
        assert!(witnessed.iter().zip(1..).all(|((offset, _), n)| *offset == n));
        let order: Vec<_> = witnessed.iter().map(|(_, said)| said.clone()).collect();
        assert_eq!(texts(&everything), order);
        assert!(orders.iter().all(|seen| order.ends_with(seen)));
    });
}

/// Applies what waits.
fn hear(view: &mut View, mailbox: &Mailbox) {
    for message in take_all(mailbox) {
        view.hear(&message);
    }
}

#[test]
fn lists_of_members_and_news_of_them_fit_together_whenever_one_joins() {
    const TURNS: usize = 400;
    let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
    // Keeps the topic, and hears everything.
    let (audience, heard) = (hub.connect(), Mutex::new(Vec::new()));
    audience.join(&topic, &Join::default(), |_| ()).expect("there is room");
    let note = |sign: char, id: &str| heard.lock().expect("whole").push(format!("{sign}{id}"));
    thread::scope(|threads| {
        for thread in 0..4 {
            let (hub, topic, note) = (&hub, &topic, &note);
            threads.spawn(move || {
                for turn in 0..TURNS {
                    // Two connections are one member, of another thread too.
                    let id = format!("m{}", (thread / 2) * 10 + turn % 3);
                    let mailbox = hub.connect();
                    let came = |joined: &fanfare_hub::Joined| {
                        if joined.is_new_member {
                            note('+', &id);
                        }
                    };
                    let joined = mailbox.join(topic, &as_member(&id), came).expect("there is room");
                    let mut view = View::of(&joined.members.expect("himself at least"));
                    if turn % 5 == 0 {
                        mailbox.depart(topic, |member| note('-', &member.id));
                        let arrived = mailbox.arrive(topic, &crate::support::member(&id), 1_000, |member| {
                            note('+', &member.id);
                        });
                        arrived.expect("there is room");
                    }
                    hear(&mut view, &mailbox);
                    mailbox.leave(topic, |left| {
                        if let Some(member) = &left.member {
                            note('-', &member.id);
                        }
                    });
                    assert_eq!(texts(&mailbox), [""; 0], "nothing after leaving");
                }
            });
        }
        for _ in 0..2 {
            threads.spawn(|| {
                for _ in 0..20 {
                    let mailbox = hub.connect();
                    let joined = mailbox.join(&topic, &Join::default(), |_| ()).expect("there is room");
                    let mut view = View::of(&joined.members.unwrap_or_default());
                    for _ in 0..20 {
                        hear(&mut view, &mailbox);
                        thread::yield_now();
                    }
                }
            });
        }
    });
    let told = texts(&audience);
    assert_eq!(told, *heard.lock().expect("whole"), "as the witnesses saw it");
    assert_eq!(hub.members(&topic), []);
    drop(audience);
    assert_eq!((hub.topics(), hub.subscriptions(), hub.connections()), (0, 0, 0));
}

#[test]
fn whoever_has_joined_is_told_however_often_the_topic_is_forgotten() {
    const TURNS: usize = 1_500;
    // The past is over at once, so that sweeping forgets the topic as leaving does.
    const SHORT: History = History { max_messages: 2, max_bytes: 100, max_age_ms: 0 };
    for history in [None, Some(SHORT)] {
        let (hub, topic): (_, Topic) = (hub(ROOMY), "t".into());
        let (done, places) = (AtomicBool::new(false), Mutex::new(BTreeSet::new()));
        thread::scope(|threads| {
            let sweeping = threads.spawn(|| {
                let mut now_ms = 0;
                while !done.load(Ordering::Relaxed) {
                    now_ms += 1;
                    hub.sweep(now_ms);
                    thread::yield_now();
                }
            });
            let speakers: Vec<_> = (0..3)
                .map(|thread| {
                    let (hub, topic, places) = (&hub, &topic, &places);
                    threads.spawn(move || {
                        for turn in 0..TURNS {
                            let mailbox = hub.connect();
                            let join = Join { history, ..Join::default() };
                            let joined = mailbox.join(topic, &join, |_| ()).expect("there is room");
                            let said = format!("{thread}-{turn}");
                            let published = publish(hub, topic, &said, history);
                            let epoch = |position: Position| position.epoch;
                            assert_eq!(published.position.map(epoch), joined.position.map(epoch));
                            let heard = take_all(&mailbox);
                            assert!(heard.iter().any(|message| text(&message.bytes) == said));
                            let mut after = joined.position.map_or(0, |position| position.offset);
                            for message in heard.iter().filter(|_| history.is_some()) {
                                after += 1;
                                assert_eq!(message.seq, after);
                            }
                            if let Some(Position { offset, epoch }) = published.position {
                                let is_new = places.lock().expect("whole").insert((epoch, offset));
                                assert!(is_new, "no place is given twice");
                            }
                        }
                    })
                })
                .collect();
            for thread in speakers {
                thread.join().expect("heard itself");
            }
            done.store(true, Ordering::Relaxed);
            sweeping.join().expect("swept");
        });
        hub.sweep(u64::MAX);
        assert_eq!((hub.topics(), hub.subscriptions(), hub.connections()), (0, 0, 0));
    }
}
