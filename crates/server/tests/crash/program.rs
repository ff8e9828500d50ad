//! The real program on a folder and a database of its own: started, killed and asked to end.

use std::{
    fs::{File, OpenOptions},
    io,
    net::SocketAddr,
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use fanfare_store::{
    Location, Options,
    testing::{self, TestDatabase, Trail},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{plan::Database, time::within};

pub(crate) const ADMIN_KEY: &str = "the key of the crash harness";

/// How long a start may take, and how long an end after SIGTERM, in milliseconds: a guard against
/// hanging, never a measure of speed.
const PATIENCE_MS: u64 = 180_000;
/// What the server is told of that: even on a busy machine nothing is cut off.
const SHUTDOWN_DEADLINE_MS: &str = "120000";
/// Between two attempts of a delivery, in milliseconds: soon, and then as often as can be asked for. No
/// webhook is ever away for so long that they are used up.
const RETRY_SOON_MS: [&str; 2] = ["50", "100"];
const RETRY_MS: [&str; 48] = ["200"; 48];

/// Where a server lives, whichever process it is.
pub(crate) struct Home {
    folder: TempDir,
    database: Option<TestDatabase>,
}

/// A running process, killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Home {
    /// An empty one.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn new(database: Database) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fanfare-crash-").tempdir()?;
        Ok(Self { folder, database: (database == Database::Postgres).then(TestDatabase::postgres) })
    }

    /// What all processes have written to their standard error.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// Starts a process and does not wait for it.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn launch(&self) -> io::Result<Program> {
        let log: File = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.folder.path().join("data"))
            .env_clear()
            .env("FANFARE_ADMIN_KEY", ADMIN_KEY)
            .env("FANFARE_LOG", "warn")
            .env("FANFARE_SHUTDOWN_DEADLINE_MS", SHUTDOWN_DEADLINE_MS)
            .env("FANFARE_DELIVERY_RETRY_SCHEDULE_MS", [&RETRY_SOON_MS[..], &RETRY_MS].concat().join(","))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        if let Location::Postgres(url) = self.location() {
            command.env("FANFARE_DATABASE_URL", url);
        }
        let mut child = command.spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("standard output is not piped"))?;
        Ok(Program { child, output: BufReader::new(output).lines() })
    }

    /// What the database holds, while no server runs.
    pub(crate) async fn trail(&self) -> Trail {
        let options = Options {
            location: self.location(),
            durable: false,
            readers: 1,
            postgres_writers: 1,
            owner: "the crash harness".into(),
        };
        let (store, _commits) =
            fanfare_store::open(options, std::sync::Arc::new(|_| ())).expect("the server has left");
        let trail = store.read(testing::trail).await.expect("readable rows");
        store.close().await;
        trail
    }

    /// Leaves the folder where it is, for a look at it.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    fn location(&self) -> Location {
        match &self.database {
            Some(database) => database.location().clone(),
            None => Location::Sqlite(self.folder.path().join("data/fanfare.db")),
        }
    }
}

impl Program {
    /// Waits until it listens, and says where.
    ///
    /// # Errors
    /// In words: it ended, or took too long.
    pub(crate) async fn ready(&mut self) -> Result<SocketAddr, String> {
        let listening = async {
            while let Ok(Some(line)) = self.output.next_line().await {
                if let Some((_, addr)) = line.split_once("listening on http://") {
                    return addr.trim().parse().map_err(|_| format!("it says: {line}"));
                }
            }
            Err("it ended before it listened".to_owned())
        };
        let ready = within(PATIENCE_MS, listening).await;
        ready.unwrap_or_else(|| Err(format!("it does not listen after {PATIENCE_MS} ms")))
    }

    /// SIGKILL; returns when nothing is left of it.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("our own child can be killed");
    }

    /// SIGTERM; returns when it has ended.
    ///
    /// # Errors
    /// In words: it ended badly, or not at all.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        let pid = self.child.id().map(|pid| pid.to_string()).unwrap_or_default();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status().await;
        if !sent.as_ref().is_ok_and(ExitStatus::success) {
            return Err("the server had ended by itself".to_owned());
        }
        match within(PATIENCE_MS, self.child.wait()).await {
            Some(Ok(status)) if status.success() => Ok(()),
            Some(Ok(status)) => Err(format!("after SIGTERM: {status}")),
            Some(Err(error)) => Err(error.to_string()),
            None => Err(format!("it still runs {PATIENCE_MS} ms after SIGTERM")),
        }
    }
}
