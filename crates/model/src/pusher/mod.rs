//! The HTTP side of the Pusher Channels protocol: what is published, and the signatures, each the HMAC-SHA256 with an application's secret in
//! lower-case hexadecimal: of requests to its HTTP API, and of what a socket may subscribe to or whom it
//! belongs to. Sources: "Pusher Channels HTTP API reference" and "Auth signatures" of Pusher's
//! documentation.

mod publish;
mod request;
mod socket;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

pub use self::{
    publish::{Event, Info, InvalidEvent, body_max_bytes},
    request::{BodyDigest, InvalidRequest, RequestHead, sign_request},
    socket::{channel_auth, is_channel_auth, is_user_auth, user_auth},
};

/// The code of `parts`, one after the other, under the secret's bytes.
fn code<'a>(secret: &str, parts: impl IntoIterator<Item = &'a str>) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac
}

/// Whether `code` is the one that `signature` says; how long it takes does not tell where they differ.
fn is_code(code: Hmac<Sha256>, signature: &[u8; 32]) -> bool {
    code.verify_slice(signature).is_ok()
}

/// The bytes of a signature in hexadecimal.
fn bytes_of<const BYTES: usize>(hexadecimal: &str) -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    hex::decode_to_slice(hexadecimal, &mut bytes).is_ok().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use crate::{
        Timestamp,
        application::{AppLimits, Application},
    };

    /// The application of the examples in Pusher's documentation.
    pub(super) fn application() -> Application {
        Application {
            id: "3".into(),
            key: "278d425bdf160c739803".into(),
            secret: "7ad3773142a6692b25b8".into(),
            old_secret: None,
            name: "example".into(),
            limits: AppLimits::default(),
            is_default: false,
            created_at: at(0),
        }
    }

    pub(super) fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }
}
