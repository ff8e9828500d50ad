//! Sending many again.

use fanfare_model::{
    Timestamp,
    delivery::Next,
    event::{NewEvent, kind},
    replay::Replay,
    webhook::{OptionsPatch, Ordering, Webhook, WebhookPatch},
};
use fanfare_store::{
    Notice, Store,
    deliveries::{self, Settlement},
    testing::{TestDatabase, texts},
};

use crate::support::{
    add_ordered, add_webhook, answer, at, change, emit, emit_many, event, read, received, set_enabled,
    settle, settlement, states, write,
};

super::on_both_engines!(
    failed_ones_are_sent_again_from_the_start_of_their_schedule,
    held_ones_are_sent_again,
    missed_events_are_sent_once,
    missed_events_are_those_that_the_webhook_asks_for,
    missed_events_keep_the_order_of_the_webhook,
    the_span_has_both_its_ends,
    batches_lead_to_the_end,
    a_replay_is_noticed,
);

const ALWAYS: (i64, i64) = (0, i64::MAX);

/// Counts, then replays, in batches of so many rows, at the time 7,000; how many each batch sent.
/// Both must say the same.
async fn replay(store: &Store, webhook: &Webhook, which: Replay, span: (i64, i64), rows: usize) -> Vec<i64> {
    let (since, until) = (at(span.0), at(span.1));
    let (mut counted, mut next) = (Vec::new(), Some((since, 0)));
    while let Some(from) = next {
        let webhook = webhook.clone();
        let batch =
            read(store, move |db| deliveries::count_replay(db, &webhook, which, from, until, rows)).await;
        counted.push(batch.count);
        next = batch.next;
    }
    let (mut sent, mut next) = (Vec::new(), Some((since, 0)));
    while let Some(from) = next {
        let webhook = webhook.clone();
        let batch =
            write(store, move |tx| deliveries::replay(tx, &webhook, which, from, until, at(7_000), rows))
                .await;
        sent.push(batch.count);
        next = batch.next;
    }
    assert_eq!(sent, counted, "a dry run counts what is sent");
    sent
}

async fn failed_ones_are_sent_again_from_the_start_of_their_schedule(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook = add_webhook(&store, &["*"]).await;
    let id = webhook.id;
    let events = emit_many(&store, 5).await;
    let failed = [0, 2].map(|n: usize| Settlement {
        attempt: 4,
        outcome: answer(500),
        next: Next::Failed,
        ..settlement(i64::try_from(n).expect("small") + 1, id, events[n])
    });
    settle(&store, failed.into()).await;
    settle(&store, vec![settlement(4, id, events[3])]).await;
    write(&store, move |tx| deliveries::cancel(tx, id, 5)).await;
    assert_eq!(replay(&store, &webhook, Replay::Failed, ALWAYS, 10).await, [2]);
    assert_eq!(
        states(&store).await,
        [
            "1 pending 4 7000",
            "2 pending 0 1001",
            "3 pending 4 7000",
            "4 delivered 1 5000",
            "5 cancelled 0 1004"
        ]
    );
    let due = read(&store, move |db| deliveries::due(db, id, at(7_000), 10)).await;
    let told: Vec<_> = due.iter().map(|due| (due.id, due.attempts, due.schedule_from)).collect();
    assert_eq!(told, [(2, 0, 0), (1, 4, 4), (3, 4, 4)]);
    assert_eq!(replay(&store, &webhook, Replay::Failed, ALWAYS, 10).await, [0], "each once");
}

async fn held_ones_are_sent_again(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook = add_webhook(&store, &["*"]).await;
    let other = add_webhook(&store, &["*"]).await;
    set_enabled(&store, webhook.id, false).await;
    set_enabled(&store, other.id, false).await;
    emit_many(&store, 2).await;
    set_enabled(&store, webhook.id, true).await;
    assert_eq!(replay(&store, &webhook, Replay::Failed, ALWAYS, 10).await, [0]);
    assert_eq!(replay(&store, &webhook, Replay::Held, ALWAYS, 10).await, [2]);
    let sql = "select state from deliveries order by webhook_id, id";
    let states = read(&store, move |db| texts(db, sql, 1)).await.concat();
    assert_eq!(states, ["pending", "pending", "held", "held"], "another's are left alone");
    assert_eq!(replay(&store, &webhook, Replay::Held, ALWAYS, 10).await, [0]);
}

async fn missed_events_are_sent_once(database: TestDatabase) {
    let (store, _commits) = database.open();
    let before = emit_many(&store, 3).await;
    let webhook = add_webhook(&store, &["game.*"]).await;
    let id = webhook.id;
    emit(&store, "t", "after").await;
    settle(&store, vec![settlement(1, id, before[2] + 1)]).await;
    assert_eq!(replay(&store, &webhook, Replay::Missed, ALWAYS, 10).await, [3]);
    let due = read(&store, move |db| deliveries::due(db, id, at(7_000), 10)).await;
    let sent: Vec<_> = due.iter().map(|due| (due.event.id, due.attempts, due.test)).collect();
    assert_eq!(sent, [(before[0], 0, false), (before[1], 0, false), (before[2], 0, false)]);
    assert_eq!(replay(&store, &webhook, Replay::Missed, ALWAYS, 10).await, [0], "each once");

    // Whatever became of a delivery, its event was not missed.
    database.execute("update deliveries set state = 'cancelled' where id = 2");
    database.execute("update deliveries set state = 'failed' where id = 3");
    database.execute("update deliveries set state = 'held' where id = 4");
    assert_eq!(replay(&store, &webhook, Replay::Missed, ALWAYS, 10).await, [0]);
}

async fn missed_events_are_those_that_the_webhook_asks_for(database: TestDatabase) {
    let (store, _commits) = database.open();
    let kinds = [kind::GAME_ADDED, kind::SESSION_STARTED, kind::SESSION_ENDED];
    write(&store, move |tx| {
        for kind in kinds {
            tx.emit(NewEvent { public_id: kind.to_owned(), kind, ..event("t", "") })?;
        }
        Ok(())
    })
    .await;
    let tester = add_webhook(&store, &[]).await.id;
    write(&store, move |tx| deliveries::insert_test(tx, tester, event("", "test"))).await;
    for (patterns, expected) in [
        (&["*"][..], 3),
        (&["game.*"], 1),
        (&["session.*", "session.ended"], 2),
        (&["session.ended", "nonsense"], 1),
        (&["game"], 0),
        (&[], 0),
    ] {
        let webhook = add_webhook(&store, patterns).await;
        assert_eq!(replay(&store, &webhook, Replay::Missed, ALWAYS, 10).await, [expected], "{patterns:?}");
    }
}

async fn missed_events_keep_the_order_of_the_webhook(database: TestDatabase) {
    let (store, _commits) = database.open();
    emit(&store, "session:1", "x").await;
    emit(&store, "session:2", "y").await;
    let none = add_webhook(&store, &["*"]).await;
    let fifo = add_ordered(&store, &["*"], Ordering::Fifo).await;
    let session = add_ordered(&store, &["*"], Ordering::Session).await;
    for webhook in [&none, &fifo, &session] {
        assert_eq!(replay(&store, webhook, Replay::Missed, ALWAYS, 10).await, [2]);
    }
    let sql = "select case when order_key is null then '-' else order_key end from deliveries \
               order by webhook_id, event_id";
    let keys = read(&store, move |db| texts(db, sql, 1)).await.concat();
    assert_eq!(keys, ["-", "-", "", "", "session:1", "session:2"]);
    let id = fifo.id;
    emit(&store, "session:1", "z").await;
    let found = read(&store, move |db| deliveries::due_in_order(db, id, at(7_000), 9, 9)).await;
    let ids: Vec<_> = found.keys[0].due.iter().map(|due| due.event.public_id.as_str()).collect();
    assert_eq!(ids, ["x", "y", "z"], "before what happened later");

    // One that asks for an order later gets it for what it missed until then.
    let options = OptionsPatch { ordering: Some(Ordering::Session), ..OptionsPatch::default() };
    let later = add_webhook(&store, &[]).await.id;
    let patch = WebhookPatch { options, events: Some(vec!["*".into()]), ..WebhookPatch::default() };
    let later = change(&store, later, patch).await;
    assert_eq!(replay(&store, &later, Replay::Missed, ALWAYS, 10).await, [3]);
    let id = later.id;
    let found = read(&store, move |db| deliveries::due_in_order(db, id, at(7_000), 9, 9)).await;
    assert_eq!(
        found.keys.iter().map(|page| page.key.as_str()).collect::<Vec<_>>(),
        ["session:1", "session:2"]
    );
}

async fn the_span_has_both_its_ends(database: TestDatabase) {
    let (store, _commits) = database.open();
    let held = add_webhook(&store, &["*"]).await;
    set_enabled(&store, held.id, false).await;
    emit_many(&store, 5).await;
    let late = add_webhook(&store, &["*"]).await;
    for (webhook, which) in [(&held, Replay::Held), (&late, Replay::Missed)] {
        for (span, expected) in [
            ((0, 999), 0),
            ((1_005, i64::MAX), 0),
            ((1_003, 1_001), 0),
            ((1_001, 1_003), 3),
            ((1_001, 1_003), 0),
            ((0, 1_000), 1),
            ((1_004, i64::MAX), 1),
        ] {
            assert_eq!(replay(&store, webhook, which, span, 10).await, [expected], "{which:?} {span:?}");
        }
    }
}

/// More than the largest statement takes.
const MANY: i64 = 300;

async fn batches_lead_to_the_end(database: TestDatabase) {
    let (store, _commits) = database.open();
    let held = add_webhook(&store, &["*"]).await;
    set_enabled(&store, held.id, false).await;
    emit_many(&store, 5).await;
    // Events of one moment, among which only their ids lead on.
    database.execute("update events set at_ms = 1000");
    let late = add_webhook(&store, &["*"]).await;
    assert_eq!(replay(&store, &held, Replay::Held, ALWAYS, 2).await, [2, 2, 1]);
    assert_eq!(replay(&store, &late, Replay::Missed, (1_000, 1_000), 2).await, [2, 2, 1]);
    let sql = "select cast(count(*) as text), cast(count(distinct event_id) as text) from deliveries \
               where state = 'pending' group by webhook_id";
    assert_eq!(read(&store, move |db| texts(db, sql, 2)).await, [["5", "5"], ["5", "5"]]);

    let moments: Vec<i64> = (0..MANY).collect();
    write(&store, move |tx| {
        for n in &moments {
            tx.emit(NewEvent {
                public_id: format!("many{n}"),
                at: Timestamp::from_millis(2_000),
                ..event("t", "")
            })?;
        }
        Ok(())
    })
    .await;
    let latest = add_webhook(&store, &["*"]).await;
    assert_eq!(replay(&store, &latest, Replay::Missed, (2_000, 2_000), 1_000).await, [MANY]);
}

async fn a_replay_is_noticed(database: TestDatabase) {
    let (store, mut commits) = database.open();
    emit(&store, "t", "x").await;
    let webhook = add_webhook(&store, &["*"]).await;
    received(&mut commits).await;
    replay(&store, &webhook, Replay::Failed, ALWAYS, 10).await;
    replay(&store, &webhook, Replay::Missed, ALWAYS, 10).await;
    let commits = received(&mut commits).await;
    assert_eq!(commits.len(), 1, "what changes nothing is not told");
    assert_eq!(commits[0].notices, [Notice::DeliveriesChanged(webhook.id)]);
    assert!(commits[0].events.is_empty(), "nothing happened anew");
}
