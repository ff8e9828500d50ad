//! Deliveries that keep an order.

use super::*;

const A: Option<u8> = Some(1);
const B: Option<u8> = Some(2);

#[test]
fn one_of_a_key_is_under_way_at_a_time_and_other_keys_flow_past() {
    let mut world = World::new(BOUNDS);
    for key in [A, A, B, B] {
        world.commit_in_order(1, key);
    }
    world.step();
    while world.answer_read() {}
    assert_eq!(world.sent, [1, 3]);
    world.finish(0, Fate::Delivered);
    assert_eq!(world.sent, [1, 3, 2], "as soon as the one before has ended");
    world.drain();
    assert_eq!(world.sent, [1, 3, 2, 4]);
    world.assert_at_rest();
}

#[test]
fn what_is_to_be_tried_again_holds_back_its_key_alone() {
    let mut world = World::new(BOUNDS);
    for key in [A, A, B, A] {
        world.commit_in_order(1, key);
    }
    world.step();
    while world.answer_read() {}
    world.finish(0, Fate::Retry(5_000));
    world.record();
    world.finish(0, Fate::Delivered);
    world.record();
    // Another one of the key that waits, and of the one that does not.
    world.commit_in_order(1, A);
    world.commit_in_order(1, B);
    world.step();
    while world.answer_read() {}
    assert_eq!(world.sent, [1, 3, 6]);
    world.finish(0, Fate::Delivered);
    world.record();
    world.now = 5_000;
    world.drain();
    assert_eq!(world.sent, [1, 3, 6, 1, 2, 4, 5]);
    world.assert_at_rest();
}

#[test]
fn the_next_one_goes_when_one_is_given_up() {
    let mut world = World::new(BOUNDS);
    world.commit_in_order(1, A);
    world.commit_in_order(1, A);
    world.step();
    while world.answer_read() {}
    world.finish(0, Fate::Failed);
    assert_eq!(world.sent, [1, 2]);
    world.drain();
    world.assert_at_rest();
}

#[test]
fn a_page_that_was_read_before_a_failure_was_recorded_does_not_break_the_order() {
    let mut world = World::new(BOUNDS);
    for _ in 0..3 {
        world.commit_in_order(1, A);
    }
    world.step();
    assert!(world.answer_read());
    world.schedule.spilled(1);
    world.step();
    assert_eq!(world.reads.len(), 1, "it sees the first one as due");
    world.finish(0, Fate::Retry(9_000));
    world.record();
    while world.answer_read() {}
    assert_eq!(world.sent, [1]);
    world.drain();
    assert_eq!(world.sent, [1, 1, 2, 3]);
    world.assert_at_rest();
}

#[test]
fn what_is_replayed_goes_before_what_happened_later() {
    let mut world = World::new(BOUNDS);
    for _ in 0..4 {
        world.commit_in_order(1, A);
    }
    world.step();
    assert!(world.answer_read());
    world.finish(0, Fate::Failed);
    world.record();
    world.finish(0, Fate::Failed);
    world.record();
    assert_eq!(world.sent, [1, 2, 3]);
    world.stir(0, false);
    world.stir(1, false);
    world.drain();
    assert_eq!(world.sent, [1, 2, 3, 1, 2, 4]);
    world.assert_at_rest();
}

#[test]
fn a_long_line_is_followed_through_memory_and_database() {
    let mut world = World::new(BOUNDS);
    for number in 0..60_u8 {
        world.commit_in_order(1, Some(number % 3));
    }
    world.drain();
    for key in 0..3 {
        let of_key: Vec<_> = world.sent.iter().filter(|id| (*id - 1) % 3 == key).collect();
        assert!(of_key.is_sorted() && of_key.len() == 20, "{of_key:?}");
    }
    world.assert_at_rest();
}
