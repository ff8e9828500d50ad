//! How fast, how cheaply and how steadily events reach webhooks: a real server process on SQLite
//! (`synchronous=full`, every attempt logged), a real HTTP receiver in another process, loopback.
//!
//! Every case prints its goal beside the figure, where there is one. A latency is told twice: from
//! the moment at which the API call was sent, and from the moment at which its 201 was read, which may
//! come after the receipt and counts as below zero then. `FANFARE_BENCH_FOLDER` moves the database to
//! another disk.

mod cases;
#[path = "../shared/clock.rs"]
mod clock;
mod disk;
mod ears;
mod figures;
mod load;
#[path = "../shared/print.rs"]
mod print;
mod receiver;
#[path = "../shared/mod.rs"]
mod shared;
mod stage;

use clap::Parser;
use tokio::runtime;

#[derive(Parser)]
struct Args {
    /// How long load lasts in each case or turn, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Runs the cases whose names hold this text alone.
    #[arg(long)]
    only: Option<String>,
    /// Connections that call the API at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Webhooks of the largest step of `growth`.
    #[arg(long, default_value_t = 10_000)]
    webhooks: u32,
    /// Deliveries that wait in `backlog`.
    #[arg(long, default_value_t = 1_000_000)]
    backlog_rows: u64,
    /// Rows in the log in `growth` and `votes`.
    #[arg(long, default_value_t = 10_000_000)]
    log_rows: u64,
    /// Receives, which the benchmark asks of a second process of itself.
    #[arg(long, hide = true)]
    receive: bool,
    /// Handed over by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    // `cargo test --benches` asks only whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let args = Args::parse();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if args.receive {
        runtime.block_on(receiver::run());
    } else {
        runtime.block_on(cases::run(&args));
    }
}
