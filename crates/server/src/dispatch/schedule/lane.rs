//! One webhook's part of the schedule: what is in memory of it, and what follows from that. Knows
//! nothing of other webhooks.

use std::collections::{HashSet, VecDeque};

use fanfare_model::Timestamp;
use fanfare_store::deliveries::Due;

use super::SharedWebhook;

/// What is known of a webhook itself.
pub(super) enum Receiver {
    /// It was not read yet, or has changed since.
    Unknown,
    Enabled(SharedWebhook),
    /// Only tests are sent.
    Disabled(SharedWebhook),
    Deleted,
}

/// How far a clean-up is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CleanUpState {
    None,
    Wanted,
    UnderWay,
}

/// One webhook's part.
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct Lane {
    pub(super) receiver: Receiver,
    /// Waiting in memory, to be sent in this order.
    pub(super) ready: VecDeque<Due>,
    /// Every delivery that is ready, under way, or not yet recorded.
    pub(super) known: HashSet<i64>,
    pub(super) in_flight: usize,
    /// The database may hold due deliveries that are not in memory.
    pub(super) spilled: bool,
    pub(super) read: Read,
    pub(super) clean_up: CleanUpState,
    /// When to look into the database again.
    pub(super) wake: Option<Timestamp>,
    /// A read failed; none before the wake.
    pub(super) paused: bool,
    /// The webhook changed and nobody looked what that means.
    pub(super) unchecked: bool,
    pub(super) in_turns: bool,
    pub(super) in_reads_wanted: bool,
}

/// The read of a lane that is under way, with what happened meanwhile, since the read may have
/// seen the moment before it.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub(super) struct Read {
    pub(super) under_way: bool,
    pub(super) with_page: bool,
    /// The webhook changed.
    pub(super) outdated: bool,
    /// Work came that is only in the database.
    pub(super) missed: bool,
    /// How many deliveries joined the end of the queue.
    pub(super) arrived: usize,
    /// Deliveries that were recorded; the page may still show them as due.
    pub(super) settled: HashSet<i64>,
}

impl Lane {
    pub(super) fn new() -> Self {
        Self {
            receiver: Receiver::Unknown,
            ready: VecDeque::new(),
            known: HashSet::new(),
            in_flight: 0,
            spilled: false,
            read: Read::default(),
            clean_up: CleanUpState::None,
            wake: None,
            paused: false,
            unchecked: false,
            in_turns: false,
            in_reads_wanted: false,
        }
    }

    /// Leaves work to the database.
    pub(super) fn spill(&mut self) {
        self.spilled = !matches!(self.receiver, Receiver::Deleted);
        self.read.missed |= self.read.with_page;
    }

    /// Whether a new delivery may be taken into memory without overtaking what is only in the
    /// database. While a page is being read, both are about to meet in memory.
    pub(super) fn takes(&self, ready_max: usize) -> bool {
        let nothing_missed = !self.spilled || self.read.with_page && !self.read.missed;
        nothing_missed && self.ready.len() < ready_max
    }

    pub(super) fn runnable(&self, in_flight_max: usize) -> bool {
        let known = matches!(self.receiver, Receiver::Enabled(_) | Receiver::Disabled(_));
        known && !self.ready.is_empty() && self.in_flight < in_flight_max
    }

    pub(super) fn wants_webhook(&self) -> bool {
        let needed = self.unchecked || self.spilled || !self.ready.is_empty();
        matches!(self.receiver, Receiver::Unknown) && needed
    }

    /// Reads on when as little is left as can be under way at once, so that nobody waits for it.
    pub(super) fn wants_page(&self, in_flight_max: usize) -> bool {
        self.spilled
            && self.ready.len() <= in_flight_max
            && self.clean_up == CleanUpState::None
            && !matches!(self.receiver, Receiver::Deleted)
    }

    pub(super) fn wants_read(&self, in_flight_max: usize) -> bool {
        !self.read.under_way && !self.paused && (self.wants_webhook() || self.wants_page(in_flight_max))
    }

    pub(super) fn is_idle(&self) -> bool {
        self.known.is_empty()
            && self.in_flight == 0
            && !self.spilled
            && !self.read.under_way
            && self.clean_up == CleanUpState::None
            && self.wake.is_none()
            && !self.unchecked
            && !self.in_turns
            && !self.in_reads_wanted
    }

    /// Drops from memory what this webhook is not to be sent, and wants the database told.
    pub(super) fn prune(&mut self) {
        match &self.receiver {
            Receiver::Unknown => {}
            Receiver::Enabled(_) => {
                if self.clean_up == CleanUpState::Wanted {
                    self.clean_up = CleanUpState::None;
                    self.spill();
                }
            }
            Receiver::Disabled(_) => {
                let before = self.ready.len();
                let known = &mut self.known;
                self.ready.retain(|due| due.test || !known.remove(&due.id));
                if self.ready.len() < before && self.clean_up == CleanUpState::None {
                    self.clean_up = CleanUpState::Wanted;
                }
            }
            Receiver::Deleted => {
                self.ready.clear();
                self.known.clear();
                self.spilled = false;
            }
        }
    }
}
