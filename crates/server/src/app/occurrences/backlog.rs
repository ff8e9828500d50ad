//! How far the recorder is behind, for the figures.

use std::sync::{Mutex, MutexGuard, PoisonError};

use fanfare_model::Timestamp;

use super::Occurrence;

/// What is told and not written down yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// How much it is.
    pub(crate) waiting: usize,
    /// When the oldest of it happened, or a little before; `None` when nothing waits, or
    /// nobody has begun to write it down.
    pub(crate) oldest: Option<Timestamp>,
}

/// What the recorder has taken from the queue and not written down yet: all that is older than what is
/// still in the queue.
#[derive(Default)]
pub(super) struct InHand(Mutex<Backlog>);

impl InHand {
    /// The recorder begins at `now` with what was left behind; what is told meanwhile waits for that.
    pub(super) fn begin(&self, now: Timestamp) {
        *self.lock() = Backlog { waiting: 0, oldest: Some(now) };
    }

    /// It has taken these.
    pub(super) fn take(&self, batch: &[Occurrence]) {
        let oldest = batch.iter().map(|occurrence| occurrence.at).min();
        *self.lock() = Backlog { waiting: batch.len(), oldest };
    }

    /// Together with so many in the queue.
    pub(super) fn and(&self, queued: usize) -> Backlog {
        let Backlog { waiting, oldest } = *self.lock();
        let waiting = waiting + queued;
        Backlog { waiting, oldest: oldest.filter(|_| waiting > 0) }
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
