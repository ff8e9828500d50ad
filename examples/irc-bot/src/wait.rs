//! Waiting, and the time of day. Nothing else in the bot does either.

use std::{future::Future, time::Duration};

/// The first pause after something was lost, in milliseconds; each one doubles.
const PAUSE_MIN_MS: u64 = 500;
/// The longest pause, in milliseconds.
const PAUSE_MAX_MS: u64 = 30_000;

/// Waits so many milliseconds.
#[expect(clippy::disallowed_methods, reason = "the bot waits here and nowhere else")]
pub(crate) async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Gives a future so many milliseconds.
///
/// # Errors
/// A text, when they run out first.
#[expect(clippy::disallowed_methods, reason = "the bot waits here and nowhere else")]
pub(crate) async fn within<F: Future>(ms: u64, future: F) -> Result<F::Output, String> {
    tokio::time::timeout(Duration::from_millis(ms), future).await.map_err(|_| format!("no answer in {ms} ms"))
}

/// The time of day in ISO 8601, to the millisecond.
#[expect(clippy::disallowed_methods, reason = "the bot reads the clock here and nowhere else")]
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Pauses that get longer until something succeeds.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    next_ms: u64,
}

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.next_ms = 0;
    }

    pub(crate) async fn pause(&mut self) {
        let ms = self.next_ms.max(PAUSE_MIN_MS);
        self.next_ms = (ms * 2).min(PAUSE_MAX_MS);
        pause(ms).await;
    }
}
