//! What is thrown away by and by, in batches that do not hold up the writer.

use fanfare_model::{Timestamp, limits::CLEAN_UP_BATCH_ROWS};
use fanfare_store::idempotency;

use super::{App, Error, idempotency::expired};

/// The pause between two rounds (1 h).
const PAUSE_MS: u64 = 60 * 60 * 1_000;

/// Tidies up at once and then every hour, until the server stops.
pub(crate) async fn run(app: App) {
    while !app.tasks.is_stopping() {
        if let Err(error) = forget_answers(&app, app.clock.now()).await {
            // Nothing is lost by trying again an hour later.
            tracing::warn!(?error, "old answers were not removed");
        }
        tokio::select! {
            () = app.tasks.stopping() => {}
            () = app.clock.sleep_ms(PAUSE_MS) => {}
        }
    }
}

/// Removes the answers under `Idempotency-Key`s that are no longer given.
async fn forget_answers(app: &App, now: Timestamp) -> Result<(), Error> {
    while !app.tasks.is_stopping() {
        let forgotten = app
            .store
            .write(move |tx| Ok::<_, Error>(idempotency::forget(tx, expired(now), CLEAN_UP_BATCH_ROWS)?))
            .await?;
        if forgotten < CLEAN_UP_BATCH_ROWS as u64 {
            break;
        }
    }
    Ok(())
}
