//! How many requests a second the program answers, and how fast: a real server process on loopback
//! and a lean client of our own, on the same machine.
//!
//! On SQLite (`synchronous=full`), and on PostgreSQL when `FANFARE_TEST_POSTGRES` names a server.
//! The machine is noisy: all paths take turns, several times over, and the median turn is shown,
//! beside `GET /health`, which costs what HTTP costs, and beside the processor time that the server
//! took for one request. `FANFARE_BENCH_FOLDER` moves the SQLite files to another disk.

mod ears;
mod load;
mod server;
#[path = "../shared/mod.rs"]
mod shared;
mod targets;

use std::time::Duration;

use clap::Parser;
use tokio::runtime;

use self::{
    ears::Ears,
    load::Turn,
    server::{Database, Server},
    targets::{Target, targets},
};

#[derive(Parser)]
struct Args {
    /// How long each path is measured, in seconds, over all turns.
    #[arg(long, default_value_t = 6)]
    seconds: u64,
    /// Measures the paths and engines whose names hold this text alone.
    #[arg(long)]
    only: Option<String>,
    /// Connections that ask at once.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Turns that each path has.
    #[arg(long, default_value_t = 3)]
    turns: u64,
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
    let postgres = std::env::var(fanfare_store::testing::POSTGRES_URL).is_ok();
    let names = targets().map(|target| target.name);
    let wants_path = |text: &str| names.iter().any(|name| name.contains(text));
    for database in [Database::Sqlite, Database::Postgres] {
        let is_engine = args.only.as_deref().is_some_and(|only| !wants_path(only));
        if is_engine && !args.only.as_deref().is_some_and(|only| database.name().contains(only)) {
            continue;
        }
        if database == Database::Postgres && !postgres {
            println!("{} is not set: PostgreSQL is left out", fanfare_store::testing::POSTGRES_URL);
            continue;
        }
        let only = args.only.as_deref().filter(|_| !is_engine);
        runtime.block_on(measure(&args, only, database));
    }
}

/// Starts a server, lets all paths take turns, prints the table.
async fn measure(args: &Args, only: Option<&str>, database: Database) {
    let ears = Ears::open().await;
    let server = Server::start(database, ears.hook()).await;
    ears.listen_to(&server).await;
    let mut chosen: Vec<Target> = targets().into_iter().filter(|target| target.is_wanted(only)).collect();
    let length = Duration::from_secs(args.seconds) / u32::try_from(args.turns).expect("a few turns");
    let mut turns: Vec<Vec<Turn>> = chosen.iter().map(|_| Vec::new()).collect();
    for _ in 0..args.turns {
        for (target, turns) in chosen.iter_mut().zip(&mut turns) {
            turns.push(load::run(&server, target, args.connections, length).await);
        }
    }
    println!(
        "\n{}, {} connections, {} turns of {:.1} s, median\n",
        database.name(),
        args.connections,
        args.turns,
        length.as_secs_f64()
    );
    println!(
        "{:<22} {:>9} {:>9} {:>9} {:>9} {:>12} {:>9}",
        "", "a second", "of floor", "p50", "p99", "server CPU", "expected"
    );
    let mut floor = None;
    for (target, turns) in chosen.iter().zip(&mut turns) {
        turns.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
        let turn = &mut turns[(usize::try_from(args.turns).expect("a few turns") - 1) / 2];
        floor = floor.or(target.is_floor().then(|| turn.rate()));
        print_line(target, turn, floor, database);
    }
    println!("\n{}", ears.heard());
    server.stop().await;
}

fn print_line(target: &Target, turn: &mut Turn, floor: Option<f64>, database: Database) {
    if let Some(status) = turn.refused {
        println!("{:<22} answered with {status}", target.name);
        return;
    }
    let rate = turn.rate();
    let of_floor = floor.map_or_else(String::new, |floor| format!("{:.0} %", 100.0 * rate / floor));
    let expected = match (database, target.expected_per_second) {
        (Database::Sqlite, Some(expected)) => format!("{expected}"),
        _ => String::new(),
    };
    println!(
        "{:<22} {rate:>9.0} {of_floor:>9} {:>6.2} ms {:>6.2} ms {:>9.0} µs {expected:>9}",
        target.name,
        turn.percentile_ms(50),
        turn.percentile_ms(99),
        turn.server_micros_per_request(),
    );
}
