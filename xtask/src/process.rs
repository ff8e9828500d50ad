//! Running other programs. What they are for belongs elsewhere.

use std::{
    env,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::guard::Guard;

/// Variables that cargo sets for the program it runs (this one). Build scripts that watch them
/// would run again if they were handed on to another cargo.
const OF_THIS_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_PRIMARY_"];

/// `program` in `folder`, without the variables that describe this package.
pub(crate) fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if OF_THIS_PACKAGE.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo(folder: &Path) -> Command {
    command(&env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()), folder)
}

/// The program `fanfare`, built with the same targets as the tests, so that nothing is built twice.
pub(crate) fn built(root: &Path) -> Result<PathBuf> {
    let targets = ["--workspace", "--all-features", "--lib", "--bins", "--tests"];
    read(cargo(root).args(["test", "--no-run", "--quiet"]).args(targets))?;
    Ok(env::current_exe()?.with_file_name("fanfare"))
}

/// Whether a person watches: otherwise progress is left out.
pub(crate) fn watched() -> bool {
    std::io::stderr().is_terminal()
}

/// Runs to the end, output going where ours goes; an exit code other than 0 is an error.
/// `guard`, if given, ends the command should this program be killed.
pub(crate) fn run(command: &mut Command, guard: Option<&Guard>) -> Result<()> {
    let line = describe(command);
    let mut child = command.spawn().with_context(|| format!("cannot run {line}"))?;
    if let Some(guard) = guard {
        guard.watch(Some(child.id()));
    }
    let status = child.wait().with_context(|| format!("lost {line}"))?;
    if let Some(guard) = guard {
        guard.watch(None);
    }
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Runs to the end and returns what it wrote to standard output, trimmed; what it wrote elsewhere
/// is shown only in the error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let line = describe(command);
    let output = command.output().with_context(|| format!("cannot run {line}"))?;
    let Output { status, stdout, stderr } = output;
    let stdout = String::from_utf8_lossy(&stdout);
    if !status.success() {
        bail!("{line}: {status}\n{stdout}{}", String::from_utf8_lossy(&stderr));
    }
    Ok(stdout.trim().to_owned())
}

/// Whether the program is there and runs well.
pub(crate) fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
