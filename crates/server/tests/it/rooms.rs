//! The room monitor against a room service that says what it is told to. The clock is the test's.

mod rows;
mod service;
mod sockets;

use std::time::Duration;

use fanfare::{config::Config, timers::Clock};
use fanfare_model::{Timestamp, room};
use fanfare_store::{Error, Tx};
use serde_json::{Value, json};

use crate::support::{Bot, Client, Engine, RoomService, Said, TestApp, Visit, eventually};

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

    /// The same night after the server was stopped and started again.
    async fn restarted(self) -> Self {
        self.restarted_after(|_| Ok(())).await
    }

    /// As before, with something done to the database in between.
    async fn restarted_after(self, job: impl Fn(&mut Tx) -> Result<(), Error> + Send + 'static) -> Self {
        let Self { mut app, service, clock, session, host, bot } = self;
        // A stop waits for connections that have time left, and here no time passes.
        drop((host, bot));
        app.at_rest(job).await;
        app.restart().await;
        let (host, bot) = (app.host().await, Self::bot(&app, &session).await);
        Self { app, service, clock, host, bot, session }
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
        let id = id.parse::<i64>().expect("an id");
        let rows = self.host.get(games).await.expect(200);
        let rows = rows.as_array().expect("rows");
        rows.iter().find(|row| row["id"] == id).expect("its row").clone()
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
        self.service.polled_by(&self.clock).await
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
        for _ in 0..2 {
            let waited_s = night.next_poll().await;
            assert!(waited_s >= 10, "{waited_s} s, {said:?}");
        }
        assert_eq!(shown(&night.row(&game).await), ("idle", None), "nothing is made up: {said:?}");
        night.service.has_room("FAIL", json!({"locked": true}));
        night.next_poll().await;
        night.hears_of_room(&game, "locked", None).await;

        if !matches!(said, Said::Text(500, ..) | Said::Nothing) {
            continue;
        }
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

    // Not even a watch that begins anew asks sooner.
    for game in &games {
        night.stop_check(game).await;
        night.hears_of_room(game, "stopped", None).await;
    }
    night.start_check(&games[0]).await;
    night.hears_of_room(&games[0], "idle", None).await;
    night.clock.advance(Duration::from_millis(9_999));
    night.bot.hears_nothing().await;
    assert!(night.service.was_polled().is_none());
    night.clock.advance(Duration::from_millis(1));
    night.service.polled().await;
    night.hears_of_room(&games[0], "lobby", None).await;
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

#[tokio::test]
async fn only_a_manual_count_can_be_taken_back() {
    let mut night = Night::start().await;
    let game = night.game(Some("ABCD")).await;
    assert_eq!(shown(&night.set_count(&game, Value::Null).await), ("null", None));
    night.service.has_room("ABCD", json!({"full": true, "maxPlayers": 8}));
    night.start_check(&game).await;
    night.hears_of_room(&game, "lobby", Some(8)).await;
    assert_eq!(shown(&night.set_count(&game, Value::Null).await), ("lobby", Some(8)));
    assert_eq!(shown(&night.stop_check(&game).await), ("stopped", Some(8)));
    night.hears_of_room(&game, "stopped", Some(8)).await;
    assert_eq!(shown(&night.set_count(&game, Value::Null).await), ("stopped", Some(8)));
    night.bot.hears_nothing().await;
    night.set_count(&game, json!(8)).await;
    night.hears(&game, "manual", Some(8)).await;
    assert_eq!(shown(&night.set_count(&game, Value::Null).await), ("idle", None));
    night.hears(&game, "idle", None).await;
}

#[tokio::test]
async fn a_manual_count_wins() {
    let mut night = Night::start().await;
    let game = night.game(Some("ABCD")).await;
    night.service.has_room("ABCD", json!({"full": true, "maxPlayers": 8}));
    night.start_check(&game).await;
    night.hears_of_room(&game, "lobby", Some(8)).await;
    night.set_count(&game, json!(5)).await;
    night.hears(&game, "manual", Some(5)).await;
    // The room goes on underneath.
    night.service.has_room("ABCD", json!({"locked": true, "full": true, "maxPlayers": 9}));
    night.next_poll().await;
    night.next_poll().await;
    night.bot.hears_nothing().await;
    assert_eq!(shown(&night.row(&game).await), ("manual", Some(5)));
    // The monitor has its say again, at once.
    night.set_count(&game, Value::Null).await;
    let heard = night.bot.hear().await;
    assert_eq!((&heard["data"]["status"], &heard["data"]["playerCount"]), (&json!("idle"), &json!(null)));
    night.hears_of_room(&game, "locked", Some(9)).await;

    night.set_count(&game, json!(0)).await;
    night.hears(&game, "manual", Some(0)).await;
    assert_eq!(shown(&night.stop_check(&game).await), ("manual", Some(0)));
    assert_eq!(shown(&night.start_check(&game).await), ("manual", Some(0)));
    night.service.says("ABCD", Said::unknown());
    night.next_poll().await;
    night.bot.hears_nothing().await;
    assert_eq!(shown(&night.row(&game).await), ("manual", Some(0)));
}

#[tokio::test]
async fn stopping_ends_the_polls_and_keeps_the_count() {
    let mut night = Night::start().await;
    let game = night.game(Some("ABCD")).await;
    night.service.has_room("ABCD", json!({"full": true, "maxPlayers": 8}));
    night.start_check(&game).await;
    night.service.polled().await;
    night.hears_of_room(&game, "lobby", Some(8)).await;
    assert_eq!(night.start_check(&game).await, night.row(&game).await, "it goes on");
    assert_eq!(shown(&night.stop_check(&game).await), ("stopped", Some(8)));
    night.hears_of_room(&game, "stopped", Some(8)).await;
    assert_eq!(shown(&night.stop_check(&game).await), ("stopped", Some(8)));
    night.clock.advance(Duration::from_hours(1));
    night.bot.hears_nothing().await;
    assert!(night.service.was_polled().is_none());
}

#[tokio::test]
async fn stopping_what_is_not_watched_changes_and_tells_nothing() {
    let mut night = Night::start().await;
    let game = night.game(Some("ABCD")).await;
    let row = night.row(&game).await;
    assert_eq!(row["player_count_check_status"], json!(null));
    assert_eq!(night.stop_check(&game).await, row);
    night.bot.hears_nothing().await;
    assert_eq!(night.row(&game).await, row);
    // Idle, since a number was taken back, and manual.
    for (count, status) in [(json!(5), "manual"), (json!(null), "idle")] {
        night.set_count(&game, count.clone()).await;
        night.hears(&game, status, count.as_i64()).await;
        assert_eq!(shown(&night.stop_check(&game).await), (status, count.as_i64()));
        night.bot.hears_nothing().await;
        assert_eq!(shown(&night.row(&game).await), (status, count.as_i64()));
    }
    // One that is watched and was not answered yet is stopped.
    night.service.says("ABCD", Said::Nothing);
    night.start_check(&game).await;
    night.service.polled().await;
    assert_eq!(shown(&night.stop_check(&game).await), ("stopped", None));
    night.hears_of_room(&game, "stopped", None).await;
}

#[tokio::test]
async fn a_closed_session_and_half_a_day_end_a_watch() {
    let mut night = Night::start().await;
    let game = night.game(Some("ABCD")).await;
    night.service.has_room("ABCD", json!({}));
    night.start_check(&game).await;
    night.hears_of_room(&game, "lobby", None).await;
    night.clock.advance(Duration::from_hours(11));
    night.next_poll().await;
    night.bot.hears_nothing().await;
    night.clock.advance(Duration::from_hours(1));
    night.hears_of_room(&game, "stopped", None).await;

    night.start_check(&game).await;
    night.hears_of_room(&game, "idle", None).await;
    night.next_poll().await;
    night.hears_of_room(&game, "lobby", None).await;
    night.host.post(&format!("/api/sessions/{}/close", night.session), json!({})).await.expect(200);
    assert_eq!(night.bot.hear().await["type"], "session.ended");
    assert_eq!(shown(&night.row(&game).await), ("stopped", None));
    night.clock.advance(Duration::from_hours(1));
    night.bot.hears_nothing().await;
}

#[tokio::test]
async fn a_watch_goes_on_after_a_restart() {
    let mut night = Night::start().await;
    let (seen, unseen) = (night.game(Some("SEEN")).await, night.game(Some("GONE")).await);
    night.service.has_room("SEEN", json!({"locked": true, "full": true, "maxPlayers": 8}));
    night.start_check(&seen).await;
    night.service.polled().await;
    night.hears_of_room(&seen, "locked", Some(8)).await;
    night.service.says("GONE", Said::Nothing);
    night.start_check(&unseen).await;
    night.service.polled().await;
    let mut night = night.restarted().await;
    night.service.says("SEEN", Said::unknown());
    night.service.has_room("GONE", json!({}));
    assert_eq!(shown(&night.row(&seen).await), ("locked", Some(8)));
    assert!(night.service.was_polled().is_none(), "it may have been asked a moment ago");
    assert_eq!(night.next_poll().await.max(10), 10);
    let mut heard = Vec::new();
    for _ in 0..4 {
        let event = night.bot.hear().await;
        heard.push((event["type"].to_string(), event["data"].to_string()));
    }
    assert_eq!(shown(&night.row(&seen).await), ("ended", Some(8)), "it was there before: {heard:?}");
    assert_eq!(shown(&night.row(&unseen).await), ("lobby", None), "{heard:?}");
}

#[tokio::test]
async fn so_many_rooms_and_no_more() {
    let mut night = Night::start().await;
    let mut games = Vec::new();
    for number in 0..=room::ROOMS_MAX_WATCHED {
        let letter = |at: usize| char::from(b"ABCDEFGHIJ"[at % 10]);
        let code: String = [letter(number / 100), letter(number / 10), letter(number), 'X'].iter().collect();
        night.service.says(&code, Said::Nothing);
        games.push(night.game(Some(&code)).await);
    }
    let last = games.pop().expect("the one too many");
    for game in &games {
        night.start_check(game).await;
    }
    let path = format!("{last}/start-player-check");
    let reply = night.host.post(&path, json!({})).await.expect(409);
    let text = "100 rooms are being watched already: stop another player check first";
    assert_eq!(reply, json!({ "error": text }));
    night.start_check(&games[0]).await;
    night.stop_check(&games[0]).await;
    night.start_check(&last).await;
}

#[tokio::test]
async fn a_forbidden_service_is_never_reached() {
    let mut night = Night::start_on(Engine::Sqlite, |config| {
        config.rooms.base_url = "http://169.254.169.254".parse().expect("a URL");
    })
    .await;
    let game = night.game(Some("ABCD")).await;
    night.start_check(&game).await;
    eventually("the end", || {
        night.clock.advance(Duration::from_secs(10));
        let row = night.row(&game);
        async move { (shown(&row.await) == ("failed", None)).then_some(()) }
    })
    .await;
}
