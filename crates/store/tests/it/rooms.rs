//! Which session games' rooms are watched.

use fanfare_model::session::{CountStatus, NewSessionGame};
use fanfare_store::{rooms, session_games, testing::TestDatabase};

use crate::support::{add_game, at, read, start_session, write};

super::on_both_engines!(a_watch_is_kept_moved_and_ended, watches_end_with_their_session);

async fn a_watch_is_kept_moved_and_ended(database: TestDatabase) {
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let new = NewSessionGame { game_id, manually_added: false, room_code: Some("ABCD".into()) };
    let added = new.clone();
    let first = write(&store, move |tx| session_games::add(tx, session, &added, at(1))).await;
    let second = write(&store, move |tx| session_games::add(tx, session, &new, at(2))).await;
    assert_eq!(read(&store, rooms::list).await, []);
    for row in [second.id, first.id] {
        write(&store, move |tx| rooms::put(tx, row, "ABCD", CountStatus::Idle, at(5))).await;
    }
    let id = first.id;
    write(&store, move |tx| session_games::set_player_count(tx, id, Some(3), CountStatus::Lobby)).await;
    write(&store, move |tx| rooms::put(tx, id, "WXYZ", CountStatus::Lobby, at(6))).await;
    assert_eq!(read(&store, rooms::count).await, 2);
    let list = read(&store, rooms::list).await;
    assert_eq!(list.iter().map(|one| one.row.id).collect::<Vec<_>>(), [first.id, second.id]);
    let one = read(&store, move |db| rooms::get(db, session, id)).await.expect("it is watched");
    assert_eq!(one, list[0]);
    assert_eq!(Some(&one.row), read(&store, move |db| session_games::get(db, session, id)).await.as_ref());
    assert_eq!((one.code.as_str(), one.status, one.since), ("WXYZ", CountStatus::Lobby, at(6)));
    assert_eq!(read(&store, move |db| rooms::get(db, session + 1, id)).await, None);

    assert!(write(&store, move |tx| rooms::remove(tx, id)).await);
    assert!(!write(&store, move |tx| rooms::remove(tx, id)).await);
    assert_eq!(read(&store, move |db| rooms::get(db, session, id)).await, None);
    assert_eq!(read(&store, rooms::count).await, 1);
}

async fn watches_end_with_their_session(database: TestDatabase) {
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let new = NewSessionGame { game_id, manually_added: false, room_code: Some("ABCD".into()) };
    let id = write(&store, move |tx| session_games::add(tx, session, &new, at(1))).await.id;
    write(&store, move |tx| rooms::put(tx, id, "ABCD", CountStatus::Idle, at(5))).await;
    let shown = CountStatus::Lobby;
    write(&store, move |tx| session_games::set_player_count(tx, id, Some(3), shown)).await;
    assert_eq!(write(&store, move |tx| rooms::remove_of_session(tx, session + 1)).await, 0);
    assert_eq!(read(&store, rooms::list).await.len(), 1);
    assert_eq!(write(&store, move |tx| rooms::remove_of_session(tx, session)).await, 1);
    assert_eq!(read(&store, rooms::list).await.len(), 0);
    let row = read(&store, move |db| session_games::get(db, session, id)).await.expect("it is there");
    assert_eq!((row.player_count, row.player_count_check_status), (Some(3), Some(CountStatus::Stopped)));
}
