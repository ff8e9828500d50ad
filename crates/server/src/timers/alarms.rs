//! Alarms of many sleepers on one timer: each is late by less than a slot, and none costs a task or a
//! timer of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{Clock, Tick};

/// Who is to be woken when; clones are one.
#[derive(Clone)]
pub(crate) struct Alarms<B>(Arc<Shared<B>>);

struct Shared<B> {
    clock: Clock,
    /// How late an alarm may be.
    slot_ms: u64,
    /// By the slot's end.
    slots: Mutex<BTreeMap<Tick, Vec<B>>>,
    /// An earlier slot than any other was taken.
    earlier: Notify,
}

impl<B: Send> Alarms<B> {
    /// Alarms that are late by less than `slot_ms`.
    pub(crate) fn new(clock: Clock, slot_ms: u64) -> Self {
        Self(Arc::new(Shared { clock, slot_ms, slots: Mutex::default(), earlier: Notify::new() }))
    }

    /// Hands `bell` to [`Alarms::run`] once, at `at` or up to a slot later. Cannot be taken back.
    pub(crate) fn set(&self, at: Tick, bell: B) {
        // A moment so far ahead never comes.
        let Some(end_ms) = at.as_millis().checked_next_multiple_of(self.0.slot_ms) else { return };
        let end = Tick::from_millis(end_ms);
        let is_earliest = {
            let mut slots = self.slots();
            let is_earliest = slots.first_key_value().is_none_or(|(first, _)| end < *first);
            slots.entry(end).or_default().push(bell);
            is_earliest
        };
        if is_earliest {
            self.0.earlier.notify_one();
        }
    }

    /// Rings for ever.
    pub(crate) async fn run(self, ring: impl Fn(B)) {
        loop {
            let next = self.slots().first_key_value().map(|(end, _)| *end);
            match next {
                None => self.0.earlier.notified().await,
                Some(end) => tokio::select! {
                    () = self.0.clock.sleep_until(end) => self.due(end).into_iter().for_each(&ring),
                    () = self.0.earlier.notified() => {}
                },
            }
        }
    }

    fn due(&self, end: Tick) -> Vec<B> {
        let mut slots = self.slots();
        let mut due = Vec::new();
        while let Some(first) = slots.first_entry().filter(|first| *first.key() <= end) {
            due.extend(first.remove());
        }
        due
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Tick, Vec<B>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use fanfare_model::Timestamp;

    use super::*;

    #[tokio::test]
    async fn each_rings_once_and_hardly_late() {
        let clock = Clock::manual(Timestamp::EPOCH);
        let alarms = Alarms::new(clock.clone(), 250);
        let (heard_by, heard_of) = mpsc::channel();
        let mut run = Box::pin(alarms.clone().run(move |ms: u64| heard_by.send(ms).expect("heard")));
        assert!(futures_util::poll!(&mut run).is_pending());
        for ms in [1_000, 10, 249, 250, 5_000] {
            alarms.set(clock.tick().plus_millis(ms), ms);
        }
        let mut heard = Vec::new();
        for _ in 0..60 {
            assert!(futures_util::poll!(&mut run).is_pending());
            clock.advance(Duration::from_millis(100));
            assert!(futures_util::poll!(&mut run).is_pending());
            heard.extend(heard_of.try_iter().map(|ms| (ms, clock.tick().as_millis())));
        }
        assert_eq!(heard, [(10, 300), (249, 300), (250, 300), (1_000, 1_000), (5_000, 5_000)]);
        assert_eq!(alarms.slots().len(), 0);
        alarms.set(Tick::MAX, 0);
        assert_eq!(alarms.slots().len(), 0, "it never comes");
    }
}
