//! The admin key: compared in constant time, stored only as a hash.

use fanfare_store::{Error, Store, settings};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The setting that holds the hash of a generated key.
pub(super) const KEY_HASH_SETTING: &str = "admin_key_sha256";

/// What is kept of an admin key. A plain SHA-256 is enough for what is stored: only generated keys
/// are, and they have 256 random bits. A configured key stays in memory.
pub(crate) struct AdminKey([u8; 32]);

impl AdminKey {
    /// The key of that text.
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The key with that hash, 64 hexadecimal digits.
    pub(super) fn from_hash(hex_text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(hex_text, &mut hash).ok()?;
        Some(Self(hash))
    }

    pub(super) fn hash_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Whether `text` is the key. Takes the same time whether it is or not.
    pub(super) fn matches(&self, text: &str) -> bool {
        Self::of(text).0.ct_eq(&self.0).into()
    }
}

/// A new key of 256 random bits.
pub(super) fn generate() -> String {
    format!("fan_{}", crate::random::hex::<32>())
}

pub(super) async fn store_hash(store: &Store, key: &AdminKey) -> Result<(), Error> {
    let hash = key.hash_hex();
    store.write(move |tx| settings::set(tx, KEY_HASH_SETTING, &hash)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_matches_itself_alone_also_by_its_hash() {
        let text = generate();
        let key = AdminKey::from_hash(&AdminKey::of(&text).hash_hex()).expect("a hash");
        assert!(key.matches(&text));
        assert!(!key.matches(&generate()));
        assert!(!key.matches(""));
        assert!(AdminKey::from_hash("abc").is_none());
    }
}
