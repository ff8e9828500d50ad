//! One server per PostgreSQL database: an advisory lock on a connection of its own.
//!
//! When that connection dies, writing stops, since another server may take over, until the lock is
//! taken again and nobody has been here meanwhile. Writing connections that outlive the lock are
//! fenced: each holds a second lock, shared, which a new server must find free.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use ::postgres::fallible_iterator::FallibleIterator;
use tokio::sync::watch;

use crate::{
    Error, OpenError, Standing,
    engine::{
        Row,
        postgres::{Postgres, Target},
    },
    migrate,
};

/// "Fanf": the first half of both locks' keys.
const KEY: i64 = 0x4661_6e66;
/// The second half of the key that the server holds.
const SERVER: i64 = 1;
/// The second half of the key that writing connections share.
const WRITERS: i64 = 2;
/// Attempts to take the lock: the connections of a server that has just died take a moment to end.
const TAKE_MAX_TRIES: u32 = 10;
/// Between such attempts.
const TAKE_PAUSE_MS: u64 = 100;
/// How often it is looked whether the store was closed or the lock can be taken again.
const TICK_MS: u64 = 100;

/// Who holds the lock.
pub(crate) struct Lock {
    /// The server process behind the connection that holds it; 0 while nobody does.
    backend: AtomicI32,
    standing: watch::Sender<Standing>,
}

/// Keeps the lock for as long as one clone of it is left.
pub(crate) type Keep = mpsc::Sender<()>;

impl Lock {
    /// Takes the lock and migrates the database, on a thread that `start` starts; it holds the lock
    /// until every [`Keep`] is dropped, and says on `standing` what becomes of it.
    pub(crate) fn take(
        target: &Target,
        standing: watch::Sender<Standing>,
        start: impl FnOnce(String, Box<dyn FnOnce() + Send>) -> Result<(), OpenError>,
    ) -> Result<(Arc<Self>, Keep), OpenError> {
        let lock = Arc::new(Self { backend: AtomicI32::new(0), standing });
        let (keep, kept) = mpsc::channel();
        let (opened, open) = mpsc::channel();
        let holder = Holder { target: target.clone(), lock: Arc::clone(&lock), kept };
        start("store-lock".into(), Box::new(move || holder.run(&opened)))?;
        open.recv().map_err(|_| OpenError::Unavailable("the lock's thread ended".into()))??;
        Ok((lock, keep))
    }

    /// The process that holds the lock for us.
    pub(crate) fn backend(&self) -> Result<i32, Error> {
        match self.backend.load(Ordering::Acquire) {
            0 => Err(Error::Unavailable("the lock on the database is lost".into())),
            backend => Ok(backend),
        }
    }

    /// Makes a connection one that may write: a server that takes over must wait for its end.
    pub(crate) fn admit(&self, postgres: &mut Postgres) -> Result<(), Error> {
        let shared =
            ask(postgres, "select pg_try_advisory_lock_shared(?1::bigint::int, ?2::bigint::int)", WRITERS)?;
        let backend = i64::from(self.backend()?);
        let mut ours = false;
        let holds = "select exists (select 1 from pg_locks l \
                     join pg_database d on d.oid = l.database and d.datname = current_database() \
                     where l.locktype = 'advisory' and l.classid::bigint = ?1 and l.objid::bigint = ?2 \
                     and l.mode = 'ExclusiveLock' and l.granted and l.pid::bigint = ?3)";
        postgres
            .run(holds, &[KEY.into(), SERVER.into(), backend.into()], |row| {
                ours = row.get(0)?;
                Ok(())
            })
            .map_err(|failure| failure.error)?;
        if shared && ours {
            Ok(())
        } else {
            Err(Error::Unavailable("another server has taken the database over".into()))
        }
    }
}

/// The thread that holds the lock.
struct Holder {
    target: Target,
    lock: Arc<Lock>,
    kept: mpsc::Receiver<()>,
}

impl Holder {
    fn run(self, opened: &mpsc::Sender<Result<(), OpenError>>) {
        let (mut postgres, epoch) = match self.open() {
            Ok(held) => held,
            Err(error) => return drop(opened.send(Err(error))),
        };
        drop(opened.send(Ok(())));
        while self.is_kept() {
            if is_alive(&mut postgres) {
                continue;
            }
            self.lock.backend.store(0, Ordering::Release);
            self.lock.standing.send_replace(Standing::Lost);
            tracing::error!("the lock on the database is lost, nothing is written until it is back");
            let Some(again) = self.retake(epoch) else { return };
            postgres = again;
            self.lock.standing.send_replace(Standing::Ours);
            tracing::info!("the lock on the database is back");
        }
        self.lock.backend.store(0, Ordering::Release);
    }

    /// Takes the lock from nobody, fences out writers that are left, migrates.
    fn open(&self) -> Result<(Postgres, i64), OpenError> {
        let unavailable = |error: Error| match error {
            Error::Unavailable(text) => OpenError::Unavailable(text),
            other => OpenError::Unavailable(other.to_string()),
        };
        let mut postgres = self.target.connect().map_err(unavailable)?;
        for key in [SERVER, WRITERS] {
            let mut tries = 1;
            while !ask(&mut postgres, "select pg_try_advisory_lock(?1::bigint::int, ?2::bigint::int)", key)
                .map_err(unavailable)?
            {
                if tries == TAKE_MAX_TRIES {
                    return Err(OpenError::Held(holder_of(&mut postgres, key)));
                }
                tries += 1;
                thread::sleep(Duration::from_millis(TAKE_PAUSE_MS));
            }
        }
        migrate::postgres(postgres.client_mut(), self.target.database())?;
        let bump = "insert into owner (id, epoch) values (1, 1) \
                    on conflict (id) do update set epoch = owner.epoch + 1 returning epoch";
        let epoch = number(&mut postgres, bump).map_err(unavailable)?;
        ask(&mut postgres, "select pg_advisory_unlock(?1::bigint::int, ?2::bigint::int)", WRITERS)
            .map_err(unavailable)?;
        self.held_by(&mut postgres).map_err(unavailable)?;
        Ok((postgres, epoch))
    }

    /// Tries again and again; `None` once the store is closed or another server has been here.
    fn retake(&self, epoch: i64) -> Option<Postgres> {
        loop {
            thread::sleep(Duration::from_millis(TICK_MS));
            if !self.is_kept() {
                return None;
            }
            let Ok(mut postgres) = self.target.connect() else { continue };
            let taken =
                ask(&mut postgres, "select pg_try_advisory_lock(?1::bigint::int, ?2::bigint::int)", SERVER);
            // Also while somebody else has the lock: who counted up is there to stay.
            match number(&mut postgres, "select epoch from owner where id = 1") {
                Ok(now) if now != epoch => {
                    self.lock.standing.send_replace(Standing::TakenOver);
                    tracing::error!("another server has used the database, this one must be restarted");
                    return None;
                }
                Ok(_) if taken == Ok(true) && self.held_by(&mut postgres).is_ok() => return Some(postgres),
                _ => {}
            }
        }
    }

    fn held_by(&self, postgres: &mut Postgres) -> Result<(), Error> {
        let backend = number(postgres, "select pg_backend_pid()::bigint")?;
        let backend = i32::try_from(backend).map_err(|error| Error::Bug(error.to_string()))?;
        self.lock.backend.store(backend, Ordering::Release);
        Ok(())
    }

    fn is_kept(&self) -> bool {
        self.kept.try_recv() != Err(mpsc::TryRecvError::Disconnected)
    }
}

/// Waits for a moment, and ends at once when the connection does.
fn is_alive(postgres: &mut Postgres) -> bool {
    let tick = Duration::from_millis(TICK_MS);
    let waited = postgres.client_mut().notifications().timeout_iter(tick).next();
    waited.is_ok() && !postgres.is_closed()
}

/// Asks for one of our locks; keys in two halves are written as `int`.
fn ask(postgres: &mut Postgres, sql: &str, key: i64) -> Result<bool, Error> {
    let mut answer = false;
    postgres
        .run(sql, &[KEY.into(), key.into()], |row| {
            answer = row.get(0)?;
            Ok(())
        })
        .map_err(|failure| failure.error)?;
    Ok(answer)
}

fn number(postgres: &mut Postgres, sql: &str) -> Result<i64, Error> {
    let mut answer = None;
    let each = |row: &Row<'_>| {
        answer = Some(row.get(0)?);
        Ok(())
    };
    postgres.run(sql, &[], each).map_err(|failure| failure.error)?;
    answer.ok_or(Error::NotFound)
}

/// Who holds a lock, in its own words.
fn holder_of(postgres: &mut Postgres, key: i64) -> String {
    let mut holder = "another server".to_owned();
    let sql = "select coalesce(nullif(a.application_name, ''), 'process ' || a.pid) from pg_locks l \
               join pg_database d on d.oid = l.database and d.datname = current_database() \
               join pg_stat_activity a on a.pid = l.pid \
               where l.locktype = 'advisory' and l.classid::bigint = ?1 and l.objid::bigint = ?2 \
               and l.granted and l.pid <> pg_backend_pid() limit 1";
    let asked = postgres.run(sql, &[KEY.into(), key.into()], |row| {
        holder = row.get(0)?;
        Ok(())
    });
    if let Err(failure) = asked {
        tracing::debug!(error = %failure.error, "cannot tell who holds the database");
    }
    holder
}
