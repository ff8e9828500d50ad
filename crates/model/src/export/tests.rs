use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    poll::{PollGame, PollOption},
    vote::Tally,
};

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_773_606_600_000 + minutes * 60_000)
}

fn session(notes: Option<&str>) -> Session {
    Session {
        id: 3,
        notes: notes.map(str::to_owned),
        is_active: false,
        created_at: at(0),
        closed_at: Some(at(160)),
        games_played: 2,
    }
}

fn game(id: i64, title: &str, status: PlayStatus) -> SessionGame {
    SessionGame {
        id,
        session_id: 3,
        game_id: id + 40,
        played_at: at(id),
        manually_added: status == PlayStatus::Skipped,
        status,
        room_code: (status == PlayStatus::Played).then(|| "ABCD".to_owned()),
        player_count: (status == PlayStatus::Played).then_some(1),
        player_count_check_status: None,
        title: title.to_owned(),
        pack_name: "Pack".to_owned(),
        min_players: 2,
        max_players: 8,
        game_type: None,
        upvotes: 10,
        downvotes: 5,
    }
}

fn poll(winner: Option<usize>, ended_at: Option<Timestamp>) -> Poll {
    let option = |id, title: &str, votes| PollOption {
        game: PollGame {
            id,
            title: title.to_owned(),
            pack_name: "Pack".to_owned(),
            min_players: 2,
            max_players: 8,
        },
        votes,
    };
    Poll {
        id: 5,
        session_id: 3,
        options: vec![option(41, "One\n", 0), option(42, "Two", 1)],
        created_at: at(30),
        closes_at: at(31),
        ended_at,
        winner,
        told_at: Timestamp::EPOCH,
        has_untold: false,
    }
}

fn night() -> Night {
    let vote = |username: &str, vote_type| NightVote {
        game_id: 41,
        username: username.to_owned(),
        vote_type,
        at: at(2),
    };
    Night {
        session: session(Some("Friday\r\n\r\nwith \u{1b}[31mred\u{202e} friends\r")),
        games: vec![game(1, "One\nTwo", PlayStatus::Played), game(2, "Three", PlayStatus::Skipped)],
        tallies: vec![SessionVotes {
            game_id: 41,
            title: "One\nTwo".to_owned(),
            pack_name: "Pack".to_owned(),
            votes: Tally { upvotes: 2, downvotes: 1 },
        }],
        votes: vec![vote("ann", VoteType::Up), vote("bob", VoteType::Up), vote("cem", VoteType::Down)],
        voters: 3,
        polls: vec![poll(Some(1), Some(at(31))), poll(None, None), poll(None, Some(at(31)))],
    }
}

#[test]
fn the_text_is_for_people() {
    let expected = "\
GAME NIGHT 3

Started: 2026-03-15 20:30 UTC
Closed:  2026-03-15 23:10 UTC, after 2 h 40 min
Notes:
    Friday

    with  [31mred  friends

GAMES

1. 20:31  One Two (Pack), room ABCD, 1 player
2. 20:32  Three (Pack), skipped, chosen by hand

VOTES

3 votes by 3 people:
    One Two (Pack): +1 (2 for, 1 against)

POLLS

21:00  1 vote
    A. One  (Pack): 0 votes
    B. Two (Pack): 1 vote, won

21:00  1 vote, still open
    A. One  (Pack): 0 votes
    B. Two (Pack): 1 vote

21:00  1 vote, without a winner
    A. One  (Pack): 0 votes
    B. Two (Pack): 1 vote

Exported 2026-03-15 23:50 UTC
";
    assert_eq!(text(&night(), at(200)), expected);
}

#[test]
fn an_empty_night_says_so() {
    let session = Session { is_active: true, closed_at: None, games_played: 0, ..session(None) };
    let night = Night { session, games: vec![], tallies: vec![], votes: vec![], voters: 0, polls: vec![] };
    let expected = "\
GAME NIGHT 3

Started: 2026-03-15 20:30 UTC
Closed:  still going on

GAMES

None.

VOTES

None.

Exported 2026-03-15 20:30 UTC
";
    assert_eq!(text(&night, at(0)), expected);
    let value: Value = serde_json::from_str(&json(&night, at(0))).expect("JSON");
    assert_eq!(value["statistics"]["duration_ms"], Value::Null);
    assert_eq!(value["session"]["is_active"], 1);
}

#[test]
fn the_json_is_everything() {
    let value: Value = serde_json::from_str(&json(&night(), at(200))).expect("JSON");
    let expected = json!({
        "id": 3, "notes": night().session.notes, "is_active": 0,
        "created_at": "2026-03-15T20:30:00.000Z", "closed_at": "2026-03-15T23:10:00.000Z", "games_played": 2,
    });
    assert_eq!(value["session"], expected);
    assert_eq!(value["games"].as_array().map(Vec::len), Some(2));
    assert_eq!(value["games"][0]["title"], "One\nTwo", "as it is, not as text shows it");
    let expected = json!([{
        "game_id": 41, "title": "One\nTwo", "pack_name": "Pack",
        "upvotes": 2, "downvotes": 1, "net_score": 1, "total_votes": 3,
    }]);
    assert_eq!(value["votes_by_game"], expected);
    let expected =
        json!({"game_id": 41, "username": "cem", "type": "down", "timestamp": "2026-03-15T20:32:00.000Z"});
    assert_eq!(value["votes"][2], expected);
    assert_eq!(value["polls"][0]["winner"]["key"], "B");
    let expected = json!({
        "games_played": 2, "played": 1, "skipped": 1, "votes": 3, "upvotes": 2, "downvotes": 1, "voters": 3,
        "votes_omitted": 0, "polls": 3, "duration_ms": 9_600_000,
    });
    assert_eq!(value["statistics"], expected);
    assert_eq!(value["exported_at"], "2026-03-15T23:50:00.000Z");
    let cut = Night { votes: night().votes[..1].to_vec(), ..night() };
    let value: Value = serde_json::from_str(&json(&cut, at(200))).expect("JSON");
    assert_eq!(value["statistics"]["votes_omitted"], 2);
}

#[test]
fn a_file_is_named_after_its_session_and_day() {
    assert_eq!(file_name(&session(None), Format::Text), "session-3-2026-03-15.txt");
    assert_eq!(file_name(&session(None), Format::Json), "session-3-2026-03-15.json");
    assert_eq!(Format::parse("txt"), Some(Format::Text));
    assert_eq!(Format::parse("json"), Some(Format::Json));
    assert_eq!((Format::parse("TXT"), Format::parse("")), (None, None));
}

proptest! {
    #[test]
    fn titles_add_no_line_and_nothing_is_obeyed(title: String, notes: String) {
        let night = |title: &str, notes: Option<&str>| Night {
            session: session(notes),
            games: vec![game(1, title, PlayStatus::Played)],
            tallies: vec![SessionVotes { title: title.to_owned(), ..super::tests::night().tallies.remove(0) }],
            ..super::tests::night()
        };
        let odd = text(&night(&title, None), at(0));
        prop_assert_eq!(odd.lines().count(), text(&night("plain", None), at(0)).lines().count());
        let odd = text(&night(&title, Some(&notes)), at(0));
        prop_assert!(!odd.chars().any(|c| c != '\n' && c.is_control()));
        let value: Value = serde_json::from_str(&json(&night(&title, Some(&notes)), at(0))).expect("JSON");
        prop_assert_eq!(&value["session"]["notes"], &Value::from(notes));
    }
}
