//! Deliveries: found when due, held, counted.

use std::sync::Arc;

use fanfare_model::{
    Timestamp,
    delivery::{DeliveryState, Next},
    webhook::Ordering,
};
use fanfare_store::{
    NewDelivery, Store,
    deliveries::{self, Waiting},
    testing::{TestDatabase, count_by_state},
    webhooks,
};

use crate::support::{
    add_ordered, add_webhook, at, emit, emit_many, event, read, received, set_enabled, settle, settlement,
    write,
};

super::on_both_engines!(
    due_ones_come_by_time_with_their_event,
    pending_ones_are_held_in_batches,
    those_in_order_are_held_too,
    a_test_goes_to_one_webhook_even_if_disabled,
    figures_of_what_waits,
);

async fn due_ids(store: &Store, webhook_id: i64, now: Timestamp, rows: usize) -> Vec<i64> {
    let due = read(store, move |db| deliveries::due(db, webhook_id, now, rows)).await;
    due.into_iter().map(|due| due.id).collect()
}

async fn due_ones_come_by_time_with_their_event(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let other = add_webhook(&store, &["*"]).await.id;
    received(&mut commits).await;
    emit_many(&store, 3).await;
    let events = received(&mut commits).await.remove(0).events;
    let mine: Vec<_> = events
        .iter()
        .map(|published| {
            let of_webhook = |delivery: &&NewDelivery| delivery.webhook_id == webhook_id;
            (published.deliveries.iter().find(of_webhook).expect("one").id, Arc::clone(&published.event))
        })
        .collect();
    let due = read(&store, move |db| deliveries::due(db, webhook_id, at(1_002), 10)).await;
    let expected: Vec<_> = mine
        .iter()
        .map(|(id, event)| deliveries::Due {
            id: *id,
            webhook_id,
            attempts: 0,
            schedule_from: 0,
            test: false,
            order_key: None,
            event: Arc::clone(event),
        })
        .collect();
    assert_eq!(due, expected);
    let ids: Vec<_> = mine.iter().map(|(id, _)| *id).collect();
    assert_eq!(due_ids(&store, webhook_id, at(1_001), 10).await, ids[..2], "not before its time");
    assert_eq!(due_ids(&store, webhook_id, at(1_002), 1).await, ids[..1]);
    assert_eq!(due_ids(&store, other, at(1_002), 10).await.len(), 3);

    let next = |now| read(&store, move |db| deliveries::next_due(db, webhook_id, at(now)));
    assert_eq!(next(0).await, Some(at(1_000)));
    assert_eq!(next(1_000).await, Some(at(1_001)));
    assert_eq!(next(1_002).await, None);

    let mut retried = settlement(ids[0], webhook_id, events[0].event.id);
    retried.next = Next::RetryAt(at(1_002));
    settle(&store, vec![retried]).await;
    let by_time = [ids[1], ids[0], ids[2]];
    assert_eq!(due_ids(&store, webhook_id, at(1_002), 10).await, by_time, "then by id");
    assert_eq!(due_ids(&store, webhook_id, at(1_002), 2).await, by_time[..2]);
}

async fn pending_ones_are_held_in_batches(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    emit_many(&store, 5).await;
    write(&store, move |tx| deliveries::insert_test(tx, webhook_id, event("", "test"))).await;
    let held = write(&store, move |tx| deliveries::hold(tx, webhook_id, 2)).await;
    assert_eq!(held, 0, "none of an enabled one");
    set_enabled(&store, webhook_id, false).await;
    for held in [2, 2, 1, 0] {
        assert_eq!(write(&store, move |tx| deliveries::hold(tx, webhook_id, 2)).await, held);
    }
    let counts = read(&store, count_by_state).await;
    assert_eq!(counts, [("held".to_owned(), 5), ("pending".to_owned(), 1)]);
    let due = read(&store, move |db| deliveries::due(db, webhook_id, at(9_999), 10)).await;
    assert_eq!(due.iter().map(|due| due.test).collect::<Vec<_>>(), [true], "a test is not held");
}

async fn a_test_goes_to_one_webhook_even_if_disabled(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let webhook_id = add_webhook(&store, &["session.*"]).await.id;
    add_webhook(&store, &["*"]).await;
    set_enabled(&store, webhook_id, false).await;
    received(&mut commits).await;
    write(&store, move |tx| deliveries::insert_test(tx, webhook_id, event("ignored", "test"))).await;
    let published = received(&mut commits).await.remove(0).events.remove(0);
    assert_eq!((published.event.topic.as_deref(), published.event.seq), (None, 0));
    assert_eq!(published.deliveries, [NewDelivery { id: 1, webhook_id, order_key: None }]);
    assert_eq!(published.held, 0);
    let due = read(&store, move |db| deliveries::due(db, webhook_id, at(1_000), 10)).await;
    assert!(due[0].test);
    assert_eq!(due[0].event, published.event);
}

async fn those_in_order_are_held_too(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    emit_many(&store, 3).await;
    // Some of its deliveries were made before it was to keep an order.
    database.execute("update deliveries set order_key = '' where id > 1");
    set_enabled(&store, webhook_id, false).await;
    for held in [2, 1, 0] {
        assert_eq!(write(&store, move |tx| deliveries::hold(tx, webhook_id, 2)).await, held);
    }
    assert_eq!(read(&store, count_by_state).await, [("held".to_owned(), 3)]);
    // Enabled again, nothing of it is held while a slow clean-up still runs.
    set_enabled(&store, webhook_id, true).await;
    emit(&store, "t", "after").await;
    assert_eq!(write(&store, move |tx| deliveries::hold(tx, webhook_id, 2)).await, 0);
}

async fn figures_of_what_waits(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(read(&store, deliveries::waiting).await, Waiting::default());
    let first = add_webhook(&store, &["*"]).await.id;
    let second = add_ordered(&store, &["game.*"], Ordering::Session).await.id;
    let idle = add_webhook(&store, &["session.*"]).await.id;
    let events = emit_many(&store, 2).await;
    let waiting = |pending, held, oldest: Option<i64>| Waiting { pending, held, oldest: oldest.map(at) };
    assert_eq!(read(&store, deliveries::pending_webhooks).await, [first, second]);
    assert_eq!(read(&store, deliveries::waiting).await, waiting(4, 0, Some(1_000)));
    set_enabled(&store, first, false).await;
    set_enabled(&store, second, false).await;
    write(&store, move |tx| deliveries::hold(tx, first, 10)).await;
    write(&store, move |tx| deliveries::hold(tx, second, 1)).await;
    assert_eq!(read(&store, deliveries::pending_webhooks).await, [second], "for it keeps one in order");
    let left =
        read(&store, move |db| deliveries::list(db, second, DeliveryState::Pending, i64::MAX, 9)).await;
    let oldest = left[0].event_at.as_millis();
    assert_eq!(read(&store, deliveries::waiting).await, waiting(1, 3, Some(oldest)));
    emit(&store, "t", "again").await;
    assert_eq!(read(&store, deliveries::waiting).await, waiting(1, 5, Some(oldest)));
    settle(&store, vec![settlement(left[0].id, second, events[0])]).await;
    assert_eq!(read(&store, deliveries::waiting).await, waiting(0, 5, None));
    assert_eq!(read(&store, deliveries::pending_webhooks).await, Vec::<i64>::new());
    emit(&store, "t", "for nobody else").await;
    for id in [first, second, idle] {
        write(&store, move |tx| webhooks::delete(tx, id, at(3))).await;
    }
    assert_eq!(read(&store, deliveries::waiting).await, Waiting::default(), "deleted ones wait for nothing");
}
