//! Fresh databases on both engines, for the tests of this crate and of those that use it.
//!
//! A database is dropped with its [`TestDatabase`]. PostgreSQL databases are made on the server
//! that [`POSTGRES_URL`] names.

pub mod fill;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    path::Path,
    sync::Arc,
    thread,
};

use fanfare_model::{Timestamp, event::Event};
use tempfile::TempDir;

use crate::{
    Commits, Error, Location, OpenError, Options, Read, Store, Tx,
    engine::{
        postgres::{Postgres, Target},
        sqlite::Sqlite,
    },
    events, migrate, open,
};

/// The environment variable with the URL of a PostgreSQL server on which databases may be created.
pub const POSTGRES_URL: &str = "FANFARE_TEST_POSTGRES";

/// The environment variable with the path of the certificate (PEM) that vouches for that server's own,
/// which names `localhost`.
pub const POSTGRES_CA: &str = "FANFARE_TEST_POSTGRES_CA";

/// A database of a test's own.
pub struct TestDatabase {
    location: Location,
    place: Place,
}

/// What is removed at the end.
enum Place {
    Folder(TempDir),
    Database { server: String, name: String },
}

impl TestDatabase {
    /// A file in a temporary folder; it does not exist yet.
    pub fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let location = Location::Sqlite(folder.path().join("fanfare.db"));
        Self { location, place: Place::Folder(folder) }
    }

    /// An empty database.
    ///
    /// # Panics
    /// When [`POSTGRES_URL`] is not set.
    pub fn postgres() -> Self {
        let Ok(server) = std::env::var(POSTGRES_URL) else {
            panic!("{POSTGRES_URL} is not set: run `cargo xtask test`, which starts a PostgreSQL server")
        };
        let name = format!("fanfare_test_{:016x}", RandomState::new().build_hasher().finish());
        execute_on(&server, &format!("create database {name}"));
        let location = Location::Postgres(with_database(&server, &name));
        Self { location, place: Place::Database { server, name } }
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Options that open it; fast rather than durable.
    pub fn options(&self) -> Options {
        Options {
            location: self.location.clone(),
            durable: false,
            readers: 2,
            postgres_writers: 4,
            owner: "a test".into(),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn try_open(&self) -> Result<(Store, Commits), OpenError> {
        open(self.options(), Arc::new(|_| ()))
    }

    /// Opens it, which must work.
    pub fn open(&self) -> (Store, Commits) {
        self.try_open().expect("a fresh database can be opened")
    }

    /// Gives it, empty as it is, the schema of the program whose newest migration had this number.
    pub fn migrate_to(&self, version: i32) {
        match &self.location {
            Location::Sqlite(path) => {
                let mut sqlite = Sqlite::open_writer(path, false).expect("the file can be made");
                migrate::sqlite_to(sqlite.connection_mut(), version).expect("the schema can be made");
            }
            Location::Postgres(url) => on_server(url, move |postgres| {
                migrate::postgres_to(postgres.client_mut(), version).expect("the schema can be made");
            }),
        }
    }

    /// Runs statements past the store, on a connection of their own.
    pub fn execute(&self, sql: &str) {
        match &self.location {
            Location::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).expect("the file can be opened");
                connection.execute_batch(sql).expect("the statements can be run");
            }
            Location::Postgres(url) => execute_on(url, sql),
        }
    }

    /// Gives a table another name, so that what needs it fails until it has its own again.
    pub fn rename_table(&self, from: &str, to: &str) {
        self.execute(&format!("alter table {from} rename to {to}"));
    }

    /// What another server leaves behind that came and went while the lock on this PostgreSQL database
    /// was lost.
    pub fn take_over(&self) {
        self.execute("update owner set epoch = epoch + 1");
        self.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()",
        );
    }
}

/// Somebody else who keeps a SQLite file locked until this is dropped.
pub struct Hold {
    _connection: rusqlite::Connection,
}

impl Hold {
    /// Keeps others from writing.
    pub fn writing(file: &Path) -> Self {
        Self::with(file, "begin immediate")
    }

    /// Keeps others from reading as well; nobody else may have the file open.
    pub fn everything(file: &Path) -> Self {
        Self::with(file, "pragma locking_mode = exclusive; begin exclusive")
    }

    fn with(file: &Path, sql: &str) -> Self {
        let connection = rusqlite::Connection::open(file).expect("the file can be opened");
        connection.busy_timeout(std::time::Duration::from_secs(10)).expect("a plain setting");
        connection.execute_batch(sql).expect("it can be locked");
        Self { _connection: connection }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match &self.place {
            Place::Folder(folder) => drop(std::fs::remove_dir_all(folder.path())),
            Place::Database { server, name } => {
                execute_on(server, &format!("drop database if exists {name} with (force)"));
            }
        }
    }
}

/// How many deliveries are in each state; a state without any is left out.
///
/// # Errors
/// See [`Error`].
pub fn count_by_state(db: &mut Read) -> Result<Vec<(String, i64)>, Error> {
    db.rows("select state, count(*) from deliveries group by state order by state", &[], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// What became of every event, row by row.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// By id.
    pub events: Vec<Event>,
    /// By id.
    pub deliveries: Vec<Delivered>,
    /// By id.
    pub attempts: Vec<Attempted>,
}

/// A delivery's row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the table's columns")]
pub struct Delivered {
    pub id: i64,
    pub event_id: i64,
    pub webhook_id: i64,
    pub state: String,
    pub attempts: i64,
}

/// An attempt's row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the table's columns")]
pub struct Attempted {
    pub delivery_id: i64,
    pub event_id: i64,
    pub webhook_id: i64,
    pub attempt: i64,
    pub response_status: Option<i64>,
    pub error_kind: Option<String>,
}

/// Every event, every delivery and every attempt.
///
/// # Errors
/// See [`Error`].
pub fn trail(db: &mut Read) -> Result<Trail, Error> {
    Ok(Trail {
        events: db.rows(
            "select id, public_id, topic, seq, kind, at_ms, data, place from events order by id",
            &[],
            |row| events::from_row(row, 0),
        )?,
        deliveries: db.rows(
            "select id, event_id, webhook_id, state, attempts from deliveries order by id",
            &[],
            |row| {
                Ok(Delivered {
                    id: row.get(0)?,
                    event_id: row.get(1)?,
                    webhook_id: row.get(2)?,
                    state: row.get(3)?,
                    attempts: row.get(4)?,
                })
            },
        )?,
        attempts: db.rows(
            "select delivery_id, event_id, webhook_id, attempt, response_status, error_kind \
             from webhook_logs order by id",
            &[],
            |row| {
                Ok(Attempted {
                    delivery_id: row.get(0)?,
                    event_id: row.get(1)?,
                    webhook_id: row.get(2)?,
                    attempt: row.get(3)?,
                    response_status: row.get(4)?,
                    error_kind: row.get(5)?,
                })
            },
        )?,
    })
}

/// Runs any one statement in a job; returns the rows it changed or read.
pub fn run(db: &mut Read, sql: &str) -> Result<u64, Error> {
    db.each(sql, &[], |_| Ok(()))
}

/// Writes so many votes of one user for a game, a millisecond apart from `from` on, as if they came with an
/// import (0: with none); no total counts them.
///
/// # Errors
/// See [`Error`].
pub fn cast(
    tx: &mut Tx,
    (session_id, game_id): (i64, i64),
    user: &str,
    from: Timestamp,
    votes: i64,
    import_id: i64,
) -> Result<(), Error> {
    for n in 0..votes {
        tx.run(
            "insert into votes (session_id, game_id, username, user_key, up, at_ms, created_at_ms, import_id) \
             values (?1, ?2, ?3, ?4, true, ?5, 0, ?6)",
            &[
                session_id.into(),
                game_id.into(),
                user.into(),
                user.into(),
                from.plus_millis(n).into(),
                import_id.into(),
            ],
        )?;
    }
    Ok(())
}

/// How many votes there are, hidden ones included.
///
/// # Errors
/// See [`Error`].
pub fn count_votes(db: &mut Read) -> Result<i64, Error> {
    Ok(db.row("select count(*) from votes", &[], |row| row.get(0))?.unwrap_or(0))
}

/// The texts of the first `columns` columns of each row; null as an empty one.
pub fn texts(db: &mut Read, sql: &str, columns: usize) -> Result<Vec<Vec<String>>, Error> {
    db.rows(sql, &[], |row| {
        (0..columns).map(|column| Ok(row.get::<Option<String>>(column)?.unwrap_or_default())).collect()
    })
}

fn execute_on(url: &str, sql: &str) {
    let sql = sql.to_owned();
    on_server(url, move |postgres| postgres.command(&sql).expect("the statement can be run"));
}

/// Clients must not be used where async code runs, as tests do: hence the thread.
fn on_server(url: &str, work: impl FnOnce(&mut Postgres) + Send + 'static) {
    let url = url.to_owned();
    let run = move || {
        let target = Target::parse(&url).expect("the URL of the test server can be read");
        let mut postgres = target.connect().expect("the test server can be reached");
        work(&mut postgres);
    };
    thread::Builder::new()
        .spawn(run)
        .expect("a thread")
        .join()
        .expect("the test server does what it is told");
}

/// The same server's URL for another database.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = base.split_once("://").unwrap_or(("postgres", base));
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    format!("{scheme}://{host}/{name}{query}")
}
