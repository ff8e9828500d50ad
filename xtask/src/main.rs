//! Developer tools: `cargo xtask test`, `bench`, `crash`, `postgres`, `tidy`, `ui`. Never shipped.
//!
//! This file holds the command line; each command has a module. Nothing of the product
//! belongs here, and nothing of the product depends on this crate.

mod bench;
mod crash;
mod guard;
mod needs;
mod node;
mod postgres;
mod process;
mod schemathesis;
mod test;
mod tidy;
mod tls;
mod ui;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tools of Fanfare")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Formatting, lints, tidy and all tests, with a PostgreSQL of its own.
    Test {
        /// Runs this stage alone, with what it needs.
        #[arg(long, value_name = "STAGE", value_parser = test::stage_names())]
        only: Option<String>,
        /// Runs the tests that match, and no lints.
        #[arg(last = true, conflicts_with = "only")]
        filter: Vec<String>,
    },
    /// Runs a benchmark, with a PostgreSQL that really syncs.
    Bench {
        /// Which one.
        #[arg(value_parser = bench::names())]
        name: String,
        /// Handed to the benchmark.
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Kills a server under load again and again, and checks that nothing was lost.
    Crash(crash::Wish),
    /// Runs a command with a PostgreSQL of its own, whose address is in `FANFARE_TEST_POSTGRES`.
    Postgres {
        /// Commits reach the disk, as in production; otherwise they need not.
        #[arg(long)]
        durable: bool,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Checks the invariants that a program can check.
    Tidy,
    /// Builds the dashboard into `crates/ui/dist`, from where it is embedded.
    Ui,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let root = repository()?;
    match command {
        Command::Test { only, filter } => test::run_stages(&root, only.as_deref(), filter),
        Command::Bench { name, args } => bench::run(&root, &name, &args),
        Command::Crash(wish) => crash::run_wish(&root, &wish),
        Command::Postgres { durable, command } => postgres::run_with(durable, &command),
        Command::Tidy => tidy::run(&root),
        Command::Ui => ui::build(&root),
    }
}

/// The workspace's root folder.
fn repository() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("xtask lies inside the workspace")?.to_owned())
}
