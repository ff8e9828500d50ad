//! What a schedule is told, and what it says is to be done.

use std::sync::Arc;

use fanfare_model::{
    Timestamp,
    breaker::{GivenUp, Health},
    delivery::Sign,
    webhook::Webhook,
};
use fanfare_store::deliveries::{Due, InOrder};

/// The bounds of a schedule.
#[derive(Debug, Clone, Copy)]
pub(in crate::dispatch) struct Bounds {
    /// Deliveries of one webhook in memory, waiting; also the new ones that a page may bring.
    pub(in crate::dispatch) ready_max: usize,
    /// The same of all webhooks together; past it each has no more than can be under way.
    pub(in crate::dispatch) ready_max_total: usize,
    /// Requests under way to one webhook that does not say how many.
    pub(in crate::dispatch) in_flight_max_per_webhook: usize,
    /// Requests under way in all.
    pub(in crate::dispatch) in_flight_max: usize,
    /// Reads under way in all.
    pub(in crate::dispatch) reads_max: usize,
    /// Webhooks that are remembered although there is nothing to do about them.
    pub(in crate::dispatch) lanes_max: usize,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dispatch) enum Action {
    /// Make an attempt, then call `Schedule::finished` and, once it is recorded,
    /// `Schedule::settled`.
    Send(Due, SharedWebhook),
    /// Read the webhook and, of its due deliveries, so many rows if any are asked for; then call
    /// `Schedule::read`.
    Read {
        /// The webhook.
        webhook_id: i64,
        /// The size of the page, if one is wanted.
        rows: Option<usize>,
    },
    /// Stop these attempts and record nothing of them; `Schedule::finished` follows for each.
    Abort(Vec<i64>),
    /// Bring the database in line in the background, then call `Schedule::cleaned`.
    CleanUp(i64, CleanUp),
    /// Keep how the webhook's receiver does, for the next start.
    Remember(i64, Health),
    /// Have the webhook disabled.
    GiveUp(SharedWebhook, GivenUp),
}

/// A webhook as it was last read; not shown, it holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::dispatch) struct SharedWebhook(pub(in crate::dispatch) Arc<Webhook>);

impl std::fmt::Debug for SharedWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "webhook {}", self.0.id)
    }
}

/// What is done about a webhook that gets nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dispatch) enum CleanUp {
    /// It is disabled: its pending deliveries become held.
    Hold,
    /// It is deleted: its rows are removed.
    Purge,
}

/// What a read found.
#[derive(Debug)]
pub(in crate::dispatch) struct Found {
    /// The webhook and how its receiver was when that was last kept; `None`: deleted.
    pub(in crate::dispatch) webhook: Option<(SharedWebhook, Health)>,
    /// `None`: not asked for.
    pub(in crate::dispatch) page: Option<Page>,
}

/// Due deliveries of one webhook.
#[derive(Debug, Default)]
pub(in crate::dispatch) struct Page {
    /// Those without an order, in the one in which they are to be sent.
    pub(in crate::dispatch) due: Vec<Due>,
    /// Whether there may be more of those.
    pub(in crate::dispatch) full: bool,
    /// When the next of them is due that was not yet.
    pub(in crate::dispatch) next_due: Option<Timestamp>,
    /// Those with an order.
    pub(in crate::dispatch) in_order: InOrder,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dispatch) struct Ended {
    /// What it says about the receiver.
    pub(in crate::dispatch) sign: Sign,
    /// Whether the delivery is to be tried again.
    pub(in crate::dispatch) retried: bool,
}
