//! The way out against real listeners on loopback. The clock is the test's: nothing times out
//! unless it is told to.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
};

use fanfare_model::Timestamp;
use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::*;

mod socket;
mod tls;

/// A way out with its surroundings.
struct Net {
    egress: Egress,
    clock: Clock,
    tasks: Tasks,
    lookups: Arc<AtomicUsize>,
}

/// Answers look-ups from a list, one entry after the other; the last one stays.
struct Names {
    answers: HashMap<&'static str, Vec<Vec<&'static str>>>,
    lookups: Arc<AtomicUsize>,
}

impl Lookup for Names {
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, Fault>> {
        let turn = self.lookups.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(host).map(|turns| &turns[turn.min(turns.len() - 1)]);
        Box::pin(async move {
            let addresses = answer.ok_or_else(|| Fault::new(FaultKind::Dns, "name not found"))?;
            Ok(addresses.iter().map(|text| text.parse().expect("an address")).collect())
        })
    }
}

impl Net {
    fn new(names: &[(&'static str, &[&[&'static str]])], own_ports: Vec<u16>) -> Self {
        Self::with_tls(names, own_ports, tls_config().with_webpki_roots().with_no_client_auth())
    }

    fn with_tls(
        names: &[(&'static str, &[&[&'static str]])],
        own_ports: Vec<u16>,
        tls: ClientConfig,
    ) -> Self {
        let (clock, tasks) = (Clock::manual(Timestamp::from_millis(0)), Tasks::default());
        let lookups = Arc::new(AtomicUsize::new(0));
        let answers = names.iter().map(|(name, turns)| (*name, turns.iter().map(|t| t.to_vec()).collect()));
        let names = Names { answers: answers.collect(), lookups: lookups.clone() };
        let policy = EgressPolicy::new(Vec::new(), Vec::new());
        let dial = Dial::new(policy, own_ports, names, clock.clone());
        Self { egress: Egress::with_parts(dial, tls, clock.clone(), &tasks), clock, tasks, lookups }
    }

    /// Starts a receiver; `serve` gets each connection with its number, from 0.
    async fn receiver<F>(&self, serve: impl Fn(usize, TcpStream) -> F + Send + Sync + 'static) -> SocketAddr
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let tasks = self.tasks.clone();
        self.tasks.spawn("receiver", async move {
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                tasks.spawn("connection", serve(number, stream));
            }
        });
        addr
    }

    /// A receiver that answers each request on each connection with `answer` and then hangs up.
    async fn says(&self, answer: impl AsRef<[u8]>) -> SocketAddr {
        let answer = Bytes::copy_from_slice(answer.as_ref());
        let serve = move |_, mut stream: TcpStream| {
            let answer = answer.clone();
            async move {
                if read_request(&mut stream).await.is_some() {
                    let _ = stream.write_all(&answer).await;
                }
            }
        };
        self.receiver(serve).await
    }

    async fn post(&self, url: impl Into<String>) -> Result<Reply, Fault> {
        let body = Bytes::from_static(b"{}");
        let outgoing = Outgoing { method: Method::POST, url: url.into(), headers: HeaderMap::new(), body };
        self.egress.send(outgoing, 15_000).await
    }

    async fn fault(&self, url: impl Into<String>) -> (FaultKind, String) {
        let url = url.into();
        let Fault { kind, message } = self.post(url.clone()).await.expect_err(&url);
        (kind, message)
    }
}

/// Reads one request with its two bytes of body; `None` when the connection ends before.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}") {
        request.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(request).ok()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, body: body.into(), retry_after: None }
}

#[tokio::test]
async fn an_answer_is_what_the_receiver_said() {
    let net = Net::new(&[], Vec::new());
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n{}", "x".repeat(20_000));
    for (answer, status, body) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, "ok"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nwhat", 204, ""),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"),
        ("HTTP/1.1 500 Oh no\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", 500, "no"),
        ("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nlonger than that", 200, "l"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", 200, ""),
        (&long, 200, &"x".repeat(RESPONSE_READ_MAX_BYTES)),
    ] {
        let addr = net.says(answer).await;
        // Twice: what was left over of the first answer must not become the second.
        for _ in 0..2 {
            assert_eq!(net.post(format!("http://{addr}/")).await, Ok(reply(status, body)), "{answer:.80}");
        }
    }
}

#[tokio::test]
async fn the_time_to_come_back_is_told_as_it_was_said() {
    let net = Net::new(&[], Vec::new());
    let long = "9".repeat(RETRY_AFTER_MAX_BYTES + 1);
    let foreign = [&b"\xff"[..], "é".repeat(RETRY_AFTER_MAX_BYTES / 2).as_bytes()].concat();
    let cut = format!("\u{FFFD}{}", "é".repeat(30));
    let cases: [(&[&[u8]], Option<&str>); 8] = [
        (&[], None),
        (&[b"120"], Some("120")),
        (&[b"Sunday, 06-Nov-94 08:49:37 GMT"], Some("Sunday, 06-Nov-94 08:49:37 GMT")),
        (&[b""], Some("")),
        (&[b"  1.5\t"], Some("1.5")),
        (&[b"1", b"2"], Some("1")),
        (&[long.as_bytes()], Some(&long[1..])),
        (&[&foreign], Some(&cut)),
    ];
    for (sent, expected) in cases {
        let mut answer = b"HTTP/1.1 503 Later\r\ncontent-length: 0\r\n".to_vec();
        for value in sent {
            answer.extend([b"Retry-After: ", *value, b"\r\n"].concat());
        }
        answer.extend(b"\r\n");
        let addr = net.says(answer).await;
        let found = net.post(format!("http://{addr}/")).await.expect("an answer");
        assert_eq!(found.retry_after.as_deref(), expected);
    }
}

#[tokio::test]
async fn what_is_no_complete_answer_is_a_fault() {
    let net = Net::new(&[], Vec::new());
    let broke_off = "connection closed before the response was complete";
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101));
    let large_head = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "b".repeat(200_000));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000);
    for (answer, message) in [
        ("", broke_off),
        ("HTTP/1.1 200 OK\r\ncontent-le", broke_off),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", broke_off),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab", broke_off),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nab\r\n", "the response is not HTTP/1"),
        ("hello, who is there?\r\n\r\n", "the response is not HTTP/1"),
        ("\0\0\u{12}\u{4}\0\0\0\0\0\0\u{3}\0\0\0d\0\u{4}\0\u{10}\0\0", "the response is not HTTP/1"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", "the response is not HTTP/1"),
        ("HTTP/1.1 99999 OK\r\n\r\n", "the response is not HTTP/1"),
        (&many_headers, "the response head is too large"),
        (&large_head, "the response head is too large"),
        (&interim, "the response does not end"),
    ] {
        let addr = net.says(answer).await;
        let found = net.post(format!("http://{addr}/")).await;
        assert_eq!(found, Err(Fault::new(FaultKind::Protocol, message)), "{answer:.80}");
    }
}

#[tokio::test]
async fn a_reset_is_a_fault() {
    let net = Net::new(&[], Vec::new());
    for sent in ["", "HTTP/1.1 200 OK\r\ncont", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"] {
        let serve = move |_, mut stream: TcpStream| async move {
            let _ = read_request(&mut stream).await;
            stream.write_all(sent.as_bytes()).await.expect("written");
            stream.set_zero_linger().expect("a reset is sent on close");
        };
        let addr = net.receiver(serve).await;
        let (kind, message) = net.fault(format!("http://{addr}/")).await;
        assert_eq!(kind, FaultKind::Protocol, "{message}");
    }
}

#[tokio::test]
async fn an_endless_answer_ends_at_its_bound() {
    let net = Net::new(&[], Vec::new());
    for (head, more, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(1_000), Ok(reply(200, &"x".repeat(RESPONSE_READ_MAX_BYTES)))),
        (
            "HTTP/1.1 200 OK\r\n",
            "a: b\r\n".repeat(200),
            Err(Fault::new(FaultKind::Protocol, "the response head is too large")),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            format!("1;{}\r\nx\r\n", "y".repeat(10_000)),
            Err(Fault::new(FaultKind::Protocol, "the response is not HTTP/1")),
        ),
    ] {
        let serve = move |_, mut stream: TcpStream| {
            let more = more.clone();
            async move {
                let _ = read_request(&mut stream).await;
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(more.as_bytes()).await.is_ok() {}
            }
        };
        let addr = net.receiver(serve).await;
        let found = net.post(format!("http://{addr}/")).await;
        assert_eq!(found, expected, "{head}");
    }
}

#[tokio::test]
async fn one_deadline_covers_head_and_body() {
    for sent in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"] {
        let net = Net::new(&[], Vec::new());
        let (told, mut tell) = mpsc::channel(1);
        let serve = move |_, mut stream: TcpStream| {
            let told = told.clone();
            async move {
                let _ = read_request(&mut stream).await;
                stream.write_all(sent.as_bytes()).await.expect("written");
                told.send(()).await.expect("the test waits");
                // Ends when the other side hangs up, as it must.
                assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
                told.send(()).await.expect("the test waits");
            }
        };
        let addr = net.receiver(serve).await;
        let mut sending = Box::pin(net.post(format!("http://{addr}/")));
        tokio::select! {
            _ = &mut sending => panic!("there is no answer yet"),
            _ = tell.recv() => {}
        }
        net.clock.advance(Duration::from_millis(14_999));
        assert!(futures_util::poll!(&mut sending).is_pending());
        net.clock.advance(Duration::from_millis(1));
        let fault = sending.await.expect_err("a fault");
        assert_eq!(fault, Fault::new(FaultKind::Timeout, "timed out after 15000 ms"));
        tell.recv().await.expect("the connection was closed");
    }
}

#[tokio::test]
async fn nobody_listening_is_a_refused_connection() {
    let net = Net::new(&[], Vec::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    drop(listener);
    let fault = net.fault(format!("http://{addr}/")).await;
    assert_eq!(fault, (FaultKind::Connect, "connection refused".to_owned()));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let net = Net::new(&[], Vec::new());
    let connections = Arc::new(AtomicUsize::new(0));
    for status in [301, 302, 307, 308] {
        let counted = connections.clone();
        let serve = move |_, mut stream: TcpStream| {
            let counted = counted.clone();
            async move {
                while read_request(&mut stream).await.is_some() {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let answer =
                        format!("HTTP/1.1 {status} Moved\r\nlocation: /\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.expect("written");
                }
            }
        };
        let addr = net.receiver(serve).await;
        assert_eq!(net.post(format!("http://{addr}/")).await, Ok(reply(status, "")));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 4);
}

/// How a receiver treats the requests of its connections, one letter each: `a`nswer, `c`lose
/// without an answer.
async fn scripted(net: &Net, script: &'static [&'static str]) -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let serve = move |number: usize, mut stream: TcpStream| {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            for step in script[number].chars() {
                if read_request(&mut stream).await.is_none() || step == 'c' {
                    return;
                }
                stream.write_all(OK).await.expect("written");
            }
            let _ = read_request(&mut stream).await;
        }
    };
    (net.receiver(serve).await, connections)
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_costs_no_attempt() {
    for (script, outcomes, connected) in [
        // The connection is kept.
        (&["aaa"][..], &[true, true, true][..], 1),
        // It is closed under the second request: once more, on a fresh one.
        (&["ac", "a"], &[true, true], 2),
        // The fresh one is closed as well: that is the receiver's failure.
        (&["ac", "c", "a"], &[true, false, true], 3),
        // So is a first connection that is closed.
        (&["c", "a"], &[false, true], 2),
    ] {
        let net = Net::new(&[], Vec::new());
        let (addr, connections) = scripted(&net, script).await;
        for (place, expected) in outcomes.iter().enumerate() {
            let found = net.post(format!("http://{addr}/")).await;
            assert_eq!(found.is_ok(), *expected, "{script:?}, request {place}: {found:?}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), connected, "{script:?}");
    }
}

#[tokio::test]
async fn an_old_connection_is_not_used_again() {
    let net = Net::new(&[], Vec::new());
    let (addr, connections) = scripted(&net, &["aaaaaa", "aa"]).await;
    // Never idle for long, but used for the last time at the age of four minutes: it may lie idle for
    // one more, and at five it is not to be used.
    for passed_s in (0..=350).step_by(50) {
        net.post(format!("http://{addr}/")).await.expect("an answer");
        assert_eq!(connections.load(Ordering::SeqCst), if passed_s <= 250 { 1 } else { 2 }, "{passed_s} s");
        net.clock.advance(Duration::from_secs(50));
    }
}

#[tokio::test]
async fn one_forbidden_address_forbids_the_name() {
    let net = Net::new(
        &[
            ("mixed.example", &[&["127.0.0.1", "169.254.169.254"]]),
            ("mapped.example", &[&["::ffff:10.0.0.1", "127.0.0.1"]]),
        ],
        Vec::new(),
    );
    let addr = net.says(OK).await;
    for (host, message) in [
        ("mixed.example", "169.254.169.254 is refused"),
        ("mapped.example", "::ffff:10.0.0.1 is refused"),
        ("169.254.169.254", "169.254.169.254 is refused"),
        ("[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254 is refused"),
        ("0xa9.0xfe.43518", "169.254.169.254 is refused"),
    ] {
        let (kind, found) = net.fault(format!("http://{host}:{}/", addr.port())).await;
        assert_eq!(kind, FaultKind::Refused, "{host}: {found}");
        assert!(found.starts_with(message), "{host}: {found}");
    }
}

#[tokio::test]
async fn what_was_vetted_is_what_is_dialled() {
    let net = Net::new(&[("rebound.example", &[&["127.0.0.1"], &["169.254.169.254"]])], Vec::new());
    let addr = net.says(OK).await;
    let url = format!("http://rebound.example:{}/", addr.port());
    assert_eq!(net.post(&url).await, Ok(reply(200, "ok")));
    assert_eq!(net.lookups.load(Ordering::SeqCst), 1);
    assert_eq!(net.fault(&url).await.0, FaultKind::Refused, "a new connection asks and judges anew");
}

#[tokio::test]
async fn each_address_has_its_turn() {
    let net =
        Net::new(&[("half.example", &[&["127.0.0.2", "127.0.0.1"]]), ("empty.example", &[&[]])], Vec::new());
    let addr = net.says(OK).await;
    assert_eq!(net.post(format!("http://half.example.:{}/", addr.port())).await, Ok(reply(200, "ok")));
    let no_address = (FaultKind::Dns, "the name has no address".to_owned());
    assert_eq!(net.fault("http://empty.example/").await, no_address);
    assert_eq!(net.fault("http://gone.example/").await, (FaultKind::Dns, "name not found".to_owned()));
}

#[tokio::test]
async fn the_server_itself_is_refused_whatever_the_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let net = Net::new(&[], vec![addr.port()]);
    let fault = net.fault(format!("http://{addr}/")).await;
    assert_eq!(fault, (FaultKind::Refused, format!("{addr} is refused: the server itself")));
}

#[tokio::test]
async fn name_and_password_become_a_header() {
    let net = Net::new(&[], Vec::new());
    let (told, mut tell) = mpsc::channel(1);
    let serve = move |_, mut stream: TcpStream| {
        let told = told.clone();
        async move {
            let request = read_request(&mut stream).await.expect("a request");
            stream.write_all(OK).await.expect("written");
            told.send(request).await.expect("the test waits");
        }
    };
    let addr = net.receiver(serve).await;
    net.post(format!("http://ann:secret@{addr}/hook?x=1#y")).await.expect("an answer");
    let request = tell.recv().await.expect("a request");
    assert_eq!(
        request,
        format!(
            "POST /hook?x=1 HTTP/1.1\r\naccept-encoding: identity\r\nauthorization: Basic YW5uOnNlY3JldA==\r\n\
             host: {addr}\r\ncontent-length: 2\r\n\r\n{{}}"
        )
    );
}

#[tokio::test]
async fn https_to_a_plain_receiver_is_a_tls_fault() {
    let net = Net::new(&[], Vec::new());
    let serve = |_, mut stream: TcpStream| async move {
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.expect("a client hello");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("written");
    };
    let addr = net.receiver(serve).await;
    let (kind, message) = net.fault(format!("https://{addr}/")).await;
    assert_eq!(kind, FaultKind::Tls);
    assert!(message.starts_with("TLS: "), "{message}");
}

#[tokio::test]
async fn connections_end_with_the_way_out() {
    let net = Net::new(&[], Vec::new());
    let (told, mut tell) = mpsc::channel(1);
    let serve = move |_, mut stream: TcpStream| {
        let told = told.clone();
        async move {
            let _ = read_request(&mut stream).await;
            stream.write_all(OK).await.expect("written");
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
            told.send(()).await.expect("the test waits");
        }
    };
    let addr = net.receiver(serve).await;
    net.post(format!("http://{addr}/")).await.expect("an answer");
    drop(net.egress);
    tell.recv().await.expect("the idle connection was closed");
}
