//! The receiving process as the benchmark has it.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
};

use crate::{
    clock,
    receiver::Receipt,
    shared::{
        connection::{self, Connection},
        program::CpuTime,
    },
};

/// A receiver; it ends when this is dropped.
pub(crate) struct Ears {
    pub(crate) addr: SocketAddr,
    child: Child,
    _end: ChildStdin,
}

impl Ears {
    pub(crate) async fn open() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.arg("--receive").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("this program starts");
        let end = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = output.next_line().await.expect("readable").expect("it says where it receives");
        Self { addr: line.parse().expect("an address"), child, _end: end }
    }

    /// The URL of the webhook with that number.
    pub(crate) fn hook(&self, number: u32) -> String {
        format!("http://{}/hook/{number}", self.addr)
    }

    /// A URL that takes requests and never answers.
    pub(crate) fn hang(&self) -> String {
        format!("http://{}/hang", self.addr)
    }

    /// Waits until so many deliveries have come since they were last taken, but not forever; says
    /// whether they have.
    pub(crate) async fn wait_for(&self, count: usize, at_most: Duration) -> bool {
        clock::at_most(at_most, self.control(&format!("wait/{count}"))).await.is_some()
    }

    /// What has come since this was last asked.
    pub(crate) async fn take(&self) -> Vec<Receipt> {
        Receipt::read_all(&self.control("take").await)
    }

    /// The last delivery, byte for byte.
    pub(crate) async fn last(&self) -> String {
        String::from_utf8(self.control("last").await).expect("deliveries are UTF-8")
    }

    pub(crate) fn cpu_time(&self) -> CpuTime {
        CpuTime::of(self.child.id().expect("running"))
    }

    async fn control(&self, what: &str) -> Vec<u8> {
        let mut connection = Connection::open(self.addr).await;
        connection::head(&mut connection.request, &format!("GET /control/{what}"), "", "");
        connection.exchange().await.expect("the receiver goes on");
        connection.body().to_vec()
    }
}
