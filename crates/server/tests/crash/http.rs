//! As much of HTTP/1.1 as the harness needs, with every moment in its own hands: messages with a
//! `Content-Length`, off a stream.

use std::{fmt::Write as _, io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// More than any message here is long, in bytes.
const MESSAGE_MAX_BYTES: usize = 16 << 20;

/// A request or an answer.
#[derive(Debug)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) start: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The header of that lower-case name; empty without one.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map_or("", |(_, value)| value)
    }

    /// The status, of an answer.
    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }
}

/// Both directions of a connection, and what was read too far.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    pub(crate) async fn connect(addr: SocketAddr) -> io::Result<Self> {
        Self::new(TcpStream::connect(addr).await?)
    }

    /// The next message, to its end.
    ///
    /// # Errors
    /// Those of the connection; it ended, or what came is no such message.
    pub(crate) async fn read(&mut self) -> io::Result<Message> {
        loop {
            if let Some(message) = self.parse()? {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Resolves when the other side has gone. What it says meanwhile is kept.
    pub(crate) async fn gone(&mut self) {
        while self.buffer.len() < MESSAGE_MAX_BYTES {
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    pub(crate) async fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await
    }

    fn parse(&mut self) -> io::Result<Option<Message>> {
        let Some(head) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).into_owned();
        let (start, rest) = text.split_once("\r\n").unwrap_or((&text, ""));
        let pairs = rest.lines().filter_map(|line| line.split_once(':'));
        let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        let mut message = Message { start: start.to_owned(), headers: headers.collect(), body: Vec::new() };
        if !message.header("transfer-encoding").is_empty() {
            return Err(io::Error::other("a message without a length"));
        }
        let length = message.header("content-length").parse().unwrap_or(0);
        if length > MESSAGE_MAX_BYTES {
            return Err(io::Error::other("a message that is too long"));
        }
        let end = head + 4 + length;
        if self.buffer.len() < end {
            return Ok(None);
        }
        message.body = self.buffer[head + 4..end].to_vec();
        self.buffer.drain(..end);
        Ok(Some(message))
    }
}

/// The text of a request; an empty token, key or body is left out.
pub(crate) fn request(method: &str, path: &str, token: &str, key: &str, body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = write!(text, "{name}: {value}\r\n");
        }
    };
    if !token.is_empty() {
        add("authorization", &format!("Bearer {token}"));
    }
    add("idempotency-key", key);
    if !body.is_empty() {
        add("content-type", "application/json");
        add("content-length", &body.len().to_string());
    }
    format!("{text}\r\n{body}")
}
