//! How long to wait for a database that is away.

use std::fmt::Display;

use crate::timers::Clock;

/// The first wait, in milliseconds.
const WAIT_MIN_MS: u64 = 100;
/// The longest wait, in milliseconds.
const WAIT_MAX_MS: u64 = 5_000;

/// Waits that double from one to the next.
pub(super) struct Backoff {
    wait_ms: u64,
    logged: bool,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { wait_ms: WAIT_MIN_MS, logged: false }
    }

    /// Logs the first failure of a row.
    pub(super) fn log(&mut self, what: &str, error: &dyn Display) {
        if !std::mem::replace(&mut self.logged, true) {
            tracing::warn!(%error, "{what}; trying again");
        }
    }

    pub(super) async fn wait(&mut self, clock: &Clock) {
        clock.sleep_ms(self.wait_ms).await;
        self.wait_ms = (self.wait_ms * 2).min(WAIT_MAX_MS);
    }
}
