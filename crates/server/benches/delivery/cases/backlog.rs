//! A server that starts with a backlog: how soon it sends, how fast, and in how little memory.

use std::time::Duration;

use fanfare_store::testing::fill::{self, Filling};

use crate::{clock, figures, figures::ratio, stage::Stage};

const WEBHOOKS: u32 = 100;
const FIRST_MAX: Duration = Duration::from_mins(1);

pub(super) async fn run(name: &str, rows: u64, length: Duration) {
    let stage = Stage::set().await;
    stage.register(1..=WEBHOOKS, |_| "bench".to_owned()).await;
    let mut started_ns = 0;
    let stage = stage
        .restarted(&[], |path| {
            let filling = Filling { webhooks: 1..=i64::from(WEBHOOKS), rows, age_ms: 0 };
            fill::with_pending(&path, &filling);
            started_ns = clock::now_ns();
        })
        .await;
    stage.ears.wait_for(1, FIRST_MAX).await;
    clock::pause(length).await;
    let (now, most) = stage.memory_mib();
    let receipts = stage.ears.take().await;
    let times = receipts.iter().map(|receipt| receipt.at_ns);
    let (first, last) = (times.clone().min().unwrap_or(u64::MAX), times.max().unwrap_or(0));

    figures::title(name, &format!("{rows} deliveries wait for {WEBHOOKS} webhooks; the server is started"));
    let after = clock::seconds(started_ns, first);
    figures::line("first delivery after", &format!("{after:.3} s, the process's start included"), "< 1 s");
    let rate = ratio(receipts.len(), 1) / clock::seconds(first, last).max(f64::EPSILON);
    figures::line("deliveries a second", &format!("{rate:.0} ({})", receipts.len()), "");
    figures::line("resident memory", &format!("{now:.0} MiB, {most:.0} MiB at most"), "< 150 MiB");
    stage.print_disk();
    stage.program.stop().await;
}
