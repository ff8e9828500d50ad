//! The room monitor against a room service that says what it is told to. The clock is the test's.

use std::time::Duration;

use fanfare::{config::Config, timers::Clock};
use fanfare_model::{Timestamp, room};
use serde_json::{Value, json};

use crate::support::{Bot, Client, Engine, RoomService, Said, TestApp, eventually};

/// A night with a server, a room service, a host and a bot that hears of everything.
struct Night {
    app: TestApp,
    service: RoomService,
    clock: Clock,
    host: Client,
    bot: Bot,
    session: Value,
}

impl Night {
    async fn start() -> Self {
        Self::start_on(Engine::Sqlite, |_| {}).await
    }

    async fn with_sockets() -> Self {
        Self::start_on(Engine::Sqlite, |config| config.rooms.probe = true).await
    }

    async fn start_on(engine: Engine, configure: impl FnOnce(&mut Config)) -> Self {
        let service = RoomService::start().await;
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let base_url = service.url().parse().expect("a URL");
        let app = TestApp::spawn_with(engine, clock.clone(), |config| {
            config.rooms.base_url = base_url;
            // The tests let hours pass, in which nobody else is to be thrown out.
            config.sockets.idle_timeout_ms = 1_000_000_000;
            config.http.header_timeout_ms = 1_000_000_000;
            configure(config);
        })
        .await;
        let host = app.host().await;
        let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
        let bot = Self::bot(&app, &session).await;
        Self { app, service, clock, host, bot, session }
    }

    async fn bot(app: &TestApp, session: &Value) -> Bot {
        let mut bot = app.bot().await;
        bot.subscribe(session).await;
        bot
    }

    /// Adds a game with a room code; returns the path of its row.
    async fn game(&mut self, code: Option<&str>) -> String {
        let games = format!("/api/sessions/{}/games", self.session);
        let row = self.host.post(&games, json!({"game_id": 1, "room_code": code})).await.expect(201);
        assert_eq!(self.bot.hear().await["type"], "game.added");
        format!("{games}/{}", row["id"])
    }

    async fn start_check(&self, game: &str) -> Value {
        self.host.post(&format!("{game}/start-player-check"), json!({})).await.expect(200)
    }

    async fn stop_check(&self, game: &str) -> Value {
        self.host.post(&format!("{game}/stop-player-check"), json!({})).await.expect(200)
    }

    async fn set_count(&self, game: &str, count: Value) -> Value {
        self.host.patch(&format!("{game}/player-count"), json!({ "player_count": count })).await.expect(200)
    }

    async fn row(&self, game: &str) -> Value {
        let (games, id) = game.rsplit_once('/').expect("a path");
        let rows = self.host.get(games).await.expect(200);
        let rows = rows.as_array().expect("rows");
        rows.iter().find(|row| row["id"].to_string() == id).expect("its row").clone()
    }

    /// The bot hears that the count or the status is another one now, and of the row when it is the
    /// status; both are what the API shows.
    async fn hears(&mut self, game: &str, status: &str, count: Option<i64>) {
        let heard = self.bot.hear().await;
        let row = self.row(game).await;
        let data = json!({"sessionId": self.session, "gameId": row["id"], "game_id": 1, "playerCount": count, "status": status});
        assert_eq!((&heard["type"], &heard["data"]), (&json!("player-count.updated"), &data));
        assert_eq!(shown(&row), (status, count));
    }

    async fn hears_of_room(&mut self, game: &str, status: &str, count: Option<i64>) {
        self.hears(game, status, count).await;
        let heard = self.bot.hear().await;
        assert_eq!((&heard["type"], &heard["data"]), (&json!("room.updated"), &self.row(game).await));
    }

    /// Lets time pass until the room is asked for again; returns how many seconds that took.
    async fn next_poll(&mut self) -> u64 {
        let mut passed_s = 0;
        let (service, clock) = (&mut self.service, &self.clock);
        eventually("a poll", || {
            let polled = service.was_polled();
            if polled.is_none() {
                clock.advance(Duration::from_secs(1));
                passed_s += 1;
            }
            async move { polled }
        })
        .await;
        passed_s
    }
}

fn shown(row: &Value) -> (&str, Option<i64>) {
    (row["player_count_check_status"].as_str().unwrap_or("null"), row["player_count"].as_i64())
}

#[tokio::test]
async fn a_room_is_followed_on_sqlite() {
    a_room_is_followed(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_room_is_followed_on_postgres() {
    a_room_is_followed(Engine::Postgres).await;
}

async fn a_room_is_followed(engine: Engine) {
    let mut night = Night::start_on(engine, |_| {}).await;
    let game = night.game(Some("ABCD")).await;
    assert!(night.service.was_polled().is_none(), "it is off until it is asked for");
    night.service.has_room("ABCD", json!({"locked": false, "full": false, "maxPlayers": 8}));
    assert_eq!(shown(&night.start_check(&game).await), ("idle", None));
    let poll = night.service.polled().await;
    assert_eq!(poll.code, "ABCD");
    let agent = poll.headers["user-agent"].to_str().expect("text");
    assert!(agent.starts_with("Fanfare/") && agent.contains("(room monitor;"), "{agent}");
    night.hears_of_room(&game, "lobby", None).await;

    night.service.has_room("ABCD", json!({"locked": false, "full": true, "maxPlayers": 8}));
    night.next_poll().await;
    night.hears(&game, "lobby", Some(8)).await;
    night.service.has_room("ABCD", json!({"locked": true, "full": true, "maxPlayers": 8}));
    night.next_poll().await;
    night.hears_of_room(&game, "locked", Some(8)).await;
    // Nothing new, nothing told.
    night.next_poll().await;
    night.next_poll().await;
    night.bot.hears_nothing().await;
    night.service.says("ABCD", Said::unknown());
    night.next_poll().await;
    night.hears_of_room(&game, "ended", Some(8)).await;
    night.clock.advance(Duration::from_hours(1));
    night.bot.hears_nothing().await;
    assert!(night.service.was_polled().is_none(), "it is over");
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let mut night = Night::start().await;
    let game = night.game(None).await;
    let session = night.session.clone();
    for verb in ["start", "stop"] {
        for path in [format!("/api/sessions/{session}/games/99"), game.replace("/sessions/", "/sessions/9")] {
            let reply = night.host.post(&format!("{path}/{verb}-player-check"), json!({})).await;
            assert_eq!(reply.expect(404), json!({"error": "Session game not found"}), "{verb} {path}");
        }
        let path = format!("{game}/{verb}-player-check");
        night.app.stranger().post(&path, json!({})).await.expect(401);
    }
    let path = format!("{game}/start-player-check");
    let reply = night.host.post(&path, json!({})).await;
    assert_eq!(reply.expect(400), json!({"error": "Room code is required"}));
    let coded = night.game(Some("ABCD")).await;
    night.host.post(&format!("/api/sessions/{session}/close"), json!({})).await.expect(200);
    let reply = night.host.post(&format!("{coded}/start-player-check"), json!({})).await;
    assert_eq!(reply.expect(400), json!({"error": "Cannot check players in a closed session"}));
}

#[tokio::test]
async fn each_answer_shows() {
    let mut night = Night::start().await;
    for (code, fields, status, count) in [
        (
            "LOBB",
            json!({"locked": false, "full": false, "maxPlayers": 8, "audienceEnabled": true}),
            "lobby",
            None,
        ),
        ("LOCK", json!({"locked": true, "maxPlayers": 8}), "locked", None),
        ("FULL", json!({"locked": false, "full": true, "maxPlayers": 10}), "lobby", Some(10)),
        ("FULM", json!({"full": true}), "lobby", None),
        ("PASS", json!({"passwordRequired": true}), "lobby", None),
        ("MISS", json!({}), "lobby", None),
        ("ODDS", json!({"locked": "no", "full": 1, "maxPlayers": "many", "host": 7}), "lobby", None),
    ] {
        let game = night.game(Some(code)).await;
        night.service.has_room(code, fields);
        night.start_check(&game).await;
        night.hears_of_room(&game, status, count).await;
    }
    let unknown = night.game(Some("NONE")).await;
    night.start_check(&unknown).await;
    night.hears_of_room(&unknown, "failed", None).await;
}

#[tokio::test]
async fn what_is_no_answer_is_asked_again_and_at_last_given_up() {
    let elsewhere = RoomService::start().await;
    elsewhere.has_room("FAIL", json!({"locked": false}));
    let huge = format!("{{\"ok\":true,\"body\":{{\"code\":\"FAIL\",\"x\":\"{}\"}}}}", "x".repeat(1 << 20));
    for said in [
        Said::json(500, &json!({"ok": false, "error": "oh no"})),
        Said::Text(200, "text/html", "<!doctype html><title>Hotel Wi-Fi</title>".into()),
        Said::Text(404, "text/html", "<!doctype html><title>Not found</title>".into()),
        Said::Text(200, "application/json", "{\"ok\":true,".into()),
        Said::Text(200, "application/json", huge),
        Said::json(200, &json!({"ok": true, "body": {"code": "ELSE", "host": "h"}})),
        Said::json(429, &json!({"ok": false, "code": 2420})),
        Said::Redirect(format!("{}/api/v2/rooms/FAIL", elsewhere.url())),
        Said::Nothing,
    ] {
        let mut night = Night::start().await;
        let game = night.game(Some("FAIL")).await;
        night.service.says("FAIL", said.clone());
        night.start_check(&game).await;
        night.service.polled().await;
        for _ in 2..room::POLL_FAILURES_MAX {
            let waited_s = night.next_poll().await;
            assert!(waited_s >= 10, "{waited_s} s, {said:?}");
        }
        assert_eq!(shown(&night.row(&game).await), ("idle", None), "nothing is made up: {said:?}");
        night.service.has_room("FAIL", json!({"locked": true}));
        night.next_poll().await;
        night.hears_of_room(&game, "locked", None).await;

        night.service.says("FAIL", said.clone());
        for _ in 0..room::POLL_FAILURES_MAX {
            night.next_poll().await;
        }
        if matches!(said, Said::Nothing) {
            night.clock.advance(Duration::from_secs(10));
        }
        night.hears_of_room(&game, "failed", None).await;
        night.bot.hears_nothing().await;
    }
}

#[tokio::test]
async fn a_room_is_polled_at_most_once_in_ten_seconds() {
    let mut night = Night::start().await;
    let games = [night.game(Some("ABCD")).await, night.game(Some("ABCD")).await];
    night.service.has_room("ABCD", json!({"locked": false}));
    night.start_check(&games[0]).await;
    night.service.polled().await;
    night.hears_of_room(&games[0], "lobby", None).await;
    // Another row with the same code learns what is known of it.
    night.start_check(&games[1]).await;
    night.hears_of_room(&games[1], "lobby", None).await;
    for game in games.iter().chain(&games) {
        night.stop_check(game).await;
        night.hears_of_room(game, "stopped", None).await;
        night.start_check(game).await;
        // Back to where it starts, and if somebody else follows the room, to what is known.
        night.hears_of_room_soon(game).await;
    }
    night.clock.advance(Duration::from_millis(9_999));
    night.bot.hears_nothing().await;
    assert!(night.service.was_polled().is_none());
    night.clock.advance(Duration::from_millis(1));
    night.service.polled().await;
    night.bot.hears_nothing().await;
    assert!(night.service.was_polled().is_none(), "one poll for both");
}

impl Night {
    /// Skips the events of a row on its way to `lobby`.
    async fn hears_of_room_soon(&mut self, game: &str) {
        for status in ["idle", "lobby"] {
            for kind in ["player-count.updated", "room.updated"] {
                let heard = self.bot.hear().await;
                assert_eq!(heard["type"], kind, "{game} {status}: {heard}");
            }
        }
    }
}
