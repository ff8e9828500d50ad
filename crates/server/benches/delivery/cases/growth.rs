//! Growth: what many webhooks and a long log cost, when each event still goes to one webhook.

use std::time::Duration;

use fanfare_store::testing::fill::{self, Filling};

use crate::{
    Args, figures,
    load::{Until, fire},
    stage::{Run, Stage},
};

/// Webhooks of the small case, with which the others are compared.
const FEW: u32 = 10;
const SOME: u32 = 1_000;

pub(super) async fn run(name: &str, args: &Args, length: Duration) {
    let what = format!(
        "each event goes to one webhook, {} connections for {} s",
        args.connections,
        length.as_secs()
    );
    figures::title(name, &what);
    let stage = Stage::set().await;
    stage.register(1..=FEW, event).await;
    let small = measure(&stage, FEW, args.connections, length).await;
    print(&format!("{FEW} webhooks"), &small, None);

    let rows = args.log_rows;
    let filling = Filling { webhooks: 1..=i64::from(FEW), rows, age_ms: 0 };
    let stage = stage.restarted(&[], |path| fill::with_history(&path, &filling)).await;
    let logged = measure(&stage, FEW, args.connections, length).await;
    print(&format!("{FEW}, {rows} rows in the log"), &logged, Some(&small));
    stage.program.stop().await;

    for webhooks in [SOME, args.webhooks] {
        let stage = Stage::set().await;
        stage.register(1..=webhooks, event).await;
        let run = measure(&stage, webhooks, args.connections, length).await;
        print(&format!("{webhooks} webhooks"), &run, Some(&small));
        stage.print_memory("");
        stage.program.stop().await;
    }
}

/// The name that only this webhook wants.
fn event(hook: u32) -> String {
    format!("bench{hook}")
}

async fn measure(stage: &Stage, webhooks: u32, connections: usize, length: Duration) -> Run {
    stage.warm_up(|number| event(1 + number % webhooks), 1).await;
    let write =
        |number: u32, text: &mut String| fire(text, &stage.token, &event(1 + number % webhooks), number);
    let load = stage.caller.keep_busy(connections, Until::Over(length), &write);
    stage.measure(load, 1).await
}

fn print(name: &str, run: &Run, small: Option<&Run>) {
    let (rate, cpu) = (run.rate(), run.cpu_ms());
    let share = small.map_or_else(String::new, |small| format!(", {:.0} %", 100.0 * rate / small.rate()));
    let figure = format!("{rate:.0} a second{share}, {cpu:.3} ms of CPU each");
    figures::line(name, &figure, if small.is_some() { "≥ 80 %" } else { "" });
    if run.missing > 0 {
        figures::line("NOT DELIVERED in time", &run.missing.to_string(), "0");
    }
}
