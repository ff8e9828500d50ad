//! The ids of sockets, which each wire protocol spells in its own way.

/// What a socket is known by: 128 bits, drawn at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u128);

impl SocketId {
    /// As Pusher spells it, its halves as `n.n`.
    pub fn pusher(self) -> String {
        format!("{}.{}", self.0 >> 64, self.0 & u128::from(u64::MAX))
    }

    /// As a UUID (RFC 9562, section 4), whatever its version.
    pub fn uuid(self) -> String {
        let hex = format!("{:032x}", self.0);
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        parts.join("-")
    }

    /// Reads either spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_pusher(text).or_else(|| Self::parse_uuid(text))
    }

    fn parse_pusher(text: &str) -> Option<Self> {
        let (high, low) = text.split_once('.')?;
        let half = |digits: &str| {
            let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_plain.then(|| digits.parse::<u64>().ok()).flatten()
        };
        Some(Self(u128::from(half(high)?) << 64 | u128::from(half(low)?)))
    }

    fn parse_uuid(text: &str) -> Option<Self> {
        let parts = text.split('-').map(str::len);
        if !text.is_ascii() || !parts.eq([8, 4, 4, 4, 12]) {
            return None;
        }
        let hex = text.replace('-', "");
        let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u128::from_str_radix(&hex, 16).ok().map(Self)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_spelled_in_two_ways() {
        let id = SocketId(0x0123_4567_89ab_cdef_0000_0000_0000_0007);
        assert_eq!(id.pusher(), "81985529216486895.7");
        assert_eq!(id.uuid(), "01234567-89ab-cdef-0000-000000000007");
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "1",
            "1.",
            ".1",
            "+1.2",
            "1.2.3",
            "18446744073709551616.1",
            "01234567-89ab-cdef-0000-00000000000g",
        ] {
            assert_eq!(SocketId::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn each_spelling_is_read_back(id: u128) {
            let id = SocketId(id);
            prop_assert_eq!(SocketId::parse(&id.pusher()), Some(id));
            prop_assert_eq!(SocketId::parse(&id.uuid()), Some(id));
            prop_assert_eq!(SocketId::parse(&id.uuid().to_uppercase()), Some(id));
        }
    }
}
