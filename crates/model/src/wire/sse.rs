//! The wire of event streams (HTML Living Standard, section 9.2, "Server-sent events"): one message
//! as text, and the position that a client comes back with.
//!
//! No message has an `event:` field: its type stands in the JSON, and a browser hands everything to
//! `onmessage`.

use std::fmt::Display;

use crate::text;

/// Keeps a silent stream open; clients ignore it.
pub const COMMENT: &str = ":\n\n";

/// A message with its id. Both must be free of line breaks, as compact JSON is.
pub fn message(id: impl Display, json: &str) -> String {
    format!("id: {id}\ndata: {json}\n\n")
}

/// Tells a client its position without telling it anything: it comes back with this id when the
/// connection breaks before the first message.
pub fn position(id: impl Display) -> String {
    format!(":\nid: {id}\n\n")
}

/// The `seq` that a `Last-Event-ID` names. `None` when it is none: not digits only. One too large
/// for any `seq` is the largest number, which lies beyond every stream's end.
pub fn last_event_id(text: &str) -> Option<u64> {
    text::digits(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_two_fields_and_an_empty_line() {
        assert_eq!(message(7, r#"{"a":1}"#), "id: 7\ndata: {\"a\":1}\n\n");
        assert_eq!(position(7), ":\nid: 7\n\n");
    }

    #[test]
    fn only_digits_are_a_position() {
        for (text, expected) in [
            ("0", Some(0)),
            (" 41 ", Some(41)),
            ("18446744073709551616", Some(u64::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("4 1", None),
            ("x", None),
        ] {
            assert_eq!(last_event_id(text), expected, "{text:?}");
        }
    }
}
