//! SQLite through rusqlite: opening, pragmas, running statements.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, types::ToSqlOutput};

use super::{Failure, Fault, Row, Value, place::Place};
use crate::{Error, OpenError};

/// Prepared statements kept per connection: more than there are texts.
const STATEMENTS_MAX_CACHED: usize = 256;
/// How long a connection waits for a lock that another process holds.
const LOCK_WAIT_MS: u64 = 1_500;
/// How long it waits once it is known to be locked out, so that callers do not wait in turn.
const LOCKED_OUT_WAIT_MS: u64 = 100;
/// Pages in the write-ahead log before a commit copies them into the database (16 MiB): a page that
/// changes with every commit is then copied once for many.
const CHECKPOINT_PAGES: i64 = 4_000;
/// What the write-ahead log may keep of the disk once all of it is copied (64 MiB): a long read, such
/// as a backup, lets it grow meanwhile.
const LOG_MAX_KEPT_BYTES: i64 = 64 << 20;
/// Memory for pages of the connection that writes (32 MiB): keys that are random, as those of events
/// are, touch a page of their own with each insert.
const CACHE_KIB: i64 = 32 << 10;
/// "Fanf" in the file's header says whose database it is.
const APPLICATION_ID: i64 = 0x4661_6e66;

/// A connection to a database file.
pub(crate) struct Sqlite {
    connection: Connection,
    /// Whether a statement that can write has run since the flag was last taken.
    wrote: bool,
    /// Where what is written must be found again.
    place: Option<Place>,
}

impl Sqlite {
    /// Opens the connection that writes, making the file if there is none and it is to be ours.
    pub(crate) fn open_writer(path: &Path, durable: bool) -> Result<Self, OpenError> {
        let refused = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => OpenError::NotOurs(path.display().to_string()),
            _ => OpenError::Unavailable(format!("{}: {error}", path.display())),
        };
        make_private(path).map_err(|error| OpenError::Unavailable(format!("{}: {error}", path.display())))?;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE).map_err(refused)?;
        if !is_ours(&connection).map_err(refused)? {
            return Err(OpenError::NotOurs(path.display().to_string()));
        }
        let synchronous = if durable { "full" } else { "normal" };
        connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .and_then(|()| connection.pragma_update(None, "journal_mode", "wal"))
            .and_then(|()| connection.pragma_update(None, "synchronous", synchronous))
            .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
            .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES))
            .and_then(|()| connection.pragma_update(None, "journal_size_limit", LOG_MAX_KEPT_BYTES))
            .and_then(|()| connection.pragma_update(None, "cache_size", -CACHE_KIB))
            // A savepoint copies each page it changes; in a temporary file that costs more than the job.
            .and_then(|()| connection.pragma_update(None, "temp_store", "memory"))
            .map_err(refused)?;
        Ok(Self { connection, wrote: false, place: None })
    }

    /// Remembers where the files are; after the first transaction, with which the log is there, for as
    /// long as this connection is.
    pub(crate) fn watch_place(&mut self, path: &Path) {
        self.place = Some(Place::of(path));
    }

    /// Opens a connection that can only read.
    pub(crate) fn open_reader(path: &Path) -> Result<Self, Error> {
        let error = |error| Failure::from(error).error;
        let connection = connect(path, OpenFlags::empty()).map_err(error)?;
        connection.pragma_update(None, "query_only", true).map_err(error)?;
        // The first statement that reads opens the log, which somebody may have moved by the time of a job.
        is_ours(&connection).map_err(error)?;
        Ok(Self { connection, wrote: false, place: None })
    }

    /// For migrations.
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Whether no transaction is open; SQLite can end one by itself, after a full disk for one.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// Fails when what is written now would not be found at the next start.
    pub(crate) fn check_place(&self) -> Result<(), Failure> {
        if self.place.as_ref().is_none_or(Place::holds) {
            return Ok(());
        }
        let error = Error::Unavailable("its file or its log was moved, deleted or replaced".into());
        Err(Failure { error, fault: Fault::Moved })
    }

    /// Waits for other processes' locks as long as is usual, or not for long while one of them is known
    /// to keep this one out.
    pub(crate) fn expect_lock(&self, is_locked_out: bool) -> Result<(), Failure> {
        let wait_ms = if is_locked_out { LOCKED_OUT_WAIT_MS } else { LOCK_WAIT_MS };
        Ok(self.connection.busy_timeout(Duration::from_millis(wait_ms))?)
    }

    /// Whether anything may have been written since this was last asked.
    pub(crate) fn take_wrote(&mut self) -> bool {
        std::mem::take(&mut self.wrote)
    }

    /// Runs a statement that takes and returns nothing, such as `commit`.
    pub(crate) fn command(&self, sql: &str) -> Result<(), Failure> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.raw_execute().map(drop)?)
    }

    /// Runs one statement to its end, see [`super::Engine::run`].
    pub(crate) fn run(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<u64, Failure> {
        let mut statement = self.connection.prepare_cached(sql)?;
        debug_assert_eq!(statement.parameter_count(), params.len(), "{sql}");
        self.wrote |= !statement.readonly();
        for (index, value) in params.iter().enumerate() {
            statement.raw_bind_parameter(index + 1, value)?;
        }
        if statement.column_count() == 0 {
            let changed = statement.raw_execute()?;
            return Ok(changed as u64);
        }
        let mut rows = statement.raw_query();
        let mut count = 0;
        while let Some(row) = rows.next()? {
            each(&Row::Sqlite(row)).map_err(Failure::row)?;
            count += 1;
        }
        Ok(count)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Value::Null => ToSqlOutput::Owned(rusqlite::types::Value::Null),
            Value::Int(value) => ToSqlOutput::Owned(value.into()),
            Value::Bool(value) => ToSqlOutput::Owned(i64::from(value).into()),
            Value::Text(value) => ToSqlOutput::Borrowed(value.into()),
        })
    }
}

/// Opens a file that is there, unless `extra` says to make it.
pub(super) fn connect(path: &Path, extra: OpenFlags) -> rusqlite::Result<Connection> {
    // One thread uses a connection, so SQLite need not guard it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(LOCK_WAIT_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX_CACHED);
    Ok(connection)
}

/// Makes a missing file, for its owner alone: it will hold secrets. SQLite gives the files beside it
/// the same permissions.
fn make_private(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

/// An empty database may become ours; one with somebody's tables in it must say that it is.
pub(super) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let application_id: i64 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("select count(*) from sqlite_master", [], |row| row.get(0))?;
    Ok(application_id == APPLICATION_ID || (application_id == 0 && tables == 0))
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        let (error, fault) = match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => (Error::Conflict(text), Fault::Statement),
            Some(ErrorCode::DiskFull) => (Error::Unavailable(text), Fault::DiskFull),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                (Error::Unavailable(text), Fault::Locked)
            }
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::OutOfMemory,
            ) => (Error::Unavailable(text), Fault::Refused),
            _ => (Error::Bug(text), Fault::Statement),
        };
        Self { error, fault }
    }
}
