//! Throughput: every event comes by its own API call and goes to one webhook, or to several.

use std::time::Duration;

use super::baseline;
use crate::{
    figures,
    load::{Until, fire},
    stage::Stage,
};

/// How long the bare client posts.
const BASELINE: Duration = Duration::from_secs(3);

pub(super) async fn run(name: &str, webhooks: u32, connections: usize, length: Duration) {
    let stage = Stage::set().await;
    stage.register(1..=webhooks, |_| "bench".to_owned()).await;
    let fan_out = usize::try_from(webhooks).expect("a few");
    stage.warm_up(|_| "bench".to_owned(), fan_out).await;
    let write = |number: u32, text: &mut String| fire(text, &stage.token, "bench", number);
    let load = stage.caller.keep_busy(connections, Until::Over(length), &write);
    let run = stage.measure(load, fan_out).await;

    let what = format!("{webhooks} webhook(s), {connections} connections for {} s", length.as_secs());
    figures::title(name, &what);
    let (goal, cpu_goal) = if webhooks == 1 { ("≥ 10,000", "") } else { ("≥ 20,000", "≤ 0.1 ms") };
    figures::line("deliveries a second", &format!("{:.0} ({})", run.rate(), run.receipts.len()), goal);
    run.print_latencies("");
    run.print_cost(cpu_goal);
    stage.print_memory("");
    baseline::print(&stage.ears, connections, BASELINE).await;
    stage.print_disk();
    stage.program.stop().await;
}
