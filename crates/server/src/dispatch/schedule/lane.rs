//! One webhook's part of the schedule: what is in memory of it, and what follows from that. Knows
//! nothing of other webhooks.

use std::collections::{HashMap, HashSet, VecDeque};

use fanfare_model::{Timestamp, limits::ORDER_KEYS_MAX_PER_WEBHOOK};
use fanfare_store::deliveries::{Due, KeyPage};

use super::{
    Page, SharedWebhook,
    keys::Keys,
    pace::{May, Pace},
};

/// What is known of a webhook itself.
pub(super) enum Receiver {
    /// It was not read yet, or has changed since.
    Unknown,
    Enabled,
    /// Only tests are sent.
    Disabled,
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
    /// The webhook as it was last read, whatever has changed since, and how fast it may be sent to.
    pub(super) pace: Option<(SharedWebhook, Pace)>,
    /// The server has asked for it to be disabled.
    pub(super) given_up: bool,
    /// Tests wait for nobody but each other.
    pub(super) tests: VecDeque<Due>,
    /// Waiting in memory without an order among them, to be sent in this one.
    pub(super) ready: VecDeque<Due>,
    /// Waiting in memory, in order.
    pub(super) keys: Keys,
    /// Every delivery that waits in memory, is under way, or is not yet recorded.
    pub(super) known: HashSet<i64>,
    pub(super) in_flight: usize,
    /// The database may hold due deliveries that are not in memory.
    pub(super) spilled: bool,
    pub(super) read: Read,
    pub(super) clean_up: CleanUpState,
    /// When to look into the database again.
    pub(super) look_at: Option<Timestamp>,
    /// When to try again to send what is in memory.
    pub(super) resume_at: Option<Timestamp>,
    /// A read failed; none before the look.
    pub(super) paused: bool,
    /// The webhook changed and nobody looked what that means.
    pub(super) unchecked: bool,
    pub(super) in_turns: bool,
    pub(super) in_reads_wanted: bool,
    /// How many wait, as the schedule has counted them.
    pub(super) counted: usize,
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
    /// Deliveries were sent again or called off: the page says nothing.
    pub(super) spoilt: bool,
    /// How many deliveries joined the end of the queue.
    pub(super) arrived: usize,
    /// Deliveries that were recorded, and whether they are to be tried again; the page may still show
    /// them as due.
    pub(super) settled: HashMap<i64, bool>,
}

impl Lane {
    pub(super) fn new() -> Self {
        Self {
            receiver: Receiver::Unknown,
            pace: None,
            given_up: false,
            tests: VecDeque::new(),
            ready: VecDeque::new(),
            keys: Keys::default(),
            known: HashSet::new(),
            in_flight: 0,
            spilled: false,
            read: Read::default(),
            clean_up: CleanUpState::None,
            look_at: None,
            resume_at: None,
            paused: false,
            unchecked: false,
            in_turns: false,
            in_reads_wanted: false,
            counted: 0,
        }
    }

    /// Leaves work to the database.
    pub(super) fn spill(&mut self) {
        self.spilled = !matches!(self.receiver, Receiver::Deleted);
        self.read.missed |= self.read.with_page;
    }

    /// Takes a new delivery into memory, or leaves it to the database where taking it would let it
    /// overtake others or exceed `room`.
    pub(super) fn take(&mut self, due: Due, room: usize) {
        let has_room = self.waiting() < room;
        if due.test {
            if !has_room {
                self.spill();
            } else if self.known.insert(due.id) {
                self.tests.push_back(due);
            }
        } else if let Some(key) = &due.order_key {
            // While a page is read, what it will say of the key is not known.
            if !self.spilled && !self.read.with_page && has_room && self.keys.is_open(key) {
                if self.known.insert(due.id) {
                    self.keys.push(due);
                }
            } else {
                self.spill();
            }
        } else {
            // While a page is being read, both are about to meet in memory.
            let nothing_missed = !self.spilled || self.read.with_page && !self.read.missed;
            if nothing_missed && has_room {
                if self.known.insert(due.id) {
                    self.ready.push_back(due);
                    self.read.arrived += 1;
                }
            } else {
                self.spill();
            }
        }
        self.prune();
    }

    /// Takes what the database holds; `settled` says what was recorded since it was read.
    pub(super) fn load(&mut self, page: Page, arrived: usize, settled: &HashMap<i64, bool>) {
        // What was committed meanwhile stands behind what the database held before.
        let arrived = self.ready.split_off(self.ready.len().saturating_sub(arrived));
        for due in page.due {
            if settled.contains_key(&due.id) || !self.known.insert(due.id) {
                continue;
            }
            if due.test { self.tests.push_back(due) } else { self.ready.push_back(due) }
        }
        self.ready.extend(arrived);
        self.spilled = page.full || page.in_order.more;
        let read = page.in_order.keys.iter().map(|page| page.key.clone()).collect();
        for key in page.in_order.keys {
            self.load_key(key, settled);
        }
        self.keys.retain(&read);
        self.keys.trim(ORDER_KEYS_MAX_PER_WEBHOOK);
    }

    fn load_key(&mut self, page: KeyPage, settled: &HashMap<i64, bool>) {
        self.spilled |= page.full;
        // One that is to be tried again holds back the rest: it is read again when its time has come.
        if page.due.iter().any(|due| settled.get(&due.id) == Some(&true)) {
            return;
        }
        let KeyPage { key, due, .. } = page;
        for id in self.keys.load(KeyPage { key: key.clone(), due: Vec::new(), ..page }) {
            self.known.remove(&id);
        }
        let known = &mut self.known;
        let due = due.into_iter().filter(|due| !settled.contains_key(&due.id) && known.insert(due.id));
        self.keys.load(KeyPage { key, due: due.collect(), ..page });
    }

    /// Forgets all that waits: the database knows better.
    pub(super) fn drop_waiting(&mut self) {
        let waiting = self.ready.drain(..).chain(self.tests.drain(..)).map(|due| due.id);
        for id in waiting.chain(self.keys.clear()) {
            self.known.remove(&id);
        }
        self.read.arrived = 0;
        self.read.spoilt |= self.read.with_page;
        self.spill();
    }

    /// One that holds back others of its key does so for longer, or is as if never tried.
    pub(super) fn forget_key(&mut self, delivery_id: i64) {
        for id in self.keys.forget(delivery_id) {
            self.known.remove(&id);
        }
    }

    /// Until when the receiver is left alone, if it is.
    pub(super) fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        let (_, pace) = self.pace.as_ref()?;
        pace.health.hold_until.filter(|until| *until > now)
    }

    /// Deliveries that wait in memory.
    pub(super) fn waiting(&self) -> usize {
        self.tests.len() + self.ready.len() + self.keys.waiting()
    }

    /// Whether something may be sent now, or when; `None`: not until something else happens.
    pub(super) fn may_send(&mut self, now: Timestamp) -> Option<May> {
        let (_, pace) = self.pace.as_mut()?;
        let is_enabled = match self.receiver {
            Receiver::Enabled => true,
            Receiver::Disabled => false,
            Receiver::Unknown | Receiver::Deleted => return None,
        };
        if !self.tests.is_empty() && self.in_flight < pace.max() {
            return Some(May::Now);
        }
        if !is_enabled || self.ready.is_empty() && !self.keys.is_ready() {
            return None;
        }
        pace.may_send(self.in_flight, now)
    }

    /// The next delivery and the webhook it goes to, if one may be sent now.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<(Due, SharedWebhook)> {
        if self.may_send(now) != Some(May::Now) {
            return None;
        }
        let (webhook, pace) = self.pace.as_mut()?;
        let due = if let Some(test) = self.tests.pop_front() {
            test
        } else {
            pace.sent();
            self.keys.pop().or_else(|| self.ready.pop_front())?
        };
        self.in_flight += 1;
        Some((due, webhook.clone()))
    }

    pub(super) fn wants_webhook(&self) -> bool {
        let needed = self.unchecked || self.spilled || self.waiting() > 0;
        matches!(self.receiver, Receiver::Unknown) && needed
    }

    /// Requests that may be under way at once.
    pub(super) fn in_flight_max(&self) -> usize {
        self.pace.as_ref().map_or(1, |(_, pace)| pace.max())
    }

    /// Reads on when as little is left as can be under way at once, so that nobody waits for it; not
    /// while the receiver is left alone.
    pub(super) fn wants_page(&self, now: Timestamp) -> bool {
        self.spilled
            && self.held_until(now).is_none()
            && self.waiting() <= self.in_flight_max()
            && self.clean_up == CleanUpState::None
            && !matches!(self.receiver, Receiver::Deleted)
    }

    pub(super) fn wants_read(&self, now: Timestamp) -> bool {
        !self.read.under_way && !self.paused && (self.wants_webhook() || self.wants_page(now))
    }

    /// Whether nothing is to be done about it.
    pub(super) fn is_idle(&self) -> bool {
        self.known.is_empty()
            && self.in_flight == 0
            && self.keys.is_idle()
            && !self.spilled
            && !self.read.under_way
            && self.clean_up == CleanUpState::None
            && self.look_at.is_none()
            && self.resume_at.is_none()
            && !self.unchecked
            && !self.in_turns
            && !self.in_reads_wanted
    }

    /// Whether it is not worth keeping when it is idle: nothing is known of the webhook.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.receiver, Receiver::Unknown | Receiver::Deleted)
    }

    /// Drops from memory what this webhook is not to be sent, and wants the database told.
    pub(super) fn prune(&mut self) {
        match &self.receiver {
            Receiver::Unknown => {}
            Receiver::Enabled => {
                if self.clean_up == CleanUpState::Wanted {
                    self.clean_up = CleanUpState::None;
                    self.spill();
                }
            }
            Receiver::Disabled => {
                let dropped: Vec<i64> =
                    self.ready.drain(..).map(|due| due.id).chain(self.keys.clear()).collect();
                for id in &dropped {
                    self.known.remove(id);
                }
                if !dropped.is_empty() && self.clean_up == CleanUpState::None {
                    self.clean_up = CleanUpState::Wanted;
                }
            }
            Receiver::Deleted => {
                self.tests.clear();
                self.ready.clear();
                self.keys = Keys::default();
                self.known.clear();
                self.spilled = false;
            }
        }
    }
}
