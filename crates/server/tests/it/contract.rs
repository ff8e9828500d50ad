//! The contract of the HTTP API, stated as data and run on both engines: `contract/*.json`.
//!
//! Each file holds the scenarios of one group of endpoints, by name; each scenario is a list of
//! steps on a fresh server, and `runner` says what a step may hold. `endpoints.json` lists every
//! endpoint; from it come the refusals that all endpoints share (`shared.rs`), and the check below
//! that none is left without a success and an error of its own. `shapes.json` holds the rows.

mod described;
mod endpoints;
mod matching;
mod runner;
mod shared;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use self::{
    described::Description,
    endpoints::{Endpoint, Errors},
};
use crate::support::Engine;

/// A module for each group, with a test for each engine, and the list of all.
macro_rules! groups {
    ($($group:ident)*) => {
        /// Name and text of each group.
        const GROUPS: &[(&str, &str)] =
            &[$((stringify!($group), include_str!(concat!("contract/", stringify!($group), ".json")))),*];

        $(mod $group {
            #[tokio::test]
            async fn on_sqlite() {
                super::run(stringify!($group), super::Engine::Sqlite).await;
            }

            #[tokio::test]
            async fn on_postgres() {
                super::run(stringify!($group), super::Engine::Postgres).await;
            }
        })*
    };
}

groups! {
    apps auth channel_auth chat_import csv deliveries export games packs pick polls previews pusher session_games sessions stats system votes
    webhooks
}

/// The scenarios of a group, by name.
fn scenarios(group: &str) -> Map<String, Value> {
    let (_, text) = GROUPS.iter().find(|(name, _)| *name == group).expect("a group");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("contract/{group}.json: {error}"))
}

/// Runs every scenario of a group, and fails with all that went wrong.
async fn run(group: &str, engine: Engine) {
    let description = Description::new();
    let mut faults = Vec::new();
    for (name, steps) in scenarios(group) {
        if let Err(fault) = runner::run(&steps, engine, &description).await {
            faults.push(format!("contract/{group}.json, {name:?} on {engine:?}:\n{fault}"));
        }
    }
    assert!(faults.is_empty(), "{} scenarios fail\n\n{}", faults.len(), faults.join("\n\n"));
}

#[test]
fn every_file_is_a_group_or_a_table() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/contract");
    let files = std::fs::read_dir(folder).expect("the folder");
    let names = files.map(|file| file.expect("readable").file_name().into_string().expect("UTF-8"));
    let found: BTreeSet<_> = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    let groups = GROUPS.iter().map(|(name, _)| *name);
    let known: BTreeSet<_> = groups.chain(["endpoints", "shapes"]).map(str::to_owned).collect();
    assert_eq!(found, known);
}

/// What is described beside the endpoints of the table: what describes or checks the server itself,
/// and the game socket.
const NO_ENDPOINTS: &[&str] =
    &["GET /api/sessions/live", "GET /app", "GET /app/{key}", "GET /asyncapi.json", "GET /readyz", "GET /ws"];

#[test]
fn every_endpoint_is_described_and_nothing_else() {
    // What parameters are called is no part of the contract.
    let plain = |route: &str| {
        let segments = route.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
        segments.collect::<Vec<_>>().join("/")
    };
    let endpoints = endpoints::all().into_iter().map(|endpoint| plain(&endpoint.route));
    let known: BTreeSet<_> = endpoints.chain(NO_ENDPOINTS.iter().map(|route| plain(route))).collect();
    let described: BTreeSet<_> = Description::new().operations().iter().map(|route| plain(route)).collect();
    assert_eq!(described, known);
}

#[test]
fn every_endpoint_succeeds_and_fails_somewhere() {
    let endpoints = endpoints::all();
    let numbers: Vec<_> = endpoints.iter().filter_map(|endpoint| endpoint.n).collect();
    assert_eq!(numbers, (1..=42).collect::<Vec<_>>(), "the 42, in order");
    let mut succeeds = BTreeSet::new();
    let mut fails = BTreeSet::new();
    for (group, _) in GROUPS {
        for (name, steps) in scenarios(group) {
            for step in runner::steps(&steps) {
                let step = step.unwrap_or_else(|error| panic!("contract/{group}.json, {name:?}: {error}"));
                let (method, path) = step.request();
                if let Some(endpoint) = endpoints::of(&endpoints, method, path) {
                    let side = if step.expected_status() < 400 { &mut succeeds } else { &mut fails };
                    side.insert(endpoint.route.clone());
                }
            }
        }
    }
    let without = |seen: &BTreeSet<String>, wanted: fn(&Endpoint) -> bool| -> Vec<String> {
        let wanted = endpoints.iter().filter(|endpoint| wanted(endpoint));
        wanted.map(|endpoint| endpoint.route.clone()).filter(|route| !seen.contains(route)).collect()
    };
    assert_eq!(without(&succeeds, |_| true), [""; 0], "never succeeds");
    assert_eq!(without(&fails, |endpoint| endpoint.errors == Errors::Own), [""; 0], "never fails");
}
