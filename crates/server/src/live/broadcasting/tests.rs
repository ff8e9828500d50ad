use fanfare_model::{Timestamp, channel::SocketId};
use proptest::prelude::*;

use super::{
    super::{
        effect::{Dialect, Effects, Settings},
        transcript,
    },
    Broadcasting,
};
use crate::timers::{Clock, Tick};

fn dialect(settings: Settings, now: Tick) -> Broadcasting {
    Broadcasting::new(SocketId(7), settings, now, Timestamp::from_millis(1_700_000_000_000))
}

#[test]
fn the_transcripts_hold() {
    transcript::play_all("broadcasting", dialect);
}

#[test]
fn too_many_connections_are_told_so() {
    let refusal = Broadcasting::over_capacity();
    let expected = r#"{"event":"error","data":{"type":"CapacityError","error":"Too many connections"}}"#;
    assert_eq!((&*refusal.message, refusal.code), (expected, 1013));
}

#[test]
fn the_corpus_passes_through() {
    transcript::pass_corpus("broadcasting", dialect);
}

proptest! {
    #[test]
    fn any_text_is_survived(texts in prop::collection::vec(".*", 0..4)) {
        let now = Clock::manual(Timestamp::from_millis(0)).tick();
        let mut dialect = dialect(transcript::settings(&serde_json::Map::new()), now);
        let mut out = Effects::new();
        for text in texts {
            dialect.text(&text, now, &mut out);
        }
        prop_assert!(dialect.deadline() > now);
    }
}
