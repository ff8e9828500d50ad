//! What is taken back and taken home of sessions: pages, removed games, deleted sessions, exports.

use fanfare_model::{
    session::{NewSessionGame, Page, SessionGame},
    vote::VoteType,
};
use fanfare_store::{
    Error, Store, events, exports, games, polls, session_games, sessions,
    testing::{TestDatabase, run},
};

use crate::support::{add_game, at, emit, read, start_session, write};

super::on_both_engines!(
    sessions_come_in_pages,
    a_removed_game_is_not_counted_any_more,
    a_room_code_comes_and_goes,
    a_deleted_session_leaves_totals_and_events,
    a_night_is_exported_whole,
);

async fn add(store: &Store, session_id: i64, game_id: i64) -> SessionGame {
    let new = NewSessionGame { game_id, manually_added: true, room_code: None };
    write(store, move |tx| {
        sessions::lock(tx, session_id)?;
        session_games::add(tx, session_id, &new, at(5))
    })
    .await
}

async fn sessions_come_in_pages(database: TestDatabase) {
    let (store, _commits) = database.open();
    let mut ids = Vec::new();
    for ms in 0..5 {
        let id = start_session(&store).await.id;
        write(&store, move |tx| sessions::close(tx, id, None, at(ms)).map(drop)).await;
        ids.insert(0, id);
    }
    for (limit, offset, expected) in
        [(2, 0, &ids[..2]), (2, 3, &ids[3..]), (2, 5, &[]), (1_000, 0, &ids[..]), (1, usize::MAX, &[])]
    {
        let page = read(&store, move |db| sessions::page(db, Page { limit, offset })).await;
        let page: Vec<_> = page.iter().map(|session| session.id).collect();
        assert_eq!(page, expected, "{limit} from {offset}");
    }
}

async fn a_removed_game_is_not_counted_any_more(database: TestDatabase) {
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let row = add(&store, session, game_id).await;
    add(&store, session, game_id).await;
    let counts = async || {
        let plays = read(&store, move |db| games::get(db, game_id)).await.map(|game| game.play_count);
        let played = read(&store, move |db| sessions::get(db, session)).await.map(|now| now.games_played);
        (plays, played)
    };
    let removed = row.clone();
    write(&store, move |tx| session_games::remove(tx, &removed)).await;
    assert_eq!(counts().await, (Some(1), Some(1)));
    assert_eq!(read(&store, move |db| session_games::list(db, session)).await.len(), 1);
    let removed = row.clone();
    let again = store.write(move |tx| session_games::remove(tx, &removed)).await;
    assert_eq!(again, Err(Error::NotFound));
    assert_eq!(counts().await, (Some(1), Some(1)));

    let row = add(&store, session, game_id).await;
    write(&store, |tx| run(tx, "update games set play_count = 0")).await;
    write(&store, |tx| run(tx, "update sessions set games_played = 0")).await;
    write(&store, move |tx| session_games::remove(tx, &row)).await;
    assert_eq!(counts().await, (Some(0), Some(0)), "never below none");
}

async fn a_room_code_comes_and_goes(database: TestDatabase) {
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let id = add(&store, session, game_id).await.id;
    for code in [Some("ABCD"), None] {
        write(&store, move |tx| session_games::set_room_code(tx, id, code)).await;
        let row = read(&store, move |db| session_games::get(db, session, id)).await.expect("it is there");
        assert_eq!(row.room_code.as_deref(), code);
    }
    let unknown = store.write(move |tx| session_games::set_room_code(tx, id + 1, None)).await;
    assert_eq!(unknown, Err(Error::NotFound));
}

/// A night with two votes by one user, and one by another, on a game; ended.
async fn voted_night(store: &Store) -> (i64, i64) {
    let game_id = add_game(store, "p", "t").await;
    let other = add_game(store, "p", "u").await;
    let session = start_session(store).await.id;
    add(store, session, game_id).await;
    for (game, user, up, ms) in
        [(game_id, "Ann", true, 3_000), (game_id, "ann", true, 1_000), (other, "bob", false, 2_000)]
    {
        let sql = format!(
            "insert into votes (session_id, game_id, username, user_key, up, at_ms, created_at_ms) \
             values ({session}, {game}, '{user}', lower('{user}'), {up}, {ms}, 9)"
        );
        write(store, move |tx| run(tx, &sql)).await;
    }
    write(store, move |tx| {
        let games = games::list(tx)?;
        let poll = polls::insert(tx, session, &games, at(1), at(2))?;
        polls::vote(tx, poll.id, "ann", 1)?;
        polls::end(tx, poll.id, Some(1), at(2))
    })
    .await;
    (session, game_id)
}

async fn a_deleted_session_leaves_totals_and_events(database: TestDatabase) {
    let (store, _commits) = database.open();
    let (session, game_id) = voted_night(&store).await;
    emit(&store, "session:1", "evt_a").await;
    let active = store.write(move |tx| sessions::delete(tx, session, at(10))).await;
    assert_eq!(active, Err(Error::NotFound), "an active session stays, with all it has");
    assert_eq!(read(&store, move |db| session_games::list(db, session)).await.len(), 1);

    write(&store, move |tx| sessions::close(tx, session, None, at(9)).map(drop)).await;
    write(&store, move |tx| sessions::delete(tx, session, at(10))).await;
    assert_eq!(read(&store, move |db| sessions::get(db, session)).await, None);
    assert_eq!(read(&store, move |db| polls::of_session(db, session, 10)).await, []);
    assert_eq!(read(&store, move |db| exports::night(db, session, 10, 10)).await, None);
    assert_eq!(read(&store, move |db| games::get(db, game_id)).await.map(|game| game.play_count), Some(1));
    assert_eq!(read(&store, |db| events::after(db, "session:1", 0, 10)).await.len(), 1);
    let next = start_session(&store).await.id;
    assert!(next > session, "an id is never used again");
}

async fn a_night_is_exported_whole(database: TestDatabase) {
    let (store, _commits) = database.open();
    let (session, game_id) = voted_night(&store).await;
    let night = read(&store, move |db| exports::night(db, session, 2, 10)).await.expect("it is there");
    assert_eq!((night.session.id, night.games.len(), night.voters), (session, 1, 2));
    let tallies: Vec<_> = night
        .tallies
        .iter()
        .map(|tally| (tally.title.as_str(), tally.votes.upvotes, tally.votes.downvotes))
        .collect();
    assert_eq!(tallies, [("t", 2, 0), ("u", 0, 1)]);
    assert_eq!(night.tallies[0].game_id, game_id);
    let votes: Vec<_> = night.votes.iter().map(|vote| (vote.username.as_str(), vote.vote_type)).collect();
    assert_eq!(
        votes,
        [("ann", VoteType::Up), ("bob", VoteType::Down)],
        "by time, and no more than asked for"
    );
    assert_eq!((night.polls.len(), night.polls[0].winner), (1, Some(1)));
    assert_eq!(night.polls[0].options[1].votes, 1);
}
