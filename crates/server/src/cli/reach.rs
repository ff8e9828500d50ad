//! Under which addresses a phone or a browser reaches the server, and the picture a phone can read.

use std::net::{IpAddr, SocketAddr};

use qrcode::{QrCode, render::unicode::Dense1x2};

use crate::startup::Interface;

/// Addresses that are shown at most.
const ADDRESSES_MAX: usize = 4;
/// How the networks of containers, virtual machines and tunnels are called: nothing a phone is in.
const VIRTUAL_PREFIXES: [&str; 14] = [
    "br-",
    "cni",
    "docker",
    "lxc",
    "lxd",
    "podman",
    "tailscale",
    "tap",
    "tun",
    "utun",
    "veth",
    "virbr",
    "vmnet",
    "wg",
];

/// The URL under which this machine itself reaches a server that listens at `listen`.
pub(super) fn local_url(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    url(ip, listen.port())
}

/// The URLs under which others in the network reach a server that listens at `listen`, the likeliest
/// first; none for a server that listens for this machine alone.
pub(super) fn lan_urls(listen: SocketAddr, interfaces: &[Interface]) -> Vec<String> {
    if listen.ip().is_loopback() {
        return Vec::new();
    }
    if !listen.ip().is_unspecified() {
        return vec![url(listen.ip(), listen.port())];
    }
    let mut found: Vec<&Interface> = interfaces
        .iter()
        .filter(|interface| !interface.ip.is_loopback() && !is_link_local(interface.ip))
        .filter(|interface| listen.is_ipv6() || interface.ip.is_ipv4())
        .collect();
    found.sort_by_key(|interface| (is_virtual(&interface.name), interface.ip.is_ipv6()));
    found.iter().take(ADDRESSES_MAX).map(|interface| url(interface.ip, listen.port())).collect()
}

/// The text as a QR code in half blocks. What a QR code calls light is drawn and what it calls dark
/// is left out, which is right on a dark terminal; phones read the inverse as well.
pub(super) fn qr_code(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let picture = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    Some(picture)
}

fn url(ip: IpAddr, port: u16) -> String {
    format!("http://{}", SocketAddr::new(ip, port))
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_virtual(name: &str) -> bool {
    VIRTUAL_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Vec<Interface> {
        [
            ("lo", "127.0.0.1"),
            ("docker0", "172.17.0.1"),
            ("eth0", "169.254.3.4"),
            ("wlan0", "fe80::1"),
            ("wlan0", "fd00::7"),
            ("wlan0", "192.168.1.7"),
            ("lo", "::1"),
        ]
        .map(|(name, ip)| Interface { name: name.to_owned(), ip: ip.parse().expect("an address") })
        .to_vec()
    }

    #[test]
    fn others_reach_only_what_listens_for_them_and_docker_comes_last() {
        for (listen, urls) in [
            ("127.0.0.1:5000", &[][..]),
            ("[::1]:5000", &[]),
            ("192.168.1.7:80", &["http://192.168.1.7:80"]),
            ("0.0.0.0:5000", &["http://192.168.1.7:5000", "http://172.17.0.1:5000"]),
            ("[::]:5000", &["http://192.168.1.7:5000", "http://[fd00::7]:5000", "http://172.17.0.1:5000"]),
        ] {
            let listen = listen.parse().expect("an address");
            assert_eq!(lan_urls(listen, &machine()), urls, "{listen}");
        }
    }

    #[test]
    fn this_machine_reaches_it_by_loopback() {
        for (listen, expected) in [
            ("127.0.0.1:1", "http://127.0.0.1:1"),
            ("0.0.0.0:1", "http://127.0.0.1:1"),
            ("[::]:1", "http://[::1]:1"),
            ("10.0.0.1:1", "http://10.0.0.1:1"),
        ] {
            assert_eq!(local_url(listen.parse().expect("an address")), expected);
        }
    }

    #[test]
    fn the_picture_is_square_and_framed_by_its_quiet_zone() {
        let picture = qr_code("http://192.168.1.7:5000").expect("short enough");
        let lines: Vec<&str> = picture.lines().collect();
        // Version 2 has 25 modules, 4 more on each side, and two modules share a line.
        assert_eq!(lines.len(), 17);
        assert!(lines.iter().all(|line| line.chars().count() == 33));
        assert!(lines[0].chars().all(|block| block == '\u{2588}'));
    }
}
