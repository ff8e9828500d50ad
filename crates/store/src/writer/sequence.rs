//! Puts the commits of several connections into one order before anybody hears of them.
//!
//! A writer takes a ticket while its transaction still holds the locks of the topics it wrote to.
//! Another one that writes to the same topic waits for those locks, so its ticket is a later one:
//! in the order of tickets, each topic's events are in the order of their commits.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use fanfare_model::limits::COMMITS_MAX_QUEUED;
use tokio::sync::mpsc;

use super::Job;
use crate::{Commit, Error};

/// Hands commits to the publisher in the order of their tickets, each before its caller is
/// answered.
pub(crate) struct Sequence {
    state: Mutex<State>,
    /// Told when tickets were finished.
    room: Condvar,
    commits: mpsc::Sender<Commit>,
}

struct State {
    /// The number of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
}

enum Slot {
    /// Its transaction is being committed.
    Open,
    /// It was kept; the commit and whom to tell.
    Kept(Commit, Told),
    /// It was not.
    Dropped,
}

/// A caller and what it is told.
pub(crate) enum Told {
    Result(Box<dyn Job>),
    Refusal(Box<dyn Job>, Error),
}

/// A place in the order; gives it up when dropped.
pub(crate) struct Ticket<'a> {
    sequence: &'a Sequence,
    number: u64,
    slot: Slot,
}

impl Sequence {
    pub(crate) fn new(commits: mpsc::Sender<Commit>) -> Self {
        let state = State { first: 0, slots: VecDeque::new() };
        Self { state: Mutex::new(state), room: Condvar::new(), commits }
    }

    /// The next place; waits while too many wait for an earlier one.
    pub(crate) fn ticket(&self) -> Ticket<'_> {
        let mut state = self
            .room
            .wait_while(self.lock(), |state| state.slots.len() >= COMMITS_MAX_QUEUED)
            .unwrap_or_else(PoisonError::into_inner);
        let number = state.first + state.slots.len() as u64;
        state.slots.push_back(Slot::Open);
        Ticket { sequence: self, number, slot: Slot::Dropped }
    }

    /// Fills a slot, then tells everybody who no longer waits for an earlier one. That happens
    /// under the lock, so that nobody overtakes.
    fn finish(&self, number: u64, slot: Slot) {
        let mut state = self.lock();
        let index = usize::try_from(number - state.first).expect("a slot stays until it is finished");
        state.slots[index] = slot;
        while state.slots.front().is_some_and(|slot| !matches!(slot, Slot::Open)) {
            state.first += 1;
            if let Some(Slot::Kept(commit, told)) = state.slots.pop_front() {
                // Nobody listens any more once the receiver is dropped; the events are in the log.
                drop(self.commits.blocking_send(commit));
                told.tell();
            }
        }
        self.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    /// Its transaction was kept.
    pub(crate) fn keep(mut self, commit: Commit, told: Told) {
        self.slot = Slot::Kept(commit, told);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.sequence.finish(self.number, std::mem::replace(&mut self.slot, Slot::Dropped));
    }
}

impl Told {
    pub(crate) fn tell(self) {
        match self {
            Self::Result(job) => job.answer(),
            Self::Refusal(job, error) => job.refuse(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Notice, writer};

    fn commit(number: i64) -> Commit {
        Commit { events: Vec::new(), notices: vec![Notice::WebhookChanged(number)] }
    }

    #[test]
    fn commits_are_told_in_the_order_of_tickets_and_nobody_is_answered_before() {
        let (sender, mut commits) = mpsc::channel(8);
        let sequence = Sequence::new(sender);
        let [first, second, third] = [sequence.ticket(), sequence.ticket(), sequence.ticket()];
        let told = || {
            let (job, answered) = writer::job(|_| Ok::<(), Error>(()));
            (Told::Refusal(job, Error::NotFound), answered)
        };
        let ((told_2, mut answered_2), (told_3, mut answered_3)) = (told(), told());

        third.keep(commit(3), told_3);
        second.keep(commit(2), told_2);
        assert!(commits.try_recv().is_err(), "the first ticket is still open");
        assert!(answered_3.try_recv().is_err());

        drop(first);
        for number in [2, 3] {
            assert_eq!(commits.try_recv().expect("a commit").notices, commit(number).notices);
        }
        assert_eq!(answered_2.try_recv(), Ok(Err(Error::NotFound)));
        assert_eq!(answered_3.try_recv(), Ok(Err(Error::NotFound)));
    }
}
