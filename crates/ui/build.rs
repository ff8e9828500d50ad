//! Puts the dashboard's files where they are embedded from: those in `dist/` when they were built
//! from the sources as they are now, else freshly built ones. Nothing is written outside `OUT_DIR`.
//!
//! `FANFARE_UI=skip` leaves the dashboard out, and Node is not needed.

#[path = "src/sources.rs"]
mod sources;

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The switch, and its only value.
const SWITCH: &str = "FANFARE_UI";
const SKIP: &str = "skip";

/// Says in a build which sources it was made from.
const STAMP: &str = "stamp";
const LEFT_OUT: &str = include_str!("left-out.html");
const PAGES: [&str; 2] = ["index.html", "overlay.html"];

/// What the web build asks for: major and minor version.
const NODE_MIN: (u32, u32) = (20, 19);
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    println!("cargo::rerun-if-env-changed={SWITCH}");
    let package = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let embedded = out.join("dashboard");
    renew(&embedded)?;
    // Written here, since an attribute cannot name a folder by a variable.
    let folder = embedded.to_str().ok_or("OUT_DIR is no UTF-8")?;
    let embedding = format!("#[derive(rust_embed::Embed)]\n#[folder = {folder:?}]\nstruct Dashboard;\n");
    fs::write(out.join("dashboard.rs"), embedding)?;
    match env::var(SWITCH).unwrap_or_default().as_str() {
        SKIP => {
            for page in PAGES {
                fs::write(embedded.join(page), LEFT_OUT)?;
            }
            Ok(())
        }
        "" => {
            let web = package.join("web");
            watch(&web)?;
            embed(&web, &package.join("dist"), &out, &embedded)
        }
        other => Err(format!("{SWITCH} may only be {SKIP:?}, and is {other:?}").into()),
    }
}

/// Runs this again when a source changes. `dist/` need not be watched: the sources say all about it.
fn watch(web: &Path) -> Result<()> {
    for (name, path) in sources::entries(web)? {
        if sources::is_source(&name) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    Ok(())
}

/// Takes what was built before if it is up to date, else builds it.
fn embed(web: &Path, dist: &Path, out: &Path, embedded: &Path) -> Result<()> {
    let sources = sources::list(web)?;
    let stamp = sources::stamp(&sources)?;
    if fs::read_to_string(dist.join(STAMP)).is_ok_and(|of_dist| of_dist.trim() == stamp) {
        copy(&sources::list(dist)?, embedded)?;
    } else {
        find_node()?;
        let folder = out.join("web");
        renew(&folder)?;
        copy(&sources, &folder)?;
        // Packages that only the build needs are left out in a production environment otherwise.
        npm(&folder, embedded, &["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"])?;
        npm(&folder, embedded, &["run", "build"])?;
        fs::remove_dir_all(folder)?;
    }
    fs::remove_file(embedded.join(STAMP))?;
    for page in PAGES {
        if !embedded.join(page).is_file() {
            return Err(format!("the dashboard was built without {page}").into());
        }
    }
    Ok(())
}

/// An empty folder.
fn renew(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

fn copy(files: &[(String, PathBuf)], folder: &Path) -> io::Result<()> {
    for (name, path) in files {
        let target = folder.join(name);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(path, target)?;
    }
    Ok(())
}

fn find_node() -> Result<()> {
    let version = said(Command::new("node").arg("--version"));
    let numbers = |version: &String| {
        let mut numbers = version.trim_start_matches('v').split('.').map_while(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    let is_fit = version.as_ref().and_then(numbers).is_some_and(|numbers| numbers >= NODE_MIN);
    if is_fit && said(Command::new(NPM).arg("--version")).is_some() {
        return Ok(());
    }
    let found = match version {
        Some(version) if is_fit => format!("Node.js {version}, but no npm"),
        Some(version) => format!("Node.js {version}"),
        None => "no Node.js".to_owned(),
    };
    let (major, minor) = NODE_MIN;
    Err(format!(
        "the dashboard is built with Node.js {major}.{minor} or newer and npm; there is {found}.\n\
         Install it from https://nodejs.org, or build without the dashboard: {SWITCH}={SKIP} cargo build"
    )
    .into())
}

/// What a program says, if it is there and runs well.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn npm(folder: &Path, embedded: &Path, arguments: &[&str]) -> Result<()> {
    let mut npm = Command::new(NPM);
    npm.args(arguments).current_dir(folder).env("FANFARE_UI_OUT", embedded).env("NODE_ENV", "production");
    let output = npm.output()?;
    if output.status.success() {
        return Ok(());
    }
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let command = arguments.join(" ");
    Err(format!("npm {command}: {}\n{}\n{}", output.status, said.trim(), complained.trim()).into())
}
