//! Very many channels: what a message to one subscriber costs where there is one channel, and where there
//! are a hundred thousand.

use crate::{
    Args,
    cases::present,
    plan::{Audience, Channels, Load},
    print,
    results::{self, Results, Table, goal},
    server::Kind,
    stage::Stage,
};

const CONNECTIONS: u32 = 1_000;
const CHANNELS_EACH: u32 = 100;
const MESSAGES: u32 = 20_000;
const QUICK_MESSAGES: u32 = 2_000;
const DATA_BYTES: usize = 200;

const MOST_OF_ONE: f64 = 1.2;

/// Channels of each connection, and whom messages are for.
const SHAPES: [(&str, u32, Audience); 3] = [
    ("one channel", 1, Audience::First),
    ("1,000 channels", 1, Audience::InTurn { of: CONNECTIONS, channels_each: 1 }),
    ("100,000 channels", CHANNELS_EACH, Audience::InTurn { of: CONNECTIONS, channels_each: CHANNELS_EACH }),
];

pub(super) async fn run(args: &Args) -> u64 {
    let messages = if args.quick { QUICK_MESSAGES } else { MESSAGES };
    let kinds = present(args, &[Kind::Fanfare, Kind::Bun]);
    let row = |kind: &Kind, shape: &str| (format!("{}, {shape}", kind.name()), Results::default());
    let mut table: Table = kinds.iter().flat_map(|kind| SHAPES.map(|(shape, ..)| row(kind, shape))).collect();
    for _ in 0..args.rounds {
        let mut rows = table.iter_mut();
        for kind in &kinds {
            for (_, channels, audience) in SHAPES {
                let mut stage = Stage::set(*kind, CONNECTIONS, Channels::Own(channels)).await;
                let load = Load { messages, data_bytes: DATA_BYTES, per_second: None, audience };
                stage.run(&Load { messages: messages / 10, ..load }).await;
                let (_, results) = rows.next().expect("a row for each");
                results.add(stage.run(&load).await);
                stage.stop().await;
            }
        }
    }
    let what = format!(
        "{messages} messages of {DATA_BYTES} B, each on a channel with one subscriber; {CONNECTIONS} connections, {} rounds",
        args.rounds
    );
    print::title("channels", &what);
    results::print(&table);
    if kinds.first() == Some(&Kind::Fanfare)
        && let [(_, one), _, (_, many), ..] = table.as_slice()
    {
        compare(one, many);
    }
    results::faults(&table)
}

fn compare(one: &Results, many: &Results) {
    let time = one.per_second() / many.per_second().max(f64::EPSILON);
    let cpu = many.cpu_micros() / one.cpu_micros().max(f64::EPSILON);
    goal("time of 100,000, of one's", &format!("{time:.2} times"), "≤ 1.2 times", time <= MOST_OF_ONE);
    goal("CPU of 100,000, of one's", &format!("{cpu:.2} times"), "≤ 1.2 times", cpu <= MOST_OF_ONE);
}
