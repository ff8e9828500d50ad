//! Removing what is over: rows of deleted webhooks, old attempts, old events.

use fanfare_model::{
    breaker::Health,
    delivery::{DeliveryState, Next},
    event::NewEvent,
};
use fanfare_store::{
    Error, Store,
    deliveries::{self, Settlement},
    events, logs,
    testing::{TestDatabase, run, texts},
    webhooks,
};

use crate::support::{add_webhook, answer, at, emit_many, event, read, settle, settlement, webhook, write};

super::on_both_engines!(
    purge_removes_everything_in_batches,
    old_attempts_go_in_batches,
    a_delivery_goes_with_its_last_attempt,
    old_events_go_in_batches,
    what_is_to_be_sent_keeps_its_event,
    nothing_younger_goes,
);

const BATCH_ROWS: usize = 7;

async fn count(store: &Store, what: &str) -> u64 {
    let sql = format!("select 1 from {what}");
    read(store, move |db| run(db, &sql)).await
}

/// All of a webhook, but what it is settled with.
async fn rows_of(store: &Store, id: i64) -> u64 {
    let mut rows = count(store, &format!("webhooks where id = {id}")).await;
    for table in ["webhook_logs", "deliveries", "webhook_events", "webhook_health"] {
        rows += count(store, &format!("{table} where webhook_id = {id}")).await;
    }
    rows
}

/// Of each delivery of the webhook, what its number decides: delivered after two attempts, pending without
/// and with an order, failed, held, called off.
async fn settle_by_number(store: &Store, webhook_id: i64, rows: &[(i64, i64)]) {
    for (number, attempt, next) in
        [(0, 1, Next::RetryAt(at(6_000))), (3, 1, Next::Failed), (0, 2, Next::Delivered)]
    {
        let outcome = answer(if next == Next::Delivered { 200 } else { 500 });
        let settled = rows.iter().skip(number).step_by(6).map(|(id, event_id)| Settlement {
            attempt,
            outcome: outcome.clone(),
            next,
            ..settlement(*id, webhook_id, *event_id)
        });
        settle(store, settled.collect()).await;
    }
    for (n, (id, _)) in rows.iter().enumerate() {
        let change = match n % 6 {
            2 => "order_key = ''",
            4 => "state = 'held'",
            5 => "state = 'cancelled'",
            _ => continue,
        };
        let sql = format!("update deliveries set {change} where id = {id}");
        write(store, move |tx| run(tx, &sql)).await;
    }
}

/// A webhook's deliveries with their events, by id.
async fn deliveries_of(store: &Store, webhook_id: i64) -> Vec<(i64, i64)> {
    let sql = format!(
        "select cast(id as text), cast(event_id as text) from deliveries where webhook_id = {webhook_id} order by id"
    );
    let rows = read(store, move |db| texts(db, &sql, 2)).await;
    let number = |text: &String| text.parse().expect("an id");
    rows.iter().map(|row| (number(&row[0]), number(&row[1]))).collect()
}

async fn purge_removes_everything_in_batches(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_webhook(&store, &["*", "game.*", "a"]).await.id;
    let other = add_webhook(&store, &["*", "game.*", "a"]).await.id;
    emit_many(&store, 24).await;
    for id in [id, other] {
        settle_by_number(&store, id, &deliveries_of(&store, id).await).await;
        let health = Health { failures: 1, failing_since: Some(at(2)), ..Health::default() };
        write(&store, move |tx| webhooks::set_health(tx, &[(id, health)])).await;
    }
    let kept = store.write(move |tx| webhooks::purge(tx, id, BATCH_ROWS)).await;
    assert!(matches!(kept, Err(Error::Conflict(_))), "it is not deleted: {kept:?}");
    write(&store, move |tx| webhooks::delete(tx, id, at(3))).await;

    // 4 deliveries of each kind; 3 attempts of the two kinds that had any; patterns, health, itself.
    let all = 6 * 4 + 3 * 4 + 3 + 1 + 1;
    let (mut left, mut batches) = (rows_of(&store, id).await, 1);
    assert_eq!(left, all);
    while !write(&store, move |tx| webhooks::purge(tx, id, BATCH_ROWS)).await {
        let now = rows_of(&store, id).await;
        let gone = usize::try_from(left - now).expect("fewer");
        // An attempt may take its delivery with it.
        assert!((BATCH_ROWS..=2 * BATCH_ROWS).contains(&gone), "{gone}");
        (left, batches) = (now, batches + 1);
    }
    assert!(batches > 3, "{batches}");
    assert_eq!((rows_of(&store, id).await, rows_of(&store, other).await), (0, all));
    assert!(read(&store, webhooks::deleted).await.is_empty());
    assert!(write(&store, move |tx| webhooks::purge(tx, id, BATCH_ROWS)).await, "again is no harm");
    let next = write(&store, |tx| webhooks::insert(tx, &webhook(&[]), at(4))).await;
    assert!(next.id > other, "ids are never used again");
}

/// `count` events with a delivery each, which was delivered at its second attempt; each attempt ended a
/// millisecond after the one before, from 2,000 on.
async fn delivered(store: &Store, count: i64) -> i64 {
    let webhook_id = add_webhook(store, &["*"]).await.id;
    let events = emit_many(store, count).await;
    let attempts = (1..).zip(&events).flat_map(|(id, event_id)| {
        let ended = at(2_000 + 2 * (id - 1));
        let first = Settlement {
            outcome: answer(500),
            next: Next::RetryAt(at(3_000)),
            at: ended,
            ..settlement(id, webhook_id, *event_id)
        };
        let second =
            Settlement { attempt: 2, at: ended.plus_millis(1), ..settlement(id, webhook_id, *event_id) };
        [first, second]
    });
    for settlement in attempts {
        settle(store, vec![settlement]).await;
    }
    webhook_id
}

async fn old_attempts_go_in_batches(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = delivered(&store, 5).await;
    for (removed, deliveries, logged) in [(4, 3, 6), (3, 2, 3), (0, 2, 3)] {
        let rows = write(&store, |tx| deliveries::expire_logs(tx, at(2_007), 4)).await;
        assert_eq!(rows, removed, "no more than a batch, none that is younger");
        let left = (count(&store, "deliveries").await, count(&store, "webhook_logs").await);
        assert_eq!(left, (deliveries, logged));
    }
    let log = read(&store, move |db| logs::list(db, webhook_id, 10)).await;
    assert_eq!(log.last().map(|row| row.created_at), Some(at(2_007)));
    assert_eq!(count(&store, "events").await, 5, "events have an age of their own");
}

async fn a_delivery_goes_with_its_last_attempt(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    emit_many(&store, 6).await;
    settle_by_number(&store, webhook_id, &deliveries_of(&store, webhook_id).await).await;
    for left in [6, 6, 5] {
        assert_eq!(write(&store, move |tx| deliveries::expire_logs(tx, at(9_999), 1)).await, 1);
        assert_eq!(count(&store, "deliveries").await, left);
    }
    let failed =
        read(&store, move |db| deliveries::list(db, webhook_id, DeliveryState::Failed, i64::MAX, 9)).await;
    assert_eq!(failed.len(), 1, "what was given up stays as long as its event");
    assert_eq!(count(&store, "webhook_logs").await, 0);
}

/// Expires with batches of so many events; how many batches it took.
async fn expire_events(store: &Store, before: i64, rows: usize) -> usize {
    let (mut after, mut batches) = (0, 1);
    while let Some(last) = write(store, move |tx| events::expire(tx, at(before), after, rows)).await {
        (after, batches) = (last, batches + 1);
    }
    batches
}

async fn old_events_go_in_batches(database: TestDatabase) {
    let (store, _commits) = database.open();
    delivered(&store, 7).await;
    let last = write(&store, |tx| events::expire(tx, at(1_005), 0, 2)).await;
    assert!(last.is_some());
    let left = [
        count(&store, "events").await,
        count(&store, "deliveries").await,
        count(&store, "webhook_logs").await,
    ];
    assert_eq!(left, [5, 5, 10], "with their deliveries and attempts");
    assert_eq!(expire_events(&store, 1_005, 2).await, 2);
    let left = [
        count(&store, "events").await,
        count(&store, "deliveries").await,
        count(&store, "webhook_logs").await,
    ];
    assert_eq!(left, [2, 2, 4]);
    let log = read(&store, |db| events::after(db, "t", 0, 10)).await;
    assert_eq!(log.iter().map(|event| event.seq).collect::<Vec<_>>(), [6, 7]);
    assert_eq!(read(&store, |db| events::span(db, "t")).await.map(|span| span.first), Some(6));
    let next = write(&store, |tx| tx.emit(event("t", "next"))).await;
    assert_eq!(next.seq, 8, "a topic counts on");
}

async fn what_is_to_be_sent_keeps_its_event(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let events = emit_many(&store, 6).await;
    settle_by_number(&store, webhook_id, &deliveries_of(&store, webhook_id).await).await;
    // 2, 3: without and with an order; batches in which nothing can go do not stop the others.
    assert_eq!(expire_events(&store, 9_999, 1).await, 7);
    let left: Vec<_> =
        deliveries_of(&store, webhook_id).await.iter().map(|(_, event_id)| *event_id).collect();
    assert_eq!(left, [events[1], events[2]]);
    assert_eq!(count(&store, "events").await, 2);
    assert_eq!(count(&store, "webhook_logs").await, 0);
    let due = read(&store, move |db| deliveries::due(db, webhook_id, at(9_999), 9)).await;
    assert_eq!(due.len(), 1);
    settle(&store, vec![settlement(due[0].id, webhook_id, due[0].event.id)]).await;
    expire_events(&store, 9_999, 10).await;
    assert_eq!(count(&store, "events").await, 1, "it goes once it is sent");
}

async fn nothing_younger_goes(database: TestDatabase) {
    let (store, _commits) = database.open();
    delivered(&store, 3).await;
    assert_eq!(expire_events(&store, 1_000, 10).await, 1);
    assert_eq!(write(&store, |tx| deliveries::expire_logs(tx, at(2_000), 10)).await, 0);
    // The clock was set back: what stands behind a younger one goes a little later.
    let back = NewEvent { public_id: "back".into(), at: at(500), ..event("t", "") };
    write(&store, move |tx| tx.emit(back.clone())).await;
    assert_eq!(expire_events(&store, 1_000, 10).await, 1);
    assert_eq!(count(&store, "events").await, 4);
    assert_eq!(expire_events(&store, 1_003, 10).await, 1);
    assert_eq!(count(&store, "events").await, 1, "its delivery is to be sent");
    let due = read(&store, |db| deliveries::due(db, 1, at(1_000), 10)).await;
    assert_eq!((due.len(), due[0].event.public_id.as_str()), (1, "back"));
    let stream = read(&store, |db| events::after(db, "t", 0, 10)).await;
    assert_eq!(stream, [], "a stream has no holes");
}
