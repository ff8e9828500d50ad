//! A server, and the program run beside it.

use std::process::Stdio;

use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

use super::{Process, Run, soon};

/// A server in `data` below a folder, and the program run in that folder: nothing but the secret in
/// the data folder says who asks.
pub(crate) struct Machine {
    pub(crate) server: Process,
    pub(crate) folder: TempDir,
}

impl Machine {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = Process::start(&folder.path().join("data"), &[]).await;
        Self { server, folder }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[], "").await
    }

    pub(crate) async fn run_with(
        &self,
        arguments: &[&str],
        environment: &[(&str, &str)],
        input: &str,
    ) -> Run {
        let server = format!("http://{}", self.server.addr());
        let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("FANFARE_SERVER", server)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program runs");
        let mut stdin = child.stdin.take().expect("piped");
        // A program that does not read its input may be gone by now.
        stdin.write_all(input.as_bytes()).await.ok();
        drop(stdin);
        let output = soon("the end of the program", child.wait_with_output()).await.expect("it ran");
        output.into()
    }
}
