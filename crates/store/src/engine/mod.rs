//! One face for two drivers: parameters, rows, and a statement cache keyed by the SQL text.
//!
//! No SQL of the application belongs here, only what the drivers themselves need.

pub(crate) mod backup;
pub(crate) mod file_lock;
pub(crate) mod place;
pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod tls;

use fanfare_model::Timestamp;

use crate::{Error, Hindrance};

/// A parameter of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Bool(bool),
    Text(&'a str),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.as_millis())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a, T> From<Option<T>> for Value<'a>
where
    T: Into<Value<'a>>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row limit as a parameter.
pub(crate) fn limit(rows: usize) -> Value<'static> {
    Value::Int(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// What a column can be read as, in both drivers.
pub(crate) trait Cell: rusqlite::types::FromSql + for<'a> ::postgres::types::FromSql<'a> {}

impl<T> Cell for T where T: rusqlite::types::FromSql + for<'a> ::postgres::types::FromSql<'a> {}

/// A row of a result.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a ::postgres::Row),
}

impl Row<'_> {
    /// Column `index`, from 0.
    pub(crate) fn get<T: Cell>(&self, index: usize) -> Result<T, Error> {
        match self {
            Self::Sqlite(row) => row.get(index).map_err(|error| Error::Bug(error.to_string())),
            Self::Postgres(row) => row.try_get(index).map_err(|error| Error::Bug(error.to_string())),
        }
    }

    /// A moment, kept as epoch milliseconds.
    pub(crate) fn time(&self, index: usize) -> Result<Timestamp, Error> {
        Ok(Timestamp::from_millis(self.get(index)?))
    }

    /// A moment that may be missing.
    pub(crate) fn opt_time(&self, index: usize) -> Result<Option<Timestamp>, Error> {
        Ok(self.get::<Option<i64>>(index)?.map(Timestamp::from_millis))
    }
}

/// A statement that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) fault: Fault,
}

/// What a failed statement says about its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The statement cannot work.
    Statement,
    /// Another transaction was in the way: the job may work when it runs again.
    Contention,
    /// The connection is gone.
    ConnectionLost,
    /// The disk is full.
    DiskFull,
    /// SQLite: another process kept the database locked for as long as one waits for that.
    Locked,
    /// SQLite: the database's files are no longer where they were opened.
    Moved,
    /// The disk or the database server refuses: a read-only or broken disk, a shortage.
    Refused,
}

impl Fault {
    /// What keeps everybody from writing, if this is not about the one transaction alone.
    pub(crate) fn hindrance(self) -> Option<Hindrance> {
        match self {
            Self::Statement | Self::Contention => None,
            Self::DiskFull => Some(Hindrance::DiskFull),
            Self::Locked => Some(Hindrance::Locked),
            Self::Moved => Some(Hindrance::Moved),
            Self::ConnectionLost | Self::Refused => Some(Hindrance::Refused),
        }
    }
}

/// A connection of either kind.
pub(crate) enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Engine {
    /// Runs one statement to its end and hands over each row; returns the rows it changed.
    pub(crate) fn run(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<u64, Failure> {
        match self {
            Self::Sqlite(sqlite) => sqlite.run(sql, params, each),
            Self::Postgres(postgres) => postgres.run(sql, params, each),
        }
    }
}

impl Failure {
    /// A row that cannot be read as what it should be.
    fn row(error: Error) -> Self {
        Self { error, fault: Fault::Statement }
    }
}
