//! Which addresses may be dialled on behalf of somebody who only gave a URL. A table and a verdict;
//! names are resolved and connections opened elsewhere, after asking here.
//!
//! Public and loopback addresses are allowed. Everything with a special purpose needs a network in
//! the operator's allow list that covers it. Link-local and cloud metadata addresses need more: a
//! network that lies wholly inside the guarded range, so that allowing `0.0.0.0/0`, `::/0`, or
//! `100.64.0.0/10` for a VPN, never opens them by accident. The server's own listeners are refused
//! whatever is allowed, and so is every network that the operator denies.
//!
//! An IPv4 address may be spelled inside an IPv6 one: mapped (`::ffff:a.b.c.d`), compatible
//! (`::a.b.c.d`) or through NAT64 (`64:ff9b::a.b.c.d`). All spellings are judged as the IPv4 address,
//! in the operator's lists and among the server's own addresses too. An unspecified address is judged as
//! the loopback address that a connection to it ends at, where that is denied.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What the operator allows and denies, and where the server itself listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressPolicy {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    own: Vec<SocketAddr>,
}

/// Why an address may not be dialled; one line for a webhook's log, such as
/// `169.254.169.254 is refused: link-local`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{target} is refused: {reason}")]
pub struct Forbidden {
    target: Target,
    reason: &'static str,
}

/// The address as it was asked for; with its port where the port is the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Address(IpAddr),
    Socket(SocketAddr),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => ip.fmt(f),
            Self::Socket(socket) => socket.fmt(f),
        }
    }
}

impl EgressPolicy {
    /// A policy that lets through what is public, loopback or within `allow`, and never reaches a
    /// listener in `own`. An unspecified address in `own` stands for every loopback address; the
    /// addresses of other interfaces are for the caller to list.
    pub fn new(allow: Vec<IpNet>, own: Vec<SocketAddr>) -> Self {
        Self {
            allow: allow.into_iter().map(canonical_net).collect(),
            deny: Vec::new(),
            own: own
                .into_iter()
                .map(|socket| SocketAddr::new(canonical(socket.ip()), socket.port()))
                .collect(),
        }
    }

    /// The same policy, which lets nothing through that lies within `deny`, whatever allows it: public
    /// and loopback addresses too.
    #[must_use]
    pub fn denying(self, deny: Vec<IpNet>) -> Self {
        Self { deny: deny.into_iter().map(canonical_net).collect(), ..self }
    }

    /// Whether `ip` may be dialled at `port`.
    ///
    /// # Errors
    /// [`Forbidden`] says why not.
    pub fn judge(&self, ip: IpAddr, port: u16) -> Result<(), Forbidden> {
        let address = canonical(ip);
        if self.own.iter().any(|own| own.port() == port && listens_on(own.ip(), address)) {
            let target = Target::Socket(SocketAddr::new(ip, port));
            return Err(Forbidden { target, reason: "the server itself" });
        }
        if self.denies(address) {
            return Err(Forbidden { target: Target::Address(ip), reason: DENIED });
        }
        match special_range(address) {
            Some(range) if !self.allows(address, range) => {
                Err(Forbidden { target: Target::Address(ip), reason: range.purpose })
            }
            _ => Ok(()),
        }
    }

    fn denies(&self, address: IpAddr) -> bool {
        let reached = reached(address);
        self.deny.iter().any(|net| net.contains(&address) || net.contains(&reached))
    }

    fn allows(&self, address: IpAddr, range: &SpecialRange) -> bool {
        self.allow.iter().any(|net| net.contains(&address) && (!range.guarded || range.net.contains(net)))
    }
}

/// The address that `host` (of a URL or a `Host` header, IPv6 in brackets) denotes without a name
/// server, in any spelling that browsers know: `2130706433`, `0x7f.1`, `127.1`, `[::1]`. `None` for
/// a name and for what is no host at all.
pub fn ip_literal(host: &str) -> Option<IpAddr> {
    match url::Host::parse(host).ok()? {
        url::Host::Ipv4(ip) => Some(ip.into()),
        url::Host::Ipv6(ip) => Some(ip.into()),
        url::Host::Domain(_) => None,
    }
}

/// Whether a connection to `address` ends at a listener on `own`. Dialling an unspecified address
/// reaches the machine itself.
fn listens_on(own: IpAddr, address: IpAddr) -> bool {
    own == address
        || own.is_unspecified() && (address.is_loopback() || address.is_unspecified())
        || own.is_loopback() && address.is_unspecified()
}

/// Where a connection to `address` ends: at loopback for an unspecified one.
fn reached(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// The IPv4 address inside `ip`, if there is one, else `ip`. `::` and `::1` mean themselves.
fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    if v6.is_unspecified() || v6.is_loopback() {
        return ip;
    }
    match v6.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Ipv4Addr::new(a, b, c, d).into()
        }
        _ => ip,
    }
}

/// The IPv4 network that `net` spells, if it lies in one of the embedding prefixes of [`canonical`],
/// else `net`. A wider network, `::/0` say, speaks of IPv6 addresses only.
fn canonical_net(net: IpNet) -> IpNet {
    const EMBEDDING_PREFIX_BITS: u8 = 96;
    let embedded_bits = net.prefix_len().checked_sub(EMBEDDING_PREFIX_BITS);
    match (net, canonical(net.network()), embedded_bits) {
        (IpNet::V6(_), IpAddr::V4(network), Some(bits)) => Ipv4Net::new_assert(network, bits).into(),
        _ => net,
    }
}

/// A range of addresses that are not for the public internet.
struct SpecialRange {
    net: IpNet,
    purpose: &'static str,
    /// Whether only an allowed network inside the range opens it.
    guarded: bool,
}

const DENIED: &str = "denied by the configuration";
const LINK_LOCAL: &str = "link-local";
const METADATA: &str = "cloud metadata";
const PRIVATE: &str = "private network";
const DOCUMENTATION: &str = "documentation";
const RESERVED: &str = "reserved";
const ANYCAST_SERVICE: &str = "anycast service";

/// The IANA IPv4 and IPv6 Special-Purpose Address Registries without loopback, multicast (RFC 5771,
/// RFC 4291), all of IPv6 outside the global unicast space `2000::/3` (RFC 4291), and the addresses at
/// which clouds hand credentials to their machines. The first range that holds an address names it,
/// so the narrow ones stand first.
const SPECIAL_RANGES: &[SpecialRange] = &[
    // Amazon, Azure, Google and most others; Amazon's containers; Amazon's Kubernetes pods.
    guarded(v4([169, 254, 169, 254], 32), LINK_LOCAL),
    guarded(v4([169, 254, 170, 2], 32), LINK_LOCAL),
    guarded(v4([169, 254, 170, 23], 32), LINK_LOCAL),
    guarded(v4([169, 254, 0, 0], 16), LINK_LOCAL),
    guarded(v4([100, 100, 100, 200], 32), METADATA), // Alibaba
    guarded(v4([168, 63, 129, 16], 32), METADATA),   // Azure; a public address by its looks
    guarded(v4([192, 0, 0, 192], 32), METADATA),     // Oracle
    open(v4([0, 0, 0, 0], 8), "this network"),
    open(v4([10, 0, 0, 0], 8), PRIVATE),
    open(v4([100, 64, 0, 0], 10), "shared address space"),
    open(v4([172, 16, 0, 0], 12), PRIVATE),
    open(v4([192, 0, 0, 0], 24), "protocol assignments"),
    open(v4([192, 0, 2, 0], 24), DOCUMENTATION),
    open(v4([192, 31, 196, 0], 24), ANYCAST_SERVICE),
    open(v4([192, 52, 193, 0], 24), ANYCAST_SERVICE),
    open(v4([192, 88, 99, 0], 24), "6to4 relay"),
    open(v4([192, 168, 0, 0], 16), PRIVATE),
    open(v4([192, 175, 48, 0], 24), ANYCAST_SERVICE),
    open(v4([198, 18, 0, 0], 15), "benchmarking"),
    open(v4([198, 51, 100, 0], 24), DOCUMENTATION),
    open(v4([203, 0, 113, 0], 24), DOCUMENTATION),
    open(v4([224, 0, 0, 0], 4), "multicast"),
    open(v4([255, 255, 255, 255], 32), "broadcast"),
    open(v4([240, 0, 0, 0], 4), RESERVED),
    guarded(v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), LINK_LOCAL),
    guarded(v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), METADATA), // Amazon
    guarded(v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), METADATA), // Google
    guarded(v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128), METADATA), // Oracle
    open(v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), PRIVATE),
    open(v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    open(v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
    open(v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "protocol assignments"),
    open(v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), DOCUMENTATION),
    open(v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "6to4"),
    open(v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), ANYCAST_SERVICE),
    open(v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), DOCUMENTATION),
    open(v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified address"),
    open(v6([0, 0, 0, 0, 0, 0, 0, 0], 3), RESERVED),
    open(v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 2), RESERVED),
    open(v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 1), RESERVED),
];

fn special_range(address: IpAddr) -> Option<&'static SpecialRange> {
    if address.is_loopback() {
        return None;
    }
    SPECIAL_RANGES.iter().find(|range| range.net.contains(&address))
}

const fn open(net: IpNet, purpose: &'static str) -> SpecialRange {
    SpecialRange { net, purpose, guarded: false }
}

const fn guarded(net: IpNet, purpose: &'static str) -> SpecialRange {
    SpecialRange { net, purpose, guarded: true }
}

const fn v4(octets: [u8; 4], prefix_bits: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), prefix_bits))
}

const fn v6(segments: [u16; 8], prefix_bits: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_segments(segments), prefix_bits))
}

#[cfg(test)]
mod tests;
