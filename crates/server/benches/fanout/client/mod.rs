//! The load client, a process of its own with one thread: it opens the connections, subscribes them, and
//! then hears what comes, as cheaply as it can, since it lives on the processors of the server that is
//! measured.

mod socket;
mod tally;

use std::{collections::VecDeque, io, net::Ipv4Addr, time::Duration};

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, Socket as Socket2, Type};

use self::{
    socket::{Said, Socket},
    tally::Tally,
};
use crate::{
    clock,
    control::{Control, SAID},
    message::Finder,
    plan::{Load, Opened, Plan},
    wire,
};

/// What all connections read into, one after the other.
const BUFFER_BYTES: usize = 1 << 20;
const EVENTS_MAX: usize = 4_096;
/// Connections that are under way at once, fewer than any server's backlog.
const OPENING_MAX: usize = 128;
/// Ports of one address that are used: the kernel searches longer and longer for the last ones.
const CONNECTIONS_PER_ADDRESS: u32 = 4_000;
/// After so long a silence nothing more is expected.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How long it listens for what should not come, after all has come.
const AFTERWARDS: Duration = Duration::from_millis(50);

struct Client {
    plan: Plan,
    poll: Poll,
    events: Events,
    control: Control<Load>,
    sockets: Vec<Socket>,
    buffer: Vec<u8>,
    finder: Finder,
    tally: Tally,
}

/// Does as the plan says, and then listens to one load after the other.
pub(crate) fn run(plan: Plan) -> ! {
    let poll = Poll::new().expect("a poll");
    let mut client = Client {
        plan,
        control: Control::listen(&poll),
        poll,
        events: Events::with_capacity(EVENTS_MAX),
        sockets: Vec::new(),
        buffer: vec![0; BUFFER_BYTES],
        finder: Finder::default(),
        tally: Tally::default(),
    };
    let started_ns = clock::now_ns();
    client.connect();
    let connected_ns = clock::now_ns();
    client.subscribe();
    say(&Opened {
        connecting_s: clock::seconds(started_ns, connected_ns),
        subscribing_s: clock::seconds(connected_ns, clock::now_ns()),
    });
    loop {
        client.turn(None);
        while let Some(load) = client.control.take() {
            client.listen(&load);
        }
    }
}

fn say(what: &impl serde::Serialize) {
    println!("{}", serde_json::to_string(what).expect("JSON"));
}

impl Client {
    /// Opens all connections and waits until the server has greeted each.
    fn connect(&mut self) {
        let wanted = usize::try_from(self.plan.connections).expect("as many as there are descriptors");
        let mut greeted = 0;
        while greeted < wanted {
            while self.sockets.len() < wanted && self.sockets.len() - greeted < OPENING_MAX {
                self.open();
            }
            greeted += self.turn(Some(SILENCE_MAX)).greeted;
        }
    }

    fn open(&mut self) {
        let number = u32::try_from(self.sockets.len()).expect("fits the plan's number");
        let from = Ipv4Addr::from(Ipv4Addr::LOCALHOST.to_bits() + number / CONNECTIONS_PER_ADDRESS);
        let stream = connect(from, &self.plan).expect("a connection");
        let mut stream = TcpStream::from_std(stream);
        let registry = self.poll.registry();
        registry.register(&mut stream, Token(self.sockets.len()), Interest::READABLE).expect("registered");
        let mut socket = Socket::new(stream);
        socket.send(wire::upgrade(&self.plan.addr.to_string(), "/ws").as_bytes());
        self.sockets.push(socket);
    }

    /// Subscribes all connections to their channels and waits until each of them has succeeded.
    fn subscribe(&mut self) {
        let mut to_come: VecDeque<_> = (0..self.sockets.len()).collect();
        let mut under_way = 0;
        let mut frames = Vec::new();
        while under_way > 0 || !to_come.is_empty() {
            while under_way < OPENING_MAX
                && let Some(number) = to_come.pop_front()
            {
                frames.clear();
                let channels = self.plan.channels.of(u32::try_from(number).expect("fits the plan's number"));
                for channel in &channels {
                    let subscribe = format!(r#"{{"event":"subscribe","channel":"{channel}"}}"#);
                    wire::write_masked(&mut frames, wire::TEXT, subscribe.as_bytes());
                }
                self.sockets[number].send(&frames);
                self.sockets[number].awaited = channels.len();
                under_way += 1;
            }
            under_way -= self.turn(Some(SILENCE_MAX)).subscribed;
        }
    }

    /// Hears a load to its end, and says what came of it.
    fn listen(&mut self, load: &Load) {
        for (number, socket) in (0..).zip(&mut self.sockets) {
            socket.expect(load.audience.hears(number));
        }
        let expected = (0..self.plan.connections).map(|number| u64::from(load.heard_by(number))).sum();
        self.tally.reset(expected);
        println!("listening");
        while self.tally.deliveries < expected {
            let before = self.tally.deliveries;
            self.turn(Some(SILENCE_MAX));
            if before == self.tally.deliveries && self.tally.silent_for(clock::now_ns()) > SILENCE_MAX {
                break;
            }
        }
        let until_ns = clock::now_ns() + u64::try_from(AFTERWARDS.as_nanos()).expect("short");
        while clock::now_ns() < until_ns {
            self.turn(Some(AFTERWARDS));
        }
        let of =
            |socket: (u32, &Socket)| u64::from(load.heard_by(socket.0).saturating_sub(socket.1.in_order));
        let missing = (0..).zip(&self.sockets).map(of).sum();
        say(&self.tally.heard(missing));
    }

    /// Waits for what comes, at most so long, and reads it.
    fn turn(&mut self, at_most: Option<Duration>) -> Said {
        let mut said = Said::default();
        match self.poll.poll(&mut self.events, at_most) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return said,
            polled => polled.expect("polled"),
        }
        for event in &self.events {
            if event.token() != SAID {
                let socket = &mut self.sockets[event.token().0];
                said += socket.read(&mut self.buffer, &mut self.finder, &mut self.tally);
            }
        }
        said
    }
}

/// Connects from that address.
fn connect(from: Ipv4Addr, plan: &Plan) -> io::Result<std::net::TcpStream> {
    let socket = Socket2::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from((from, 0)).into())?;
    socket.connect(&plan.addr.into())?;
    socket.set_tcp_nodelay(true)?;
    // Closing resets the connection, so no port stays occupied for the next round.
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
