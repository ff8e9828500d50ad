use serde_json::{Value, json};

use super::{super::client::fake::Fake, chat::Log, *};

const ALL_GOOD: &str = r#"{"message":"Import finished","imported":2,"skipped":1,"errors":[]}"#;
const COUNTS: &str = r#"{"message":"Done","messagesProcessed":3,"votesFound":2,"votesRecorded":1,"duplicatesSkipped":1,"unmatched":0,"invalid":0,"gamesUpdated":[{"id":1}]}"#;
const TWO_BAD: &str = r#"{"error":"2 lines are wrong","imported":0,"skipped":0,"errors":[{"line":2,"error":"title is missing"},{"line":7,"error":"players"}]}"#;

const SOME_BAD: &str =
    r#"{"message":"Done","imported":1,"skipped":0,"errors":[{"line":2,"error":"title is missing"}]}"#;

fn games(text: &str, partial: bool) -> Games {
    Games::new("games.csv".to_owned(), text, Mode::Replace, partial).expect("small enough")
}

fn log(text: &str) -> Log {
    Log::parse("log.json".to_owned(), text, 3).expect("a log")
}

fn messages(count: usize) -> String {
    let at = |n: usize| format!("2026-03-15T20:{:02}:{:02}Z", n / 60 % 60, n % 60);
    let all: Vec<_> =
        (0..count).map(|n| json!({"username": "u", "message": n.to_string(), "timestamp": at(n)})).collect();
    Value::from(all).to_string()
}

#[tokio::test]
async fn games_go_in_one_request_and_what_was_not_meant_to_be_partial_is_not() {
    for (partial, answer, expected) in [
        (false, (200, ALL_GOOD), Ok(())),
        (
            false,
            (400, TWO_BAD),
            Err("games.csv: lines are refused, so nothing was imported; --partial imports the others"),
        ),
        (
            false,
            (200, TWO_BAD),
            Err("games.csv: lines are refused, so nothing was imported; --partial imports the others"),
        ),
        (true, (200, SOME_BAD), Ok(())),
        (true, (200, TWO_BAD), Err("games.csv: 0 games imported, 0 skipped, 2 refused")),
    ] {
        let fake = Fake::start(&[answer]).await;
        let done = games("a,b\n\u{fc}", partial).send(&fake.client().await).await;
        assert_eq!(done.map_err(|failure| failure.to_string()), expected.map_err(str::to_owned));
        let asked = &fake.asked()[0];
        let query = if partial { "?partial=true" } else { "" };
        assert_eq!(asked.what, format!("POST /api/games/import/csv{query}"));
        assert_eq!(asked.authorization, "Bearer T");
        assert_eq!(asked.body, json!({"csvData": "a,b\n\u{fc}", "mode": "replace"}));
    }
}

#[tokio::test]
async fn a_refusal_without_lines_is_the_servers_own_words() {
    for (status, body, expected) in [
        (400, r#"{"error":"csvData is required"}"#, "answers: csvData is required"),
        (413, r#"{"error":"too large"}"#, "answers: too large"),
        (200, "[]", "answers: status 200 OK []"),
        (200, "{}", "answers: status 200 OK {}"),
    ] {
        let fake = Fake::start(&[(status, body)]).await;
        let failure = games("a", false).send(&fake.client().await).await.expect_err("refused");
        assert_eq!(failure.to_string(), format!("{} {expected}", fake.url()));
    }
}

#[test]
fn what_grows_too_large_by_escaping_is_too_large() {
    let quotes = "\"".repeat(IMPORT_MAX_BYTES / 2);
    let failure = Games::new("g".to_owned(), &quotes, Mode::Append, false).expect_err("too large");
    assert_eq!(failure.to_string(), "g is too large: at most 10 MiB can be imported");
}

#[test]
fn a_file_without_a_line_is_empty() {
    for text in ["", "\u{feff}", " \r\n\n"] {
        let failure = Games::new("g".to_owned(), text, Mode::Append, false).expect_err("empty");
        assert_eq!(failure.to_string(), "g is empty: there is nothing to import");
    }
}

#[tokio::test]
async fn a_log_goes_in_parts_in_the_order_of_time_and_the_counts_are_summed() {
    let backwards: Vec<Value> = serde_json::from_str::<Vec<Value>>(&messages(2_500)).expect("JSON");
    let backwards: Vec<_> = backwards.into_iter().rev().collect();
    let answer = (200, COUNTS);
    let fake = Fake::start(&[answer; 3]).await;
    log(&json!({ "chatData": backwards }).to_string()).send(&fake.client().await).await.expect("imported");
    let asked = fake.asked();
    let parts: Vec<_> =
        asked.iter().map(|asked| asked.body["chatData"].as_array().expect("a list")).collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [1_000, 1_000, 500]);
    let order: Vec<_> = parts.iter().copied().flatten().map(|message| message["message"].clone()).collect();
    assert_eq!(order, (0..2_500).map(|n| Value::from(n.to_string())).collect::<Vec<_>>());
    assert!(asked.iter().all(|asked| asked.what == "POST /api/sessions/3/chat-import"));
}

#[tokio::test]
async fn a_log_that_breaks_off_says_how_far_it_came() {
    let fake = Fake::start(&[(200, COUNTS), (503, r#"{"error":"The database is unavailable"}"#)]).await;
    let failure = log(&messages(1_001)).send(&fake.client().await).await.expect_err("broke off");
    assert_eq!(
        failure.to_string(),
        format!(
            "{} answers: The database is unavailable; 1000 of 1001 messages are imported, and the same \
             command does the rest",
            fake.url()
        )
    );
}

#[tokio::test]
async fn an_empty_log_still_asks_for_its_session() {
    let fake = Fake::start(&[(404, r#"{"error":"Session not found"}"#)]).await;
    let failure = log("[]").send(&fake.client().await).await.expect_err("no such session");
    assert_eq!(failure.to_string(), format!("{} answers: Session not found", fake.url()));
}

#[tokio::test]
async fn parts_are_cut_by_size_as_well_and_odd_messages_go_last_as_they_are() {
    let long = "x".repeat(3 << 20);
    let text = format!(
        "\u{feff} [1.50, {{\"message\":\"{long}\",\"timestamp\":\"2026-01-01T00:00:01Z\"}}, null,
          {{\"message\":\"{long}\",\"timestamp\":\"2026-01-01T02:00:00+02:00\"}}]"
    );
    let fake = Fake::start(&[(200, COUNTS); 2]).await;
    log(&text).send(&fake.client().await).await.expect("imported");
    let asked = fake.asked();
    let stamps = |part: usize| -> Vec<Value> {
        let list = asked[part].body["chatData"].as_array().expect("a list");
        list.iter().map(|message| message.get("timestamp").unwrap_or(message).clone()).collect()
    };
    assert_eq!(stamps(0), ["2026-01-01T02:00:00+02:00"]);
    assert_eq!(stamps(1), [json!("2026-01-01T00:00:01Z"), json!(1.5), Value::Null]);
}

#[test]
fn what_is_no_log_is_refused_before_anybody_is_asked() {
    for text in ["", "{}", r#"{"chatData":{}}"#, "[1", "\"log\""] {
        let failure = Log::parse("l".to_owned(), text, 1).expect_err("no log").to_string();
        assert!(failure.starts_with("l is no chat log, a JSON array of messages: "), "{failure}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("f");
    let why = |max_bytes| input::read(&file, max_bytes).map_err(|failure| failure.to_string());
    let name = file.display();
    assert_eq!(why(9), Err(format!("cannot read {name}: there is no such file")));
    std::fs::write(&file, "0123456789").expect("written");
    assert_eq!(why(9), Err(format!("{name} is too large: at most 0 MiB can be imported")));
    assert_eq!(why(10), Ok("0123456789".to_owned()));
    std::fs::write(&file, b"ok\nok\nna\xefve").expect("written");
    assert_eq!(why(99), Err(format!("{name} is not UTF-8: look at line 3, and save it as UTF-8")));
    let error = input::read(folder.path(), 9).expect_err("a folder").to_string();
    assert_eq!(error, format!("cannot read {}: it is a folder", folder.path().display()));
}
