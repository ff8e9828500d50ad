//! What can go wrong here, in the few kinds that callers tell apart.

use std::path::PathBuf;

/// Why a store function or a job failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The row that was to be changed is not there.
    #[error("not found")]
    NotFound,
    /// The rows would contradict each other; says which rule forbids it.
    #[error("conflict: {0}")]
    Conflict(String),
    /// The database cannot be reached, is full or is closed. Nothing of the job is kept, except
    /// after a connection that broke during COMMIT, when that is unknown (the text says so).
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A statement that can never work, or a job that panicked.
    #[error("{0}")]
    Bug(String),
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else's tables are in it.
    #[error("{0} is not a Fanfare database")]
    NotOurs(String),
    /// A newer program has migrated it.
    #[error("the database is at schema version {found}, newer than this program, which knows {known}")]
    Newer {
        /// The version of the database.
        found: i64,
        /// The newest version of this program.
        known: i64,
    },
    /// Another server uses it; the text says which (`process N` of a file).
    #[error("the database is in use by {0}")]
    Held(String),
    /// Everything else: no such folder, no permission, no connection.
    #[error("cannot open the database: {0}")]
    Unavailable(String),
}

/// Why no copy was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL has tools of its own for that.
    #[error(
        "the database is PostgreSQL, which is backed up with pg_dump: \
         pg_dump --format=custom --file=FILE DATABASE_URL"
    )]
    NoFile,
    /// Nothing is there.
    #[error("there is no database {}", .0.display())]
    Missing(PathBuf),
    /// Somebody else's database.
    #[error("{} is not a Fanfare database", .0.display())]
    NotOurs(PathBuf),
    /// Somebody asked to stop.
    #[error("stopped")]
    Stopped,
    /// The copy contradicts itself; the text says how.
    #[error("the copy is damaged, and so may be the database: {0}")]
    Damaged(String),
    /// The database cannot be read.
    #[error("cannot read {}: {text}", path.display())]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        text: String,
    },
    /// The copy cannot be written.
    #[error("cannot write {}: {text}", path.display())]
    Unwritable {
        /// The copy.
        path: PathBuf,
        /// What SQLite or the system says.
        text: String,
    },
}
