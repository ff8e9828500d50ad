use proptest::prelude::*;
use serde_json::json;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn parse(body: &Value) -> Result<LiveVote, InvalidVote> {
    LiveVote::parse(body.as_object().expect("an object"))
}

#[test]
fn a_vote_is_kept_as_it_was_sent() {
    let body =
        json!({"username": " Straße ", "vote": "down", "timestamp": "2025-11-01T21:30:00+01:00", "x": 1});
    let expected = LiveVote {
        username: " Straße ".into(),
        user_key: "strasse".into(),
        vote_type: VoteType::Down,
        timestamp: "2025-11-01T21:30:00+01:00".into(),
        at: at(1_762_029_000_000),
    };
    assert_eq!(parse(&body), Ok(expected));
}

#[test]
fn each_fault_of_a_vote_has_its_text_and_the_first_one_is_told() {
    let time = "2025-11-01T20:30:00Z";
    for (username, vote, timestamp, expected) in [
        (json!(null), json!("sideways"), json!("now"), InvalidVote::Missing),
        (json!(""), json!("up"), json!(time), InvalidVote::Missing),
        (json!(0), json!("up"), json!(time), InvalidVote::Missing),
        (json!("a"), json!(""), json!(time), InvalidVote::Missing),
        (json!("a"), json!("up"), json!(false), InvalidVote::Missing),
        (json!(5), json!("sideways"), json!(time), InvalidUsername::Type.into()),
        (json!(["a"]), json!("up"), json!(time), InvalidUsername::Type.into()),
        (json!("é".repeat(201)), json!("up"), json!(time), InvalidUsername::Length.into()),
        (json!("a"), json!("UP"), json!("now"), InvalidVote::Vote),
        (json!("a"), json!(1), json!(time), InvalidVote::Vote),
        (json!("a"), json!("up"), json!("now"), InvalidVote::Timestamp),
        (json!("a"), json!("up"), json!("2025-11-01"), InvalidVote::Timestamp),
        (json!("a"), json!("up"), json!(1_762_029_000_000_i64), InvalidVote::Timestamp),
    ] {
        let body = json!({"username": username, "vote": vote, "timestamp": timestamp});
        assert_eq!(parse(&body), Err(expected), "{body}");
    }
    for body in [json!({}), json!({"username": "a", "vote": "up"})] {
        assert_eq!(parse(&body), Err(InvalidVote::Missing));
    }
    let longest = json!({"username": "é".repeat(200), "vote": "up", "timestamp": time});
    assert!(parse(&longest).is_ok());
}

#[test]
fn spellings_of_one_name_have_one_key() {
    for (one, other) in [
        ("Alice", " aLICE\t"),
        ("ÉMILE", "émile"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("Straße", "STRASSE"),
        ("STRAẞE", "strasse"),
        ("ЖЕНЯ", "женя"),
        ("🎮 Bot", "🎮 bOT"),
    ] {
        assert_eq!(user_key(one), user_key(other));
    }
    assert_ne!(user_key("emile"), user_key("émile"), "an accent is no matter of case");
    assert_ne!(user_key("a b"), user_key("ab"));
}

#[test]
fn a_game_owns_the_time_up_to_the_next_one() {
    let turn = |game_id, ms| Turn { game_id, played_at: at(ms) };
    let turns = [turn(7, 1_000), turn(8, 2_000), turn(9, 2_000), turn(7, 3_000)];
    for (ms, expected) in [
        (i64::MIN, None),
        (0, None),
        (999, None),
        (1_000, Some(7)),
        (1_999, Some(7)),
        (2_000, Some(9)),
        (2_999, Some(9)),
        (3_000, Some(7)),
        (i64::MAX, Some(7)),
    ] {
        assert_eq!(game_at(&turns, at(ms)), expected, "{ms}");
    }
    assert_eq!(game_at(&[], at(5)), None);
}

#[test]
fn duplicates_are_at_most_a_second_apart() {
    assert_eq!(duplicate_span(at(5_000)), (at(4_000), at(6_000)));
    let last = at(i64::MAX);
    assert_eq!(duplicate_span(last).1, last, "there is nothing later");
}

proptest! {
    #[test]
    fn a_key_is_the_key_of_itself(name: String) {
        let key = user_key(&name);
        prop_assert_eq!(user_key(&key), key.clone());
        prop_assert_eq!(user_key(&format!(" {name}\n")), key);
    }

    #[test]
    fn the_game_is_the_last_one_that_began(moments in proptest::collection::vec(0_i64..50, 0..20), ms in -5_i64..60) {
        let mut turns: Vec<_> =
            moments.iter().zip(0..).map(|(ms, game_id)| Turn { game_id, played_at: at(*ms) }).collect();
        turns.sort_by_key(|turn| turn.played_at);
        let expected = turns.iter().rfind(|turn| turn.played_at <= at(ms)).map(|turn| turn.game_id);
        prop_assert_eq!(game_at(&turns, at(ms)), expected);
    }
}
