//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md that a program can check.
//!
//! Each rule is a function from one file (or, for import circles, from all of them) to findings.
//! What may break a rule, and why, stands in one table at the top of the rule's module.

mod cycles;
mod rooms;
mod size;
mod source;
mod sql;
mod style;

use std::{collections::BTreeSet, fmt, fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::process::{command, read};
use source::Rust;

/// A rule broken somewhere.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From 1.
    line: usize,
    rule: &'static str,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, what } = self;
        write!(f, "{path}:{line}: {rule}: {what}")
    }
}

/// A file of the tree.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
    /// What the Rust scanner made of it; `None` for other files.
    rust: Option<Rust>,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let is_rust = Path::new(path).extension().is_some_and(|extension| extension == "rs");
        Self { path: path.to_owned(), text: text.to_owned(), rust: is_rust.then(|| Rust::scan(text)) }
    }

    fn finding(&self, line: usize, rule: &'static str, what: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, rule, what: what.into() }
    }

    /// Whether it is one of `places`: a file, or a folder when it ends in `/`.
    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| {
            if place.ends_with('/') { self.path.starts_with(place) } else { self.path == *place }
        })
    }

    /// Whether the whole file is only built for tests or benchmarks.
    fn is_test(&self) -> bool {
        ["/tests/", "/benches/", "/testing/"].iter().any(|part| self.path.contains(part))
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("/testing.rs")
    }
}

/// Checks the tree under `root`, prints what it finds, and fails if that is anything.
pub(crate) fn run(root: &Path) -> Result<()> {
    let findings = check(&files(root)?);
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("tidy found {} faults", findings.len());
    }
    Ok(())
}

/// Every file that is, or could be, committed; other than text is left out.
fn files(root: &Path) -> Result<Vec<File>> {
    let listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = read(command("git", root).args(listed)).context("tidy needs a git checkout")?;
    let paths: BTreeSet<_> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    // A file that is not there was deleted and not yet committed.
    let file = |path| Some(File::new(path, &fs::read_to_string(root.join(path)).ok()?));
    Ok(paths.into_iter().filter_map(file).collect())
}

fn check(files: &[File]) -> Vec<Finding> {
    let rules = [sql::check, rooms::check, size::check, style::check];
    let mut findings: Vec<_> =
        files.iter().flat_map(|file| rules.iter().flat_map(|rule| rule(file))).collect();
    findings.extend(cycles::check(files));
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the rules say about one file, as `line: rule`.
    pub(super) fn faults(path: &str, text: &str) -> Vec<String> {
        let findings = check(&[File::new(path, text)]);
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.rule)).collect()
    }

    /// Each case: a path, a text that breaks the rule in its last line, and one that does not.
    pub(super) fn assert_rule(rule: &str, cases: &[(&str, &str, &str)]) {
        for (path, bad, good) in cases {
            let bad = format!("//! Sample.\n{bad}\n");
            let good = format!("//! Sample.\n{good}\n");
            let expected = format!("{}: {rule}", bad.lines().count());
            assert_eq!(faults(path, &bad), [expected], "{path}: {bad}");
            assert_eq!(faults(path, &good), [""; 0], "{path}: {good}");
        }
    }

    #[test]
    fn a_finding_reads_like_a_compiler_message() {
        let finding = File::new("a/b.rs", "").finding(3, "sql", "no");
        assert_eq!(finding.to_string(), "a/b.rs:3: sql: no");
    }

    #[test]
    fn the_repository_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let files = files(root).expect("a git checkout");
        assert!(files.iter().any(|file| file.path == "xtask/src/tidy/mod.rs"), "its own source is checked");
        let findings: Vec<_> = check(&files).iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
