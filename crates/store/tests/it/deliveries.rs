//! Deliveries: found when due, settled, held, counted.

use std::sync::Arc;

use fanfare_model::{
    Timestamp,
    delivery::{FaultKind, Next, Outcome},
    event::NewEvent,
    webhook::WebhookPatch,
};
use fanfare_store::{
    NewDelivery, Store,
    deliveries::{self, Settlement},
    logs,
    testing::{TestDatabase, texts},
    webhooks,
};

use crate::support::{add_webhook, at, emit, event, read, received, write};

super::on_both_engines!(
    due_ones_come_by_time_with_their_event,
    settling_writes_log_and_state,
    settling_the_same_twice_leaves_one_row,
    settling_after_delete_writes_nothing,
    what_is_no_longer_pending_keeps_its_state,
    many_are_settled_at_once,
    pending_ones_are_held_in_batches,
    a_test_goes_to_one_webhook_even_if_disabled,
    figures_of_what_is_pending,
);

/// Emits so many events, one millisecond apart from 1,000 on; returns their row ids.
async fn emit_many(store: &Store, count: i64) -> Vec<i64> {
    write(store, move |tx| {
        (0..count)
            .map(|n| {
                let new = NewEvent { public_id: format!("e{n}"), at: at(1_000 + n), ..event("t", "") };
                tx.emit(new).map(|event| event.id)
            })
            .collect()
    })
    .await
}

fn settlement(delivery_id: i64, webhook_id: i64, event_id: i64) -> Settlement {
    Settlement {
        delivery_id,
        webhook_id,
        event_id,
        attempt: 1,
        outcome: Outcome::Response { status: 204, body: "ok".into() },
        duration_ms: 12,
        at: at(5_000),
        next: Next::Delivered,
    }
}

async fn due_ids(store: &Store, webhook_id: i64, now: Timestamp, rows: usize) -> Vec<i64> {
    let due = read(store, move |db| deliveries::due(db, webhook_id, now, rows)).await;
    due.into_iter().map(|due| due.id).collect()
}

/// Id, state, attempts and next time of every delivery.
async fn states(store: &Store) -> Vec<String> {
    let sql = "select cast(id as text) || ' ' || state || ' ' || cast(attempts as text) || ' ' || \
               cast(next_at_ms as text) from deliveries order by id";
    read(store, move |db| texts(db, sql, 1)).await.concat()
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
            test: false,
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
    write(&store, move |tx| deliveries::settle(tx, std::slice::from_ref(&retried))).await;
    let by_time = [ids[1], ids[0], ids[2]];
    assert_eq!(due_ids(&store, webhook_id, at(1_002), 10).await, by_time, "then by id");
    assert_eq!(due_ids(&store, webhook_id, at(1_002), 2).await, by_time[..2]);
}

async fn settling_writes_log_and_state(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let events = emit_many(&store, 4).await;
    let response = |status| Outcome::Response { status, body: "body".into() };
    let fault = Outcome::Fault { kind: FaultKind::Timeout, message: "took too long".into() };
    let cases = [
        (response(200), Next::Delivered, Some(200), None, "1 delivered 1 5000"),
        (response(500), Next::RetryAt(at(9_000)), Some(500), Some("HTTP 500"), "2 pending 2 9000"),
        (fault, Next::RetryAt(at(8_000)), None, Some("took too long"), "3 pending 3 8000"),
        (response(404), Next::Failed, Some(404), Some("HTTP 404"), "4 failed 4 5000"),
    ];
    let rows: Vec<_> = (1..)
        .zip(&events)
        .zip(&cases)
        .map(|((id, event_id), (outcome, next, ..))| Settlement {
            attempt: u32::try_from(id).expect("small"),
            outcome: outcome.clone(),
            next: *next,
            ..settlement(id, webhook_id, *event_id)
        })
        .collect();
    write(&store, move |tx| deliveries::settle(tx, &rows)).await;
    assert_eq!(states(&store).await, cases.each_ref().map(|case| case.4));

    let mut log = read(&store, move |db| logs::list(db, webhook_id, 10)).await;
    assert!(log.is_sorted_by(|a, b| a.id > b.id), "newest first");
    log.reverse();
    for (n, (row, (.., status, message, _))) in log.iter().zip(&cases).enumerate() {
        assert_eq!((row.response_status, row.error_message.as_deref()), (*status, *message));
        assert_eq!((row.webhook_id, row.created_at), (webhook_id, at(5_000)));
        assert_eq!((row.event_type.as_str(), row.payload.as_str()), ("game.added", r#"{"n":""}"#), "{n}");
    }
    assert_eq!(read(&store, move |db| logs::list(db, webhook_id, 2)).await.len(), 2);
    let rest = "select response_head, error_kind, cast(attempt as text), cast(duration_ms as text), \
                cast(next_retry_at_ms as text), cast(delivery_id as text) from webhook_logs order by id";
    let rest = read(&store, move |db| texts(db, rest, 6)).await;
    assert_eq!(rest[0], ["body", "", "1", "12", "", "1"]);
    assert_eq!(rest[1], ["body", "status", "2", "12", "9000", "2"]);
    assert_eq!(rest[2], ["", "timeout", "3", "12", "8000", "3"]);

    let due = read(&store, move |db| deliveries::due(db, webhook_id, at(8_000), 10)).await;
    assert_eq!(due.iter().map(|due| (due.id, due.attempts)).collect::<Vec<_>>(), [(3, 3)]);
}

async fn settling_the_same_twice_leaves_one_row(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let event_id = emit_many(&store, 1).await[0];
    let first = Settlement { next: Next::RetryAt(at(6_000)), ..settlement(1, webhook_id, event_id) };
    let second = Settlement { attempt: 2, ..settlement(1, webhook_id, event_id) };
    for (settlement, state, rows) in [
        (first.clone(), "1 pending 1 6000", 1),
        (first, "1 pending 1 6000", 1),
        (second.clone(), "1 delivered 2 5000", 2),
        (second, "1 delivered 2 5000", 2),
    ] {
        write(&store, move |tx| deliveries::settle(tx, std::slice::from_ref(&settlement))).await;
        assert_eq!(states(&store).await, [state]);
        assert_eq!(read(&store, move |db| logs::list(db, webhook_id, 10)).await.len(), rows);
    }
}

async fn settling_after_delete_writes_nothing(database: TestDatabase) {
    let (store, _commits) = database.open();
    let gone = add_webhook(&store, &["*"]).await.id;
    let stays = add_webhook(&store, &["*"]).await.id;
    let event_id = emit_many(&store, 1).await[0];
    let ids = read(&store, |db| texts(db, "select cast(id as text) from deliveries order by webhook_id", 1))
        .await
        .concat();
    let [first, second] = [&ids[0], &ids[1]].map(|id| id.parse().expect("an id"));
    write(&store, move |tx| webhooks::delete(tx, gone, at(2))).await;
    let rows = [settlement(first, gone, event_id), settlement(second, stays, event_id)];
    write(&store, move |tx| deliveries::settle(tx, &rows)).await;
    let logged = read(&store, |db| texts(db, "select cast(webhook_id as text) from webhook_logs", 1)).await;
    assert_eq!(logged.concat(), [stays.to_string()]);
    let states = states(&store).await;
    assert!(states.contains(&format!("{first} pending 0 1000")), "{states:?}");
    assert!(states.contains(&format!("{second} delivered 1 5000")), "{states:?}");
}

async fn what_is_no_longer_pending_keeps_its_state(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let event_id = emit_many(&store, 1).await[0];
    disable(&store, webhook_id).await;
    write(&store, move |tx| deliveries::hold(tx, webhook_id, 10)).await;
    write(&store, move |tx| deliveries::settle(tx, &[settlement(1, webhook_id, event_id)])).await;
    assert_eq!(states(&store).await, ["1 held 0 1000"]);
    let log = read(&store, move |db| logs::list(db, webhook_id, 10)).await;
    assert_eq!(log.len(), 1, "the attempt was made all the same");
}

async fn many_are_settled_at_once(database: TestDatabase) {
    const MANY: i64 = 150;
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let events = emit_many(&store, MANY).await;
    let rows: Vec<_> = (1..).zip(events).map(|(id, event_id)| settlement(id, webhook_id, event_id)).collect();
    write(&store, move |tx| deliveries::settle(tx, &rows)).await;
    let counts = read(&store, fanfare_store::testing::count_by_state).await;
    assert_eq!(counts, [("delivered".to_owned(), MANY)]);
    let log = read(&store, move |db| logs::list(db, webhook_id, 1_000)).await;
    assert_eq!(i64::try_from(log.len()), Ok(MANY));
    write(&store, |tx| deliveries::settle(tx, &[])).await;
}

async fn disable(store: &Store, webhook_id: i64) {
    let patch = WebhookPatch { enabled: Some(false), ..WebhookPatch::default() };
    write(store, move |tx| webhooks::update(tx, webhook_id, &patch)).await;
}

async fn pending_ones_are_held_in_batches(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    emit_many(&store, 5).await;
    write(&store, move |tx| deliveries::insert_test(tx, webhook_id, event("", "test"))).await;
    let held = write(&store, move |tx| deliveries::hold(tx, webhook_id, 2)).await;
    assert_eq!(held, 0, "none of an enabled one");
    disable(&store, webhook_id).await;
    for held in [2, 2, 1, 0] {
        assert_eq!(write(&store, move |tx| deliveries::hold(tx, webhook_id, 2)).await, held);
    }
    let counts = read(&store, fanfare_store::testing::count_by_state).await;
    assert_eq!(counts, [("held".to_owned(), 5), ("pending".to_owned(), 1)]);
    assert_eq!(read(&store, deliveries::count_waiting).await, counts);
    let due = read(&store, move |db| deliveries::due(db, webhook_id, at(9_999), 10)).await;
    assert_eq!(due.iter().map(|due| due.test).collect::<Vec<_>>(), [true], "a test is not held");
}

async fn a_test_goes_to_one_webhook_even_if_disabled(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let webhook_id = add_webhook(&store, &["session.*"]).await.id;
    add_webhook(&store, &["*"]).await;
    disable(&store, webhook_id).await;
    received(&mut commits).await;
    write(&store, move |tx| deliveries::insert_test(tx, webhook_id, event("ignored", "test"))).await;
    let published = received(&mut commits).await.remove(0).events.remove(0);
    assert_eq!((published.event.topic.as_deref(), published.event.seq), (None, 0));
    assert_eq!(published.deliveries, [NewDelivery { id: 1, webhook_id }]);
    assert_eq!(published.held, 0);
    let due = read(&store, move |db| deliveries::due(db, webhook_id, at(1_000), 10)).await;
    assert!(due[0].test);
    assert_eq!(due[0].event, published.event);
}

async fn figures_of_what_is_pending(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(read(&store, deliveries::oldest_pending).await, None);
    let first = add_webhook(&store, &["*"]).await.id;
    let second = add_webhook(&store, &["game.*"]).await.id;
    add_webhook(&store, &["session.*"]).await;
    emit_many(&store, 2).await;
    assert_eq!(read(&store, deliveries::pending_webhooks).await, [first, second]);
    assert_eq!(read(&store, deliveries::oldest_pending).await, Some(at(1_000)));
    disable(&store, first).await;
    disable(&store, second).await;
    write(&store, move |tx| deliveries::hold(tx, first, 10)).await;
    write(&store, move |tx| deliveries::hold(tx, second, 1)).await;
    assert_eq!(read(&store, deliveries::pending_webhooks).await, [second]);
    assert_eq!(read(&store, deliveries::oldest_pending).await, Some(at(1_001)));
    emit(&store, "t", "again").await;
    let counts = read(&store, fanfare_store::testing::count_by_state).await;
    assert_eq!(counts, [("held".to_owned(), 5), ("pending".to_owned(), 1)]);
}
