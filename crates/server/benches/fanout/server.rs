//! The servers that are compared, each a process of its own.

use std::{net::SocketAddr, path::PathBuf};

use clap::ValueEnum;
use tempfile::TempDir;

use crate::{
    plan::Load,
    process::Process,
    publisher::{APP, Api, Publisher},
    shared::program::{self, CpuTime, Program},
};

/// Where the benchmark command installs Bun.
const BUN: &str = "benches/fanout/bun";

/// Connections besides those of the load client.
const OTHER_CONNECTIONS: u32 = 16;

/// Lifts the limits that a load like this meets.
const SETTINGS: &[(&str, &str)] = &[
    ("FANFARE_APP", APP),
    ("FANFARE_CHANNELS_MESSAGES_PER_SECOND", "0"),
    ("FANFARE_CHANNELS_DATA_MAX_BYTES", "131072"),
];

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The program under test.
    Fanfare,
    /// A server of our own on Bun.
    Bun,
    /// The raw loop with one write for each message and socket.
    RawEach,
    /// The raw loop with what waits for a socket in one write.
    RawTogether,
    /// The same, published to over HTTP, one request after another, as a server is.
    RawFed,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fanfare => "Fanfare",
            Self::Bun => "Bun",
            Self::RawEach => "raw loop, a write each",
            Self::RawTogether => "raw loop, coalesced",
            Self::RawFed => "raw loop, coalesced, over HTTP",
        }
    }

    /// Whether it can be started here.
    pub(crate) fn is_here(self) -> bool {
        self != Self::Bun || bun().is_file()
    }
}

fn bun() -> PathBuf {
    folder().join("node_modules/.bin/bun")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(BUN)
}

/// A running one.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    running: Running,
}

enum Running {
    Fanfare {
        program: Program,
        publisher: Publisher,
        _data: TempDir,
    },
    /// A process that the requests of the Bun server are sent to.
    Plain {
        process: Process,
        publisher: Publisher,
    },
    Raw(Process),
}

impl Server {
    /// Starts one that so many will connect to.
    pub(crate) async fn start(kind: Kind, connections: u32) -> Self {
        match kind {
            Kind::Fanfare => {
                let data = program::folder();
                let most = (connections + OTHER_CONNECTIONS).to_string();
                let mut settings = SETTINGS.to_vec();
                settings.push(("FANFARE_HTTP_CONNECTIONS_MAX", &most));
                let program = Program::start(&data.path().join("data"), &settings).await;
                let publisher = Publisher::open(program.addr, Api::Pusher).await;
                Self { addr: program.addr, running: Running::Fanfare { program, publisher, _data: data } }
            }
            Kind::Bun => {
                let script = folder().join("server.ts");
                let mut process = Process::start(&bun(), &["run", script.to_str().expect("a readable path")]);
                let addr = process.listens().await;
                let publisher = Publisher::open(addr, Api::Plain).await;
                Self { addr, running: Running::Plain { process, publisher } }
            }
            Kind::RawFed => {
                let mut process = Process::of_this(&["--raw=fed"]);
                let addr = process.listens().await;
                let publisher = Publisher::open(process.listens().await, Api::Plain).await;
                Self { addr, running: Running::Plain { process, publisher } }
            }
            Kind::RawEach | Kind::RawTogether => {
                let role = if kind == Kind::RawEach { "--raw=each" } else { "--raw=together" };
                let mut process = Process::of_this(&[role]);
                let addr = process.listens().await;
                Self { addr, running: Running::Raw(process) }
            }
        }
    }

    fn pid(&self) -> u32 {
        match &self.running {
            Running::Fanfare { program, .. } => program.pid(),
            Running::Plain { process, .. } | Running::Raw(process) => process.pid(),
        }
    }

    pub(crate) fn cpu_time(&self) -> CpuTime {
        CpuTime::of(self.pid())
    }

    /// Its resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Publishes a load; returns once the last message is out.
    pub(crate) async fn publish(&mut self, load: &Load) {
        match &mut self.running {
            Running::Fanfare { publisher, .. } | Running::Plain { publisher, .. } => {
                publisher.publish(load).await;
            }
            Running::Raw(process) => {
                process.tell(load).await;
                assert_eq!(process.line().await, "published");
            }
        }
    }

    pub(crate) async fn stop(self) {
        match self.running {
            Running::Fanfare { program, .. } => program.stop().await,
            Running::Plain { process, .. } | Running::Raw(process) => process.stop().await,
        }
    }
}
