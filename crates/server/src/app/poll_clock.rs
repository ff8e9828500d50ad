//! Watches the clock for polls: closes them when their time is over, and tells changes that had to
//! wait. What is overdue at the start is closed at once. Decides nothing; the use cases do.

use std::sync::Arc;

use tokio::sync::Notify;

use super::App;
use crate::shutdown::Tasks;

/// How long it sleeps at most while a poll is open, in milliseconds: a clock that was set anew is
/// noticed.
const SLEEP_MAX_MS: u64 = 60_000;
/// The wait after the database could not be used, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Runs until the server stops; `changed` wakes it when a poll was opened, closed or voted in.
pub(crate) async fn run(app: App, changed: Arc<Notify>, tasks: Tasks) {
    tokio::select! {
        biased;
        () = tasks.stopping() => {}
        () = watch(&app, &changed) => {}
    }
}

async fn watch(app: &App, changed: &Notify) {
    let mut is_failing = false;
    loop {
        match app.tend_polls().await {
            Ok(None) => {
                is_failing = false;
                changed.notified().await;
            }
            Ok(Some(due)) => {
                is_failing = false;
                let wait_ms = due.as_millis() - app.clock.now().as_millis();
                let wait_ms = u64::try_from(wait_ms).unwrap_or(0).clamp(1, SLEEP_MAX_MS);
                tokio::select! {
                    () = changed.notified() => {}
                    () = app.clock.sleep_ms(wait_ms) => {}
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(?error, "open polls cannot be looked after; trying again");
                }
                app.clock.sleep_ms(RETRY_MS).await;
            }
        }
    }
}
