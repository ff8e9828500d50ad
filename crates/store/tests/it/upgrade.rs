//! Databases of older programs.

use fanfare_model::{
    breaker::Health,
    delivery::DeliveryState,
    replay::Replay,
    webhook::{Origin, WebhookOptions},
};
use fanfare_store::{
    deliveries::{self, Waiting},
    events::{self, Span},
    logs,
    testing::TestDatabase,
    webhooks,
};

use crate::support::{at, emit, read, received, set_enabled, settle, settlement, states, write};

super::on_both_engines!(deliveries_of_the_second_schema_go_on, events_of_the_sixth_schema_get_their_places);

/// Two webhooks, the second disabled; two events and a test; deliveries in every state there was.
const SECOND_SCHEMA: &str = "
    insert into webhooks (name, url, secret, events, enabled, created_at_ms) values
        ('on', 'http://a/', 'hush', '[\"game.*\"]', true, 1),
        ('off', 'http://b/', 'hush', '[\"*\"]', false, 2);
    insert into webhook_events (pattern, webhook_id) values ('game.*', 1), ('*', 2);
    insert into topics (topic, last_seq) values ('session:1', 2);
    insert into events (public_id, topic, seq, kind, at_ms, data) values
        ('x', 'session:1', 1, 'game.added', 1000, '{}'),
        ('y', 'session:1', 2, 'session.ended', 1001, '{}'),
        ('test', null, null, 'game.added', 1002, '{}');
    insert into deliveries (event_id, webhook_id, state, attempts, next_at_ms, test) values
        (1, 1, 'pending', 2, 3000, false),
        (1, 2, 'delivered', 1, 1000, false),
        (2, 2, 'held', 0, 1001, false),
        (3, 2, 'failed', 14, 1002, true);
    insert into webhook_logs (webhook_id, delivery_id, event_id, attempt, at_ms, duration_ms, response_status)
        values (1, 1, 1, 1, 1500, 7, 500), (2, 2, 1, 1, 1400, 7, 204);
";

async fn deliveries_of_the_second_schema_go_on(database: TestDatabase) {
    database.migrate_to(2);
    database.execute(SECOND_SCHEMA);
    let (store, mut commits) = database.open();
    let all = read(&store, webhooks::list).await;
    assert_eq!(
        all.iter().map(|webhook| (webhook.id, webhook.enabled)).collect::<Vec<_>>(),
        [(1, true), (2, false)]
    );
    for webhook in &all {
        assert_eq!(webhook.options, WebhookOptions::default());
        assert_eq!((webhook.origin, webhook.disabled_reason.as_deref()), (Origin::Api, None));
        assert!(webhook.old_secrets.is_empty() && webhook.secret == "hush");
        let id = webhook.id;
        assert_eq!(read(&store, move |db| webhooks::health(db, id)).await, Health::default());
    }
    let waiting = Waiting { pending: 1, held: 1, oldest: Some(at(1_000)) };
    assert_eq!(read(&store, deliveries::waiting).await, waiting);
    let due = read(&store, |db| deliveries::due(db, 1, at(3_000), 9)).await;
    assert_eq!(
        due.iter().map(|due| (due.id, due.attempts, due.schedule_from)).collect::<Vec<_>>(),
        [(1, 2, 0)]
    );
    let failed = read(&store, |db| deliveries::list(db, 2, DeliveryState::Failed, i64::MAX, 9)).await;
    assert_eq!(failed.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [4]);
    assert_eq!(read(&store, |db| logs::list(db, 1, 9)).await[0].response_status, Some(500));

    let mut third = settlement(1, 1, 1);
    third.attempt = 3;
    settle(&store, vec![third]).await;
    set_enabled(&store, 2, true).await;
    let count = |id, which| {
        write(&store, move |tx| {
            let webhook = webhooks::get(tx, id)?.expect("it is there");
            deliveries::replay(tx, &webhook, which, (at(0), 0), at(9_999), at(4_000), 9)
                .map(|done| done.count)
        })
    };
    assert_eq!(count(2, Replay::Held).await, 1);
    assert_eq!(count(1, Replay::Missed).await, 0, "another's test is nothing that it missed");
    assert_eq!(
        states(&store).await,
        ["1 delivered 3 5000", "2 delivered 1 1000", "3 pending 0 4000", "4 failed 14 1002"]
    );
    received(&mut commits).await;
    emit(&store, "session:1", "z").await;
    let published = received(&mut commits).await.remove(0).events.remove(0);
    assert_eq!((published.event.seq, published.deliveries.len()), (3, 2));
}

/// Of two streams and of none.
const EVENTS_OF_THE_SIXTH_SCHEMA: &str = "
    insert into topics (topic, last_seq) values ('session:1', 2), ('webhooks', 1);
    insert into events (public_id, topic, seq, kind, at_ms, data) values
        ('a', 'session:1', 1, 'session.started', 1000, '{}'),
        ('fired', null, null, 'order.paid', 1001, '{}'),
        ('b', 'webhooks', 1, 'webhook.disabled', 1002, '{}'),
        ('c', 'session:1', 2, 'game.added', 1003, '{}');
";

async fn events_of_the_sixth_schema_get_their_places(database: TestDatabase) {
    database.migrate_to(6);
    database.execute(EVENTS_OF_THE_SIXTH_SCHEMA);
    let (store, _commits) = database.open();
    emit(&store, "session:1", "d").await;
    let all = read(&store, |db| events::after_of_all(db, 0, 9)).await;
    let places: Vec<_> = all.iter().map(|event| (event.place, &*event.public_id, event.seq)).collect();
    assert_eq!(places, [(1, "a", 1), (2, "b", 1), (3, "c", 2), (4, "d", 3)]);
    assert_eq!(read(&store, events::span_of_all).await, Span { first: 1, last: 4 });
}
