//! The crash harness: a server under load is killed at random instants and started again, and in the end
//! everything that it accepted must be there, delivered, in order and in the log.
//!
//! `cargo xtask crash` runs it. The receivers, the clients and the account of what was accepted live in
//! this process and survive the kills; what came of it all is one value, the history, and [`check`] is a
//! function of it with tests of its own, which show that it finds what it is there to find.
//!
//! A seed repeats what is decided by lot: which deeds, which answers, after how long a kill. When exactly
//! a kill hits what is up to the machine.

mod bot;
mod check;
mod client;
mod deeds;
mod figures;
mod history;
mod http;
mod load;
mod lots;
mod plan;
mod program;
mod receiver;
mod rounds;
mod shown;
mod time;

use std::collections::BTreeMap;

use self::{figures::Figures, plan::Plan};

/// Findings of one kind that are told one by one.
const TOLD_MAX: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes: cargo xtask crash"]
async fn nothing_is_lost_when_the_server_is_killed() -> Result<(), String> {
    let plan = Plan::from_env();
    println!("{}, {} rounds, seed {}", plan.database.name(), plan.rounds, plan.seed);
    let ended = rounds::run(&plan).await.map_err(|error| format!("seed {}: {error}", plan.seed))?;
    let findings = check::check(&ended.history);
    let mut told = BTreeMap::new();
    for finding in &findings {
        let told: &mut usize = told.entry(finding.rule).or_default();
        *told += 1;
        if *told <= TOLD_MAX {
            println!("{finding}");
        }
    }
    println!("\n{}\n", Figures::of(&plan, &ended.history, &findings));
    if findings.is_empty() {
        return Ok(());
    }
    let (count, home) = (findings.len(), ended.home.keep());
    Err(format!("seed {}: {count} findings; the server's folder is kept: {}", plan.seed, home.display()))
}
