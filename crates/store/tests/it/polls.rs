//! Polls, their votes and their end.

use fanfare_model::{Timestamp, poll::Poll};
use fanfare_store::{Error, Store, games, polls, sessions, testing::TestDatabase};

use crate::support::{add_game, at, queued, read, start_session, write};

super::on_both_engines!(
    a_poll_is_read_back_as_it_was_opened,
    a_session_has_one_open_poll,
    a_user_has_one_vote_and_may_change_it,
    fifty_votes_at_once_are_fifty,
    telling_and_ending_are_kept,
    a_deleted_poll_is_gone,
);

/// A poll on two games, closing at 61 s.
async fn open(store: &Store, session_id: i64, ms: i64) -> Result<Poll, Error> {
    store
        .write(move |tx| {
            sessions::lock(tx, session_id)?;
            let games = games::list(tx)?;
            polls::insert(tx, session_id, &games, at(ms), at(61_000))
        })
        .await
}

async fn opened(store: &Store) -> Poll {
    for title in ["one ☂", "two"] {
        add_game(store, "p", title).await;
    }
    let session = start_session(store).await.id;
    open(store, session, 1_000).await.expect("none is open")
}

async fn get(store: &Store, id: i64) -> Option<Poll> {
    read(store, move |db| polls::get(db, id)).await
}

async fn a_poll_is_read_back_as_it_was_opened(database: TestDatabase) {
    let (store, _commits) = database.open();
    let poll = opened(&store).await;
    let (id, session) = (poll.id, poll.session_id);
    assert_eq!(poll.options.iter().map(|o| o.game.title.as_str()).collect::<Vec<_>>(), ["one ☂", "two"]);
    assert_eq!((poll.told_at, poll.has_untold, poll.ended_at), (Timestamp::EPOCH, false, None));
    assert_eq!(get(&store, id).await, Some(poll.clone()));
    assert_eq!(read(&store, move |db| polls::open_of_session(db, session)).await, Some(poll.clone()));
    assert_eq!(read(&store, polls::open).await, std::slice::from_ref(&poll));
    assert_eq!(read(&store, move |db| polls::of_session(db, session, 10)).await, [poll]);
    assert_eq!(get(&store, id + 1).await, None);
}

async fn a_session_has_one_open_poll(database: TestDatabase) {
    let (store, _commits) = database.open();
    let first = opened(&store).await;
    let second = open(&store, first.session_id, 2_000).await;
    assert!(matches!(second, Err(Error::Conflict(_))), "{second:?}");
    let id = first.id;
    write(&store, move |tx| polls::end(tx, id, None, at(3_000))).await;
    let second = open(&store, first.session_id, 4_000).await.expect("the first has ended");
    let session = first.session_id;
    for (rows, expected) in [(1, vec![second.id]), (9, vec![second.id, id])] {
        let latest = read(&store, move |db| polls::latest_of_session(db, session, rows)).await;
        assert_eq!(latest.iter().map(|poll| poll.id).collect::<Vec<_>>(), expected);
        assert!(latest.iter().all(|poll| poll.options.len() == 2));
    }
    assert!(second.id > first.id);
    let again = store.write(move |tx| polls::end(tx, id, None, at(5_000))).await;
    assert_eq!(again, Err(Error::NotFound));
}

async fn votes(store: &Store, id: i64) -> Vec<i64> {
    get(store, id).await.expect("it is there").options.iter().map(|option| option.votes).collect()
}

async fn a_user_has_one_vote_and_may_change_it(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = opened(&store).await.id;
    for (user, position, changed, expected) in [
        ("ann", 0, true, [1, 0]),
        ("ann", 0, false, [1, 0]),
        ("bob", 0, true, [2, 0]),
        ("ann", 1, true, [1, 1]),
        ("ann", 0, true, [2, 0]),
    ] {
        let did = write(&store, move |tx| polls::vote(tx, id, user, position)).await;
        assert_eq!((did, votes(&store, id).await), (changed, expected.to_vec()), "{user} {position}");
    }
    let unknown = store.write(move |tx| polls::vote(tx, id, "ann", 2)).await;
    assert_eq!(unknown, Err(Error::NotFound));
    assert_eq!(votes(&store, id).await, [2, 0]);
}

async fn fifty_votes_at_once_are_fifty(database: TestDatabase) {
    let (store, _commits) = database.open();
    let poll = opened(&store).await;
    let (id, session) = (poll.id, poll.session_id);
    let mut all = Vec::new();
    for voter in 0..50_usize {
        let store = store.clone();
        let vote = async move {
            write(&store, move |tx| {
                sessions::lock(tx, session)?;
                polls::vote(tx, id, &format!("voter {}", voter % 40), voter % 2)
            })
            .await
        };
        all.push(queued(vote).await);
    }
    for vote in all {
        vote.await.expect("it works");
    }
    let votes = votes(&store, id).await;
    assert_eq!(votes.iter().sum::<i64>(), 40, "a vote each: {votes:?}");
    assert_eq!(votes, [20, 20], "those who voted twice want the same twice");
}

async fn telling_and_ending_are_kept(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = opened(&store).await.id;
    write(&store, move |tx| polls::set_untold(tx, id)).await;
    assert!(get(&store, id).await.expect("it is there").has_untold);
    write(&store, move |tx| polls::set_told(tx, id, at(7))).await;
    let told = get(&store, id).await.expect("it is there");
    assert_eq!((told.told_at, told.has_untold), (at(7), false));
    write(&store, move |tx| polls::set_untold(tx, id)).await;
    write(&store, move |tx| polls::end(tx, id, Some(1), at(9))).await;
    let ended = get(&store, id).await.expect("it is there");
    assert_eq!((ended.winner, ended.ended_at, ended.has_untold), (Some(1), Some(at(9)), false));
    assert_eq!(read(&store, polls::open).await, []);
}

async fn a_deleted_poll_is_gone(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = opened(&store).await.id;
    write(&store, move |tx| polls::vote(tx, id, "ann", 0)).await;
    write(&store, move |tx| polls::delete(tx, id, at(5))).await;
    assert_eq!(get(&store, id).await, None);
    assert_eq!(read(&store, polls::open).await, []);
    let again = store.write(move |tx| polls::delete(tx, id, at(6))).await;
    assert_eq!(again, Err(Error::NotFound));
}
