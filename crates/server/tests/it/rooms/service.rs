//! What the room service is spared, however many rooms are watched and however often a watch begins
//! anew.

use super::*;

const REST_MS: u64 = room::RATE_LIMITED_MIN_MS;

impl Night {
    /// Ends a watch and begins it anew; the row is idle then.
    async fn watches_anew(&mut self, game: &str) {
        self.stop_check(game).await;
        self.hears_of_room(game, "stopped", None).await;
        self.start_check(game).await;
        self.hears_of_room(game, "idle", None).await;
    }

    async fn nobody_asks_for(&mut self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
        self.bot.hears_nothing().await;
        assert!(self.service.was_polled().is_none(), "{ms} ms");
    }

    /// The codes of so many polls that come now, in alphabetic order.
    async fn polled_codes(&mut self, count: usize) -> Vec<String> {
        let mut codes = Vec::new();
        for _ in 0..count {
            codes.push(self.service.polled().await.code);
        }
        codes.sort();
        codes
    }
}

#[tokio::test]
async fn a_service_that_is_asked_too_often_is_asked_nothing_for_a_minute() {
    let mut night = Night::start_on(Engine::Sqlite, |config| config.rooms.probe = true).await;
    let (mut games, mut visits) = (Vec::new(), Vec::new());
    for code in ["AAAA", "BBBB"] {
        let game = night.game(Some(code)).await;
        night.service.has_room(code, json!({"locked": false}));
        night.start_check(&game).await;
        assert_eq!(night.service.polled().await.code, code);
        night.hears_of_room(&game, "lobby", None).await;
        visits.push(night.service.visited().await);
        games.push(game);
    }
    let late = night.game(Some("CCCC")).await;
    night.service.says("CCCC", Said::Nothing);
    visits[0].say("error", json!({"code": 2420, "msg": "too often"})).await;
    visits[0].is_left().await;

    night.nobody_asks_for(REST_MS / 2).await;
    // Neither the room that was told so, begun anew, nor one that was not asked for yet.
    night.watches_anew(&games[0]).await;
    night.start_check(&late).await;
    night.nobody_asks_for(REST_MS / 2 - 1).await;
    night.clock.advance(Duration::from_millis(1));
    assert_eq!(night.polled_codes(3).await, ["AAAA", "BBBB", "CCCC"]);
}

#[tokio::test]
async fn a_poll_that_is_refused_stops_the_polls_of_every_room() {
    for refusal in [Said::Text(429, "text/plain", String::new()), Said::json(400, &json!({"code": 2420}))] {
        let mut night = Night::start().await;
        let (calm, busy) = (night.game(Some("CALM")).await, night.game(Some("BUSY")).await);
        night.service.has_room("CALM", json!({"locked": false}));
        night.service.says("BUSY", refusal.clone());
        night.start_check(&calm).await;
        night.hears_of_room(&calm, "lobby", None).await;
        night.start_check(&busy).await;
        assert_eq!(night.polled_codes(2).await, ["BUSY", "CALM"]);
        night.watches_anew(&busy).await;
        let waited_s = night.next_poll().await;
        assert!(waited_s >= REST_MS / 1_000, "{waited_s} s after {refusal:?}");
    }
}

#[tokio::test]
async fn a_room_is_spared_whatever_becomes_of_its_watch() {
    let mut night = Night::start().await;
    let game = night.game(Some("GONE")).await;
    night.start_check(&game).await;
    night.service.polled().await;
    night.hears_of_room(&game, "failed", None).await;
    // Its watch is over, and another begins.
    night.start_check(&game).await;
    night.hears_of_room(&game, "idle", None).await;
    night.nobody_asks_for(9_999).await;
    night.clock.advance(Duration::from_millis(1));
    night.service.polled().await;
    night.hears_of_room(&game, "failed", None).await;

    // To another code and back.
    let game = night.game(Some("AAAA")).await;
    night.service.has_room("AAAA", json!({"locked": false}));
    night.service.has_room("BBBB", json!({"locked": false}));
    night.start_check(&game).await;
    night.hears_of_room(&game, "lobby", None).await;
    for code in ["BBBB", "AAAA"] {
        let path = format!("{game}/room-code");
        night.host.patch(&path, json!({ "room_code": code })).await.expect(200);
        assert_eq!(night.bot.hear().await["type"], "room.updated");
        if code == "BBBB" {
            night.hears_of_room_soon(&game).await;
        } else {
            night.hears_of_room(&game, "idle", None).await;
        }
    }
    assert_eq!(night.polled_codes(2).await, ["AAAA", "BBBB"]);
    night.nobody_asks_for(9_999).await;
    // One whose poll is not answered yet.
    night.service.says("AAAA", Said::Nothing);
    night.clock.advance(Duration::from_millis(1));
    assert_eq!(night.service.polled().await.code, "AAAA");
    night.watches_anew(&game).await;
    night.nobody_asks_for(9_999).await;
    let waited_s = night.next_poll().await;
    assert!((10..=11).contains(&waited_s), "{waited_s} s after the poll was given up");
}

#[tokio::test]
async fn a_room_is_spared_when_the_server_starts_again() {
    let mut night = Night::start().await;
    let game = night.game(Some("AAAA")).await;
    night.service.has_room("AAAA", json!({"locked": false}));
    night.start_check(&game).await;
    night.service.polled().await;
    night.hears_of_room(&game, "lobby", None).await;
    night.stop_check(&game).await;
    let mut night = night.restarted().await;
    night.start_check(&game).await;
    night.hears_of_room(&game, "idle", None).await;
    night.nobody_asks_for(9_999).await;
    night.clock.advance(Duration::from_millis(1));
    night.service.polled().await;
}
