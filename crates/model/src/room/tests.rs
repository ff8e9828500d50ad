use serde_json::json;

use super::*;
use crate::session::PlayStatus;

const INTERVAL_MS: u64 = 10_000;

fn answer(status: u16, body: &impl ToString) -> Answer {
    Answer::parse("ABCD", status, body.to_string().as_bytes())
}

fn room(fields: &serde_json::Value) -> Answer {
    let mut body = json!({"code": "ABCD", "host": "ecast.example"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    answer(200, &json!({"ok": true, "body": body}))
}

fn facts(answer: Answer) -> Facts {
    match answer {
        Answer::Room(facts) => facts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_is_what_the_service_said_or_a_fault() {
    let large = format!("{{\"ok\":true,\"body\":{{\"code\":\"ABCD\",\"x\":\"{}\"}}}}", "x".repeat(20_000));
    for (status, body, expected) in [
        (404, r#"{"ok":false,"error":"no such room"}"#, "not found"),
        (404, r#"{"ok":false}"#, "not found"),
        (404, "", "not found"),
        (404, "<html>Not found</html>", "fault"),
        (429, "", "rate limited"),
        (400, r#"{"ok":false,"error":"slow down","code":2420}"#, "rate limited"),
        (500, r#"{"ok":false,"error":"oh no"}"#, "fault"),
        (500, r#"{"ok":true,"body":{"code":"ABCD"}}"#, "fault"),
        (200, r#"{"ok":false,"error":"?"}"#, "fault"),
        (200, r#"{"body":{"code":"ABCD"}}"#, "fault"),
        (200, r#"{"ok":true}"#, "fault"),
        (200, r#"{"ok":true,"body":[]}"#, "fault"),
        (200, r#"{"ok":true,"body":{"code":"WXYZ"}}"#, "fault"),
        (200, r#"{"ok":true,"body":{"code":"AB"#, "fault"),
        (200, "[]", "fault"),
        (200, "<!doctype html>", "fault"),
        (200, "", "fault"),
        (302, "", "fault"),
        (200, large.as_str(), "fault"),
        (200, r#"{"ok":true,"body":{}}"#, "room"),
        (200, r#"{"ok":true,"body":{"code":"abcd"}}"#, "room"),
        (200, r#"{"ok":true,"body":{"code":7,"locked":"yes","full":1,"maxPlayers":"8","host":3}}"#, "room"),
    ] {
        let found = match answer(status, &body) {
            Answer::Room(facts) => {
                assert_eq!(facts, Facts::default(), "{body}");
                "room"
            }
            Answer::NotFound => "not found",
            Answer::RateLimited => "rate limited",
            Answer::Fault(_) => "fault",
        };
        assert_eq!(found, expected, "{status} {body}");
    }
}

#[test]
fn facts_are_taken_when_they_make_sense() {
    let all = json!({"locked": true, "full": false, "maxPlayers": 8.0, "passwordRequired": true});
    let expected = Facts {
        host: Some("ecast.example".into()),
        locked: Some(true),
        full: Some(false),
        max_players: Some(8),
        is_closed_to_strangers: true,
    };
    assert_eq!(facts(room(&all)), expected);
    for places in [json!(0), json!(-1), json!(1.5), json!(null), json!([8])] {
        assert_eq!(facts(room(&json!({ "maxPlayers": places }))).max_players, None, "{places}");
    }
}

#[test]
fn a_host_is_a_host_and_a_port() {
    for (host, expected) in [
        ("ecast.jackboxgames.com", Some("ecast.jackboxgames.com")),
        ("127.0.0.1:8080", Some("127.0.0.1:8080")),
        ("[::1]:8080", Some("[::1]:8080")),
        ("a:80", Some("a:80")),
        ("a:443", Some("a:443")),
        ("a:", Some("a")),
        // Judged by its canonical form when it is dialled.
        ("0xa9.0xfe.43518", Some("169.254.169.254")),
        ("", None),
        ("a b", None),
        ("a/b", None),
        ("a\\b", None),
        ("user@a", None),
        ("a?b", None),
        ("a#b", None),
        ("a:99999", None),
        ("a\nb", None),
    ] {
        assert_eq!(facts(room(&json!({ "host": host }))).host.as_deref(), expected, "{host:?}");
    }
}

fn welcome(ids: &[&str]) -> Frame {
    Frame::Welcome { players: Some(ids.iter().map(ToString::to_string).collect()) }
}

#[test]
fn a_frame_is_what_the_socket_said() {
    let here = json!({
        "1": {"roles": {"host": {}}},
        "2": {"roles": {"player": {"name": "Ann"}}},
        "3": {"role": "player"},
        "4": {"roles": {"shard": {}}},
        "5": null,
    });
    let id = |id: &str| id.to_owned();
    for (opcode, result, expected) in [
        ("client/welcome", json!({ "here": here }), welcome(&["2", "3"])),
        ("client/welcome", json!({"here": {}}), welcome(&[])),
        ("client/welcome", json!({"here": null}), Frame::Welcome { players: None }),
        ("client/welcome", json!({"here": [1, 2]}), Frame::Welcome { players: None }),
        ("client/welcome", json!({}), Frame::Welcome { players: None }),
        ("client/welcome", json!(null), Frame::Welcome { players: None }),
        ("client/connected", json!({"id": 4, "roles": {"player": {}}}), Frame::Came { id: id("4") }),
        ("client/connected", json!({"id": "4", "role": "player"}), Frame::Came { id: id("4") }),
        ("client/connected", json!({"id": 4, "roles": {"audience": {}}}), Frame::Other),
        ("client/connected", json!({"roles": {"player": {}}}), Frame::Other),
        ("client/disconnected", json!({"id": 4}), Frame::Went { id: id("4") }),
        ("client/disconnected", json!({"id": {}}), Frame::Other),
        ("room/lock", json!({}), Frame::Locked),
        ("room/exit", json!(null), Frame::Exit),
        ("error", json!({"code": 2009, "msg": "locked"}), Frame::Error { code: 2009 }),
        ("error", json!({"code": "2009"}), Frame::Error { code: 0 }),
        ("error", json!(null), Frame::Error { code: 0 }),
        ("object", json!({}), Frame::Other),
    ] {
        let text = json!({"pc": 1, "opcode": opcode, "result": result}).to_string();
        assert_eq!(Frame::parse(&text), expected, "{text}");
    }
    for text in ["", "null", "[]", "{}", "{", r#"{"opcode":7}"#, r#"{"opcode":"error"}"#] {
        assert!(matches!(Frame::parse(text), Frame::Other | Frame::Error { code: 0 }), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_that_arrives_is_a_panic(status in 100_u16..600, body: Vec<u8>, text: String, code: i64) {
        let mut room = Room::new("ABCD".into(), INTERVAL_MS, true);
        room.step(Input::Answered(Answer::parse("ABCD", status, &body)));
        room.step(Input::Told(Frame::parse(&text)));
        room.step(Input::Told(Frame::Error { code }));
    }
}

/// What happens to a room, what is shown then, and what is to be done.
type Scene = (Input, (CountStatus, Option<i64>), Vec<Effect>);

fn follow(room: &mut Room, story: Vec<Scene>) {
    for (place, (input, (status, count), effects)) in story.into_iter().enumerate() {
        let what = format!("step {place}: {input:?}");
        assert_eq!(room.step(input), effects, "{what}");
        assert_eq!(room.report(), Some(Report { status, count }), "{what}");
    }
}

fn open_probe() -> Effect {
    Effect::OpenProbe("ecast.example".into())
}

const POLL: Effect = Effect::PollIn(INTERVAL_MS);

#[test]
fn a_room_fills_locks_and_ends() {
    use CountStatus::{Ended, Lobby, Locked};
    let mut followed = Room::new("ABCD".into(), INTERVAL_MS, false);
    assert_eq!((followed.report(), followed.code()), (None, "ABCD"));
    let polled = |fields| Input::Answered(room(&fields));
    let story = vec![
        (polled(json!({"locked": false, "full": false, "maxPlayers": 8})), (Lobby, None), vec![POLL]),
        (polled(json!({"locked": false, "full": true, "maxPlayers": 8})), (Lobby, Some(8)), vec![POLL]),
        (polled(json!({"locked": false, "full": true})), (Lobby, None), vec![POLL]),
        (polled(json!({"locked": true, "full": true, "maxPlayers": 8})), (Locked, Some(8)), vec![POLL]),
        (polled(json!({"full": true, "maxPlayers": 8})), (Locked, Some(8)), vec![POLL]),
        (polled(json!({"locked": false, "maxPlayers": 8})), (Lobby, None), vec![POLL]),
        (Input::Answered(Answer::NotFound), (Ended, None), vec![]),
    ];
    follow(&mut followed, story);
    assert!(followed.is_over());
    // What was on its way changes nothing any more.
    for late in [polled(json!({"locked": false})), Input::Told(Frame::Locked), Input::ProbeLost] {
        follow(&mut followed, vec![(late, (Ended, None), vec![])]);
    }
}

#[test]
fn an_unknown_code_fails_and_a_lost_room_has_ended() {
    let not_found = || Input::Answered(Answer::NotFound);
    let mut unknown = Room::new("ABCD".into(), INTERVAL_MS, true);
    follow(&mut unknown, vec![(not_found(), (CountStatus::Failed, None), vec![])]);
    for status in [CountStatus::Lobby, CountStatus::Locked] {
        let mut resumed = Room::new("ABCD".into(), INTERVAL_MS, true).resumed(status, Some(3));
        assert_eq!(resumed.report(), None, "it says nothing before it knows");
        follow(&mut resumed, vec![(not_found(), (CountStatus::Ended, None), vec![])]);
    }
}

#[test]
fn failures_are_further_and_further_apart_until_it_is_given_up() {
    let fault = || Input::Answered(Answer::Fault("oh no".into()));
    let mut room = Room::new("ABCD".into(), INTERVAL_MS, false);
    for wait_ms in [10_000, 20_000, 40_000, 80_000, 160_000] {
        assert_eq!(room.step(fault()), [Effect::PollIn(wait_ms)]);
        assert_eq!(room.report(), None, "nothing is known yet");
    }
    assert_eq!(room.step(fault()), []);
    assert_eq!(room.report(), Some(Report { status: CountStatus::Failed, count: None }));

    let mut room = Room::new("ABCD".into(), 200_000, false);
    for wait_ms in [200_000, POLL_BACKOFF_MAX_MS, POLL_BACKOFF_MAX_MS] {
        assert_eq!(room.step(fault()), [Effect::PollIn(wait_ms)]);
    }
    let mut room = Room::new("ABCD".into(), INTERVAL_MS, false);
    for wait_ms in [RATE_LIMITED_MIN_MS, RATE_LIMITED_MIN_MS, RATE_LIMITED_MIN_MS, 80_000] {
        assert_eq!(room.step(Input::Answered(Answer::RateLimited)), [Effect::PollIn(wait_ms)]);
    }
}

#[test]
fn one_good_answer_forgives_the_failures() {
    let mut followed = Room::new("ABCD".into(), INTERVAL_MS, false);
    for _ in 0..3 {
        for _ in 1..POLL_FAILURES_MAX {
            followed.step(Input::Answered(Answer::Fault(String::new())));
        }
        followed.step(Input::Answered(room(&json!({}))));
        assert_eq!(followed.report(), Some(Report { status: CountStatus::Lobby, count: None }));
    }
}

#[test]
fn the_socket_counts_players() {
    use CountStatus::{Lobby, Locked};
    let lobby = || Input::Answered(room(&json!({"locked": false, "full": true, "maxPlayers": 8})));
    let came = |id: &str| Input::Told(Frame::Came { id: id.into() });
    let went = |id: &str| Input::Told(Frame::Went { id: id.into() });
    let mut followed = Room::new("ABCD".into(), INTERVAL_MS, true);
    let story = vec![
        (lobby(), (Lobby, Some(8)), vec![POLL, open_probe()]),
        (Input::Told(welcome(&["2", "3"])), (Lobby, Some(2)), vec![]),
        (came("4"), (Lobby, Some(3)), vec![]),
        (came("4"), (Lobby, Some(3)), vec![]),
        (lobby(), (Lobby, Some(3)), vec![POLL]),
        (went("2"), (Lobby, Some(2)), vec![]),
        (went("1"), (Lobby, Some(2)), vec![]),
        (Input::Told(Frame::Locked), (Locked, Some(2)), vec![]),
        // The count that was known stands while it is asked anew.
        (Input::ProbeLost, (Locked, Some(2)), vec![Effect::PollSoon]),
        (lobby(), (Lobby, Some(2)), vec![POLL, open_probe()]),
        (Input::Told(Frame::Welcome { players: None }), (Lobby, Some(8)), vec![]),
        (came("2"), (Lobby, Some(8)), vec![]),
        (Input::Told(Frame::Exit), (Lobby, Some(8)), vec![Effect::CloseProbe, Effect::PollSoon]),
    ];
    follow(&mut followed, story);
}

#[test]
fn a_room_that_is_taken_up_again_keeps_its_count_until_the_socket_says() {
    let mut followed = Room::new("ABCD".into(), INTERVAL_MS, true).resumed(CountStatus::Lobby, Some(5));
    let lobby = || Input::Answered(room(&json!({"locked": false})));
    let story = vec![
        (lobby(), (CountStatus::Lobby, Some(5)), vec![POLL, open_probe()]),
        (Input::ProbeLost, (CountStatus::Lobby, None), vec![]),
    ];
    follow(&mut followed, story);
}

#[test]
fn too_many_players_are_not_counted() {
    let mut followed = Room::new("ABCD".into(), INTERVAL_MS, true);
    followed.step(Input::Answered(room(&json!({}))));
    let ids = (0..PLAYERS_MAX).map(|id| id.to_string()).collect();
    followed.step(Input::Told(Frame::Welcome { players: Some(ids) }));
    assert_eq!(followed.report().and_then(|report| report.count), Some(1_000));
    followed.step(Input::Told(Frame::Came { id: "one more".into() }));
    assert_eq!(followed.report().and_then(|report| report.count), None);
}

#[test]
fn what_the_service_refuses_is_respected() {
    use CountStatus::{Lobby, Locked};
    let close = Effect::CloseProbe;
    for (code, status, count, effects, opens_after) in [
        (2009, Locked, None, vec![close.clone()], None),
        (2010, Lobby, Some(8), vec![close.clone()], Some(2)),
        (2013, Lobby, None, vec![close.clone(), Effect::PollSoon], Some(1)),
        (2017, Lobby, None, vec![close.clone()], None),
        (2027, Lobby, None, vec![close.clone(), Effect::PollSoon], Some(1)),
        (2420, Lobby, None, vec![close.clone(), Effect::PollIn(RATE_LIMITED_MIN_MS)], Some(2)),
        (0, Lobby, None, vec![close.clone()], Some(2)),
    ] {
        let answer = || Input::Answered(room(&json!({"locked": false, "maxPlayers": 8})));
        let mut followed = Room::new("ABCD".into(), INTERVAL_MS, true);
        followed.step(answer());
        assert_eq!(followed.step(Input::Told(Frame::Error { code })), effects, "{code}");
        assert_eq!(followed.report(), Some(Report { status, count }), "{code}");
        let opened = (1..=9).find(|_| followed.step(answer()).contains(&open_probe()));
        assert_eq!(opened, opens_after, "{code}");
    }
}

#[test]
fn sockets_that_never_open_are_given_up() {
    let mut followed = Room::new("ABCD".into(), INTERVAL_MS, true);
    let mut opened = Vec::new();
    for place in 0..100 {
        if followed.step(Input::Answered(room(&json!({})))).contains(&open_probe()) {
            opened.push(place);
            followed.step(Input::ProbeLost);
        }
    }
    assert_eq!(opened, [0, 2, 6, 14, 30]);
    assert_eq!(opened.len(), PROBE_FAILURES_MAX as usize);
}

#[test]
fn no_socket_without_a_host_or_with_a_password() {
    for fields in [json!({"host": null}), json!({"host": "a/b"}), json!({"passwordRequired": true})] {
        let mut followed = Room::new("ABCD".into(), INTERVAL_MS, true);
        assert_eq!(followed.step(Input::Answered(room(&fields))), [POLL], "{fields}");
    }
}

fn watched(count: Option<i64>, status: Option<CountStatus>) -> Watched {
    let row = SessionGame {
        id: 1,
        session_id: 1,
        game_id: 1,
        played_at: Timestamp::from_millis(0),
        manually_added: false,
        status: PlayStatus::Playing,
        room_code: Some("ABCD".into()),
        player_count: count,
        player_count_check_status: status,
        title: String::new(),
        pack_name: String::new(),
        min_players: 1,
        max_players: 8,
        game_type: None,
        upvotes: 0,
        downvotes: 0,
    };
    let since = Timestamp::from_millis(1_000);
    Watched { row, code: "ABCD".into(), status: CountStatus::Lobby, since }
}

#[test]
fn a_row_follows_its_room_unless_a_person_said_the_number() {
    use CountStatus::{Ended, Failed, Lobby, Locked, Manual};
    let now = Timestamp::from_millis(2_000);
    for (count, status, reported, step) in [
        (Some(3), Some(Lobby), None, false),
        (Some(3), Some(Lobby), Some((Lobby, Some(3))), false),
        (Some(3), Some(Lobby), Some((Lobby, None)), true),
        (Some(3), Some(Lobby), Some((Locked, Some(3))), true),
        (None, None, Some((Lobby, None)), true),
        (Some(9), Some(Manual), Some((Lobby, Some(3))), false),
        (Some(9), Some(Manual), Some((Locked, Some(3))), true),
        (Some(9), Some(Manual), Some((Ended, None)), true),
        (Some(3), Some(Lobby), Some((Failed, None)), true),
    ] {
        let watched = watched(count, status);
        let report = reported.map(|(status, count)| Report { status, count });
        let expected = report.filter(|_| step).map_or(Step::Keep, Step::Follow);
        assert_eq!(watched.next(report, now), expected, "{watched:?} {report:?}");
    }
    let over = Report { status: Ended, count: None };
    assert_eq!(shown_after(&watched(Some(3), Some(Lobby)).row, over), (Some(3), Ended));
    assert_eq!(shown_after(&watched(Some(9), Some(Manual)).row, over), (Some(9), Manual));
    let lobby = Report { status: Lobby, count: None };
    assert_eq!(shown_after(&watched(Some(3), Some(Lobby)).row, lobby), (None, Lobby));
}

#[test]
fn a_watch_ends_with_its_code_its_session_or_its_time() {
    let now = Timestamp::from_millis(2_000);
    let same = watched(None, None);
    let mut other = same.clone();
    other.row.room_code = Some("WXYZ".into());
    assert_eq!(other.next(None, now), Step::Switch("WXYZ".into()));
    other.row.room_code = None;
    assert_eq!(other.next(None, now), Step::Stop);
    assert_eq!(same.next(None, Timestamp::from_millis(999 + WATCH_MAX_MS)), Step::Keep);
    assert_eq!(same.next(None, Timestamp::from_millis(1_000 + WATCH_MAX_MS)), Step::Stop);
}

#[test]
fn who_asks_too_often_leaves_the_service_alone() {
    let told =
        |code| Input::Told(Frame::parse(&json!({"opcode": "error", "result": {"code": code}}).to_string()));
    for (input, expected) in [
        (Input::Answered(answer(429, &"")), Some(RATE_LIMITED_MIN_MS)),
        (Input::Answered(answer(400, &json!({"ok": false, "code": 2420}))), Some(RATE_LIMITED_MIN_MS)),
        (told(2420), Some(RATE_LIMITED_MIN_MS)),
        (told(2010), None),
        (Input::Answered(answer(500, &"")), None),
        (Input::Answered(answer(404, &"")), None),
        (Input::Answered(room(&json!({}))), None),
        (Input::ProbeLost, None),
    ] {
        assert_eq!(input.rest_ms(), expected, "{input:?}");
    }
}
