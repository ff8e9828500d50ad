//! `cargo xtask crash`: the crash harness, on the databases that are asked for. What it does stands in
//! `crates/server/tests/crash`; here it is told what to do.

use std::{path::Path, process::Command};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{
    needs,
    postgres::{Durability, Server},
    process::{cargo, run, watched},
};

/// Rounds of a whole run.
const ROUNDS: u32 = 100;

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Wish {
    /// How often the server is killed.
    #[arg(long, default_value_t = ROUNDS)]
    rounds: u32,
    /// Repeats the lots of an earlier run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Runs on this one alone.
    #[arg(long, value_name = "DATABASE")]
    database: Option<Database>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

/// Runs on both databases, or on one; without a PostgreSQL server on this machine on SQLite alone.
pub(crate) fn run_wish(root: &Path, wish: &Wish) -> Result<()> {
    let wants = |database| wish.database.is_none_or(|only| only == database);
    if wants(Database::Sqlite) {
        run(&mut harness(root, "sqlite", wish.rounds, wish.seed), None)?;
    }
    if !wants(Database::Postgres) {
        return Ok(());
    }
    if wish.database.is_none() && needs::postgres_bin().is_none() {
        println!("no PostgreSQL server is installed: SQLite only");
        return Ok(());
    }
    // Our program is killed, not the machine: what PostgreSQL was given it has.
    let server = Server::start(Durability::Unsynced)?;
    let mut harness = harness(root, "postgres", wish.rounds, wish.seed);
    server.announce(&mut harness);
    run(&mut harness, Some(server.guard()))
}

/// The command for one run. It builds the same targets as the tests, so that nothing is built twice.
pub(crate) fn harness(root: &Path, database: &str, rounds: u32, seed: Option<u64>) -> Command {
    let mut harness = cargo(root);
    harness.args(["test", "--workspace", "--all-features", "--test", "crash"]);
    harness.args((!watched()).then_some("--quiet")).args(["--", "--ignored", "--nocapture"]);
    harness.env("FANFARE_CRASH_DATABASE", database).env("FANFARE_CRASH_ROUNDS", rounds.to_string());
    if let Some(seed) = seed {
        harness.env("FANFARE_CRASH_SEED", seed.to_string());
    }
    harness
}
