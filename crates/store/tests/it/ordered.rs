//! Deliveries that keep an order.

use fanfare_model::{delivery::Next, event::NewEvent, webhook::Ordering};
use fanfare_store::{
    NewDelivery, Store,
    deliveries::{self, InOrder, Settlement},
    testing::{TestDatabase, texts},
    webhooks,
};

use crate::support::{
    add_ordered, add_webhook, answer, at, emit, event, read, received, set_enabled, settle, settlement, write,
};

super::on_both_engines!(
    emitted_deliveries_have_the_key_of_their_order,
    a_key_waits_for_its_head_alone,
    a_key_is_in_the_order_of_its_events,
    keys_share_the_rows,
    a_reading_is_bounded_by_keys,
    nothing_in_order_for_a_deleted_webhook,
);

/// Emits an event of each topic, in this order, one millisecond apart from 1,000 on.
async fn emit_on(store: &Store, topics: &'static [&'static str]) {
    write(store, move |tx| {
        for (n, topic) in (0..).zip(topics) {
            tx.emit(NewEvent { public_id: format!("{topic}-{n}"), at: at(1_000 + n), ..event(topic, "") })?;
        }
        Ok(())
    })
    .await;
}

async fn in_order(store: &Store, webhook_id: i64, now: i64, keys_max: usize, rows: usize) -> InOrder {
    read(store, move |db| deliveries::due_in_order(db, webhook_id, at(now), keys_max, rows)).await
}

/// Each key with the public ids of its events and whether there may be more of it.
fn told(found: &InOrder) -> Vec<(&str, Vec<&str>, bool)> {
    found
        .keys
        .iter()
        .map(|page| {
            let ids = page.due.iter().map(|due| due.event.public_id.as_str()).collect();
            (page.key.as_str(), ids, page.full)
        })
        .collect()
}

async fn emitted_deliveries_have_the_key_of_their_order(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let ids = [
        add_webhook(&store, &["*"]).await.id,
        add_ordered(&store, &["*"], Ordering::Fifo).await.id,
        add_ordered(&store, &["*"], Ordering::Session).await.id,
    ];
    received(&mut commits).await;
    emit_on(&store, &["session:1", "session:2"]).await;
    let sql = "select cast(webhook_id as text), case when order_key is null then '-' else order_key end \
               from deliveries order by event_id, webhook_id";
    let expected = [[None, Some(""), Some("session:1")], [None, Some(""), Some("session:2")]];
    let kept = read(&store, move |db| texts(db, sql, 2)).await;
    let wanted = expected.iter().flat_map(|keys| ids.iter().zip(keys));
    let wanted: Vec<_> =
        wanted.map(|(id, key)| vec![id.to_string(), key.unwrap_or("-").to_owned()]).collect();
    assert_eq!(kept, wanted);

    let events = received(&mut commits).await.remove(0).events;
    for (published, keys) in events.iter().zip(expected) {
        let mut told: Vec<&NewDelivery> = published.deliveries.iter().collect();
        told.sort_by_key(|delivery| delivery.webhook_id);
        let told: Vec<_> = told.iter().map(|delivery| delivery.order_key.as_deref()).collect();
        assert_eq!(told, keys, "the publisher hears it too");
    }
    let [unordered, fifo, session] = ids;
    assert_eq!(read(&store, move |db| deliveries::due(db, unordered, at(9_999), 9)).await.len(), 2);
    for id in [fifo, session] {
        assert!(read(&store, move |db| deliveries::due(db, id, at(9_999), 9)).await.is_empty());
        assert_eq!(read(&store, move |db| deliveries::next_due(db, id, at(0))).await, None);
    }
    assert_eq!(in_order(&store, unordered, 9_999, 9, 9).await, InOrder::default());
}

async fn a_key_waits_for_its_head_alone(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_ordered(&store, &["*"], Ordering::Session).await.id;
    emit_on(&store, &["a", "b", "a", "b"]).await;
    let found = in_order(&store, webhook_id, 999, 9, 9).await;
    assert_eq!((found.keys.len(), found.next_due, found.more), (0, Some(at(1_000)), false));
    let found = in_order(&store, webhook_id, 1_000, 9, 9).await;
    assert_eq!(told(&found), [("a", vec!["a-0"], false)]);
    assert_eq!(found.keys[0].next_due, Some(at(1_002)), "when what stands behind it is due");
    assert_eq!((found.next_due, found.more), (Some(at(1_001)), false));
    let head = &found.keys[0].due[0];
    assert_eq!((head.webhook_id, head.attempts, head.order_key.as_deref()), (webhook_id, 0, Some("a")));

    // The head of one key is to be tried again much later: it keeps back its own key alone.
    let failed = Settlement {
        outcome: answer(500),
        next: Next::RetryAt(at(50_000)),
        ..settlement(head.id, webhook_id, head.event.id)
    };
    settle(&store, vec![failed]).await;
    let found = in_order(&store, webhook_id, 20_000, 9, 9).await;
    assert_eq!(told(&found), [("b", vec!["b-1", "b-3"], false)]);
    assert_eq!(found.next_due, Some(at(50_000)));
    let found = in_order(&store, webhook_id, 50_000, 9, 9).await;
    assert_eq!(
        told(&found),
        [("b", vec!["b-1", "b-3"], false), ("a", vec!["a-0", "a-2"], false)],
        "the longest due first"
    );
    assert_eq!((found.keys[1].due[0].attempts, found.next_due), (1, None));

    // One that is over lets the next go.
    let over = Settlement {
        attempt: 2,
        outcome: answer(500),
        next: Next::Failed,
        ..settlement(head.id, webhook_id, head.event.id)
    };
    settle(&store, vec![over]).await;
    let found = in_order(&store, webhook_id, 1_002, 9, 9).await;
    assert_eq!(told(&found), [("b", vec!["b-1"], false), ("a", vec!["a-2"], false)]);
}

async fn a_key_is_in_the_order_of_its_events(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_ordered(&store, &["*"], Ordering::Fifo).await.id;
    set_enabled(&store, webhook_id, false).await;
    emit_on(&store, &["a", "b"]).await;
    set_enabled(&store, webhook_id, true).await;
    emit(&store, "c", "c-2").await;
    assert_eq!(told(&in_order(&store, webhook_id, 9_999, 9, 9).await), [("", vec!["c-2"], false)]);
    // What was held goes before what happened later, although it is due later.
    for id in [2, 1] {
        write(&store, move |tx| deliveries::resend(tx, webhook_id, id, at(8_000 + id))).await;
    }
    let found = in_order(&store, webhook_id, 9_999, 9, 9).await;
    assert_eq!(told(&found), [("", vec!["a-0", "b-1", "c-2"], false)]);
    assert!(in_order(&store, webhook_id, 8_000, 9, 9).await.keys.is_empty(), "the head is not due");
}

async fn keys_share_the_rows(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_ordered(&store, &["*"], Ordering::Session).await.id;
    emit_on(&store, &["a", "a", "a", "a", "b", "c", "c"]).await;
    let found = |rows| in_order(&store, webhook_id, 9_999, 9, rows);
    let b = || ("b", vec!["b-4"], true);
    let all = found(100).await;
    let a = ("a", vec!["a-0", "a-1", "a-2", "a-3"], false);
    assert_eq!(told(&all), [a, ("b", vec!["b-4"], false), ("c", vec!["c-5", "c-6"], false)]);
    assert!(!all.more);
    let page = found(3).await;
    assert_eq!(
        told(&page),
        [("a", vec!["a-0"], true), b(), ("c", vec!["c-5"], true)],
        "a long key leaves room"
    );
    let page = found(6).await;
    assert_eq!(
        told(&page),
        [("a", vec!["a-0", "a-1"], true), ("b", vec!["b-4"], false), ("c", vec!["c-5", "c-6"], false)],
        "what one does not need is another's"
    );
    let page = found(2).await;
    assert_eq!((told(&page), page.more), (vec![("a", vec!["a-0"], true), b()], true));
    let page = found(0).await;
    assert_eq!((page.keys.len(), page.more), (0, true));
}

async fn a_reading_is_bounded_by_keys(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_ordered(&store, &["*"], Ordering::Session).await.id;
    emit_on(&store, &["c", "b", "a"]).await;
    for (keys_max, expected, more) in [
        (1, vec![("c", vec!["c-0"], false)], true),
        (2, vec![("c", vec!["c-0"], false), ("b", vec!["b-1"], false)], true),
        (3, vec![("c", vec!["c-0"], false), ("b", vec!["b-1"], false), ("a", vec!["a-2"], false)], false),
    ] {
        let found = in_order(&store, webhook_id, 9_999, keys_max, 100).await;
        assert_eq!((told(&found), found.more), (expected, more), "{keys_max}");
    }
}

async fn nothing_in_order_for_a_deleted_webhook(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_ordered(&store, &["*"], Ordering::Fifo).await.id;
    emit_on(&store, &["a"]).await;
    write(&store, move |tx| webhooks::delete(tx, webhook_id, at(3))).await;
    assert_eq!(in_order(&store, webhook_id, 9_999, 9, 9).await, InOrder::default());
    assert_eq!(in_order(&store, 99, 9_999, 9, 9).await, InOrder::default());
}
