//! Whether the delivery loop moves: what it is told of must be heard within a while.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::timers::{Clock, Tick};

/// How long what the loop is told of may wait for it before it counts as stuck, in milliseconds.
const STUCK_MS: u64 = 10_000;
/// Nothing waits.
const NOTHING: u64 = u64::MAX;

/// The loop's pulse; clones are one.
#[derive(Clone)]
pub(crate) struct Pulse {
    clock: Clock,
    origin: Tick,
    /// When the first thing was told that the loop has not heard, in milliseconds since `origin`.
    unheard_since_ms: Arc<AtomicU64>,
}

impl Pulse {
    pub(crate) fn new(clock: Clock) -> Self {
        let origin = clock.tick();
        Self { clock, origin, unheard_since_ms: Arc::new(AtomicU64::new(NOTHING)) }
    }

    /// The loop was told something.
    pub(super) fn told(&self) {
        if self.unheard_since_ms.load(Ordering::Relaxed) == NOTHING {
            self.unheard_since_ms.store(self.now_ms(), Ordering::Relaxed);
        }
    }

    /// The loop has heard all it was told before.
    pub(super) fn heard(&self) {
        self.unheard_since_ms.store(NOTHING, Ordering::Relaxed);
    }

    /// Whether the loop has moved lately, or had no reason to.
    pub(crate) fn is_beating(&self) -> bool {
        let since_ms = self.unheard_since_ms.load(Ordering::Relaxed);
        since_ms == NOTHING || self.now_ms().saturating_sub(since_ms) < STUCK_MS
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.tick().since(self.origin).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fanfare_model::Timestamp;

    use super::*;

    #[test]
    fn a_loop_that_does_not_listen_is_stuck() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let pulse = Pulse::new(clock.clone());
        clock.advance(Duration::from_millis(STUCK_MS * 2));
        assert!(pulse.is_beating(), "nobody has told it anything");
        pulse.told();
        clock.advance(Duration::from_millis(STUCK_MS - 1));
        pulse.told();
        assert!(pulse.is_beating());
        clock.advance(Duration::from_millis(1));
        assert!(!pulse.is_beating(), "later news do not make it younger");
        pulse.heard();
        assert!(pulse.is_beating());
    }
}
