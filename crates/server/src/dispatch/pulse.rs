//! Whether the delivery loop moves: what it is told of must be heard within a while, and what is due
//! must be found.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::timers::{Clock, Tick};

/// How long what the loop is told of may wait for it, or what is due not be readable, before it counts as
/// stuck, in milliseconds.
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
    /// When a reading of what is due first failed, none having worked since; likewise.
    unread_since_ms: Arc<AtomicU64>,
}

impl Pulse {
    pub(crate) fn new(clock: Clock) -> Self {
        let origin = clock.tick();
        let nothing = || Arc::new(AtomicU64::new(NOTHING));
        Self { clock, origin, unheard_since_ms: nothing(), unread_since_ms: nothing() }
    }

    /// The loop was told something.
    pub(super) fn told(&self) {
        self.begin(&self.unheard_since_ms);
    }

    /// The loop has heard all it was told before.
    pub(super) fn heard(&self) {
        self.unheard_since_ms.store(NOTHING, Ordering::Relaxed);
    }

    /// What is due was read, or could not be.
    pub(super) fn read(&self, worked: bool) {
        if worked {
            self.unread_since_ms.store(NOTHING, Ordering::Relaxed);
        } else {
            self.begin(&self.unread_since_ms);
        }
    }

    /// Whether the loop has moved lately and found what is due, or had no reason to.
    pub(crate) fn is_beating(&self) -> bool {
        [&self.unheard_since_ms, &self.unread_since_ms].into_iter().all(|since_ms| {
            let since_ms = since_ms.load(Ordering::Relaxed);
            since_ms == NOTHING || self.now_ms().saturating_sub(since_ms) < STUCK_MS
        })
    }

    fn begin(&self, since_ms: &AtomicU64) {
        if since_ms.load(Ordering::Relaxed) == NOTHING {
            since_ms.store(self.now_ms(), Ordering::Relaxed);
        }
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

    #[test]
    fn a_loop_that_cannot_read_what_is_due_is_stuck() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let pulse = Pulse::new(clock.clone());
        pulse.read(false);
        clock.advance(Duration::from_millis(STUCK_MS / 2));
        pulse.read(false);
        assert!(pulse.is_beating());
        clock.advance(Duration::from_millis(STUCK_MS / 2));
        assert!(!pulse.is_beating());
        pulse.read(true);
        assert!(pulse.is_beating());
    }
}
