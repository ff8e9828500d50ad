//! The dashboard: building it, checking its sources, and driving it with a browser.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{
    needs, node,
    process::{built, command, read, run},
};

const WEB: &str = "crates/ui/web";

/// Installs the packages and builds `crates/ui/dist`, which the crate embeds instead of building it itself.
pub(crate) fn build(root: &Path) -> Result<()> {
    let web = root.join(WEB);
    node::install(&web)?;
    read(command("npm", &web).args(["run", "build"]))?;
    Ok(())
}

/// Types of everything, and whether those of the API are made from `openapi.json` as it is.
pub(crate) fn check(root: &Path) -> Result<()> {
    for script in ["check", "types:check"] {
        read(command("npm", &root.join(WEB)).args(["run", script]))?;
    }
    Ok(())
}

/// The tests in a browser, against the program that the tests have built.
pub(crate) fn browse(root: &Path) -> Result<()> {
    let chromium = needs::chromium().context("there is no Chromium")?;
    let program = built(root)?;
    let evidence = program.with_file_name("browser");
    let mut tests = command("npm", &root.join(WEB));
    tests.args(["run", "--silent", "test:browser"]);
    tests.envs([("CHROMIUM", chromium), ("FANFARE_PROGRAM", program), ("FANFARE_EVIDENCE", evidence)]);
    run(&mut tests, None)
}
