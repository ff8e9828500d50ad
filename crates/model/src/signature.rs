//! The signatures by which a webhook's receiver knows that a body is ours. Two schemes, one key:
//! the secret's UTF-8 bytes as the operator typed them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The value of `X-Webhook-Signature`: `sha256=` and the HMAC-SHA256 of exactly `body` in lower-case
/// hexadecimal.
pub fn brief_header(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac_sha256(secret, &[body])))
}

/// The value of `X-Pusher-Signature`: the HMAC-SHA256 of exactly `body` in lower-case hexadecimal, under
/// the secret of the application.
pub fn pusher_header(secret: &str, body: &[u8]) -> String {
    hex::encode(hmac_sha256(secret, &[body]))
}

/// One signature of the header `webhook-signature` as Standard Webhooks defines it: `v1,` and the
/// HMAC-SHA256 of `{id}.{timestamp_s}.{body}` in base64. `timestamp_s` counts seconds since the
/// epoch. Several of them may stand in one header, separated by spaces.
pub fn standard_header(secret: &str, id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let prefix = format!("{id}.{timestamp_s}.");
    format!("v1,{}", STANDARD.encode(hmac_sha256(secret, &[prefix.as_bytes(), body])))
}

fn hmac_sha256(secret: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Vector {
        secret: &'static str,
        id: &'static str,
        timestamp_s: i64,
        body: &'static [u8],
        brief: &'static str,
        standard: &'static str,
        shown: &'static str,
    }

    // Computed with Python's hmac, hashlib and base64.
    const VECTORS: [Vector; 3] = [
        Vector {
            secret: "mysecret123",
            id: "msg_1",
            timestamp_s: 1_773_606_600,
            body: br#"{"event":"game.added","timestamp":"2026-03-15T20:30:00.000Z","data":{}}"#,
            brief: "sha256=55fde78fd6c9a19ef18c772e2f4233317aeec28336b67035837e42b554e79df9",
            standard: "v1,beAm/iu1f3/CCQRioLKpiKKnfx+uAAdII2I7qOLfQ38=",
            shown: "whsec_bXlzZWNyZXQxMjM=",
        },
        Vector {
            secret: "k",
            id: "",
            timestamp_s: 0,
            body: b"",
            brief: "sha256=8bb990c40a7d61cb97597a942125025be50ac8beb74436e3735b98893a7f6620",
            standard: "v1,hETo2BWaIudwByvvSMAhGmz+y+ZZ7dheMcL/2I+Ew/Y=",
            shown: "whsec_aw==",
        },
        Vector {
            secret: "sécret 🎮",
            id: "evt_2",
            timestamp_s: -1,
            body: "{\"a\":\"é\u{2028}\"}".as_bytes(),
            brief: "sha256=987f859b4e8f40d0d74b2ca8afa88f8e840bad5774d075b7e02b330ece5083f8",
            standard: "v1,aI8W2xUrdqRtrOwAUn1XzVVUr4RM6CE5yDD7j59o4s8=",
            shown: "whsec_c8OpY3JldCDwn46u",
        },
    ];

    /// The secret in the form that Standard Webhooks libraries take, which decode what follows `whsec_`.
    fn shown_secret(secret: &str) -> String {
        format!("whsec_{}", STANDARD.encode(secret))
    }

    #[test]
    fn signatures_equal_those_of_another_implementation() {
        for vector in VECTORS {
            let Vector { secret, id, timestamp_s, body, brief, standard, shown } = vector;
            assert_eq!(brief_header(secret, body), brief, "{secret}");
            assert_eq!(format!("sha256={}", pusher_header(secret, body)), brief, "{secret}");
            assert_eq!(standard_header(secret, id, timestamp_s, body), standard, "{secret}");
            assert_eq!(shown_secret(secret), shown, "{secret}");
        }
    }

    #[test]
    fn a_key_longer_than_a_block_is_hashed_first() {
        let secret = "x".repeat(100);
        assert_eq!(
            brief_header(&secret, b"\x00\xff\n"),
            "sha256=8e4f6d58407dd9fd918289702958448d54e325ffa4d1d771ffdc548d2bcb311b"
        );
    }

    /// What a Standard Webhooks library does on the receiver's side.
    fn verifies(shown: &str, id: &str, timestamp_s: i64, body: &[u8], header: &str) -> bool {
        let key = STANDARD.decode(shown.strip_prefix("whsec_").expect("prefix")).expect("base64");
        let signature = STANDARD.decode(header.strip_prefix("v1,").expect("version")).expect("base64");
        let signed = [id.as_bytes(), b".", timestamp_s.to_string().as_bytes(), b".", body].concat();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
        mac.update(&signed);
        mac.verify_slice(&signature).is_ok()
    }

    proptest! {
        #[test]
        fn what_was_signed_verifies_and_one_changed_byte_does_not(
            secret in "\\PC{1,80}",
            id in "[a-z_0-9]{1,20}",
            timestamp_s: i64,
            body in prop::collection::vec(any::<u8>(), 1..300),
            at: prop::sample::Index,
            flip in 1_u8..,
        ) {
            let mut changed = body.clone();
            changed[at.index(body.len())] ^= flip;
            prop_assert_ne!(brief_header(&secret, &body), brief_header(&secret, &changed));

            let shown = shown_secret(&secret);
            let header = standard_header(&secret, &id, timestamp_s, &body);
            prop_assert!(verifies(&shown, &id, timestamp_s, &body, &header));
            prop_assert!(!verifies(&shown, &id, timestamp_s, &changed, &header));
            prop_assert!(!verifies(&shown, &(id.clone() + "0"), timestamp_s, &body, &header));
            prop_assert!(!verifies(&shown, &id, timestamp_s.wrapping_add(1), &body, &header));
            prop_assert!(!verifies(&shown_secret(&(secret + "x")), &id, timestamp_s, &body, &header));
        }
    }
}
