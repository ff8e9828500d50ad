//! Processes that say a line at a time what they do, and are told what to do in the same way.

use std::{net::SocketAddr, path::Path, process::Stdio};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// A process that ends when this is dropped.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// This program again, in another role.
    pub(crate) fn of_this(arguments: &[&str]) -> Self {
        let this = std::env::current_exe().expect("this program has a path");
        Self::start(&this, arguments)
    }

    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, input, output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("running")
    }

    /// The next line that it says.
    pub(crate) async fn line(&mut self) -> String {
        self.output.next_line().await.expect("readable").expect("the process goes on")
    }

    /// The next thing that it says.
    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> T {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Where it listens, which it says first.
    pub(crate) async fn listens(&mut self) -> SocketAddr {
        let line = self.line().await;
        let addr = line.strip_prefix("listening on http://").and_then(|addr| addr.parse().ok());
        addr.unwrap_or_else(|| panic!("no address: {line}"))
    }

    /// Tells it something.
    pub(crate) async fn tell(&mut self, what: &impl Serialize) {
        let line = serde_json::to_string(what).expect("JSON") + "\n";
        self.input.write_all(line.as_bytes()).await.expect("the process goes on");
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn stop(mut self) {
        self.child.kill().await.expect("killed");
    }
}
