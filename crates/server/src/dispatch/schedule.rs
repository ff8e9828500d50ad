//! Who is sent to next: the front of each webhook's queue, turns between webhooks, and when to look
//! into the database again. A state machine without I/O, clock or randomness: inputs come in as
//! calls, and [`Schedule::advance`] returns what is to be done.
//!
//! The database is the truth. A webhook whose work is all in memory takes new deliveries straight
//! into its queue; one with more is `spilled`: its new work is left in the database and read from
//! there in pages. Forgetting something here costs a read; the one thing that must be remembered
//! is which deliveries are under way or not yet recorded (`known`), so that no page brings them
//! again.

mod keys;
mod lane;
mod pace;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use fanfare_model::{
    Timestamp,
    breaker::{GivenUp, Health},
    delivery::Sign,
    webhook::Webhook,
};
use fanfare_store::deliveries::{Due, InOrder};

use self::{
    lane::{CleanUpState, Lane, Read, Receiver},
    pace::{May, Pace},
};

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
    /// The same of all webhooks together; past it each has no more than can be under way.
    pub(super) ready_max_total: usize,
    /// Requests under way to one webhook that does not say how many.
    pub(super) in_flight_max_per_webhook: usize,
    /// Requests under way in all.
    pub(super) in_flight_max: usize,
    /// Reads under way in all.
    pub(super) reads_max: usize,
    /// Webhooks that are remembered although there is nothing to do about them.
    pub(super) lanes_max: usize,
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
    /// Keep how the webhook's receiver does, for the next start.
    Remember(i64, Health),
    /// Have the webhook disabled.
    GiveUp(SharedWebhook, GivenUp),
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
    /// The webhook and how its receiver was when that was last kept; `None`: deleted.
    pub(super) webhook: Option<(SharedWebhook, Health)>,
    /// `None`: not asked for.
    pub(super) page: Option<Page>,
}

/// Due deliveries of one webhook.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Those without an order, in the one in which they are to be sent.
    pub(super) due: Vec<Due>,
    /// Whether there may be more of those.
    pub(super) full: bool,
    /// When the next of them is due that was not yet.
    pub(super) next_due: Option<Timestamp>,
    /// Those with an order.
    pub(super) in_order: InOrder,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// What it says about the receiver.
    pub(super) sign: Sign,
    /// Whether the delivery is to be tried again.
    pub(super) retried: bool,
}

/// Why a webhook is looked at although nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    /// The database holds something that is due then.
    Look,
    /// What is in memory may be sent then.
    Resume,
}

/// See the module.
pub(super) struct Schedule {
    bounds: Bounds,
    now: Timestamp,
    lanes: HashMap<i64, Lane>,
    /// Deliveries waiting in memory, of all webhooks.
    waiting: usize,
    /// Webhooks that may send now, each once, in turn.
    turns: VecDeque<i64>,
    /// Webhooks that must be read, each once, in turn.
    reads_wanted: VecDeque<i64>,
    reads: usize,
    /// Attempts under way: the delivery and its webhook.
    in_flight: HashMap<i64, i64>,
    wakes: BTreeSet<(Timestamp, i64, Wake)>,
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
            now: Timestamp::EPOCH,
            lanes: HashMap::new(),
            waiting: 0,
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
        let room = if self.is_full() { 0 } else { self.bounds.ready_max };
        self.lane(webhook_id).take(due, room);
        self.touch(webhook_id);
    }

    /// The database may hold due deliveries of a webhook that nobody told of.
    pub(super) fn spilled(&mut self, webhook_id: i64) {
        self.lane(webhook_id).spill();
        self.touch(webhook_id);
    }

    /// Deliveries of a webhook became pending again or were called off: memory is read anew.
    pub(super) fn stirred(&mut self, webhook_id: i64) {
        let lane = self.lane(webhook_id);
        if !matches!(lane.receiver, Receiver::Deleted) {
            lane.drop_waiting();
            self.touch(webhook_id);
        }
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
        self.now = now;
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        let Read { outdated, missed, spoilt, arrived, settled, .. } = std::mem::take(&mut lane.read);
        self.reads -= 1;
        let Some(found) = found else {
            lane.paused = true;
            self.wake_at(webhook_id, now.plus_millis(RECOVERY_MS), Wake::Look);
            return;
        };
        if let Some(page) = found.page.filter(|_| !spoilt) {
            let behind = page.in_order.keys.iter().filter_map(|key| key.next_due);
            let next_due = behind.chain(page.next_due).chain(page.in_order.next_due).min();
            lane.load(page, arrived, &settled);
            if missed {
                lane.spill();
            }
            if let Some(next_due) = next_due {
                self.wake_at(webhook_id, next_due, Wake::Look);
            }
        }
        if !outdated {
            self.learn(webhook_id, found.webhook);
        }
        self.touch(webhook_id);
    }

    /// An attempt ended, and its slot is free; comes before [`Schedule::settled`]. `None`: nothing of
    /// it will be recorded, and the delivery is as if never tried.
    pub(super) fn finished(&mut self, delivery_id: i64, ended: Option<Ended>, now: Timestamp) {
        self.now = now;
        let Some(webhook_id) = self.in_flight.remove(&delivery_id) else { return };
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        lane.in_flight -= 1;
        if let Some(Ended { sign, retried }) = ended {
            if !retried {
                lane.keys.release(delivery_id);
            }
            self.judge(webhook_id, sign);
        } else {
            lane.forget_key(delivery_id);
            if lane.known.remove(&delivery_id) {
                self.wake_at(webhook_id, now.plus_millis(RECOVERY_MS), Wake::Look);
            }
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
            lane.read.settled.insert(delivery_id, retry_at.is_some());
        }
        if let Some(retry_at) = retry_at {
            lane.forget_key(delivery_id);
            self.wake_at(webhook_id, retry_at, Wake::Look);
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
        self.now = now;
        while let Some(&(at, webhook_id, wake)) = self.wakes.first()
            && at <= now
        {
            self.wakes.pop_first();
            if let Some(lane) = self.lanes.get_mut(&webhook_id) {
                match wake {
                    Wake::Look => {
                        (lane.look_at, lane.paused) = (None, false);
                        lane.spill();
                    }
                    Wake::Resume => lane.resume_at = None,
                }
                self.touch(webhook_id);
            }
        }
        self.send();
        self.start_reads();
        std::mem::take(&mut self.actions)
    }

    /// When [`Schedule::advance`] has something to do although nothing happens.
    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        self.wakes.first().map(|&(at, ..)| at)
    }

    /// One delivery a turn, so that a webhook with many does not keep the others waiting.
    fn send(&mut self) {
        while self.in_flight.len() < self.bounds.in_flight_max
            && let Some(webhook_id) = self.turns.pop_front()
        {
            let Some(lane) = self.lanes.get_mut(&webhook_id) else { continue };
            lane.in_turns = false;
            if let Some((due, webhook)) = lane.next(self.now) {
                self.in_flight.insert(due.id, webhook_id);
                self.actions.push(Action::Send(due, webhook));
            }
            self.touch(webhook_id);
        }
    }

    fn start_reads(&mut self) {
        while self.reads < self.bounds.reads_max
            && let Some(webhook_id) = self.reads_wanted.pop_front()
        {
            let is_full = self.is_full();
            let Some(lane) = self.lanes.get_mut(&webhook_id) else { continue };
            lane.in_reads_wanted = false;
            if lane.wants_read(self.now) {
                let with_page = lane.wants_page(self.now);
                lane.read = Read { under_way: true, with_page, ..Read::default() };
                self.reads += 1;
                let wanted = if is_full { lane.in_flight_max() } else { self.bounds.ready_max };
                // Those that are known may fill a part of the page.
                let rows = with_page.then_some(wanted + lane.known.len());
                self.actions.push(Action::Read { webhook_id, rows });
            }
            self.touch(webhook_id);
        }
    }

    fn is_full(&self) -> bool {
        self.waiting >= self.bounds.ready_max_total
    }

    fn lane(&mut self, webhook_id: i64) -> &mut Lane {
        self.lanes.entry(webhook_id).or_insert_with(Lane::new)
    }

    fn learn(&mut self, webhook_id: i64, webhook: Option<(SharedWebhook, Health)>) {
        let (now, max) = (self.now, self.bounds.in_flight_max_per_webhook);
        let lane = self.lane(webhook_id);
        lane.unchecked = false;
        lane.receiver = match webhook {
            Some((webhook, health)) => {
                let (options, is_enabled) = (&webhook.0.options, webhook.0.enabled);
                let max = options.max_in_flight.map_or(max, |max| max as usize);
                lane.pace = Some(match lane.pace.take() {
                    // What is known of the receiver is newer than what was kept.
                    Some((before, mut pace)) if is_same_receiver(&before.0, &webhook.0) => {
                        pace.limit(max, options.rate_limit, now);
                        (webhook, pace)
                    }
                    _ => {
                        lane.given_up = false;
                        let pace = Pace::new(max, options.rate_limit, health, now);
                        (webhook, pace)
                    }
                });
                if is_enabled { Receiver::Enabled } else { Receiver::Disabled }
            }
            None => Receiver::Deleted,
        };
        if matches!(lane.receiver, Receiver::Deleted) {
            if lane.clean_up == CleanUpState::None {
                lane.clean_up = CleanUpState::Wanted;
            }
            self.forget_wakes(webhook_id);
            let mut aborted: Vec<_> = self.in_flight.iter().filter(|(_, id)| **id == webhook_id).collect();
            aborted.sort_unstable();
            let aborted: Vec<_> = aborted.into_iter().map(|(delivery_id, _)| *delivery_id).collect();
            if !aborted.is_empty() {
                self.actions.push(Action::Abort(aborted));
            }
        }
        self.lane(webhook_id).prune();
    }

    /// Draws the conclusions from how an attempt ended.
    fn judge(&mut self, webhook_id: i64, sign: Sign) {
        let now = self.now;
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        let Some((webhook, pace)) = &mut lane.pace else { return };
        let health = pace.health.after(sign, now);
        if health != pace.health {
            self.actions.push(Action::Remember(webhook_id, health));
        }
        pace.ended(sign.success, health);
        if !lane.given_up
            && let Some(why) = GivenUp::after(sign, &health, now)
        {
            lane.given_up = true;
            self.actions.push(Action::GiveUp(webhook.clone(), why));
        }
    }

    fn wake_at(&mut self, webhook_id: i64, at: Timestamp, wake: Wake) {
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        let planned = match wake {
            Wake::Look => &mut lane.look_at,
            Wake::Resume => &mut lane.resume_at,
        };
        if planned.is_some_and(|planned| planned <= at) {
            return;
        }
        if let Some(later) = planned.replace(at) {
            self.wakes.remove(&(later, webhook_id, wake));
        }
        self.wakes.insert((at, webhook_id, wake));
    }

    fn forget_wakes(&mut self, webhook_id: i64) {
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        for (at, wake) in [(lane.look_at.take(), Wake::Look), (lane.resume_at.take(), Wake::Resume)] {
            if let Some(at) = at {
                self.wakes.remove(&(at, webhook_id, wake));
            }
        }
    }

    /// Gives a lane its place in the queues it belongs to now; drops one that is not worth keeping.
    fn touch(&mut self, webhook_id: i64) {
        let now = self.now;
        let Some(lane) = self.lanes.get_mut(&webhook_id) else { return };
        // What is under way is still pending in the database, and must not be held there.
        let settled = lane.known.len() == lane.waiting();
        match lane.receiver {
            Receiver::Disabled if lane.clean_up == CleanUpState::Wanted && settled => {
                lane.clean_up = CleanUpState::UnderWay;
                self.actions.push(Action::CleanUp(webhook_id, CleanUp::Hold));
            }
            Receiver::Deleted if lane.clean_up == CleanUpState::Wanted => {
                lane.clean_up = CleanUpState::UnderWay;
                self.actions.push(Action::CleanUp(webhook_id, CleanUp::Purge));
            }
            _ => {}
        }
        let may_send = lane.may_send(now);
        if !lane.in_turns && may_send == Some(May::Now) {
            lane.in_turns = true;
            self.turns.push_back(webhook_id);
        }
        if !lane.in_reads_wanted && lane.wants_read(now) {
            lane.in_reads_wanted = true;
            self.reads_wanted.push_back(webhook_id);
        }
        let waiting = lane.waiting();
        self.waiting = self.waiting + waiting - std::mem::replace(&mut lane.counted, waiting);
        // What was spilled is read when the receiver is no longer left alone.
        let held_until = lane.held_until(now).filter(|_| lane.spilled);
        let resume_at = match may_send {
            Some(May::At(at)) => Some(at),
            _ => held_until,
        };
        if let Some(at) = resume_at {
            self.wake_at(webhook_id, at, Wake::Resume);
        }
        let Some(lane) = self.lanes.get(&webhook_id) else { return };
        if lane.is_idle() && (lane.is_empty() || self.lanes.len() > self.bounds.lanes_max) {
            self.lanes.remove(&webhook_id);
        }
    }
}

/// Whether what is known of how one does holds for the other.
fn is_same_receiver(before: &Webhook, after: &Webhook) -> bool {
    before.url == after.url && (before.enabled || !after.enabled)
}
