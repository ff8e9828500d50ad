//! Randomness: identifiers and lots.

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

/// A new event's public id: unique, and nobody can guess the next one.
pub(crate) fn event_id() -> String {
    format!("evt_{}", hex::<16>())
}
