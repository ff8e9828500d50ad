//! What adding a game costs: through the store, beside the bare drivers in the same run.
//!
//! Everybody runs the same statements on the same schema with one webhook listening, durable
//! (`synchronous=full`, `fsync=on`). The machine is noisy, so all take turns, several times over,
//! and medians are compared. `FANFARE_TEST_POSTGRES` names the PostgreSQL server; without it only
//! SQLite is measured. `FANFARE_BENCH_FOLDER` moves the SQLite files, to another disk or into memory.

mod bare;
mod ours;

use std::time::{Duration, Instant};

use fanfare_store::{Location, testing::TestDatabase};

/// Turns that each contender has.
const ROUNDS: usize = 7;

/// One way to add games.
pub(crate) struct Contender {
    name: &'static str,
    /// Games added in one turn.
    games: usize,
    /// Adds that many games.
    turn: Box<dyn FnMut(usize)>,
    /// Jobs per commit so far, where that is not fixed.
    per_commit: Box<dyn Fn() -> f64>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, games: usize, turn: impl FnMut(usize) + 'static) -> Self {
        Self { name, games, turn: Box::new(turn), per_commit: Box::new(|| 0.0) }
    }

    pub(crate) fn observed(mut self, per_commit: impl Fn() -> f64 + 'static) -> Self {
        self.per_commit = Box::new(per_commit);
        self
    }
}

fn main() {
    // `cargo test --benches` asks only whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!("adding a game, {ROUNDS} turns each, median\n");
    let place = std::env::var("FANFARE_BENCH_FOLDER").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").into());
    let folder = tempfile::tempdir_in(place).expect("a temporary folder");
    let file = |name: &str| Location::Sqlite(folder.path().join(name));
    let rates = compare(vec![
        bare::sqlite("rusqlite, one per commit", 1_000, 1, &file("bare1")),
        bare::sqlite("rusqlite, 32 per commit", 8_000, 32, &file("bare32")),
        ours::contender("store, 1 caller", 1_000, 1, file("ours1")),
        ours::contender("store, 8 callers", 4_000, 8, file("ours8")),
        ours::contender("store, 32 callers", 8_000, 32, file("ours32")),
        ours::contender("store, 64 callers", 8_000, 64, file("ours64")),
        ours::contender("store, 256 callers", 8_192, 256, file("ours256")),
    ]);
    println!("\n1 caller / rusqlite one per commit:       {:.0} %", 100.0 * rates[2] / rates[0]);
    println!("32 callers / rusqlite 32 per commit:      {:.0} %", 100.0 * rates[4] / rates[1]);
    println!("64 callers / rusqlite 32 per commit:      {:.0} %", 100.0 * rates[5] / rates[1]);
    println!("256 callers / rusqlite 32 per commit:     {:.0} %\n", 100.0 * rates[6] / rates[1]);

    if std::env::var(fanfare_store::testing::POSTGRES_URL).is_err() {
        println!("{} is not set: PostgreSQL is left out", fanfare_store::testing::POSTGRES_URL);
        return;
    }
    let databases: Vec<_> = (0..5).map(|_| TestDatabase::postgres()).collect();
    let at = |index: usize| databases[index].location().clone();
    let rates = compare(vec![
        bare::postgres("postgres, one per commit", 500, &at(0)),
        ours::contender("store, 1 caller", 500, 1, at(1)),
        ours::contender("store, 8 callers", 2_000, 8, at(2)),
        ours::contender("store, 32 callers", 2_000, 32, at(3)),
        ours::contender("store, 256 callers", 2_000, 256, at(4)),
    ]);
    println!("\n1 caller / postgres one per commit:       {:.0} %", 100.0 * rates[1] / rates[0]);
}

/// Lets all take turns; prints and returns the median of each, in games per second.
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn compare(mut contenders: Vec<Contender>) -> Vec<f64> {
    let mut times = vec![Vec::new(); contenders.len()];
    for contender in &mut contenders {
        (contender.turn)(contender.games / 4);
    }
    for _ in 0..ROUNDS {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let started = Instant::now();
            (contender.turn)(contender.games);
            times.push(started.elapsed());
        }
    }
    let mut rates = Vec::new();
    for (contender, times) in contenders.iter().zip(&mut times) {
        times.sort_unstable();
        let rate = |time: Duration| games_as_f64(contender.games) / time.as_secs_f64();
        let (median, slowest, fastest) = (rate(times[ROUNDS / 2]), rate(times[ROUNDS - 1]), rate(times[0]));
        let per_commit = (contender.per_commit)();
        let grouped = if per_commit > 0.0 { format!(", {per_commit:.1} per commit") } else { String::new() };
        println!("{:<26} {median:>8.0}/s  ({slowest:.0} to {fastest:.0}{grouped})", contender.name);
        rates.push(median);
    }
    rates
}

fn games_as_f64(games: usize) -> f64 {
    f64::from(u32::try_from(games).expect("a benchmark's number"))
}
