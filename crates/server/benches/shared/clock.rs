//! The time, and waiting for it.

use std::{
    future::Future,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Nanoseconds since the epoch: a clock that the processes of one machine share.
#[expect(clippy::disallowed_methods, reason = "it measures")]
pub(crate) fn now_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds between two moments.
pub(crate) fn seconds(from_ns: u64, until_ns: u64) -> f64 {
    Duration::from_nanos(until_ns.saturating_sub(from_ns)).as_secs_f64()
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
pub(crate) async fn pause(length: Duration) {
    tokio::time::sleep(length).await;
}

/// What `future` gives, if it does so in time.
#[expect(clippy::disallowed_methods, reason = "it measures")]
pub(crate) async fn at_most<F: Future>(length: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(length, future).await.ok()
}
