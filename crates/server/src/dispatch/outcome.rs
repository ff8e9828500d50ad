//! Writes down what came of attempts: whatever has collected while the last batch was committed
//! goes into the next one. Losing such a write costs a duplicate, never a loss; so while the server
//! runs it is tried until it succeeds.

use std::{collections::BTreeMap, sync::Arc};

use fanfare_model::{breaker::Health, delivery::Next};
use fanfare_store::{
    Error, Store,
    deliveries::{self, Settlement},
    webhooks,
};
use tokio::sync::mpsc;

use super::{Input, Shared, backoff::Backoff};
use crate::{metrics::StateLabel, shutdown::Tasks, timers::Clock};

/// Outcomes that are written in one job.
const BATCH_MAX_OUTCOMES: usize = 256;
/// Tries to write a batch once the server is asked to stop.
const STOPPING_TRIES_MAX: u32 = 3;

/// What is written down.
pub(super) enum Record {
    /// What came of an attempt.
    Outcome(Settlement),
    /// How a webhook's receiver does from now on.
    Health(i64, Health),
}

/// The task that writes.
pub(super) struct Recorder {
    pub(super) store: Store,
    pub(super) outcomes: mpsc::Receiver<Record>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
}

/// What is written in one job.
#[derive(Clone, Default)]
struct Batch {
    settlements: Arc<[Settlement]>,
    health: Arc<[(i64, Health)]>,
}

impl Batch {
    /// Of each webhook's health the last one counts.
    fn of(records: &mut Vec<Record>) -> Self {
        let (mut settlements, mut health) = (Vec::with_capacity(records.len()), BTreeMap::new());
        for record in records.drain(..) {
            match record {
                Record::Outcome(settlement) => settlements.push(settlement),
                Record::Health(webhook_id, of) => drop(health.insert(webhook_id, of)),
            }
        }
        Self { settlements: settlements.into(), health: health.into_iter().collect() }
    }
}

impl Recorder {
    /// Runs until no attempt is left that could have an outcome.
    pub(super) async fn run(mut self) {
        let mut records = Vec::with_capacity(BATCH_MAX_OUTCOMES);
        while self.outcomes.recv_many(&mut records, BATCH_MAX_OUTCOMES).await > 0 {
            let batch = Batch::of(&mut records);
            match self.write(batch.clone()).await {
                Ok(()) => self.tell(&batch.settlements),
                // One of them is at fault; the others must not suffer for it.
                Err(_) if batch.settlements.len() + batch.health.len() > 1 => self.write_singly(&batch).await,
                Err(error) => {
                    batch.settlements.iter().for_each(|settlement| not_recorded(settlement, &error));
                }
            }
        }
    }

    async fn write_singly(&self, batch: &Batch) {
        for settlement in &*batch.settlements {
            let single = Batch { settlements: Arc::new([settlement.clone()]), ..Batch::default() };
            match self.write(single).await {
                Ok(()) => self.tell(std::slice::from_ref(settlement)),
                Err(error) => not_recorded(settlement, &error),
            }
        }
        for health in &*batch.health {
            let single = Batch { health: Arc::new([*health]), ..Batch::default() };
            if let Err(error) = self.write(single).await {
                // It is learned anew from the next attempts.
                tracing::warn!(webhook_id = health.0, %error, "how a receiver does is not kept");
            }
        }
    }

    /// Waits out a database that is away.
    async fn write(&self, batch: Batch) -> Result<(), Error> {
        let mut backoff = Backoff::new();
        let mut stopping_tries = 0;
        loop {
            let job = batch.clone();
            let written = self.store.write(move |tx| {
                deliveries::settle(tx, &job.settlements)?;
                webhooks::set_health(tx, &job.health)
            });
            let written = written.await;
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
mod tests;
