//! Byte for byte what JavaScript would write: the expected texts were made by Node and stand in
//! `javascript.txt`.

use proptest::prelude::*;

use super::*;
use crate::{
    fixture,
    javascript::normalise,
    poll::{Poll, PollGame, PollOption},
    session::{CountStatus, PlayStatus},
    vote::{GameVotes, LiveVote, RecordedVote, VoteType},
};

const TITLE: &str = "Say \"hi\"\n\\o/ \u{2028}🎮\u{7}\u{7f}";
const PACK: &str = "Pack \u{2029}\t";

fn javascript(name: &str) -> &'static str {
    include_str!("javascript.txt")
        .split('\n')
        .filter_map(|line| line.split_once('\t'))
        .find_map(|(found, text)| (found == name).then_some(text))
        .expect(name)
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_773_606_600_000)
}

fn session() -> Session {
    Session {
        id: 3,
        notes: Some(TITLE.into()),
        is_active: true,
        created_at: at(),
        closed_at: None,
        games_played: 5,
    }
}

fn game() -> Game {
    Game {
        id: 45,
        pack_name: PACK.into(),
        title: TITLE.into(),
        min_players: 2,
        upvotes: 2,
        downvotes: 5,
        ..fixture::game()
    }
}

fn session_game() -> SessionGame {
    SessionGame {
        id: 9,
        session_id: 3,
        game_id: 45,
        played_at: at(),
        manually_added: true,
        status: PlayStatus::Playing,
        room_code: Some("ABCD".into()),
        player_count: Some(4),
        player_count_check_status: Some(CountStatus::Locked),
        title: TITLE.into(),
        pack_name: PACK.into(),
        min_players: 2,
        max_players: 8,
        game_type: Some("Drawing".into()),
        upvotes: 2,
        downvotes: 5,
    }
}

fn recorded_vote() -> RecordedVote {
    RecordedVote {
        session_id: 3,
        games_played: 5,
        game: GameVotes { id: 45, title: TITLE.into(), pack_name: PACK.into(), upvotes: 2, downvotes: 5 },
        vote: LiveVote {
            username: TITLE.into(),
            user_key: "key".into(),
            vote_type: VoteType::Down,
            timestamp: "2026-03-15T21:30:00+01:00".into(),
            at: at(),
        },
    }
}

fn a_poll() -> Poll {
    let option = |id, votes| PollOption { game: PollGame { id, ..PollGame::from(&game()) }, votes };
    Poll {
        id: 6,
        session_id: 3,
        options: vec![option(45, 1), option(46, 2)],
        created_at: at(),
        closes_at: at().plus_millis(60_000),
        ended_at: None,
        winner: None,
        told_at: at(),
        has_untold: true,
    }
}

fn event(kind: &str, data: String) -> Event {
    Event {
        id: 77,
        public_id: "evt_1".into(),
        topic: Some(session_topic(3)),
        seq: 1,
        place: 1,
        kind: kind.into(),
        at: at(),
        data,
    }
}

#[test]
fn every_kind_of_character_is_written_as_javascript_writes_it() {
    let controls: String = ('\0'..' ').collect();
    let text = controls + "\"\\/\u{7f}\u{80}\u{9f}\u{a0}é\u{2028}\u{2029}\u{feff}\u{ffff}<>&'🎮";
    assert_eq!(to_json(&text), javascript("every kind of character"));
}

#[test]
fn data_is_written_as_javascript_writes_it() {
    let quiet = Session { notes: None, ..session() };
    let ended = Session { is_active: false, closed_at: Some(at()), ..session() };
    let uncounted = SessionGame { player_count: None, player_count_check_status: None, ..session_game() };
    let late = at().plus_millis(59_999);
    let closed = Poll { ended_at: Some(late), winner: Some(1), ..a_poll() };
    for (name, data) in [
        ("session.started", session_started(&session())),
        ("session.started without notes", session_started(&quiet)),
        ("session.ended", session_ended(&ended)),
        ("game.added", game_added(&session(), &game(), false, None)),
        ("game.added with a room", game_added(&session(), &game(), true, Some("ABCD"))),
        ("game.status", super::session_game(&session_game())),
        ("poll.started", poll(&a_poll())),
        ("poll.ended", poll(&closed)),
        ("poll.ended by deletion", poll_deleted(&a_poll(), late)),
        ("player-count.updated", player_count_updated(&session_game())),
        ("player-count.updated to nothing", player_count_updated(&uncounted)),
        ("vote.recorded", vote_recorded(&recorded_vote())),
        ("test", test_data()),
    ] {
        assert_eq!(data, javascript(name), "{name}");
    }
}

#[test]
fn envelopes_are_written_as_javascript_writes_them() {
    let started = event(kind::SESSION_STARTED, session_started(&session()));
    assert_eq!(started.webhook_body(), javascript("webhook body"));
    assert_eq!(started.socket_frame(), javascript("socket frame"));
    let strange = event("a\"\\\n🎮\u{2028}", "{}".into());
    assert_eq!(strange.webhook_body(), javascript("webhook body of a strange event"));
    for kind in kind::CHANNEL.iter().chain(kind::PUSHER) {
        let expected = format!(r#"{{"event":"{kind}","timestamp":1773606600000,"data":{{}}}}"#);
        assert_eq!(event(kind, "{}".into()).webhook_body(), expected);
    }
}

proptest! {
    #[test]
    fn envelopes_hold_any_text_and_parse_back(title: String, kind: String, id: String) {
        let data = game_added(&session(), &Game { title: title.clone(), ..game() }, false, None);
        let event = Event { public_id: id.clone(), ..event(&kind, data) };
        for (text, kind_field) in [(event.webhook_body(), "event"), (event.socket_frame(), "type")] {
            prop_assert_eq!(normalise(&text), Ok(text.clone()), "as JavaScript would write it again");
            let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            prop_assert_eq!(value["data"]["game"]["title"].as_str(), Some(title.as_str()));
            prop_assert_eq!(value[kind_field].as_str(), Some(kind.as_str()));
        }
        let frame: serde_json::Value = serde_json::from_str(&event.socket_frame()).expect("JSON");
        prop_assert_eq!(frame["id"].as_str(), Some(id.as_str()));
    }
}
