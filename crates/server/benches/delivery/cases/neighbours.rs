//! Bad receivers: of a hundred webhooks one refuses every connection and one never answers. The others
//! should not notice.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use crate::{figures, figures::Latencies, load::fire, stage::Stage};

const WEBHOOKS: u32 = 100;
/// The ids of the two that are bad.
const BAD: [i64; 2] = [1, 2];
/// Events a second, each of which goes to all of them.
const PACE_PER_SECOND: u32 = 20;
const PACE_CONNECTIONS: usize = 8;
/// Turns with the bad ones, and as many without.
const TURNS: u32 = 3;

pub(super) async fn run(name: &str, length: Duration) {
    let stage = Stage::set().await;
    stage.register(1..=WEBHOOKS, |_| "bench".to_owned()).await;
    let good = usize::try_from(WEBHOOKS).expect("a hundred") - BAD.len();
    stage.warm_up(|_| "bench".to_owned(), good + BAD.len()).await;
    spoil(&stage).await;
    let write = |number: u32, text: &mut String| fire(text, &stage.token, "bench", number);
    let turn = (length / TURNS).max(Duration::from_secs(1));
    let mut latencies = [Latencies::default(), Latencies::default()];
    let mut missing = 0;
    for number in 0..2 * TURNS {
        // While they are disabled, their deliveries are kept and not sent.
        let with_bad = number % 2 == 1;
        for id in BAD {
            stage.ask(&format!("PATCH /api/webhooks/{id}"), &json!({ "enabled": with_bad })).await;
        }
        let load = stage.caller.pace(PACE_CONNECTIONS, PACE_PER_SECOND, turn, &write);
        let run = stage.measure(load, good).await;
        latencies[usize::from(with_bad)].append(run.latencies().0);
        missing += run.missing;
    }
    let what = format!(
        "{WEBHOOKS} webhooks, each of {PACE_PER_SECOND} events a second goes to all; turns of {} s, in turn",
        turn.as_secs()
    );
    figures::title(name, &what);
    let [without, with] = &mut latencies;
    figures::line("the good ones alone", &without.shown(), "");
    figures::line("with one refusing, one hanging", &with.shown(), "p99 as without them");
    if missing > 0 {
        figures::line("NOT DELIVERED in time", &missing.to_string(), "0");
    }
    stage.print_memory("");
    stage.print_disk();
    stage.program.stop().await;
}

/// Points the bad ones at a port that nobody listens on, and at a path that is never answered.
async fn spoil(stage: &Stage) {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("bound");
    for (id, url) in BAD.into_iter().zip([format!("http://{closed}/"), stage.ears.hang()]) {
        stage.ask(&format!("PATCH /api/webhooks/{id}"), &json!({ "url": url })).await;
    }
}
