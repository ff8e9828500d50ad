use proptest::prelude::*;
use serde_json::json;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn item(username: &str, message: &str, ms: i64) -> Value {
    json!({"username": username, "message": message, "timestamp": at(ms)})
}

fn parsed(body: &Value) -> Result<ChatLog, InvalidChat> {
    ChatLog::parse(body.to_string().as_bytes())
}

#[test]
fn a_vote_is_found_anywhere_in_a_message() {
    use VoteType::{Down, Up};
    for (message, expected) in [
        ("thisgame++", Some(Up)),
        ("ThisGame++ what a round", Some(Up)),
        ("yes THISGAME++", Some(Up)),
        ("xthisgame++x", Some(Up)),
        ("thisgame+++", Some(Up)),
        ("thisgame--", Some(Down)),
        ("ok thisGAME---", Some(Down)),
        ("thisgame–", Some(Down)),
        ("thisgame— no", Some(Down)),
        ("thisgame-- thisgame++", Some(Up)),
        ("thisgame++ thisgame--", Some(Up)),
        ("thisgame thisgame--", Some(Down)),
        ("thisgame", None),
        ("thisgame+", None),
        ("thisgame-", None),
        ("thisgame ++", None),
        ("this game++", None),
        ("thatgame++", None),
        ("", None),
        ("İthisgame++", Some(Up)),
        ("🎮thisgame—🎮", Some(Down)),
        ("[irc] <ann> thisgame++", None),
        ("[Kosmi] thisgame--", None),
        (" [IRC]thisgame++", None),
        ("so [irc] thisgame++", Some(Up)),
        ("[ir", None),
        ("[ircé thisgame++", Some(Up)),
    ] {
        assert_eq!(vote_in(message), expected, "{message}");
    }
}

#[test]
fn bad_items_are_counted_and_votes_are_sorted_by_moment() {
    let good = [
        item("ann", "thisgame--", 5_000),
        item("bob", "hello", 1_000),
        item("Cleo", "thisgame++", 3_000),
        item("dan", "thisgame++", 3_000),
        item("eve", "[irc] thisgame++", 3_000),
        item("fay", "\0", 3_000),
    ];
    let bad = [
        json!(null),
        json!("thisgame++"),
        json!({}),
        json!({"username": "ann", "message": "thisgame++"}),
        json!({"username": "ann", "message": "hello", "timestamp": "today"}),
        json!({"username": "ann", "message": 5, "timestamp": at(1)}),
        json!({"username": 5, "message": "thisgame++", "timestamp": at(1)}),
        json!({"username": "a\0", "message": "thisgame++", "timestamp": at(1)}),
        json!({"username": "", "message": "thisgame++", "timestamp": at(1)}),
        json!({"username": "x".repeat(201), "message": "thisgame++", "timestamp": at(1)}),
    ];
    let items: Vec<_> = good.iter().chain(&bad).cloned().collect();
    let log = parsed(&json!({"chatData": items, "other": 1})).expect("a log");
    assert_eq!(parsed(&json!(items)).as_ref(), Ok(&log), "the bare list is the same");
    assert_eq!((log.messages, log.invalid), (16, 10));
    let names: Vec<_> = log.votes.iter().map(|vote| vote.username.as_str()).collect();
    assert_eq!(names, ["Cleo", "dan", "ann"]);
    assert_eq!(log.votes[0].user_key, "cleo");
}

#[test]
fn an_item_that_cannot_be_read_spoils_no_other() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let good = item("ann", "thisgame++", 1_000).to_string();
    let with = |field: &str| format!(r#"{{"x":{field},{}"#, &good[1..]);
    let bad = [with(r#""\ud83d""#), with(r#""\ude00""#), with("1e400"), with(&deep), deep.clone()].join(",");
    for body in [
        format!("[{bad},{good}]"),
        format!(" {{\"x\":{deep},\"chatData\":0,\"chatData\" : [{good} , {bad}]}}\n"),
    ] {
        let log = ChatLog::parse(body.as_bytes()).expect("a log");
        assert_eq!((log.messages, log.invalid, log.votes.len()), (6, 5, 1));
    }
    for body in [&b"["[..], b"", b"[1] 2", b"[\"\xff\"]", b"[\"\n\"]", br#"{"\ud83d":1,"chatData":[]}"#] {
        assert_eq!(ChatLog::parse(body), Err(InvalidChat::NotJson), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_log_is_a_list_that_is_not_too_long() {
    for body in [json!({}), json!({"chatData": null}), json!({"chatData": {}}), json!("x"), json!(null)] {
        assert_eq!(parsed(&body), Err(InvalidChat::NotArray), "{body}");
    }
    let many = |n| Value::Array(vec![Value::Null; n]);
    assert_eq!(parsed(&many(CHAT_IMPORT_MAX_ITEMS)).map(|log| log.invalid), Ok(50_000));
    assert_eq!(parsed(&many(CHAT_IMPORT_MAX_ITEMS + 1)), Err(InvalidChat::TooMany));
}

proptest! {
    #[test]
    fn any_message_can_be_read(message: String) {
        let _ = vote_in(&message);
        prop_assert_eq!(vote_in(&format!("{message}thisgame++")).is_none(), vote_in(&format!("{message}thisgame--")).is_none());
    }
}
