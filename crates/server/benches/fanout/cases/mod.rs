//! What is measured.

mod burst;
mod channels;
mod growth;
mod memory;
mod paced;

use crate::{
    Args,
    plan::{Channels, Load},
    results::{Results, Table},
    server::Kind,
    stage::Stage,
};

/// Descriptors that a process needs besides its connections.
const OTHER_DESCRIPTORS: u64 = 200;

const NAMES: [&str; 5] = ["burst", "paced", "memory", "channels", "growth"];

/// What `--case` takes.
pub(crate) fn names() -> Vec<&'static str> {
    NAMES.to_vec()
}

/// Runs the cases that are wanted; returns how many deliveries went wrong.
pub(crate) async fn run(args: &Args) -> u64 {
    let most = rlimit::increase_nofile_limit(u64::MAX).expect("the limit of descriptors can be read");
    let most = u32::try_from(most.saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(u32::MAX);
    let connections = args.connections.min(most);
    if connections < args.connections {
        println!("descriptors allow {connections} connections, not {}", args.connections);
    }
    if !Kind::Bun.is_here() {
        println!("Bun is not installed, and left out: `cargo xtask bench fanout` installs it");
    }
    let mut faults = 0;
    for name in NAMES.iter().filter(|name| args.case.as_deref().is_none_or(|wanted| wanted == **name)) {
        faults += match *name {
            "burst" => burst::run(args).await,
            "paced" => paced::run(args).await,
            "memory" => memory::run(args, connections).await,
            "channels" => channels::run(args).await,
            _ => growth::run(args, connections).await,
        };
    }
    faults
}

/// Those that are wanted and can be started here.
fn present(args: &Args, kinds: &[Kind]) -> Vec<Kind> {
    let is_wanted = |kind: &Kind| args.servers.is_empty() || args.servers.contains(kind);
    kinds.iter().copied().filter(|kind| is_wanted(kind) && kind.is_here()).collect()
}

/// Lets these servers take turns: in each round a fresh one of each, so many connections, a load to warm
/// up that does not count, and then the measured one so many times.
async fn take_turns(args: &Args, kinds: &[Kind], connections: u32, load: &Load, times: u32) -> Table {
    let warm_up = Load { messages: load.messages.min(100), per_second: None, ..*load };
    let kinds = present(args, kinds);
    let mut table: Table = kinds.iter().map(|kind| (kind.name().to_owned(), Results::default())).collect();
    for _ in 0..args.rounds {
        for (kind, (_, results)) in kinds.iter().zip(&mut table) {
            let mut stage = Stage::set(*kind, connections, Channels::Shared).await;
            stage.run(&warm_up).await;
            for _ in 0..times {
                results.add(stage.run(load).await);
            }
            stage.stop().await;
        }
    }
    table
}
