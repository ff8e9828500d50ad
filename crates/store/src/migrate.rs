//! Brings a database to the schema of this program, and refuses one that is newer or not ours.

use ::postgres::Client;
use refinery::{Migration, Runner};
use rusqlite::Connection;

use crate::OpenError;

/// Holds which migrations were applied; its name marks a PostgreSQL database as ours.
const TABLE: &str = "fanfare_migrations";

/// Every migration: name, text for SQLite, text for PostgreSQL.
const MIGRATIONS: [(&str, &str, &str); 7] = [
    (
        "V1__first",
        include_str!("../migrations/sqlite/V1__first.sql"),
        include_str!("../migrations/postgres/V1__first.sql"),
    ),
    (
        "V2__votes_and_polls",
        include_str!("../migrations/sqlite/V2__votes_and_polls.sql"),
        include_str!("../migrations/postgres/V2__votes_and_polls.sql"),
    ),
    (
        "V3__delivery_engine",
        include_str!("../migrations/sqlite/V3__delivery_engine.sql"),
        include_str!("../migrations/postgres/V3__delivery_engine.sql"),
    ),
    (
        "V4__hidden_rows",
        include_str!("../migrations/sqlite/V4__hidden_rows.sql"),
        include_str!("../migrations/postgres/V4__hidden_rows.sql"),
    ),
    (
        "V5__applications",
        include_str!("../migrations/sqlite/V5__applications.sql"),
        include_str!("../migrations/postgres/V5__applications.sql"),
    ),
    (
        "V6__channel_events",
        include_str!("../migrations/sqlite/V6__channel_events.sql"),
        include_str!("../migrations/postgres/V6__channel_events.sql"),
    ),
    (
        "V7__one_order_of_all_streams",
        include_str!("../migrations/sqlite/V7__one_order_of_all_streams.sql"),
        include_str!("../migrations/postgres/V7__one_order_of_all_streams.sql"),
    ),
];

/// Migrates a SQLite database that is known to be ours.
pub(crate) fn sqlite(connection: &mut Connection) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::Unavailable(error.to_string());
    let ours = "select count(*) from sqlite_master where type = 'table' and name = ?1";
    let tables: i64 = connection.query_row(ours, [TABLE], |row| row.get(0)).map_err(failed)?;
    if tables > 0 {
        let version = format!("select coalesce(max(version), 0) from {TABLE}");
        refuse_newer(connection.query_row(&version, [], |row| row.get(0)).map_err(failed)?)?;
    }
    runner(|(_, sqlite, _)| sqlite)?.run(connection).map(drop).map_err(|error| migration_failed(&error))
}

/// Migrates a PostgreSQL database; `name` is for messages.
pub(crate) fn postgres(client: &mut Client, name: &str) -> Result<(), OpenError> {
    let failed =
        |error: ::postgres::Error| OpenError::Unavailable(crate::engine::postgres::error_text(&error));
    let tables = client
        .query("select tablename::text from pg_tables where schemaname = current_schema()", &[])
        .map_err(failed)?;
    if tables.iter().any(|row| row.get::<_, &str>(0) == TABLE) {
        let version = format!("select coalesce(max(version), 0)::bigint from {TABLE}");
        refuse_newer(client.query_one(&version, &[]).map_err(failed)?.get(0))?;
    } else if !tables.is_empty() {
        return Err(OpenError::NotOurs(name.to_owned()));
    }
    runner(|(_, _, postgres)| postgres)?.run(client).map(drop).map_err(|error| migration_failed(&error))
}

/// Makes the schema of an older program in an empty SQLite database.
#[cfg(feature = "testing")]
pub(crate) fn sqlite_to(connection: &mut Connection, version: i32) -> Result<(), OpenError> {
    let runner = runner(|(_, sqlite, _)| sqlite)?.set_target(refinery::Target::Version(version));
    runner.run(connection).map(drop).map_err(|error| migration_failed(&error))
}

/// Makes the schema of an older program in an empty PostgreSQL database.
#[cfg(feature = "testing")]
pub(crate) fn postgres_to(client: &mut Client, version: i32) -> Result<(), OpenError> {
    let runner = runner(|(_, _, postgres)| postgres)?.set_target(refinery::Target::Version(version));
    runner.run(client).map(drop).map_err(|error| migration_failed(&error))
}

fn runner(text: fn((&'static str, &'static str, &'static str)) -> &'static str) -> Result<Runner, OpenError> {
    let migrations: Result<Vec<_>, _> =
        MIGRATIONS.into_iter().map(|migration| Migration::unapplied(migration.0, text(migration))).collect();
    let mut runner = Runner::new(&migrations.map_err(|error| migration_failed(&error))?).set_grouped(true);
    runner.set_migration_table_name(TABLE);
    Ok(runner)
}

fn refuse_newer(found: i64) -> Result<(), OpenError> {
    let versions = MIGRATIONS.iter().filter_map(|(name, ..)| name.strip_prefix('V')?.split_once("__"));
    let known = versions.filter_map(|(version, _)| version.parse().ok()).max().unwrap_or(0);
    if found > known { Err(OpenError::Newer { found, known }) } else { Ok(()) }
}

fn migration_failed(error: &refinery::Error) -> OpenError {
    use std::error::Error as _;
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    OpenError::Unavailable(format!("a migration failed: {error}{cause}"))
}
