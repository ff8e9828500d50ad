//! Group commit when SQLite itself gives up in the middle of it.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use fanfare_store::{
    Error, Location, OpenError, Standing, Store, deliveries, logs, settings,
    testing::{
        TestDatabase,
        fill::{self, Filling},
        run, texts,
    },
};

use crate::support::{Gate, add_webhook, at, emit, event, heard, queued, read, write};

/// Sets a key to a value of so many bytes and emits an event of the same name.
async fn set(store: Store, key: &'static str, bytes: usize) -> Result<(), Error> {
    store
        .write(move |tx| {
            settings::set(tx, key, &"x".repeat(bytes))?;
            tx.emit(event("t", key)).map(drop)
        })
        .await
}

async fn keys(store: &Store) -> Vec<String> {
    let keys = read(store, |db| texts(db, "select key from settings order by key", 1)).await;
    keys.into_iter().flatten().collect()
}

#[tokio::test]
async fn when_the_disk_fills_the_guilty_one_alone_is_told() {
    let database = TestDatabase::sqlite();
    let (store, mut commits) = database.open();
    write(&store, |tx| {
        let pages = texts(tx, "select cast(page_count as text) from pragma_page_count", 1)?;
        let most: i64 = pages[0][0].parse().expect("a number");
        run(tx, &format!("pragma max_page_count = {}", most + 4)).map(drop)
    })
    .await;

    let gate = Gate::close(&store).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let (writer, counted) = (store.clone(), Arc::clone(&runs));
    let counting = async move {
        writer
            .write(move |tx| {
                counted.fetch_add(1, Ordering::Relaxed);
                settings::set(tx, "first", "")?;
                tx.emit(event("t", "first")).map(drop)
            })
            .await
    };
    let first = queued(counting).await;
    let guilty = queued(set(store.clone(), "guilty", 100_000)).await;
    let second = queued(set(store.clone(), "second", 10)).await;
    let guilty_too = queued(set(store.clone(), "guilty too", 100_000)).await;
    let third = queued(set(store.clone(), "third", 10)).await;
    gate.open().await;
    for innocent in [first, second, third] {
        assert_eq!(innocent.await.expect("no panic"), Ok(()));
    }
    for guilty in [guilty, guilty_too] {
        let result = guilty.await.expect("no panic");
        assert!(matches!(&result, Err(Error::Unavailable(text)) if text.contains("full")), "{result:?}");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 2, "the whole transaction was gone, and what it did with it");
    assert_eq!(heard(&mut commits).await, ["first", "second", "third"]);
    assert_eq!(keys(&store).await, ["first", "second", "third"]);
}

#[tokio::test]
async fn when_the_commit_fails_the_guilty_one_alone_is_told() {
    let database = TestDatabase::sqlite();
    let (store, mut commits) = database.open();
    let gate = Gate::close(&store).await;
    let first = queued(set(store.clone(), "first", 10)).await;
    let writer = store.clone();
    let orphan = async move {
        writer
            .write(|tx| {
                // A rule that is only looked at when the transaction is committed.
                run(tx, "pragma defer_foreign_keys = on")?;
                run(tx, "insert into webhook_events (pattern, webhook_id) values ('a', 99)")?;
                tx.emit(event("t", "guilty")).map(drop)
            })
            .await
    };
    let guilty = queued(orphan).await;
    let second = queued(set(store.clone(), "second", 10)).await;
    gate.open().await;
    assert_eq!(first.await.expect("no panic"), Ok(()));
    assert_eq!(second.await.expect("no panic"), Ok(()));
    let result = guilty.await.expect("no panic");
    assert!(matches!(result, Err(Error::Conflict(_))), "{result:?}");
    assert_eq!(heard(&mut commits).await, ["first", "second"]);
    assert_eq!(keys(&store).await, ["first", "second"]);
}

#[tokio::test]
async fn what_is_queued_is_one_commit() {
    const JOBS: usize = 20;
    let database = TestDatabase::sqlite();
    let largest = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&largest);
    let observer = Arc::new(move |stats: fanfare_store::CommitStats| {
        seen.fetch_max(stats.jobs, Ordering::Relaxed);
    });
    let (store, mut commits) = fanfare_store::open(database.options(), observer).expect("a fresh database");
    let gate = Gate::close(&store).await;
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        let store = store.clone();
        let id = number.to_string();
        let job = async move { store.write(move |tx| tx.emit(event("t", &id)).map(drop)).await };
        jobs.push(queued::<Result<(), Error>>(job).await);
    }
    gate.open().await;
    for job in jobs {
        job.await.expect("no panic").expect("the job works");
    }
    assert_eq!(largest.load(Ordering::Relaxed), JOBS);
    assert_eq!(commits.recv().await.expect("a commit").events.len(), JOBS);
}

#[tokio::test]
async fn a_file_is_open_once() {
    let database = TestDatabase::sqlite();
    let fanfare_store::Location::Sqlite(path) = database.location() else { panic!("a file") };
    let (first, _commits) = database.open();
    let link = path.with_file_name("link.db");
    std::os::unix::fs::symlink(path, &link).expect("a link");
    for location in [path.clone(), link].map(fanfare_store::Location::Sqlite) {
        let options = fanfare_store::Options { location, ..database.options() };
        let error = fanfare_store::open(options, Arc::new(|_| ())).err().expect("it is refused");
        let holder = format!("process {}", std::process::id());
        assert!(matches!(&error, OpenError::Held(text) if *text == holder), "{error}");
    }
    write(&first, |tx| settings::set(tx, "a", "1")).await;
    let lock = path.with_file_name("fanfare.db.lock");
    let mode = std::fs::metadata(&lock).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    first.close().await;
    let (second, _commits) = database.open();
    assert_eq!(read(&second, |db| settings::get(db, "a")).await.as_deref(), Some("1"));
    let mut standing = second.standing();
    assert_eq!(*standing.borrow(), Standing::Ours);
    second.close().await;
    assert!(standing.changed().await.is_err(), "nothing more is to be heard");
}

#[tokio::test]
async fn commits_are_synced_when_they_are_to_last() {
    for (durable, level) in [(true, "2"), (false, "1")] {
        let database = TestDatabase::sqlite();
        let options = fanfare_store::Options { durable, ..database.options() };
        let (store, _commits) = fanfare_store::open(options, Arc::new(|_| ())).expect("a fresh database");
        let pragmas = write(&store, |tx| {
            let mut all = Vec::new();
            for name in ["synchronous", "foreign_keys", "journal_mode"] {
                all.extend(texts(tx, &format!("select cast({name} as text) from pragma_{name}"), 1)?);
            }
            Ok(all.concat())
        });
        assert_eq!(pragmas.await, [level, "1", "wal"]);
    }
}

#[tokio::test]
async fn the_file_and_those_beside_it_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let database = TestDatabase::sqlite();
    let (store, _commits) = database.open();
    write(&store, |tx| settings::set(tx, "key", "value")).await;
    let fanfare_store::Location::Sqlite(path) = database.location() else { panic!("a file") };
    let folder = std::fs::read_dir(path.parent().expect("a folder")).expect("readable");
    let modes: Vec<_> = folder
        .map(|file| file.expect("a file").metadata().expect("there").permissions().mode() & 0o777)
        .collect();
    assert!(modes.len() >= 3 && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
}

#[tokio::test]
async fn what_benchmarks_fill_in_is_read_like_what_has_happened() {
    let database = TestDatabase::sqlite();
    let Location::Sqlite(path) = database.location().clone() else { panic!("a file") };
    let ids = {
        let (store, _commits) = database.open();
        let ids = [add_webhook(&store, &["a"]).await.id, add_webhook(&store, &["b"]).await.id];
        store.close().await;
        ids
    };
    let filling = Filling { webhooks: ids[0]..=ids[1], rows: 6, age_ms: 60_000 };
    fill::with_history(&path, &filling);
    fill::with_history(&path, &filling);
    fill::with_pending(&path, &filling);
    assert_eq!(fill::log_rows(&path), 12);
    let (store, _commits) = database.open();
    let counts = read(&store, fanfare_store::testing::count_by_state).await;
    assert_eq!(counts, [("delivered".to_owned(), 12), ("pending".to_owned(), 6)]);
    assert_eq!(read(&store, deliveries::pending_webhooks).await, ids);
    for id in ids {
        let log = read(&store, move |db| logs::list(db, id, 100)).await;
        assert_eq!(log.len(), 6);
        assert!(log.iter().all(|row| row.response_status == Some(200) && row.event_type == "bench"));
        let due = read(&store, move |db| deliveries::due(db, id, at(i64::MAX), 100)).await;
        let found: Vec<_> = due.iter().map(|due| (due.attempts, due.test, due.event.topic.clone())).collect();
        assert_eq!(found, vec![(0, false, None); 3]);
        assert!(due.iter().all(|due| due.event.public_id.starts_with("evt_")));
    }
    emit(&store, "t", "later").await;
}
