//! Reading: what a job may ask, and the threads that answer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    Error,
    dialect::{self, Dialect},
    engine::{Engine, Failure, Fault, Row, Value},
    panic_text,
};

/// A view of the database in which rows can be read; one moment of it, for as long as the job
/// runs.
pub struct Read {
    engine: Engine,
    failure: Option<Failure>,
}

impl Read {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, failure: None }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(crate) fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Runs one statement and hands over each row.
    ///
    /// Once a statement has failed, all later ones of the job fail with the same error: PostgreSQL
    /// would refuse them anyway, and SQLite may have ended the transaction, outside of which each
    /// would be kept at once.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.error.clone());
        }
        self.engine.run(sql, params, each).map_err(|failure| {
            let error = failure.error.clone();
            self.failure = Some(failure);
            error
        })
    }

    /// Every row.
    pub(crate) fn rows<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        from_row: impl Fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        self.each(sql, params, |row| {
            rows.push(from_row(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The only row, if there is one.
    pub(crate) fn row<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        from_row: impl Fn(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut found = None;
        self.each(sql, params, |row| {
            found = Some(from_row(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The statement of this job that failed.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub(crate) fn forget_failure(&mut self) {
        self.failure = None;
    }

    /// Begins or ends a transaction, or sets a savepoint.
    pub(crate) fn command(&mut self, sql: &str) -> Result<(), Failure> {
        match &mut self.engine {
            Engine::Sqlite(sqlite) => sqlite.command(sql),
            Engine::Postgres(postgres) => postgres.command(sql),
        }
    }
}

/// A read that waits for a thread.
pub(crate) trait ReadJob: Send {
    /// Runs and answers.
    fn run(self: Box<Self>, read: &mut Read);
    /// Answers without running.
    fn refuse(self: Box<Self>, error: Error);
}

/// Reads that wait, shared by the threads that answer them.
pub(crate) type Reads = Arc<Mutex<mpsc::Receiver<Box<dyn ReadJob>>>>;

/// Makes a read job and the receiver of its answer.
pub(crate) fn job<T, E, F>(work: F) -> (Box<dyn ReadJob>, oneshot::Receiver<Result<T, E>>)
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnOnce(&mut Read) -> Result<T, E> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    (Box::new(TypedRead { work, answer }), answered)
}

struct TypedRead<T, E, F> {
    work: F,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> ReadJob for TypedRead<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: FnOnce(&mut Read) -> Result<T, E> + Send,
{
    fn run(self: Box<Self>, read: &mut Read) {
        let Self { work, answer } = *self;
        let result = match catch_unwind(AssertUnwindSafe(|| work(read))) {
            Ok(result) => result,
            Err(panic) => Err(E::from(Error::Bug(panic_text(panic.as_ref())))),
        };
        // A caller that has gone needs no answer.
        drop(answer.send(result));
    }

    fn refuse(self: Box<Self>, error: Error) {
        drop(self.answer.send(Err(E::from(error))));
    }
}

/// Answers reads until the store is closed. `connect` is called on this thread, again after a
/// connection was lost.
pub(crate) fn serve(reads: &Reads, connect: impl Fn() -> Result<Engine, Error>) {
    let mut connection = connect().map(Read::new).ok();
    loop {
        let next = reads.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = next else { return };
        match begun(connection.take(), &connect) {
            Ok(read) => connection = answer(read, job),
            Err(error) => job.refuse(error),
        }
    }
}

/// A connection with a transaction open: the one at hand, or a new one when that is lost.
fn begun(at_hand: Option<Read>, connect: &impl Fn() -> Result<Engine, Error>) -> Result<Read, Error> {
    if let Some(mut read) = at_hand
        && read.command(dialect::begin_read(read.dialect())).is_ok()
    {
        return Ok(read);
    }
    let mut read = Read::new(connect()?);
    read.command(dialect::begin_read(read.dialect())).map_err(|failure| failure.error)?;
    Ok(read)
}

/// Runs one read and ends its transaction; returns the connection if it is still of use. One that met a
/// fault of the disk may hold on to what is no longer there.
fn answer(mut read: Read, job: Box<dyn ReadJob>) -> Option<Read> {
    job.run(&mut read);
    let lost =
        read.failure().is_some_and(|failure| matches!(failure.fault, Fault::ConnectionLost | Fault::Refused));
    read.forget_failure();
    (read.command("rollback").is_ok() && !lost).then_some(read)
}
