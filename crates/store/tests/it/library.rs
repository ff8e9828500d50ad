//! Games and packs that come, change and go.

use fanfare_model::{
    game::{Game, GameEntry},
    session::NewSessionGame,
};
use fanfare_store::{Error, Store, games, packs, session_games, stats, testing::TestDatabase};

use crate::support::{add_game, at, game, queued, read, start_session, write};

super::on_both_engines!(
    packs_come_and_go_with_their_games,
    a_pack_that_empties_and_fills_in_one_transaction_stays,
    a_game_changes_but_for_its_history,
    a_list_is_added_or_put_in_place_of_what_is_there,
    what_was_played_has_a_history,
    a_session_tells_what_it_played_last,
    a_game_is_deleted_or_played_but_not_both,
    two_additions_of_one_game_make_one,
    sessions_are_told_in_figures,
);

async fn pack_names(store: &Store) -> Vec<(i64, String, i64)> {
    let packs = read(store, packs::list).await;
    packs.into_iter().map(|pack| (pack.id, pack.name, pack.favor_bias)).collect()
}

async fn packs_come_and_go_with_their_games(database: TestDatabase) {
    let (store, _commits) = database.open();
    let x = add_game(&store, "b", "x").await;
    add_game(&store, "a", "é").await;
    add_game(&store, "b", "y").await;
    let [(a, a_name, 0), (b, b_name, 0)] = &pack_names(&store).await[..] else { panic!("two packs") };
    assert_eq!((a_name.as_str(), b_name.as_str()), ("a", "b"));
    let (a, b) = (*a, *b);
    let liked = write(&store, move |tx| packs::set_favor_bias(tx, b, 1)).await;
    assert_eq!((liked.id, liked.favor_bias, liked.created_at), (b, 1, at(1)));
    let unknown = store.write(|tx| packs::set_favor_bias(tx, 99, 1)).await;
    assert_eq!(unknown, Err(Error::NotFound));
    let library = read(&store, games::library).await;
    let biases: Vec<_> = library.by_id().map(|(game, bias)| (game.title.as_str(), bias)).collect();
    assert_eq!(biases, [("x", 1), ("é", 0), ("y", 1)]);

    assert_eq!(write(&store, |tx| games::set_pack_enabled(tx, "b", false)).await, 2);
    let enabled: Vec<_> = read(&store, games::list).await.iter().map(|game| game.enabled).collect();
    assert_eq!(enabled, [true, false, false]);
    assert!(write(&store, move |tx| games::toggle(tx, x)).await.enabled);
    assert_eq!(write(&store, move |tx| games::set_favor_bias(tx, x, -1)).await.favor_bias, -1);
    assert_eq!(store.write(|tx| games::toggle(tx, 99)).await, Err(Error::NotFound));
    assert_eq!(store.write(|tx| games::set_favor_bias(tx, 99, 1)).await, Err(Error::NotFound));

    write(&store, move |tx| {
        games::lock_library(tx)?;
        let e = games::find(tx, "a", "é")?.expect("it is there");
        games::delete(tx, e)?;
        packs::remove_empty(tx)
    })
    .await;
    assert_eq!(pack_names(&store).await, [(b, "b".to_owned(), 1)]);
    add_game(&store, "a", "é").await;
    assert!(pack_names(&store).await[0].0 > a, "ids are never reused");
    assert_eq!(store.write(|tx| games::delete(tx, 99)).await, Err(Error::NotFound));
}

async fn a_pack_that_empties_and_fills_in_one_transaction_stays(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_game(&store, "p", "old").await;
    let pack = pack_names(&store).await[0].0;
    write(&store, move |tx| packs::set_favor_bias(tx, pack, -1)).await;
    write(&store, move |tx| {
        games::delete(tx, id)?;
        games::insert_with(tx, &game("p", "new"), false, 1, at(2))?;
        packs::remove_empty(tx)
    })
    .await;
    assert_eq!(pack_names(&store).await, [(pack, "p".to_owned(), -1)]);
    let games = read(&store, games::list).await;
    assert_eq!((games[0].enabled, games[0].favor_bias, games[0].created_at), (false, 1, at(2)));
}

async fn a_game_changes_but_for_its_history(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_game(&store, "p", "t").await;
    let before = write(&store, move |tx| games::lock(tx, id)).await.expect("it is there");
    let after = Game {
        pack_name: "q".into(),
        title: "u'; --".into(),
        min_players: 1,
        max_players: 100,
        length_minutes: None,
        has_audience: false,
        family_friendly: true,
        game_type: None,
        secondary_type: Some("Trivia".into()),
        enabled: false,
        favor_bias: -1,
        ..before.clone()
    };
    let claimed = Game { play_count: 9, upvotes: 9, downvotes: 9, created_at: at(9), ..after.clone() };
    write(&store, move |tx| {
        games::update(tx, &claimed, at(2))?;
        packs::remove_empty(tx)
    })
    .await;
    assert_eq!(read(&store, move |db| games::get(db, id)).await, Some(after));
    let names: Vec<_> = pack_names(&store).await.into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(names, ["q"]);
    let unknown = Game { id: 99, ..before };
    assert_eq!(store.write(move |tx| games::update(tx, &unknown, at(2))).await, Err(Error::NotFound));
}

fn listed(pack: &str, title: &str, enabled: Option<bool>, favor_bias: Option<i64>) -> GameEntry {
    GameEntry { game: game(pack, title), enabled, favor_bias }
}

async fn a_list_is_added_or_put_in_place_of_what_is_there(database: TestDatabase) {
    let (store, _commits) = database.open();
    let played = add_game(&store, "p", "played").await;
    let plain = add_game(&store, "q", "plain").await;
    let session = start_session(&store).await.id;
    write(&store, move |tx| session_games::add(tx, session, &play(played), at(5)).map(drop)).await;

    // More than one statement takes, and two that are there or come twice.
    let mut list: Vec<_> = (0..300).map(|n| listed("r", &format!("{n:03}"), None, Some(-1))).collect();
    list.extend([
        listed("p", "played", Some(false), Some(1)),
        listed("s", "new", Some(false), None),
        listed("s", "new", None, None),
    ]);
    let added = write(&store, move |tx| games::insert_all(tx, &list.iter().collect::<Vec<_>>(), at(7))).await;
    assert_eq!(added, 301);
    let there = read(&store, games::list).await;
    let names: Vec<_> =
        there.iter().map(|game| (game.id, game.pack_name.clone(), game.title.clone())).collect();
    assert_eq!(read(&store, games::names).await, names);
    let rows = |games: &[Game]| -> Vec<_> {
        games.iter().map(|game| (game.title.clone(), game.enabled, game.favor_bias)).collect()
    };
    let row = |title: &str, enabled, favor_bias| (title.to_owned(), enabled, favor_bias);
    let of_pack =
        |pack: &str| there.iter().filter(|game| game.pack_name == pack).cloned().collect::<Vec<_>>();
    assert_eq!(rows(&of_pack("p")), [row("played", true, 0)]);
    assert_eq!(rows(&of_pack("s")), [row("new", false, 0)]);
    let r = of_pack("r");
    assert_eq!((r.len(), rows(&r[299..])), (300, vec![row("299", true, -1)]));
    assert!(r.is_sorted_by_key(|game| game.id), "in the order of the list");
    let expected =
        Game { id: r[0].id, pack_name: "r".into(), title: "000".into(), ..of_pack("s")[0].clone() };
    assert_eq!(r[0], Game { enabled: true, favor_bias: -1, ..expected });
    let names: Vec<_> = pack_names(&store).await.into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(names, ["p", "q", "r", "s"]);

    let mut changed = listed("ignored", "ignored", None, None);
    changed.game.max_players = 99;
    changed.game.length_minutes = None;
    changed.game.game_type = None;
    changed.game.secondary_type = Some("Trivia".into());
    let (first, second) = (r[0].clone(), r[1].id);
    let told = listed("", "", Some(false), Some(1));
    let id = first.id;
    write(&store, move |tx| games::replace_all(tx, &[(id, &changed), (second, &told)])).await;
    let expected = Game {
        max_players: 99,
        length_minutes: None,
        game_type: None,
        secondary_type: Some("Trivia".into()),
        ..first
    };
    assert_eq!(read(&store, move |db| games::get(db, id)).await, Some(expected), "as liked as before");
    let second = read(&store, move |db| games::get(db, second)).await.expect("it is there");
    assert_eq!((second.title.as_str(), second.enabled, second.favor_bias), ("001", false, 1));

    let mut all: Vec<_> = r[2..].iter().map(|game| game.id).collect();
    all.extend([played, plain, i64::MAX]);
    assert_eq!(write(&store, move |tx| games::retire_all(tx, &all)).await, (299, 1));
    let left = rows(&read(&store, games::list).await);
    let [kept, ..] = &left[..] else { panic!("some are left") };
    assert_eq!((kept, left.len()), (&row("played", false, 0), 4));
}

fn play(game_id: i64) -> NewSessionGame {
    NewSessionGame { game_id, manually_added: false, room_code: None }
}

async fn what_was_played_has_a_history(database: TestDatabase) {
    let (store, _commits) = database.open();
    let (played, not) = (add_game(&store, "p", "x").await, add_game(&store, "p", "y").await);
    let session = start_session(&store).await.id;
    write(&store, move |tx| session_games::add(tx, session, &play(played), at(5)).map(drop)).await;
    assert!(read(&store, move |db| games::has_history(db, played)).await);
    assert!(!read(&store, move |db| games::has_history(db, not)).await);
    assert!(!read(&store, |db| games::has_history(db, 99)).await);
}

async fn a_session_tells_what_it_played_last(database: TestDatabase) {
    let (store, _commits) = database.open();
    let mut ids = Vec::new();
    for title in ["a", "b", "c"] {
        ids.push(add_game(&store, "p", title).await);
    }
    let session = start_session(&store).await.id;
    // The second and third at one moment, so that their order is that of their rows.
    for (index, ms) in [(2, 5), (0, 9), (1, 9)] {
        let id = ids[index];
        write(&store, move |tx| session_games::add(tx, session, &play(id), at(ms)).map(drop)).await;
    }
    assert_eq!(read(&store, move |db| games::played_in(db, session, 2)).await, [ids[1], ids[0]]);
    let all = read(&store, move |db| games::played_in(db, session, usize::MAX)).await;
    assert_eq!(all, [ids[1], ids[0], ids[2]]);
    assert_eq!(read(&store, |db| games::played_in(db, 99, 2)).await, [0; 0]);
}

/// Whoever comes second finds what the first has done, never a broken reference.
async fn a_game_is_deleted_or_played_but_not_both(database: TestDatabase) {
    let (store, _commits) = database.open();
    let session = start_session(&store).await.id;
    for round in 0..10 {
        let id = write(&store, move |tx| games::insert(tx, &game("p", &format!("t{round}")), at(1))).await;
        let (one, two) = (store.clone(), store.clone());
        let playing = queued(async move {
            one.write(move |tx| {
                games::get(tx, id)?.ok_or(Error::NotFound)?;
                session_games::add(tx, session, &play(id), at(5)).map(drop)
            })
            .await
        });
        let deleting = queued(async move {
            two.write(move |tx| {
                games::lock_library(tx)?;
                games::lock(tx, id)?.ok_or(Error::NotFound)?;
                if games::has_history(tx, id)? {
                    return Ok(false);
                }
                games::delete(tx, id)?;
                Ok::<_, Error>(true)
            })
            .await
        });
        let played = playing.await.await.expect("no panic");
        let deleted = deleting.await.await.expect("no panic").expect("the game was there");
        let expected = if deleted { Err(Error::NotFound) } else { Ok(()) };
        assert_eq!(played, expected, "round {round}");
    }
}

async fn two_additions_of_one_game_make_one(database: TestDatabase) {
    let (store, _commits) = database.open();
    let add = |store: Store| async move {
        store
            .write(|tx| {
                games::lock_library(tx)?;
                games::insert(tx, &game("p", "t"), at(1))
            })
            .await
    };
    let (one, two) = (queued(add(store.clone())).await, queued(add(store.clone())).await);
    let results = [one.await.expect("no panic"), two.await.expect("no panic")];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(read(&store, games::count).await, 1);
    assert_eq!(pack_names(&store).await.len(), 1);
}

async fn sessions_are_told_in_figures(database: TestDatabase) {
    let (store, _commits) = database.open();
    let none = read(&store, stats::counts).await;
    assert_eq!((none.sessions, none.active_sessions), (0, 0));
    let id = add_game(&store, "p", "x").await;
    let session = start_session(&store).await.id;
    write(&store, move |tx| session_games::add(tx, session, &play(id), at(5)).map(drop)).await;
    let counts = read(&store, stats::counts).await;
    assert_eq!((counts.sessions, counts.active_sessions), (1, 1));
    let figures = read(&store, |db| stats::per_session(db, 50)).await;
    assert_eq!((figures.len(), figures[0].id, figures[0].games_played), (1, session, 1));
    assert_eq!((figures[0].is_active, figures[0].closed_at), (true, None));
    assert_eq!((figures[0].upvotes, figures[0].downvotes), (0, 0));
    assert_eq!(read(&store, |db| stats::per_session(db, 0)).await.len(), 0);
}
