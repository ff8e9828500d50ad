//! The use cases: verbs on nouns. What is decided here is committed in one transaction together
//! with its event; HTTP and sockets only translate to and from it.

pub(crate) mod applications;
mod catch_up;
pub(crate) mod channels;
mod configured;
mod deliveries;
mod error;
mod events;
mod games;
pub(crate) mod giving_up;
pub(crate) mod housekeeping;
mod idempotency;
mod imports;
pub(crate) mod leftovers;
mod library;
mod login;
pub(crate) mod occurrences;
mod picking;
pub(crate) mod poll_clock;
mod polls;
mod publication;
pub(crate) mod publish;
mod rooms;
mod session_games;
mod sessions;
mod statistics;
mod status;
mod votes;
mod webhooks;

use std::sync::Arc;

use fanfare_hub::Hub;
use fanfare_model::event::NewEvent;
use fanfare_store::Store;

pub(crate) use self::{
    applications::{Applications, ensure_default},
    catch_up::CatchUp,
    channels::{Channels, Counts},
    configured::{Followed, follow_file},
    deliveries::SentRequest,
    error::Error,
    events::FiredEvent,
    games::{ImportMode, Imported},
    idempotency::{Answer, Creation, RequestKey},
    leftovers::Leftovers,
    library::{Shelf, fill_empty_library},
    occurrences::Occurrences,
    publication::Announcer,
    rooms::{RoomBell, were_watched},
    sessions::Span,
    statistics::Figures,
    status::Proof,
    webhooks::Examined,
};
use crate::{
    auth::{Auth, ChannelAuth},
    config,
    dispatch::Pulse,
    metrics::Metrics,
    random,
    shutdown::Tasks,
    timers::{Clock, Tick},
};

/// The hub topic that every authenticated socket hears.
pub(crate) const EVERYONE: &str = "everyone";
/// The hub topic of streams of all events, which are made as server-sent events.
pub(crate) const ALL_EVENTS: &str = "events";

/// The hub topic of a stream's events as server-sent events for the public.
pub(crate) fn public_topic(topic: &str) -> String {
    format!("{topic}/public")
}

/// Everything that a use case needs; clones are one.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    pub(crate) clock: Clock,
    /// When the server started.
    pub(crate) started: Tick,
    pub(crate) auth: Arc<Auth>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: Tasks,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) applications: Arc<Applications>,
    pub(crate) proof: Arc<Proof>,
    pub(crate) catch_up: CatchUp,
    pub(crate) delivery: Arc<config::Delivery>,
    pub(crate) pulse: Pulse,
    pub(crate) leftovers: Leftovers,
    pub(crate) channels: Arc<Channels>,
    pub(crate) channel_auth: Arc<ChannelAuth>,
    pub(crate) occurrences: Occurrences,
}

impl App {
    /// An event about to be committed to a session's stream, but for its `data`, which only the
    /// transaction knows. Made before the job, which may run more than once.
    fn session_event(&self, kind: &'static str) -> EventSeed {
        let at = self.clock.now();
        EventSeed { public_id: random::event_id(at), kind, at }
    }
}

/// What is known of an event before its transaction.
#[derive(Clone)]
struct EventSeed {
    public_id: String,
    kind: &'static str,
    at: fanfare_model::Timestamp,
}

impl EventSeed {
    fn grow(&self, topic: String, data: String) -> NewEvent {
        let Self { public_id, kind, at } = self.clone();
        NewEvent { public_id, topic, kind, at, data }
    }
}
