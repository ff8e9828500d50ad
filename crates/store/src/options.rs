//! Where the database is and how it is to be used.

use std::path::PathBuf;

use crate::engine::postgres::Target;

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

impl Location {
    /// Reads `sqlite:PATH`, `postgres://…` or `postgresql://…`: whatever asks for a database's URL
    /// asks here whether it is one. Touches neither files nor the network.
    ///
    /// # Errors
    /// What is wrong or was expected, in one line without the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            // `sqlite:///x` and `sqlite://x` are widespread spellings of `sqlite:/x` and `sqlite:x`.
            let path = path.strip_prefix("//").unwrap_or(path);
            let usable = !path.is_empty() && path != ":memory:" && !path.contains(['?', '\0']);
            return usable
                .then(|| Self::Sqlite(path.into()))
                .ok_or_else(|| "sqlite: needs the path of a file".into());
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Target::check(url)?;
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err("expected sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME".into())
    }
}

/// Says which engine and, of PostgreSQL, no more: the URL may hold a password.
impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres(_) => f.debug_tuple("Postgres").finish_non_exhaustive(),
        }
    }
}

/// How to open a database.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub location: Location,
    /// SQLite: a commit survives a power cut (`synchronous=full`); else only a crash of this
    /// program (`normal`).
    pub durable: bool,
    /// Connections that read; at least one is made.
    pub readers: usize,
    /// PostgreSQL: connections that write; at least one is made.
    pub postgres_writers: usize,
    /// Who we are (host, process), told to a second server that finds the database taken.
    pub owner: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_from_urls() {
        for (url, location) in [
            ("sqlite:data/fanfare.db", Ok(Location::Sqlite("data/fanfare.db".into()))),
            ("sqlite:/var/f.db", Ok(Location::Sqlite("/var/f.db".into()))),
            ("sqlite:///var/f.db", Ok(Location::Sqlite("/var/f.db".into()))),
            ("sqlite:", Err("sqlite: needs the path of a file")),
            ("sqlite:a\0b", Err("sqlite: needs the path of a file")),
            ("sqlite::memory:", Err("sqlite: needs the path of a file")),
            ("postgres://u@h/d", Ok(Location::Postgres("postgres://u@h/d".into()))),
            (
                "postgresql://u@h/d?sslmode=verify-full",
                Ok(Location::Postgres("postgresql://u@h/d?sslmode=verify-full".into())),
            ),
            (
                "postgres://h/d?sslmode=verify-full&sslrootcert=/nonexistent/roots.pem",
                Ok(Location::Postgres(
                    "postgres://h/d?sslmode=verify-full&sslrootcert=/nonexistent/roots.pem".into(),
                )),
            ),
            ("postgres://h/d?sslrootcert=/r.pem", Err("sslrootcert needs sslmode=verify-full")),
            ("mysql://h/d", Err("expected sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")),
            ("fanfare.db", Err("expected sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")),
        ] {
            assert_eq!(Location::parse(url), location.map_err(str::to_owned), "{url}");
        }
    }

    #[test]
    fn a_bad_postgres_url_is_refused_without_showing_its_password() {
        for url in ["postgres://u:hush@h/d?port=x", "postgres://u:hush@h/d?sslmode=maybe"] {
            let error = Location::parse(url).expect_err(url);
            assert!(!error.contains("hush"), "{error}");
        }
        assert!(!format!("{:?}", Location::Postgres("postgres://u:hush@h/d".into())).contains("hush"));
    }
}
