//! How fast and how cheaply a message reaches everybody: the program, a Bun server of our own and a raw
//! loop of writes, in turn, against one load client; every process on this machine, loopback.
//!
//! What a case prints is the median of its rounds, with processor time summed up over them, beside the
//! goal where there is one. Every delivery is checked: it comes once, in order, to whom it is for.

mod cases;
mod client;
#[path = "../shared/clock.rs"]
mod clock;
mod control;
mod message;
mod plan;
mod plot;
#[path = "../shared/print.rs"]
mod print;
mod process;
mod publisher;
mod raw;
mod results;
mod server;
#[path = "../shared/mod.rs"]
#[expect(dead_code, reason = "nobody signs in here, and the one request has a client of its own")]
mod shared;
mod stage;
mod wire;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use tokio::runtime;

#[derive(Parser)]
struct Args {
    /// Runs this case alone.
    #[arg(long, value_name = "NAME", value_parser = cases::names())]
    case: Option<String>,
    /// How often the servers take turns.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Measures this server; may be said more than once. All where it is not said.
    #[arg(long = "server", value_name = "NAME")]
    servers: Vec<server::Kind>,
    /// Connections of the largest case; no more than descriptors allow.
    #[arg(long, default_value_t = 18_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,
    /// Less of everything, to see whether it works: its figures are worth little.
    #[arg(long)]
    quick: bool,
    /// Writes what the case `growth` measures as a picture to this file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Is the load client, which the benchmark asks of a second process of itself.
    #[arg(long, hide = true)]
    listen_as: Option<String>,
    /// Is the raw loop.
    #[arg(long, hide = true)]
    raw: Option<Writes>,
    /// Handed over by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How the raw loop writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Writes {
    /// Each message by itself.
    Each,
    /// What it has published together, once it has published all.
    Together,
    /// What it has been fed with over HTTP since it wrote last together.
    Fed,
}

fn main() -> ExitCode {
    // `cargo test --benches` asks only whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    if let Some(plan) = &args.listen_as {
        client::run(serde_json::from_str(plan).expect("a plan"))
    }
    if let Some(writes) = args.raw {
        raw::run(writes)
    }
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let faults = runtime.block_on(cases::run(&args));
    if faults > 0 {
        eprintln!("error: {faults} deliveries are missing or wrong");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
