//! Writing down what came of attempts.

use fanfare_model::delivery::{FaultKind, Next, Outcome};
use fanfare_store::{
    Store,
    deliveries::{self, Settlement},
    logs,
    testing::{TestDatabase, count_by_state, texts},
    webhooks,
};

use crate::support::{
    add_webhook, answer, at, emit_many, read, set_enabled, settle, settlement, states, write,
};

super::on_both_engines!(
    settling_writes_log_and_state,
    settling_the_same_twice_leaves_one_row,
    settling_after_delete_writes_nothing,
    what_is_no_longer_pending_keeps_its_state,
    what_was_delivered_is_delivered,
    a_late_outcome_does_not_undo_a_later_one,
    a_late_outcome_does_not_undo_a_resend,
    the_outcome_of_a_delivery_that_was_sent_again_counts,
    many_are_settled_at_once,
);

async fn settling_writes_log_and_state(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let events = emit_many(&store, 4).await;
    let fault = Outcome::Fault { kind: FaultKind::Timeout, message: "took too long".into() };
    let cases = [
        (answer(200), Next::Delivered, Some(200), None, "1 delivered 1 5000"),
        (answer(500), Next::RetryAt(at(9_000)), Some(500), Some("HTTP 500"), "2 pending 2 9000"),
        (fault, Next::RetryAt(at(8_000)), None, Some("took too long"), "3 pending 3 8000"),
        (answer(404), Next::Failed, Some(404), Some("HTTP 404"), "4 failed 4 5000"),
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
    settle(&store, rows).await;
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
    assert_eq!(rest[0], ["ok", "", "1", "12", "", "1"]);
    assert_eq!(rest[1], ["ok", "status", "2", "12", "9000", "2"]);
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
        settle(&store, vec![settlement]).await;
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
    let rows = vec![settlement(first, gone, event_id), settlement(second, stays, event_id)];
    settle(&store, rows).await;
    let logged = read(&store, |db| texts(db, "select cast(webhook_id as text) from webhook_logs", 1)).await;
    assert_eq!(logged.concat(), [stays.to_string()]);
    let states = states(&store).await;
    assert!(states.contains(&format!("{first} pending 0 1000")), "{states:?}");
    assert!(states.contains(&format!("{second} delivered 1 5000")), "{states:?}");
}

/// Deliveries 1 to 3 of one webhook: held, called off and failed after one attempt.
async fn three_that_are_over(database: &TestDatabase) -> (Store, Vec<i64>) {
    let (store, _) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let events = emit_many(&store, 3).await;
    write(&store, move |tx| deliveries::cancel(tx, webhook_id, 2)).await;
    let failed =
        Settlement { outcome: answer(500), next: Next::Failed, ..settlement(3, webhook_id, events[2]) };
    settle(&store, vec![failed]).await;
    set_enabled(&store, webhook_id, false).await;
    write(&store, move |tx| deliveries::hold(tx, webhook_id, 10)).await;
    assert_eq!(states(&store).await, ["1 held 0 1000", "2 cancelled 0 1001", "3 failed 1 5000"]);
    (store, events)
}

async fn what_is_no_longer_pending_keeps_its_state(database: TestDatabase) {
    let (store, events) = three_that_are_over(&database).await;
    for (attempt, next) in [(2, Next::RetryAt(at(9_000))), (3, Next::Failed)] {
        let late = (1..).zip(&events).map(|(id, event_id)| Settlement {
            attempt,
            outcome: answer(500),
            next,
            ..settlement(id, 1, *event_id)
        });
        settle(&store, late.collect()).await;
    }
    assert_eq!(states(&store).await, ["1 held 3 5000", "2 cancelled 3 5000", "3 failed 3 5000"]);
    let log = read(&store, |db| logs::list(db, 1, 10)).await;
    assert_eq!(log.len(), 2 * 3 + 1, "the attempts were made all the same");
}

async fn what_was_delivered_is_delivered(database: TestDatabase) {
    let (store, events) = three_that_are_over(&database).await;
    let late =
        (1..).zip(&events).map(|(id, event_id)| Settlement { attempt: 2, ..settlement(id, 1, *event_id) });
    settle(&store, late.collect()).await;
    assert_eq!(states(&store).await, ["1 delivered 2 5000", "2 delivered 2 5000", "3 delivered 2 5000"]);
}

async fn a_late_outcome_does_not_undo_a_resend(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let events = emit_many(&store, 3).await;
    let failed = (1..).zip(&events).map(|(id, event_id)| Settlement {
        outcome: answer(500),
        next: Next::RetryAt(at(5_500)),
        ..settlement(id, webhook_id, *event_id)
    });
    settle(&store, failed.collect()).await;
    // The second attempts are under way when they are sent again.
    for id in 1..=3 {
        write(&store, move |tx| deliveries::resend(tx, webhook_id, id, at(6_000))).await;
    }
    let nexts = [Next::RetryAt(at(90_000)), Next::Failed, Next::Delivered];
    let late = (1..).zip(events.into_iter().zip(nexts)).map(|(id, (event_id, next))| Settlement {
        attempt: 2,
        next,
        ..settlement(id, webhook_id, event_id)
    });
    settle(&store, late.collect()).await;
    assert_eq!(states(&store).await, ["1 pending 2 6000", "2 pending 2 6000", "3 delivered 2 5000"]);
}

async fn a_late_outcome_does_not_undo_a_later_one(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let event_id = emit_many(&store, 1).await[0];
    let of_attempt = |attempt, status, next| Settlement {
        attempt,
        outcome: answer(status),
        next,
        ..settlement(1, webhook_id, event_id)
    };
    settle(&store, vec![of_attempt(2, 200, Next::Delivered)]).await;
    settle(&store, vec![of_attempt(1, 500, Next::RetryAt(at(9_000)))]).await;
    settle(&store, vec![of_attempt(3, 500, Next::Failed)]).await;
    assert_eq!(states(&store).await, ["1 delivered 3 5000"]);
    let log = read(&store, move |db| logs::of_delivery(db, 1, 10)).await;
    assert_eq!(log.iter().map(|row| row.attempt).collect::<Vec<_>>(), [1, 2, 3], "each has its row");
    assert_eq!(read(&store, move |db| logs::of_delivery(db, 1, 2)).await, log[..2]);
}

async fn the_outcome_of_a_delivery_that_was_sent_again_counts(database: TestDatabase) {
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let event_id = emit_many(&store, 1).await[0];
    let first = Settlement {
        outcome: answer(500),
        next: Next::RetryAt(at(9_000)),
        ..settlement(1, webhook_id, event_id)
    };
    settle(&store, vec![first.clone()]).await;
    write(&store, move |tx| deliveries::resend(tx, webhook_id, 1, at(6_000))).await;
    settle(&store, vec![first]).await;
    assert_eq!(states(&store).await, ["1 pending 1 6000"], "what was written before it changes nothing");
    let second = Settlement { attempt: 2, ..settlement(1, webhook_id, event_id) };
    settle(&store, vec![second]).await;
    assert_eq!(states(&store).await, ["1 delivered 2 5000"]);
}

async fn many_are_settled_at_once(database: TestDatabase) {
    const MANY: i64 = 150;
    let (store, _commits) = database.open();
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let events = emit_many(&store, MANY).await;
    let rows: Vec<_> = (1..).zip(events).map(|(id, event_id)| settlement(id, webhook_id, event_id)).collect();
    settle(&store, rows).await;
    let counts = read(&store, count_by_state).await;
    assert_eq!(counts, [("delivered".to_owned(), MANY)]);
    let log = read(&store, move |db| logs::list(db, webhook_id, 1_000)).await;
    assert_eq!(i64::try_from(log.len()), Ok(MANY));
    settle(&store, vec![]).await;
}
