//! Where a value came from, and what can be wrong with it. Each error is one line for a person and
//! never shows a secret.

use std::path::PathBuf;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file, from 1.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// Why the configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {problem}", path.display())]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// The system keeps the file, or the folder it may be in, from this user.
    #[error("cannot read {}: permission denied", path.display())]
    Denied {
        /// The file as it was named.
        path: PathBuf,
    },
    /// The file is no TOML.
    #[error("{origin}: {problem}")]
    Syntax {
        /// The line.
        origin: Origin,
        /// What the parser says.
        problem: String,
    },
    /// The file has a key or table that does not exist.
    #[error("{origin}: unknown {what} \"{name}\"{}", suggestion(nearest.as_ref()))]
    Unknown {
        /// The line.
        origin: Origin,
        /// `key` or `table`.
        what: &'static str,
        /// With its table.
        name: String,
        /// The known name that it resembles.
        nearest: Option<String>,
    },
    /// A value does not fit its key.
    #[error("{origin}: {name} {problem}")]
    Value {
        /// Who set it.
        origin: Origin,
        /// The key.
        name: &'static str,
        /// What it is and what is expected.
        problem: String,
    },
    /// The database URL names no place.
    #[error("database_url: {0}")]
    Database(String),
}

fn suggestion(nearest: Option<&String>) -> String {
    nearest.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
}
