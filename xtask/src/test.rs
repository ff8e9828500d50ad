//! `cargo xtask test`, the test command: its stages, in order, and how long each took.
//!
//! What is cheap comes first; the database lives only as long as the tests need it.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Result;

use crate::{
    crash, needs, node,
    postgres::{Durability, Server},
    process::{cargo, command, run, watched, works},
    schemathesis, tidy, ui,
};

/// Where the Node programs are that the integration tests talk to: those that test themselves
/// first, and the examples.
const RECEIVERS: &str = "crates/server/tests/node";
const NODE_FOLDERS: &[&str] = &[RECEIVERS, "examples/announcer", "examples/discord"];

/// Kills on each database.
const CRASH_ROUNDS: u32 = 20;

/// One step of the test command.
struct Stage {
    name: &'static str,
    run: fn(&mut Run) -> Result<Outcome>,
    /// What must run first when this stage is asked for alone.
    wants: &'static [&'static str],
}

enum Outcome {
    Done,
    Skipped(&'static str),
}

/// What the stages share.
struct Run<'a> {
    root: &'a Path,
    filter: Vec<String>,
    server: Option<Server>,
}

/// A line of the summary.
struct Line {
    name: &'static str,
    took: Duration,
    result: String,
}

const DATABASE: &[&str] = &["needs", "receivers", "ui", "postgres"];

const STAGES: &[Stage] = &[
    Stage { name: "needs", run: find_needs, wants: &[] },
    Stage { name: "fmt", run: check_formatting, wants: &[] },
    Stage { name: "tidy", run: check_invariants, wants: &[] },
    Stage { name: "receivers", run: prepare_receivers, wants: &["needs"] },
    // Before all that compiles, so that every build embeds the same files.
    Stage { name: "ui", run: build_dashboard, wants: &["needs"] },
    Stage { name: "clippy", run: lint, wants: &["needs", "ui"] },
    Stage { name: "postgres", run: start_postgres, wants: &["needs"] },
    Stage { name: "tests", run: run_tests, wants: DATABASE },
    Stage { name: "doc-tests", run: run_doc_tests, wants: &["needs", "ui"] },
    Stage { name: "browser", run: browse, wants: &["needs", "ui"] },
    Stage { name: "crash", run: crash_now_and_then, wants: &["needs", "ui", "postgres"] },
    Stage { name: "schemathesis", run: fuzz, wants: &["needs", "ui"] },
    Stage { name: "deny", run: check_dependencies, wants: &[] },
];

/// What `--only` takes.
pub(crate) fn stage_names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

/// Runs all stages, or one with what it wants, or with a filter the tests alone. Stops at the
/// first that fails.
pub(crate) fn run_stages(root: &Path, only: Option<&str>, filter: Vec<String>) -> Result<()> {
    let only = if filter.is_empty() { only } else { Some("tests") };
    let chosen = |stage: &&Stage| {
        only.is_none_or(|only| {
            let wanted = STAGES.iter().find(|stage| stage.name == only).map_or(&[][..], |stage| stage.wants);
            stage.name == only || wanted.contains(&stage.name)
        })
    };
    let mut shared = Run { root, filter, server: None };
    let mut lines = Vec::new();
    let mut failure = None;
    for stage in STAGES.iter().filter(chosen) {
        println!("── {}", stage.name);
        let (took, outcome) = timed(|| (stage.run)(&mut shared));
        let result = match outcome {
            Ok(Outcome::Done) => "ok".to_owned(),
            Ok(Outcome::Skipped(why)) => format!("skipped: {why}"),
            Err(error) => {
                failure = Some(error.context(format!("stage {}", stage.name)));
                "FAILED".to_owned()
            }
        };
        println!("── {}: {result}, {}", stage.name, minutes(took));
        lines.push(Line { name: stage.name, took, result });
        if failure.is_some() {
            break;
        }
    }
    drop(shared);
    print_summary(&lines);
    failure.map_or(Ok(()), Err)
}

fn print_summary(lines: &[Line]) {
    println!("\n{:<13}{:>10}  result", "stage", "minutes");
    for Line { name, took, result } in lines {
        println!("{name:<13}{:>10.2}  {result}", took.as_secs_f64() / 60.0);
    }
    let total: Duration = lines.iter().map(|line| line.took).sum();
    println!("{:<13}{:>10.2}", "total", total.as_secs_f64() / 60.0);
}

fn minutes(took: Duration) -> String {
    format!("{:.2} min", took.as_secs_f64() / 60.0)
}

#[expect(clippy::disallowed_methods, reason = "stages are timed for a person, by the real clock")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = std::time::Instant::now();
    let value = work();
    (start.elapsed(), value)
}

fn find_needs(_: &mut Run) -> Result<Outcome> {
    needs::ensure()?;
    Ok(Outcome::Done)
}

fn check_formatting(shared: &mut Run) -> Result<Outcome> {
    finish(shared, cargo(shared.root).args(["fmt", "--all", "--check"]))
}

fn check_invariants(shared: &mut Run) -> Result<Outcome> {
    tidy::run(shared.root)?;
    Ok(Outcome::Done)
}

/// Installs the Node packages, and tests the receivers by themselves.
fn prepare_receivers(shared: &mut Run) -> Result<Outcome> {
    for folder in NODE_FOLDERS {
        node::install(&shared.root.join(folder))?;
    }
    run(command("node", &shared.root.join(RECEIVERS)).arg("selftest.mjs"), None)?;
    Ok(Outcome::Done)
}

/// Builds what is embedded, and checks its sources.
fn build_dashboard(shared: &mut Run) -> Result<Outcome> {
    ui::build(shared.root)?;
    ui::check(shared.root)?;
    Ok(Outcome::Done)
}

fn lint(shared: &mut Run) -> Result<Outcome> {
    let mut clippy = cargo(shared.root);
    clippy.args(["clippy", "--workspace", "--all-targets", "--all-features"]).args(quiet());
    finish(shared, clippy.args(["--", "-D", "warnings"]))
}

fn start_postgres(shared: &mut Run) -> Result<Outcome> {
    let server = Server::start(Durability::Unsynced)?;
    println!("PostgreSQL on 127.0.0.1:{}", server.port());
    shared.server = Some(server);
    Ok(Outcome::Done)
}

/// All tests, or those that match the filter: by cargo-nextest where it is installed.
fn run_tests(shared: &mut Run) -> Result<Outcome> {
    let mut tests = cargo(shared.root);
    if works(cargo(shared.root).args(["nextest", "--version"])) {
        tests.args(["nextest", "run", "--status-level", "fail", "--final-status-level", "slow"]);
        if !watched() {
            tests.args(["--cargo-quiet", "--show-progress", "none"]);
        }
    } else {
        // The documentation's examples are a stage of their own.
        tests.args(["test", "--lib", "--bins", "--tests"]).args(quiet());
    }
    tests.args(["--workspace", "--all-features"]).args(&shared.filter);
    finish(shared, &mut tests)
}

fn run_doc_tests(shared: &mut Run) -> Result<Outcome> {
    let mut tests = cargo(shared.root);
    tests.args(["test", "--doc", "--workspace", "--all-features"]).args(quiet());
    finish(shared, &mut tests)
}

/// The dashboard of a running server, in a browser.
fn browse(shared: &mut Run) -> Result<Outcome> {
    ui::browse(shared.root)?;
    Ok(Outcome::Done)
}

/// The crash harness with few rounds: enough to meet what goes wrong often.
fn crash_now_and_then(shared: &mut Run) -> Result<Outcome> {
    for database in ["sqlite", "postgres"] {
        finish(shared, &mut crash::harness(shared.root, database, CRASH_ROUNDS, None))?;
    }
    Ok(Outcome::Done)
}

/// Every operation of the running server against its own description.
fn fuzz(shared: &mut Run) -> Result<Outcome> {
    schemathesis::run(shared.root)?;
    Ok(Outcome::Done)
}

fn check_dependencies(shared: &mut Run) -> Result<Outcome> {
    if !works(cargo(shared.root).args(["deny", "--version"])) {
        return Ok(Outcome::Skipped("cargo-deny is not installed"));
    }
    finish(shared, cargo(shared.root).args(["deny", "--all-features", "check"]))
}

/// Progress is for a person; results, warnings and errors are shown anyway.
fn quiet() -> Option<&'static str> {
    (!watched()).then_some("--quiet")
}

/// Runs a command that may use the database.
fn finish(shared: &Run, command: &mut Command) -> Result<Outcome> {
    if let Some(server) = &shared.server {
        server.announce(command);
    }
    run(command, shared.server.as_ref().map(Server::guard))?;
    Ok(Outcome::Done)
}
