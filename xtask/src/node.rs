//! Node packages of one folder.

use std::path::Path;

use anyhow::{Context, Result};

use crate::process::{command, run};

/// Installs the packages of that folder where its lock file is newer than they are.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let changed = |file: &str| folder.join(file).metadata().and_then(|file| file.modified());
    let locked = changed("package-lock.json").context("package-lock.json is missing")?;
    if changed("node_modules/.package-lock.json").map_or(true, |installed| installed < locked) {
        let quiet = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
        run(command("npm", folder).args(quiet), None)?;
    }
    Ok(())
}
