//! Delivers events to webhooks: at least once, each webhook at its own pace.
//!
//! The database says what is to be delivered; memory holds the front of each webhook's queue. One
//! task drives the [`schedule`], a pure state machine: it starts attempts ([`send`]), reads and
//! clean-ups, each a task of its own, and hears from all of them through one inbox. Outcomes are
//! written in batches ([`outcome`]). Nothing here decides which webhook hears of what: the commit
//! did that.

mod backoff;
mod clean_up;
mod driver;
mod outcome;
mod pulse;
mod schedule;
mod send;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fanfare_model::{breaker::GivenUp, limits::OUTCOMES_MAX_QUEUED};
use fanfare_store::{Published, Store, deliveries::Due};
use tokio::sync::{Notify, mpsc};

use self::{
    driver::{Driver, Parts},
    outcome::{Recorder, Settled},
    schedule::{CleanUp, Ended, Found},
    send::Sender,
};
pub(crate) use self::{
    pulse::Pulse,
    send::{FindApplication, request, sign_for_pusher, signed_request},
};
use crate::{
    config,
    egress::Egress,
    metrics::{Metrics, StateLabel},
    shutdown::Tasks,
    timers::Clock,
};

/// New deliveries that may wait for the scheduler; more are left in the database.
const NEW_MAX_QUEUED: usize = 4_096;

/// A webhook that is to get nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) webhook_id: i64,
    /// Where it led when it was given up.
    pub(crate) url: String,
    pub(crate) why: GivenUp,
}

/// Whom the dispatcher tells how it goes.
pub(crate) struct Reporting {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pulse: Pulse,
    /// Takes webhooks that are to be disabled.
    pub(crate) given_up: mpsc::Sender<Verdict>,
}

/// Hands new work to the scheduler; clones speak to the same one.
#[derive(Clone)]
pub(crate) struct Dispatcher(Arc<Shared>);

/// What the scheduler and those who tell it something have in common.
struct Shared {
    inbox: Mutex<Inbox>,
    wakeup: Notify,
    pulse: Pulse,
    metrics: Arc<Metrics>,
}

/// What the scheduler has not heard yet.
#[derive(Default)]
struct Inbox {
    /// New deliveries, at most [`NEW_MAX_QUEUED`].
    new: Vec<Due>,
    /// Webhooks whose new deliveries found no room in `new`; as many as there are webhooks at most.
    overflowed: BTreeSet<i64>,
    /// Webhooks that changed; likewise.
    changed: BTreeSet<i64>,
    /// Webhooks whose deliveries are not what memory says; likewise.
    stirred: BTreeSet<i64>,
    /// The database may hold deliveries that nobody told of.
    look_again: bool,
    /// From the scheduler's own tasks: bounded by how many of them there are.
    inputs: Vec<Input>,
}

/// What the scheduler's tasks report.
enum Input {
    Read {
        webhook_id: i64,
        found: Option<Found>,
    },
    /// The attempt is over; its outcome, if there is one, is on its way to the database.
    Finished {
        delivery_id: i64,
        ended: Option<Ended>,
    },
    Settled(Vec<Settled>),
    Cleaned(i64, CleanUp),
}

impl Dispatcher {
    /// Starts to deliver: first what the database holds, then what it is told of. Everything runs
    /// as tasks of `tasks` and ends with them: asked to stop, it starts nothing more and finishes
    /// what is under way.
    pub(crate) fn start(
        store: Store,
        egress: Egress,
        applications: FindApplication,
        settings: Arc<config::Delivery>,
        reporting: Reporting,
        clock: Clock,
        tasks: &Tasks,
    ) -> Self {
        let Reporting { metrics, pulse, given_up } = reporting;
        let shared = Arc::new(Shared { inbox: Mutex::default(), wakeup: Notify::new(), pulse, metrics });
        let (outcomes, to_record) = mpsc::channel(OUTCOMES_MAX_QUEUED);
        let recorder = Recorder {
            store: store.clone(),
            outcomes: to_record,
            shared: shared.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn_vital("delivery outcomes", recorder.run());
        let driver = Driver::new(Parts {
            sender: Arc::new(Sender { applications, egress, settings, clock: clock.clone() }),
            store,
            outcomes,
            given_up,
            shared: shared.clone(),
            clock,
            tasks: tasks.clone(),
        });
        tasks.spawn_vital("delivery schedule", driver.run());
        Self(shared)
    }

    /// Takes note of the deliveries of a commit. Never waits: what there is no room for is read
    /// from the database when its turn comes.
    pub(crate) fn committed(&self, published: &[Published]) {
        let (mut count, mut held_count) = (0, 0);
        {
            let mut inbox = self.0.lock();
            for Published { event, deliveries, held, test } in published {
                held_count += held;
                for delivery in deliveries {
                    count += 1;
                    if inbox.new.len() >= NEW_MAX_QUEUED {
                        inbox.overflowed.insert(delivery.webhook_id);
                        continue;
                    }
                    inbox.new.push(Due {
                        id: delivery.id,
                        webhook_id: delivery.webhook_id,
                        attempts: 0,
                        schedule_from: 0,
                        test: *test,
                        order_key: delivery.order_key.clone(),
                        event: event.clone(),
                    });
                }
            }
        }
        if held_count > 0 {
            self.0.metrics.deliveries.get_or_create(&StateLabel { state: "held" }).inc_by(held_count);
        }
        if count > 0 {
            self.0.metrics.deliveries.get_or_create(&StateLabel { state: "pending" }).inc_by(count);
            self.0.wake();
        }
    }

    /// Takes note that a webhook was created, changed or deleted. Never waits.
    pub(crate) fn webhook_changed(&self, webhook_id: i64) {
        self.0.lock().changed.insert(webhook_id);
        self.0.wake();
    }

    /// Takes note that deliveries of a webhook became pending again, or were called off. Never waits.
    pub(crate) fn deliveries_changed(&self, webhook_id: i64) {
        self.0.lock().stirred.insert(webhook_id);
        self.0.wake();
    }

    /// Takes note that the database may hold deliveries that nobody told of. Never waits.
    pub(crate) fn look_again(&self) {
        self.0.lock().look_again = true;
        self.0.wake();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, input: Input) {
        self.lock().inputs.push(input);
        self.wake();
    }

    fn wake(&self) {
        self.pulse.told();
        self.wakeup.notify_one();
    }
}
