//! What happens to a watch when its row is given another code, or is taken away.

use super::*;

#[tokio::test]
async fn another_code_is_another_room() {
    let mut night = Night::start().await;
    let game = night.game(Some("ABCD")).await;
    night.service.has_room("ABCD", json!({"locked": true, "full": true, "maxPlayers": 8}));
    night.service.has_room("WXYZ", json!({"full": true, "maxPlayers": 6}));
    night.start_check(&game).await;
    night.service.polled().await;
    night.hears_of_room(&game, "locked", Some(8)).await;
    let path = format!("{game}/room-code");
    night.host.patch(&path, json!({"room_code": "wxyz"})).await.expect(200);
    let heard = night.bot.hear().await;
    assert_eq!((&heard["type"], &heard["data"]["room_code"]), (&json!("room.updated"), &json!("WXYZ")));
    assert_eq!(night.service.polled().await.code, "WXYZ");
    night.hears_of_room_soon(&game).await;
    assert_eq!(shown(&night.row(&game).await), ("lobby", Some(6)));
    // The old one is left alone.
    assert_eq!(night.next_poll().await, 10);
    assert!(night.service.was_polled().is_none());

    night.host.patch(&path, json!({"room_code": null})).await.expect(200);
    assert_eq!(night.bot.hear().await["type"], "room.updated");
    night.hears_of_room(&game, "stopped", Some(6)).await;
    night.clock.advance(Duration::from_hours(1));
    night.bot.hears_nothing().await;
    assert!(night.service.was_polled().is_none());
}

#[tokio::test]
async fn a_removed_game_is_no_longer_watched_on_sqlite() {
    a_removed_game_is_no_longer_watched(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_removed_game_is_no_longer_watched_on_postgres() {
    a_removed_game_is_no_longer_watched(Engine::Postgres).await;
}

async fn a_removed_game_is_no_longer_watched(engine: Engine) {
    let mut night = Night::start_on(engine, |_| {}).await;
    let game = night.game(Some("ABCD")).await;
    night.service.has_room("ABCD", json!({}));
    night.start_check(&game).await;
    night.service.polled().await;
    night.hears_of_room(&game, "lobby", None).await;
    night.host.delete(&game).await.expect(200);
    assert_eq!(night.bot.hear().await["type"], "game.removed");
    eventually("the monitor's rest", || {
        night.clock.advance(Duration::from_mins(1));
        let is_quiet = night.service.was_polled().is_none();
        async move { is_quiet.then_some(()) }
    })
    .await;
    night.clock.advance(Duration::from_hours(1));
    night.bot.hears_nothing().await;
}
