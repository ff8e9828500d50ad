//! Where a webhook may lead to, in every spelling: each attempt is a row that says what came of it.

use std::net::{IpAddr, SocketAddr};

use fanfare::config::Config;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::{
    Expected, Keeper,
    animal::{Animal, habit, register},
};

/// A keeper with this configuration, and an animal on 127.0.0.1 that behaves.
async fn places(configure: impl FnOnce(&mut Config)) -> (Keeper, Animal) {
    let keeper = Keeper::start_with(configure).await;
    let animal = Animal::start(
        &keeper.clock,
        habit(|mut guest| async move {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            while guest.asks().await && guest.say(answer).await {}
        }),
    );
    (keeper, animal)
}

/// Sends a test to an authority of a URL, with this port in the place of `PORT`: the only row about it.
async fn send(keeper: &Keeper, port: u16, authority: &str) -> Value {
    let url = format!("http://{}/", authority.replace("PORT", &port.to_string()));
    let webhook = register(&keeper.host, &url).await;
    keeper.host.post(&format!("/api/webhooks/test/{webhook}"), json!({})).await.expect(200);
    let mut rows = keeper.rows(webhook, 1, 1).await;
    assert_eq!(rows.len(), 1, "{url}");
    rows.remove(0)
}

/// Sends a test, which must be refused for this reason.
async fn is_refused(keeper: &Keeper, port: u16, authority: &str, reason: &str) {
    let row = send(keeper, port, authority).await;
    assert_eq!(row["error_message"], reason, "{authority}");
    assert_eq!(row["error_kind"], "refused", "{authority}");
    assert_eq!(row["response_status"], Value::Null, "{authority}");
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

/// A name of 300 characters that means this machine, as every one below `localhost` does.
fn long_localhost() -> String {
    let name = format!("{}localhost", "a.".repeat(145)) + ".";
    assert_eq!(name.len(), 300);
    name
}

/// Spellings of 127.0.0.1, with the address that a refusal names.
const LOOPBACK: &[(&str, &str)] = &[
    ("127.0.0.1:PORT", "127.0.0.1"),
    ("127.0.0.1.:PORT", "127.0.0.1"),
    ("127.1:PORT", "127.0.0.1"),
    ("0x7f.1:PORT", "127.0.0.1"),
    ("0x7F000001:PORT", "127.0.0.1"),
    ("0177.0.0.1:PORT", "127.0.0.1"),
    ("2130706433:PORT", "127.0.0.1"),
    ("2130706433.:PORT", "127.0.0.1"),
    ("%31%32%37.0.0.1:PORT", "127.0.0.1"),
    ("１２７.0.0.1:PORT", "127.0.0.1"),
    ("①②⑦。⓪。⓪。①:PORT", "127.0.0.1"),
    ("[::ffff:127.0.0.1]:PORT", "::ffff:127.0.0.1"),
    ("[::FFFF:7f00:1]:PORT", "::ffff:127.0.0.1"),
    ("[0:0:0:0:0:ffff:7f00:0001]:PORT", "::ffff:127.0.0.1"),
    ("localhost:PORT", "127.0.0.1"),
    ("LocalHost.:PORT", "127.0.0.1"),
    ("ｌｏｃａｌｈｏｓｔ:PORT", "127.0.0.1"),
    ("bot.localhost:PORT", "127.0.0.1"),
    ("bücher.localhost:PORT", "127.0.0.1"),
    ("xn--bcher-kva.localhost:PORT", "127.0.0.1"),
    ("ann@127.0.0.1:PORT", "127.0.0.1"),
    ("ann:secret@localhost:PORT", "127.0.0.1"),
    ("169.254.169.254@127.0.0.1:PORT", "127.0.0.1"),
    ("169.254.169.254:80@127.0.0.1:PORT", "127.0.0.1"),
    ("127.0.0.1:PORT\\@169.254.169.254", "127.0.0.1"),
    ("127.0.0.1:PORT#@169.254.169.254", "127.0.0.1"),
    ("127.0.0.1:PORT?@169.254.169.254", "127.0.0.1"),
];

#[tokio::test]
async fn loopback_is_reached_in_every_spelling() {
    let (keeper, animal) = places(|_| {}).await;
    let long = format!("{}:PORT", long_localhost());
    for spelling in LOOPBACK.iter().map(|(spelling, _)| *spelling).chain([&*long]) {
        let row = send(&keeper, animal.port(), spelling).await;
        Expected::Delivered(200, "ok").check(spelling, &row);
    }
    assert_eq!(animal.requests(), LOOPBACK.len() + 1);
}

#[tokio::test]
async fn denied_loopback_is_reached_in_none() {
    let (keeper, animal) = places(|config| {
        config.delivery.egress_deny = nets(&["127.0.0.0/8", "::1/128"]);
        config.delivery.egress_allow = nets(&["0.0.0.0/0", "::/0", "127.0.0.1/32"]);
    })
    .await;
    let long = format!("{}:PORT", long_localhost());
    // The last ones lead here as well, or would with the right network.
    let others = [
        (&*long, "127.0.0.1"),
        ("0.0.0.0:PORT", "0.0.0.0"),
        ("0:PORT", "0.0.0.0"),
        ("[::]:PORT", "::"),
        ("[::1]:PORT", "::1"),
        ("[::127.0.0.1]:PORT", "::7f00:1"),
        ("[64:ff9b::7f00:1]:PORT", "64:ff9b::7f00:1"),
        ("127.255.255.255:PORT", "127.255.255.255"),
    ];
    for (spelling, address) in LOOPBACK.iter().chain(&others) {
        let reason = format!("{address} is refused: denied by the configuration");
        is_refused(&keeper, animal.port(), spelling, &reason).await;
    }
    assert_eq!(animal.connections(), 0);
}

#[tokio::test]
async fn public_addresses_can_be_denied() {
    let (keeper, animal) = places(|config| config.delivery.egress_deny = nets(&["0.0.0.0/0", "::/0"])).await;
    for (authority, address) in [
        ("93.184.216.34", "93.184.216.34"),
        ("0x5db8d822", "93.184.216.34"),
        ("[::ffff:93.184.216.34]", "::ffff:93.184.216.34"),
        ("[2606:4700::1111]", "2606:4700::1111"),
        ("127.0.0.1:PORT", "127.0.0.1"),
        ("localhost:PORT", "127.0.0.1"),
    ] {
        let reason = format!("{address} is refused: denied by the configuration");
        is_refused(&keeper, animal.port(), authority, &reason).await;
    }
}

#[tokio::test]
async fn what_is_not_public_is_refused_in_every_spelling() {
    let (keeper, animal) = places(|_| {}).await;
    for (authority, reason) in [
        ("169.254.169.254", "169.254.169.254 is refused: link-local"),
        ("2852039166", "169.254.169.254 is refused: link-local"),
        ("0xa9fea9fe", "169.254.169.254 is refused: link-local"),
        ("0251.0376.0251.0376", "169.254.169.254 is refused: link-local"),
        ("169.254.43518", "169.254.169.254 is refused: link-local"),
        ("169.254.169.254.", "169.254.169.254 is refused: link-local"),
        ("①⑥⑨.②⑤④.①⑥⑨.②⑤④", "169.254.169.254 is refused: link-local"),
        ("[::ffff:169.254.169.254]", "::ffff:169.254.169.254 is refused: link-local"),
        ("[64:ff9b::a9fe:a9fe]", "64:ff9b::a9fe:a9fe is refused: link-local"),
        ("[::169.254.169.254]", "::a9fe:a9fe is refused: link-local"),
        ("localhost@169.254.169.254", "169.254.169.254 is refused: link-local"),
        ("localhost:80@169.254.169.254:80", "169.254.169.254 is refused: link-local"),
        ("127.0.0.1:PORT%2f@169.254.169.254", "169.254.169.254 is refused: link-local"),
        ("[fe80::1]", "fe80::1 is refused: link-local"),
        ("100.100.100.200", "100.100.100.200 is refused: cloud metadata"),
        ("[fd00:ec2::254]", "fd00:ec2::254 is refused: cloud metadata"),
        ("10.1", "10.0.0.1 is refused: private network"),
        ("192.168.1.1:8080", "192.168.1.1 is refused: private network"),
        ("[fd12::1]", "fd12::1 is refused: private network"),
        ("[2002:7f00:1::]", "2002:7f00:1:: is refused: 6to4"),
        ("0.0.0.0:PORT", "0.0.0.0 is refused: this network"),
        ("0:PORT", "0.0.0.0 is refused: this network"),
        ("[::]:PORT", ":: is refused: unspecified address"),
        ("[::ffff:0:0]:PORT", "::ffff:0.0.0.0 is refused: this network"),
        ("224.0.0.1", "224.0.0.1 is refused: multicast"),
        ("255.255.255.255", "255.255.255.255 is refused: broadcast"),
    ] {
        is_refused(&keeper, animal.port(), authority, reason).await;
    }
    assert_eq!(animal.connections(), 0);
}

/// The server's own port, under every address that it listens on.
#[tokio::test]
async fn the_server_itself_is_refused_in_every_spelling() {
    let loopback_v6 = [("[::1]:PORT", "[::1]"), ("[::]:PORT", "[::]")];
    let unspecified = [("0.0.0.0:PORT", "0.0.0.0"), ("0:PORT", "0.0.0.0")];
    let any_loopback = [("127.9.9.9:PORT", "127.9.9.9")];
    for (listen, others) in [
        ("127.0.0.1:0", unspecified.to_vec()),
        ("0.0.0.0:0", [&unspecified[..], &loopback_v6, &any_loopback].concat()),
        ("[::]:0", [&unspecified[..], &loopback_v6, &any_loopback].concat()),
        ("[::1]:0", loopback_v6.to_vec()),
    ] {
        let (keeper, _) = places(|config| {
            config.listen = listen.parse().expect("an address");
            config.delivery.egress_allow = nets(&["0.0.0.0/0", "::/0"]);
        })
        .await;
        let port = keeper.app.addr().port();
        let v4 = if listen == "[::1]:0" { &[][..] } else { LOOPBACK };
        for (spelling, address) in v4.iter().chain(&others) {
            let address =
                if address.starts_with("::") { format!("[{address}]") } else { (*address).to_owned() };
            let reason = format!("{address}:{port} is refused: the server itself");
            is_refused(&keeper, port, spelling, &reason).await;
        }
    }
}

/// The addresses of this machine's other interfaces lead to the server too, if it listens there.
#[tokio::test]
async fn the_server_itself_is_refused_on_every_interface() {
    let (keeper, _) = places(|config| {
        config.listen = SocketAddr::from(([0, 0, 0, 0], 0));
        config.delivery.egress_allow = nets(&["0.0.0.0/0"]);
    })
    .await;
    let port = keeper.app.addr().port();
    let interfaces = if_addrs::get_if_addrs().expect("the interfaces");
    for address in interfaces.iter().map(if_addrs::Interface::ip).filter(IpAddr::is_ipv4) {
        let reason = format!("{address}:{port} is refused: the server itself");
        is_refused(&keeper, port, &format!("{address}:PORT"), &reason).await;
    }
}

#[tokio::test]
async fn what_is_no_name_is_found_nowhere() {
    let (keeper, animal) = places(|_| {}).await;
    let long = "a.".repeat(150);
    let long_label = format!("{}.invalid", "a".repeat(64));
    for (authority, message) in [
        ("nowhere.invalid", "name not found"),
        ("nirgendwo-für-bücher.invalid", "name not found"),
        ("nowhere.invalid..", "not a valid name"),
        ("127.0.0.1..:PORT", "not a valid name"),
        ("localhost..:PORT", "not a valid name"),
        ("a..invalid", "not a valid name"),
        (&long, "not a valid name"),
        (&long_label, "not a valid name"),
    ] {
        let row = send(&keeper, animal.port(), authority).await;
        assert_eq!(row["error_message"], message, "{authority}");
        assert_eq!(row["error_kind"], "dns", "{authority}");
    }
    assert_eq!(animal.connections(), 0);
}

#[tokio::test]
async fn what_is_no_host_is_not_saved() {
    let (keeper, _) = places(|_| {}).await;
    for authority in [
        "",
        "user@",
        ":80",
        "127.0.0.256",
        "1.2.3.4.5",
        "0x7g.1",
        "4294967296",
        "127.0.0.1:65536",
        "[::1",
        "::1",
        "[::1%25lo]",
        "[fe80::1%eth0]",
        "[1.2.3.4]",
        "a b",
        "xn--a",
        "%ff",
        "a%00b",
        "a<b",
    ] {
        let url = format!("http://{authority}/");
        let body = json!({"name": "zoo", "url": url, "secret": "s", "events": ["*"]});
        let reply = keeper.host.post("/api/webhooks", body).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["error"]),
            (400, &json!("Invalid URL format")),
            "{url}"
        );
    }
}
