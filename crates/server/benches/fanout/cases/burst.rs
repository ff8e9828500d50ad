//! A burst: messages published as fast as the server answers.

use crate::{
    Args,
    cases::take_turns,
    plan::{Audience, Load},
    print,
    results::{self, Table, goal, thousands},
    server::Kind,
};

const CONNECTIONS: u32 = 1_000;
const LOAD: Load = Load { messages: 200, data_bytes: 200, per_second: None, audience: Audience::All };
/// Bursts of each round.
const TIMES: u32 = 5;

const PER_SECOND_MIN: f64 = 1_000_000.0;
const OF_BUN_MIN: f64 = 5.0;
const OF_RAW_MIN: f64 = 0.7;

pub(super) async fn run(args: &Args) -> u64 {
    let times = if args.quick { 1 } else { TIMES };
    let kinds = [Kind::Fanfare, Kind::Bun, Kind::RawEach, Kind::RawFed, Kind::RawTogether];
    let table = take_turns(args, &kinds, CONNECTIONS, &LOAD, times).await;
    let Load { messages, data_bytes, .. } = LOAD;
    let what = format!(
        "{messages} messages of {data_bytes} B to {CONNECTIONS} subscribers, published one after another; {} bursts",
        args.rounds * times
    );
    print::title("burst", &what);
    results::print(&table);
    compare(&table);
    results::faults(&table)
}

fn compare(table: &Table) {
    let rate = |kind| results::of(table, kind).map(results::Results::per_second);
    let Some(fanfare) = rate(Kind::Fanfare) else { return };
    goal("deliveries a second", &thousands(fanfare), "≥ 1,000,000", fanfare >= PER_SECOND_MIN);
    if let Some(bun) = rate(Kind::Bun) {
        let of_bun = fanfare / bun;
        goal("of Bun's", &format!("{of_bun:.2} times"), "≥ 5 times", of_bun >= OF_BUN_MIN);
    }
    for (name, kind) in [
        ("of the raw loop's over HTTP", Kind::RawFed),
        ("of the raw loop's that has all at once", Kind::RawTogether),
    ] {
        if let Some(raw) = rate(kind) {
            let of_raw = fanfare / raw;
            goal(name, &format!("{:.0} %", of_raw * 100.0), "≥ 70 %", of_raw >= OF_RAW_MIN);
        }
    }
}
