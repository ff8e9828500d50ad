//! Randomness: identifiers and lots.

use fanfare_model::Timestamp;

/// `N` random bytes as hexadecimal digits.
pub(crate) fn hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    hex::encode(bytes)
}

/// A number, each as likely as any other.
pub(crate) fn number() -> u64 {
    getrandom::u64().expect("the operating system has randomness")
}

/// A new secret that signs: 32 random bytes as text.
pub(crate) fn secret() -> String {
    hex::<32>()
}

/// A new event's public id: unique, and nobody can guess it, since ten of its bytes are random. The
/// six before them are the milliseconds since the epoch, so that ids come in the order of time and an
/// index of them grows at its end.
pub(crate) fn event_id(at: Timestamp) -> String {
    let [_, _, time @ ..] = at.as_millis().to_be_bytes();
    format!("evt_{}{}", hex::encode(time), hex::<10>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn event_ids_are_unique_and_ordered_by_time() {
        let at = |ms| event_id(Timestamp::from_millis(ms));
        let now = 1_773_606_600_000;
        let ids: BTreeSet<_> = (0..1_000).map(|_| at(now)).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.starts_with("evt_019cf330fd40") && id.len() == 4 + 32), "{ids:?}");
        assert!(ids.last() < Some(&at(now + 1)));
        assert!(at(now + 1) < at(now + 1_000_000) && at(now - 1) < at(now));
    }
}
