//! What a server cannot be faster than: a process that answers the handshake and from then on writes the
//! same bytes to every socket. It has no queue and no channels, and publishes by itself, or what requests
//! over HTTP feed it with.

mod feed;

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    time::Duration,
};

use mio::{
    Events, Interest, Poll, Token,
    net::{TcpListener, TcpStream},
};

use self::feed::{Feed, Frames};
use crate::{
    Writes, clock,
    control::{Control, SAID},
    message::{EVENT, Stamp},
    plan::{Audience, Load},
    wire::{self, Head},
};

/// The most that one write hands to the kernel when messages are written together.
const WRITE_MAX_BYTES: usize = 64 << 10;
const EVENTS_MAX: usize = 4_096;
const LISTENER: Token = Token(usize::MAX - 1);
const READ_BYTES: usize = 4 << 10;
const GREETING: &[u8] =
    br#"{"event":"connection_established","data":{"socket_id":"raw","activity_timeout":120}}"#;
const SUBSCRIBED: &[u8] = br#"{"event":"subscription_succeeded","channel":"bench"}"#;

struct Raw {
    /// Whether messages that wait for a socket are written together.
    coalesces: bool,
    poll: Poll,
    events: Events,
    listener: TcpListener,
    sockets: Vec<Socket>,
    /// Those of this load.
    frames: Frames,
}

struct Socket {
    stream: TcpStream,
    is_open: bool,
    /// What came of a request or a frame that is not complete.
    rest: Vec<u8>,
    /// How much of the load it has got.
    written: usize,
    /// The frames among it that it has got whole.
    whole: usize,
}

/// Says where it listens, and publishes what it is told to, or what it is fed with.
pub(crate) fn run(writes: Writes) -> ! {
    let poll = Poll::new().expect("a poll");
    let mut listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).expect("registered");
    println!("listening on http://{}", listener.local_addr().expect("bound"));
    let mut raw = Raw {
        coalesces: writes != Writes::Each,
        poll,
        events: Events::with_capacity(EVENTS_MAX),
        listener,
        sockets: Vec::new(),
        frames: Frames::default(),
    };
    if writes == Writes::Fed {
        let feed = Feed::listen(&raw.poll);
        println!("listening on http://{}", feed.addr);
        raw.follow(&feed)
    }
    let control = Control::listen(&raw.poll);
    loop {
        raw.turn(None);
        while let Some(load) = control.take() {
            raw.publish(&load);
            println!("published");
        }
    }
}

impl Raw {
    /// Writes what has come to every socket, as often as something has.
    fn follow(&mut self, feed: &Feed) -> ! {
        loop {
            if self.is_all_written() {
                self.start_over();
                self.turn(None);
            } else {
                self.turn(Some(Duration::ZERO));
            }
            let known = self.frames.ends.len();
            if feed.take(&mut self.frames) {
                self.write_new(known);
            } else if !self.is_all_written() {
                self.turn(None);
            }
        }
    }

    fn is_all_written(&self) -> bool {
        self.sockets.iter().all(|socket| socket.written == self.frames.bytes.len())
    }

    /// Forgets what was written.
    fn start_over(&mut self) {
        self.frames.bytes.clear();
        self.frames.ends.clear();
        for socket in &mut self.sockets {
            (socket.written, socket.whole) = (0, 0);
        }
    }

    fn publish(&mut self, load: &Load) {
        assert!(matches!(load.audience, Audience::All), "there are no channels here");
        self.start_over();
        let start_ns = clock::now_ns();
        let mut text = String::new();
        for number in 0..load.messages {
            if let Some(per_second) = load.per_second {
                self.wait_until(start_ns + u64::from(number) * 1_000_000_000 / u64::from(per_second));
            }
            let known = self.frames.ends.len();
            self.make(&mut text, number, load.data_bytes);
            if load.per_second.is_some() || !self.coalesces {
                self.write_new(known);
            }
        }
        // All has been published, and waits for every socket.
        if load.per_second.is_none() && self.coalesces {
            (0..self.sockets.len()).for_each(|at| self.write_to(at));
        }
        while !self.is_all_written() {
            self.turn(None);
        }
    }

    /// Waits for that moment, and writes meanwhile what the sockets can take.
    fn wait_until(&mut self, due_ns: u64) {
        loop {
            let left_ns = due_ns.saturating_sub(clock::now_ns());
            if left_ns == 0 {
                return;
            }
            self.turn(Some(Duration::from_nanos(left_ns)));
        }
    }

    /// Appends the frame of one message.
    fn make(&mut self, text: &mut String, number: u32, data_bytes: usize) {
        text.clear();
        let _ = write!(text, r#"{{"event":"{EVENT}","channel":"{EVENT}","data":"#);
        Stamp { number, sent_us: clock::now_ns() / 1_000 }.write(text, data_bytes);
        text.push('}');
        wire::write_unmasked(&mut self.frames.bytes, wire::TEXT, text.as_bytes());
        self.frames.ends.push(self.frames.bytes.len());
    }

    /// Writes the newest frames to every socket that has got all those known before. The rest has them
    /// written when there is room again.
    fn write_new(&mut self, known: usize) {
        for at in 0..self.sockets.len() {
            if self.sockets[at].whole == known {
                self.write_to(at);
            }
        }
    }

    /// Writes to a socket what it has not got, as far as there is room.
    fn write_to(&mut self, at: usize) {
        let socket = &mut self.sockets[at];
        while let Some(&end) = self.frames.ends.get(socket.whole) {
            let end = if self.coalesces {
                self.frames.bytes.len().min(socket.written + WRITE_MAX_BYTES)
            } else {
                end
            };
            match socket.stream.write(&self.frames.bytes[socket.written..end]) {
                Ok(written) => socket.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("a client left: {error}"),
            }
            while self.frames.ends.get(socket.whole).is_some_and(|end| *end <= socket.written) {
                socket.whole += 1;
            }
        }
    }

    /// Waits for what comes, at most so long, and does what is to be done.
    fn turn(&mut self, at_most: Option<Duration>) {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, at_most) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            polled => polled.expect("polled"),
        }
        for event in &events {
            match event.token() {
                SAID => {}
                LISTENER => self.accept(),
                Token(at) => {
                    if event.is_readable() {
                        self.sockets[at].read();
                    }
                    if event.is_writable() {
                        self.write_to(at);
                    }
                }
            }
        }
        self.events = events;
    }

    fn accept(&mut self) {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => panic!("no connection: {error}"),
            };
            stream.set_nodelay(true).expect("a TCP socket");
            let both = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(self.sockets.len()), both).expect("registered");
            let (written, whole) = (self.frames.bytes.len(), self.frames.ends.len());
            self.sockets.push(Socket { stream, is_open: false, rest: Vec::new(), written, whole });
        }
    }
}

impl Socket {
    /// Answers the handshake and every subscription.
    fn read(&mut self) {
        let mut buffer = [0; READ_BYTES];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => self.rest.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // The client is gone, and with it the benchmark of this process.
                Err(_) => return,
            }
        }
        let mut answer = Vec::new();
        let mut at = 0;
        if !self.is_open {
            let Some(end) = self.rest.windows(4).position(|window| window == b"\r\n\r\n") else { return };
            at = end + 4;
            self.is_open = true;
            answer.extend_from_slice(wire::switching().as_bytes());
            wire::write_unmasked(&mut answer, wire::TEXT, GREETING);
        }
        while let Some(head) = Head::of(&self.rest[at..])
            && self.rest.len() >= at + head.end()
        {
            if head.opcode == wire::TEXT {
                wire::write_unmasked(&mut answer, wire::TEXT, SUBSCRIBED);
            }
            at += head.end();
        }
        self.rest.drain(..at);
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
        if !answer.is_empty() {
            self.stream.write_all(&answer).expect("the kernel has room");
        }
    }
}
