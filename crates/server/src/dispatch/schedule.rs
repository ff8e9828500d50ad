//! Who is sent to next: the front of each webhook's queue, turns between webhooks, and when to look
//! into the database again. A state machine without I/O, clock or randomness: inputs come in as
//! calls, and [`Schedule::advance`] returns what is to be done.
//!
//! The database is the truth. A webhook whose work is all in memory takes new deliveries straight
//! into its queue; one with more is `spilled`: its new work is left in the database and read from
//! there in pages. Forgetting something here costs a read; the one thing that must be remembered
//! is which deliveries are under way or not yet recorded (`known`), so that no page brings them
//! again.

mod lane;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use fanfare_model::{Timestamp, webhook::Webhook};
use fanfare_store::deliveries::Due;

use self::lane::{CleanUpState, Lane, Read, Receiver};

/// After a failed read, or an attempt that came to nothing, how long until the database is read
/// again for that webhook, in milliseconds.
const RECOVERY_MS: i64 = 1_000;
/// Recorded deliveries that are remembered, by number.
const RECENT_MAX: usize = 4_096;

/// The bounds of a [`Schedule`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Deliveries of one webhook in memory, waiting; also the new ones that a page may bring.
    pub(super) ready_max: usize,
    /// Requests under way to one webhook.
    pub(super) in_flight_max_per_webhook: usize,
    /// Requests under way in all.
    pub(super) in_flight_max: usize,
    /// Reads under way in all.
    pub(super) reads_max: usize,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Make an attempt, then call [`Schedule::finished`] and, once it is recorded,
    /// [`Schedule::settled`].
    Send(Due, SharedWebhook),
    /// Read the webhook and, of its due deliveries, so many rows if any are asked for; then call
    /// [`Schedule::read`].
    Read {
        /// The webhook.
        webhook_id: i64,
        /// The size of the page, if one is wanted.
        rows: Option<usize>,
    },
    /// Stop these attempts and record nothing of them; [`Schedule::finished`] follows for each.
    Abort(Vec<i64>),
    /// Bring the database in line in the background, then call [`Schedule::cleaned`].
    CleanUp(i64, CleanUp),
}

/// A webhook as it was last read; not shown, it holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SharedWebhook(pub(super) Arc<Webhook>);

impl std::fmt::Debug for SharedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "webhook {}", self.0.id)
    }
}

/// What is done about a webhook that gets nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CleanUp {
    /// It is disabled: its pending deliveries become held.
    Hold,
    /// It is deleted: its rows are removed.
    Purge,
}

/// What a read found.
#[derive(Debug)]
pub(super) struct Found {
    /// `None`: deleted.
    pub(super) webhook: Option<SharedWebhook>,
    /// `None`: not asked for.
    pub(super) page: Option<Page>,
}

/// Due deliveries of one webhook.
#[derive(Debug)]
pub(super) struct Page {
    /// In the order in which they are to be sent.
    pub(super) due: Vec<Due>,
    /// Whether there may be more.
    pub(super) full: bool,
    /// When the next one is due that was not yet.
    pub(super) next_due: Option<Timestamp>,
}

/// See the module.
pub(super) struct Schedule {
    bounds: Bounds,
    lanes: HashMap<i64, Lane>,
    /// Webhooks that may send now, each once, in turn.
    turns: VecDeque<i64>,
    /// Webhooks that must be read, each once, in turn.
    reads_wanted: VecDeque<i64>,
    reads: usize,
    /// Attempts under way: the delivery and its webhook.
    in_flight: HashMap<i64, i64>,
    wakes: BTreeSet<(Timestamp, i64)>,
    actions: Vec<Action>,
    recent: Recent,
}

/// The deliveries that were recorded last. A page can bring a delivery before its commit is
/// announced; when it is sent and recorded by then, the announcement must not send it again.
#[derive(Default)]
struct Recent {
    order: VecDeque<i64>,
    ids: HashSet<i64>,
}

impl Recent {
    fn insert(&mut self, delivery_id: i64) {
        if self.ids.insert(delivery_id) {
            self.order.push_back(delivery_id);
        }
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

impl Schedule {
    /// An empty schedule.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            reads_wanted: VecDeque::new(),
            reads: 0,
            in_flight: HashMap::new(),
            wakes: BTreeSet::new(),
            actions: Vec::new(),
            recent: Recent::default(),
        }
    }

    /// A delivery was committed and is due.
    pub(super) fn committed(&mut self, due: Due) {
        if self.recent.ids.contains(&due.id) {
            return;
        }
        let webhook_id = due.webhook_id;
        let ready_max = self.bounds.ready_max;
        let lane = self.lane(webhook_id);
        if lane.takes(ready_max) {
            if lane.known.insert(due.id) {
                lane.ready.push_back(due);
                lane.read.arrived += 1;
            }
            lane.prune();
        } else {
            lane.spill();
        }
        self.touch(webhook_id);
    }

    /// The database may hold due deliveries of a webhook that nobody told of.
    pub(super) fn spilled(&mut self, webhook_id: i64) {
        self.lane(webhook_id).spill();
        self.touch(webhook_id);
    }

    /// A webhook was created, changed or deleted: what is known of it is forgotten.
    pub(super) fn changed(&mut self, webhook_id: i64) {
        let lane = self.lane(webhook_id);
        // Deleted is for good: ids are never reused.
        if !matches!(lane.receiver, Receiver::Deleted) {
            lane.unchecked = true;
            lane.read.outdated |= lane.read.under_way;
            lane.receiver = Receiver::Unknown;
            self.touch(webhook_id);
        }
    }

    /// A webhook was found deleted, with rows left.
    pub(super) fn deleted(&mut self, webhook_id: i64) {
        self.learn(webhook_id, None);
        self.touch(webhook_id);
    }

    /// A read ended; `None` when it failed.
    pub(super) fn read(&mut self, webhook_id: i64, found: Option<Found>, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        let Read { outdated, missed, arrived, settled, .. } = std::mem::take(&mut lane.read);
        self.reads -= 1;
        let Some(found) = found else {
            lane.paused = true;
            self.wake_at(webhook_id, now.plus_millis(RECOVERY_MS));
            return;
        };
        if let Some(page) = found.page {
            // What was committed meanwhile stands behind what the database held before.
            let arrived = lane.ready.split_off(lane.ready.len().saturating_sub(arrived));
            let known = &mut lane.known;
            let is_new = |due: &Due| !settled.contains(&due.id) && known.insert(due.id);
            lane.ready.extend(page.due.into_iter().filter(is_new));
            lane.ready.extend(arrived);
            lane.spilled = page.full || missed;
            if let Some(next_due) = page.next_due {
                self.wake_at(webhook_id, next_due);
            }
        }
        if !outdated {
            self.learn(webhook_id, found.webhook);
        }
        self.touch(webhook_id);
    }

    /// An attempt ended, and its slot is free; comes before [`Schedule::settled`]. Unless it is
    /// `kept`, nothing of it will be recorded, and the delivery is as if never tried.
    pub(super) fn finished(&mut self, delivery_id: i64, kept: bool, now: Timestamp) {
        let Some(webhook_id) = self.in_flight.remove(&delivery_id) else { return };
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        lane.in_flight -= 1;
        if !kept && lane.known.remove(&delivery_id) {
            self.wake_at(webhook_id, now.plus_millis(RECOVERY_MS));
        }
        self.touch(webhook_id);
    }

    /// An attempt was recorded in the database; `retry_at` if there is to be another.
    pub(super) fn settled(&mut self, delivery_id: i64, webhook_id: i64, retry_at: Option<Timestamp>) {
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        if !lane.known.remove(&delivery_id) {
            return;
        }
        self.recent.insert(delivery_id);
        if lane.read.with_page {
            lane.read.settled.insert(delivery_id);
        }
        if let Some(retry_at) = retry_at {
            self.wake_at(webhook_id, retry_at);
        }
        self.touch(webhook_id);
    }

    /// A clean-up ended, or found that it was not called for any more.
    pub(super) fn cleaned(&mut self, webhook_id: i64, clean_up: CleanUp) {
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        lane.clean_up = match (&lane.receiver, clean_up) {
            (Receiver::Deleted, CleanUp::Hold) => CleanUpState::Wanted,
            _ => CleanUpState::None,
        };
        lane.spill();
        self.touch(webhook_id);
    }

    /// What is to be done at `now`, in view of all that was told.
    pub(super) fn advance(&mut self, now: Timestamp) -> Vec<Action> {
        while let Some(&(at, webhook_id)) = self.wakes.first()
            && at <= now
        {
            self.wakes.pop_first();
            if let Some(lane) = self.lanes.get_mut(&webhook_id) {
                (lane.wake, lane.paused) = (None, false);
                lane.spill();
                self.touch(webhook_id);
            }
        }
        self.send();
        self.start_reads();
        std::mem::take(&mut self.actions)
    }

    /// When [`Schedule::advance`] has something to do although nothing happens.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        self.wakes.first().map(|&(at, _)| at)
    }

    /// One delivery a turn, so that a webhook with many does not keep the others waiting.
    fn send(&mut self) {
        while self.in_flight.len() < self.bounds.in_flight_max
            && let Some(webhook_id) = self.turns.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&webhook_id) else { continue };
            lane.in_turns = false;
            if lane.runnable(self.bounds.in_flight_max_per_webhook)
                && let Receiver::Enabled(webhook) | Receiver::Disabled(webhook) = &lane.receiver
                && let Some(due) = lane.ready.pop_front()
            {
                lane.in_flight += 1;
                self.in_flight.insert(due.id, webhook_id);
                self.actions.push(Action::Send(due, webhook.clone()));
            }
            self.touch(webhook_id);
        }
    }

    fn start_reads(&mut self) {
        let in_flight_max = self.bounds.in_flight_max_per_webhook;
        while self.reads < self.bounds.reads_max
            && let Some(webhook_id) = self.reads_wanted.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&webhook_id) else { continue };
            lane.in_reads_wanted = false;
            if lane.wants_read(in_flight_max) {
                let with_page = lane.wants_page(in_flight_max);
                lane.read = Read { under_way: true, with_page, ..Read::default() };
                self.reads += 1;
                // Those that are known may fill a part of the page.
                let rows = with_page.then_some(self.bounds.ready_max + lane.known.len());
                self.actions.push(Action::Read { webhook_id, rows });
            }
            self.touch(webhook_id);
        }
    }

    fn lane(&mut self, webhook_id: i64) -> &mut Lane {
        self.lanes.entry(webhook_id).or_insert_with(Lane::new)
    }

    fn learn(&mut self, webhook_id: i64, webhook: Option<SharedWebhook>) {
        let lane = self.lane(webhook_id);
        lane.unchecked = false;
        lane.receiver = match webhook {
            Some(webhook) if webhook.0.enabled => Receiver::Enabled(webhook),
            Some(webhook) => Receiver::Disabled(webhook),
            None => Receiver::Deleted,
        };
        if matches!(lane.receiver, Receiver::Deleted) {
            if lane.clean_up == CleanUpState::None {
                lane.clean_up = CleanUpState::Wanted;
            }
            self.forget_wake(webhook_id);
            let mut aborted: Vec<_> = self.in_flight.iter().filter(|(_, id)| **id == webhook_id).collect();
            aborted.sort_unstable();
            let aborted: Vec<_> = aborted.into_iter().map(|(delivery_id, _)| *delivery_id).collect();
            if !aborted.is_empty() {
                self.actions.push(Action::Abort(aborted));
            }
        }
        self.lane(webhook_id).prune();
    }

    fn wake_at(&mut self, webhook_id: i64, at: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        if lane.wake.is_some_and(|wake| wake <= at) {
            return;
        }
        if let Some(wake) = lane.wake.replace(at) {
            self.wakes.remove(&(wake, webhook_id));
        }
        self.wakes.insert((at, webhook_id));
    }

    fn forget_wake(&mut self, webhook_id: i64) {
        if let Some(wake) = self.lanes.get_mut(&webhook_id).and_then(|lane| lane.wake.take()) {
            self.wakes.remove(&(wake, webhook_id));
        }
    }

    /// Gives a lane its place in the queues it belongs to now; drops one without work.
    fn touch(&mut self, webhook_id: i64) {
        let in_flight_max = self.bounds.in_flight_max_per_webhook;
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        // What is under way is still pending in the database, and must not be held there.
        let settled = lane.known.len() == lane.ready.len();
        match lane.receiver {
            Receiver::Disabled(_) if lane.clean_up == CleanUpState::Wanted && settled => {
                lane.clean_up = CleanUpState::UnderWay;
                self.actions.push(Action::CleanUp(webhook_id, CleanUp::Hold));
            }
            Receiver::Deleted if lane.clean_up == CleanUpState::Wanted => {
                lane.clean_up = CleanUpState::UnderWay;
                self.actions.push(Action::CleanUp(webhook_id, CleanUp::Purge));
            }
            _ => {}
        }
        if !lane.in_turns && lane.runnable(in_flight_max) {
            lane.in_turns = true;
            self.turns.push_back(webhook_id);
        }
        if !lane.in_reads_wanted && lane.wants_read(in_flight_max) {
            lane.in_reads_wanted = true;
            self.reads_wanted.push_back(webhook_id);
        }
        if lane.is_idle() {
            self.lanes.remove(&webhook_id);
        }
    }
}
