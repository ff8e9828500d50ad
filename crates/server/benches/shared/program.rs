//! The program under test, a process of its own.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::connection::Connection;

const ADMIN_KEY: &str = "the key of the benchmark";
/// In which Linux counts the processor time of a process (`USER_HZ`, see proc(5)).
const CLOCK_TICKS_PER_S: u64 = 100;

/// A folder on the disk that is measured: in the target folder, or where `FANFARE_BENCH_FOLDER` says.
pub(crate) fn folder() -> TempDir {
    let place = std::env::var("FANFARE_BENCH_FOLDER").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").into());
    tempfile::tempdir_in(PathBuf::from(place)).expect("a temporary folder")
}

/// A running server.
pub(crate) struct Program {
    pub(crate) addr: SocketAddr,
    child: Child,
    _output: Lines<BufReader<ChildStdout>>,
}

/// Processor time of a process so far, in steps of 10 ms; zero where there is no `/proc`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CpuTime {
    /// In its own code.
    pub(crate) user: Duration,
    /// In the kernel on its behalf.
    pub(crate) system: Duration,
}

impl CpuTime {
    /// Of the process with that id.
    pub(crate) fn of(pid: u32) -> Self {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // utime and stime are the 12th and 13th fields after the name, which ends with the last `)`.
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
        let mut ticks = fields.skip(11).filter_map(|field| field.parse::<u64>().ok());
        let mut next = || Duration::from_millis(ticks.next().unwrap_or(0) * 1_000 / CLOCK_TICKS_PER_S);
        Self { user: next(), system: next() }
    }

    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        let Self { user, system } = self;
        Self { user: user.saturating_sub(earlier.user), system: system.saturating_sub(earlier.system) }
    }

    pub(crate) fn total(self) -> Duration {
        self.user + self.system
    }
}

impl Program {
    /// Starts one that keeps its data in `data`, with these settings in its environment besides the
    /// benchmark's own; returns once it listens.
    pub(crate) async fn start(data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env_clear()
            .envs([("FANFARE_ADMIN_KEY", ADMIN_KEY), ("FANFARE_DELIVERY_EGRESS_ALLOW", "127.0.0.0/8")])
            .env("FANFARE_LOG", "warn")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let addr = loop {
            let line = output.next_line().await.expect("readable").expect("the program goes on");
            if let Some((_, url)) = line.split_once("listening on http://") {
                break url.trim().parse().expect("an address");
            }
        };
        Self { addr, child, _output: output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("running")
    }

    /// A host's token.
    pub(crate) async fn sign_in(&self) -> String {
        let body = json!({ "key": ADMIN_KEY }).to_string();
        let signed_in = Connection::open(self.addr).await.ask("POST /api/auth/login", "", &body).await;
        signed_in["token"].as_str().expect("a token").to_owned()
    }

    /// Kills it, as a crash would.
    pub(crate) async fn stop(mut self) {
        self.child.kill().await.expect("killed");
    }
}
