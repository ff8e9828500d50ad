//! The receiving process: it answers every request with 200 and remembers when it came, as cheaply as
//! it can, since it lives on the processors of the server that is measured.
//!
//! `/hook/{number}` is a webhook's URL and `/hang` one that never answers; `/control/…` is for the
//! benchmark, see [`crate::ears`].

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
};

use crate::clock;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// What the number of an event stands behind in a body.
const NUMBER: &[u8] = b"\"data\":{\"n\":";

/// What came in since it was last taken.
#[derive(Default)]
struct Memory {
    kept: Mutex<Kept>,
    grown: Notify,
}

#[derive(Default)]
struct Kept {
    /// [`Receipt`]s as bytes.
    receipts: Vec<u8>,
    count: usize,
    /// How many somebody waits for.
    awaited: Option<usize>,
    /// The last request to a webhook, whole.
    last: Vec<u8>,
}

/// That an event came to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The event's number.
    pub(crate) event: u32,
    /// The webhook's number.
    pub(crate) hook: u32,
    /// When, in nanoseconds since the epoch.
    pub(crate) at_ns: u64,
}

impl Receipt {
    const BYTES: usize = 16;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.event.to_le_bytes());
        to.extend_from_slice(&self.hook.to_le_bytes());
        to.extend_from_slice(&self.at_ns.to_le_bytes());
    }

    /// All that stand one after the other.
    pub(crate) fn read_all(bytes: &[u8]) -> Vec<Self> {
        let read = |bytes: &[u8; Self::BYTES]| {
            let whole = u128::from_le_bytes(*bytes);
            let low = |shift: u32| u32::try_from((whole >> shift) & u128::from(u32::MAX)).expect("masked");
            Self { event: low(0), hook: low(32), at_ns: u64::try_from(whole >> 64).expect("the upper half") }
        };
        bytes.as_chunks().0.iter().map(read).collect()
    }
}

/// Receives until its standard input ends, which it does with the process that started it.
pub(crate) async fn run() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let addr: SocketAddr = listener.local_addr().expect("bound");
    println!("{addr}");
    let memory = Arc::new(Memory::default());
    let mut connections = JoinSet::new();
    std::thread::Builder::new().name("end".to_owned()).spawn(end_with_input).expect("a thread");
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.expect("there is room for a connection");
                stream.set_nodelay(true).expect("a TCP socket");
                connections.spawn(serve(stream, memory.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Nothing is said on the standard input, so it is over when something comes of it.
fn end_with_input() {
    let _ = std::io::stdin().read_line(&mut String::new());
    std::process::exit(0);
}

async fn serve(mut stream: TcpStream, memory: Arc<Memory>) {
    let mut buffer = Vec::with_capacity(16 << 10);
    while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
        let at_ns = clock::now_ns();
        while let Some(request) = Request::first_of(&buffer) {
            let whole = request.bytes;
            let answered = match request.hook {
                Some(hook) => {
                    memory.record(
                        Receipt { event: request.event().unwrap_or(0), hook, at_ns },
                        &buffer[..whole],
                    );
                    stream.write_all(ANSWER).await
                }
                None if request.path == "/hang" => std::future::pending().await,
                None => {
                    let body = memory.control(request.path).await;
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    stream.write_all(&[head.as_bytes(), &body].concat()).await
                }
            };
            if answered.is_err() {
                return;
            }
            buffer.drain(..whole);
        }
    }
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, receipt: Receipt, request: &[u8]) {
        let mut kept = self.kept();
        receipt.write(&mut kept.receipts);
        kept.count += 1;
        kept.last.clear();
        kept.last.extend_from_slice(request);
        if kept.awaited.is_some_and(|awaited| kept.count >= awaited) {
            kept.awaited = None;
            self.grown.notify_one();
        }
    }

    /// Does what the benchmark wants: `/control/wait/{count}`, `/control/take` or `/control/last`.
    async fn control(&self, path: &str) -> Vec<u8> {
        if let Some(count) = path.strip_prefix("/control/wait/").and_then(|count| count.parse().ok()) {
            let is_there = {
                let mut kept = self.kept();
                let is_there = kept.count >= count;
                kept.awaited = (!is_there).then_some(count);
                is_there
            };
            if !is_there {
                self.grown.notified().await;
            }
            return Vec::new();
        }
        let mut kept = self.kept();
        if path == "/control/last" {
            return kept.last.clone();
        }
        kept.count = 0;
        std::mem::take(&mut kept.receipts)
    }
}

/// A request that arrived whole.
struct Request<'a> {
    path: &'a str,
    /// The number of the webhook that it is for.
    hook: Option<u32>,
    body: &'a [u8],
    /// Its length.
    bytes: usize,
}

impl<'a> Request<'a> {
    fn first_of(buffer: &'a [u8]) -> Option<Self> {
        let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let length = buffer[..head].split(|byte| *byte == b'\n').find_map(content_length).unwrap_or(0);
        let body = buffer.get(head..head + length)?;
        let path = buffer.split(|byte| *byte == b' ').nth(1).and_then(|path| str::from_utf8(path).ok());
        let path = path.unwrap_or_default();
        let hook = path.strip_prefix("/hook/").and_then(|number| number.parse().ok());
        Some(Self { path, hook, body, bytes: head + length })
    }

    /// The number of the event that it tells of.
    fn event(&self) -> Option<u32> {
        let at = self.body.windows(NUMBER.len()).position(|window| window == NUMBER)? + NUMBER.len();
        let digits = self.body[at..].iter().take_while(|byte| byte.is_ascii_digit());
        Some(digits.fold(0, |number: u32, digit| number.wrapping_mul(10) + u32::from(digit - b'0')))
    }
}

fn content_length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    str::from_utf8(value).ok()?.trim().parse().ok()
}
