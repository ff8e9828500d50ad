//! Whose word counts for where a request comes from.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

/// The only header that is asked; `Forwarded` and those of single vendors are not.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies that say truly for whom they ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether the address is a trusted proxy's.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client behind a connection from `peer`. Each proxy puts the address that
    /// it was asked from at the right end of `X-Forwarded-For`, so the first from the right that is
    /// no trusted proxy's is the client's, and what stands left of it is the client's own tale. What
    /// cannot be read is nobody's word either: then the proxy that passed it on counts.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if self.0.is_empty() {
            return client;
        }
        let values = headers.get_all(FORWARDED_FOR);
        let mut hops = values.iter().rev().flat_map(hops_from_the_right);
        while self.contains(client) {
            match hops.next() {
                Some(Some(hop)) => client = hop,
                Some(None) | None => break,
            }
        }
        client
    }
}

/// The addresses of one header from right to left; `None` for what is none.
fn hops_from_the_right(value: &HeaderValue) -> impl Iterator<Item = Option<IpAddr>> {
    value.as_bytes().rsplit(|byte| *byte == b',').map(|hop| address(str::from_utf8(hop).ok()?))
}

/// An address with or without a port; one of IPv6 may stand in brackets, and must when a port
/// follows.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let without_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = match without_brackets {
        Some(v6) => v6.parse().map(IpAddr::V6).ok(),
        None => text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip())),
    };
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_that_a_trusted_proxy_names() {
        let networks =
            ["10.0.0.0/8", "::1/128", "fd00::/8"].map(|network| network.parse().expect("a network"));
        let proxies = TrustedProxies::new(networks.to_vec());
        for (peer, headers, expected) in [
            // A stranger may say what it likes.
            ("9.9.9.9", &["1.2.3.4"][..], "9.9.9.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("::ffff:10.0.0.1", &["1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", &["6.6.6.6, 1.2.3.4 ,10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["6.6.6.6", "1.2.3.4", "10.0.0.2"], "1.2.3.4"),
            ("10.0.0.1", &["10.0.0.3,10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &["1.2.3.4:5678"], "1.2.3.4"),
            ("10.0.0.1", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("10.0.0.1", &["\"[2001:db8::7]:443\""], "2001:db8::7"),
            ("10.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4"),
            ("::1", &["1.2.3.4, fd00::5"], "1.2.3.4"),
            // What cannot be read ends the walk.
            ("10.0.0.1", &["1.2.3.4, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.2.3.4,"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, [::1"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, 1.2.3.4:99999"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, é"], "10.0.0.1"),
            ("10.0.0.1", &["[1.2.3.4]"], "10.0.0.1"),
        ] {
            let mut map = HeaderMap::new();
            for value in headers {
                map.append(FORWARDED_FOR, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
            }
            let peer = peer.parse().expect("an address");
            let expected: IpAddr = expected.parse().expect("an address");
            assert_eq!(proxies.client(peer, &map), expected, "{headers:?} from {peer}");
        }
        let nobody = TrustedProxies::default();
        let map = HeaderMap::from_iter([(FORWARDED_FOR, HeaderValue::from_static("1.2.3.4"))]);
        assert_eq!(nobody.client([127, 0, 0, 1].into(), &map), IpAddr::from([127, 0, 0, 1]));
    }
}
