//! What of an event is told to those who hold no token.

use serde_json::{Map, Value};

use super::{Event, kind, socket_frame, to_json};

impl Event {
    /// The frame of [`Event::socket_frame`] for the public: who voted is left out.
    pub fn public_frame(&self) -> String {
        if self.kind == kind::VOTE_RECORDED {
            socket_frame(self, &without_voter(&self.data))
        } else {
            self.socket_frame()
        }
    }
}

/// `data` of `vote.recorded` without `vote.username`. What has another shape tells nothing at all.
fn without_voter(data: &str) -> String {
    let mut data: Map<String, Value> = serde_json::from_str(data).unwrap_or_default();
    match data.get_mut("vote") {
        Some(Value::Object(vote)) => drop(vote.shift_remove("username")),
        _ => data.clear(),
    }
    to_json(&data)
}

#[cfg(test)]
mod tests {
    use crate::Timestamp;

    use super::*;

    fn event(kind: &str, data: &str) -> Event {
        Event {
            id: 1,
            public_id: "evt".into(),
            topic: Some("session:3".into()),
            seq: 4,
            place: 4,
            kind: kind.into(),
            at: Timestamp::EPOCH,
            data: data.into(),
        }
    }

    #[test]
    fn a_voter_is_not_named_and_all_else_is_told_as_it_is() {
        let data =
            r#"{"sessionId":3,"vote":{"username":"ann","type":"up","timestamp":"t"},"totals":{"upvotes":1}}"#;
        let frame = event(kind::VOTE_RECORDED, data).public_frame();
        let expected = event(kind::VOTE_RECORDED, &data.replace(r#""username":"ann","#, "")).socket_frame();
        assert_eq!(frame, expected);
        for data in [r#"{"username":"ann"}"#, r#"{"vote":["ann"]}"#, "ann"] {
            let frame = event(kind::VOTE_RECORDED, data).public_frame();
            assert_eq!(frame, event(kind::VOTE_RECORDED, "{}").socket_frame());
        }
        let other = event(kind::GAME_ADDED, data);
        assert_eq!(other.public_frame(), other.socket_frame());
    }
}
