//! Background work on webhooks that get nothing any more, in batches that do not hold up the
//! writer.

use fanfare_model::limits::CLEAN_UP_BATCH_ROWS;
use fanfare_store::{Error, Store, deliveries, webhooks};

use super::{backoff::Backoff, schedule::CleanUp};
use crate::{
    metrics::{Metrics, StateLabel},
    shutdown::Tasks,
    timers::Clock,
};

/// Works until nothing is left to do, or the server stops: the next start begins anew.
pub(super) async fn run(
    store: &Store,
    webhook_id: i64,
    clean_up: CleanUp,
    metrics: &Metrics,
    clock: &Clock,
    tasks: &Tasks,
) {
    let mut backoff = Backoff::new();
    while !tasks.is_stopping() {
        let batch = match clean_up {
            CleanUp::Hold => hold(store, webhook_id, metrics).await,
            CleanUp::Purge => {
                store.write(move |tx| webhooks::purge(tx, webhook_id, CLEAN_UP_BATCH_ROWS)).await
            }
        };
        match batch {
            Ok(true) => return,
            Ok(false) => backoff = Backoff::new(),
            Err(error) => {
                backoff.log("a webhook's rows are not cleaned up yet", &error);
                tokio::select! {
                    () = tasks.stopping() => {}
                    () = backoff.wait(clock) => {}
                }
            }
        }
    }
}

/// One batch; whether it was the last. A webhook that was enabled again keeps its deliveries.
async fn hold(store: &Store, webhook_id: i64, metrics: &Metrics) -> Result<bool, Error> {
    let held = store.write(move |tx| deliveries::hold(tx, webhook_id, CLEAN_UP_BATCH_ROWS)).await?;
    metrics.deliveries.get_or_create(&StateLabel { state: "held" }).inc_by(held);
    Ok(held < CLEAN_UP_BATCH_ROWS as u64)
}
