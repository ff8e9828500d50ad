//! The recorder with a database; attempts are made up.

use std::sync::Mutex;

use fanfare_model::{
    Timestamp,
    delivery::Outcome,
    event::{NewEvent, kind},
    webhook::{NewWebhook, Origin, WebhookOptions},
};
use fanfare_store::{logs, testing::TestDatabase};
use tokio::sync::Notify;

use super::*;
use crate::{dispatch::Pulse, metrics::Metrics};

fn shared(clock: &Clock) -> Arc<Shared> {
    let (inbox, wakeup, metrics) = (Mutex::default(), Notify::new(), Arc::new(Metrics::new()));
    Arc::new(Shared { inbox, wakeup, pulse: Pulse::new(clock.clone()), metrics })
}

#[tokio::test]
async fn an_outcome_that_cannot_be_written_costs_the_others_nothing() {
    let database = TestDatabase::sqlite();
    let (store, mut commits) = database.open();
    let new = NewWebhook {
        name: "bot".into(),
        url: "http://localhost/".into(),
        secret: "s".into(),
        events: vec!["*".into()],
        app: String::new(),
        options: WebhookOptions::default(),
        origin: Origin::Api,
    };
    let at = Timestamp::from_millis(0);
    let emitted = store.write(move |tx| {
        webhooks::insert(tx, &new, at)?;
        for number in 0..3 {
            let (public_id, topic, data) = (format!("e{number}"), "session:1".into(), "{}".into());
            tx.emit(NewEvent { public_id, topic, kind: kind::GAME_ADDED, at, data })?;
        }
        Ok::<_, Error>(())
    });
    emitted.await.expect("events");
    database.execute(
        "create trigger poison before insert on webhook_logs when new.response_status = 418 \
         begin select raise(abort, 'no teapots'); end",
    );
    let commit = commits.recv().await.expect("a commit");
    let (to_record, outcomes) = mpsc::channel(3);
    for (published, status) in commit.events.iter().zip([200, 418, 204]) {
        let settlement = Settlement {
            delivery_id: published.deliveries[0].id,
            webhook_id: published.deliveries[0].webhook_id,
            event_id: published.event.id,
            attempt: 1,
            schedule_from: 0,
            outcome: Outcome::Response { status, body: String::new(), retry_after_ms: None },
            duration_ms: 1,
            at,
            next: Next::Delivered,
        };
        to_record.send(Record::Outcome(settlement)).await.expect("room");
    }
    drop(to_record);
    let (clock, tasks) = (Clock::manual(at), Tasks::default());
    let shared = shared(&clock);
    Recorder { store: store.clone(), outcomes, shared: shared.clone(), clock, tasks }.run().await;

    let written = store.read(|db| logs::list(db, 1, 10)).await.expect("logs");
    let statuses: Vec<_> = written.iter().map(|row| row.response_status).collect();
    assert_eq!(statuses, [Some(204), Some(200)]);
    let told =
        shared.lock().inputs.iter().map(|input| matches!(input, Input::Settled(_))).collect::<Vec<_>>();
    assert_eq!(told, [true, true], "the schedule must not send the lost one again");
    store.close().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_database_that_is_gone() {
    let database = TestDatabase::sqlite();
    let (store, _commits) = database.open();
    store.close().await;
    let (to_record, outcomes) = mpsc::channel(1);
    let settlement = Settlement {
        delivery_id: 1,
        webhook_id: 1,
        event_id: 1,
        attempt: 1,
        schedule_from: 0,
        outcome: Outcome::Response { status: 200, body: String::new(), retry_after_ms: None },
        duration_ms: 1,
        at: Timestamp::from_millis(0),
        next: Next::Delivered,
    };
    to_record.send(Record::Outcome(settlement)).await.expect("room");
    drop(to_record);
    let (clock, tasks) = (Clock::manual(Timestamp::from_millis(0)), Tasks::default());
    let shared = shared(&clock);
    let recorder = Recorder { store, outcomes, shared, clock: clock.clone(), tasks: tasks.clone() };
    tasks.spawn("recorder", recorder.run());
    // While the server runs it tries for ever.
    for _ in 0..20 {
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(std::time::Duration::from_millis(WAIT_LONGEST_MS));
    }
    let patience = Clock::real();
    let mut stopping = Box::pin(tasks.stop(&patience, 10_000));
    loop {
        tokio::select! {
            biased;
            in_time = &mut stopping => {
                assert!(in_time, "it did not end by itself");
                break;
            }
            () = tokio::task::yield_now() => clock.advance(std::time::Duration::from_millis(WAIT_LONGEST_MS)),
        }
    }
}

/// Longer than any wait between two tries.
const WAIT_LONGEST_MS: u64 = 60_000;
