//! The socket that counts players, which is opened only when it is asked for.

use super::*;

const LOBBY: &str = "ABCD";

impl Night {
    /// A night with a room in the lobby, whose socket has just been opened.
    async fn with_visit() -> (Self, String, Visit) {
        let mut night = Self::start_on(Engine::Sqlite, |config| config.rooms.probe = true).await;
        let game = night.game(Some(LOBBY)).await;
        night.service.has_room(LOBBY, json!({"locked": false, "full": false, "maxPlayers": 8}));
        night.start_check(&game).await;
        night.service.polled().await;
        night.hears_of_room(&game, "lobby", None).await;
        let visit = night.service.visited().await;
        (night, game, visit)
    }

    /// Enough time for what a socket said to be written down.
    fn a_second_passes(&self) {
        self.clock.advance(Duration::from_secs(1));
    }
}

fn here(players: &[&str]) -> Value {
    let mut here = json!({"1": {"roles": {"host": {}}}, "9": {"roles": {"shard": {}}}});
    for id in players {
        here[*id] = json!({"roles": {"player": {"name": "Ann"}}});
    }
    json!({ "here": here })
}

#[tokio::test]
async fn players_are_counted_as_they_come_and_go() {
    let (mut night, game, mut visit) = Night::with_visit().await;
    assert_eq!(visit.path, "/api/v2/rooms/ABCD/play");
    assert_eq!(visit.headers["sec-websocket-protocol"], "ecast-v0");
    assert!(visit.headers["user-agent"].to_str().expect("text").starts_with("Fanfare/"));
    let query = |name: &str| visit.query.get(name).map(String::as_str);
    assert_eq!((query("role"), query("format")), (Some("shard"), Some("json")));
    assert!(query("name").is_some() && query("user-id").is_some());

    visit.say("client/welcome", here(&["2", "3"])).await;
    night.hears(&game, "lobby", Some(2)).await;
    // A crowd that comes at once is told once.
    for id in 4..10 {
        visit.say("client/connected", json!({"id": id, "roles": {"player": {"name": "Bob"}}})).await;
    }
    visit.say("client/connected", json!({"id": 10, "roles": {"audience": {}}})).await;
    visit.say("client/disconnected", json!({"id": 2})).await;
    visit.say("client/disconnected", json!({"id": 1})).await;
    visit.say_text("not even JSON".into()).await;
    visit.say("room/lock", json!({})).await;
    night.heard_at_last(&game, "locked", Some(7)).await;
    // It is polled as before, which changes nothing.
    night.service.has_room(LOBBY, json!({"locked": true, "full": true, "maxPlayers": 8}));
    night.next_poll().await;
    night.bot.hears_nothing().await;
    night.stop_check(&game).await;
    visit.is_left().await;
    night.hears_of_room(&game, "stopped", Some(7)).await;
}

impl Night {
    /// Lets seconds pass until the row shows this, and skips what the bot hears on the way.
    async fn heard_at_last(&mut self, game: &str, status: &str, count: Option<i64>) {
        eventually("the row", || {
            self.a_second_passes();
            let row = self.row(game);
            async move { (shown(&row.await) == (status, count)).then_some(()) }
        })
        .await;
        loop {
            let heard = self.bot.hear().await;
            if heard["type"] == "room.updated" && heard["data"] == self.row(game).await {
                return;
            }
        }
    }
}

#[tokio::test]
async fn nobody_is_counted_when_the_service_does_not_say_who_is_there() {
    let (mut night, game, mut visit) = Night::with_visit().await;
    visit.say("client/welcome", json!({"here": null})).await;
    visit.say("client/connected", json!({"id": 4, "roles": {"player": {"name": "Bob"}}})).await;
    night.service.has_room(LOBBY, json!({"full": true, "maxPlayers": 8}));
    night.next_poll().await;
    night.hears(&game, "lobby", Some(8)).await;
}

#[tokio::test]
async fn a_dropped_socket_is_asked_about_and_opened_again() {
    let (mut night, game, mut visit) = Night::with_visit().await;
    visit.say("client/welcome", here(&["2", "3"])).await;
    night.hears(&game, "lobby", Some(2)).await;
    drop(visit);
    night.service.polled_by(&night.clock).await;
    let mut visit = night.service.visited().await;
    visit.say("client/welcome", here(&["2", "3", "4"])).await;
    night.counted(&game, 3).await;

    // The room is closed: confirmed before it is believed.
    night.service.says(LOBBY, Said::unknown());
    visit.say("room/exit", json!({})).await;
    night.service.polled_by(&night.clock).await;
    night.heard_at_last(&game, "ended", Some(3)).await;
    visit.is_left().await;
}

impl Night {
    async fn counted(&self, game: &str, count: i64) {
        eventually("the count", || {
            self.a_second_passes();
            let row = self.row(game);
            async move { (shown(&row.await).1 == Some(count)).then_some(()) }
        })
        .await;
    }
}

#[tokio::test]
async fn a_refused_socket_leaves_the_polls() {
    for (code, status, again) in
        [(2009, "locked", false), (2010, "lobby", true), (2017, "lobby", false), (2420, "lobby", true)]
    {
        let (mut night, game, mut visit) = Night::with_visit().await;
        visit.say("error", json!({"code": code, "msg": "no"})).await;
        visit.is_left().await;
        if code == 2009 {
            night.hears_of_room(&game, status, None).await;
        } else if code == 2010 {
            night.hears(&game, status, Some(8)).await;
        }
        night.service.has_room(LOBBY, json!({"locked": status == "locked", "full": true, "maxPlayers": 10}));
        let waited_s = night.next_poll().await;
        assert!(waited_s >= if code == 2420 { 60 } else { 10 }, "{code}: {waited_s} s");
        night.hears(&game, status, Some(10)).await;
        assert!(!night.service.was_visited(), "{code}: not at once");
        for _ in 0..3 {
            night.next_poll().await;
        }
        if again {
            night.service.visited().await;
        } else {
            night.next_poll().await;
            assert!(!night.service.was_visited(), "{code}");
        }
    }
}

#[tokio::test]
async fn a_socket_that_says_too_much_is_closed() {
    let (mut night, game, mut visit) = Night::with_visit().await;
    visit.say("client/welcome", json!({"here": {"2": {"role": "player"}}, "x": "x".repeat(300_000)})).await;
    night.service.has_room(LOBBY, json!({"locked": true}));
    night.next_poll().await;
    night.heard_at_last(&game, "locked", None).await;
}

#[tokio::test]
async fn a_silent_socket_is_pinged_and_at_last_given_up() {
    let (mut night, game, mut visit) = Night::with_visit().await;
    visit.say("client/welcome", here(&["2"])).await;
    night.hears(&game, "lobby", Some(1)).await;
    // It answers pings only while somebody reads, and here nobody does.
    eventually("another visit", || {
        night.clock.advance(Duration::from_secs(1));
        let is_back = night.service.was_visited();
        async move { is_back.then_some(()) }
    })
    .await;
    drop(visit);
}

#[tokio::test]
async fn no_socket_is_opened_unasked_or_to_a_forbidden_host() {
    let mut night = Night::start().await;
    let game = night.game(Some(LOBBY)).await;
    night.service.has_room(LOBBY, json!({}));
    night.start_check(&game).await;
    night.hears_of_room(&game, "lobby", None).await;
    night.next_poll().await;
    assert!(!night.service.was_visited());

    for host in ["169.254.169.254", "10.0.0.1", "[::ffff:a9fe:a9fe]:80", "user@127.0.0.1", "127.0.0.1/x"] {
        let (mut night, game, visit) = Night::with_visit().await;
        drop(visit);
        night.service.has_room(LOBBY, json!({"host": host, "full": true, "maxPlayers": 4}));
        night.next_poll().await;
        night.hears(&game, "lobby", Some(4)).await;
        night.next_poll().await;
        assert!(!night.service.was_visited(), "{host}");
    }
}

#[tokio::test]
async fn sockets_end_with_the_server() {
    let (mut night, game, mut visit) = Night::with_visit().await;
    visit.say("client/welcome", here(&["2"])).await;
    night.hears(&game, "lobby", Some(1)).await;
    let Night { mut app, host, bot, .. } = night;
    drop((host, bot));
    tokio::join!(app.stop(), visit.is_left());
}
