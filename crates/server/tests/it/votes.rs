//! Votes as bots cast them: which game they are for, which ones count, who hears of them.

mod chat;
mod imports;

use std::time::Duration;

use fanfare::timers::Clock;
use fanfare_model::{Timestamp, limits::UNMATCHED_GAMES_MAX};
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

use crate::{
    story::game_named,
    support::{Bot, Client, Engine, Receiver, TestApp},
};

const DUPLICATE: &str = "Duplicate vote detected (within 1 second of previous vote)";
const UNMATCHED: &str = "Vote timestamp does not match any game in the active session";
/// When the sessions of these tests begin.
const EVENING_MS: i64 = 1_773_606_600_000;

/// A night whose clock the test turns, with a session that has games.
struct Night {
    app: TestApp,
    clock: Clock,
    host: Client,
    session: Value,
}

impl Night {
    async fn begin(engine: Engine) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(EVENING_MS));
        let app = TestApp::spawn_with(engine, clock.clone(), |_| {}).await;
        let host = app.host().await;
        let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
        Self { app, clock, host, session }
    }

    /// Adds a game now; returns its id.
    async fn play(&self, title: &str) -> Value {
        let game = game_named(&self.host, title).await["id"].clone();
        let path = format!("/api/sessions/{}/games", self.session);
        self.host.post(&path, json!({"game_id": game})).await.expect(201);
        game
    }

    /// Lets time pass. The server may then close connections that were idle, so the host makes new
    /// ones.
    fn pass(&mut self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
        self.host = self.app.stranger().with_token(self.host.token());
    }

    async fn close(&self) {
        self.host.post(&format!("/api/sessions/{}/close", self.session), json!({})).await.expect(200);
    }

    async fn import(&self, chat: Value) -> Value {
        self.host.post(&format!("/api/sessions/{}/chat-import", self.session), chat).await.expect(200)
    }
}

/// A vote `ms` milliseconds after the beginning.
fn vote(username: &str, vote: &str, ms: i64) -> Value {
    json!({"username": username, "vote": vote, "timestamp": moment(ms)})
}

fn moment(ms: i64) -> String {
    Timestamp::from_millis(EVENING_MS + ms).to_string()
}

async fn totals(client: &Client, game: &Value) -> (i64, i64, i64) {
    let row = client.get(&format!("/api/games/{game}")).await.expect(200);
    let number = |name: &str| row[name].as_i64().expect("a number");
    (number("upvotes"), number("downvotes"), number("popularity_score"))
}

#[tokio::test]
async fn a_vote_is_answered_and_heard() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let night = Night::begin(engine).await;
        let (host, session) = (&night.host, &night.session);
        let mut receiver = Receiver::start().await;
        receiver.register(host, &["vote.recorded"]).await;
        let mut bot = night.app.bot().await;
        bot.subscribe(session).await;
        let game = night.play("Quiplash 3").await;
        assert_eq!(bot.hear().await["type"], "game.added");

        let body =
            json!({"username": " Zoë \n\u{7}", "vote": "up", "timestamp": "2026-03-15T22:30:00.0005+02:00"});
        let answered = host.post("/api/votes/live", body.clone()).await.expect(200);
        let echo = json!({"username": body["username"], "type": "up", "timestamp": body["timestamp"]});
        let expected = json!({
            "success": true,
            "message": "Vote recorded successfully",
            "session": {"id": session, "games_played": 1},
            "game": {"id": game, "title": "Quiplash 3", "upvotes": 1, "downvotes": 0, "popularity_score": 1},
            "vote": echo,
        });
        assert_eq!(answered, expected);

        let heard = bot.hear_text().await;
        let frame: Value = serde_json::from_str(&heard).expect("JSON");
        let data = json!({
            "sessionId": session,
            "game": {"id": game, "title": "Quiplash 3", "pack_name": "The Jackbox Party Pack 7"},
            "vote": echo,
            "totals": {"upvotes": 1, "downvotes": 0, "popularity_score": 1},
        });
        assert_eq!(
            (&frame["type"], &frame["data"], &frame["seq"]),
            (&json!("vote.recorded"), &data, &json!(3))
        );
        let delivered = receiver.next().await;
        assert_eq!(delivered.header("webhook-id"), frame["id"]);
        let body = format!(r#"{{"event":"vote.recorded","timestamp":{},"data":{data}}}"#, frame["timestamp"]);
        assert_eq!(delivered.body, body, "the keys in this order");
        assert!(heard.contains(&data.to_string()));

        let answered = host.post("/api/votes/live", vote("Bob", "down", 1)).await.expect(200);
        assert_eq!(answered["game"]["popularity_score"], 0);
        assert_eq!(totals(host, &game).await, (1, 1, 0));
        assert_eq!(
            bot.hear().await["data"]["totals"],
            json!({"upvotes": 1, "downvotes": 1, "popularity_score": 0})
        );
    }
}

#[tokio::test]
async fn a_vote_that_does_not_count_is_told_why_and_changes_nothing() {
    let mut night = Night::begin(Engine::Sqlite).await;
    let missing = "Missing required fields: username, vote, timestamp";
    let time = "Invalid timestamp format. Use ISO 8601 format (e.g., 2025-11-01T20:30:00Z)";
    let long = "x".repeat(201);
    let refusals = [
        (json!({}), 400, missing),
        (json!({"username": "a", "vote": "up"}), 400, missing),
        (json!({"username": "", "vote": "x", "timestamp": "x"}), 400, missing),
        (json!({"username": 7, "vote": "up", "timestamp": moment(0)}), 400, "username must be a string"),
        (vote(&long, "up", 0), 400, "username must not be longer than 200 characters"),
        (vote("a", "UP", 0), 400, "vote must be either \"up\" or \"down\""),
        (
            json!({"username": "a", "vote": ["up"], "timestamp": "x"}),
            400,
            "vote must be either \"up\" or \"down\"",
        ),
        (json!({"username": "a", "vote": "up", "timestamp": "yesterday"}), 400, time),
        (json!({"username": "a", "vote": "up", "timestamp": 1_773_606_600_000_i64}), 400, time),
        (vote("a", "up", 0), 404, "No games have been played in the active session yet"),
    ];
    for (body, status, text) in refusals {
        let reply = night.host.post("/api/votes/live", body.clone()).await;
        assert_eq!(reply.expect(status), json!({ "error": text }), "{body}");
    }
    night.pass(1_000);
    let host = &night.host;
    let game = night.play("Earwax").await;
    for timestamp in [moment(999), "1970-01-01T00:00:00Z".into(), "2026-03-15T20:30:00".into()] {
        let body = json!({"username": "a", "vote": "up", "timestamp": timestamp});
        let debug = json!({"voteTimestamp": timestamp, "sessionGames": [{"title": "Earwax", "played_at": moment(1_000)}]});
        let reply = host.post("/api/votes/live", body).await.expect(404);
        assert_eq!(reply, json!({"error": UNMATCHED, "debug": debug}));
    }
    assert_eq!(totals(host, &game).await, (0, 0, 0));
    night.close().await;
    let reply = host.post("/api/votes/live", vote("a", "up", 2_000)).await.expect(404);
    assert_eq!(reply, json!({"error": "No active session found"}));
    let stranger = night.app.stranger();
    assert_eq!(
        stranger.post("/api/votes/live", vote("a", "up", 0)).await.expect(401)["error"],
        "Access token required"
    );
    assert_eq!(stranger.get("/api/votes").await.expect(200)["votes"], json!([]));
}

#[tokio::test]
async fn a_mismatch_tells_of_the_newest_games_only() {
    let mut night = Night::begin(Engine::Sqlite).await;
    night.pass(1_000);
    night.play("Earwax").await;
    for _ in 0..UNMATCHED_GAMES_MAX {
        night.play("Drawful 2").await;
    }
    let reply = night.host.post("/api/votes/live", vote("a", "up", 0)).await.expect(404);
    let games = reply["debug"]["sessionGames"].as_array().expect("an array");
    assert_eq!(games.len(), UNMATCHED_GAMES_MAX);
    assert!(games.iter().all(|game| game["title"] == "Drawful 2"), "the oldest is left out");
}

#[tokio::test]
async fn the_moment_of_a_vote_decides_its_game() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut night = Night::begin(engine).await;
        let first = night.play("Earwax").await;
        night.pass(10_000);
        let skipped = night.play("Drawful 2").await;
        let rows = night.host.get(&format!("/api/sessions/{}/games", night.session)).await.expect(200);
        let status = format!("/api/sessions/{}/games/{}/status", night.session, rows[1]["id"]);
        night.host.patch(&status, json!({"status": "skipped"})).await.expect(200);
        night.pass(10_000);
        let host = &night.host;
        let last = night.play("Quiplash 3").await;
        let tie = night.play("Fibbage 4").await;
        for (who, ms, game) in [
            ("late 1", 0, &first),
            ("late 2", 9_999, &first),
            ("late 3", 10_000, &skipped),
            ("late 4", 19_999, &skipped),
            ("now", 20_000, &tie),
            ("future", 9_000_000_000, &tie),
        ] {
            let answered = host.post("/api/votes/live", vote(who, "up", ms)).await.expect(200);
            assert_eq!(answered["game"]["id"], *game, "{who}");
        }
        let end = json!({"username": "end", "vote": "up", "timestamp": "9999-12-31T23:59:59+14:00"});
        assert_eq!(host.post("/api/votes/live", end).await.expect(200)["game"]["id"], tie);
        host.post("/api/votes/live", vote("early", "up", -1)).await.expect(404);
        assert_eq!(totals(host, &last).await, (0, 0, 0), "two at one moment: the newer one owns it");
        assert_eq!(totals(host, &tie).await, (3, 0, 3));
    }
}

#[tokio::test]
async fn a_user_has_one_vote_a_second() {
    let mut night = Night::begin(Engine::Sqlite).await;
    night.play("Earwax").await;
    night.pass(5_000);
    let host = &night.host;
    night.play("Drawful 2").await;
    for (who, word, ms, status) in [
        ("Straße", "up", 5_000, 200),
        ("STRASSE ", "down", 5_000, 409),
        ("strasse", "up", 4_000, 409),
        ("strasse", "up", 6_000, 409),
        ("strasse", "up", 3_999, 200),
        ("strasse", "up", 6_001, 200),
        ("strasse", "up", 7_001, 409),
        ("somebody else", "up", 5_000, 200),
    ] {
        let reply = host.post("/api/votes/live", vote(who, word, ms)).await;
        let answered = reply.expect(status);
        if status == 409 {
            assert_eq!(answered, json!({ "error": DUPLICATE }), "{who} at {ms}");
        }
    }
    night.close().await;
    let next = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let game = game_named(host, "Earwax").await["id"].clone();
    host.post(&format!("/api/sessions/{next}/games"), json!({"game_id": game})).await.expect(201);
    host.post("/api/votes/live", vote("strasse", "up", 6_001)).await.expect(200);
}

#[tokio::test]
async fn fifty_identical_votes_count_once_on_sqlite() {
    fifty_identical_votes(Engine::Sqlite).await;
}

#[tokio::test]
async fn fifty_identical_votes_count_once_on_postgres() {
    fifty_identical_votes(Engine::Postgres).await;
}

async fn fifty_identical_votes(engine: Engine) {
    let night = Night::begin(engine).await;
    let game = night.play("Earwax").await;
    let mut bot = night.app.bot().await;
    bot.subscribe(&night.session).await;
    let votes = (0..50).map(|_| night.host.post("/api/votes/live", vote("ann", "up", 5)));
    let replies = join_all(votes).await;
    let with = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((with(200), with(409)), (1, 49));
    assert_eq!(totals(&night.host, &game).await, (1, 0, 1));
    assert_eq!(bot.hear().await["type"], "vote.recorded");
    bot.hears_nothing().await;

    // Under one key they are one request, which is answered fifty times.
    let body = vote("bob", "down", 5).to_string();
    let keyed = || {
        let request = Request::post(format!("http://{}/api/votes/live", night.host.addr()))
            .header("authorization", format!("Bearer {}", night.host.token()))
            .header("content-type", "application/json")
            .header("idempotency-key", "bob-5");
        night.host.raw(request.body(Full::from(body.clone())).expect("a request"))
    };
    let replies = join_all((0..50).map(|_| keyed())).await;
    assert!(replies.iter().all(|reply| reply.expect(200) == replies[0].json()));
    let repeated = replies.iter().filter(|reply| reply.headers.contains_key("idempotency-replayed"));
    assert_eq!(repeated.count(), 49);
    assert_eq!(totals(&night.host, &game).await, (1, 1, 0));
}

#[tokio::test]
async fn many_users_are_counted_exactly_on_sqlite() {
    many_users(Engine::Sqlite).await;
}

#[tokio::test]
async fn many_users_are_counted_exactly_on_postgres() {
    many_users(Engine::Postgres).await;
}

/// 200 users cast 50 votes each, all at once; every fifth is against, half are for each game.
async fn many_users(engine: Engine) {
    const EACH: i64 = 50;
    let mut night = Night::begin(engine).await;
    let first = night.play("Earwax").await;
    night.pass(EACH.unsigned_abs() * 1_000);
    let second = night.play("Drawful 2").await;
    let host = &night.host;
    let user = async |user: i64| {
        for n in 0..EACH {
            let word = if n % 5 == 0 { "down" } else { "up" };
            let body = vote(&format!("user {user}"), word, n * 2_000);
            host.post("/api/votes/live", body).await.expect(200);
        }
    };
    join_all((0..200).map(user)).await;
    let (all, down) = (200 * EACH / 2, 200 * EACH / 10);
    for game in [first, second] {
        assert_eq!(totals(host, &game).await, (all - down, down, all - 2 * down));
    }
    let page = host.get(&format!("/api/votes?session_id={}", night.session)).await.expect(200);
    assert_eq!(page["pagination"]["total"], 200 * EACH);
}

#[tokio::test]
async fn no_vote_counts_after_the_end_on_sqlite() {
    votes_while_closing(Engine::Sqlite).await;
}

#[tokio::test]
async fn no_vote_counts_after_the_end_on_postgres() {
    votes_while_closing(Engine::Postgres).await;
}

async fn votes_while_closing(engine: Engine) {
    let night = Night::begin(engine).await;
    let game = night.play("Earwax").await;
    let mut bot = night.app.bot().await;
    bot.subscribe(&night.session).await;
    let cast = async |n: usize| night.host.post("/api/votes/live", vote(&format!("user {n}"), "up", 0)).await;
    let before = join_all((0..10).map(cast));
    let after = join_all((10..40).map(cast));
    let (before, (), after) = tokio::join!(before, night.close(), after);
    let mut counted = 0;
    for reply in before.iter().chain(&after) {
        if reply.status == 200 {
            counted += 1;
        } else {
            assert_eq!(reply.expect(404), json!({"error": "No active session found"}));
        }
    }
    assert_eq!(totals(&night.host, &game).await, (counted, 0, counted));
    assert_eq!(heard_until_the_end(&mut bot).await, counted);
    bot.hears_nothing().await;
}

/// How many votes were heard of before the session's end.
async fn heard_until_the_end(bot: &mut Bot) -> i64 {
    let mut votes = 0;
    loop {
        let heard = bot.hear().await;
        match heard["type"].as_str() {
            Some("vote.recorded") => votes += 1,
            Some("session.ended") => return votes,
            _ => panic!("unexpected {heard}"),
        }
    }
}

#[tokio::test]
async fn bad_questions_about_votes() {
    let night = Night::begin(Engine::Postgres).await;
    let host = &night.host;
    for body in [json!({}), json!({"chatData": "thisgame++"}), json!({"chatData": {}}), json!(null), json!(5)]
    {
        for session in [night.session.clone(), json!(99)] {
            let reply = host.post(&format!("/api/sessions/{session}/chat-import"), body.clone()).await;
            assert_eq!(reply.expect(400), json!({"error": "chatData must be an array"}), "{body}");
        }
    }
    let gone = json!({"error": "Session not found"});
    for id in ["99", "0", "abc", "9223372036854775808"] {
        assert_eq!(host.post(&format!("/api/sessions/{id}/chat-import"), json!([])).await.expect(404), gone);
        assert_eq!(host.get(&format!("/api/sessions/{id}/votes")).await.expect(404), gone);
    }
    let stranger = night.app.stranger();
    stranger.post(&format!("/api/sessions/{}/chat-import", night.session), json!([])).await.expect(401);
    for (query, name) in [
        ("session_id=x", "session_id"),
        ("game_id=-1", "game_id"),
        ("username=%00", "username"),
        ("vote_type=both", "vote_type"),
        ("page=0", "page"),
        ("limit=101", "limit"),
    ] {
        let error = stranger.get(&format!("/api/votes?{query}")).await.expect(400)["error"].clone();
        assert!(error.as_str().is_some_and(|text| text.contains(name)), "{error}");
    }
    let page = stranger.get("/api/votes?page=9007199254740991&limit=100&username=%ff").await.expect(200);
    assert_eq!(
        page["pagination"],
        json!({"page": 9_007_199_254_740_991_i64, "limit": 100, "total": 0, "total_pages": 0})
    );
}
