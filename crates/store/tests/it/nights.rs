//! Games, sessions and the games played in them.

use fanfare_model::session::{CountStatus, NewSessionGame, PlayStatus, SessionGame};
use fanfare_store::{Error, Store, games, session_games, sessions, settings, testing::TestDatabase};

use crate::support::{add_game, at, game, queued, read, start_session, write};

super::on_both_engines!(
    settings_are_kept_by_key,
    games_are_listed_by_pack_and_title,
    a_session_lives,
    two_simultaneous_starts_make_one_session,
    one_game_plays_at_a_time,
    what_is_unknown_is_not_found,
    two_simultaneous_adds_leave_one_playing,
    what_plays_was_added_last_whatever_the_clocks_said,
);

async fn settings_are_kept_by_key(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(read(&store, |db| settings::get(db, "a")).await, None);
    for value in ["one", "two ☂ '"] {
        write(&store, move |tx| settings::set(tx, "a", value)).await;
        assert_eq!(read(&store, |db| settings::get(db, "a")).await.as_deref(), Some(value));
    }
}

async fn games_are_listed_by_pack_and_title(database: TestDatabase) {
    let (store, _commits) = database.open();
    for (pack, title) in [("b", "x"), ("a", "é"), ("a", "z"), ("B", "x")] {
        add_game(&store, pack, title).await;
    }
    let list = read(&store, games::list).await;
    let names: Vec<_> = list.iter().map(|game| (game.pack_name.as_str(), game.title.as_str())).collect();
    assert_eq!(names, [("B", "x"), ("a", "z"), ("a", "é"), ("b", "x")], "in the order of their bytes");
    assert_eq!(read(&store, games::count).await, 4);

    let again = store.write(|tx| games::insert(tx, &game("a", "z"), at(2))).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    let id = list[0].id;
    let one = read(&store, move |db| games::get(db, id)).await.expect("it is there");
    assert_eq!(one, list[0]);
    assert!(one.has_audience && !one.family_friendly && one.enabled);
    assert_eq!((one.length_minutes, one.game_type.as_deref()), (Some(15), Some("Drawing")));
    assert_eq!((one.created_at, one.secondary_type), (at(1), None));
    assert_eq!(read(&store, |db| games::get(db, 99)).await, None);
}

async fn a_session_lives(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(read(&store, sessions::active).await, None);
    let started = write(&store, |tx| sessions::start(tx, Some("n"), at(5))).await;
    let sessions::Start::Started(session) = started else { panic!("none was active") };
    assert_eq!((session.notes.as_deref(), session.is_active), (Some("n"), true));
    assert_eq!((session.created_at, session.closed_at, session.games_played), (at(5), None, 0));
    assert_eq!(read(&store, sessions::active).await, Some(session.clone()));
    let id = session.id;
    assert_eq!(write(&store, move |tx| sessions::lock(tx, id)).await, Some(session.clone()));
    let second = write(&store, |tx| sessions::start(tx, None, at(6))).await;
    assert_eq!(second, sessions::Start::Active(id));

    let closed = write(&store, move |tx| sessions::close(tx, id, None, at(7))).await;
    assert_eq!(
        (closed.notes.as_deref(), closed.is_active, closed.closed_at),
        (Some("n"), false, Some(at(7)))
    );
    let again = store.write(move |tx| sessions::close(tx, id, None, at(8))).await;
    assert_eq!(again, Err(Error::NotFound));

    let next = start_session(&store).await;
    let next_id = next.id;
    assert!(next_id > id);
    let closed = write(&store, move |tx| sessions::close(tx, next_id, Some("new"), at(9))).await;
    assert_eq!(closed.notes.as_deref(), Some("new"));
    let newest_first: Vec<_> = read(&store, sessions::list).await.into_iter().map(|s| s.id).collect();
    assert_eq!(newest_first, [id, next_id], "by the moment of their start, 5 and 1");
    assert_eq!(read(&store, move |db| sessions::get(db, id)).await.map(|s| s.closed_at), Some(Some(at(7))));
}

async fn two_simultaneous_starts_make_one_session(database: TestDatabase) {
    let (store, _commits) = database.open();
    for round in 0..10 {
        let start = || store.write(move |tx| sessions::start(tx, None, at(round)));
        let (first, second) = tokio::join!(start(), start());
        let starts: [sessions::Start; 2] =
            [first, second].map(|start: Result<_, Error>| start.expect("neither fails"));
        let id = match &starts {
            [sessions::Start::Started(session), sessions::Start::Active(id)]
            | [sessions::Start::Active(id), sessions::Start::Started(session)] => {
                assert_eq!(session.id, *id);
                *id
            }
            both => panic!("one starts and the other hears of it: {both:?}"),
        };
        write(&store, move |tx| sessions::close(tx, id, None, at(round))).await;
    }
    assert_eq!(read(&store, sessions::list).await.len(), 10);
}

async fn add(store: &Store, session_id: i64, game_id: i64, ms: i64) -> SessionGame {
    let new = NewSessionGame { game_id, manually_added: true, room_code: Some("ABCD".into()) };
    write(store, move |tx| {
        sessions::lock(tx, session_id)?;
        session_games::add(tx, session_id, &new, at(ms))
    })
    .await
}

async fn statuses(store: &Store, session_id: i64) -> Vec<(i64, PlayStatus)> {
    let rows = read(store, move |db| session_games::list(db, session_id)).await;
    rows.into_iter().map(|row| (row.id, row.status)).collect()
}

async fn one_game_plays_at_a_time(database: TestDatabase) {
    use PlayStatus::{Played, Playing, Skipped};
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let first = add(&store, session, game_id, 10).await.id;
    let added = add(&store, session, game_id, 20).await;
    let second = added.id;
    let written = read(&store, move |db| session_games::get(db, session, second)).await;
    assert_eq!(written, Some(added), "what is returned is what was written");
    assert_eq!(statuses(&store, session).await, [(first, Played), (second, Playing)], "by time");
    assert_eq!(read(&store, move |db| games::get(db, game_id)).await.map(|g| g.play_count), Some(2));
    let now = read(&store, move |db| sessions::get(db, session)).await.expect("it is there");
    assert_eq!(now.games_played, 2);

    write(&store, move |tx| session_games::set_status(tx, session, first, Playing)).await;
    assert_eq!(statuses(&store, session).await, [(first, Playing), (second, Played)]);
    write(&store, move |tx| session_games::set_status(tx, session, second, Playing)).await;
    write(&store, move |tx| session_games::set_status(tx, session, second, Playing)).await;
    write(&store, move |tx| session_games::set_status(tx, session, first, Skipped)).await;
    assert_eq!(statuses(&store, session).await, [(first, Skipped), (second, Playing)]);

    write(&store, move |tx| session_games::set_player_count(tx, first, Some(0), CountStatus::Manual)).await;
    let row = read(&store, move |db| session_games::get(db, session, first)).await.expect("it is there");
    assert_eq!((row.player_count, row.player_count_check_status), (Some(0), Some(CountStatus::Manual)));
    write(&store, move |tx| session_games::set_player_count(tx, first, None, CountStatus::Idle)).await;
    let row = read(&store, move |db| session_games::get(db, session, first)).await.expect("it is there");
    assert_eq!((row.player_count, row.player_count_check_status), (None, Some(CountStatus::Idle)));

    write(&store, move |tx| sessions::close(tx, session, None, at(30))).await;
    assert_eq!(statuses(&store, session).await, [(first, Skipped), (second, Played)]);
}

async fn what_is_unknown_is_not_found(database: TestDatabase) {
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let row = add(&store, session, game_id, 1).await.id;
    assert_eq!(read(&store, move |db| session_games::get(db, session + 1, row)).await, None);
    assert_eq!(read(&store, move |db| sessions::get(db, session + 1)).await, None);
    assert_eq!(write(&store, move |tx| sessions::lock(tx, session + 1)).await, None);

    let new = |game_id| NewSessionGame { game_id, manually_added: false, room_code: None };
    let (known, unknown) = (new(game_id), new(game_id + 1));
    for result in [
        store.write(move |tx| session_games::add(tx, session + 1, &known, at(1)).map(drop)).await,
        store.write(move |tx| session_games::add(tx, session, &unknown, at(1)).map(drop)).await,
        store.write(move |tx| session_games::set_status(tx, session + 1, row, PlayStatus::Played)).await,
        store.write(move |tx| session_games::set_player_count(tx, row + 1, None, CountStatus::Idle)).await,
    ] {
        assert_eq!(result, Err(Error::NotFound));
    }
}

async fn two_simultaneous_adds_leave_one_playing(database: TestDatabase) {
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let mut adds = Vec::new();
    for ms in 0..8 {
        let store = store.clone();
        adds.push(queued(async move { add(&store, session, game_id, ms).await }).await);
    }
    for add in adds {
        add.await.expect("it works");
    }
    let playing = statuses(&store, session).await.into_iter().filter(|(_, s)| *s == PlayStatus::Playing);
    assert_eq!(playing.count(), 1);
    let now = read(&store, move |db| sessions::get(db, session)).await.expect("it is there");
    assert_eq!(now.games_played, 8);
}

async fn what_plays_was_added_last_whatever_the_clocks_said(database: TestDatabase) {
    use PlayStatus::{Played, Playing};
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let mut added = Vec::new();
    for (ms, played_at_ms) in [(20, 20), (10, 20), (30, 30), (29, 30)] {
        let row = add(&store, session, game_id, ms).await;
        assert_eq!(row.played_at, at(played_at_ms), "added at {ms}");
        added.push((row.id, Played));
    }
    added[3].1 = Playing;
    assert_eq!(statuses(&store, session).await, added, "in the order in which they were committed");
}
