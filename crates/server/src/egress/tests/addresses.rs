//! Names: what is asked for, what is judged, and what is dialled.

use super::*;

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

/// Listens on loopback and answers everybody.
async fn home(net: &Net) -> u16 {
    net.says(OK).await.port()
}

#[tokio::test]
async fn one_forbidden_address_forbids_the_name() {
    let net = Net::new(
        &[
            ("mixed.example", &[&["127.0.0.1", "169.254.169.254"]]),
            ("mixed-first.example", &[&["10.0.0.1", "127.0.0.1"]]),
            ("mixed-late.example", &[&["127.0.0.1", "127.0.0.1", "127.0.0.1", "192.168.0.1"]]),
            ("mixed-v6.example", &[&["127.0.0.1", "fd00::1"]]),
            ("mapped.example", &[&["::ffff:10.0.0.1", "127.0.0.1"]]),
            ("nat64.example", &[&["127.0.0.1", "64:ff9b::a9fe:a9fe"]]),
            ("nothing.example", &[&["127.0.0.1", "0.0.0.0"]]),
            ("inside.example", &[&["10.0.0.1"]]),
        ],
        Vec::new(),
    );
    let port = home(&net).await;
    for (host, message) in [
        ("mixed.example", "169.254.169.254 is refused: link-local"),
        ("mixed-first.example", "10.0.0.1 is refused: private network"),
        ("mixed-late.example", "192.168.0.1 is refused: private network"),
        ("mixed-v6.example", "fd00::1 is refused: private network"),
        ("mapped.example", "::ffff:10.0.0.1 is refused: private network"),
        ("nat64.example", "64:ff9b::a9fe:a9fe is refused: link-local"),
        ("nothing.example", "0.0.0.0 is refused: this network"),
        ("inside.example", "10.0.0.1 is refused: private network"),
        ("inside.example.", "10.0.0.1 is refused: private network"),
        ("ann:secret@INSIDE.example", "10.0.0.1 is refused: private network"),
        ("169.254.169.254", "169.254.169.254 is refused: link-local"),
        ("[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254 is refused: link-local"),
        ("0xa9.0xfe.43518", "169.254.169.254 is refused: link-local"),
    ] {
        for scheme in ["http", "https"] {
            let fault = net.fault(format!("{scheme}://{host}:{port}/")).await;
            assert_eq!(fault, (FaultKind::Refused, message.to_owned()), "{scheme} {host}");
        }
    }
}

#[tokio::test]
async fn a_denied_address_forbids_the_name_as_well() {
    let policy = || EgressPolicy::new(nets(&["0.0.0.0/0"]), Vec::new());
    let names: &[(&str, &[&[&str]])] = &[
        ("home.example", &[&["127.0.0.1"]]),
        ("mixed.example", &[&["10.0.0.1", "127.0.0.1"]]),
        ("nothing.example", &[&["0.0.0.0"]]),
        ("mapped.example", &[&["::ffff:7f00:1"]]),
    ];
    let net = Net::with(names, policy().denying(nets(&["127.0.0.0/8"])), Vec::new(), strict());
    let port = home(&net).await;
    for (host, address) in [
        ("home.example", "127.0.0.1"),
        ("mixed.example", "127.0.0.1"),
        ("nothing.example", "0.0.0.0"),
        ("mapped.example", "::ffff:127.0.0.1"),
        ("127.1", "127.0.0.1"),
    ] {
        let refused = format!("{address} is refused: denied by the configuration");
        let fault = net.fault(format!("http://{host}:{port}/")).await;
        assert_eq!(fault, (FaultKind::Refused, refused), "{host}");
    }
    // The same names without the denial, so that it is the denial that closes them.
    let net = Net::with(names, policy(), Vec::new(), strict());
    let port = home(&net).await;
    for host in ["home.example", "nothing.example", "mapped.example", "127.1"] {
        assert_eq!(net.post(format!("http://{host}:{port}/")).await, Ok(reply(200, "ok")), "{host}");
    }
}

/// A name server may say one thing to the check and another to the dial, so it is asked once.
#[tokio::test]
async fn what_was_vetted_is_what_is_dialled() {
    let net = Net::new(
        &[
            ("rebound.example", &[&["127.0.0.1"], &["169.254.169.254"]]),
            ("back.example", &[&["169.254.169.254"], &["169.254.169.254"], &["127.0.0.1"]]),
        ],
        Vec::new(),
    );
    let port = home(&net).await;
    let url = format!("http://rebound.example:{port}/");
    assert_eq!(net.post(&url).await, Ok(reply(200, "ok")));
    assert_eq!(net.lookups.load(Ordering::SeqCst), 1);
    assert_eq!(net.fault(&url).await.0, FaultKind::Refused, "a new connection asks and judges anew");
    let url = format!("http://back.example:{port}/");
    assert_eq!(net.post(&url).await, Ok(reply(200, "ok")), "and forgets what it was told before");
}

#[tokio::test]
async fn each_address_has_its_turn() {
    let net =
        Net::new(&[("half.example", &[&["127.0.0.2", "127.0.0.1"]]), ("empty.example", &[&[]])], Vec::new());
    let port = home(&net).await;
    assert_eq!(net.post(format!("http://half.example.:{port}/")).await, Ok(reply(200, "ok")));
    let no_address = (FaultKind::Dns, "the name has no address".to_owned());
    assert_eq!(net.fault("http://empty.example/").await, no_address);
    assert_eq!(net.fault("http://gone.example/").await, (FaultKind::Dns, "name not found".to_owned()));
}

#[tokio::test]
async fn the_server_itself_is_refused_whatever_the_name() {
    let net = Net::new(&[], Vec::new());
    let port = home(&net).await;
    let own = SocketAddr::from(([127, 0, 0, 1], port));
    let names: &[(&str, &[&[&str]])] =
        &[("me.example", &[&["127.0.0.1"]]), ("perhaps.example", &[&["127.0.0.2", "127.0.0.1"]])];
    // Known by its address before anything is dialled, or by its port once it is reached.
    for (own, own_ports) in [(vec![own], Vec::new()), (Vec::new(), vec![port])] {
        let net = Net::with(names, EgressPolicy::new(Vec::new(), own), own_ports, strict());
        for host in ["127.0.0.1", "127.1", "me.example", "perhaps.example", "[::ffff:7f00:1]"] {
            let (kind, message) = net.fault(format!("http://{host}:{port}/")).await;
            assert_eq!(kind, FaultKind::Refused, "{host}: {message}");
            assert!(
                message.ends_with(&format!(":{port} is refused: the server itself")),
                "{host}: {message}"
            );
        }
    }
}
