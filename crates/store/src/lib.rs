//! The only SQL of Fanfare: one store over SQLite and PostgreSQL.
//!
//! The store is synchronous. Its functions are plain ones that take `&mut Read` or `&mut Tx`, and
//! two doors lead to them: [`Store::read`] and [`Store::write`], which hand a closure to a thread
//! and wait for its result. Nothing here knows of HTTP, sockets or webhook requests.

pub mod applications;
pub mod backup;
pub mod deliveries;
mod dialect;
mod engine;
mod error;
pub mod events;
pub mod exports;
pub mod games;
pub mod idempotency;
pub mod imports;
pub mod leftovers;
pub mod logs;
mod migrate;
mod options;
pub mod packs;
pub mod polls;
pub mod presence;
mod reader;
pub mod rooms;
mod rows;
pub mod session_games;
pub mod sessions;
pub mod settings;
pub mod stats;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
pub mod votes;
pub mod webhooks;
mod writer;

use std::sync::Arc;

use fanfare_model::event::Event;

pub use error::{Error, OpenError};
pub use options::{Location, Options};
pub use reader::Read;
pub use store::{Commits, Store, open};
pub use tx::{Reach, Tx};

/// What one commit hands to the publisher, in commit order.
#[derive(Debug, Default)]
pub struct Commit {
    /// The events, in the order in which they were emitted.
    pub events: Vec<Published>,
    /// Everything else to be heard of.
    pub notices: Vec<Notice>,
}

/// A committed event and whom it is for.
#[derive(Debug, Clone)]
pub struct Published {
    /// The event, as it stands in the log.
    pub event: Arc<Event>,
    /// Its pending deliveries; held ones are left out.
    pub deliveries: Vec<NewDelivery>,
    /// How many deliveries were held from the start, their webhooks being disabled.
    pub held: u64,
    /// It tests one webhook, disabled or not.
    pub test: bool,
}

/// A delivery that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The row.
    pub id: i64,
    /// Where it goes.
    pub webhook_id: i64,
    /// Those of the webhook with the same key are made one after the other.
    pub order_key: Option<String>,
}

impl Commit {
    /// Whether a webhook was created, changed or deleted with it.
    fn changes_webhooks(&self) -> bool {
        self.notices.iter().any(|notice| matches!(notice, Notice::WebhookChanged(_)))
    }
}

/// Something that other rooms must hear of after the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// This webhook was created, changed or deleted.
    WebhookChanged(i64),
    /// Deliveries of this webhook became pending again, or were called off.
    DeliveriesChanged(i64),
    /// A poll was opened, closed or deleted, or its counts have changed and were not told.
    PollsChanged,
    /// Deliveries may have been committed that nobody told of, since the connection broke during
    /// COMMIT: look into the database.
    LookAgain,
    /// The room of a session game is to be watched, or no longer.
    RoomsChanged,
    /// Something was deleted whose rows are still to be removed, see [`leftovers`].
    RowsHidden,
    /// An application was made, changed or deleted.
    ApplicationsChanged,
}

/// Whether a database belongs to the server that opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It holds the lock; nobody else writes.
    Ours,
    /// PostgreSQL: the connection that held the lock broke. Nothing is written until the lock is
    /// taken again, which is tried all the time.
    Lost,
    /// PostgreSQL: another server has opened the database meanwhile. Nothing is ever written again;
    /// reading still works, and this server must be restarted.
    TakenOver,
}

/// What keeps everybody from writing, by how the last transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// The disk is full.
    DiskFull,
    /// SQLite: another process keeps the database locked.
    Locked,
    /// SQLite: the database's file, or its log, was moved, deleted or replaced.
    Moved,
    /// Anything else: a read-only or broken disk, a database server that is away or refuses.
    Refused,
}

/// Figures of one commit, for the metrics.
#[derive(Debug, Clone, Default)]
pub struct CommitStats {
    /// Jobs that were answered with it; 0 when nothing was kept, and then there was no commit.
    pub jobs: usize,
    /// From the first statement to the end of COMMIT, in microseconds.
    pub micros: u64,
    /// How long each run of a job held the writer, in microseconds and without the commit. A job that
    /// ran again is in it more than once, and one that failed as well.
    pub job_micros: Vec<u64>,
    /// A webhook was created, changed or deleted, or may have been.
    pub webhooks_changed: bool,
}

/// Called after each commit, and after jobs of which nothing was kept, before anybody is answered, on
/// the thread that ran them; must not block.
pub type CommitObserver = Arc<dyn Fn(CommitStats) + Send + Sync>;

/// What a job's panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a job panicked: {}", text.as_deref().unwrap_or("it did not say why"))
}
