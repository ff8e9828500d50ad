use fanfare_model::{channel::SocketId, wire::pusher::ErrorCode};

use super::{
    super::{effect::Settings, transcript},
    Pusher,
};
use crate::timers::Tick;

fn dialect(settings: Settings, now: Tick) -> Pusher {
    Pusher::new(SocketId((1 << 64) + 2), settings, now)
}

#[test]
fn the_transcripts_hold() {
    transcript::play_all("pusher", dialect);
}

#[test]
fn a_refusal_is_an_error_and_a_close_with_its_number() {
    for code in ErrorCode::ALL {
        let refusal = Pusher::refuse(code);
        let message: serde_json::Value = serde_json::from_str(&refusal.message).expect("JSON");
        assert_eq!(message["event"], "pusher:error");
        assert_eq!(message["data"]["code"], code.number());
        assert_eq!(message["data"]["message"], refusal.reason);
        assert_eq!(refusal.code, code.number());
    }
}

#[test]
fn the_corpus_passes_through() {
    transcript::pass_corpus("pusher", dialect);
}
