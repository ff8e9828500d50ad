//! A PostgreSQL server of our own in a temporary folder, stopped and removed with its value.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    guard::Guard,
    needs,
    process::{command, read, run},
    tls,
};

/// Where the tests find the server: a URL of its superuser's own database.
const URL: &str = "FANFARE_TEST_POSTGRES";
/// The file that vouches for the server's certificate, whose name is `localhost`.
const CA: &str = "FANFARE_TEST_POSTGRES_CA";

const CONNECTIONS_MAX: u32 = 200;
/// Somebody else may take the port between our finding it free and the server's start.
const PORT_TRIES: u32 = 3;

/// Whether a commit reaches the disk before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// As in production: for benchmarks.
    Synced,
    /// Faster, and lost with the machine: for tests.
    Unsynced,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    guard: Guard,
    folder: PathBuf,
    port: u16,
}

/// The user the server runs as, when it cannot be the one who runs this program.
#[derive(Debug, Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Server {
    /// Starts one on a free port of 127.0.0.1. As root the server runs as the user `postgres`.
    pub(crate) fn start(durability: Durability) -> Result<Self> {
        let bin = needs::postgres_bin().context("PostgreSQL's server programs are not installed")?;
        let account = if needs::root()? { Some(Account::postgres()?) } else { None };
        let temporary = tempfile::Builder::new().prefix("fanfare-postgres-").tempdir()?;
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o700))?;
        let guard = Guard::new(temporary.path())?;
        let folder = temporary.keep();
        if let Some(account) = account {
            chown(&folder, Some(account.uid), Some(account.gid))?;
        }
        let program = |path: &Path| {
            let mut program = command(&path.to_string_lossy(), &folder);
            program.env("LC_ALL", "C");
            if let Some(account) = account {
                program.uid(account.uid).gid(account.gid);
            }
            program
        };
        let initdb =
            ["-D", "data", "-U", "postgres", "-E", "UTF8", "--no-locale", "-A", "trust", "--no-sync"];
        read(program(&bin.join("initdb")).args(initdb)).context("cannot create a database cluster")?;
        tls::generate(&folder, |arguments| {
            let mut openssl = program(Path::new("openssl"));
            openssl.args(arguments.split_whitespace());
            openssl
        })?;
        let port = launch(&folder, durability, || program(&bin.join("pg_ctl")))?;
        Ok(Self { guard, folder, port })
    }

    /// Tells `command` where the server is.
    pub(crate) fn announce(&self, command: &mut Command) {
        command
            .env(URL, format!("postgres://postgres@127.0.0.1:{}/postgres", self.port))
            .env(CA, self.folder.join("ca.pem"));
    }

    /// Ends a running command should this program be killed.
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Account {
    fn postgres() -> Result<Self> {
        let ask = |what| -> Result<u32> {
            let id = read(command("id", Path::new("/")).args([what, "postgres"]))
                .context("PostgreSQL refuses to run as root, and there is no user postgres")?;
            id.parse().with_context(|| format!("id answered {id}"))
        };
        Ok(Self { uid: ask("-u")?, gid: ask("-g")? })
    }
}

/// Configures and starts the server; returns its port.
fn launch(folder: &Path, durability: Durability, pg_ctl: impl Fn() -> Command) -> Result<u16> {
    let settings = folder.join("data/postgresql.conf");
    let defaults = fs::read_to_string(&settings)?;
    let mut failure = None;
    for _ in 0..PORT_TRIES {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        fs::write(&settings, format!("{defaults}\n{}", configuration(folder, durability, port)))?;
        match read(pg_ctl().args(["-D", "data", "-l", "server.log", "-w", "-t", "60", "start"])) {
            Ok(_) => return Ok(port),
            Err(error) => failure = Some(error),
        }
    }
    let log = fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    let Some(failure) = failure else { bail!("no port was tried") };
    Err(failure.context(format!("PostgreSQL does not start:\n{log}")))
}

fn configuration(folder: &Path, durability: Durability, port: u16) -> String {
    let folder = folder.display();
    let durability = match durability {
        Durability::Synced => "",
        Durability::Unsynced => "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n",
    };
    format!(
        "{durability}listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
max_connections = {CONNECTIONS_MAX}
log_min_messages = warning
ssl = on
ssl_cert_file = '{folder}/server.pem'
ssl_key_file = '{folder}/server.key'
"
    )
}

/// Runs a command with a server, in the folder where we are.
pub(crate) fn run_with(durable: bool, words: &[String]) -> Result<()> {
    needs::ensure()?;
    let folder = std::env::current_dir()?;
    let server = Server::start(if durable { Durability::Synced } else { Durability::Unsynced })?;
    let (program, arguments) = words.split_first().context("no command")?;
    let mut command = command(program, &folder);
    command.args(arguments).stdin(std::process::Stdio::inherit());
    server.announce(&mut command);
    run(&mut command, Some(server.guard()))
}
