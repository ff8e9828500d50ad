//! Opening and closing a store, and its two async doors.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::{self, JoinHandle},
};

use fanfare_model::limits::COMMITS_MAX_QUEUED;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Commit, CommitObserver, Error, Hindrance, Location, OpenError, Options, Read, Standing, Tx,
    engine::{Engine, file_lock::FileLock, postgres::Target, sqlite::Sqlite},
    migrate,
    reader::{self, ReadJob, Reads},
    writer::{self, Job, condition::Condition, lock::Lock, sequence::Sequence},
};

/// Reads that may wait for a connection before callers wait to queue theirs.
const READS_MAX_QUEUED: usize = 1_024;

/// What was committed, commit by commit; there is one receiver.
pub struct Commits {
    receiver: mpsc::Receiver<Commit>,
}

impl Commits {
    /// The next commit that had events or notices; `None` once the store is closed. Cancel safe.
    pub async fn recv(&mut self) -> Option<Commit> {
        self.receiver.recv().await
    }
}

/// An open database. Clones share it; when the last one is dropped, it closes by itself.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    /// Taken by `close`; the threads end when their queue has no sender and nothing in it.
    queues: RwLock<Option<Queues>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Closes when the last thread has ended.
    ended: watch::Receiver<()>,
    standing: watch::Receiver<Standing>,
    condition: Arc<Condition>,
}

struct Queues {
    jobs: mpsc::Sender<Box<dyn Job>>,
    reads: mpsc::Sender<Box<dyn ReadJob>>,
}

/// Opens a database: locks it, migrates it, starts the threads. Blocks meanwhile.
///
/// # Errors
/// See [`OpenError`].
pub fn open(options: Options, observer: CommitObserver) -> Result<(Store, Commits), OpenError> {
    let (jobs_sender, jobs) = mpsc::channel(writer::JOBS_MAX_QUEUED);
    let (reads_sender, reads) = mpsc::channel(READS_MAX_QUEUED);
    let (commits_sender, commits) = mpsc::channel(COMMITS_MAX_QUEUED);
    let (alive, ended) = watch::channel(());
    let mut threads = Threads { alive, handles: Vec::new() };
    let reads = Arc::new(Mutex::new(reads));
    let (standing_sender, standing) = watch::channel(Standing::Ours);
    let condition = Arc::new(Condition::default());
    let parts = Parts {
        jobs,
        commits: commits_sender,
        observer,
        standing: standing_sender,
        condition: condition.clone(),
    };
    let Options { location, durable, readers, postgres_writers, owner } = options;
    match location {
        Location::Sqlite(path) => {
            open_sqlite(&mut threads, parts, &path, durable)?;
            let connect = move || Sqlite::open_reader(&path).map(Engine::Sqlite);
            start_readers(&mut threads, &reads, readers, &connect)?;
        }
        Location::Postgres(url) => {
            let target = Target::parse(&url).map_err(OpenError::Unavailable)?.named(&owner);
            open_postgres(&mut threads, parts, &target, postgres_writers)?;
            let connect = move || target.connect().map(Engine::Postgres);
            start_readers(&mut threads, &reads, readers, &connect)?;
        }
    }
    let queues = RwLock::new(Some(Queues { jobs: jobs_sender, reads: reads_sender }));
    let inner = Inner { queues, threads: Mutex::new(threads.handles), ended, standing, condition };
    Ok((Store { inner: Arc::new(inner) }, Commits { receiver: commits }))
}

/// What the writers work with.
struct Parts {
    jobs: mpsc::Receiver<Box<dyn Job>>,
    commits: mpsc::Sender<Commit>,
    observer: CommitObserver,
    standing: watch::Sender<Standing>,
    condition: Arc<Condition>,
}

struct Threads {
    alive: watch::Sender<()>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    fn start(&mut self, name: String, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let alive = self.alive.clone();
        let run = move || {
            work();
            drop(alive);
        };
        let handle = thread::Builder::new().name(name).spawn(run);
        self.handles.push(handle.map_err(|error| OpenError::Unavailable(error.to_string()))?);
        Ok(())
    }
}

fn open_sqlite(threads: &mut Threads, parts: Parts, path: &Path, durable: bool) -> Result<(), OpenError> {
    let lock = FileLock::take(path)?;
    let mut sqlite = Sqlite::open_writer(path, durable)?;
    migrate::sqlite(sqlite.connection_mut())?;
    sqlite.watch_place(path);
    let Parts { jobs, commits, observer, standing, condition } = parts;
    let tx = Tx::new(Read::new(Engine::Sqlite(sqlite)));
    let writer = writer::sqlite::Writer::new(tx, commits, observer, condition);
    let serve = move || {
        writer.serve(jobs);
        // A file is ours until nothing more is written to it.
        drop((standing, lock));
    };
    threads.start("store-write".into(), serve)
}

fn open_postgres(
    threads: &mut Threads,
    parts: Parts,
    target: &Target,
    writers: usize,
) -> Result<(), OpenError> {
    let Parts { jobs, commits, observer, standing, condition } = parts;
    let (lock, keep) = Lock::take(target, standing, |name, work| threads.start(name, work))?;
    let sequence = Arc::new(Sequence::new(commits));
    let jobs = Arc::new(Mutex::new(jobs));
    for number in 0..writers.max(1) {
        let writer = writer::postgres::Writer::new(
            target.clone(),
            Arc::clone(&lock),
            Arc::clone(&sequence),
            Arc::clone(&observer),
            Arc::clone(&condition),
            keep.clone(),
        );
        let jobs = Arc::clone(&jobs);
        threads.start(format!("store-write-{number}"), move || writer.serve(&jobs))?;
    }
    Ok(())
}

fn start_readers<C>(threads: &mut Threads, reads: &Reads, count: usize, connect: &C) -> Result<(), OpenError>
where
    C: Fn() -> Result<Engine, Error> + Clone + Send + 'static,
{
    for number in 0..count.max(1) {
        let (reads, connect) = (Arc::clone(reads), connect.clone());
        threads.start(format!("store-read-{number}"), move || reader::serve(&reads, connect))?;
    }
    Ok(())
}

impl Store {
    /// Runs `job` in a transaction and returns its result once that is committed, or rolled back
    /// if the result is an error. The job may run more than once, so everything but the database
    /// that it depends on must be captured before.
    ///
    /// Dropping the future does not stop the job.
    ///
    /// # Errors
    /// The job's own, or [`Error::Unavailable`] and [`Error::Bug`] when it could not be run.
    pub async fn write<T, E>(&self, job: impl Fn(&mut Tx) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let jobs = self.queue(|queues| &queues.jobs)?;
        let (job, answered) = writer::job(job);
        hand_over(jobs, job, answered).await
    }

    /// Runs `job` on a connection that can only read and returns its result. What it reads is the
    /// state of one moment.
    ///
    /// # Errors
    /// The job's own, or [`Error::Unavailable`] and [`Error::Bug`] when it could not be run.
    pub async fn read<T, E>(
        &self,
        job: impl FnOnce(&mut Read) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let reads = self.queue(|queues| &queues.reads)?;
        let (job, answered) = reader::job(job);
        hand_over(reads, job, answered).await
    }

    /// Whether the database is still this server's, now and after each change; of SQLite it always
    /// is. The channel closes when the store has closed. A change that was undone before the
    /// receiver looked is not seen.
    #[must_use]
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.inner.standing.clone()
    }

    /// What hinders writing, by how the last transaction ended: nothing once one was committed. That
    /// nothing is known of says nothing of a disk to which nobody has written since.
    #[must_use]
    pub fn hindrance(&self) -> Option<Hindrance> {
        self.inner.condition.hindrance()
    }

    /// Runs what is queued, commits, ends the threads. Later calls answer [`Error::Unavailable`].
    pub async fn close(&self) {
        drop(self.inner.queues.write().unwrap_or_else(PoisonError::into_inner).take());
        let mut ended = self.inner.ended.clone();
        while ended.changed().await.is_ok() {}
        let threads = std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }

    fn queue<T>(&self, which: impl Fn(&Queues) -> &mpsc::Sender<T>) -> Result<mpsc::Sender<T>, Error> {
        let queues = self.inner.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.as_ref().map(|queues| which(queues).clone()).ok_or_else(closed)
    }
}

/// Queues a job, waiting for room, and waits for its answer.
async fn hand_over<J, T, E: From<Error>>(
    queue: mpsc::Sender<J>,
    job: J,
    answered: oneshot::Receiver<Result<T, E>>,
) -> Result<T, E> {
    queue.send(job).await.map_err(|_| closed())?;
    // The threads run until no sender is left, so this one must not wait for them.
    drop(queue);
    answered.await.unwrap_or_else(|_| Err(E::from(closed())))
}

fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}
