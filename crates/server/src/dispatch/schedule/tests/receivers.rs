//! Receivers that fail, ask for time, or may be sent so much.

use fanfare_model::webhook::WebhookOptions;

use super::*;

/// Five failures in a row, so that nothing is under way any more.
fn failing(world: &mut World) {
    for _ in 0..5 {
        world.commit(1);
        world.step();
        while world.answer_read() {}
        world.finish(0, Fate::Retry(1_000));
        world.record();
    }
}

#[test]
fn after_five_failures_it_is_left_alone_and_then_tried_with_one() {
    let mut world = World::new(BOUNDS);
    failing(&mut world);
    for _ in 0..9 {
        world.commit(1);
    }
    world.now = 29_999;
    world.step();
    while world.answer_read() {}
    assert_eq!((world.sent.len(), world.attempts.len()), (5, 0), "no attempt is burnt meanwhile");
    world.now = 30_000;
    world.step();
    while world.answer_read() {}
    assert_eq!(world.attempts.len(), 1, "one probe");
    world.finish(0, Fate::Retry(1_000));
    world.record();
    world.now = 89_999;
    world.step();
    while world.answer_read() {}
    assert_eq!(world.attempts.len(), 0);
    world.now = 90_000;
    world.step();
    while world.answer_read() {}
    assert_eq!(world.attempts.len(), 1);
    world.finish(0, Fate::Delivered);
    while world.answer_read() {}
    assert_eq!(world.attempts.len(), 2, "twice as many after each success");
    world.drain();
    assert_eq!(world.pending(), [0_i64; 0]);
    assert_eq!(world.kept_health[&1], Health::default());
    world.assert_at_rest();
}

#[test]
fn how_a_receiver_does_outlives_a_restart() {
    let mut world = World::new(BOUNDS);
    failing(&mut world);
    let mut after = World::new(BOUNDS);
    (after.rows, after.webhooks, after.kept_health) = (world.rows, world.webhooks, world.kept_health);
    after.now = 10_000;
    after.schedule.spilled(1);
    after.step();
    while after.answer_read() {}
    assert_eq!(after.attempts.len(), 0);
    after.now = 30_000;
    after.step();
    while after.answer_read() {}
    assert_eq!(after.attempts.len(), 1);
    after.drain();
    after.assert_at_rest();
}

#[test]
fn a_test_is_sent_to_one_that_is_left_alone_and_its_success_is_believed() {
    let mut world = World::new(BOUNDS);
    failing(&mut world);
    let test = world.insert(1, None, true);
    world.schedule.committed(test);
    world.commit(1);
    world.commit(1);
    world.step();
    while world.answer_read() {}
    assert_eq!(world.sent.last(), Some(&6));
    world.finish(0, Fate::Delivered);
    while world.answer_read() {}
    assert_eq!(world.attempts.len(), 2, "and now the others");
    world.drain();
    world.assert_at_rest();
}

#[test]
fn one_that_asks_for_time_gets_it_for_all_its_deliveries() {
    let mut world = World::new(BOUNDS);
    for webhook_id in [1, 1, 1, 1, 2] {
        world.commit(webhook_id);
    }
    world.step();
    while world.answer_read() {}
    world.finish(0, Fate::Later(7_000));
    world.record();
    world.now = 6_999;
    world.step();
    while world.answer_read() {}
    assert_eq!(world.sent, [1, 2, 5], "two were under way, and the other webhook is not concerned");
    world.drain();
    assert_eq!(world.sent.len(), 6);
    world.assert_at_rest();
}

#[test]
fn one_that_is_gone_is_given_up_once() {
    let mut world = World::new(BOUNDS);
    world.commit(1);
    world.commit(1);
    world.step();
    while world.answer_read() {}
    world.finish(0, Fate::Gone);
    world.finish(0, Fate::Gone);
    assert_eq!(world.given_up, [(1, GivenUp::Gone)]);
    world.enable(1, false);
    world.drain();
    world.enable(1, true);
    world.commit(1);
    world.step();
    while world.answer_read() {}
    world.finish(0, Fate::Gone);
    assert_eq!(world.given_up.len(), 2, "after it was enabled again it can be given up again");
}

#[test]
fn five_days_of_failures_are_enough() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let mut world = World::new(BOUNDS);
    for day in 0..=5 {
        world.now = day * DAY_MS;
        world.commit(1);
        world.step();
        while world.answer_read() {}
        world.finish(0, Fate::Failed);
        world.record();
        assert_eq!(world.given_up.len(), usize::from(day == 5), "day {day}");
    }
    assert_eq!(world.given_up, [(1, GivenUp::Failing)]);
}

#[test]
fn a_limit_a_second_spreads_deliveries_over_time() {
    let mut world = World::new(BOUNDS);
    world.options =
        WebhookOptions { rate_limit: Some(2), max_in_flight: Some(5), ..WebhookOptions::default() };
    for _ in 0..5 {
        world.commit(1);
    }
    world.step();
    while world.answer_read() {}
    let mut moments = Vec::new();
    while world.sent.len() < 5 {
        moments.resize(world.sent.len(), world.now);
        world.now = world.schedule.next_wake().expect("more is to be sent").as_millis();
        world.step();
        while world.answer_read() {}
    }
    assert_eq!(moments, [0, 500, 1_000, 1_500]);
    world.drain();
    world.assert_at_rest();
}

#[test]
fn a_webhook_says_how_many_may_be_under_way() {
    let mut world = World::new(BOUNDS);
    world.options = WebhookOptions { max_in_flight: Some(1), ..WebhookOptions::default() };
    world.commit(1);
    world.commit(1);
    world.step();
    while world.answer_read() {}
    assert_eq!(world.attempts.len(), 1);
    world.options = WebhookOptions { max_in_flight: Some(3), ..WebhookOptions::default() };
    world.schedule.changed(1);
    world.commit(1);
    world.commit(1);
    world.step();
    while world.answer_read() {}
    assert_eq!(world.attempts.len(), 3);
    world.drain();
    world.assert_at_rest();
}
