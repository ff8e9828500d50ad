//! As many connections as descriptors allow: how fast they come, what each costs while it is idle, and how
//! long a message to all of them takes.

use crate::{
    Args,
    cases::present,
    plan::{Audience, Channels, Load},
    print::{self, ratio},
    results::{Results, goal, median, thousands},
    server::Kind,
    stage::Stage,
};

const QUICK_CONNECTIONS: u32 = 2_000;
const LOAD: Load = Load { messages: 1, data_bytes: 200, per_second: None, audience: Audience::All };
/// Messages of each round to all, one at a time.
const TIMES: u32 = 5;

const KIB_MAX: f64 = 16.0;
const CONNECTS_PER_SECOND_MIN: f64 = 5_000.0;
const TO_ALL_MAX_MS: f64 = 150.0;

/// What the rounds showed of one server.
#[derive(Default)]
struct Figures {
    connects_per_second: Vec<f64>,
    subscriptions_per_second: Vec<f64>,
    kib: Vec<f64>,
    to_all: Results,
}

pub(super) async fn run(args: &Args, connections: u32) -> u64 {
    let connections = if args.quick { connections.min(QUICK_CONNECTIONS) } else { connections };
    let kinds = present(args, &[Kind::Fanfare, Kind::Bun, Kind::RawEach]);
    let mut table: Vec<(Kind, Figures)> = kinds.iter().map(|kind| (*kind, Figures::default())).collect();
    for _ in 0..args.rounds {
        for (kind, figures) in &mut table {
            measure(*kind, connections, figures).await;
        }
    }
    let what = format!(
        "{connections} connections, each on 3 channels; a message of {} B to all of them; {} rounds",
        LOAD.data_bytes, args.rounds
    );
    print::title("memory", &what);
    println!(
        "  {:<30} {:>12} {:>16} {:>9} {:>12}",
        "", "connects/s", "subscriptions/s", "KiB each", "to all in ms"
    );
    for (kind, figures) in &table {
        print_line(*kind, figures);
    }
    println!();
    if let Some((_, figures)) = table.iter().find(|(kind, _)| *kind == Kind::Fanfare) {
        compare(figures);
    }
    table.iter().map(|(_, figures)| figures.to_all.faults()).sum()
}

fn shown(values: &[f64]) -> f64 {
    median(values.iter().copied())
}

fn print_line(kind: Kind, figures: &Figures) {
    println!(
        "  {:<30} {:>12} {:>16} {:>9.1} {:>12.1}{}",
        kind.name(),
        thousands(shown(&figures.connects_per_second)),
        thousands(shown(&figures.subscriptions_per_second)),
        shown(&figures.kib),
        figures.to_all.took_ms(),
        figures.to_all.faults_shown(),
    );
}

fn compare(figures: &Figures) {
    let kib = shown(&figures.kib);
    goal("memory of a connection", &format!("{kib:.1} KiB"), "≤ 16 KiB", kib <= KIB_MAX);
    let rate = shown(&figures.connects_per_second);
    goal("connects a second", &thousands(rate), "≥ 5,000", rate >= CONNECTS_PER_SECOND_MIN);
    let took_ms = figures.to_all.took_ms();
    goal("a message to all", &format!("{took_ms:.1} ms"), "≤ 150 ms", took_ms <= TO_ALL_MAX_MS);
}

async fn measure(kind: Kind, connections: u32, figures: &mut Figures) {
    let mut stage = Stage::set(kind, connections, Channels::Mixed).await;
    let channels = Channels::Mixed.of(0).len();
    let per_second = |count: f64, seconds: f64| count / seconds.max(f64::EPSILON);
    let connections = ratio(connections, 1);
    figures.connects_per_second.push(per_second(connections, stage.opened.connecting_s));
    let subscriptions = connections * ratio(i64::try_from(channels).unwrap_or(0), 1);
    figures.subscriptions_per_second.push(per_second(subscriptions, stage.opened.subscribing_s));
    figures.kib.push(stage.kib_per_connection().await);
    for _ in 0..TIMES {
        figures.to_all.add(stage.run(&LOAD).await);
    }
    stage.stop().await;
}
