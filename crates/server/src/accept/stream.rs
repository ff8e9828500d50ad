//! A client's TCP stream with what the HTTP library leaves to it: a limit on how long a client may
//! refuse to read, and an end that does not destroy an answer which is still on its way.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::timers::{Clock, Sleep};

/// How long a client may take nothing of what it is sent. Sockets have a shorter limit of their own,
/// which tells them how to come back.
const WRITE_STALL_MAX_MS: u64 = 60_000;
/// How long input that nobody wants is read and thrown away after the last answer.
const LINGER_MAX_MS: u64 = 2_000;
/// How much of it, in bytes (32 MiB).
const LINGER_MAX_BYTES: usize = 32 << 20;

pub(crate) struct Stream {
    tcp: TcpStream,
    clock: Clock,
    /// Runs while the client takes nothing.
    stalled: Option<Sleep>,
    /// Runs after the last byte was sent.
    lingering: Option<Sleep>,
    thrown_away_bytes: usize,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream, clock: Clock) -> Self {
        Self { tcp, clock, stalled: None, lingering: None, thrown_away_bytes: 0 }
    }

    /// The connection itself, which nobody watches from now on.
    pub(crate) fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    /// Passes the outcome of a write on, unless the client has taken nothing for too long.
    fn watch(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let clock = &self.clock;
        let stalled = self.stalled.get_or_insert_with(|| clock.sleep_ms(WRITE_STALL_MAX_MS));
        ready!(Pin::new(stalled).poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads away what the client still sends: closing a connection over unread input would destroy
    /// the answer that the client has not read yet. Without any such input there is no wait.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut unwanted = [0; 4 << 10];
        while self.thrown_away_bytes < LINGER_MAX_BYTES {
            let mut buffer = ReadBuf::new(&mut unwanted);
            match Pin::new(&mut self.tcp).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.thrown_away_bytes += buffer.filled().len();
                }
                Poll::Ready(_) => break,
                Poll::Pending if self.thrown_away_bytes == 0 => break,
                Poll::Pending => {
                    let clock = &self.clock;
                    let lingering = self.lingering.get_or_insert_with(|| clock.sleep_ms(LINGER_MAX_MS));
                    return Pin::new(lingering).poll(cx);
                }
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.watch(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.tcp).poll_write_vectored(cx, slices);
        self.watch(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tcp).poll_shutdown(cx))?;
        ready!(self.linger(cx));
        Poll::Ready(Ok(()))
    }
}
