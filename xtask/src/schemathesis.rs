//! Lets Schemathesis loose on a running server: requests drawn from the API's own description, right
//! ones and wrong ones, and every answer held against it. What is asked of it stands here; what the
//! description cannot say stands in its configuration.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::{
    guard::Guard,
    process::{built, command, read, works},
};

/// The tool's configuration, and its packages with exact versions.
const FOLDER: &str = "crates/server/tests/schemathesis";
/// The one of the description's example, so that the tool can sign in.
const KEY: &str = "the admin key";

/// The same requests in the same order each time. All checks are on unless the configuration says
/// otherwise; an argument for them would outweigh it.
const ARGUMENTS: &[&str] = &[
    // In place of a seed.
    "--generation-deterministic",
    // U+0000 is refused in every body, which a schema cannot say of names and nested values.
    "--generation-allow-x00=false",
    "--max-examples=100",
    // A hang is a finding too.
    "--request-timeout=10",
    "--warnings=off",
];

/// Installs the tool where it is missing or old, starts the server and runs the tool.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tool = install(root)?;
    let program = built(root)?;
    let server = Server::start(&program)?;
    let token = server.sign_in()?;
    let mut fuzz = command(&tool.to_string_lossy(), root);
    fuzz.arg("--no-color").arg("--config-file").arg(root.join(FOLDER).join("schemathesis.toml"));
    fuzz.args(["run", &format!("http://{}/openapi.json", server.address)]).args(ARGUMENTS);
    fuzz.env("SCHEMATHESIS_HOOKS", root.join(FOLDER).join("hooks.py"));
    // It remembers failures where it runs, and would begin with those the next time.
    fuzz.current_dir(&server.folder);
    // For the requests of the hooks.
    fuzz.env("FANFARE_TOKEN", &token);
    fuzz.args(["--header", &format!("Authorization: Bearer {token}")]);
    let report = read(&mut fuzz)?;
    println!("{}", summary(&report));
    Ok(())
}

/// The end of what the tool says: what was tested, and how much.
fn summary(report: &str) -> String {
    let end = report.rfind("Test cases:").map_or(report, |at| &report[at..]);
    let lines = end.lines().map(|line| line.trim_matches(['=', ' '])).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// A virtual environment with exactly the packages of the list; it is made anew when the list changes.
fn install(root: &Path) -> Result<PathBuf> {
    let wanted_file = root.join(FOLDER).join("requirements.txt");
    let wanted = std::fs::read_to_string(&wanted_file).context("the list of packages is missing")?;
    let target = env::current_exe()?;
    let target = target.ancestors().nth(2).context("this program lies in the target folder")?;
    let folder = target.join("schemathesis");
    let (tool, installed) = (folder.join("bin/schemathesis"), folder.join("installed.txt"));
    if std::fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted)
        && works(command(&tool.to_string_lossy(), root).arg("--version"))
    {
        return Ok(tool);
    }
    read(command("python3", root).args(["-m", "venv", "--clear"]).arg(&folder))?;
    let quiet = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    read(command(&folder.join("bin/python").to_string_lossy(), root).args(quiet).arg(&wanted_file))?;
    std::fs::write(installed, wanted)?;
    Ok(tool)
}

/// A server with an empty data folder of its own.
struct Server {
    child: Child,
    address: String,
    /// Removed with the server.
    folder: PathBuf,
    _guard: Guard,
}

impl Server {
    fn start(program: &Path) -> Result<Self> {
        let folder = TempDir::with_prefix("fanfare-fuzzed-")?;
        let guard = Guard::new(folder.path())?;
        let folder = folder.keep();
        let mut serve = Command::new(program);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
        serve.current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        serve.env_clear().envs([
            ("FANFARE_ADMIN_KEY", KEY),
            ("FANFARE_DATABASE_DURABLE", "false"),
            // The tool makes webhooks with made-up hosts: nothing is said to them twice, and next to
            // none can be reached at all in this time.
            ("FANFARE_DELIVERY_RETRY_SCHEDULE_MS", ""),
            ("FANFARE_DELIVERY_TIMEOUT_MS", "10"),
        ]);
        let mut child = serve.spawn().with_context(|| format!("cannot run {}", program.display()))?;
        guard.watch(Some(child.id()));
        let lines = BufReader::new(child.stdout.take().context("standard output is piped")?).lines();
        let addresses = lines.map_while(Result::ok).filter_map(|line| {
            line.split_once("listening on http://").map(|(_, address)| address.trim().to_owned())
        });
        let address = addresses.into_iter().next();
        let server = Self { child, address: address.unwrap_or_default(), folder, _guard: guard };
        ensure!(!server.address.is_empty(), "the server did not start");
        Ok(server)
    }

    /// A token for the admin key.
    fn sign_in(&self) -> Result<String> {
        let body = format!("{{\"key\":\"{KEY}\"}}");
        let mut stream = TcpStream::connect(&self.address)?;
        write!(
            stream,
            "POST /api/auth/login HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let token = answer.split_once("\"token\":\"").and_then(|(_, rest)| rest.split('"').next());
        match token {
            Some(token) => Ok(token.to_owned()),
            None => bail!("signing in was answered: {answer}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
