//! A program in Node, from the folder `tests/node`.

use std::process::Stdio;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::soon;

/// A running script that prints JSON lines; it is killed when it is dropped.
pub(crate) struct Node {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Node {
    pub(crate) fn start(script: &str, args: &[&str]) -> Self {
        let mut child = Command::new("node")
            .arg(script)
            .args(args)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node 20 or newer is there");
        let input = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, input, lines }
    }

    /// Its next line.
    pub(crate) async fn next(&mut self) -> Value {
        let line = soon("a line from Node", self.lines.next_line()).await.expect("readable");
        serde_json::from_str(&line.expect("Node goes on; `cargo xtask test` installs its packages"))
            .expect("JSON")
    }

    /// Gives it a command, for scripts that take some.
    pub(crate) async fn say(&mut self, command: &Value) {
        let line = format!("{command}\n");
        soon("a command being taken", self.input.write_all(line.as_bytes())).await.expect("Node goes on");
    }

    /// Closes its input, after which it ends by itself and well.
    pub(crate) async fn end(mut self) {
        drop(self.input);
        let status = soon("the end of a script", self.child.wait()).await.expect("waited");
        assert!(status.success(), "{status}");
    }
}
