//! What happens on channels, on its way to webhooks: through a queue into the database in batches, and
//! from there as every other event. Whoever tells of something that nobody asks for goes on at once; else
//! he waits while the queue is full, so nothing is lost but what is still queued when the process dies.

mod grace;
mod interest;
mod plan;
mod recorder;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fanfare_model::{
    Timestamp,
    channel::{ChannelName, Member},
};
pub(crate) use fanfare_model::occurrence::{Occurrence, OccurrenceKind};
use fanfare_store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::interest::{Interest, Kinds};
pub(crate) use self::recorder::Recorder;
use crate::timers::Clock;

/// Occurrences that may wait for the database before those who tell of more wait for it.
const OCCURRENCES_MAX_QUEUED: usize = 2_048;
/// Occurrences that are written in one job.
const OCCURRENCES_BATCH_MAX: usize = 256;
/// How long Pusher's `member_removed` and `channel_vacated` wait for whoever left to come back, in
/// milliseconds, as Pusher has it.
const PUSHER_GRACE_MS: u64 = 3_000;
/// Members and channels that are waited for at once; past that the first is waited for no longer.
const GRACE_MAX: usize = 100_000;

/// Who is connected to the channels of an application at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Roll {
    /// The members of presence channels, each once a channel.
    pub(crate) members: Vec<(ChannelName, Member)>,
    /// The channels that have subscribers.
    pub(crate) channels: Vec<ChannelName>,
}

/// Calls the roll of an application, by its id. Must not block.
pub(crate) type RollCall = Arc<dyn Fn(&str) -> Roll + Send + Sync>;

/// Takes what happens on channels; clones are one.
#[derive(Clone)]
pub(crate) struct Occurrences {
    interest: Arc<Interest>,
    queue: mpsc::Sender<Occurrence>,
    closing: CancellationToken,
}

/// Room in the queue, which is given back when it was not needed.
pub(crate) struct Reserved {
    app: Arc<str>,
    places: Vec<(&'static str, mpsc::OwnedPermit<Occurrence>)>,
}

impl Reserved {
    /// Tells of something, if its name was reserved and wanted.
    pub(crate) fn tell(&mut self, at: Timestamp, kind: OccurrenceKind) {
        let name = kind.event().or(kind.later());
        if let Some(index) = self.places.iter().position(|(reserved, _)| Some(*reserved) == name) {
            let (_, place) = self.places.swap_remove(index);
            place.send(Occurrence { app: self.app.clone(), at, kind });
        }
    }
}

/// The other end of [`Occurrences`], from which a [`Recorder`] is made.
pub(crate) struct Told(mpsc::Receiver<Occurrence>);

impl Occurrences {
    /// A queue; nothing leaves it before a recorder runs.
    pub(crate) fn new(interest: Arc<Interest>) -> (Self, Told) {
        let (queue, told) = mpsc::channel(OCCURRENCES_MAX_QUEUED);
        (Self { interest, queue, closing: CancellationToken::new() }, Told(told))
    }

    /// Whether something must be told that would become an event of this name, since a webhook of the
    /// application asks for it or for what depends on it, or might do so: while a change of a webhook has
    /// not been read, everything is wanted. `app` is an application's id.
    pub(crate) fn wants(&self, app: &str, kind: &str) -> bool {
        self.interest.wants(app, Kinds::named(kind).concerned())
    }

    /// Tells of something; returns at once when nobody wants to know, else waits while the queue is full.
    /// What one task tells is written in the order in which it does.
    pub(crate) async fn tell(&self, occurrence: Occurrence) {
        let kinds = Kinds::of(&occurrence.kind);
        if self.interest.wants(&occurrence.app, kinds.concerned()) {
            // The queue is closed once nobody is connected any more.
            drop(self.queue.send(occurrence).await);
        }
    }

    /// Waits for room for what is about to happen, at most one of each of these names that is wanted, so that
    /// it can be told of at the very moment at which it does.
    pub(crate) async fn reserve(&self, app: &Arc<str>, names: &[&'static str]) -> Reserved {
        let mut places = Vec::new();
        for name in names.iter().filter(|name| self.wants(app, name)) {
            // The queue is closed once nobody is connected any more.
            let Ok(place) = self.queue.clone().reserve_owned().await else { break };
            places.push((*name, place));
        }
        Reserved { app: app.clone(), places }
    }

    /// What becomes of what is told, until [`Occurrences::close`].
    pub(crate) fn recorder(&self, told: Told, store: Store, clock: Clock, roll_call: RollCall) -> Recorder {
        Recorder::new(self.clone(), told, store, clock, roll_call)
    }

    /// Takes nothing more; the recorder ends once all that was taken is written.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }
}
