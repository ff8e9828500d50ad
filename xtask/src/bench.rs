//! `cargo xtask bench`: which benchmarks there are, and what they run with.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{
    needs,
    postgres::{Durability, Server},
    process,
};

/// One benchmark target.
struct Bench {
    name: &'static str,
    package: &'static str,
    target: &'static str,
    /// Whether it measures PostgreSQL, too.
    on_postgres: bool,
}

const BENCHES: &[Bench] = &[
    Bench { name: "store", package: "fanfare-store", target: "add_game", on_postgres: true },
    Bench { name: "api", package: "fanfare", target: "api", on_postgres: true },
    Bench { name: "delivery", package: "fanfare", target: "delivery", on_postgres: false },
];

pub(crate) fn names() -> Vec<&'static str> {
    BENCHES.iter().map(|bench| bench.name).collect()
}

/// Runs the benchmark of that name; without a PostgreSQL server on this machine on SQLite alone.
pub(crate) fn run(root: &Path, name: &str, args: &[String]) -> Result<()> {
    let bench = BENCHES.iter().find(|bench| bench.name == name).context("no such benchmark")?;
    let server = if !bench.on_postgres {
        None
    } else if needs::postgres_bin().is_some() {
        Some(Server::start(Durability::Synced)?)
    } else {
        println!("no PostgreSQL server is installed: SQLite only");
        None
    };
    let mut cargo = process::cargo(root);
    cargo.args(["bench", "--all-features", "-p", bench.package, "--bench", bench.target, "--"]).args(args);
    if let Some(server) = &server {
        server.announce(&mut cargo);
    }
    process::run(&mut cargo, server.as_ref().map(Server::guard))
}
