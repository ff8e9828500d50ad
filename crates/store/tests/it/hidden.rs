//! What takes several transactions: imports, which are hidden until the last one, and the removal of what
//! was deleted, which is hidden from the first one on.

use std::{collections::BTreeMap, sync::Arc};

use fanfare_model::{
    session::NewSessionGame,
    vote::{
        self, LiveVote, Tally, Turn, VoteType,
        chat::{ChatLog, ChatVote},
        filter::VoteQuery,
        import::Import,
    },
};
use fanfare_store::{
    Error, Notice, Read, Store, exports, games,
    imports::{self, OpenImport},
    leftovers::{self, Leftover},
    polls, session_games, sessions, stats,
    testing::{TestDatabase, run, texts},
    votes,
};

use crate::support::{add_game, at, read, received, start_session, write};

super::on_both_engines!(
    an_import_is_seen_by_nobody_before_its_end,
    an_import_of_any_size_is_written,
    rows_of_an_import_are_changed_and_taken_back,
    an_import_that_is_cut_off_leaves_nothing,
    a_deleted_session_is_hidden_and_removed_in_batches,
    a_deleted_poll_is_removed_in_batches,
    what_is_not_deleted_is_not_removed,
);

/// A session with one game on.
async fn night(store: &Store) -> (i64, i64) {
    let game = add_game(store, "p", "a").await;
    let session = start_session(store).await.id;
    let new = NewSessionGame { game_id: game, manually_added: false, room_code: None };
    write(store, move |tx| session_games::add(tx, session, &new, at(0)).map(drop)).await;
    (session, game)
}

/// An import of so many votes, each of a user of his own; the even ones are for the game. Judged as if
/// `game` had always been on.
fn import(count: i64, game_id: i64) -> Import {
    let vote = |n: i64| ChatVote {
        username: format!("User {n}"),
        user_key: format!("user {n}"),
        vote_type: VoteType::from_up(n % 2 == 0),
        at: at(n),
    };
    let votes: Vec<_> = (0..count).map(vote).collect();
    let mut import = Import::new(Arc::new(ChatLog { messages: votes.len(), invalid: 0, votes }));
    import.hear(vec![Turn { game_id, played_at: at(0) }], []);
    import
}

async fn begin(store: &Store, session: i64) -> OpenImport {
    write(store, move |tx| {
        sessions::lock(tx, session)?;
        imports::begin(tx, session, at(50))
    })
    .await
}

async fn edit(store: &Store, open: OpenImport, import: &Import, rows: usize) {
    let import = import.clone();
    write(store, move |tx| votes::edit(tx, open, &import.edits(rows), at(99))).await;
}

async fn end(store: &Store, open: OpenImport, import: &Import) {
    let tallies = import.tallies();
    write(store, move |tx| {
        imports::end(tx, open.id)?;
        votes::count_all(tx, open.session_id, &tallies).map(drop)
    })
    .await;
}

async fn cast(store: &Store, session: i64, game: i64, name: &str, ms: i64) {
    let vote = LiveVote {
        username: name.into(),
        user_key: vote::user_key(name),
        vote_type: VoteType::Up,
        timestamp: at(ms).to_string(),
        at: at(ms),
    };
    write(store, move |tx| {
        votes::insert(tx, session, game, &vote, at(99))?;
        votes::count(tx, game, vote.vote_type.into()).map(drop)
    })
    .await;
}

fn query() -> VoteQuery {
    VoteQuery::parse([]).expect("nothing is needed")
}

/// What every reader of votes makes of a session: they must agree.
async fn seen(store: &Store, session: i64, game: i64) -> i64 {
    let span = (at(-9), at(99_999));
    read(store, move |db| {
        let filtered = |query: VoteQuery, db: &mut Read| -> Result<i64, Error> {
            let (page, total) = votes::list(db, &VoteQuery { limit: 100, ..query })?;
            assert_eq!(i64::try_from(page.len()).ok(), Some(total.min(100)));
            Ok(total)
        };
        let all = filtered(query(), db)?;
        let mut counts = vec![
            filtered(VoteQuery { session_id: Some(session), ..query() }, db)?,
            filtered(VoteQuery { game_id: Some(game), ..query() }, db)?,
            filtered(VoteQuery { vote_type: Some(VoteType::Up), ..query() }, db)?
                + filtered(VoteQuery { vote_type: Some(VoteType::Down), ..query() }, db)?,
            votes::by_game(db, session)?.iter().map(|game| game.votes.total()).sum(),
            i64::try_from(votes::cast_between(db, session, span, |_| true)?.len()).expect("few"),
            i64::try_from(votes::cast_after(db, session, 0, span)?.len()).expect("few"),
        ];
        if let Some(night) = exports::night(db, session, 1_000, 10)? {
            counts.push(i64::try_from(night.votes.len()).expect("few"));
            counts.push(night.voters);
            counts.push(night.tallies.iter().map(|game| game.votes.total()).sum());
            let figures = stats::per_session(db, 10)?;
            let figures = figures.iter().find(|figures| figures.id == session).expect("it is listed");
            counts.push(figures.upvotes + figures.downvotes);
        }
        counts.retain(|count| *count != all);
        assert!(counts.is_empty(), "{counts:?} where there are {all}");
        assert_eq!(votes::is_duplicate(db, session, "user 0", at(0))?, all > 1, "more than the live one");
        let first = filtered(VoteQuery { user_key: Some("user 0".into()), ..query() }, db)?;
        assert_eq!(first > 0, all > 1);
        Ok(all)
    })
    .await
}

/// Rows of a table, hidden ones included.
async fn rows(store: &Store, table: &'static str) -> usize {
    read(store, move |db| texts(db, &format!("select 'row' from {table}"), 1)).await.len()
}

async fn an_import_is_seen_by_nobody_before_its_end(database: TestDatabase) {
    let (store, _commits) = database.open();
    let (session, game) = night(&store).await;
    cast(&store, session, game, "live", 0).await;
    let open = begin(&store, session).await;
    let mut import = import(40, game);
    for written in [16, 32, 40] {
        edit(&store, open, &import, 16).await;
        import.written(16);
        assert_eq!(rows(&store, "votes").await, written + 1);
        assert_eq!(seen(&store, session, game).await, 1, "after {written}");
    }
    let total = async || read(&store, move |db| games::get(db, game)).await.map(|game| game.upvotes);
    assert_eq!(total().await, Some(1));
    // A game that hidden votes refer to cannot go.
    assert!(read(&store, move |db| games::has_history(db, game)).await);
    end(&store, open, &import).await;
    assert_eq!(seen(&store, session, game).await, 41);
    assert_eq!(total().await, Some(21));
    let late = read(&store, move |db| votes::cast_after(db, session, open.after_vote_id, (at(0), at(99))));
    assert_eq!(late.await.len(), 40, "all were written after it began");
    let again = store.write(move |tx| imports::end(tx, open.id)).await;
    assert_eq!(again, Err(Error::NotFound));
    assert!(begin(&store, session).await.id > open.id, "an id is never used again");
}

async fn an_import_of_any_size_is_written(database: TestDatabase) {
    let (store, _commits) = database.open();
    let (session, game) = night(&store).await;
    let (mut total, mut up) = (0, 0);
    for size in [0_i64, 1, 15, 16, 256, 289] {
        let open = begin(&store, session).await;
        let mut import = import(size, game);
        edit(&store, open, &import, usize::MAX).await;
        import.written(usize::MAX);
        end(&store, open, &import).await;
        total += size;
        up += (size + 1) / 2;
        let (_, found) = read(&store, |db| votes::list(db, &query())).await;
        assert_eq!(found, total, "after {size}");
        let figures = read(&store, |db| stats::per_session(db, 10)).await;
        assert_eq!((figures[0].upvotes, figures[0].downvotes), (up, total - up), "after {size}");
    }
    let query = VoteQuery { user_key: Some("user 288".into()), ..query() };
    let (list, _) = read(&store, move |db| votes::list(db, &query)).await;
    assert_eq!(
        (list[0].at, list[0].vote_type, list[0].username.as_str(), list[0].created_at),
        (at(288), VoteType::Up, "User 288", at(99))
    );
}

async fn rows_of_an_import_are_changed_and_taken_back(database: TestDatabase) {
    let (store, _commits) = database.open();
    let (session, game) = night(&store).await;
    let other = add_game(&store, "p", "b").await;
    let open = begin(&store, session).await;
    let mut import = import(6, game);
    edit(&store, open, &import, 9).await;
    import.written(9);
    // The same user at the same moment, in another session's import: not its row.
    write(&store, move |tx| {
        run(
            tx,
            &format!(
                "insert into votes (session_id, game_id, username, user_key, up, at_ms, created_at_ms) \
                 values ({session}, {game}, 'User 1', 'user 1', true, 1, 9)"
            ),
        )
    })
    .await;
    let turns = [(game, 0), (other, 3)].map(|(game_id, ms)| Turn { game_id, played_at: at(ms) });
    import.hear(turns.to_vec(), [("user 1".to_owned(), at(1)), ("user 5".to_owned(), at(900))]);
    assert_eq!(import.edits(9).len(), 4);
    edit(&store, open, &import, 9).await;
    import.written(9);
    let tallies = import.tallies();
    let one = |up, down| Tally { upvotes: up, downvotes: down };
    assert_eq!(tallies, BTreeMap::from([(game, one(2, 0)), (other, one(1, 1))]));
    end(&store, open, &import).await;
    let games = read(&store, move |db| votes::by_game(db, session)).await;
    let games: Vec<_> = games.iter().map(|game| (game.game_id, game.votes)).collect();
    assert_eq!(games, [(game, one(3, 0)), (other, one(1, 1))]);
    let unknown = BTreeMap::from([(game, one(1, 0)), (other + 1, one(1, 0))]);
    let counted = store.write(move |tx| votes::count_all(tx, session, &unknown).map(drop)).await;
    assert_eq!(counted, Err(Error::NotFound));
}

async fn an_import_that_is_cut_off_leaves_nothing(database: TestDatabase) {
    let (store, commits) = database.open();
    let (session, game) = night(&store).await;
    let open = begin(&store, session).await;
    let mut first = import(40, game);
    edit(&store, open, &first, 30).await;
    store.close().await;
    drop((store, commits));

    let (store, _commits) = database.open();
    assert_eq!(seen(&store, session, game).await, 0);
    assert_eq!(read(&store, leftovers::list).await, [Leftover::Import(open)]);
    // Importing again does not wait for what is left.
    let again = begin(&store, session).await;
    edit(&store, again, &first, 99).await;
    first.written(99);
    end(&store, again, &first).await;
    assert_eq!(seen(&store, session, game).await, 40);
    cast(&store, session, game, "live", 0).await;
    let mut batches = 1;
    while !write(&store, move |tx| leftovers::remove(tx, Leftover::Import(open), 8)).await {
        batches += 1;
        assert_eq!(seen(&store, session, game).await, 41);
    }
    assert_eq!((batches, rows(&store, "votes").await), (4, 41));
    assert_eq!(read(&store, leftovers::list).await, []);
    assert_eq!(seen(&store, session, game).await, 41);
    assert!(write(&store, move |tx| leftovers::remove(tx, Leftover::Import(again), 8)).await);
    assert_eq!(seen(&store, session, game).await, 41, "what has ended is not undone");
}

async fn a_deleted_session_is_hidden_and_removed_in_batches(database: TestDatabase) {
    const TABLES: [&str; 6] = ["sessions", "session_games", "votes", "imports", "polls", "poll_votes"];
    let (store, mut commits) = database.open();
    let (session, game) = night(&store).await;
    let full = import(40, game);
    let open = begin(&store, session).await;
    edit(&store, open, &full, 99).await;
    end(&store, open, &full).await;
    let cut_off = begin(&store, session).await;
    edit(&store, cut_off, &full, 5).await;
    let poll = write(&store, move |tx| {
        let games = games::list(tx)?;
        let poll = polls::insert(tx, session, &games, at(1), at(2))?;
        for n in 0..9 {
            polls::vote(tx, poll.id, &format!("user {n}"), 0)?;
        }
        polls::end(tx, poll.id, Some(0), at(2))?;
        sessions::close(tx, session, None, at(3))?;
        Ok(poll.id)
    })
    .await;
    drop(received(&mut commits).await);
    write(&store, move |tx| sessions::delete(tx, session, at(4))).await;
    let notices: Vec<_> =
        received(&mut commits).await.into_iter().flat_map(|commit| commit.notices).collect();
    assert_eq!(notices, [Notice::RowsHidden]);

    let hidden = async |store: &Store| {
        assert_eq!(seen(store, session, game).await, 0);
        assert_eq!(read(store, move |db| sessions::get(db, session)).await, None);
        assert_eq!(read(store, sessions::list).await, []);
        assert_eq!(read(store, stats::counts).await.sessions, 0);
        assert_eq!(read(store, |db| stats::per_session(db, 10)).await, []);
        assert_eq!(read(store, move |db| polls::get(db, poll)).await, None);
        assert_eq!(read(store, move |db| exports::night(db, session, 10, 10)).await, None);
        assert_eq!(write(store, move |tx| sessions::lock(tx, session)).await, None);
    };
    hidden(&store).await;
    let again = store.write(move |tx| sessions::delete(tx, session, at(5))).await;
    assert_eq!(again, Err(Error::NotFound));
    assert!(!write(&store, move |tx| leftovers::remove(tx, Leftover::Session(session), 20)).await);
    store.close().await;
    drop((store, commits));

    let (store, _commits) = database.open();
    hidden(&store).await;
    assert_eq!(read(&store, leftovers::list).await, [Leftover::Session(session)], "its import goes with it");
    let mut batches = 0;
    while !write(&store, move |tx| leftovers::remove(tx, Leftover::Session(session), 20)).await {
        batches += 1;
        hidden(&store).await;
    }
    // 9 votes and an option of a poll, the poll, 45 votes, an import and a game, 20 at a time.
    assert_eq!(batches, 1);
    for table in TABLES {
        assert_eq!(rows(&store, table).await, 0, "{table}");
    }
    assert_eq!(read(&store, leftovers::list).await, []);
    let game = read(&store, move |db| games::get(db, game)).await.expect("it stays");
    assert_eq!((game.upvotes, game.downvotes, game.play_count), (20, 20, 1));
}

async fn a_deleted_poll_is_removed_in_batches(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let (session, _) = night(&store).await;
    let ids = write(&store, move |tx| {
        let games = games::list(tx)?;
        let deleted = polls::insert(tx, session, &games, at(1), at(2))?.id;
        for n in 0..9 {
            polls::vote(tx, deleted, &format!("user {n}"), 0)?;
        }
        polls::delete(tx, deleted, at(2))?;
        // An open one that is deleted makes room for the next.
        let next = polls::insert(tx, session, &games, at(1), at(2))?.id;
        polls::vote(tx, next, "ann", 0)?;
        Ok([deleted, next])
    })
    .await;
    let notices: Vec<_> =
        received(&mut commits).await.into_iter().flat_map(|commit| commit.notices).collect();
    assert_eq!(notices, [Notice::RowsHidden]);
    let listed = async || -> Vec<i64> {
        let polls = read(&store, move |db| polls::of_session(db, session, 10)).await;
        assert!(polls.iter().all(|poll| poll.options.len() == 1), "with its own options");
        polls.iter().map(|poll| poll.id).collect()
    };
    assert_eq!(listed().await, [ids[1]]);
    assert_eq!(read(&store, leftovers::list).await, [Leftover::Poll(ids[0])]);
    for is_last in [false, false, true] {
        let batch = write(&store, move |tx| leftovers::remove(tx, Leftover::Poll(ids[0]), 4)).await;
        assert_eq!(batch, is_last);
        assert_eq!(listed().await, [ids[1]]);
    }
    assert_eq!((rows(&store, "polls").await, rows(&store, "poll_votes").await), (1, 1));
    assert_eq!((rows(&store, "poll_options").await, read(&store, leftovers::list).await), (1, vec![]));
}

async fn what_is_not_deleted_is_not_removed(database: TestDatabase) {
    let (store, _commits) = database.open();
    let (session, game) = night(&store).await;
    let poll = write(&store, move |tx| {
        let games = games::list(tx)?;
        polls::insert(tx, session, &games, at(1), at(2))
    })
    .await
    .id;
    let full = import(3, game);
    let open = begin(&store, session).await;
    edit(&store, open, &full, 9).await;
    end(&store, open, &full).await;
    for leftover in [Leftover::Session(session), Leftover::Poll(poll), Leftover::Import(open)] {
        assert!(write(&store, move |tx| leftovers::remove(tx, leftover, 9)).await, "{leftover:?}");
    }
    assert_eq!(seen(&store, session, game).await, 3);
    assert!(read(&store, move |db| polls::get(db, poll)).await.is_some());
}
