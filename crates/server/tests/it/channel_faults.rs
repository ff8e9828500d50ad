//! What goes wrong on channels: clients that stop reading, come back too late, fall silent, or leave all at
//! once.

use std::{ops::Range, pin::pin, time::Duration};

use fanfare::{
    Channels,
    config::{Config, History, Rule, Secret},
    timers::Clock,
};
use fanfare_model::{
    Timestamp,
    application::Preset,
    channel::ChannelPattern,
    limits::{MAILBOX_MAX_BYTES, MAILBOX_MAX_MESSAGES},
};
use futures_util::{StreamExt, future::join, stream};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    channels::token,
    support::{Engine, Peer, Receiver, TestApp, soon},
};

/// Sockets that leave at once, where the test may have so many descriptors.
const CROWD: u64 = 2_000;
/// Subscribers of a channel from which on messages are handed out by the writers.
const HANDED_OUT_MIN_SUBSCRIBERS: usize = 64;
/// What a message holds that is to fill buffers.
const FILLING_BYTES: usize = 8 << 10;

async fn spawn(clock: Clock, configure: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::spawn_with(Engine::Sqlite, clock, |config| {
        config.app = Some("night:key:secret".parse::<Preset>().expect("an app"));
        config.jwt_secret = Some(Secret("the secret of the tokens".to_owned()));
        let pattern = ChannelPattern::parse("presence-room.{id}").expect("a pattern");
        config.channels.rules.push(Rule::new(pattern));
        configure(config);
    })
    .await
}

/// A clock that stands still until the test moves it.
fn manual() -> Clock {
    Clock::manual(Timestamp::from_millis(1_750_000_000_000))
}

/// Keeps so many messages of each channel.
fn keep(config: &mut Config, messages: u32) {
    let channel = ChannelPattern::parse("{name}").expect("a pattern");
    config.channels.history.push(History { channel, messages, age_ms: 60_000 });
}

async fn publish(channels: &Channels, n: u64, filling: &str) {
    channels.publish("orders", "n", &json!({"n": n, "filling": filling})).await.expect("told");
}

/// Subscribes after what was heard; returns the answer.
async fn resume(peer: &mut Peer, offset: &Value, epoch: &Value) -> Value {
    peer.say(&json!({"event": "subscribe", "channel": "orders", "offset": offset, "epoch": epoch})).await;
    peer.hear().await
}

#[tokio::test]
async fn who_stops_reading_is_let_go_and_comes_back_for_what_it_missed() {
    who_stops_reading(0).await;
}

#[tokio::test]
async fn who_stops_reading_in_a_crowd_is_let_go_and_comes_back_for_what_it_missed() {
    who_stops_reading(HANDED_OUT_MIN_SUBSCRIBERS).await;
}

/// Beside so many others, who read.
async fn who_stops_reading(others: usize) {
    // Nobody is given up because the test takes long.
    let app = spawn(manual(), |config| keep(config, 10_000)).await;
    let channels = app.channels();
    let mut reading = JoinSet::new();
    for _ in 0..others {
        let mut other = Peer::broadcasting(app.addr(), None).await;
        other.subscribe("orders", None, None).await;
        reading.spawn(async move {
            loop {
                other.frame().await;
            }
        });
    }
    let mut slow = Peer::broadcasting(app.addr(), None).await;
    let mut pusher = Peer::pusher(app.addr(), "key").await;
    let mut reader = Peer::broadcasting(app.addr(), None).await;
    let joined = slow.subscribe("orders", None, None).await;
    let epoch = joined["epoch"].clone();
    assert!(epoch.is_string(), "{joined}");
    for peer in [&mut pusher, &mut reader] {
        peer.subscribe("orders", None, None).await;
    }
    let filling = "x".repeat(FILLING_BYTES);
    let mut published = 0;
    // The operating system's buffers take some megabytes, then the mailbox one.
    while channels.subscriptions("orders") == Ok(others + 3) {
        assert!(published < 100_000, "it is never given up");
        published += 1;
        publish(&channels, published, &filling).await;
        let (in_broadcasting, in_pusher) = tokio::join!(reader.hear(), pusher.hear());
        assert_eq!(in_broadcasting["data"]["n"], published);
        let data: Value = serde_json::from_str(in_pusher["data"].as_str().expect("text")).expect("JSON");
        assert_eq!(data["n"], published);
    }
    assert!(
        usize::try_from(published).expect("small")
            > MAILBOX_MAX_MESSAGES.min(MAILBOX_MAX_BYTES / FILLING_BYTES)
    );

    let mut last = (json!(0), epoch.clone());
    let (code, heard) = slow.rest().await;
    assert_eq!(code, 1013);
    for (n, message) in (1..).zip(&heard) {
        assert_eq!(message["data"]["n"], n, "in order, and none left out");
        last = (message["offset"].clone(), message["epoch"].clone());
    }
    assert!((heard.len() as u64) < published);

    let mut back = Peer::broadcasting(app.addr(), None).await;
    let joined = resume(&mut back, &last.0, &last.1).await;
    assert_eq!((&joined["event"], &joined["recovered"]), (&json!("subscription_succeeded"), &json!(true)));
    for n in heard.len() as u64 + 1..=published {
        assert_eq!(back.hear().await["data"]["n"], n, "exactly what it missed");
    }
    back.hears_nothing().await;
    publish(&channels, 0, "").await;
    assert_eq!(back.hear().await["data"]["n"], 0, "and it is there again");
}

#[tokio::test]
async fn a_crowd_hears_all_in_order_while_others_come_and_go() {
    const ROUNDS: u64 = 5;
    const EACH_MIN: u64 = 100;
    let app = spawn(manual(), |config| keep(config, 10_000)).await;
    let channels = app.channels();
    let mut crowd = Vec::new();
    for n in 0..HANDED_OUT_MIN_SUBSCRIBERS {
        let is_pusher = n % 2 == 1;
        let mut peer = if is_pusher {
            Peer::pusher(app.addr(), "key").await
        } else {
            Peer::broadcasting(app.addr(), None).await
        };
        peer.subscribe("orders", None, None).await;
        crowd.push((is_pusher, peer));
    }
    let come_and_go = || async {
        let mut peer = Peer::broadcasting(app.addr(), None).await;
        let start = peer.subscribe("orders", None, None).await["offset"].as_u64().expect("a place");
        for n in start + 1..start + 10 {
            assert_eq!(peer.hear().await["offset"], n);
        }
    };
    let (mut published, mut heard) = (0, 0);
    for _ in 0..ROUNDS {
        let mut others = pin!(join(come_and_go(), come_and_go()));
        let (mut have_gone, start) = (false, published);
        while !have_gone || published < start + EACH_MIN {
            published += 1;
            publish(&channels, published, "").await;
            tokio::select! {
                biased;
                _ = &mut others, if !have_gone => have_gone = true,
                () = tokio::task::yield_now() => {}
            }
        }
        for (is_pusher, peer) in &mut crowd {
            for n in heard + 1..=published {
                let message = peer.hear().await;
                let data = if *is_pusher {
                    serde_json::from_str(message["data"].as_str().expect("text")).expect("JSON")
                } else {
                    message["data"].clone()
                };
                assert_eq!(data["n"], n);
            }
        }
        heard = published;
    }
}

#[tokio::test]
async fn who_comes_back_too_late_is_told_so() {
    const NOTHING: Range<u64> = 0..0;
    let clock = manual();
    let app = spawn(clock.clone(), |config| keep(config, 3)).await;
    let channels = app.channels();
    let mut first = Peer::broadcasting(app.addr(), None).await;
    let joined = first.subscribe("orders", None, None).await;
    let (start, epoch) = (joined["offset"].clone(), joined["epoch"].clone());
    for n in 1..=5 {
        publish(&channels, n, "").await;
        assert_eq!(first.hear().await["data"]["n"], n);
    }
    let after = |n: u64| json!(start.as_u64().expect("a number") + n);
    for (offset, epoch, recovered, missed) in [
        (after(5), &epoch, true, NOTHING),
        (after(3), &epoch, true, 4..6),
        (after(2), &epoch, true, 3..6),
        (after(1), &epoch, false, NOTHING),
        (after(9), &epoch, false, NOTHING),
        (after(5), &json!("0000000000000001"), false, NOTHING),
        (after(5), &json!("no epoch"), false, NOTHING),
    ] {
        let mut back = Peer::broadcasting(app.addr(), None).await;
        let joined = resume(&mut back, &offset, epoch).await;
        assert_eq!(joined["recovered"], recovered, "{offset} {epoch}: {joined}");
        assert_eq!(joined["offset"], after(5), "{joined}");
        for n in missed {
            assert_eq!(back.hear().await["data"]["n"], n);
        }
        back.hears_nothing().await;
    }
    // Its age: nothing of it is left.
    clock.advance(Duration::from_secs(61));
    let mut back = Peer::broadcasting(app.addr(), None).await;
    assert_eq!(resume(&mut back, &after(3), &epoch).await["recovered"], false);
}

#[tokio::test]
async fn who_is_silent_is_asked_and_then_given_up() {
    let clock = manual();
    let app = spawn(clock.clone(), |_| ()).await;
    let mut silent = Peer::pusher(app.addr(), "key").await;
    let mut alive = Peer::pusher(app.addr(), "key").await;
    let mut silent_ts = Peer::broadcasting(app.addr(), None).await;
    clock.advance(Duration::from_secs(119));
    for peer in [&mut silent, &mut alive, &mut silent_ts] {
        peer.hears_nothing().await;
    }
    // Each said something, so the wait begins anew.
    clock.advance(Duration::from_secs(119));
    alive.hears_nothing().await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(silent.hear().await["event"], "pusher:ping");
    assert!(silent_ts.frame().await.is_ping());
    alive.hears_nothing().await;
    clock.advance(Duration::from_secs(30));
    assert_eq!(silent.closed().await.0, 4201);
    assert_eq!(silent_ts.closed().await.0, 1008);
    clock.advance(Duration::from_secs(90));
    assert_eq!(alive.hear().await["event"], "pusher:ping");
    alive.say(&json!({"event": "pusher:pong", "data": {}})).await;
    alive.hears_nothing().await;
    clock.advance(Duration::from_secs(119));
    alive.hears_nothing().await;
}

#[tokio::test]
async fn a_member_without_a_heartbeat_is_gone_until_the_next_one() {
    const ROOM: &str = "presence-room.1";
    let clock = manual();
    let app = spawn(clock.clone(), |config| config.channels.presence_timeout_ms = 60_000).await;
    let ids = || -> Vec<String> {
        app.channels().members(ROOM).expect("a name").into_iter().map(|member| member.id).collect()
    };
    let mut ann = Peer::broadcasting(app.addr(), Some(&token(&json!({"sub": "ann"})))).await;
    let mut bob = Peer::broadcasting(app.addr(), Some(&token(&json!({"sub": "bob"})))).await;
    for peer in [&mut ann, &mut bob] {
        assert_eq!(peer.subscribe(ROOM, None, None).await["event"], "subscription_succeeded");
    }
    assert_eq!(ann.hear().await["event"], "member_added");
    clock.advance(Duration::from_secs(30));
    ann.say(&json!({"event": "heartbeat"})).await;
    ann.hears_nothing().await;
    clock.advance(Duration::from_secs(30));
    // Who has expired is still subscribed, and is told what the others are.
    for peer in [&mut ann, &mut bob] {
        let removed = peer.hear().await;
        assert_eq!((&removed["event"], &removed["data"]["id"]), (&json!("member_removed"), &json!("bob")));
    }
    assert_eq!(ids(), ["ann"]);
    let mut carl = Peer::broadcasting(app.addr(), Some(&token(&json!({"sub": "carl"})))).await;
    let seen = carl.subscribe(ROOM, None, None).await;
    assert_eq!(seen["data"]["presence"]["ids"], json!(["ann", "carl"]), "{seen}");
    for peer in [&mut ann, &mut bob] {
        assert_eq!(peer.hear().await["data"]["id"], "carl", "who has expired still hears");
    }
    bob.say(&json!({"event": "presence_heartbeat", "channel": ROOM})).await;
    for peer in [&mut ann, &mut carl, &mut bob] {
        let added = peer.hear().await;
        assert_eq!((&added["event"], &added["data"]["id"]), (&json!("member_added"), &json!("bob")));
    }
    bob.hears_nothing().await;
    assert_eq!(ids(), ["ann", "carl", "bob"]);
}

#[tokio::test]
async fn a_batch_of_subscriptions_is_told_like_single_ones() {
    let app = spawn(Clock::real(), |_| ()).await;
    let host = app.host().await;
    let mut receiver = Receiver::start().await;
    let body = json!({"name": "n", "url": receiver.url(), "secret": "mysecret123", "ordering": "fifo",
        "events": ["subscribe", "presence_join", "unsubscribe", "presence_leave"]});
    host.post("/api/webhooks", body).await.expect(201);
    let mut witness = Peer::broadcasting(app.addr(), Some(&token(&json!({"sub": "witness"})))).await;
    witness.subscribe("presence-room.1", None, None).await;
    for name in ["subscribe", "presence_join"] {
        assert_eq!(receiver.next().await.json()["event"], name);
    }
    let mut ann = Peer::broadcasting(app.addr(), Some(&token(&json!({"sub": "ann"})))).await;
    let channels = json!(["orders", "presence-room.1", "private-nobody", "presence-room.2"]);
    ann.say(&json!({"event": "batch_subscribe", "channels": channels, "messageId": "m1"})).await;
    let result = ann.hear().await;
    assert_eq!((&result["event"], &result["messageId"]), (&json!("batch_subscribe_result"), &json!("m1")));
    let joined = json!(["orders", "presence-room.1", "presence-room.2"]);
    assert_eq!(result["data"]["succeeded"], joined, "{result}");
    assert_eq!(result["data"]["failed"], json!({"private-nobody": "Authorization failed"}));
    let added = witness.hear().await;
    assert_eq!((&added["event"], &added["data"]["id"]), (&json!("member_added"), &json!("ann")));

    ann.say(&json!({"event": "batch_unsubscribe", "channels": joined, "messageId": "m2"})).await;
    assert_eq!(ann.hear().await["event"], "batch_unsubscribe_result");
    assert_eq!(witness.hear().await["event"], "member_removed");
    for (first, then) in [("subscribe", "presence_join"), ("unsubscribe", "presence_leave")] {
        for channel in ["orders", "presence-room.1", "presence-room.2"] {
            let expected = if channel == "orders" { vec![first] } else { vec![first, then] };
            for name in expected {
                let told = receiver.next().await.json();
                assert_eq!((&told["event"], &told["data"]["channel"]), (&json!(name), &json!(channel)));
            }
        }
    }
    assert!(receiver.is_quiet());
}

/// As many as the test may have descriptors for, two of them each.
fn crowd() -> u64 {
    let (soft, _) = rlimit::Resource::NOFILE.get().expect("a limit");
    CROWD.min(soft.saturating_sub(200) / 2)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_leaves_at_once_stalls_nobody_and_the_end_comes_by_itself() {
    let clock = manual();
    let mut app = spawn(clock, |config| config.http.connections_max = 10_000).await;
    let channels = app.channels();
    let mut witness = Peer::pusher(app.addr(), "key").await;
    witness.subscribe("orders", None, None).await;
    let (addr, size) = (app.addr(), crowd());
    let enter = |_| async move {
        let mut peer = Peer::pusher(addr, "key").await;
        peer.subscribe("orders", None, None).await;
        peer
    };
    let crowd: Vec<_> = stream::iter(0..size).map(enter).buffer_unordered(64).collect().await;
    assert_eq!(channels.subscriptions("orders"), Ok(crowd.len() + 1));
    publish(&channels, 1, "").await;
    assert_eq!(witness.hear().await["event"], "n");
    drop(crowd);
    publish(&channels, 2, "").await;
    assert_eq!(witness.hear().await["event"], "n");
    witness.hears_nothing().await;
    // Its clock stands still, so no deadline can end it.
    let leave = async move { witness.closed().await.0 };
    let ((), code) = soon("the end", async { tokio::join!(app.stop(), leave) }).await;
    assert_eq!(code, 4200);
}
