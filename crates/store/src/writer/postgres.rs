//! A writer of a PostgreSQL database: one transaction per job, on a connection of its own.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::mpsc;

use super::{
    Job,
    condition::Condition,
    lock::{Keep, Lock},
    sequence::{Sequence, Told},
};
use crate::{
    Commit, CommitObserver, CommitStats, Error, Notice, Read, Tx,
    dialect::{self, Dialect},
    engine::{
        Engine, Failure, Fault,
        postgres::{Committed, Target},
    },
    tx::Mark,
};

/// Attempts per job that meets others.
const JOB_MAX_TRIES: u32 = 8;
/// Attempts per job without a connection or the lock: one may find a connection that broke while it
/// was idle, the next makes a new one, and more would only keep the callers waiting.
const AWAY_MAX_TRIES: u32 = 2;
/// Attempts to look whether a commit was kept.
const LOOK_MAX_TRIES: u32 = 8;
/// The pause after the first attempt; it doubles after each, and up to as much again is added.
const FIRST_PAUSE_MS: u64 = 8;

/// One of several threads that write.
pub(crate) struct Writer {
    target: Target,
    lock: Arc<Lock>,
    sequence: Arc<Sequence>,
    observer: CommitObserver,
    condition: Arc<Condition>,
    /// The database stays locked until the last writer is gone.
    _keep: Keep,
    connection: Option<Tx>,
}

/// What became of one attempt.
enum Attempt {
    /// The caller was told, or will be when its turn comes.
    Ended,
    /// Nothing was kept and it may work the next time.
    Again(Box<dyn Job>, Error, Obstacle),
}

/// Why an attempt came to nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    /// Another transaction was in the way.
    Contention,
    /// There is no connection, or the lock is lost.
    Away,
}

impl Writer {
    pub(crate) fn new(
        target: Target,
        lock: Arc<Lock>,
        sequence: Arc<Sequence>,
        observer: CommitObserver,
        condition: Arc<Condition>,
        keep: Keep,
    ) -> Self {
        Self { target, lock, sequence, observer, condition, _keep: keep, connection: None }
    }

    /// Runs jobs until the store is closed and the queue is empty.
    pub(crate) fn serve(mut self, jobs: &Mutex<mpsc::Receiver<Box<dyn Job>>>) {
        loop {
            let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
            let Some(job) = next else { return };
            self.write(job);
        }
    }

    fn write(&mut self, mut job: Box<dyn Job>) {
        let mut away = 0;
        for tried in 1.. {
            let (again, error, obstacle) = match self.attempt(job) {
                Attempt::Ended => return,
                Attempt::Again(again, error, obstacle) => (again, error, obstacle),
            };
            away += u32::from(obstacle == Obstacle::Away);
            if tried == JOB_MAX_TRIES || away == AWAY_MAX_TRIES {
                if obstacle == Obstacle::Away {
                    let failure = Failure { error: error.clone(), fault: Fault::ConnectionLost };
                    self.condition.failed(&failure);
                }
                return again.refuse(error);
            }
            job = again;
            pause(tried);
        }
    }

    fn attempt(&mut self, mut job: Box<dyn Job>) -> Attempt {
        let started = super::stopwatch();
        let (mut tx, backend) = match self.begun() {
            Ok(begun) => begun,
            Err(error) => return Attempt::Again(job, error, Obstacle::Away),
        };
        let run_started = super::stopwatch();
        let is_kept = job.run(&mut tx);
        let mut stats =
            CommitStats { job_micros: vec![super::micros_since(run_started)], ..CommitStats::default() };
        if !is_kept {
            (self.observer)(stats);
            return self.undone(tx, job);
        }
        // Checked as late as possible; the fence of the lock does the rest.
        if self.lock.backend() != Ok(backend) {
            let error = Error::Unavailable("the lock on the database was lost".into());
            return Attempt::Again(job, error, Obstacle::Away);
        }
        let mut commit = tx.take_commit();
        let sequence = Arc::clone(&self.sequence);
        let ticket = commit.as_ref().map(|_| sequence.ticket());
        let committed = match tx.engine_mut() {
            Engine::Postgres(postgres) => postgres.commit(),
            Engine::Sqlite(_) => Committed::Yes,
        };
        if matches!(committed, Committed::Yes) {
            (stats.jobs, stats.micros) = (1, super::micros_since(started));
            self.condition.works();
        }
        // Even of one that is not known to be kept.
        stats.webhooks_changed = commit.as_ref().is_some_and(Commit::changes_webhooks);
        (self.observer)(stats);
        let told = match committed {
            Committed::Yes => {
                self.connection = Some(tx);
                Told::Result(job)
            }
            Committed::No(Failure { error, fault: Fault::Contention }) => {
                return Attempt::Again(job, error, Obstacle::Contention);
            }
            Committed::No(failure) => {
                self.condition.failed(&failure);
                job.refuse(failure.error);
                return Attempt::Ended;
            }
            Committed::Unknown(error) => {
                // Running it again could do it twice.
                if let Some(commit) = &mut commit {
                    self.keep_what_may_be(commit);
                }
                Told::Refusal(job, error)
            }
        };
        match (ticket, commit) {
            (Some(ticket), Some(commit)) => ticket.keep(commit, told),
            _ => told.tell(),
        }
        Attempt::Ended
    }

    /// A connection with a transaction open, and the process that holds the lock meanwhile.
    fn begun(&mut self) -> Result<(Tx, i32), Error> {
        let backend = self.lock.backend()?;
        let mut tx = match self.connection.take() {
            Some(tx) => tx,
            None => self.connect()?,
        };
        tx.command(dialect::begin_write(Dialect::Postgres)).map_err(|failure| failure.error)?;
        Ok((tx, backend))
    }

    fn connect(&self) -> Result<Tx, Error> {
        let mut postgres = self.target.connect()?;
        self.lock.admit(&mut postgres)?;
        Ok(Tx::new(Read::new(Engine::Postgres(postgres))))
    }

    /// Rolls back; answers the job, unless it failed for a reason that may pass.
    fn undone(&mut self, mut tx: Tx, job: Box<dyn Job>) -> Attempt {
        let failure = tx.failure().cloned();
        tx.rewind(Mark::default());
        if tx.command("rollback").is_ok() {
            self.connection = Some(tx);
        }
        match failure {
            Some(Failure { error, fault: Fault::Contention }) => {
                Attempt::Again(job, error, Obstacle::Contention)
            }
            Some(Failure { error, fault: Fault::ConnectionLost }) => {
                Attempt::Again(job, error, Obstacle::Away)
            }
            other => {
                if let Some(failure) = other {
                    self.condition.failed(&failure);
                }
                job.answer();
                Attempt::Ended
            }
        }
    }

    /// What is to be heard of a commit of unknown outcome: its events if it was kept, and in any case
    /// its notices, which do no harm, and that there may be more to find.
    fn keep_what_may_be(&mut self, commit: &mut Commit) {
        if !self.was_kept(commit) {
            commit.events.clear();
        }
        if !commit.notices.contains(&Notice::LookAgain) {
            commit.notices.push(Notice::LookAgain);
        }
    }

    /// Whether the events of a commit of unknown outcome are in the log; false when that cannot be
    /// found out.
    fn was_kept(&mut self, commit: &Commit) -> bool {
        // An event of the same name waits for the transaction that may be writing the first, for as
        // long as that lives, and meets it only if it was kept. It is never committed itself.
        const PROBE: &str = "insert into events (public_id, kind, at_ms, data) values (?1, '', 0, '') \
                             on conflict (public_id) do nothing";
        let Some(event) = commit.events.first().map(|published| &published.event) else { return false };
        for tried in 1..=LOOK_MAX_TRIES {
            pause(tried);
            let Ok((mut tx, _)) = self.begun() else { continue };
            if let Ok(inserted) = tx.run(PROBE, &[(&event.public_id).into()])
                && tx.command("rollback").is_ok()
            {
                self.connection = Some(tx);
                return inserted == 0;
            }
        }
        tracing::warn!(event = event.public_id, "whether this event was committed is unknown");
        false
    }
}

/// Waits before attempt number `tried` + 1, a little differently each time, so that two jobs that
/// met do not meet again.
fn pause(tried: u32) {
    let base_ms = FIRST_PAUSE_MS << tried.saturating_sub(1).min(10);
    // A hasher with random keys is the standard library's only source of chance.
    let jitter_ms = RandomState::new().build_hasher().finish() % base_ms;
    thread::sleep(Duration::from_millis(base_ms + jitter_ms));
}
