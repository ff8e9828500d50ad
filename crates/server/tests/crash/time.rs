//! The harness's own clock. It waits and measures beside the server, never inside.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Microseconds since the harness began.
pub(crate) type Micros = u64;

/// Counts from one moment on; copies count from the same one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Micros {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Part of the load: how long somebody thinks, or the server is left to live.
pub(crate) async fn pause(ms: u64) {
    pause_us(ms * 1_000).await;
}

/// The same in microseconds. Timers count whole milliseconds, so it takes turns with the other tasks
/// for as long; for the shortest pauses alone.
#[expect(clippy::disallowed_methods, reason = "instants are the harness's subject")]
pub(crate) async fn pause_us(us: Micros) {
    if us >= 1_000 {
        tokio::time::sleep(Duration::from_micros(us)).await;
    } else {
        let clock = Clock::start();
        while clock.now() < us {
            tokio::task::yield_now().await;
        }
    }
}

/// `None` when it takes longer.
#[expect(clippy::disallowed_methods, reason = "a guard against hanging, outside the server")]
pub(crate) async fn within<F: Future>(ms: u64, future: F) -> Option<F::Output> {
    tokio::time::timeout(Duration::from_millis(ms), future).await.ok()
}
