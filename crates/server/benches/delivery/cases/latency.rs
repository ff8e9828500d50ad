//! Latency: one event at a time, and a steady trickle.

use std::time::Duration;

use crate::{clock, figures, figures::Latencies, load::fire, shared::connection::Connection, stage::Stage};

const IDLE_EVENTS: u32 = 300;
const IDLE_PAUSE: Duration = Duration::from_millis(20);
const PACE_PER_SECOND: u32 = 500;
/// Connections that share the trickle.
const PACE_CONNECTIONS: usize = 32;
const DELIVERY_MAX: Duration = Duration::from_secs(30);

/// An event, its delivery, a `fdatasync` of the benchmark's own, a pause.
pub(super) async fn idle(name: &str) {
    let stage = Stage::set().await;
    stage.register(1..=1, |_| "bench".to_owned()).await;
    stage.warm_up(|_| "bench".to_owned(), 1).await;
    let write = |number: u32, text: &mut String| fire(text, &stage.token, "bench", number);
    let mut disk = stage.disk();
    let (mut from_sent, mut from_answer) = (Latencies::default(), Latencies::default());
    let mut connection = Connection::open(stage.program.addr).await;
    let mut missing = 0;
    for _ in 0..IDLE_EVENTS {
        let call = stage.caller.once(&mut connection, &write).await;
        stage.ears.wait_for(1, DELIVERY_MAX).await;
        match stage.ears.take().await.first() {
            Some(receipt) => {
                from_sent.add(call.sent_ns, receipt.at_ns);
                from_answer.add(call.answered_ns, receipt.at_ns);
            }
            None => missing += 1,
        }
        disk.sync();
        clock::pause(IDLE_PAUSE).await;
    }
    figures::title(name, &format!("{IDLE_EVENTS} events, one at a time"));
    figures::line("from the call to the receipt", &from_sent.shown(), "p50 < 2 ms, p99 < 8 ms");
    figures::line("from its 201 to the receipt", &from_answer.shown(), "");
    figures::line("fdatasync of this disk", &disk.latencies(0).shown(), "");
    if missing > 0 {
        figures::line("NOT DELIVERED in time", &missing.to_string(), "0");
    }
    stage.program.stop().await;
}

pub(super) async fn paced(name: &str, length: Duration) {
    let stage = Stage::set().await;
    stage.register(1..=1, |_| "bench".to_owned()).await;
    stage.warm_up(|_| "bench".to_owned(), 1).await;
    let write = |number: u32, text: &mut String| fire(text, &stage.token, "bench", number);
    let load = stage.caller.pace(PACE_CONNECTIONS, PACE_PER_SECOND, length, &write);
    let run = stage.measure(load, 1).await;
    figures::title(name, &format!("{PACE_PER_SECOND} events a second for {} s", length.as_secs()));
    figures::line("deliveries a second", &format!("{:.0} ({})", run.rate(), run.receipts.len()), "");
    run.print_latencies("p99 < 15 ms");
    run.print_cost("");
    stage.print_disk();
    stage.program.stop().await;
}
