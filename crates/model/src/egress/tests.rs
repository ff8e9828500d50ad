//! Tables of verdicts, and the property that every spelling of an address gets the same one.

use super::*;
use proptest::prelude::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

fn policy(allow: &[&str], own: &[&str]) -> EgressPolicy {
    EgressPolicy::new(
        allow.iter().map(|net| net.parse().expect(net)).collect(),
        own.iter().map(|socket| socket.parse().expect(socket)).collect(),
    )
}

/// The reason of the refusal, empty for an address that is allowed.
fn reason(policy: &EgressPolicy, address: IpAddr) -> &'static str {
    policy.judge(address, 80).err().map_or("", |forbidden| forbidden.reason)
}

/// The address `offset` places after `address`, `None` past either end.
fn neighbour(address: IpAddr, offset: i8) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4).checked_add_signed(offset.into())?).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6).checked_add_signed(offset.into())?).into(),
    })
}

#[test]
fn every_range_begins_and_ends_where_the_registries_say() {
    const PUBLIC: &str = "";
    let policy = policy(&[], &[]);
    // Range, reason inside it, reason just before it, reason just after it.
    for (net, inside, before, after) in [
        ("0.0.0.0/8", "this network", PUBLIC, PUBLIC),
        ("10.0.0.0/8", PRIVATE, PUBLIC, PUBLIC),
        ("100.64.0.0/10", "shared address space", PUBLIC, PUBLIC),
        ("100.100.100.200/32", METADATA, "shared address space", "shared address space"),
        ("127.0.0.0/8", PUBLIC, PUBLIC, PUBLIC),
        ("168.63.129.16/32", METADATA, PUBLIC, PUBLIC),
        ("169.254.0.0/16", LINK_LOCAL, PUBLIC, PUBLIC),
        ("169.254.169.254/32", LINK_LOCAL, LINK_LOCAL, LINK_LOCAL),
        ("172.16.0.0/12", PRIVATE, PUBLIC, PUBLIC),
        ("192.0.0.0/24", "protocol assignments", PUBLIC, PUBLIC),
        ("192.0.0.192/32", METADATA, "protocol assignments", "protocol assignments"),
        ("192.0.2.0/24", DOCUMENTATION, PUBLIC, PUBLIC),
        ("192.31.196.0/24", ANYCAST_SERVICE, PUBLIC, PUBLIC),
        ("192.52.193.0/24", ANYCAST_SERVICE, PUBLIC, PUBLIC),
        ("192.88.99.0/24", "6to4 relay", PUBLIC, PUBLIC),
        ("192.168.0.0/16", PRIVATE, PUBLIC, PUBLIC),
        ("192.175.48.0/24", ANYCAST_SERVICE, PUBLIC, PUBLIC),
        ("198.18.0.0/15", "benchmarking", PUBLIC, PUBLIC),
        ("198.51.100.0/24", DOCUMENTATION, PUBLIC, PUBLIC),
        ("203.0.113.0/24", DOCUMENTATION, PUBLIC, PUBLIC),
        ("224.0.0.0/4", "multicast", PUBLIC, RESERVED),
        ("255.255.255.255/32", "broadcast", RESERVED, PUBLIC),
        ("::/128", "unspecified address", PUBLIC, PUBLIC),
        ("::1/128", PUBLIC, "unspecified address", "this network"),
        ("64:ff9b:1::/48", RESERVED, RESERVED, RESERVED),
        ("100::/64", RESERVED, RESERVED, RESERVED),
        ("2000::/3", PUBLIC, RESERVED, RESERVED),
        ("2001::/23", "protocol assignments", PUBLIC, PUBLIC),
        ("2001:db8::/32", DOCUMENTATION, PUBLIC, PUBLIC),
        ("2002::/16", "6to4", PUBLIC, PUBLIC),
        ("2620:4f:8000::/48", ANYCAST_SERVICE, PUBLIC, PUBLIC),
        ("3fff::/20", DOCUMENTATION, PUBLIC, PUBLIC),
        ("5f00::/16", RESERVED, RESERVED, RESERVED),
        ("fc00::/7", PRIVATE, RESERVED, RESERVED),
        ("fd00:c1::a9fe:a9fe/128", METADATA, PRIVATE, PRIVATE),
        ("fd00:ec2::/32", METADATA, PRIVATE, PRIVATE),
        ("fd20:ce::254/128", METADATA, PRIVATE, PRIVATE),
        ("fe80::/10", LINK_LOCAL, RESERVED, "site-local"),
        ("fec0::/10", "site-local", LINK_LOCAL, "multicast"),
        ("ff00::/8", "multicast", "site-local", PUBLIC),
    ] {
        let range: IpNet = net.parse().expect(net);
        let (first, last) = (range.network(), range.broadcast());
        assert_eq!(reason(&policy, first), inside, "first of {net}");
        assert_eq!(reason(&policy, last), inside, "last of {net}");
        assert_eq!(neighbour(first, -1).map_or("", |ip| reason(&policy, ip)), before, "before {net}");
        assert_eq!(neighbour(last, 1).map_or("", |ip| reason(&policy, ip)), after, "after {net}");
    }
}

#[test]
fn the_special_ranges_leave_the_public_internet_alone() {
    let policy = policy(&[], &[]);
    for address in ["1.1.1.1", "93.184.216.34", "223.255.255.255", "2606:4700::1111", "2a00:1450::1"] {
        assert_eq!(policy.judge(ip(address), 443), Ok(()), "{address}");
    }
}

#[test]
fn a_network_that_covers_an_address_opens_it() {
    for (allow, address, expected) in [
        ("192.168.1.0/24", "192.168.1.7", ""),
        ("192.168.1.0/24", "192.168.2.7", PRIVATE),
        ("10.0.0.0/8", "192.168.1.7", PRIVATE),
        ("0.0.0.0/0", "10.1.2.3", ""),
        ("198.18.0.0/15", "198.18.0.1", ""),
        ("fd12:3456::/32", "fd12:3456::1", ""),
        ("::/0", "fd12:3456::1", ""),
        ("::/0", "10.1.2.3", PRIVATE),
        ("::/0", "::ffff:10.1.2.3", PRIVATE),
        ("10.0.0.0/8", "::ffff:10.1.2.3", ""),
        ("10.0.0.0/8", "64:ff9b::10.1.2.3", ""),
        ("10.0.0.0/8", "::10.1.2.3", ""),
        ("::ffff:10.0.0.0/104", "10.1.2.3", ""),
        ("64:ff9b::10.0.0.0/104", "::ffff:10.1.2.3", ""),
        ("::10.0.0.0/104", "11.1.2.3", ""),
        ("::ffff:10.0.0.0/104", "192.168.0.1", PRIVATE),
        ("::ffff:0.0.0.0/95", "10.1.2.3", PRIVATE),
    ] {
        assert_eq!(reason(&policy(&[allow], &[]), ip(address)), expected, "{address} with {allow}");
    }
}

#[test]
fn link_local_and_metadata_are_opened_only_by_a_network_inside_them() {
    for (allow, address, expected) in [
        ("0.0.0.0/0", "169.254.1.1", LINK_LOCAL),
        ("169.0.0.0/8", "169.254.1.1", LINK_LOCAL),
        ("169.254.0.0/16", "169.254.1.1", ""),
        ("::ffff:169.254.0.0/112", "169.254.1.1", ""),
        ("169.254.0.0/16", "169.254.169.254", LINK_LOCAL),
        ("169.254.0.0/16", "169.254.170.2", LINK_LOCAL),
        ("169.254.169.254/32", "169.254.169.254", ""),
        ("0.0.0.0/0", "168.63.129.16", METADATA),
        ("100.64.0.0/10", "100.100.100.201", ""),
        ("100.64.0.0/10", "100.100.100.200", METADATA),
        ("100.100.100.200/32", "100.100.100.200", ""),
        ("::/0", "fe80::1", LINK_LOCAL),
        ("fe80::/10", "fe80::1", ""),
        ("fc00::/7", "fd00:ec2::254", METADATA),
        ("fd00:ec2::254/128", "fd00:ec2::254", ""),
    ] {
        assert_eq!(reason(&policy(&[allow], &[]), ip(address)), expected, "{address} with {allow}");
    }
}

#[test]
fn a_denied_network_is_closed_whatever_opens_it() {
    for (deny, allow, address, expected) in [
        ("127.0.0.0/8", "0.0.0.0/0", "127.0.0.1", DENIED),
        ("127.0.0.0/8", "127.0.0.1/32", "127.0.0.1", DENIED),
        ("127.0.0.0/8", "0.0.0.0/0", "127.255.255.255", DENIED),
        ("127.0.0.0/8", "0.0.0.0/0", "128.0.0.0", ""),
        ("127.0.0.0/8", "0.0.0.0/0", "::ffff:127.0.0.1", DENIED),
        ("127.0.0.0/8", "0.0.0.0/0", "64:ff9b::7f00:1", DENIED),
        ("127.0.0.0/8", "0.0.0.0/0", "::127.0.0.1", DENIED),
        ("::ffff:127.0.0.0/104", "0.0.0.0/0", "127.0.0.1", DENIED),
        // Dialling it reaches 127.0.0.1.
        ("127.0.0.0/8", "0.0.0.0/0", "0.0.0.0", DENIED),
        ("127.0.0.0/8", "0.0.0.0/0", "0.0.0.1", ""),
        ("127.0.0.0/8", "::/0", "::1", ""),
        ("::1/128", "::/0", "::1", DENIED),
        ("::1/128", "::/0", "::", DENIED),
        ("::1/128", "::/0", "127.0.0.1", ""),
        ("10.0.0.0/8", "10.0.0.0/8", "10.1.2.3", DENIED),
        ("10.1.0.0/16", "10.0.0.0/8", "10.1.2.3", DENIED),
        ("10.1.0.0/16", "10.0.0.0/8", "10.2.2.3", ""),
        ("169.254.169.254/32", "169.254.169.254/32", "169.254.169.254", DENIED),
        ("0.0.0.0/0", "0.0.0.0/0", "93.184.216.34", DENIED),
        ("0.0.0.0/0", "0.0.0.0/0", "127.0.0.1", DENIED),
        ("0.0.0.0/0", "0.0.0.0/0", "::ffff:93.184.216.34", DENIED),
        ("0.0.0.0/0", "0.0.0.0/0", "2606:4700::1111", ""),
        ("::/0", "::/0", "2606:4700::1111", DENIED),
        ("::/0", "::/0", "93.184.216.34", ""),
        ("::/0", "::/0", "::ffff:93.184.216.34", ""),
    ] {
        let policy = policy(&[allow], &[]).denying(vec![deny.parse().expect(deny)]);
        assert_eq!(reason(&policy, ip(address)), expected, "{address} with {deny} denied, {allow} allowed");
    }
}

#[test]
fn the_servers_own_listeners_are_refused_whatever_is_allowed() {
    for (own, address, port, refused) in [
        ("127.0.0.1:5000", "127.0.0.1", 5000, true),
        ("127.0.0.1:5000", "::ffff:127.0.0.1", 5000, true),
        ("127.0.0.1:5000", "::127.0.0.1", 5000, true),
        ("127.0.0.1:5000", "64:ff9b::127.0.0.1", 5000, true),
        ("127.0.0.1:5000", "0.0.0.0", 5000, true),
        ("127.0.0.1:5000", "127.0.0.1", 5001, false),
        ("127.0.0.1:5000", "127.0.0.2", 5000, false),
        ("127.0.0.1:5000", "::1", 5000, false),
        ("[::ffff:127.0.0.1]:5000", "127.0.0.1", 5000, true),
        ("[::1]:5000", "::1", 5000, true),
        ("[::1]:5000", "::", 5000, true),
        ("0.0.0.0:5000", "127.0.0.1", 5000, true),
        ("0.0.0.0:5000", "127.9.9.9", 5000, true),
        ("0.0.0.0:5000", "::1", 5000, true),
        ("0.0.0.0:5000", "0.0.0.0", 5000, true),
        ("0.0.0.0:5000", "::", 5000, true),
        ("0.0.0.0:5000", "127.0.0.1", 80, false),
        ("[::]:5000", "127.0.0.1", 5000, true),
        ("[::]:5000", "::ffff:127.0.0.1", 5000, true),
        ("[::]:5000", "93.184.216.34", 5000, false),
        ("192.168.1.5:5000", "192.168.1.5", 5000, true),
        ("192.168.1.5:5000", "::ffff:192.168.1.5", 5000, true),
        ("192.168.1.5:5000", "192.168.1.6", 5000, false),
        ("192.168.1.5:5000", "127.0.0.1", 5000, false),
    ] {
        let policy = policy(&["0.0.0.0/0", "::/0"], &[own]);
        assert_eq!(policy.judge(ip(address), port).is_err(), refused, "{address} {port} with {own}");
    }
}

#[test]
fn a_refusal_is_one_line_for_the_log() {
    let policy = policy(&[], &["127.0.0.1:5000", "[::1]:5000"]);
    for (address, port, text) in [
        ("169.254.169.254", 80, "169.254.169.254 is refused: link-local"),
        ("::ffff:10.0.0.1", 80, "::ffff:10.0.0.1 is refused: private network"),
        ("127.0.0.1", 5000, "127.0.0.1:5000 is refused: the server itself"),
        ("::1", 5000, "[::1]:5000 is refused: the server itself"),
    ] {
        let forbidden = policy.judge(ip(address), port).expect_err(address);
        assert_eq!(forbidden.to_string(), text);
    }
}

#[test]
fn a_literal_in_any_spelling_ends_at_the_same_verdict() {
    let policy = policy(&[], &["127.0.0.1:5000"]);
    for (host, expected) in [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0x7F000001", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("%31%32%37.1", "127.0.0.1"),
        ("１２７.0.0.1", "127.0.0.1"),
        ("[::ffff:127.0.0.1]", "::ffff:7f00:1"),
        ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0x7f.0x0.0.0x1", "127.0.0.1"),
        ("127.0x1", "127.0.0.1"),
        ("2130706433.", "127.0.0.1"),
        ("0x7f.1.", "127.0.0.1"),
        ("①②⑦.⓪.⓪.①", "127.0.0.1"),
        ("127。0。0。1", "127.0.0.1"),
        ("[0:0:0:0:0:FFFF:7F00:0001]", "::ffff:7f00:1"),
        ("[::127.0.0.1]", "::7f00:1"),
        ("[64:ff9b::127.0.0.1]", "64:ff9b::7f00:1"),
    ] {
        let url = url::Url::parse(&format!("http://{host}:5000/")).expect(host);
        for spelling in [host, url.host_str().expect("a host")] {
            let literal = ip_literal(spelling).expect(spelling);
            assert_eq!(literal, ip(expected), "{spelling}");
            let forbidden = policy.judge(literal, 5000).expect_err(spelling);
            assert_eq!(forbidden.reason, "the server itself");
            assert_eq!(policy.judge(literal, 5001), Ok(()), "{spelling}");
            let denying = policy.clone().denying(vec!["127.0.0.0/8".parse().expect("a network")]);
            assert_eq!(reason(&denying, literal), DENIED, "{spelling}");
        }
    }
    assert_eq!(reason(&policy, ip_literal("2852039166").expect("a literal")), LINK_LOCAL);
}

#[test]
fn a_name_is_no_literal() {
    for host in [
        "localhost",
        "example.com",
        "127.0.0.1.example.com",
        "1.2.3.4.5",
        "::1",
        "[::1",
        "",
        "a b",
        "127.0.0.1..",
        "0x7g.1",
        "4294967296",
        "127.0.0.256",
        "[::1%25lo]",
        "[fe80::1%eth0]",
        "127.0.0.1:80",
        "a@127.0.0.1",
    ] {
        assert_eq!(ip_literal(host), None, "{host}");
    }
}

fn spellings(v4: Ipv4Addr) -> [IpAddr; 4] {
    let low = u128::from(u32::from(v4));
    let nat64 = u128::from(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0));
    [
        v4.into(),
        v4.to_ipv6_mapped().into(),
        Ipv6Addr::from(nat64 | low).into(),
        // `::` and `::1` are addresses of their own.
        if low > 1 { Ipv6Addr::from(low).into() } else { v4.into() },
    ]
}

/// Any address, and often one of a special range.
fn any_v4() -> impl Strategy<Value = Ipv4Addr> {
    let special: Vec<Ipv4Net> = SPECIAL_RANGES
        .iter()
        .filter_map(|range| if let IpNet::V4(net) = range.net { Some(net) } else { None })
        .collect();
    let special = (prop::sample::select(special), any::<u32>())
        .prop_map(|(net, low)| Ipv4Addr::from(u32::from(net.network()) | low & u32::from(net.hostmask())));
    prop_oneof![any::<u32>().prop_map(Ipv4Addr::from), special, Just(Ipv4Addr::LOCALHOST)]
}

proptest! {
    #[test]
    fn all_spellings_decide_alike(
        address in any_v4(),
        (allowed, bits) in (any_v4(), 0_u8..=32),
        (denied, denied_bits) in (any_v4(), 1_u8..=32),
        (own, port) in (any_v4(), 0_u16..2),
        allowed_as in 0_usize..3,
        own_as in 0_usize..3,
    ) {
        let plain = EgressPolicy::new(
            vec![Ipv4Net::new_assert(allowed, bits).into()],
            vec![SocketAddr::new(own.into(), 1)],
        )
        .denying(vec![Ipv4Net::new_assert(denied, denied_bits).into()]);
        let spelt_bits = if allowed_as == 0 { bits } else { bits + 96 };
        let spelt = EgressPolicy::new(
            vec![IpNet::new_assert(spellings(allowed)[allowed_as], spelt_bits)],
            vec![SocketAddr::new(spellings(own)[own_as], 1)],
        )
        .denying(vec![IpNet::new_assert(
            spellings(denied)[allowed_as],
            if allowed_as == 0 { denied_bits } else { denied_bits + 96 },
        )]);
        let expected = plain.judge(address.into(), port).map_err(|forbidden| forbidden.reason);
        for policy in [&plain, &spelt] {
            for spelling in spellings(address) {
                let verdict = policy.judge(spelling, port).map_err(|forbidden| forbidden.reason);
                prop_assert_eq!(verdict, expected, "{}", spelling);
            }
        }
    }
}
