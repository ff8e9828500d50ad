//! `cargo xtask bench`: which benchmarks there are, and what they run with.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{
    needs, node,
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
    /// A folder of Node packages that it runs.
    packages: Option<&'static str>,
}

const BENCHES: &[Bench] = &[
    Bench { on_postgres: true, ..bench("store", "fanfare-store", "add_game") },
    Bench { on_postgres: true, ..bench("jobs", "fanfare-store", "long_jobs") },
    Bench { on_postgres: true, ..bench("api", "fanfare", "api") },
    bench("delivery", "fanfare", "delivery"),
    Bench { packages: Some("crates/server/benches/fanout/bun"), ..bench("fanout", "fanfare", "fanout") },
];

const fn bench(name: &'static str, package: &'static str, target: &'static str) -> Bench {
    Bench { name, package, target, on_postgres: false, packages: None }
}

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
    if let Some(folder) = bench.packages {
        node::install(&root.join(folder))?;
    }
    let mut cargo = process::cargo(root);
    cargo.args(["bench", "--all-features", "-p", bench.package, "--bench", bench.target, "--"]).args(args);
    if let Some(server) = &server {
        server.announce(&mut cargo);
    }
    process::run(&mut cargo, server.as_ref().map(Server::guard))
}
