//! Stops what was started, however this program ends.
//!
//! A guard is a small shell that waits for its standard input to close, then cleans up. The input
//! closes when the guard is dropped, and just as well when this program is killed, so there is one
//! way to stop and no signal handler. The shell is in a process group of its own: a Ctrl-C in the
//! terminal ends the commands at once, and the guard after them in order.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context, Result};

/// Reads process ids, an empty line meaning none; at the end of input ends the last one, then the
/// PostgreSQL whose data is in `$1/data`, then removes `$1`. The data is thrown away, so the
/// server need not write anything more: QUIT. Waits for it 10 s at most.
const SCRIPT: &str = r#"
while read -r line; do running=$line; done
[ -z "$running" ] || kill -TERM "$running" 2>/dev/null
if read -r server <"$1/data/postmaster.pid"; then
    kill -QUIT "$server"
    tries=0
    while kill -0 "$server" && [ $tries -lt 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
fi 2>/dev/null
rm -rf "$1"
"#;

/// Owns a folder and the PostgreSQL in it.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    /// Closing it sets the guard off. Written by whoever runs a command.
    pipe: Mutex<Option<ChildStdin>>,
}

impl Guard {
    /// From now on `folder` is removed at the end.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard"])
            .arg(folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot run sh")?;
        let pipe = Mutex::new(shell.stdin.take());
        Ok(Self { shell, pipe })
    }

    /// Names the process to end should this program be killed, or none.
    pub(crate) fn watch(&self, process: Option<u32>) {
        let line = process.map_or_else(String::new, |id| id.to_string());
        let mut pipe = self.pipe.lock().expect("nothing panics while it holds the pipe");
        if let Some(pipe) = pipe.as_mut() {
            // A guard that is gone cannot be told anything; the command goes on without it.
            let _ = writeln!(pipe, "{line}");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Ok(mut pipe) = self.pipe.lock() {
            pipe.take();
        }
        let _ = self.shell.wait();
    }
}
