//! What may be wrong with a wish for a signature.

use super::Texts;

/// Why nothing is signed for a socket.
const UNSIGNED: &[&str] = &[
    "Unauthorized",
    "Public channels need no signature",
    "A user's own channel needs no signature: sign in",
    "Encrypted channels need an endpoint of your own, which has their master key",
    "The token says too much of the user",
];
const NO_SOCKET: &str = "socket_id must be the id of a socket";
const TO_SIGN: &[&str] = &[
    "Missing required fields: socket_id, channel_name",
    NO_SOCKET,
    "Channel names have 1 to 200 characters",
    "Channel names consist of A-Z, a-z, 0-9 and _-=@,.;:",
];
const NO_APP: &[&str] = &["App not found"];
const NO_FORM: &[&str] = &["Content-Type must be application/json or application/x-www-form-urlencoded"];
const NOT_JUDGED: &[&str] =
    &["Authorization failed", r#"{"error":"Something went wrong!","message":"Internal error"}"#];

const NO_HANDSHAKE: &[&str] =
    &["Sec-WebSocket-Key must be 16 bytes in base64", "This connection cannot be upgraded"];
const NO_UPGRADE: &[&str] = &["WebSocket upgrade required", "WebSocket version 13 required"];
const BAD_ORIGIN: &[&str] = &["This origin may not open a socket here"];

/// The texts of operations that sign, or open a socket.
pub(super) const TEXTS: &[Texts] = &[
    ("open_channel_socket", "400", &[NO_HANDSHAKE]),
    ("open_channel_socket", "403", &[BAD_ORIGIN]),
    ("open_channel_socket", "426", &[NO_UPGRADE]),
    ("open_app_socket", "400", &[NO_HANDSHAKE]),
    ("open_app_socket", "403", &[BAD_ORIGIN]),
    ("open_app_socket", "426", &[NO_UPGRADE]),
    ("open_pusher_socket", "400", &[NO_HANDSHAKE]),
    ("open_pusher_socket", "403", &[BAD_ORIGIN]),
    ("open_pusher_socket", "426", &[NO_UPGRADE]),
    ("sign_channel", "400", &[TO_SIGN]),
    ("sign_channel", "403", &[UNSIGNED]),
    ("sign_channel", "404", &[NO_APP]),
    ("sign_channel", "415", &[NO_FORM]),
    ("sign_channel", "500", &[NOT_JUDGED]),
    ("sign_broadcasting_channel", "400", &[TO_SIGN]),
    ("sign_broadcasting_channel", "403", &[UNSIGNED]),
    ("sign_broadcasting_channel", "404", &[NO_APP]),
    ("sign_broadcasting_channel", "415", &[NO_FORM]),
    ("sign_broadcasting_channel", "500", &[NOT_JUDGED]),
    ("sign_user", "400", &[&["Missing required fields: socket_id", NO_SOCKET]]),
    ("sign_user", "403", &[&["Unauthorized"]]),
    ("sign_user", "404", &[NO_APP]),
    ("sign_user", "415", &[NO_FORM]),
];
