//! The schedule against a database of the test's own, whose answers come when the test says so.

use proptest::prelude::*;

use self::world::{Fate, State, World, at, due};
use super::*;

mod order;
mod receivers;
mod world;

const BOUNDS: Bounds = Bounds {
    ready_max: 4,
    ready_max_total: 10,
    in_flight_max_per_webhook: 2,
    in_flight_max: 5,
    reads_max: 2,
    lanes_max: 0,
};

#[test]
fn a_new_delivery_needs_the_webhook_and_no_page() {
    let mut world = World::new(BOUNDS);
    world.schedule.committed(due(1, 7, false));
    let actions = world.schedule.advance(at(0));
    assert_eq!(actions, [Action::Read { webhook_id: 7, rows: None }]);
    world.webhooks.insert(7, Some(true));
    let found = world.found(7, None);
    world.schedule.read(7, Some(found), at(0));
    assert!(matches!(&world.schedule.advance(at(0))[..], [Action::Send(due, _)] if due.id == 1));
    // The next one goes out without any read.
    world.schedule.committed(due(2, 7, false));
    assert!(matches!(&world.schedule.advance(at(0))[..], [Action::Send(due, _)] if due.id == 2));
}

#[test]
fn webhooks_take_turns_and_a_saturated_one_costs_no_slot() {
    let mut world = World::new(BOUNDS);
    for webhook_id in [1, 1, 1, 1, 2, 2, 2, 3] {
        world.commit(webhook_id);
    }
    world.step();
    while world.answer_read() {}
    // Two of webhook 1 were sent while 3 was still unknown; 1 is saturated and 3 gets the last slot.
    let webhooks: Vec<_> = world.attempts.iter().map(|due| due.webhook_id).collect();
    assert_eq!(webhooks.iter().filter(|id| **id == 1).count(), 2, "{webhooks:?}");
    assert_eq!(webhooks.iter().filter(|id| **id == 2).count(), 2, "{webhooks:?}");
    assert_eq!(webhooks.iter().filter(|id| **id == 3).count(), 1, "{webhooks:?}");
    world.drain();
    assert_eq!(world.sent.len(), 8);
    world.assert_at_rest();
}

#[test]
fn one_with_many_does_not_keep_the_others_waiting() {
    let bounds = Bounds {
        ready_max: 100,
        ready_max_total: 100,
        in_flight_max_per_webhook: 10,
        in_flight_max: 1,
        reads_max: 9,
        lanes_max: 0,
    };
    let mut world = World::new(bounds);
    for webhook_id in [1, 1, 1, 1, 1, 2, 3] {
        world.commit(webhook_id);
    }
    world.drain();
    let place = |id| world.sent.iter().position(|sent| *sent == id).expect("was sent");
    assert!(place(6) <= 3 && place(7) <= 3, "{:?}", world.sent);
    world.assert_at_rest();
}

#[test]
fn more_than_memory_takes_waits_in_the_database() {
    let mut world = World::new(BOUNDS);
    for _ in 0..50 {
        world.commit(1);
    }
    assert_eq!(world.schedule.lanes[&1].ready.len(), BOUNDS.ready_max);
    world.drain();
    assert_eq!(world.sent, (1..=50).collect::<Vec<_>>());
    world.assert_at_rest();
}

#[test]
fn a_page_brings_back_nothing_that_is_under_way_or_was_recorded_meanwhile() {
    let mut world = World::new(BOUNDS);
    for _ in 0..7 {
        world.commit(1);
    }
    world.step();
    assert!(world.answer_read());
    // Two are under way, two wait in memory, three in the database; the page saw all of them.
    assert_eq!(world.reads.len(), 1);
    world.finish(0, Fate::Delivered);
    world.record();
    assert!(world.answer_read());
    world.drain();
    assert_eq!(world.sent, [1, 2, 3, 4, 5, 6, 7]);
    world.assert_at_rest();
}

#[test]
fn what_is_committed_during_a_read_is_neither_lost_nor_doubled() {
    for during in [1, 3, 20] {
        let mut world = World::new(BOUNDS);
        world.webhooks.insert(1, Some(true));
        let unannounced = world.insert(1, None, false);
        world.schedule.spilled(1);
        world.step();
        for _ in 0..during {
            world.commit(1);
        }
        // Announced only now, although the page has it.
        world.schedule.committed(unannounced);
        world.drain();
        let mut sent = world.sent.clone();
        sent.sort_unstable();
        assert_eq!(sent, (1..=during + 1).collect::<Vec<_>>());
        world.assert_at_rest();
    }
}

#[test]
fn an_announcement_that_comes_after_the_record_sends_nothing() {
    let mut world = World::new(BOUNDS);
    let late = world.insert(1, None, false);
    world.schedule.spilled(1);
    world.drain();
    world.schedule.committed(late);
    world.drain();
    assert_eq!(world.sent, [1]);
    world.assert_at_rest();
}

#[test]
fn a_retry_wakes_its_webhook_at_its_time_and_the_next_one_after_it() {
    let mut world = World::new(BOUNDS);
    world.commit(1);
    world.commit(1);
    world.step();
    world.answer_read();
    world.finish(0, Fate::Retry(5_000));
    world.finish(0, Fate::Retry(1_000));
    world.record();
    world.record();
    assert_eq!(world.schedule.next_wake(), Some(at(1_000)));
    for (now, read, sent) in [(999, false, 2), (1_000, true, 3), (4_999, false, 3), (5_000, true, 4)] {
        world.now = now;
        world.step();
        assert_eq!(world.answer_read(), read, "{now}");
        assert_eq!(world.sent.len(), sent, "{now}");
        if !world.attempts.is_empty() {
            world.finish(0, Fate::Delivered);
            world.record();
        }
    }
    assert_eq!(world.sent, [1, 2, 2, 1]);
    world.drain();
    world.assert_at_rest();
}

#[test]
fn each_attempt_uses_the_webhook_as_it_is_now() {
    let mut world = World::new(BOUNDS);
    world.commit(1);
    world.step();
    // The read that is under way may have seen the webhook before the change.
    world.schedule.changed(1);
    assert!(world.answer_read());
    assert_eq!((world.sent.len(), world.reads.len()), (0, 1));
    assert!(world.answer_read());
    assert_eq!(world.sent, [1]);
    world.schedule.changed(1);
    world.commit(1);
    world.step();
    assert_eq!(world.sent, [1]);
    world.drain();
    assert_eq!(world.sent, [1, 2]);
    world.assert_at_rest();
}

#[test]
fn a_disabled_webhook_has_its_deliveries_held_once_none_is_under_way() {
    let mut world = World::new(BOUNDS);
    for _ in 0..9 {
        world.commit(1);
    }
    world.step();
    while world.answer_read() {}
    assert_eq!(world.sent, [1, 2]);
    world.enable(1, false);
    let test = world.insert(1, None, true);
    world.schedule.committed(test);
    world.step();
    while world.answer_read() {}
    assert!(world.clean_ups.is_empty(), "two are under way");
    world.finish(0, Fate::Delivered);
    world.record();
    world.finish(0, Fate::Retry(10));
    world.record();
    world.drain();
    assert_eq!(world.sent, [1, 2, 10], "nothing but the test is sent");
    assert_eq!(world.rows[&1].state, State::Delivered);
    assert!((2..=9).all(|id| world.rows[&id].state == State::Held), "{:?}", world.rows);
    assert_eq!(world.rows[&10].state, State::Delivered);
    world.assert_at_rest();
}

#[test]
fn a_webhook_that_is_enabled_again_gets_what_was_not_yet_held() {
    let mut world = World::new(BOUNDS);
    for _ in 0..6 {
        world.commit(1);
    }
    world.enable(1, false);
    world.step();
    while world.answer_read() {}
    assert_eq!(world.clean_ups.len(), 1);
    world.enable(1, true);
    world.drain();
    assert_eq!(world.pending(), [0_i64; 0]);
    assert_eq!(world.sent.len(), 6);
    world.assert_at_rest();
}

#[test]
fn a_deleted_webhook_is_stopped_at_once_and_purged() {
    let mut world = World::new(BOUNDS);
    for _ in 0..9 {
        world.commit(1);
    }
    world.step();
    while world.answer_read() {}
    world.finish(0, Fate::Delivered);
    let mut under_way: Vec<_> = world.attempts.iter().map(|due| due.id).collect();
    under_way.sort_unstable();
    world.webhooks.insert(1, None);
    world.schedule.changed(1);
    world.step();
    while world.answer_read() {}
    assert_eq!((world.aborted.len(), &world.aborted), (2, &under_way));
    assert_eq!(world.clean_ups, [(1, CleanUp::Purge)]);
    let sent = world.sent.len();
    // The last commit before the deletion is announced after it.
    world.commit(1);
    world.drain();
    assert_eq!(world.sent.len(), sent);
    world.assert_at_rest();
}

#[test]
fn a_failed_read_is_repeated_after_a_while() {
    let mut world = World::new(BOUNDS);
    world.commit(1);
    world.step();
    let (webhook_id, _) = world.reads.pop_front().expect("a read");
    world.schedule.read(webhook_id, None, at(0));
    world.step();
    assert!(world.reads.is_empty());
    assert_eq!(world.schedule.next_wake(), Some(at(RECOVERY_MS)));
    world.drain();
    assert_eq!(world.sent, [1]);
    world.assert_at_rest();
}

#[test]
fn an_attempt_that_came_to_nothing_is_made_again() {
    let mut world = World::new(BOUNDS);
    world.commit(1);
    world.step();
    world.answer_read();
    let due = world.attempts.remove(0);
    world.schedule.finished(due.id, None, at(0));
    world.step();
    assert_eq!(world.sent, [1]);
    world.drain();
    assert_eq!(world.sent, [1, 1]);
    world.assert_at_rest();
}

#[test]
fn what_a_crash_left_is_due_at_once() {
    let mut world = World::new(BOUNDS);
    for webhook_id in [1, 2, 2, 3] {
        world.insert(webhook_id, None, false);
    }
    world.webhooks.insert(4, None);
    world.schedule.deleted(4);
    for webhook_id in [1, 2, 3] {
        world.schedule.spilled(webhook_id);
    }
    world.drain();
    let mut sent = world.sent.clone();
    sent.sort_unstable();
    assert_eq!(sent, [1, 2, 3, 4]);
    world.assert_at_rest();
}

#[test]
fn what_a_replay_brings_is_sent_and_what_is_called_off_is_not() {
    let mut world = World::new(BOUNDS);
    for _ in 0..6 {
        world.commit(1);
    }
    world.step();
    assert!(world.answer_read());
    assert_eq!(world.sent, [1, 2]);
    // Three waits in memory, and a page that has five and six is on its way.
    world.stir(2, true);
    world.stir(4, true);
    world.drain();
    assert_eq!(world.sent, [1, 2, 4, 6]);
    world.stir(0, false);
    world.stir(4, false);
    world.drain();
    assert_eq!(world.sent, [1, 2, 4, 6, 1, 5]);
    world.assert_at_rest();
}

#[test]
fn all_webhooks_together_do_not_pass_the_bound_of_memory() {
    let bounds = Bounds { ready_max_total: 6, ..BOUNDS };
    let mut world = World::new(bounds);
    for webhook_id in (1..5).cycle().take(80) {
        world.commit(webhook_id);
        assert!(world.schedule.waiting <= 6);
    }
    world.step();
    while !world.attempts.is_empty() || !world.reads.is_empty() {
        // A page may bring as many as can be under way although there is no room.
        assert!(world.schedule.waiting <= 6 + 4 * 2 * 2, "{}", world.schedule.waiting);
        if !world.answer_read() {
            world.finish(0, Fate::Delivered);
            world.record();
        }
    }
    assert_eq!(world.sent.len(), 80);
    world.assert_at_rest();
}

#[test]
fn a_webhook_without_work_is_remembered_as_long_as_there_is_room() {
    let mut world = World::new(Bounds { lanes_max: 2, ..BOUNDS });
    for webhook_id in [1, 2, 3] {
        world.commit(webhook_id);
        world.drain();
    }
    assert_eq!(world.schedule.lanes.len(), 2);
    world.commit(1);
    world.step();
    assert_eq!((world.sent.len(), world.reads.len()), (4, 0), "sent without a read");
    world.drain();
    world.webhooks.insert(1, None);
    world.schedule.changed(1);
    world.drain();
    assert_eq!(world.schedule.lanes.len(), 1, "nothing is left of a deleted one");
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Happening {
    Commit(i64, Option<u8>),
    /// The announcement found no room.
    CommitUnannounced(i64, Option<u8>),
    CommitTest(i64),
    AnswerRead,
    FailRead,
    Finish(usize, Fate),
    Lose(usize),
    Record,
    Pass(i64),
    Enable(i64, bool),
    Stir(usize, bool),
    CleanUp,
}

fn happening() -> impl Strategy<Value = Happening> {
    let webhook = || 1..4_i64;
    // The last webhook keeps no order.
    let key = |webhook_id: i64, key: u8| (webhook_id < 3 && key < 2).then_some(key);
    let fate = prop_oneof![
        6 => Just(Fate::Delivered),
        1 => Just(Fate::Failed),
        2 => (1..3_000_i64).prop_map(Fate::Retry),
        1 => (1..3_000_i64).prop_map(Fate::Later),
    ];
    prop_oneof![
        8 => (webhook(), 0..3_u8).prop_map(move |(id, n)| Happening::Commit(id, key(id, n))),
        2 => (webhook(), 0..3_u8).prop_map(move |(id, n)| Happening::CommitUnannounced(id, key(id, n))),
        1 => webhook().prop_map(Happening::CommitTest),
        5 => Just(Happening::AnswerRead),
        1 => Just(Happening::FailRead),
        6 => (any::<usize>(), fate).prop_map(|(place, fate)| Happening::Finish(place, fate)),
        1 => any::<usize>().prop_map(Happening::Lose),
        6 => Just(Happening::Record),
        2 => (0..2_000_i64).prop_map(Happening::Pass),
        1 => (webhook(), any::<bool>()).prop_map(|(id, enabled)| Happening::Enable(id, enabled)),
        1 => (0..40_usize, any::<bool>()).prop_map(|(place, cancel)| Happening::Stir(place, cancel)),
        2 => Just(Happening::CleanUp),
    ]
}

fn happen(world: &mut World, happening: &Happening) {
    match *happening {
        Happening::Commit(webhook_id, key) if world.webhooks.get(&webhook_id) != Some(&Some(false)) => {
            world.commit_in_order(webhook_id, key);
        }
        Happening::CommitUnannounced(webhook_id, key)
            if world.webhooks.get(&webhook_id) != Some(&Some(false)) =>
        {
            world.insert(webhook_id, key, false);
            world.schedule.spilled(webhook_id);
        }
        Happening::CommitTest(webhook_id) => {
            let test = world.insert(webhook_id, None, true);
            world.schedule.committed(test);
        }
        Happening::AnswerRead => {
            world.answer_read();
        }
        Happening::FailRead => {
            if let Some((webhook_id, _)) = world.reads.pop_front() {
                world.schedule.read(webhook_id, None, at(world.now));
            }
        }
        Happening::Finish(place, fate) if !world.attempts.is_empty() => {
            world.finish(place % world.attempts.len(), fate);
        }
        Happening::Lose(place) if !world.attempts.is_empty() => {
            let due = world.attempts.remove(place % world.attempts.len());
            world.schedule.finished(due.id, None, at(world.now));
        }
        Happening::Record if !world.unrecorded.is_empty() => world.record(),
        Happening::Commit(..)
        | Happening::CommitUnannounced(..)
        | Happening::Finish(..)
        | Happening::Lose(_)
        | Happening::Record => {}
        Happening::Pass(ms) => world.now += ms,
        Happening::Enable(webhook_id, enabled) => world.enable(webhook_id, enabled),
        Happening::Stir(place, cancel) => world.stir(place, cancel),
        Happening::CleanUp => {
            world.clean_up();
        }
    }
    world.step();
}

proptest! {
    /// In whatever order things happen, nothing is sent twice at a time, no order is broken, nobody who
    /// is left alone is bothered, no bound is passed (see `World::step`), and in the end nothing is
    /// pending.
    #[test]
    fn nothing_is_lost_and_nothing_is_sent_twice(happenings in prop::collection::vec(happening(), 0..250)) {
        let mut world = World::new(BOUNDS);
        for happening in happenings {
            happen(&mut world, &happening);
        }
        world.drain();
        world.assert_at_rest();
        prop_assert_eq!(world.pending(), Vec::<i64>::new());
    }
}
