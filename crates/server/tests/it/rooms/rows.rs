//! What happens to a watch when its row is given another code, or is taken away.

use fanfare_store::testing::run;

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

#[tokio::test]
async fn a_row_that_cannot_be_written_does_not_hinder_the_others() {
    let mut night = Night::start().await;
    let (stuck, other) = (night.game(Some("AAAA")).await, night.game(Some("BBBB")).await);
    for (game, code) in [(&stuck, "AAAA"), (&other, "BBBB")] {
        night.service.has_room(code, json!({"locked": false}));
        night.start_check(game).await;
        night.hears_of_room(game, "lobby", None).await;
    }
    let id: i64 = stuck.rsplit_once('/').expect("a path").1.parse().expect("an id");
    let trigger = format!(
        "create trigger stuck before update on session_games when old.id = {id} \
         begin select raise(abort, 'stuck'); end"
    );
    let mut night = night.restarted_after(move |tx| run(tx, &trigger).map(drop)).await;
    night.service.says("AAAA", Said::unknown());
    night.service.has_room("BBBB", json!({"locked": true}));
    night.next_poll().await;
    night.hears_of_room(&other, "locked", None).await;
    night.service.says("BBBB", Said::unknown());
    night.next_poll().await;
    night.hears_of_room(&other, "ended", None).await;
    // The end of a room is known, if not written: nobody asks again.
    night.clock.advance(Duration::from_hours(1));
    night.bot.hears_nothing().await;
    assert!(night.service.was_polled().is_none());
    assert_eq!(shown(&night.row(&stuck).await), ("lobby", None));

    let night = night.restarted_after(|tx| run(tx, "drop trigger stuck").map(drop)).await;
    eventually("the row", || {
        night.clock.advance(Duration::from_secs(1));
        let row = night.row(&stuck);
        async move { (shown(&row.await) == ("ended", None)).then_some(()) }
    })
    .await;
}
