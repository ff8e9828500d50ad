//! Waiting, and the time of day. Nothing else in the bot does either.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// The first pause after something was lost, in milliseconds; each one doubles.
const PAUSE_MIN_MS: u64 = 500;
/// The longest pause, in milliseconds.
const PAUSE_MAX_MS: u64 = 30_000;

/// What lasted so long was no accident, in milliseconds: the next pause is a short one again.
const LASTING_MS: u128 = 60_000;

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

    /// Resets if what there was before it was lost had been there for a while.
    pub(crate) fn reset_after(&mut self, lasted: Duration) {
        if lasted.as_millis() >= LASTING_MS {
            self.reset();
        }
    }

    /// The next pause, in milliseconds.
    pub(crate) fn next(&mut self) -> u64 {
        let ms = self.next_ms.max(PAUSE_MIN_MS);
        self.next_ms = (ms * 2).min(PAUSE_MAX_MS);
        ms
    }

    pub(crate) async fn pause(&mut self) {
        pause(self.next()).await;
    }
}

/// Tells how long something lasted.
pub(crate) struct Since(Instant);

impl Since {
    #[expect(clippy::disallowed_methods, reason = "the bot reads the clock here and nowhere else")]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_get_longer_until_something_lasts() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..8)
            .map(|_| {
                backoff.reset_after(Duration::from_secs(59));
                backoff.next()
            })
            .collect();
        assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        backoff.reset_after(Duration::from_mins(1));
        assert_eq!(backoff.next(), 500);
    }
}
