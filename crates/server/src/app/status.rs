//! How the running server is: its figures, and whether it can do its work.

use std::sync::{Mutex, PoisonError};

use fanfare_model::{Timestamp, delivery::DeliveryState};
use fanfare_store::{
    Hindrance, Standing,
    deliveries::{self, Waiting},
    settings, webhooks,
};

use super::{
    App, Error,
    occurrences::{Backlog, OCCURRENCES_MAX},
};
use crate::{
    auth::Protocol,
    metrics::{DialectLabel, StateLabel},
    random,
    timers::Tick,
};

/// How long the database may take to answer before the server is not ready.
const ANSWER_MAX_MS: u64 = 2_000;
/// How long a commit is taken as proof that the database can be written.
const WRITTEN_LATELY_MS: u64 = 10_000;
/// How long a failed attempt to write is not repeated, however many ask.
const REFUSED_LATELY_MS: u64 = 1_000;
/// The setting that an attempt to write sets, to something new each time.
const ATTEMPT_KEY: &str = "readiness_attempt";

/// Whether the database could be written when that was last seen, so that whoever asks often does not
/// write each time.
#[derive(Default)]
pub(crate) struct Proof {
    seen: Mutex<Option<Seen>>,
    /// Held by the one who tries, so that the others wait for what he finds.
    trying: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy)]
struct Seen {
    at: Tick,
    could_write: bool,
}

impl Proof {
    /// Something was committed.
    pub(crate) fn written(&self, at: Tick) {
        self.see(Seen { at, could_write: true });
    }

    fn see(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// Whether it can be written, if that was seen lately.
    fn lately(&self, now: Tick) -> Option<bool> {
        let Seen { at, could_write } = (*self.seen.lock().unwrap_or_else(PoisonError::into_inner))?;
        let holds_ms = if could_write { WRITTEN_LATELY_MS } else { REFUSED_LATELY_MS };
        (now < at.plus_millis(holds_ms)).then_some(could_write)
    }
}

impl App {
    /// Whether it can do its work now.
    ///
    /// # Errors
    /// [`Error::NotReady`] says why not.
    pub(crate) async fn check_readiness(&self) -> Result<(), Error> {
        if self.tasks.is_stopping() {
            return Err(Error::NotReady("The server is stopping"));
        }
        if *self.store.standing().borrow() != Standing::Ours {
            return Err(Error::NotReady("The lock on the database is lost"));
        }
        if !self.pulse.is_beating() {
            return Err(Error::NotReady("The delivery of webhooks is stuck"));
        }
        let (read, written) = tokio::join!(self.check_reading(), self.check_writing());
        match self.store.hindrance() {
            // That says more than that reading fails as well.
            Some(Hindrance::DiskFull | Hindrance::Locked | Hindrance::Moved) => written.and(read),
            Some(Hindrance::Refused) | None => read.and(written),
        }
    }

    async fn check_reading(&self) -> Result<(), Error> {
        // Any row will do, and none too.
        let answer = self.store.read(|db| Ok::<_, Error>(settings::get(db, "")?));
        match self.clock.timeout(ANSWER_MAX_MS, answer).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::NotReady("The database does not answer")),
        }
    }

    async fn check_writing(&self) -> Result<(), Error> {
        let could_write = if let Ok(could_write) = self.clock.timeout(ANSWER_MAX_MS, self.can_write()).await {
            could_write
        } else {
            self.proof.see(Seen { at: self.clock.tick(), could_write: false });
            false
        };
        match self.store.hindrance() {
            _ if could_write => Ok(()),
            Some(Hindrance::DiskFull) => Err(Error::NotReady("The disk is full")),
            Some(Hindrance::Locked) => Err(Error::NotReady("Another process keeps the database locked")),
            Some(Hindrance::Moved) => Err(Error::NotReady("The database was moved or replaced")),
            Some(Hindrance::Refused) | None => Err(Error::NotReady("The database cannot be written")),
        }
    }

    /// Whether something was written lately and nothing has failed since; else tries.
    async fn can_write(&self) -> bool {
        let known = || match self.proof.lately(self.clock.tick()) {
            Some(true) if self.store.hindrance().is_some() => None,
            known => known,
        };
        if let Some(could_write) = known() {
            return could_write;
        }
        let _trying = self.proof.trying.lock().await;
        if let Some(could_write) = known() {
            return could_write;
        }
        // The same text again might not reach the disk.
        let attempt = random::hex::<16>();
        let written = self.store.write(move |tx| Ok::<_, Error>(settings::set(tx, ATTEMPT_KEY, &attempt)?));
        let could_write = written.await.is_ok();
        self.proof.see(Seen { at: self.clock.tick(), could_write });
        could_write
    }

    /// The figures as OpenMetrics text, with those that are read only when asked.
    pub(crate) async fn render_metrics(&self) -> Result<String, Error> {
        let now = self.clock.now();
        let read = self
            .store
            .read(move |db| Ok::<_, Error>((deliveries::waiting(db)?, webhooks::count_failing(db, now)?)));
        let (Waiting { pending, held, oldest }, (failing, left_alone)) = read.await?;
        self.metrics.webhooks_failing.set(failing);
        self.metrics.webhooks_left_alone.set(left_alone);
        for (state, count) in [(DeliveryState::Pending, pending), (DeliveryState::Held, held)] {
            let label = StateLabel { state: state.as_str() };
            self.metrics.deliveries_waiting.get_or_create(&label).set(count);
        }
        self.metrics.oldest_undelivered_seconds.set(seconds_since(oldest, now));
        let subscriptions = i64::try_from(self.hub.subscriptions()).unwrap_or(i64::MAX);
        self.metrics.subscriptions.set(subscriptions);
        let usage = self.channel_usage().await;
        let Backlog { waiting, oldest } = self.occurrences.backlog();
        let of_channels = &self.metrics.channels;
        for (gauge, count) in [
            (&of_channels.connections, usage.connections),
            (&of_channels.channels, usage.channels),
            (&of_channels.occurrences_waiting, waiting),
            (&of_channels.occurrences_max, OCCURRENCES_MAX),
        ] {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        of_channels.occurrences_oldest_seconds.set(seconds_since(oldest, now));
        // Those of which there is none are told as well.
        for protocol in Protocol::ALL {
            let label = DialectLabel { dialect: protocol.name() };
            drop(of_channels.subscriptions.get_or_create(&label));
        }
        Ok(self.metrics.render())
    }
}

/// The age of the oldest, in seconds; none is 0.
#[expect(clippy::cast_precision_loss, reason = "an age in milliseconds is far below 2^53")]
fn seconds_since(oldest: Option<Timestamp>, now: Timestamp) -> f64 {
    let age_ms = oldest.map_or(0, |at| (now.as_millis() - at.as_millis()).max(0));
    age_ms as f64 / 1000.0
}
