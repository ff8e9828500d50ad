//! The checks find nothing wrong with a good run, and what is wrong with one that was tampered with.

mod order;
mod rows;

use std::collections::BTreeSet;

use fanfare_model::{Timestamp, event::Event, signature};
use fanfare_store::testing::{Attempted, Delivered, Trail};
use serde_json::{Value, json};

use super::*;
use crate::{
    deeds::{Deed, FIRED, room_code},
    history::{Asked, End, Fate, Followed, Life, Ordering, Reply, Shown},
};

const SECOND: Micros = 1_000_000;
/// When the first server is killed, and when the second one is stopped.
const KILLED: Micros = 20 * SECOND;
const STOPPED: Micros = 40 * SECOND;

const PLAIN: usize = 0;
const BY_SESSION: usize = 1;
const FIFO: usize = 2;
const CHOOSY: usize = 3;

/// A short run in which everything went well: a session with a game and a vote, and one more; a failure,
/// a kill, and a delivery that the kill made happen twice.
fn good() -> History {
    let hook = |id, name, patterns, ordering| {
        let secret = format!("of {name}");
        Hook { id, name, secret, patterns, ordering, is_shy: false }
    };
    let all: &[&str] = &["*", "crash.*"];
    let life = |started, ended, end| Life { started, ready: Some(started + SECOND), ended, end };
    let mut history = History {
        hooks: vec![
            hook(1, "plain", all, Ordering::None),
            hook(2, "by session", all, Ordering::Session),
            hook(3, "fifo", all, Ordering::Fifo),
            hook(4, "choosy", &["session.*"], Ordering::None),
        ],
        lives: vec![
            life(0, KILLED, End::Killed),
            life(KILLED, STOPPED, End::Stopped),
            life(STOPPED, 60 * SECOND, End::Stopped),
        ],
        asked: asked(),
        receipts: Vec::new(),
        trail: Trail { events: events(), ..Trail::default() },
        followed: followed(),
        shown: shown(),
        odd: Vec::new(),
    };
    for hook in 0..history.hooks.len() {
        for place in 0..history.trail.events.len() {
            if matches(&history.hooks[hook], &history.trail.events[place]) {
                deliver(&mut history, hook, place);
            }
        }
    }
    history.receipts.sort_by_key(|receipt| receipt.at);
    history
}

/// Each is asked for two seconds after the one before; the last one, just before the kill.
fn asked() -> Vec<Asked> {
    let accepted = |number: u64, deed, answer: Value| Asked {
        number,
        deed,
        at: 2 * number * SECOND,
        until: 2 * number * SECOND + 1_000,
        tries: 1,
        fate: Fate::Accepted(answer),
    };
    let vote = |up| Deed::Vote { up, timestamp: String::new() };
    let add = Deed::Add { session: 1, game: 7 };
    let last =
        Asked { at: KILLED - 100_000, until: KILLED - 90_000, ..accepted(5, Deed::Start, json!({"id": 2})) };
    vec![
        accepted(1, Deed::Start, json!({"id": 1})),
        accepted(2, add.clone(), json!({"id": 70, "game_id": 7})),
        accepted(3, vote(true), json!({"game": {"upvotes": 1}})),
        accepted(4, Deed::Close { session: 1 }, json!({"id": 1})),
        last,
        Asked { fate: Fate::Refused, ..accepted(6, vote(false), Value::Null) },
        Asked { fate: Fate::Unknown, ..accepted(7, add, Value::Null) },
    ]
}

fn events() -> Vec<Event> {
    let event = |id: i64, session: i64, seq, kind: &str, data: Value| Event {
        id,
        public_id: format!("e{id}"),
        topic: Some(format!("session:{session}")),
        seq,
        place: 0,
        kind: kind.into(),
        at: Timestamp::from_millis(id),
        data: data.to_string(),
    };
    let started = |id, notes| json!({"session": {"id": id, "notes": notes}});
    let game = json!({"id": 7, "room_code": room_code(2)});
    let vote = json!({"game": {"id": 7}, "vote": {"username": "viewer3", "type": "up"}, "totals": {"upvotes": 1, "downvotes": 0}});
    vec![
        event(1, 1, 1, "session.started", started(1, "night 1")),
        event(2, 1, 2, "game.added", json!({"session": {"id": 1, "games_played": 1}, "game": game})),
        event(3, 1, 3, "vote.recorded", vote),
        event(4, 1, 4, "session.ended", json!({"session": {"id": 1, "games_played": 1}})),
        event(5, 2, 1, "session.started", started(2, "night 5")),
    ]
}

/// What a bot heard that stopped following the first session when it was given a game.
fn followed() -> Vec<Followed> {
    let streams = shown().streams.into_iter();
    let all = streams.map(|(session, frames)| Followed { session, frames, to_the_end: true });
    let mut all: Vec<_> = all.collect();
    all[0].frames.truncate(2);
    all[0].to_the_end = false;
    all
}

fn shown() -> Shown {
    let session = |id, notes, is_active, games_played| json!({"id": id, "notes": notes, "is_active": is_active, "games_played": games_played});
    let row =
        json!({"id": 70, "game_id": 7, "room_code": room_code(2), "status": "played", "player_count": null});
    let game = |id, upvotes, play_count| json!({"id": id, "upvotes": upvotes, "downvotes": 0, "play_count": play_count});
    let frames = |session: usize| {
        let topic = format!("session:{session}");
        let events = events().into_iter().filter(|event| event.topic.as_ref() == Some(&topic));
        events.map(|event| event.socket_frame()).collect()
    };
    Shown {
        sessions: vec![(session(2, "night 5", 1, 0), vec![]), (session(1, "night 1", 0, 1), vec![row])],
        library: vec![game(7, 1, 1), game(8, 0, 0)],
        streams: vec![(1, frames(1)), (2, frames(2))],
    }
}

/// A delivery's rows and requests: the second event fails first, and the last one is taken just before
/// the kill, which loses the record, and again after it.
fn deliver(history: &mut History, hook: usize, place: usize) {
    let event = history.trail.events[place].clone();
    let at = history.asked[place].until + 1_000;
    let taken = |at| Reply::Status { status: 200, at };
    let attempts: &[(usize, Micros, Reply, bool)] = match place {
        1 => &[
            (0, at, Reply::Status { status: 500, at: at + 10 }, true),
            (0, at + SECOND, taken(at + SECOND + 10), true),
        ],
        4 => {
            &[(0, at, taken(at + 10), false), (1, KILLED + 2 * SECOND, taken(KILLED + 2 * SECOND + 10), true)]
        }
        _ => &[(0, at, taken(at + 10), true)],
    };
    let id = i64::try_from(history.trail.deliveries.len()).expect("a few") + 1;
    let webhook_id = history.hooks[hook].id;
    let mut logged = 0;
    for (life, at, reply, is_logged) in attempts {
        history.receipts.push(receipt(history, hook, *life, &event, *at, *reply));
        if let (true, Reply::Status { status, .. }) = (is_logged, reply) {
            logged += 1;
            history.trail.attempts.push(Attempted {
                delivery_id: id,
                event_id: event.id,
                webhook_id,
                attempt: logged,
                response_status: Some((*status).into()),
                error_kind: None,
            });
        }
    }
    let state = "delivered".to_owned();
    history.trail.deliveries.push(Delivered { id, event_id: event.id, webhook_id, state, attempts: logged });
}

fn receipt(history: &History, hook: usize, life: usize, event: &Event, at: Micros, reply: Reply) -> Receipt {
    let body = event.webhook_body();
    let mut receipt = Receipt {
        hook,
        life,
        id: event.public_id.as_str().into(),
        kind: event.kind.clone(),
        timestamp: "1700000000".into(),
        standard: String::new(),
        brief: String::new(),
        body: body.into(),
        at,
        reply,
    };
    sign(history, &mut receipt);
    receipt
}

/// Signs what it holds by now, with the secret of its webhook.
fn sign(history: &History, receipt: &mut Receipt) {
    let secret = &history.hooks[receipt.hook].secret;
    let timestamp_s = receipt.timestamp.parse().expect("a number");
    receipt.standard = signature::standard_header(secret, &receipt.id, timestamp_s, receipt.body.as_bytes());
    receipt.brief = signature::brief_header(secret, receipt.body.as_bytes());
}

/// Lets a client fire an event by hand, between the end of one session and the start of the next.
fn fire(history: &mut History) {
    let (at, until) = (history.asked[5].at, history.asked[5].until);
    let fate = Fate::Accepted(json!({"id": "e6"}));
    history.asked.push(Asked { number: 8, deed: Deed::Fire, at, until, tries: 1, fate });
    history.trail.events.push(Event {
        id: 6,
        public_id: "e6".into(),
        topic: None,
        seq: 0,
        place: 0,
        kind: FIRED.into(),
        at: Timestamp::from_millis(6),
        data: json!({"mark": "fired 8"}).to_string(),
    });
    for hook in [PLAIN, BY_SESSION, FIFO] {
        deliver(history, hook, 5);
    }
    history.receipts.sort_by_key(|receipt| receipt.at);
}

/// The places in the list of a webhook's requests for an event, in order of arrival.
fn places(history: &History, hook: usize, id: &str) -> Vec<usize> {
    let is_it = |receipt: &Receipt| receipt.hook == hook && &*receipt.id == id;
    (0..history.receipts.len()).filter(|place| is_it(&history.receipts[*place])).collect()
}

/// Takes one kind of request out and puts it in again at another time, answered 10 µs later.
fn moved(history: &mut History, hook: usize, id: &str, at: Micros) {
    let places = places(history, hook, id);
    let receipt = &mut history.receipts[places[0]];
    (receipt.at, receipt.reply) = (at, Reply::Status { status: 200, at: at + 10 });
    history.receipts.sort_by_key(|receipt| receipt.at);
}

/// A good run with one thing changed breaks exactly these rules.
#[track_caller]
fn breaks(rules: &[Rule], change: impl FnOnce(&mut History)) {
    let mut history = good();
    change(&mut history);
    let findings = check(&history);
    let found: BTreeSet<Rule> = findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, rules.iter().copied().collect(), "{findings:#?}");
}

#[test]
fn a_good_run_is_found_good() {
    breaks(&[], |_| {});
    let history = good();
    let index = Index::new(&history);
    assert_eq!(repeats(&index).count(), 4, "the last event, at every webhook");
}

#[test]
fn an_event_that_does_not_arrive_is_lost() {
    breaks(&[Rule::Lost, Rule::Log], |history| {
        history.receipts.retain(|receipt| (receipt.hook, &*receipt.id) != (PLAIN, "e3"));
    });
    breaks(&[Rule::Lost, Rule::Log], |history| {
        for place in places(history, PLAIN, "e3") {
            history.receipts[place].reply = Reply::Status { status: 500, at: 0 };
        }
    });
    for reply in [Reply::Gone, Reply::Cut] {
        breaks(&[Rule::Lost, Rule::Log], |history| {
            let place = places(history, PLAIN, "e3")[0];
            history.receipts[place].reply = reply;
        });
    }
    // As if a webhook had never been told: no row, no attempt, no request.
    breaks(&[Rule::Lost, Rule::Log], |history| {
        let delivery =
            history.trail.deliveries.iter().position(|row| row.webhook_id == 1 && row.event_id == 3);
        let delivery = history.trail.deliveries.remove(delivery.expect("there is one"));
        history.trail.attempts.retain(|attempt| attempt.delivery_id != delivery.id);
        history.receipts.retain(|receipt| (receipt.hook, &*receipt.id) != (PLAIN, "e3"));
    });
}

#[test]
fn what_is_fired_by_hand_arrives_where_it_is_named() {
    breaks(&[], fire);
    breaks(&[Rule::Lost, Rule::Log], |history| {
        fire(history);
        history.receipts.retain(|receipt| (receipt.hook, &*receipt.id) != (PLAIN, "e6"));
    });
    breaks(&[Rule::Lost, Rule::Strange, Rule::Log], |history| {
        fire(history);
        // `*` is a night's events alone.
        history.hooks[PLAIN].patterns = &["*"];
        history.hooks[CHOOSY].patterns = &["session.*", FIRED];
    });
    breaks(&[Rule::State], |history| {
        fire(history);
        history.asked[7].fate = Fate::Accepted(json!({"id": "e5"}));
    });
}

#[test]
fn an_accepted_request_without_an_event_is_lost() {
    breaks(&[Rule::Lost, Rule::State], |history| {
        history.trail.events.retain(|event| event.id != 5);
        history.trail.deliveries.retain(|row| row.event_id != 5);
        history.trail.attempts.retain(|row| row.event_id != 5);
        history.receipts.retain(|receipt| &*receipt.id != "e5");
        history.shown.streams.truncate(1);
        history.followed.truncate(1);
    });
    // What was not answered need not have happened.
    breaks(&[], |history| {
        history.asked.retain(|asked| asked.number != 7);
    });
}

#[test]
fn what_nobody_asked_for_is_strange() {
    for number in [3, 5] {
        breaks(&[Rule::Strange], |history| history.asked.retain(|asked| asked.number != number));
    }
    breaks(&[Rule::Strange], |history| history.asked[2].fate = Fate::Refused);
    breaks(&[], |history| history.asked[2].fate = Fate::Unknown);
    breaks(&[Rule::Strange], |history| {
        let mut phantom = history.receipts[places(history, PLAIN, "e1")[0]].clone();
        phantom.id = "e99".into();
        history.receipts.push(phantom);
    });
    breaks(&[Rule::Strange], |history| {
        let event = history.trail.events[2].clone();
        let (at, reply) = (30 * SECOND, Reply::Status { status: 200, at: 30 * SECOND });
        history.receipts.push(receipt(history, CHOOSY, 1, &event, at, reply));
    });
}

#[test]
fn a_wrong_signature_is_forged() {
    breaks(&[Rule::Forged], |history| history.receipts[0].brief.make_ascii_uppercase());
    breaks(&[Rule::Forged], |history| history.receipts[0].standard = "v1,AAAA".into());
    breaks(&[Rule::Forged], |history| history.receipts[0].timestamp = "1700000001".into());
    breaks(&[Rule::Forged], |history| history.receipts[0].timestamp = String::new());
    breaks(&[Rule::Forged], |history| history.hooks[PLAIN].secret = "another".into());
    // While a secret is being replaced there are two signatures.
    breaks(&[], |history| {
        let standard = &mut history.receipts[0].standard;
        *standard = format!("v1,AAAA {standard}");
    });
}

#[test]
fn a_body_that_is_not_the_events_is_altered() {
    for body in ["", "{}", r#"{"event":"session.started","timestamp":"1970-01-01T00:00:00.001Z","data":{ }}"#]
    {
        breaks(&[Rule::Altered], |history| {
            let mut receipt = history.receipts[0].clone();
            receipt.body = body.into();
            sign(history, &mut receipt);
            history.receipts[0] = receipt;
        });
    }
    breaks(&[Rule::Altered], |history| history.receipts[0].kind = "game.added".into());
}

/// Lets the last event come to a webhook once more, in this life and this long after its beginning.
fn again(history: &mut History, hook: usize, life: usize, after: Micros) {
    let event = history.trail.events[4].clone();
    let at = history.lives[life].started + after;
    let reply = Reply::Status { status: 200, at: at + 10 };
    history.receipts.push(receipt(history, hook, life, &event, at, reply));
    history.receipts.sort_by_key(|receipt| receipt.at);
}

#[test]
fn what_comes_again_without_need_is_repeated() {
    breaks(&[Rule::Repeated], |history| again(history, PLAIN, 1, 3 * SECOND));
    // After a server that had time to end.
    breaks(&[Rule::Repeated], |history| again(history, PLAIN, 2, SECOND));
    // Taken so long before the kill that it must have been written down: longer, where requests took long.
    for (slow, allowed) in [(0, 2 * SECOND + 30_000), (SECOND, 5 * SECOND)] {
        for (early, rules) in [(0, &[][..]), (1, &[Rule::Repeated])] {
            breaks(rules, |history| {
                // The longest of them takes 10 ms, or this long.
                let refused = &mut history.asked[5];
                refused.until = refused.at + slow;
                let place = places(history, PLAIN, "e5")[0];
                let at = KILLED - allowed - early;
                history.receipts[place].reply = Reply::Status { status: 200, at };
            });
        }
    }
    // What was taken so much later than this was in the log when the kill came.
    for (later, rules) in
        [(delivered::OVERTAKEN_MAX_US, &[][..]), (delivered::OVERTAKEN_MAX_US + 1, &[Rule::Repeated])]
    {
        breaks(rules, |history| {
            let taken = history.receipts[places(history, PLAIN, "e5")[0]].success().expect("taken");
            let place = places(history, PLAIN, "e4")[0];
            history.receipts[place].reply = Reply::Status { status: 200, at: taken + later };
        });
    }
    // What failed, or was not answered, comes again.
    breaks(&[], |history| {
        let place = places(history, PLAIN, "e5")[0];
        history.receipts[place].reply = Reply::Gone;
    });
}

#[test]
fn a_request_that_was_done_twice_is_repeated() {
    breaks(&[Rule::Repeated, Rule::State], |history| {
        let mut twin = history.trail.events[4].clone();
        (twin.id, twin.public_id, twin.topic) = (6, "e6".into(), Some("session:3".into()));
        twin.seq = 1;
        history.shown.streams.push((3, vec![twin.socket_frame()]));
        history.trail.events.push(twin);
        history.asked[5].at = 30 * SECOND;
        for hook in [PLAIN, BY_SESSION, FIFO, CHOOSY] {
            deliver(history, hook, 5);
        }
        history.receipts.sort_by_key(|receipt| receipt.at);
    });
}
