//! A steady trickle: messages at a fixed pace, whether or not the earlier ones have been heard.

use crate::{
    Args,
    cases::take_turns,
    plan::{Audience, Load},
    print,
    results::{self, Results, Table, goal},
    server::Kind,
};

const CONNECTIONS: u32 = 1_000;
const PER_SECOND: u32 = 50;
const SECONDS: u32 = 10;
const QUICK_SECONDS: u32 = 2;
const DATA_BYTES: usize = 200;

const CPU_OF_BUN_MAX: f64 = 1.25;

pub(super) async fn run(args: &Args) -> u64 {
    let seconds = if args.quick { QUICK_SECONDS } else { SECONDS };
    let load = Load {
        messages: PER_SECOND * seconds,
        data_bytes: DATA_BYTES,
        per_second: Some(PER_SECOND),
        audience: Audience::All,
    };
    let kinds = [Kind::Fanfare, Kind::Bun, Kind::RawEach, Kind::RawFed];
    let table = take_turns(args, &kinds, CONNECTIONS, &load, 1).await;
    let what = format!(
        "{PER_SECOND} messages a second of {DATA_BYTES} B to {CONNECTIONS} subscribers; {} rounds of {seconds} s",
        args.rounds
    );
    print::title("paced", &what);
    results::print(&table);
    compare(&table);
    results::faults(&table)
}

fn compare(table: &Table) {
    let (fanfare, bun) = (results::of(table, Kind::Fanfare), results::of(table, Kind::Bun));
    let (Some(fanfare), Some(bun)) = (fanfare, bun) else { return };
    let of_bun = |name: &str, of: fn(&Results) -> f64, text: &str, most: f64| {
        let ratio = of(fanfare) / of(bun).max(f64::EPSILON);
        goal(name, &format!("{ratio:.2} times"), text, ratio <= most);
    };
    of_bun("p50, of Bun's", Results::p50_ms, "≤ 1 times", 1.0);
    of_bun("p99, of Bun's", Results::p99_ms, "≤ 1 times", 1.0);
    of_bun("CPU of a delivery, of Bun's", Results::cpu_micros, "≤ 1.25 times", CPU_OF_BUN_MAX);
}
