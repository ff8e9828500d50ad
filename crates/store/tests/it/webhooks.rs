//! Webhooks, and which events make deliveries for them.

use fanfare_model::{
    delivery::{Next, Outcome},
    event::NewEvent,
    webhook::WebhookPatch,
};
use fanfare_store::{
    Error, Notice, Store,
    deliveries::{self, Settlement},
    logs,
    testing::TestDatabase,
    webhooks,
};

use crate::support::{add_webhook, at, emit, event, read, received, webhook, write};

super::on_both_engines!(
    webhooks_are_kept,
    each_change_is_noticed,
    events_are_matched_by_name_family_and_star,
    a_disabled_webhook_gets_held_deliveries,
    a_change_of_events_counts_from_then_on,
    a_deleted_webhook_is_hidden_at_once,
    purge_removes_everything_in_batches,
);

async fn webhooks_are_kept(database: TestDatabase) {
    let (store, _commits) = database.open();
    let made = add_webhook(&store, &["game.added", "☂", "game.added"]).await;
    let id = made.id;
    assert_eq!((made.name.as_str(), made.url.as_str()), ("bot", "https://example.com/hook"));
    assert_eq!((made.secret.as_str(), made.enabled, made.created_at), ("hush", true, at(1)));
    assert_eq!(made.events, ["game.added", "☂", "game.added"], "as they were given");
    assert!(read(&store, move |db| webhooks::get(db, id)).await.is_some_and(|got| got == made));
    let other = add_webhook(&store, &[]).await;
    let ids: Vec<_> = read(&store, webhooks::list).await.into_iter().map(|webhook| webhook.id).collect();
    assert_eq!(ids, [id, other.id]);

    let patch = WebhookPatch { name: Some("new".into()), enabled: Some(false), ..WebhookPatch::default() };
    let changed = write(&store, move |tx| webhooks::update(tx, id, &patch)).await.expect("it is there");
    assert_eq!((changed.name.as_str(), changed.enabled), ("new", false));
    assert_eq!((changed.url, changed.secret, changed.events), (made.url, made.secret, made.events));
    let patch = WebhookPatch {
        url: Some("http://a".into()),
        secret: Some("s".into()),
        events: Some(vec!["*".into()]),
        ..WebhookPatch::default()
    };
    let changed = write(&store, move |tx| webhooks::update(tx, id, &patch)).await.expect("it is there");
    assert_eq!((changed.url.as_str(), changed.secret.as_str()), ("http://a", "s"));
    assert_eq!((changed.events, changed.enabled), (vec!["*".to_owned()], false));
    let unknown = write(&store, |tx| webhooks::update(tx, 99, &WebhookPatch::default())).await;
    assert!(unknown.is_none());
}

async fn each_change_is_noticed(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let id = add_webhook(&store, &[]).await.id;
    write(&store, move |tx| webhooks::update(tx, id, &WebhookPatch::default())).await;
    assert!(write(&store, move |tx| webhooks::delete(tx, id, at(2))).await);
    assert!(!write(&store, move |tx| webhooks::delete(tx, id, at(3))).await);
    write(&store, move |tx| webhooks::update(tx, id, &WebhookPatch::default())).await;
    let notices: Vec<_> = received(&mut commits).await.into_iter().map(|commit| commit.notices).collect();
    assert_eq!(notices, vec![vec![Notice::WebhookChanged(id)]; 3]);
}

/// The webhooks that a game.added would be delivered to now, with the state of each delivery.
async fn delivered_to(store: &Store, public_id: &'static str) -> Vec<(i64, String)> {
    emit(store, "t", public_id).await;
    let sql = format!(
        "select cast(d.webhook_id as text), d.state from deliveries d \
         join events e on e.id = d.event_id where e.public_id = '{public_id}' order by d.webhook_id"
    );
    let rows = read(store, move |db| fanfare_store::testing::texts(db, &sql, 2)).await;
    rows.into_iter().map(|row| (row[0].parse().expect("an id"), row[1].clone())).collect()
}

async fn events_are_matched_by_name_family_and_star(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let mut expected = Vec::new();
    for (events, matches) in [
        (&["game.added"][..], true),
        (&["game.*"], true),
        (&["*"], true),
        (&["game.added", "game.*", "*", "game.added"], true),
        (&["session.started", "game.added"], true),
        (&[], false),
        (&["game.status"], false),
        (&["session.*"], false),
        (&["game"], false),
        (&["GAME.ADDED"], false),
        (&["game.added.*"], false),
        (&["g%", "game._dded"], false),
    ] {
        let id = add_webhook(&store, events).await.id;
        if matches {
            expected.push((id, "pending".to_owned()));
        }
    }
    received(&mut commits).await;
    assert_eq!(delivered_to(&store, "x").await, expected);
    let commit = received(&mut commits).await.remove(0);
    let mut told: Vec<_> = commit.events[0].deliveries.iter().map(|delivery| delivery.webhook_id).collect();
    told.sort_unstable();
    assert_eq!(told, expected.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), "each once");
}

async fn a_disabled_webhook_gets_held_deliveries(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let off = add_webhook(&store, &["*"]).await.id;
    let on = add_webhook(&store, &["*"]).await.id;
    let patch = WebhookPatch { enabled: Some(false), ..WebhookPatch::default() };
    write(&store, move |tx| webhooks::update(tx, off, &patch)).await;
    received(&mut commits).await;
    assert_eq!(delivered_to(&store, "x").await, [(off, "held".to_owned()), (on, "pending".to_owned())]);
    let published = received(&mut commits).await.remove(0).events.remove(0);
    assert_eq!(published.held, 1);
    assert_eq!(published.deliveries.iter().map(|delivery| delivery.webhook_id).collect::<Vec<_>>(), [on]);
    assert!(read(&store, move |db| deliveries::due(db, off, at(9_999), 10)).await.is_empty());
}

async fn a_change_of_events_counts_from_then_on(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_webhook(&store, &["session.*"]).await.id;
    assert!(delivered_to(&store, "before").await.is_empty());
    let patch = WebhookPatch { events: Some(vec!["game.*".into()]), ..WebhookPatch::default() };
    write(&store, move |tx| webhooks::update(tx, id, &patch)).await;
    assert_eq!(delivered_to(&store, "after").await.len(), 1);
}

async fn a_deleted_webhook_is_hidden_at_once(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_webhook(&store, &["*"]).await.id;
    emit(&store, "t", "x").await;
    write(&store, move |tx| webhooks::delete(tx, id, at(2))).await;
    assert!(read(&store, webhooks::list).await.is_empty());
    assert!(read(&store, move |db| webhooks::get(db, id)).await.is_none());
    assert!(read(&store, move |db| logs::list(db, id, 10)).await.is_empty());
    assert!(read(&store, move |db| deliveries::due(db, id, at(9_999), 10)).await.is_empty());
    assert!(read(&store, deliveries::pending_webhooks).await.is_empty());
    assert_eq!(read(&store, deliveries::oldest_pending).await, None);
    assert!(delivered_to(&store, "y").await.is_empty());
    let test = store.write(move |tx| deliveries::insert_test(tx, id, event("", "z"))).await;
    assert_eq!(test, Err(Error::NotFound));
    assert_eq!(read(&store, webhooks::deleted).await, [id]);
}

async fn rows_of(store: &Store, id: i64) -> u64 {
    let sql = format!(
        "select id from webhook_logs where webhook_id = {id} union all \
         select id from deliveries where webhook_id = {id} union all \
         select webhook_id from webhook_events where webhook_id = {id} union all \
         select id from webhooks where id = {id}"
    );
    read(store, move |db| fanfare_store::testing::run(db, &sql)).await
}

async fn purge_removes_everything_in_batches(database: TestDatabase) {
    const BATCH_ROWS: usize = 7;
    let (store, _commits) = database.open();
    let id = add_webhook(&store, &["*", "game.*", "a"]).await.id;
    let other = add_webhook(&store, &["*", "game.*", "a"]).await.id;
    for number in 0..10 {
        let new = NewEvent { public_id: number.to_string(), ..event("t", "") };
        let event = write(&store, move |tx| tx.emit(new.clone())).await;
        let settled = move |delivery_id, webhook_id| Settlement {
            delivery_id,
            webhook_id,
            event_id: event.id,
            attempt: 1,
            outcome: Outcome::Response { status: 200, body: String::new() },
            duration_ms: 1,
            at: at(2),
            next: Next::Delivered,
        };
        let rows = [settled(number * 2 + 1, id), settled(number * 2 + 2, other)];
        write(&store, move |tx| deliveries::settle(tx, &rows)).await;
    }
    let kept = store.write(move |tx| webhooks::purge(tx, id, BATCH_ROWS)).await;
    assert!(matches!(kept, Err(Error::Conflict(_))), "it is not deleted: {kept:?}");
    write(&store, move |tx| webhooks::delete(tx, id, at(3))).await;

    let mut left = rows_of(&store, id).await;
    assert_eq!(left, 10 + 10 + 3 + 1);
    let mut batches = 1;
    while !write(&store, move |tx| webhooks::purge(tx, id, BATCH_ROWS)).await {
        let now = rows_of(&store, id).await;
        assert_eq!(left - now, BATCH_ROWS as u64);
        left = now;
        batches += 1;
    }
    assert_eq!(batches, 4);
    assert_eq!((rows_of(&store, id).await, rows_of(&store, other).await), (0, 24));
    assert!(read(&store, webhooks::deleted).await.is_empty());
    assert!(write(&store, move |tx| webhooks::purge(tx, id, BATCH_ROWS)).await, "again is no harm");
    let next = write(&store, |tx| webhooks::insert(tx, &webhook(&[]), at(4))).await;
    assert!(next.id > other, "ids are never used again");
}
