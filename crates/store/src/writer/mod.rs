//! Writing: what a job is, and how one ends. How jobs become transactions is the engines' own
//! affair: [`sqlite`] commits many at once, [`postgres`] one after the other on several
//! connections.

pub(crate) mod condition;
pub(crate) mod lock;
pub(crate) mod postgres;
pub(crate) mod sequence;
pub(crate) mod sqlite;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use tokio::sync::oneshot;

use crate::{Error, Tx, panic_text};

/// Jobs that may wait for a writer before callers wait to queue theirs.
pub(crate) const JOBS_MAX_QUEUED: usize = 1_024;

/// Starts to measure a commit or a job, for its figures only: nothing is decided by it.
#[expect(clippy::disallowed_methods, reason = "no decision depends on it")]
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}

/// Microseconds since then.
pub(crate) fn micros_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A write that waits for a writer, and afterwards its result.
pub(crate) trait Job: Send {
    /// Runs it, perhaps not for the first time, and keeps the result; a panic becomes an error.
    /// Returns whether what it wrote is to be kept.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Tells the caller the result of the last run.
    fn answer(self: Box<Self>);
    /// Tells the caller that it could not be done.
    fn refuse(self: Box<Self>, error: Error);
}

/// Makes a job and the receiver of its answer.
pub(crate) fn job<T, E, F>(work: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    (Box::new(TypedJob { work, result: None, answer }), answered)
}

struct TypedJob<T, E, F> {
    work: F,
    result: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for TypedJob<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: Fn(&mut Tx) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx) -> bool {
        let result = match catch_unwind(AssertUnwindSafe(|| (self.work)(tx))) {
            // A job that hides a failed statement may have done half of what it says.
            Ok(Ok(value)) => tx.failure().map_or(Ok(value), |failure| Err(E::from(failure.error.clone()))),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(E::from(Error::Bug(panic_text(panic.as_ref())))),
        };
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>) {
        let Self { result, answer, .. } = *self;
        let result =
            result.unwrap_or_else(|| Err(E::from(Error::Bug("a job was answered before it ran".into()))));
        // A caller that has gone needs no answer.
        drop(answer.send(result));
    }

    fn refuse(self: Box<Self>, error: Error) {
        drop(self.answer.send(Err(E::from(error))));
    }
}
