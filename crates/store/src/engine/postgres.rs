//! PostgreSQL through the synchronous client: connecting, running statements.
//!
//! A client is made, used and dropped on one thread that runs no async code.

use std::{collections::HashMap, time::Duration};

use ::postgres::{
    Client, Config, Statement,
    error::{DbError, Severity, SqlState},
    fallible_iterator::FallibleIterator,
    types::{IsNull, ToSql, Type, to_sql_checked},
};

use bytes::BytesMut;

use super::{Failure, Fault, Row, Value, tls};
use crate::Error;

/// How long one attempt to connect may take, where the URL does not say.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How long a peer may be silent before it is asked whether it lives.
const KEEPALIVE_IDLE_MS: u64 = 10_000;
/// How long between such questions.
const KEEPALIVE_INTERVAL_MS: u64 = 3_000;
/// How many go unanswered before the connection counts as lost.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long what was sent may stay unacknowledged.
const USER_TIMEOUT_MS: u64 = 20_000;
/// Bounds for what only a stuck client or an operator's session could cause.
const SESSION_SETTINGS: &str = "set lock_timeout = '10s'; set idle_in_transaction_session_timeout = '60s'";

/// Where and how to connect.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    tls: tls::Connector,
}

impl Target {
    /// Whether this is a `postgres://` URL; the text says what is wrong with it, and never the
    /// password.
    pub(crate) fn check(url: &str) -> Result<(), String> {
        Self::read(url).map(drop)
    }

    fn read(url: &str) -> Result<(Config, tls::Mode), String> {
        let (url, mode) = tls::Mode::split(url)?;
        let config = url.parse().map_err(|error| error_text(&error))?;
        Ok((config, mode))
    }

    /// Reads a URL as [`Target::check`] does, and the file of roots that it names.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (mut config, mode) = Self::read(url)?;
        config.ssl_mode(mode.ssl_mode());
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS));
        }
        config
            .keepalives_idle(Duration::from_millis(KEEPALIVE_IDLE_MS))
            .keepalives_interval(Duration::from_millis(KEEPALIVE_INTERVAL_MS))
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(Duration::from_millis(USER_TIMEOUT_MS))
            .notice_callback(|notice| tracing::debug!(message = notice.message(), "PostgreSQL notice"));
        Ok(Self { config, tls: mode.connector()? })
    }

    /// The same target for connections that say who they are.
    pub(crate) fn named(mut self, owner: &str) -> Self {
        self.config.application_name(owner);
        self
    }

    /// The database's name, for messages.
    pub(crate) fn database(&self) -> &str {
        self.config.get_dbname().or(self.config.get_user()).unwrap_or("postgres")
    }

    /// Connects; the statement cache starts empty.
    pub(crate) fn connect(&self) -> Result<Postgres, Error> {
        let client = match &self.tls {
            tls::Connector::Plain => self.config.connect(::postgres::NoTls),
            tls::Connector::Rustls(rustls) => self.config.connect(rustls.clone()),
        };
        let mut client = client.map_err(|error| Error::Unavailable(error_text(&error)))?;
        client.batch_execute(SESSION_SETTINGS).map_err(|error| Error::Unavailable(error_text(&error)))?;
        Ok(Postgres { client, statements: HashMap::new() })
    }
}

/// A connection to a database.
pub(crate) struct Postgres {
    client: Client,
    /// As many as there are texts, which is a fixed number.
    statements: HashMap<Box<str>, Statement>,
}

/// How an attempt to commit ended.
#[derive(Debug)]
pub(crate) enum Committed {
    Yes,
    /// The server says that nothing was kept.
    No(Failure),
    /// The connection broke before the server said anything.
    Unknown(Error),
}

impl Postgres {
    /// For migrations and for waiting on the connection.
    pub(crate) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs a statement that takes and returns nothing, such as `rollback`.
    pub(crate) fn command(&mut self, sql: &str) -> Result<(), Failure> {
        self.client.batch_execute(sql).map_err(|error| failure_of(&error))
    }

    /// Commits, and tells a refusal from not knowing.
    pub(crate) fn commit(&mut self) -> Committed {
        let Err(error) = self.client.batch_execute("commit") else { return Committed::Yes };
        let refused = error.as_db_error().and_then(DbError::parsed_severity) == Some(Severity::Error);
        if refused && !self.client.is_closed() {
            Committed::No(failure_of(&error))
        } else {
            Committed::Unknown(Error::Unavailable(format!(
                "the connection broke during COMMIT, whether it was kept is unknown: {}",
                error_text(&error)
            )))
        }
    }

    /// Runs one statement to its end, see [`super::Engine::run`].
    pub(crate) fn run(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut each: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<u64, Failure> {
        let statement = match self.statements.get(sql) {
            Some(statement) => statement.clone(),
            None => self.prepare(sql)?,
        };
        let mut rows =
            self.client.query_raw(&statement, params.iter()).map_err(|error| failure_of(&error))?;
        while let Some(row) = rows.next().map_err(|error| failure_of(&error))? {
            each(&Row::Postgres(&row)).map_err(Failure::row)?;
        }
        Ok(rows.rows_affected().unwrap_or(0))
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Failure> {
        let statement = self.client.prepare(&numbered(sql)).map_err(|error| failure_of(&error))?;
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }
}

/// `?1` as PostgreSQL writes it: `$1`. No text here holds a question mark for any other reason.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql_checked(ty, out),
            Self::Bool(value) => value.to_sql_checked(ty, out),
            Self::Text(value) => value.to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Which type fits depends on the value; `to_sql` checks it.
        true
    }

    to_sql_checked!();
}

/// What the error says, without the values that PostgreSQL adds in its details.
pub(crate) fn error_text(error: &::postgres::Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => format!("{} ({})", error.message(), error.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

fn failure_of(error: &::postgres::Error) -> Failure {
    let text = error_text(error);
    let Some(code) = error.code().map(SqlState::code) else {
        // Without a code nothing came from the server, unless a value did not fit its column.
        let source = std::error::Error::source(error);
        let lost = error.is_closed() || source.is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        return if lost {
            Failure { error: Error::Unavailable(text), fault: Fault::ConnectionLost }
        } else {
            Failure { error: Error::Bug(text), fault: Fault::Statement }
        };
    };
    // Classes of SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
    let (error, fault) = match (code, &code[..2]) {
        ("40001" | "40P01", _) => (Error::Unavailable(text), Fault::Contention),
        ("57P01" | "57P02" | "57P03" | "57P05" | "25P03", _) | (_, "08") => {
            (Error::Unavailable(text), Fault::ConnectionLost)
        }
        (_, "23") => (Error::Conflict(text), Fault::Statement),
        ("53100", _) => (Error::Unavailable(text), Fault::DiskFull),
        (_, "25" | "53" | "55" | "57" | "58") => (Error::Unavailable(text), Fault::Refused),
        _ => (Error::Bug(text), Fault::Statement),
    };
    Failure { error, fault }
}
