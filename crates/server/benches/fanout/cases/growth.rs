//! How deliveries a second change with the number of subscribers and the size of messages, as a table in
//! Markdown and as a picture.

use std::fmt::Write as _;

use crate::{
    Args,
    cases::present,
    plan::{Audience, Channels, Load},
    plot::{self, Panel, Series},
    print::{self, ratio},
    results::{Results, thousands},
    server::Kind,
    stage::Stage,
};

const SUBSCRIBERS: [u32; 5] = [10, 100, 1_000, 5_000, 18_000];
const SIZES_BYTES: [usize; 6] = [64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10];
/// While the number of subscribers changes.
const SIZE_BYTES: usize = 200;
/// While the size changes.
const SUBSCRIBERS_OF_SIZES: u32 = 1_000;
const QUICK_SUBSCRIBERS_MAX: u32 = 1_000;

/// A burst has so many deliveries, as far as the other bounds allow.
const DELIVERIES: u32 = 200_000;
const MESSAGES_MAX: u32 = 500;
/// In all messages of a burst: less than any server keeps for a slow reader.
const BURST_MAX_BYTES: usize = 512 << 10;
/// Bursts of each round.
const TIMES: u32 = 3;

/// A row: one point of the growth.
struct Point {
    subscribers: u32,
    size_bytes: usize,
    /// In the order of the servers.
    results: Vec<Results>,
}

impl Point {
    fn load(&self) -> Load {
        let fitting = u32::try_from(BURST_MAX_BYTES / self.size_bytes).unwrap_or(u32::MAX);
        let messages = (DELIVERIES / self.subscribers).clamp(1, MESSAGES_MAX).min(fitting);
        Load { messages, data_bytes: self.size_bytes, per_second: None, audience: Audience::All }
    }
}

pub(super) async fn run(args: &Args, connections: u32) -> u64 {
    let kinds = present(args, &[Kind::Fanfare, Kind::Bun, Kind::RawTogether]);
    let most = if args.quick { connections.min(QUICK_SUBSCRIBERS_MAX) } else { connections };
    let point = |subscribers, size_bytes| Point {
        subscribers,
        size_bytes,
        results: vec![Results::default(); kinds.len()],
    };
    let mut counts: Vec<u32> = SUBSCRIBERS.iter().map(|count| *count.min(&most)).collect();
    counts.dedup();
    let mut by_count: Vec<Point> = counts.into_iter().map(|count| point(count, SIZE_BYTES)).collect();
    let mut by_size: Vec<Point> =
        SIZES_BYTES.iter().map(|size| point(SUBSCRIBERS_OF_SIZES.min(most), *size)).collect();
    for _ in 0..args.rounds {
        for (at, kind) in kinds.iter().enumerate() {
            for point in by_count.iter_mut().chain(&mut by_size) {
                measure(*kind, at, point).await;
            }
        }
    }
    print::title("growth", &format!("bursts, deliveries a second; {} rounds of {TIMES}", args.rounds));
    println!("{}", markdown(&kinds, by_count.iter().chain(&by_size)));
    if let Some(file) = &args.plot {
        let sizes = |point: &Point| ratio(i64::try_from(point.size_bytes).unwrap_or(i64::MAX), 1);
        let panels = [
            panel("subscribers, 200 B each", &kinds, &by_count, |point| f64::from(point.subscribers)),
            panel("bytes of data, 1,000 subscribers", &kinds, &by_size, sizes),
        ];
        std::fs::write(file, plot::svg("Deliveries a second", &panels)).expect("the picture can be written");
        println!("written: {}", file.display());
    }
    by_count.iter().chain(&by_size).flat_map(|point| &point.results).map(Results::faults).sum()
}

async fn measure(kind: Kind, at: usize, point: &mut Point) {
    let load = point.load();
    let mut stage = Stage::set(kind, point.subscribers, Channels::Shared).await;
    stage.run(&load).await;
    for _ in 0..TIMES {
        point.results[at].add(stage.run(&load).await);
    }
    stage.stop().await;
}

fn markdown<'a>(kinds: &[Kind], points: impl Iterator<Item = &'a Point>) -> String {
    let mut text = "| Subscribers | Data | Messages |".to_owned();
    for kind in kinds {
        let _ = write!(text, " {0} | {0}, p99 |", kind.name());
    }
    let _ = write!(text, "\n|---:|---:|---:|{}\n", "---:|---:|".repeat(kinds.len()));
    for point in points {
        let count = thousands(f64::from(point.subscribers));
        let _ = write!(text, "| {count} | {} B | {} |", point.size_bytes, point.load().messages);
        for results in &point.results {
            let rate = thousands(results.per_second());
            let _ = write!(text, " {rate}{} | {:.1} ms |", results.faults_shown(), results.p99_ms());
        }
        text.push('\n');
    }
    text
}

fn panel(name: &str, kinds: &[Kind], points: &[Point], x: impl Fn(&Point) -> f64) -> Panel {
    let of = |at: usize| points.iter().map(|point| (x(point), point.results[at].per_second())).collect();
    let series = |(at, kind): (usize, &Kind)| Series { name: kind.name().to_owned(), points: of(at) };
    Panel { x_axis: name.to_owned(), series: kinds.iter().enumerate().map(series).collect() }
}
