//! Votes, their totals, and the moments that decide which game they are for.

use fanfare_model::{
    event::{kind, session_topic},
    session::{NewSessionGame, PlayStatus},
    vote::{self, LiveVote, Tally, Vote, VoteType, filter::VoteQuery},
};
use fanfare_store::{
    Error, Read, Store, Tx, games, session_games, sessions,
    testing::{self, TestDatabase},
    votes,
};

use crate::support::{add_game, at, event, queued, read, start_session, write};

super::on_both_engines!(
    both_rules_find_the_same_game,
    a_skipped_game_owns_its_time_and_a_removed_one_does_not,
    a_duplicate_is_found_within_a_second_in_its_session,
    totals_are_kept_and_votes_listed,
    the_active_session_is_locked_or_there_is_none,
);

async fn play(store: &Store, session_id: i64, game_id: i64, ms: i64) -> i64 {
    let new = NewSessionGame { game_id, manually_added: false, room_code: None };
    let row = write(store, move |tx| {
        sessions::lock(tx, session_id)?;
        session_games::add(tx, session_id, &new, at(ms))
    });
    row.await.id
}

fn live(username: &str, vote_type: VoteType, ms: i64) -> LiveVote {
    LiveVote {
        username: username.into(),
        user_key: vote::user_key(username),
        vote_type,
        timestamp: at(ms).to_string(),
        at: at(ms),
    }
}

async fn cast(store: &Store, session_id: i64, game_id: i64, vote: LiveVote) {
    write(store, move |tx| {
        votes::insert(tx, session_id, game_id, &vote, at(99))?;
        votes::count(tx, game_id, vote.vote_type.into()).map(drop)
    })
    .await;
}

fn everything() -> VoteQuery {
    VoteQuery::parse([]).expect("nothing is needed")
}

async fn both_rules_find_the_same_game(database: TestDatabase) {
    let (store, _commits) = database.open();
    let ids = [add_game(&store, "p", "a").await, add_game(&store, "p", "b").await];
    let other = start_session(&store).await.id;
    play(&store, other, ids[0], 0).await;
    write(&store, move |tx| sessions::close(tx, other, None, at(1))).await;
    let session = start_session(&store).await.id;
    assert_eq!(read(&store, move |db| votes::game_at(db, session, at(5))).await, None);
    for (game, ms) in [(0, 1_000), (0, 2_000), (1, 2_000), (1, 3_000), (0, 3_000)] {
        play(&store, session, ids[game], ms).await;
    }
    let turns = read(&store, move |db| votes::turns(db, session)).await;
    assert_eq!(turns.len(), 5);
    for ms in [-1, 0, 999, 1_000, 1_001, 1_999, 2_000, 2_999, 3_000, i64::MAX] {
        let found = read(&store, move |db| votes::game_at(db, session, at(ms))).await;
        assert_eq!(found, vote::game_at(&turns, at(ms)), "{ms}");
    }
    let at_two = read(&store, move |db| votes::game_at(db, session, at(2_000))).await;
    assert_eq!(at_two, Some(ids[1]), "of two at one moment the newer");
    let newest = read(&store, move |db| votes::newest_games(db, session, 2)).await;
    assert_eq!(newest, [("b".to_owned(), at(3_000)), ("a".to_owned(), at(3_000))]);
}

async fn a_skipped_game_owns_its_time_and_a_removed_one_does_not(database: TestDatabase) {
    let (store, _commits) = database.open();
    let ids = [add_game(&store, "p", "a").await, add_game(&store, "p", "b").await];
    let session = start_session(&store).await.id;
    play(&store, session, ids[0], 1_000).await;
    let second = play(&store, session, ids[1], 2_000).await;
    write(&store, move |tx| session_games::set_status(tx, session, second, PlayStatus::Skipped)).await;
    assert_eq!(read(&store, move |db| votes::game_at(db, session, at(2_500))).await, Some(ids[1]));
    let remove = format!("delete from session_games where id = {second}");
    write(&store, move |tx| testing::run(tx, &remove).map(drop)).await;
    assert_eq!(read(&store, move |db| votes::game_at(db, session, at(2_500))).await, Some(ids[0]));
}

async fn a_duplicate_is_found_within_a_second_in_its_session(database: TestDatabase) {
    let (store, _commits) = database.open();
    let game = add_game(&store, "p", "a").await;
    let session = start_session(&store).await.id;
    cast(&store, session, game, live("Ann", VoteType::Up, 5_000)).await;
    for (session_id, name, ms, expected) in [
        (session, "ann", 3_999, false),
        (session, "ann", 4_000, true),
        (session, "ann", 5_000, true),
        (session, "ann", 6_000, true),
        (session, "ann", 6_001, false),
        (session, "anne", 5_000, false),
        (session + 1, "ann", 5_000, false),
    ] {
        let found = read(&store, move |db| votes::is_duplicate(db, session_id, name, at(ms))).await;
        assert_eq!(found, expected, "{name} at {ms}");
    }
    let ann = [("ann".to_owned(), at(5_000))];
    for (from, to, wanted, expected) in
        [(5_000, 5_000, "ann", &ann[..]), (5_001, 9_000, "ann", &[]), (5_000, 5_000, "bob", &[])]
    {
        let near = move |db: &mut Read| {
            votes::cast_between(db, session, (at(from), at(to)), |user_key| user_key == wanted)
        };
        assert_eq!(read(&store, near).await, expected, "{wanted} from {from} to {to}");
    }
    for (from, to, after, expected) in
        [(5_000, 5_000, 0, &ann[..]), (5_000, 5_000, 1, &[]), (0, 4_999, 0, &[])]
    {
        let late = move |db: &mut Read| votes::cast_after(db, session, after, (at(from), at(to)));
        assert_eq!(read(&store, late).await, expected, "after {after} from {from} to {to}");
    }
}

async fn totals_are_kept_and_votes_listed(database: TestDatabase) {
    use VoteType::{Down, Up};
    let (store, _commits) = database.open();
    let ids = [add_game(&store, "p", "a").await, add_game(&store, "q", "b").await];
    let session = start_session(&store).await.id;
    for (game, name, vote_type, ms) in
        [(0, "Émile", Up, 30), (1, "bob", Up, 10), (0, "bob", Down, 20), (0, "cleo", Up, 20)]
    {
        cast(&store, session, ids[game], live(name, vote_type, ms)).await;
    }
    let game = read(&store, move |db| games::get(db, ids[0])).await.expect("it is there");
    assert_eq!((game.upvotes, game.downvotes), (2, 1));
    let both = write(&store, move |tx| votes::count(tx, ids[0], Tally { upvotes: 3, downvotes: 4 })).await;
    assert_eq!((both.title.as_str(), both.upvotes, both.downvotes), ("a", 5, 5));
    let unknown = store.write(move |tx| votes::count(tx, ids[1] + 1, Up.into())).await;
    assert_eq!(unknown, Err(Error::NotFound));

    let (list, total) = read(&store, |db| votes::list(db, &everything())).await;
    assert_eq!(names(&list), ["Émile", "cleo", "bob", "bob"], "newest first, then the last recorded");
    assert_eq!(total, 4);
    let first = Vote {
        id: list[0].id,
        session_id: session,
        game_id: ids[0],
        game_title: "a".into(),
        pack_name: "p".into(),
        username: "Émile".into(),
        vote_type: Up,
        at: at(30),
        created_at: at(99),
    };
    assert_eq!(list[0], first);
    let one = i64::from;
    for (query, expected, total) in [
        (VoteQuery { session_id: Some(session), ..everything() }, &["Émile", "cleo", "bob", "bob"][..], 4),
        (VoteQuery { session_id: Some(session + 1), ..everything() }, &[], 0),
        (VoteQuery { game_id: Some(ids[1]), ..everything() }, &["bob"], 1),
        (VoteQuery { user_key: Some("émile".into()), ..everything() }, &["Émile"], 1),
        (VoteQuery { vote_type: Some(Down), ..everything() }, &["bob"], 1),
        (VoteQuery { limit: 3, ..everything() }, &["Émile", "cleo", "bob"], 4),
        (VoteQuery { limit: 3, page: 2, ..everything() }, &["bob"], 4),
        (VoteQuery { page: one(9), ..everything() }, &[], 4),
        (
            VoteQuery {
                session_id: Some(session),
                game_id: Some(ids[0]),
                user_key: Some("bob".into()),
                vote_type: Some(Down),
                ..everything()
            },
            &["bob"],
            1,
        ),
    ] {
        let asked = query.clone();
        let (list, found) = read(&store, move |db| votes::list(db, &asked)).await;
        assert_eq!((names(&list), found), (expected.to_vec(), total), "{query:?}");
    }
    let games = read(&store, move |db| votes::by_game(db, session)).await;
    let tallies: Vec<_> = games.iter().map(|game| (game.title.as_str(), game.votes)).collect();
    let (a, b) = (Tally { upvotes: 2, downvotes: 1 }, Tally { upvotes: 1, downvotes: 0 });
    assert_eq!(tallies, [("a", a), ("b", b)], "the same score: more votes for it first");
}

fn names(list: &[Vote]) -> Vec<&str> {
    list.iter().map(|vote| vote.username.as_str()).collect()
}

async fn the_active_session_is_locked_or_there_is_none(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(write(&store, sessions::lock_active).await, None);
    let session = start_session(&store).await;
    assert_eq!(write(&store, sessions::lock_active).await, Some(session.clone()));
    for _ in 0..5 {
        // Whatever comes first, a session that is locked as active is not closed meanwhile.
        let id = read(&store, sessions::active).await.expect("one is active").id;
        let mut locks = Vec::new();
        for _ in 0..4 {
            let store = store.clone();
            let count = move |tx: &mut Tx| {
                let Some(session) = sessions::lock_active(tx)? else { return Ok(None) };
                let event = tx.emit(event_of(session.id, &random_id()))?;
                Ok::<_, Error>(Some((session.id, event.seq)))
            };
            locks.push(queued(async move { store.write(count).await }).await);
        }
        let close = move |tx: &mut Tx| {
            sessions::lock(tx, id)?;
            sessions::close(tx, id, None, at(7))?;
            tx.emit(event_of(id, &random_id())).map(|event| event.seq)
        };
        let closed_seq = write(&store, close).await;
        for lock in locks {
            let locked = lock.await.expect("no panic").expect("it works");
            if let Some((session_id, seq)) = locked {
                assert!(session_id == id && seq < closed_seq, "{seq} after {closed_seq}");
            }
        }
        start_session(&store).await;
    }
}

fn event_of(session_id: i64, public_id: &str) -> fanfare_model::event::NewEvent {
    let mut event = event(&session_topic(session_id), public_id);
    event.kind = kind::VOTE_RECORDED;
    event
}

/// Jobs may run again, so an id cannot be counted up.
fn random_id() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    format!("{:x}", RandomState::new().build_hasher().finish())
}
