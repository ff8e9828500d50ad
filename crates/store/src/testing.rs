//! Fresh databases on both engines, for the tests of this crate and of those that use it.
//!
//! A database is dropped with its [`TestDatabase`]. PostgreSQL databases are made on the server
//! that [`POSTGRES_URL`] names.

pub mod fill;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    thread,
};

use tempfile::TempDir;

use crate::{Commits, Error, Location, OpenError, Options, Read, Store, engine::postgres::Target, open};

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
        on_server(&server, &format!("create database {name}"));
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

    /// Runs statements past the store, on a connection of their own.
    pub fn execute(&self, sql: &str) {
        match &self.location {
            Location::Sqlite(path) => {
                let connection = rusqlite::Connection::open(path).expect("the file can be opened");
                connection.execute_batch(sql).expect("the statements can be run");
            }
            Location::Postgres(url) => on_server(url, sql),
        }
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

impl Drop for TestDatabase {
    fn drop(&mut self) {
        match &self.place {
            Place::Folder(folder) => drop(std::fs::remove_dir_all(folder.path())),
            Place::Database { server, name } => {
                on_server(server, &format!("drop database if exists {name} with (force)"));
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

/// Runs any one statement in a job; returns the rows it changed or read.
pub fn run(db: &mut Read, sql: &str) -> Result<u64, Error> {
    db.each(sql, &[], |_| Ok(()))
}

/// The texts of the first `columns` columns of each row; null as an empty one.
pub fn texts(db: &mut Read, sql: &str, columns: usize) -> Result<Vec<Vec<String>>, Error> {
    db.rows(sql, &[], |row| {
        (0..columns).map(|column| Ok(row.get::<Option<String>>(column)?.unwrap_or_default())).collect()
    })
}

/// Clients must not be used where async code runs, as tests do: hence the thread.
fn on_server(url: &str, sql: &str) {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    let run = move || {
        let target = Target::parse(&url).expect("the URL of the test server can be read");
        let mut postgres = target.connect().expect("the test server can be reached");
        postgres.command(&sql).expect("the statement can be run");
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
