//! Polls from start to end: over HTTP, as bots and receivers hear of them, and as time closes them.

use std::time::Duration;

use fanfare::timers::Clock;
use fanfare_model::Timestamp;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    story::game_named,
    support::{Bot, Client, Engine, Receiver, TestApp, eventually},
};

const TITLES: [&str; 3] = ["Quiplash 3", "Earwax", "Drawful 2"];

/// A server on a clock that stands, with a session.
async fn stage(engine: Engine) -> (TestApp, Clock, Client, Value) {
    let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
    let app = TestApp::spawn_with(engine, clock.clone(), |_| {}).await;
    let host = app.host().await;
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    (app, clock, host, session)
}

async fn subscribed(app: &TestApp, session: &Value) -> Bot {
    let mut bot = app.bot().await;
    bot.subscribe(session).await;
    bot
}

async fn games(host: &Client) -> Vec<Value> {
    let mut games = Vec::new();
    for title in TITLES {
        games.push(game_named(host, title).await);
    }
    games
}

async fn open(host: &Client, session: &Value, seconds: i64) -> Value {
    let ids: Vec<_> = games(host).await.iter().map(|game| game["id"].clone()).collect();
    let body = json!({"gameIds": ids, "seconds": seconds});
    host.post(&format!("/api/sessions/{session}/polls"), body).await.expect(201)
}

async fn vote(host: &Client, poll: &Value, username: &str, option: &str) -> Value {
    let body = json!({"username": username, "option": option});
    host.post(&format!("/api/polls/{}/votes", poll["id"]), body).await.expect(200)
}

fn counts(poll: &Value) -> Vec<i64> {
    let options = poll["options"].as_array().expect("options").iter();
    options.map(|option| option["votes"].as_i64().expect("a count")).collect()
}

/// The next event, which must be of this kind; its data.
async fn hear(bot: &mut Bot, kind: &str) -> Value {
    let event = bot.hear().await;
    assert_eq!(event["type"], kind, "{event}");
    event["data"].clone()
}

#[tokio::test]
async fn a_poll_runs_on_sqlite() {
    a_poll_runs(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_poll_runs_on_postgres() {
    a_poll_runs(Engine::Postgres).await;
}

async fn a_poll_runs(engine: Engine) {
    let (app, clock, host, session) = stage(engine).await;
    let (mut bot, mut receiver) = (subscribed(&app, &session).await, Receiver::start().await);
    receiver.register(&host, &["poll.*"]).await;
    let poll = open(&host, &session, 10).await;
    let option = |key: &str, game: &Value| {
        json!({"key": key, "votes": 0, "game": {
            "id": game["id"], "title": game["title"], "pack_name": game["pack_name"],
            "min_players": game["min_players"], "max_players": game["max_players"],
        }})
    };
    let games = games(&host).await;
    let expected = json!({
        "id": poll["id"], "session_id": session, "status": "open",
        "options": [option("A", &games[0]), option("B", &games[1]), option("C", &games[2])],
        "total_votes": 0, "created_at": "2027-01-15T08:00:00.000Z", "closes_at": "2027-01-15T08:00:10.000Z",
        "ended_at": null, "winner": null,
    });
    assert_eq!(poll, expected);
    assert_eq!(hear(&mut bot, "poll.started").await, poll);
    assert_eq!(receiver.next().await.json()["data"], poll);
    let path = format!("/api/polls/{}", poll["id"]);
    assert_eq!(app.stranger().get(&path).await.expect(200), poll);

    let voted = vote(&host, &poll, "Ann", "a").await;
    assert_eq!((counts(&voted), &voted["total_votes"]), (vec![1, 0, 0], &json!(1)));
    assert_eq!(hear(&mut bot, "poll.updated").await, voted, "the first change is told at once");
    assert_eq!(receiver.next().await.json()["data"], voted);
    vote(&host, &poll, "ben", "B").await;
    let voted = vote(&host, &poll, " aNN", "B").await;
    assert_eq!(counts(&voted), [0, 2, 0], "who votes again changes his vote");
    assert_eq!(vote(&host, &poll, "ANN ", "B").await, voted);
    clock.advance(Duration::from_millis(999));
    bot.hears_nothing().await;
    clock.advance(Duration::from_millis(1));
    assert_eq!(hear(&mut bot, "poll.updated").await, voted, "later ones in one, a second later");
    assert_eq!(receiver.next().await.json()["data"], voted);
    vote(&host, &poll, "cem", "A").await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(counts(&hear(&mut bot, "poll.updated").await), [1, 2, 0]);
    receiver.next().await;

    clock.advance(Duration::from_millis(7_999));
    let voted = vote(&host, &poll, "dan", "B").await;
    assert_eq!((counts(&voted), &voted["status"]), (vec![1, 3, 0], &json!("open")), "in the last moment");
    assert_eq!(hear(&mut bot, "poll.updated").await, voted);
    receiver.next().await;
    clock.advance(Duration::from_millis(1));
    let late = host.post(&format!("{path}/votes"), json!({"username": "eva", "option": "A"})).await;
    assert_eq!(late.expect(409), json!({"error": "Poll is closed"}));
    let ended = hear(&mut bot, "poll.ended").await;
    assert_eq!(receiver.next().await.json()["data"], ended);
    let mut expected = voted;
    expected["status"] = json!("closed");
    expected["ended_at"] = expected["closes_at"].clone();
    expected["winner"] = expected["options"][1].clone();
    assert_eq!(ended, expected);
    assert_eq!(host.get(&path).await.expect(200), ended);
    bot.hears_nothing().await;
}

#[tokio::test]
async fn a_poll_is_closed_by_hand_and_with_its_session() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let (app, _clock, host, session) = stage(engine).await;
        let mut bot = subscribed(&app, &session).await;
        let poll = open(&host, &session, 60).await;
        hear(&mut bot, "poll.started").await;
        let path = format!("/api/polls/{}/close", poll["id"]);
        let closed = host.post(&path, json!({})).await.expect(200);
        assert_eq!((&closed["status"], &closed["total_votes"]), (&json!("closed"), &json!(0)));
        assert!(closed["options"].as_array().expect("options").contains(&closed["winner"]), "one is drawn");
        assert_eq!(hear(&mut bot, "poll.ended").await, closed);
        assert_eq!(host.post(&path, json!({})).await.expect(409), json!({"error": "Poll is closed"}));

        let second = open(&host, &session, 60).await;
        hear(&mut bot, "poll.started").await;
        host.post(&format!("/api/sessions/{session}/close"), json!({})).await.expect(200);
        let ended = hear(&mut bot, "poll.ended").await;
        assert_eq!((&ended["id"], &ended["status"]), (&second["id"], &json!("closed")));
        hear(&mut bot, "session.ended").await;
        let refused = host.post(&format!("/api/sessions/{session}/polls"), json!({"gameIds": [1, 2]})).await;
        assert_eq!(refused.expect(400), json!({"error": "Cannot open polls in a closed session"}));
        bot.hears_nothing().await;
    }
}

#[tokio::test]
async fn a_game_that_an_open_poll_offers_stays() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let (_app, _clock, host, session) = stage(engine).await;
        let poll = open(&host, &session, 60).await;
        let game = game_named(&host, TITLES[0]).await;
        let path = format!("/api/games/{}", game["id"]);
        let text = "Game is offered by an open poll and cannot be deleted. Disable it instead.";
        assert_eq!(host.delete(&path).await.expect(409), json!({ "error": text }), "{engine:?}");
        let csv = "pack_name,title,min_players,max_players\nP,T,1,2\n";
        let list = json!({"csvData": csv, "mode": "replace"});
        let reply = host.post("/api/games/import/csv", list).await.expect(200);
        assert_eq!((&reply["removed"], &reply["disabled"]), (&json!(60), &json!(3)));
        assert_eq!(host.get(&path).await.expect(200)["enabled"], 0);
        host.post(&format!("/api/polls/{}/close", poll["id"]), json!({})).await.expect(200);
        let other = game_named(&host, TITLES[1]).await;
        host.delete(&format!("/api/games/{}", other["id"])).await.expect(200);
    }
}

#[tokio::test]
async fn a_deleted_poll_ends_without_a_winner() {
    let (app, _clock, host, session) = stage(Engine::Sqlite).await;
    let mut bot = subscribed(&app, &session).await;
    let poll = open(&host, &session, 60).await;
    vote(&host, &poll, "ann", "A").await;
    hear(&mut bot, "poll.started").await;
    hear(&mut bot, "poll.updated").await;
    let path = format!("/api/polls/{}", poll["id"]);
    let deleted = host.delete(&path).await.expect(200);
    assert_eq!(deleted, json!({"message": "Poll deleted successfully", "pollId": poll["id"]}));
    let ended = hear(&mut bot, "poll.ended").await;
    assert_eq!(
        (&ended["id"], &ended["status"], &ended["winner"], counts(&ended)),
        (&poll["id"], &json!("deleted"), &json!(null), vec![1, 0, 0])
    );
    let gone = json!({"error": "Poll not found"});
    assert_eq!(host.get(&path).await.expect(404), gone);
    assert_eq!(host.delete(&path).await.expect(404), gone);

    let poll = open(&host, &session, 60).await;
    let path = format!("/api/polls/{}", poll["id"]);
    host.post(&format!("{path}/close"), json!({})).await.expect(200);
    hear(&mut bot, "poll.started").await;
    hear(&mut bot, "poll.ended").await;
    host.delete(&path).await.expect(200);
    bot.hears_nothing().await;
}

#[tokio::test]
async fn what_is_overdue_at_the_start_is_closed_at_once() {
    let (mut app, clock, host, session) = stage(Engine::Sqlite).await;
    let poll = open(&host, &session, 300).await;
    vote(&host, &poll, "ann", "C").await;
    app.restart().await;
    let still = app.stranger().get(&format!("/api/polls/{}", poll["id"])).await.expect(200);
    assert_eq!((&still["status"], counts(&still)), (&json!("open"), vec![0, 0, 1]));
    app.stop().await;
    clock.advance(Duration::from_secs(1_000));
    app.restart().await;
    let stranger = app.stranger();
    let ended = eventually("the end of the poll", || async {
        let poll = stranger.get(&format!("/api/polls/{}", poll["id"])).await.expect(200);
        (poll["status"] == "closed").then_some(poll)
    })
    .await;
    assert_eq!(ended["winner"]["key"], "C");
}

#[tokio::test]
async fn fifty_votes_at_once_are_fifty() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let app = TestApp::spawn_on(engine).await;
        let host = app.host().await;
        let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
        let poll = open(&host, &session, 300).await;
        let votes = (0..50).map(|voter| {
            let (host, poll) = (host.clone(), &poll);
            async move { vote(&host, poll, &format!("voter {}", voter / 2), ["A", "B"][voter / 2 % 2]).await }
        });
        join_all(votes).await;
        let poll = host.get(&format!("/api/polls/{}", poll["id"])).await.expect(200);
        assert_eq!((counts(&poll), &poll["total_votes"]), (vec![13, 12, 0], &json!(25)), "a vote each");
    }
}

#[tokio::test]
async fn the_same_key_opens_and_votes_once() {
    let (_app, _clock, host, session) = stage(Engine::Sqlite).await;
    let path = format!("/api/sessions/{session}/polls");
    let body = json!({"gameIds": [1, 2]});
    let poll = host.post_once(&path, "open", &body).await.expect(201);
    assert_eq!(poll["closes_at"], "2027-01-15T08:01:00.000Z", "60 s when nobody says");
    let again = host.post_once(&path, "open", &body).await;
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.expect(201), poll);
    host.post_once(&path, "open", &json!({"gameIds": [2, 1]})).await.expect(422);
    let refused = host.post(&path, body).await.expect(409);
    assert_eq!(refused, json!({"error": "The session has an open poll already", "pollId": poll["id"]}));

    let path = format!("/api/polls/{}/votes", poll["id"]);
    let body = json!({"username": "ann", "option": "A"});
    let voted = host.post_once(&path, "vote", &body).await.expect(200);
    host.post(&path, json!({"username": "ann", "option": "B"})).await.expect(200);
    assert_eq!(host.post_once(&path, "vote", &body).await.expect(200), voted);
    let poll = host.get(&format!("/api/polls/{}", poll["id"])).await.expect(200);
    assert_eq!(counts(&poll), [0, 1], "a repeated request does nothing");
}

#[tokio::test]
async fn games_are_picked_by_the_filters() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let (_app, _clock, host, session) = stage(engine).await;
        let games = host.get("/api/games?drawing=only&playerCount=8").await.expect(200);
        let suitable: Vec<_> =
            games.as_array().expect("games").iter().map(|game| game["id"].clone()).collect();
        let (played, rest) = suitable.split_first().expect("some can be drawn");
        host.post(&format!("/api/sessions/{session}/games"), json!({"game_id": played})).await.expect(201);
        let path = format!("/api/sessions/{session}/polls");
        let filters = json!({"drawing": "only", "playerCount": 8, "count": 10, "seed": 5});
        let mut drawn = Vec::new();
        for _ in 0..2 {
            let poll = host.post(&path, filters.clone()).await.expect(201);
            let ids = poll["options"].as_array().expect("options").iter();
            drawn.push(ids.map(|option| option["game"]["id"].clone()).collect::<Vec<_>>());
            host.post(&format!("/api/polls/{}/close", poll["id"]), json!({})).await.expect(200);
        }
        assert_eq!(drawn[0], drawn[1], "by the seed");
        assert_eq!(drawn[0].len(), rest.len().min(10));
        assert!(drawn[0].iter().all(|id| rest.contains(id)), "what was just played is held back");

        let none = host.post(&path, json!({"packs": ["No Such Pack"]})).await.expect(404);
        assert_eq!(none, json!({"error": "No games match the current filters", "emptiedBy": "packs"}));
        let none = json!({"drawing": "only", "playerCount": 8, "excludeGameIds": rest});
        let none = host.post(&path, none).await.expect(404);
        assert_eq!(none["emptiedBy"], "played", "no option says so");
        let one = json!({"drawing": "only", "playerCount": 8, "excludeGameIds": rest[1..]});
        let one = host.post(&path, one).await.expect(404);
        assert_eq!(one, json!({"error": "Only one game matches the current filters"}));
        let poll = host.post(&path, json!({})).await.expect(201);
        assert_eq!(counts(&poll), [0, 0, 0], "three when nobody says");
    }
}

/// Method and path, body, status, `error`; `{s}` is a session, `{p}` its open poll.
const REFUSALS: &[(&str, &str, u16, &str)] = &[
    ("POST /api/sessions/99/polls", r#"{"gameIds":[1,2]}"#, 404, "Session not found"),
    ("POST /api/sessions/{s}/polls", r#"{"gameIds":[1]}"#, 400, NO_GAMES),
    ("POST /api/sessions/{s}/polls", r#"{"gameIds":[1,1]}"#, 400, NO_GAMES),
    ("POST /api/sessions/{s}/polls", r#"{"gameIds":"1,2"}"#, 400, NO_GAMES),
    ("POST /api/sessions/{s}/polls", r#"{"gameIds":[1,2],"seconds":9}"#, 400, NO_TIME),
    ("POST /api/sessions/{s}/polls", r#"{"gameIds":[1,2],"seconds":"60"}"#, 400, NO_TIME),
    ("POST /api/sessions/{s}/polls", r#"{"count":1}"#, 400, "count must be an integer from 2 to 10"),
    (
        "POST /api/sessions/{s}/polls",
        r#"{"drawing":"no"}"#,
        400,
        "Invalid value for drawing: expected only or exclude",
    ),
    ("POST /api/polls/99/votes", r#"{"username":"ann","option":"A"}"#, 404, "Poll not found"),
    ("POST /api/polls/x/close", "{}", 404, "Poll not found"),
    ("GET /api/polls/0", "{}", 404, "Poll not found"),
    ("POST /api/polls/{p}/votes", r#"{"username":"ann"}"#, 400, "Missing required fields: username, option"),
    ("POST /api/polls/{p}/votes", r#"{"username":"ann","option":"D"}"#, 400, "option must be one of A to C"),
    (
        "POST /api/polls/{p}/votes",
        r#"{"username":"ann","option":1}"#,
        400,
        "option must be the key of an option",
    ),
];
const NO_GAMES: &str = "gameIds must be a list of 2 to 10 different game ids";
const NO_TIME: &str = "seconds must be an integer from 10 to 300";

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (app, _clock, host, session) = stage(Engine::Sqlite).await;
    let path = format!("/api/sessions/{session}/polls");
    let unknown = host.post(&path, json!({"gameIds": [1, 9999]})).await.expect(404);
    assert_eq!(unknown, json!({"error": "Game not found"}));
    let poll = open(&host, &session, 60).await;
    let mut bot = subscribed(&app, &session).await;
    for (request, body, status, text) in REFUSALS {
        let request = request.replace("{s}", &session.to_string()).replace("{p}", &poll["id"].to_string());
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let body: Value = serde_json::from_str(body).expect("JSON");
        let reply = host.send(method.parse().expect("a method"), path, Some(body.clone())).await;
        assert_eq!(reply.expect(*status), json!({ "error": text }), "{request} {body}");
    }
    bot.hears_nothing().await;
}
