//! What happens on channels, on its way to webhooks: through a queue into the database in batches, and
//! from there as every other event. Whoever tells of something that nobody asks for goes on at once; else
//! he waits while the queue is full, so nothing is lost but what is still queued when the process dies.

mod backlog;
mod grace;
mod interest;
mod plan;
mod recorder;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use fanfare_hub::Hub;
use fanfare_model::channel::{ChannelName, Member};
pub(crate) use fanfare_model::occurrence::{Occurrence, OccurrenceKind};
use fanfare_store::{Error as StoreError, Store, applications, webhooks};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) use self::{backlog::Backlog, interest::Interest, recorder::Recorder};
use self::{backlog::InHand, interest::Kinds};
use super::publication::from_hub;
use crate::timers::Clock;

/// Occurrences that may wait for their turn before those who tell of more wait for it.
const OCCURRENCES_MAX_QUEUED: usize = 2_048;
/// Occurrences that are written in one job.
const OCCURRENCES_BATCH_MAX: usize = 256;
/// Occurrences that may wait for the database in all, those of the next job included.
pub(crate) const OCCURRENCES_MAX: usize = OCCURRENCES_MAX_QUEUED + OCCURRENCES_BATCH_MAX;
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

/// Calls the roll on the hub, where a channel's topic is `{app}/{channel}`.
pub(crate) fn roll_call(hub: Hub) -> RollCall {
    Arc::new(move |app| {
        let prefix = format!("{app}/");
        let mut roll = Roll::default();
        for figures in hub.figures_of(&prefix) {
            let channel = figures.topic.strip_prefix(&prefix).map(ChannelName::parse);
            let Some(Ok(channel)) = channel else { continue };
            let members = hub.members(&figures.topic);
            roll.members.extend(members.iter().map(|member| (channel.clone(), from_hub(member))));
            roll.channels.push(channel);
        }
        roll
    })
}

/// Room for what will happen at a moment that nobody can wait at, such as under the hub's locks, where the
/// order is known in which it happens.
pub(crate) struct Places<'a> {
    occurrences: &'a Occurrences,
    places: Option<mpsc::PermitIterator<'a, Occurrence>>,
}

impl Places<'_> {
    /// Tells of something, as [`Occurrences::tell`] does.
    pub(crate) fn tell(&mut self, occurrence: Occurrence) {
        if !self.occurrences.is_wanted(&occurrence.app, Kinds::of(&occurrence.kind)) {
            return;
        }
        if let Some(place) = self.places.as_mut().and_then(Iterator::next) {
            place.send(occurrence);
        } else if let Err(mpsc::error::TrySendError::Full(_)) = self.occurrences.queue.try_send(occurrence) {
            // Nobody had asked for it when room was made.
            tracing::warn!("an event of a channel found no room, as somebody began to ask for it");
        }
    }
}

/// Takes what happens on channels; clones are one.
#[derive(Clone)]
pub(crate) struct Occurrences {
    interest: Arc<Interest>,
    names: Names,
    queue: mpsc::Sender<Occurrence>,
    /// What the recorder has taken from the queue.
    in_hand: Arc<InHand>,
    closing: CancellationToken,
}

/// How the database names applications.
#[derive(Clone)]
struct Names {
    /// The id of the default one, which there is the empty text.
    default_app: Arc<str>,
}

impl Names {
    fn column<'a>(&self, app: &'a str) -> &'a str {
        if *app == *self.default_app { "" } else { app }
    }

    fn id<'a>(&'a self, column: &'a str) -> &'a str {
        if column.is_empty() { &self.default_app } else { column }
    }
}

/// Makes webhooks of the application that is now the default one those of the default one; its id.
///
/// # Errors
/// The store's.
pub(crate) async fn adopt_default(store: &Store) -> Result<Arc<str>, StoreError> {
    store
        .write(|tx| {
            let id = applications::default(tx)?.map(|application| application.id).unwrap_or_default();
            webhooks::adopt(tx, &id)?;
            Ok(id.into())
        })
        .await
}

/// The other end of [`Occurrences`], from which a [`Recorder`] is made.
pub(crate) struct Told(mpsc::Receiver<Occurrence>);

impl Occurrences {
    /// A queue; nothing leaves it before a recorder runs. `default_app` is the id of the default application.
    pub(crate) fn new(interest: Arc<Interest>, default_app: Arc<str>) -> (Self, Told) {
        let (queue, told) = mpsc::channel(OCCURRENCES_MAX_QUEUED);
        let (names, closing) = (Names { default_app }, CancellationToken::new());
        (Self { interest, names, queue, in_hand: Arc::default(), closing }, Told(told))
    }

    /// Whether something must be told that would become an event of this name, since a webhook of the
    /// application asks for it or for what depends on it, or might do so: while a change of a webhook has
    /// not been read, everything is wanted. `app` is an application's id.
    pub(crate) fn wants(&self, app: &str, kind: &str) -> bool {
        self.is_wanted(app, Kinds::named(kind))
    }

    fn is_wanted(&self, app: &str, kinds: Kinds) -> bool {
        self.interest.wants(self.names.column(app), kinds.concerned())
    }

    /// Tells of something; returns at once when nobody wants to know, else waits while the queue is full.
    /// What one task tells is written in the order in which it does.
    pub(crate) async fn tell(&self, occurrence: Occurrence) {
        if self.is_wanted(&occurrence.app, Kinds::of(&occurrence.kind)) {
            // The queue is closed once nobody is connected any more.
            drop(self.queue.send(occurrence).await);
        }
    }

    /// Makes room for up to `count` occurrences that would become events of these names; waits while the
    /// queue is full, unless nobody wants any of them.
    pub(crate) async fn reserve(&self, app: &str, kinds: &[&str], count: usize) -> Places<'_> {
        let places = if kinds.iter().any(|kind| self.wants(app, kind)) {
            // The queue is closed once nobody is connected any more.
            self.queue.reserve_many(count).await.ok()
        } else {
            None
        };
        Places { occurrences: self, places }
    }

    /// What is not written down yet. Room that was made for what has not happened yet counts as well.
    pub(crate) fn backlog(&self) -> Backlog {
        self.in_hand.and(self.queue.max_capacity() - self.queue.capacity())
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
