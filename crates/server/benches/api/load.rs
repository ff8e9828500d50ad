//! The client: a few connections, each with one request under way. It reads the status and the length
//! of an answer and nothing else, since it lives on the processors of the server that it measures.

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{server::Server, targets::Target};

/// The status that every path answers with when nothing is wrong.
const OK: u16 = 200;
/// Requests that each connection makes before the turn counts.
const WARM_UP_REQUESTS: usize = 50;

/// What one turn showed.
pub(crate) struct Turn {
    took: Duration,
    server_cpu: Duration,
    latencies: Vec<Duration>,
    /// A status that was not hoped for, if there was one.
    pub(crate) refused: Option<u16>,
}

impl Turn {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.latencies.len()) / self.took.as_secs_f64()
    }

    /// The latency that so many of a hundred requests did not exceed.
    pub(crate) fn percentile_ms(&mut self, percent: usize) -> f64 {
        self.latencies.sort_unstable();
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }

    /// Processor time that the server took for a request, whatever for.
    pub(crate) fn server_micros_per_request(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / count(self.latencies.len())
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a benchmark's number"))
}

/// Keeps all connections busy for `length`.
#[expect(clippy::disallowed_methods, reason = "it measures")]
pub(crate) async fn run(server: &Server, target: &mut Target, connections: usize, length: Duration) -> Turn {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(server.addr).await);
    }
    let target = RefCell::new(target);
    let refused = RefCell::new(None);
    let one = async |connection: &mut Connection| {
        target.borrow_mut().write(&server.scene, &mut connection.request);
        let answered = connection.exchange().await.expect("the server goes on");
        if answered != OK {
            *refused.borrow_mut() = Some(answered);
        }
        answered == OK
    };
    let warm_up = async |connection: &mut Connection| {
        for _ in 0..WARM_UP_REQUESTS {
            if !one(connection).await {
                return;
            }
        }
    };
    join_all(open.iter_mut().map(warm_up)).await;
    let (started, cpu_before) = (Instant::now(), server.cpu_time());
    let busy = async |connection: &mut Connection| {
        let mut latencies = Vec::new();
        loop {
            let asked = Instant::now();
            if asked.duration_since(started) >= length || refused.borrow().is_some() {
                return latencies;
            }
            one(connection).await;
            latencies.push(asked.elapsed());
        }
    };
    let latencies = join_all(open.iter_mut().map(busy)).await.concat();
    let (took, server_cpu) = (started.elapsed(), server.cpu_time().saturating_sub(cpu_before));
    Turn { took, server_cpu, latencies, refused: refused.take() }
}

/// A connection that stays open.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What is sent by [`Connection::exchange`].
    pub(crate) request: String,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, request: String::new(), buffer: Vec::with_capacity(64 << 10) }
    }

    /// Sends the request and reads the answer to its end; returns the status.
    pub(crate) async fn exchange(&mut self) -> io::Result<u16> {
        self.stream.write_all(self.request.as_bytes()).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, length)) = parse(&self.buffer)
                && self.buffer.len() >= length
            {
                return Ok(status);
            }
        }
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        head_bytes(&self.buffer).map_or(&[], |head| &self.buffer[head..])
    }
}

/// Status and whole length of an answer whose head is complete.
fn parse(answer: &[u8]) -> Option<(u16, usize)> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let head = head_bytes(answer)?;
    let digits = |at: usize| answer[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let number = |at: usize| digits(at).fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    let length = answer[..head].windows(LENGTH.len()).position(|window| window == LENGTH);
    let length = length.map_or(0, |at| number(at + LENGTH.len()));
    Some((u16::try_from(number(b"HTTP/1.1 ".len())).ok()?, head + length))
}

fn head_bytes(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}
