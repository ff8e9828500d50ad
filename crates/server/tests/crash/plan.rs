//! What is asked of a run, by the environment: `cargo test` has no arguments for us.

use std::env;

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) database: Database,
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
}

/// Where the server keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

impl Plan {
    /// Reads `FANFARE_CRASH_DATABASE`, `FANFARE_CRASH_ROUNDS` and `FANFARE_CRASH_SEED`; without them
    /// 100 rounds on SQLite, by lots that nobody knows before.
    ///
    /// # Panics
    /// When one of them makes no sense.
    pub(crate) fn from_env() -> Self {
        let number = |name: &str| {
            let text = env::var(name).ok()?;
            Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text}")))
        };
        let database = match env::var("FANFARE_CRASH_DATABASE").as_deref() {
            Ok("postgres") => Database::Postgres,
            Ok("sqlite") | Err(_) => Database::Sqlite,
            Ok(other) => panic!("FANFARE_CRASH_DATABASE must be sqlite or postgres, not {other}"),
        };
        let drawn = || getrandom::u64().expect("the system has randomness") >> 32;
        Self {
            database,
            rounds: number("FANFARE_CRASH_ROUNDS").unwrap_or(100),
            seed: number("FANFARE_CRASH_SEED").unwrap_or_else(drawn),
        }
    }
}
