//! The one writer of a SQLite database: what is queued becomes one transaction.
//!
//! There is no timer: the next group forms while the last one syncs. A group first runs without
//! savepoints, since nearly all jobs succeed, or fail before they write, and a savepoint costs as
//! much as a job's statements: SQLite copies each page that is changed after it. When a job fails
//! after it wrote, the group starts over with a savepoint a job.

use std::{sync::Arc, time::Instant};

use fanfare_model::limits::GROUP_MAX_JOBS;
use tokio::sync::mpsc;

use super::{Job, condition::Condition};
use crate::{
    Commit, CommitObserver, CommitStats, Error, Tx,
    dialect::{self, Dialect},
    engine::{Engine, Failure, Fault},
    tx::Mark,
};

/// The thread that writes.
pub(crate) struct Writer {
    tx: Tx,
    commits: mpsc::Sender<Commit>,
    observer: CommitObserver,
    condition: Arc<Condition>,
    /// Whether another process kept the database locked when a transaction was last begun.
    is_locked_out: bool,
    /// How long each run of a job took that no commit was observed with yet.
    job_micros: Vec<u64>,
}

/// Why a group could not be committed as one.
enum Broken {
    /// Nothing could be begun.
    Begin(Failure),
    /// A job failed after it wrote, and there is no savepoint to go back to.
    Undo,
    /// The job at `index` took the whole transaction with it; `error` is for a job that knows of
    /// none itself.
    Job {
        index: usize,
        error: Option<Error>,
    },
    Commit(Failure),
}

impl Writer {
    pub(crate) fn new(
        tx: Tx,
        commits: mpsc::Sender<Commit>,
        observer: CommitObserver,
        condition: Arc<Condition>,
    ) -> Self {
        Self { tx, commits, observer, condition, is_locked_out: false, job_micros: Vec::new() }
    }

    /// Runs jobs until the store is closed and the queue is empty.
    pub(crate) fn serve(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let mut group = Vec::with_capacity(GROUP_MAX_JOBS);
        while jobs.blocking_recv_many(&mut group, GROUP_MAX_JOBS) > 0 {
            self.run(&mut group);
        }
    }

    fn run(&mut self, group: &mut Vec<Box<dyn Job>>) {
        if group.len() == 1 {
            return self.run_each_alone(group);
        }
        let started = super::stopwatch();
        let mut outcome = self.run_together(group, Self::run_bare);
        if matches!(outcome, Err(Broken::Undo)) {
            self.abandon();
            outcome = self.run_together(group, Self::run_in_savepoint);
        }
        match outcome {
            Ok(()) => self.committed(group.drain(..), started),
            // No job is to blame, and each alone would have to wait for the same disk or lock.
            Err(Broken::Begin(failure) | Broken::Commit(failure @ Failure { fault: Fault::Refused, .. })) => {
                self.abandon();
                self.nothing_kept();
                group.drain(..).for_each(|job| job.refuse(failure.error.clone()));
            }
            Err(broken) => {
                self.abandon();
                self.nothing_kept();
                if let Broken::Job { index, error } = broken {
                    let guilty = group.remove(index);
                    match error {
                        Some(error) => guilty.refuse(error),
                        None => guilty.answer(),
                    }
                }
                self.run_each_alone(group);
            }
        }
    }

    fn run_together(
        &mut self,
        group: &mut [Box<dyn Job>],
        run: fn(&mut Self, usize, &mut dyn Job) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.begin().map_err(Broken::Begin)?;
        for (index, job) in group.iter_mut().enumerate() {
            run(self, index, job.as_mut())?;
        }
        self.tx.command("commit").map_err(|failure| {
            self.condition.failed(&failure);
            Broken::Commit(failure)
        })
    }

    /// Begins a transaction. Once another process is known to lock the database, nobody waits long for
    /// it any more.
    fn begin(&mut self) -> Result<(), Failure> {
        let placed = match self.tx.engine_mut() {
            Engine::Sqlite(sqlite) => sqlite.check_place(),
            Engine::Postgres(_) => Ok(()),
        };
        let begun = placed.and_then(|()| self.tx.command(dialect::begin_write(Dialect::Sqlite)));
        let is_locked_out = matches!(&begun, Err(Failure { fault: Fault::Locked, .. }));
        if std::mem::replace(&mut self.is_locked_out, is_locked_out) != is_locked_out
            && let Engine::Sqlite(sqlite) = self.tx.engine_mut()
            && let Err(Failure { error, .. }) = sqlite.expect_lock(is_locked_out)
        {
            tracing::warn!(%error, "the wait for locks could not be set");
        }
        begun.inspect_err(|failure| self.condition.failed(failure))
    }

    /// Runs a job that, if it fails, has written nothing.
    fn run_bare(&mut self, index: usize, job: &mut dyn Job) -> Result<(), Broken> {
        let mark = self.tx.mark();
        self.take_wrote();
        if !self.run_job(index, job)? {
            if self.take_wrote() {
                return Err(Broken::Undo);
            }
            self.tx.rewind(mark);
        }
        Ok(())
    }

    /// Keeps or undoes what the job wrote.
    fn run_in_savepoint(&mut self, index: usize, job: &mut dyn Job) -> Result<(), Broken> {
        let broken = |error| Broken::Job { index, error };
        let mark = self.tx.mark();
        self.tx.command("savepoint job").map_err(|failure| broken(Some(failure.error)))?;
        if self.run_job(index, job)? {
            return self.tx.command("release job").map_err(|failure| broken(Some(failure.error)));
        }
        self.tx.rewind(mark);
        let undone = self.tx.command("rollback to job").and_then(|()| self.tx.command("release job"));
        undone.map_err(|_| broken(None))
    }

    /// Whether what the job wrote is to be kept. Fails when the whole transaction is gone.
    fn run_job(&mut self, index: usize, job: &mut dyn Job) -> Result<bool, Broken> {
        let kept = self.run_measured(job);
        if self.is_over() {
            let ended = || Error::Unavailable("the transaction ended by itself".into());
            return Err(Broken::Job { index, error: kept.then(ended) });
        }
        Ok(kept)
    }

    /// Runs a job; measures it, and learns from a statement that failed.
    fn run_measured(&mut self, job: &mut dyn Job) -> bool {
        let started = super::stopwatch();
        let kept = job.run(&mut self.tx);
        self.job_micros.push(super::micros_since(started));
        if let Some(failure) = self.tx.failure() {
            self.condition.failed(failure);
        }
        kept
    }

    /// Each in a transaction of its own, so that one that breaks it cannot take others with it.
    fn run_each_alone(&mut self, group: &mut Vec<Box<dyn Job>>) {
        let mut jobs = group.drain(..);
        while let Some(job) = jobs.next() {
            let started = super::stopwatch();
            match self.begin() {
                Ok(()) => self.run_alone(job, started),
                Err(Failure { error, .. }) => {
                    // The others would wait for the same lock.
                    return std::iter::once(job).chain(jobs).for_each(|job| job.refuse(error.clone()));
                }
            }
        }
    }

    fn run_alone(&mut self, mut job: Box<dyn Job>, started: Instant) {
        if !self.run_measured(job.as_mut()) {
            self.abandon();
            self.nothing_kept();
            return job.answer();
        }
        match self.tx.command("commit") {
            Ok(()) => self.committed(std::iter::once(job), started),
            Err(failure) => {
                self.condition.failed(&failure);
                self.abandon();
                self.nothing_kept();
                job.refuse(failure.error);
            }
        }
    }

    /// Hands the events over, then answers everybody.
    fn committed(&mut self, jobs: impl ExactSizeIterator<Item = Box<dyn Job>>, started: Instant) {
        let commit = self.tx.take_commit();
        let stats = CommitStats {
            jobs: jobs.len(),
            micros: super::micros_since(started),
            job_micros: std::mem::take(&mut self.job_micros),
            webhooks_changed: commit.as_ref().is_some_and(Commit::changes_webhooks),
        };
        self.condition.works();
        if let Some(commit) = commit {
            // Nobody listens any more once the receiver is dropped; the events are in the log.
            drop(self.commits.blocking_send(commit));
        }
        (self.observer)(stats);
        jobs.for_each(Job::answer);
    }

    /// Tells how long jobs took of which nothing was kept.
    fn nothing_kept(&mut self) {
        if !self.job_micros.is_empty() {
            let job_micros = std::mem::take(&mut self.job_micros);
            (self.observer)(CommitStats { job_micros, ..CommitStats::default() });
        }
    }

    /// Ends a transaction, if there still is one, without keeping anything.
    fn abandon(&mut self) {
        self.tx.rewind(Mark::default());
        if !self.is_over()
            && let Err(Failure { error, .. }) = self.tx.command("rollback")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn take_wrote(&mut self) -> bool {
        match self.tx.engine_mut() {
            Engine::Sqlite(sqlite) => sqlite.take_wrote(),
            Engine::Postgres(_) => true,
        }
    }

    /// Whether SQLite has ended the transaction by itself, as after a full disk.
    fn is_over(&mut self) -> bool {
        match self.tx.engine_mut() {
            Engine::Sqlite(sqlite) => sqlite.is_autocommit(),
            Engine::Postgres(_) => false,
        }
    }
}
