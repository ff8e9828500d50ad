//! What is thrown away by and by, in batches that do not hold up the writer: old answers, attempts and
//! events.

use fanfare_model::{Timestamp, limits::CLEAN_UP_BATCH_ROWS};
use fanfare_store::{deliveries, events, idempotency};

use super::{App, Error, idempotency::expired};

/// The pause between two rounds (1 h).
const PAUSE_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Events that are looked at in one job; each may have many deliveries.
const EVENTS_BATCH_ROWS: usize = 100;

/// Tidies up at once and then every hour, until the server stops.
pub(crate) async fn run(app: App) {
    while !app.tasks.is_stopping() {
        if let Err(error) = tidy(&app, app.clock.now()).await {
            // Nothing is lost by trying again an hour later.
            tracing::warn!(?error, "what is old was not all removed");
        }
        tokio::select! {
            () = app.tasks.stopping() => {}
            () = app.clock.sleep_ms(PAUSE_MS) => {}
        }
    }
}

/// What happened before is forgotten of what is kept for so many days; `None`: nothing is.
pub(super) fn kept_since(days: u32, now: Timestamp) -> Option<Timestamp> {
    (days > 0).then(|| now.plus_millis(-DAY_MS * i64::from(days)))
}

async fn tidy(app: &App, now: Timestamp) -> Result<(), Error> {
    forget_answers(app, now).await?;
    if let Some(before) = kept_since(app.delivery.log_keep_days, now) {
        forget_attempts(app, before).await?;
    }
    match kept_since(app.delivery.event_keep_days, now) {
        Some(before) => forget_events(app, before).await,
        None => Ok(()),
    }
}

/// Removes attempts that ended before `before` from the log of webhooks.
async fn forget_attempts(app: &App, before: Timestamp) -> Result<(), Error> {
    while !app.tasks.is_stopping() {
        let forgotten = app
            .store
            .write(move |tx| Ok::<_, Error>(deliveries::expire_logs(tx, before, CLEAN_UP_BATCH_ROWS)?))
            .await?;
        if forgotten < CLEAN_UP_BATCH_ROWS {
            break;
        }
    }
    Ok(())
}

/// Removes events that happened before `before`, with all that came of them.
async fn forget_events(app: &App, before: Timestamp) -> Result<(), Error> {
    let mut after = Some(0);
    while let Some(last) = after
        && !app.tasks.is_stopping()
    {
        after = app
            .store
            .write(move |tx| Ok::<_, Error>(events::expire(tx, before, last, EVENTS_BATCH_ROWS)?))
            .await?;
    }
    Ok(())
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
