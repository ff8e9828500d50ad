//! The client: a connection with one request under way. It reads the status and the length of an
//! answer and nothing else, since it lives on the processors of the server that it measures.

use std::{fmt::Write as _, io, net::SocketAddr};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

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

    /// Makes a request that must succeed; `what` is its method and path. An empty `body` is none.
    pub(crate) async fn ask(&mut self, what: &str, token: &str, body: &str) -> Value {
        self.request.clear();
        head(&mut self.request, what, token, body);
        let status = self.exchange().await.expect("an answer");
        let text = String::from_utf8_lossy(self.body());
        assert!((200..300).contains(&status), "{what}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }
}

/// A request like those of a plain HTTP library; an empty token or body is left out.
pub(crate) fn head(text: &mut String, what: &str, token: &str, body: &str) {
    let _ = write!(text, "{what} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n");
    if !token.is_empty() {
        let _ = write!(text, "authorization: Bearer {token}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(text, "content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    let _ = write!(text, "\r\n{body}");
}

/// Status and whole length of an answer whose head is complete.
fn parse(answer: &[u8]) -> Option<(u16, usize)> {
    const LENGTH: &[u8] = b"\r\ncontent-length: ";
    let is_length = |window: &[u8]| window.eq_ignore_ascii_case(LENGTH);
    let head = head_bytes(answer)?;
    let digits = |at: usize| answer[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let number = |at: usize| digits(at).fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    let length = answer[..head].windows(LENGTH.len()).position(is_length);
    let length = length.map_or(0, |at| number(at + LENGTH.len()));
    Some((u16::try_from(number(b"HTTP/1.1 ".len())).ok()?, head + length))
}

fn head_bytes(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}
