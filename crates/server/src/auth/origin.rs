//! Where a request comes from, as far as limits count it.

use std::net::{IpAddr, Ipv6Addr};

/// The address that counts: of an IPv6 address the first 64 bits, since whoever has one has them
/// all; an IPv4 address spelled as an IPv6 one is the IPv4 address.
pub(super) fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}
