//! The task that drives the schedule: tells it what has happened, and does what it says. Decides
//! nothing about when.

use std::{collections::HashMap, sync::Arc};

use fanfare_model::{
    Timestamp,
    breaker::Health,
    delivery::Next,
    limits::{
        IN_FLIGHT_MAX_PER_WEBHOOK, IN_FLIGHT_MAX_TOTAL, ORDER_KEYS_MAX_PER_WEBHOOK, READY_MAX_PER_WEBHOOK,
        READY_MAX_TOTAL,
    },
};
use fanfare_store::{
    Error, Read, Standing, Store,
    deliveries::{self, Due, Settlement},
    webhooks,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    Inbox, Input, Shared, Verdict,
    backoff::Backoff,
    clean_up,
    outcome::{Record, Settled},
    schedule::{Action, Bounds, Ended, Found, Page, Schedule, SharedWebhook},
    send::Sender,
};
use crate::{metrics::OutcomeLabel, shutdown::Tasks, timers::Clock};

/// How long the scheduler sleeps at most, in milliseconds: a clock that was set anew is noticed.
const SLEEP_MAX_MS: u64 = 60_000;
const BOUNDS: Bounds = Bounds {
    ready_max: READY_MAX_PER_WEBHOOK,
    ready_max_total: READY_MAX_TOTAL,
    in_flight_max_per_webhook: IN_FLIGHT_MAX_PER_WEBHOOK,
    in_flight_max: IN_FLIGHT_MAX_TOTAL,
    // The API has the other connections to itself.
    reads_max: 2,
    lanes_max: 16_384,
};

/// What a driver is made of.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) sender: Arc<Sender>,
    pub(super) outcomes: mpsc::Sender<Record>,
    pub(super) given_up: mpsc::Sender<Verdict>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
}

/// Drives the schedule; owns nothing that another task waits for.
pub(super) struct Driver {
    store: Store,
    standing: watch::Receiver<Standing>,
    schedule: Schedule,
    sender: Arc<Sender>,
    outcomes: mpsc::Sender<Record>,
    /// How receivers do, for which the way to the database had no room.
    unsaved: HashMap<i64, Health>,
    given_up: mpsc::Sender<Verdict>,
    /// Stops the attempts under way, by delivery.
    aborts: HashMap<i64, CancellationToken>,
    chance: Chance,
    shared: Arc<Shared>,
    clock: Clock,
    tasks: Tasks,
}

impl Driver {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { store, sender, outcomes, given_up, shared, clock, tasks } = parts;
        Self {
            standing: store.standing(),
            store,
            schedule: Schedule::new(BOUNDS),
            sender,
            outcomes,
            unsaved: HashMap::new(),
            given_up,
            aborts: HashMap::new(),
            // Without randomness the jitter is the same at every start; nothing else depends on it.
            chance: Chance(getrandom::u64().unwrap_or_default()),
            shared,
            clock,
            tasks,
        }
    }

    pub(super) async fn run(mut self) {
        let tasks = self.tasks.clone();
        tokio::select! {
            biased;
            () = tasks.stopping() => {}
            () = async {
                self.recover().await;
                loop {
                    self.own().await;
                    if self.step() {
                        self.recover().await;
                    }
                    self.rest().await;
                }
            } => {}
        }
    }

    /// Waits while the database is not ours: another server may be sending what is in it.
    async fn own(&mut self) {
        while *self.standing.borrow_and_update() != Standing::Ours {
            if self.standing.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Takes up what the database holds, be it left by the last run or not told of: whatever is
    /// neither under way nor in memory is found.
    async fn recover(&mut self) {
        let mut backoff = Backoff::new();
        loop {
            let left = self
                .store
                .read(|db| Ok::<_, Error>((deliveries::pending_webhooks(db)?, webhooks::deleted(db)?)));
            match left.await {
                Ok((pending, deleted)) => {
                    for webhook_id in deleted {
                        self.schedule.deleted(webhook_id);
                    }
                    for webhook_id in pending {
                        self.schedule.spilled(webhook_id);
                    }
                    return;
                }
                Err(error) => backoff.log("pending deliveries cannot be read", &error),
            }
            backoff.wait(&self.clock).await;
        }
    }

    /// Does what is to be done; whether to look into the database again.
    fn step(&mut self) -> bool {
        let now = self.clock.steady_now();
        self.shared.pulse.heard();
        let Inbox { new, overflowed, changed, stirred, look_again, inputs } =
            std::mem::take(&mut *self.shared.lock());
        // A delivery that was committed after a change must be sent by it, so changes go first.
        for webhook_id in changed {
            self.schedule.changed(webhook_id);
        }
        for input in inputs {
            self.hear(input, now);
        }
        for webhook_id in stirred {
            self.schedule.stirred(webhook_id);
        }
        for due in new {
            self.schedule.committed(due);
        }
        for webhook_id in overflowed {
            self.schedule.spilled(webhook_id);
        }
        for action in self.schedule.advance(now) {
            self.perform(action, now);
        }
        self.save_health();
        look_again
    }

    async fn rest(&mut self) {
        let until_wake_ms = self.schedule.next_wake().map_or(SLEEP_MAX_MS, |at| {
            let wait_ms = at.as_millis().saturating_sub(self.clock.steady_now().as_millis());
            u64::try_from(wait_ms).unwrap_or(0).min(SLEEP_MAX_MS)
        });
        tokio::select! {
            biased;
            () = self.shared.wakeup.notified() => {}
            Ok(()) = self.standing.changed() => {}
            () = self.clock.sleep_ms(until_wake_ms) => {}
        }
    }

    fn hear(&mut self, input: Input, now: Timestamp) {
        match input {
            Input::Read { webhook_id, found } => {
                self.shared.pulse.read(found.is_some());
                self.schedule.read(webhook_id, found, now);
            }
            Input::Finished { delivery_id, ended } => {
                self.aborts.remove(&delivery_id);
                self.schedule.finished(delivery_id, ended, now);
            }
            Input::Settled(settled) => {
                for Settled { delivery_id, webhook_id, next } in settled {
                    let retry_at = match next {
                        Next::RetryAt(at) => Some(at),
                        Next::Delivered | Next::Failed => None,
                    };
                    self.schedule.settled(delivery_id, webhook_id, retry_at);
                }
            }
            Input::Cleaned(webhook_id, clean_up) => self.schedule.cleaned(webhook_id, clean_up),
        }
    }

    fn perform(&mut self, action: Action, now: Timestamp) {
        match action {
            Action::Send(due, webhook) => self.send(due, webhook),
            Action::Read { webhook_id, rows } => self.read(webhook_id, rows, now),
            Action::Abort(deliveries) => {
                for delivery_id in deliveries {
                    if let Some(abort) = self.aborts.get(&delivery_id) {
                        abort.cancel();
                    }
                }
            }
            Action::Remember(webhook_id, health) => drop(self.unsaved.insert(webhook_id, health)),
            Action::GiveUp(SharedWebhook(webhook), why) => {
                let verdict = Verdict { webhook_id: webhook.id, url: webhook.url.clone(), why };
                if self.given_up.try_send(verdict).is_err() {
                    tracing::warn!(webhook_id = webhook.id, "too many webhooks are to be disabled at once");
                }
            }
            Action::CleanUp(webhook_id, clean_up) => {
                let (store, shared) = (self.store.clone(), self.shared.clone());
                let (clock, tasks) = (self.clock.clone(), self.tasks.clone());
                self.tasks.spawn("webhook clean-up", async move {
                    clean_up::run(&store, webhook_id, clean_up, &shared.metrics, &clock, &tasks).await;
                    shared.post(Input::Cleaned(webhook_id, clean_up));
                });
            }
        }
    }

    /// Hands what is known of receivers to the recorder, as far as there is room.
    fn save_health(&mut self) {
        while let Some(webhook_id) = self.unsaved.keys().next().copied() {
            let Ok(room) = self.outcomes.try_reserve() else { return };
            let Some(health) = self.unsaved.remove(&webhook_id) else { return };
            room.send(Record::Health(webhook_id, health));
        }
    }

    fn send(&mut self, due: Due, SharedWebhook(webhook): SharedWebhook) {
        let abort = CancellationToken::new();
        self.aborts.insert(due.id, abort.clone());
        let slot = Slot::new(self.shared.clone(), due.id);
        let (sender, outcomes, chance) = (self.sender.clone(), self.outcomes.clone(), self.chance.next());
        self.tasks.spawn("delivery", async move {
            let attempt = async {
                let settlement = sender.attempt(&due, &webhook, chance).await;
                slot.shared.observe(&settlement);
                // The slot is taken until there is room for the outcome: a slow database slows
                // the sending down.
                let room = outcomes.reserve().await;
                room.map(|room| (room, settlement))
            };
            tokio::select! {
                biased;
                () = abort.cancelled() => {}
                attempt = attempt => {
                    // Without a recorder the server has failed, and the slot gives the delivery back.
                    if let Ok((room, settlement)) = attempt {
                        slot.keep(&settlement);
                        room.send(Record::Outcome(settlement));
                    }
                }
            }
        });
    }

    fn read(&self, webhook_id: i64, rows: Option<usize>, now: Timestamp) {
        let (store, shared) = (self.store.clone(), self.shared.clone());
        self.tasks.spawn("delivery read", async move {
            let found = store.read(move |db| find(db, webhook_id, rows, now)).await;
            if let Err(error) = &found {
                tracing::warn!(webhook_id, %error, "due deliveries cannot be read; trying again");
            }
            shared.post(Input::Read { webhook_id, found: found.ok() });
        });
    }
}

/// Looks into the database for a webhook and, if `rows` are asked for, for its due deliveries.
fn find(db: &mut Read, webhook_id: i64, rows: Option<usize>, now: Timestamp) -> Result<Found, Error> {
    let webhook = match webhooks::get(db, webhook_id)? {
        Some(webhook) => Some((SharedWebhook(Arc::new(webhook)), webhooks::health(db, webhook_id)?)),
        None => None,
    };
    let Some(rows) = rows else { return Ok(Found { webhook, page: None }) };
    let next_due = deliveries::next_due(db, webhook_id, now)?;
    let due = deliveries::due(db, webhook_id, now, rows)?;
    let in_order = deliveries::due_in_order(db, webhook_id, now, ORDER_KEYS_MAX_PER_WEBHOOK, rows)?;
    Ok(Found { webhook, page: Some(Page { full: due.len() >= rows, due, next_due, in_order }) })
}

impl Shared {
    fn observe(&self, settlement: &Settlement) {
        let label = OutcomeLabel { outcome: settlement.outcome.class() };
        self.metrics.attempts.get_or_create(&label).inc();
        #[expect(clippy::cast_precision_loss, reason = "durations are short")]
        self.metrics.attempt_duration_seconds.observe(settlement.duration_ms as f64 / 1_000.0);
        if !settlement.outcome.is_success() {
            let Settlement { delivery_id, webhook_id, attempt, outcome, .. } = settlement;
            // The log for people is the attempt's row.
            tracing::debug!(webhook_id, delivery_id, attempt, outcome = outcome.class(), "attempt failed");
        }
    }
}

/// A place among the requests under way; given back however the attempt ends.
struct Slot {
    shared: Arc<Shared>,
    delivery_id: i64,
    ended: Option<Ended>,
}

impl Slot {
    fn new(shared: Arc<Shared>, delivery_id: i64) -> Self {
        shared.metrics.deliveries_in_flight.inc();
        Self { shared, delivery_id, ended: None }
    }

    /// Gives the place back before the outcome goes on its way: the schedule hears of the end of
    /// the attempt first.
    fn keep(mut self, settlement: &Settlement) {
        let retried = matches!(settlement.next, Next::RetryAt(_));
        self.ended = Some(Ended { sign: settlement.outcome.sign(), retried });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.metrics.deliveries_in_flight.dec();
        self.shared.post(Input::Finished { delivery_id: self.delivery_id, ended: self.ended });
    }
}

/// Jitter needs numbers that differ, not numbers that cannot be guessed: `SplitMix64`, see Steele,
/// Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
