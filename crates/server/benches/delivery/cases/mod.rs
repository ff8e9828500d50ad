//! The cases, in the order in which they are run.

mod backlog;
mod baseline;
mod fan_out;
mod growth;
mod latency;
mod neighbours;
mod votes;

use std::time::Duration;

use crate::Args;

/// Every case.
const NAMES: [&str; 8] =
    ["fan-out 1", "fan-out 10", "idle", "paced", "neighbours", "backlog", "growth", "votes"];

/// Runs those that are wanted.
pub(crate) async fn run(args: &Args) {
    // A whole name means that case alone, though it be a part of another one's.
    let is_whole = NAMES.iter().any(|name| args.only.as_deref() == Some(name));
    let is_wanted = |name: &&str| {
        args.only.as_deref().is_none_or(|only| if is_whole { *name == only } else { name.contains(only) })
    };
    let length = Duration::from_secs(args.seconds);
    for name in NAMES.into_iter().filter(is_wanted) {
        match name {
            "fan-out 1" => fan_out::run(name, 1, args.connections, length).await,
            "fan-out 10" => fan_out::run(name, 10, args.connections, length).await,
            "idle" => latency::idle(name).await,
            "paced" => latency::paced(name, length).await,
            "neighbours" => neighbours::run(name, length).await,
            "backlog" => backlog::run(name, args.backlog_rows, length).await,
            "growth" => growth::run(name, args, length).await,
            _ => votes::run(name, args.log_rows, length).await,
        }
    }
}
