//! The one writer of a SQLite database: what is queued becomes one transaction.
//!
//! There is no timer: the next group forms while the last one syncs. A group first runs without
//! savepoints, since nearly all jobs succeed, or fail before they write, and a savepoint costs as
//! much as a job's statements: SQLite copies each page that is changed after it. When a job fails
//! after it wrote, the group starts over with a savepoint a job.

use std::time::Instant;

use fanfare_model::limits::GROUP_MAX_JOBS;
use tokio::sync::mpsc;

use super::Job;
use crate::{
    Commit, CommitObserver, CommitStats, Error, Tx,
    dialect::{self, Dialect},
    engine::{Engine, Failure},
    tx::Mark,
};

/// Runs jobs until the store is closed and the queue is empty.
pub(crate) fn serve(
    tx: Tx,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    commits: mpsc::Sender<Commit>,
    observer: CommitObserver,
) {
    let mut writer = Writer { tx, commits, observer };
    let mut group = Vec::with_capacity(GROUP_MAX_JOBS);
    while jobs.blocking_recv_many(&mut group, GROUP_MAX_JOBS) > 0 {
        writer.run(&mut group);
    }
}

struct Writer {
    tx: Tx,
    commits: mpsc::Sender<Commit>,
    observer: CommitObserver,
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
    Commit,
}

impl Writer {
    fn run(&mut self, group: &mut Vec<Box<dyn Job>>) {
        if group.len() == 1 {
            return group.drain(..).for_each(|job| self.run_alone(job));
        }
        let started = super::stopwatch();
        let mut outcome = self.run_together(group, Self::run_bare);
        if matches!(outcome, Err(Broken::Undo)) {
            self.abandon();
            outcome = self.run_together(group, Self::run_in_savepoint);
        }
        match outcome {
            Ok(()) => self.committed(group.drain(..), started),
            Err(Broken::Begin(failure)) => {
                group.drain(..).for_each(|job| job.refuse(failure.error.clone()));
            }
            Err(broken) => {
                self.abandon();
                if let Broken::Job { index, error } = broken {
                    let guilty = group.remove(index);
                    match error {
                        Some(error) => guilty.refuse(error),
                        None => guilty.answer(),
                    }
                }
                // Each in a transaction of its own, so that one more cannot take others with it.
                group.drain(..).for_each(|job| self.run_alone(job));
            }
        }
    }

    fn run_together(
        &mut self,
        group: &mut [Box<dyn Job>],
        run: fn(&mut Self, usize, &mut dyn Job) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.tx.command(dialect::begin_write(Dialect::Sqlite)).map_err(Broken::Begin)?;
        for (index, job) in group.iter_mut().enumerate() {
            run(self, index, job.as_mut())?;
        }
        self.tx.command("commit").map_err(|_| Broken::Commit)
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
        let kept = job.run(&mut self.tx);
        if self.is_over() {
            let ended = || Error::Unavailable("the transaction ended by itself".into());
            return Err(Broken::Job { index, error: kept.then(ended) });
        }
        Ok(kept)
    }

    fn run_alone(&mut self, mut job: Box<dyn Job>) {
        let started = super::stopwatch();
        if let Err(failure) = self.tx.command(dialect::begin_write(Dialect::Sqlite)) {
            return job.refuse(failure.error);
        }
        if !job.run(&mut self.tx) {
            self.abandon();
            return job.answer();
        }
        match self.tx.command("commit") {
            Ok(()) => self.committed(std::iter::once(job), started),
            Err(failure) => {
                self.abandon();
                job.refuse(failure.error);
            }
        }
    }

    /// Hands the events over, then answers everybody.
    fn committed(&mut self, jobs: impl ExactSizeIterator<Item = Box<dyn Job>>, started: Instant) {
        let stats = CommitStats {
            jobs: jobs.len(),
            micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        };
        if let Some(commit) = self.tx.take_commit() {
            // Nobody listens any more once the receiver is dropped; the events are in the log.
            drop(self.commits.blocking_send(commit));
        }
        (self.observer)(stats);
        jobs.for_each(Job::answer);
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
