//! The standard input of a process that also waits for sockets: a thread of its own reads it.

use std::sync::mpsc::{self, Receiver};

use mio::{Poll, Token, Waker};
use serde::de::DeserializeOwned;

/// The token under which a poll says that something was said.
pub(crate) const SAID: Token = Token(usize::MAX);

/// What the benchmark says to this process.
pub(crate) struct Control<T>(Receiver<T>);

impl<T: DeserializeOwned + Send + 'static> Control<T> {
    /// Listens, and wakes the poll for each line. The process ends with its input, which ends with the
    /// process that started it.
    pub(crate) fn listen(poll: &Poll) -> Self {
        let waker = Waker::new(poll.registry(), SAID).expect("a waker");
        let (said, heard) = mpsc::channel();
        let listen = move || {
            for line in std::io::stdin().lines() {
                let line = line.expect("readable");
                said.send(serde_json::from_str(&line).expect("what this process understands"))
                    .expect("heard");
                waker.wake().expect("awake");
            }
            std::process::exit(0);
        };
        std::thread::Builder::new().name("control".to_owned()).spawn(listen).expect("a thread");
        Self(heard)
    }

    /// What was said and not yet taken.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.try_recv().ok()
    }
}
