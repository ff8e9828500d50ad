//! Writes down what came of attempts: whatever has collected while the last batch was committed
//! goes into the next one. Losing such a write costs a duplicate, never a loss; so while the server
//! runs it is tried until it succeeds.

use std::sync::Arc;

use fanfare_model::delivery::Next;
use fanfare_store::{
    Error, Store,
    deliveries::{self, Settlement},
};
use tokio::sync::mpsc;

use super::{Input, Shared, backoff::Backoff};
use crate::{metrics::StateLabel, shutdown::Tasks, timers::Clock};

/// Outcomes that are written in one job.
const BATCH_MAX_OUTCOMES: usize = 256;
/// Tries to write a batch once the server is asked to stop.
const STOPPING_TRIES_MAX: u32 = 3;

/// The task that writes.
pub(super) struct Recorder {
    pub(super) store: Store,
    pub(super) outcomes: mpsc::Receiver<Settlement>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
}

impl Recorder {
    /// Runs until no attempt is left that could have an outcome.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_MAX_OUTCOMES);
        while self.outcomes.recv_many(&mut batch, BATCH_MAX_OUTCOMES).await > 0 {
            let taken: Arc<[Settlement]> = std::mem::take(&mut batch).into();
            match self.write(taken.clone()).await {
                Ok(()) => self.tell(&taken),
                // One of them is at fault; the others must not suffer for it.
                Err(_) if taken.len() > 1 => self.write_singly(&taken).await,
                Err(error) => not_recorded(&taken[0], &error),
            }
        }
    }

    async fn write_singly(&self, batch: &[Settlement]) {
        for settlement in batch {
            let single: Arc<[Settlement]> = Arc::new([settlement.clone()]);
            match self.write(single).await {
                Ok(()) => self.tell(std::slice::from_ref(settlement)),
                Err(error) => not_recorded(settlement, &error),
            }
        }
    }

    /// Waits out a database that is away.
    async fn write(&self, batch: Arc<[Settlement]>) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        let mut stopping_tries = 0;
        loop {
            let job = batch.clone();
            let written = self.store.write(move |tx| deliveries::settle(tx, &job)).await;
            let Err(error @ Error::Unavailable(_)) = written else { return written };
            stopping_tries += u32::from(self.tasks.is_stopping());
            if stopping_tries >= STOPPING_TRIES_MAX {
                return Err(error);
            }
            backoff.log("outcomes of deliveries not recorded yet", &error);
            backoff.wait(&self.clock).await;
        }
    }

    fn tell(&self, batch: &[Settlement]) {
        for Settlement { delivery_id, webhook_id, attempt, next, .. } in batch {
            if !matches!(next, Next::RetryAt(_)) {
                let label = StateLabel { state: next.state().as_str() };
                self.shared.metrics.deliveries.get_or_create(&label).inc();
            }
            if matches!(next, Next::Failed) {
                tracing::warn!(
                    webhook_id,
                    delivery_id,
                    attempt,
                    "delivery given up: its last attempt failed"
                );
            }
        }
        let settled = batch.iter().map(|settlement| Settled {
            delivery_id: settlement.delivery_id,
            webhook_id: settlement.webhook_id,
            next: settlement.next,
        });
        self.shared.post(Input::Settled(settled.collect()));
    }
}

/// An attempt whose outcome is in the database.
pub(super) struct Settled {
    pub(super) delivery_id: i64,
    pub(super) webhook_id: i64,
    pub(super) next: Next,
}

/// The delivery stays where it is until the next start, which sends it again: telling the schedule
/// would send it again at once, and again.
fn not_recorded(settlement: &Settlement, error: &Error) {
    let Settlement { delivery_id, webhook_id, attempt, .. } = settlement;
    tracing::error!(webhook_id, delivery_id, attempt, %error, "the outcome of a delivery is lost");
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use fanfare_model::{
        Timestamp,
        delivery::Outcome,
        event::{NewEvent, kind},
        webhook::NewWebhook,
    };
    use fanfare_store::{logs, testing::TestDatabase, webhooks};
    use tokio::sync::Notify;

    use super::*;
    use crate::metrics::Metrics;

    #[tokio::test]
    async fn an_outcome_that_cannot_be_written_costs_the_others_nothing() {
        let database = TestDatabase::sqlite();
        let (store, mut commits) = database.open();
        let new = NewWebhook {
            name: "bot".into(),
            url: "http://localhost/".into(),
            secret: "s".into(),
            events: vec!["*".into()],
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
                outcome: Outcome::Response { status, body: String::new() },
                duration_ms: 1,
                at,
                next: Next::Delivered,
            };
            to_record.send(settlement).await.expect("room");
        }
        drop(to_record);
        let (inbox, wakeup, metrics) = (Mutex::default(), Notify::new(), Arc::new(Metrics::new()));
        let shared = Arc::new(Shared { inbox, wakeup, metrics });
        let (clock, tasks) = (Clock::manual(at), Tasks::default());
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
            outcome: Outcome::Response { status: 200, body: String::new() },
            duration_ms: 1,
            at: Timestamp::from_millis(0),
            next: Next::Delivered,
        };
        to_record.send(settlement).await.expect("room");
        drop(to_record);
        let (inbox, wakeup, metrics) = (Mutex::default(), Notify::new(), Arc::new(Metrics::new()));
        let shared = Arc::new(Shared { inbox, wakeup, metrics });
        let (clock, tasks) = (Clock::manual(Timestamp::from_millis(0)), Tasks::default());
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
}
