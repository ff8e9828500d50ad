//! The real program as a process of its own, which can be killed.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{Client, soon};

/// A running `fanfare serve`; it is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    _stdout: Lines<BufReader<ChildStdout>>,
    addr: SocketAddr,
}

impl Process {
    pub(crate) const ADMIN_KEY: &str = "the key of the tests";

    /// Starts the program on a data folder and a free port, and waits until it listens.
    pub(crate) async fn start(data: &Path, envs: &[(&str, &str)]) -> Self {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), data, envs).await
    }

    /// The same on an address that an earlier one may have had.
    pub(crate) async fn start_on(addr: SocketAddr, data: &Path, envs: &[(&str, &str)]) -> Self {
        Self::serve(Command::new(env!("CARGO_BIN_EXE_fanfare")), addr, data, envs).await
    }

    /// Starts the program on a free port from a shell script, which ends with `exec "$@"`.
    pub(crate) async fn start_in(script: &str, data: &Path) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_fanfare")]);
        Self::serve(shell, SocketAddr::from(([127, 0, 0, 1], 0)), data, &[]).await
    }

    async fn serve(mut command: Command, addr: SocketAddr, data: &Path, envs: &[(&str, &str)]) -> Self {
        let mut child = command
            .args(["serve", "--listen", &addr.to_string(), "--data"])
            .arg(data)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FANFARE_ADMIN_KEY", Self::ADMIN_KEY)
            .envs(envs.iter().copied())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
        let addr = soon("the address", async {
            loop {
                let line = stdout.next_line().await.expect("readable").expect("the program goes on");
                if let Some((_, url)) = line.split_once("listening on http://") {
                    return url.trim().parse().expect("an address");
                }
            }
        })
        .await;
        Self { child, _stdout: stdout, addr }
    }

    pub(crate) async fn host(&self) -> Client {
        Client::stranger(self.addr).sign_in(Self::ADMIN_KEY).await
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("running")
    }

    /// Where the process sees this absolute path, which it may have mounted something on.
    pub(crate) fn sees(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.id())).join(below)
    }

    /// SIGKILL, and nothing of it is left.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    /// Sends a signal by name.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("running").to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().await.expect("kill runs");
        assert!(status.success());
    }

    /// Waits for its end; the exit code, if it was not killed.
    pub(crate) async fn end(mut self) -> Option<i32> {
        soon("the end of the program", self.child.wait()).await.expect("waited").code()
    }
}
