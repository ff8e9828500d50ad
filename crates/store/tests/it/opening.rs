//! Opening a database again, and those that are not to be opened.

use std::sync::Arc;

use fanfare_model::session::NewSessionGame;
use fanfare_store::{
    Location, OpenError, Options, events, games, session_games, sessions, settings, testing::TestDatabase,
    webhooks,
};

use crate::support::{add_game, add_webhook, at, emit, read, start_session, write};

super::on_both_engines!(
    everything_is_there_after_reopening,
    a_database_with_other_tables_is_not_ours,
    a_newer_database_is_refused,
    a_database_that_cannot_be_reached_is_unavailable,
);

async fn everything_is_there_after_reopening(database: TestDatabase) {
    let (store, _commits) = database.open();
    let game_id = add_game(&store, "p", "t").await;
    let session = start_session(&store).await.id;
    let new = NewSessionGame { game_id, manually_added: true, room_code: None };
    write(&store, move |tx| session_games::add(tx, session, &new, at(2)).map(drop)).await;
    let webhook = add_webhook(&store, &["*"]).await;
    emit(&store, "t", "1").await;
    write(&store, |tx| settings::set(tx, "key", "value")).await;
    store.close().await;

    let (store, _commits) = database.open();
    assert_eq!(read(&store, games::count).await, 1);
    assert_eq!(read(&store, sessions::active).await.map(|s| (s.id, s.games_played)), Some((session, 1)));
    assert_eq!(read(&store, move |db| session_games::list(db, session)).await.len(), 1);
    assert!(read(&store, webhooks::list).await == [webhook]);
    assert_eq!(read(&store, |db| settings::get(db, "key")).await.as_deref(), Some("value"));
    emit(&store, "t", "2").await;
    let log = read(&store, |db| events::after(db, "t", 0, 10)).await;
    assert_eq!(log.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
}

async fn a_database_with_other_tables_is_not_ours(database: TestDatabase) {
    database.execute("create table other (id bigint)");
    let error = database.try_open().err().expect("it is refused");
    assert!(matches!(error, OpenError::NotOurs(_)), "{error}");
    database.execute("insert into other (id) values (1)");
}

async fn a_newer_database_is_refused(database: TestDatabase) {
    let (store, _commits) = database.open();
    store.close().await;
    database.execute(
        "insert into fanfare_migrations (version, name, applied_on, checksum) \
         values (999, 'later', '2030-01-01T00:00:00Z', '1')",
    );
    let error = database.try_open().err().expect("it is refused");
    assert!(matches!(error, OpenError::Newer { found: 999, known: 7 }), "{error}");
}

async fn a_database_that_cannot_be_reached_is_unavailable(database: TestDatabase) {
    let location = match database.location() {
        Location::Sqlite(path) => Location::Sqlite(path.join("no").join("such.db")),
        Location::Postgres(_) => Location::Postgres("postgres://nobody@127.0.0.1:1/none".into()),
    };
    let options = Options { location, ..database.options() };
    let error = fanfare_store::open(options, Arc::new(|_| ())).err().expect("it is refused");
    assert!(matches!(error, OpenError::Unavailable(_)), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_not_ours() {
    let database = TestDatabase::sqlite();
    let Location::Sqlite(path) = database.location() else { panic!("a file") };
    let text = "a letter, and nothing that SQLite ever wrote, long enough to be looked at".repeat(50);
    std::fs::write(path, &text).expect("it can be written");
    let error = database.try_open().err().expect("it is refused");
    assert!(matches!(error, OpenError::NotOurs(_)), "{error}");
    assert_eq!(std::fs::read_to_string(path).expect("it is there"), text, "and is left as it was");
}

#[tokio::test]
async fn a_database_of_another_program_is_not_ours() {
    let database = TestDatabase::sqlite();
    database.execute("pragma application_id = 7");
    let error = database.try_open().err().expect("it is refused");
    assert!(matches!(error, OpenError::NotOurs(_)), "{error}");
}
