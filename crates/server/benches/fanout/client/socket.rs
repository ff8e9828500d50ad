//! One connection of the load client: what it reads, and what that means.

use std::{
    io::{self, Read as _, Write as _},
    ops::AddAssign,
};

use mio::net::TcpStream;

use super::tally::Tally;
use crate::{
    clock,
    message::{Finder, STAMPED_WITHIN_BYTES, Stamp},
    wire::{self, Head},
};

/// A connection to the server.
pub(super) struct Socket {
    stream: TcpStream,
    stage: Stage,
    /// What came of a frame that is not complete.
    rest: Vec<u8>,
    /// The end of a large message whose stamp is known already.
    passing: Option<Passing>,
    /// Subscriptions that have not succeeded yet.
    pub(super) awaited: usize,
    /// The number of the next message and the step to the one after it; `None`: it should hear nothing.
    next: Option<(u32, u32)>,
    /// Messages that came as they should.
    pub(super) in_order: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It waits for the answer to its request.
    Upgrading,
    /// It waits for `connection_established`.
    Greeting,
    Open,
}

#[derive(Debug, Clone, Copy)]
struct Passing {
    stamp: Option<Stamp>,
    bytes: usize,
}

/// What a server said besides deliveries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Said {
    /// Connections that it greeted.
    pub(super) greeted: usize,
    /// Connections whose last subscription succeeded.
    pub(super) subscribed: usize,
}

impl AddAssign for Said {
    fn add_assign(&mut self, other: Self) {
        self.greeted += other.greeted;
        self.subscribed += other.subscribed;
    }
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            stage: Stage::Upgrading,
            rest: Vec::new(),
            passing: None,
            awaited: 0,
            next: None,
            in_order: 0,
        }
    }

    /// Sends what fits the kernel's buffer.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server goes on and the kernel has room");
    }

    /// Starts to count anew.
    pub(super) fn expect(&mut self, hears: Option<(u32, u32)>) {
        self.next = hears;
        self.in_order = 0;
    }

    /// Reads what has come, to its end. Nothing but the start of a frame is left over for the next time.
    pub(super) fn read(&mut self, buffer: &mut [u8], finder: &mut Finder, tally: &mut Tally) -> Said {
        let mut said = Said::default();
        loop {
            let kept = self.rest.len();
            buffer[..kept].copy_from_slice(&self.rest);
            let read = match self.stream.read(&mut buffer[kept..]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return said,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.expect("the connection stays open"),
            };
            assert!(read > 0, "the server closed a connection");
            let is_all = kept + read < buffer.len();
            let bytes = &buffer[..kept + read];
            let taken = self.take(bytes, finder, tally, &mut said);
            self.rest.clear();
            self.rest.extend_from_slice(&bytes[taken..]);
            if is_all {
                return said;
            }
        }
    }

    /// Takes whole frames and the passing one; returns how many bytes that were.
    fn take(&mut self, bytes: &[u8], finder: &mut Finder, tally: &mut Tally, said: &mut Said) -> usize {
        let at_ns = clock::now_ns();
        let mut at = 0;
        if let Some(mut passing) = self.passing.take() {
            at = passing.bytes.min(bytes.len());
            passing.bytes -= at;
            if passing.bytes > 0 {
                self.passing = Some(passing);
                return at;
            }
            if let Some(stamp) = passing.stamp {
                self.count(stamp, at_ns, tally);
            }
        }
        if self.stage == Stage::Upgrading {
            let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return 0 };
            let answer = String::from_utf8_lossy(&bytes[..end]);
            assert!(answer.starts_with("HTTP/1.1 101 "), "not a WebSocket: {answer}");
            self.stage = Stage::Greeting;
            at = end + 4;
        }
        while let Some(head) = Head::of(&bytes[at..]) {
            let payload = &bytes[at + head.payload_at..];
            if let Some(payload) = payload.get(..head.payload_bytes) {
                match finder.find(payload) {
                    Some(stamp) => self.count(stamp, at_ns, tally),
                    None => self.hear(head.opcode, payload, said),
                }
                at += head.end();
                continue;
            }
            if payload.len() < STAMPED_WITHIN_BYTES {
                break;
            }
            let bytes_to_come = head.payload_bytes - payload.len();
            self.passing = Some(Passing { stamp: finder.find(payload), bytes: bytes_to_come });
            return bytes.len();
        }
        at
    }

    /// Counts a delivery. It is right when nothing at or after its place has come yet; those left out before
    /// it are missing.
    fn count(&mut self, stamp: Stamp, at_ns: u64, tally: &mut Tally) {
        let is_right = match &mut self.next {
            Some((number, step))
                if stamp.number >= *number && (stamp.number - *number).is_multiple_of(*step) =>
            {
                *number = stamp.number + *step;
                self.in_order += 1;
                true
            }
            _ => false,
        };
        tally.add(stamp, at_ns, is_right);
    }

    /// Hears a message that is no delivery.
    fn hear(&mut self, opcode: u8, payload: &[u8], said: &mut Said) {
        let text = || String::from_utf8_lossy(payload);
        match opcode {
            wire::PING => {
                let mut pong = Vec::new();
                wire::write_masked(&mut pong, wire::PONG, payload);
                self.send(&pong);
            }
            wire::CLOSE => panic!("the server closed a connection: {}", text()),
            wire::TEXT => match event(&text()).as_str() {
                "connection_established" if self.stage == Stage::Greeting => {
                    self.stage = Stage::Open;
                    said.greeted += 1;
                }
                "subscription_succeeded" if self.awaited > 0 => {
                    self.awaited -= 1;
                    said.subscribed += usize::from(self.awaited == 0);
                }
                _ => panic!("the server said {}", text()),
            },
            _ => {}
        }
    }
}

/// The event of a message.
fn event(text: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(text).expect("messages are JSON");
    message["event"].as_str().unwrap_or_default().to_owned()
}
