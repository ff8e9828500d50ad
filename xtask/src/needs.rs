//! Finds what the other commands need, and installs it where that is possible.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::process::{command, read, run, works};

/// Major and minor version.
const NODE_MIN: (u32, u32) = (20, 19);

/// Read by Debian's scripts when a server package is installed: without it they would create a
/// cluster and start it.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/no-main-cluster.conf";

/// The folder of PostgreSQL's server programs: that on the path, else the newest one where Debian
/// puts them. `None` when there is no server.
pub(crate) fn postgres_bin() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let complete = |folder: &PathBuf| {
        ["initdb", "pg_ctl", "postgres"].iter().all(|program| folder.join(program).is_file())
    };
    env::split_paths(&path).find(complete).or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let major =
            |folder: &PathBuf| -> Option<u32> { folder.parent()?.file_name()?.to_str()?.parse().ok() };
        versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).filter(complete).max_by_key(major)
    })
}

/// A Chromium, or what is built from it: that of `CHROMIUM`, else the first on the path. `None` when
/// there is none.
pub(crate) fn chromium() -> Option<PathBuf> {
    if let Some(chosen) = env::var_os("CHROMIUM") {
        return Some(chosen.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let places = env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Whether this program runs as root.
pub(crate) fn root() -> Result<bool> {
    Ok(read(command("id", Path::new("/")).arg("-u"))? == "0")
}

/// Makes sure that everything is there: installs what it may, else says what is missing and how
/// to get it.
pub(crate) fn ensure() -> Result<()> {
    node()?;
    let here = Path::new("/");
    let missing = || {
        let postgres = postgres_bin().is_none().then_some("postgresql");
        let openssl = (!works(command("openssl", here).arg("version"))).then_some("openssl");
        let curl = (!works(command("curl", here).arg("--version"))).then_some("curl");
        let has_venv = works(command("python3", here).args(["-c", "import ensurepip, venv"]));
        let venv = (!has_venv).then_some("python3-venv");
        let chromium = chromium().is_none().then_some("chromium");
        postgres.into_iter().chain(openssl).chain(curl).chain(venv).chain(chromium).collect::<Vec<_>>()
    };
    let wanted = missing();
    if wanted.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", wanted.join(" "));
    if !root()? || !works(command("apt-get", here).arg("--version")) {
        bail!(
            "missing: {} (of PostgreSQL the server). On Debian or Ubuntu install it with: sudo {by_hand}",
            wanted.join(", ")
        );
    }
    install(&wanted)?;
    let still = missing();
    if !still.is_empty() {
        bail!("{by_hand} went well, but this is still missing: {}", still.join(", "));
    }
    Ok(())
}

fn node() -> Result<()> {
    let (major, minor) = NODE_MIN;
    let advice = format!("Node.js {major}.{minor} or newer with npm is needed: https://nodejs.org");
    let here = Path::new("/");
    let version = read(command("node", here).arg("--version")).with_context(|| advice.clone())?;
    let mut numbers = version.trim_start_matches('v').split('.').map_while(|number| number.parse().ok());
    let found = numbers.next().zip(numbers.next());
    if found.is_none_or(|found| found < NODE_MIN) {
        bail!("{advice} (found {version})");
    }
    read(command("npm", here).arg("--version")).with_context(|| advice)?;
    Ok(())
}

fn install(packages: &[&str]) -> Result<()> {
    println!("installing {}", packages.join(", "));
    let apt = || {
        let mut apt = command("apt-get", Path::new("/"));
        apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        apt
    };
    let _no_cluster = NoCluster::new()?;
    run(apt().arg("update"), None)?;
    let options = ["install", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"];
    run(apt().args(options).args(packages), None)
}

/// Keeps Debian from creating and starting a cluster while packages are installed.
struct NoCluster;

impl NoCluster {
    fn new() -> Result<Self> {
        let folder = Path::new(NO_CLUSTER).parent().context("the file has a folder")?;
        fs::create_dir_all(folder)?;
        fs::write(NO_CLUSTER, "create_main_cluster = false\n")?;
        Ok(Self)
    }
}

impl Drop for NoCluster {
    fn drop(&mut self) {
        let _ = fs::remove_file(NO_CLUSTER);
    }
}
