//! Copies of a SQLite database that is in use.

use std::{
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use fanfare_store::{
    Location, Options, Store,
    backup::{self, BackupError, Progress},
    settings,
    testing::{Hold, TestDatabase, run, texts},
};

use crate::support::{read, write};

/// More than two steps of the copy.
const BIG_BYTES: usize = 10 << 20;

/// A place for a copy beside the database.
fn target(database: &TestDatabase) -> PathBuf {
    let target = file(database).with_file_name("copy.db");
    std::fs::File::create_new(&target).expect("a new file");
    target
}

fn file(database: &TestDatabase) -> &Path {
    let Location::Sqlite(path) = database.location() else { panic!("a file") };
    path
}

fn copy(database: &TestDatabase, target: &Path) -> Result<u64, BackupError> {
    backup::copy(database.location(), target, &Arc::default(), &mut |_| {})
}

async fn fill(store: &Store) {
    write(store, |tx| settings::set(tx, "early", &"x".repeat(BIG_BYTES))).await;
}

async fn keys(store: &Store) -> Vec<String> {
    read(store, |db| texts(db, "select key from settings order by key", 1)).await.concat()
}

/// Opens a copy as a server would.
fn open(copy: &Path, database: &TestDatabase) -> Store {
    let options = Options { location: Location::Sqlite(copy.to_owned()), ..database.options() };
    fanfare_store::open(options, Arc::new(|_| ())).expect("the copy can be opened").0
}

#[tokio::test]
async fn a_copy_is_of_one_moment_though_others_write_and_nobody_waits() {
    let database = TestDatabase::sqlite();
    let (store, _commits) = database.open();
    fill(&store).await;
    let target = target(&database);
    let (tell, told) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (location, place) = (database.location().clone(), target.clone());
    let copying = tokio::task::spawn_blocking(move || {
        backup::copy(&location, &place, &Arc::default(), &mut |progress| {
            // After the first step the test has its turn.
            if tell.send(progress).is_ok() {
                let _ = may_go_on.recv();
            }
        })
    });
    let first = tokio::task::spawn_blocking(move || told.recv()).await.expect("no panic");
    let Ok(Progress::Copied(done, total)) = first else { panic!("{first:?}") };
    assert!(0 < done && done < total && total > BIG_BYTES as u64, "{done} of {total}");
    write(&store, |tx| {
        settings::set(tx, "early", "changed")?;
        settings::set(tx, "late", &"y".repeat(BIG_BYTES))
    })
    .await;
    // The server copies its log into the file, as far as the reader of the copy lets it.
    write(&store, |tx| settings::set(tx, "later", "")).await;
    drop(go_on);
    let size = copying.await.expect("no panic").expect("copied");

    assert_eq!(size, std::fs::metadata(&target).expect("there").len());
    let copied = open(&target, &database);
    assert_eq!(keys(&copied).await, ["early"]);
    let early = read(&copied, |db| settings::get(db, "early")).await.expect("copied");
    assert_eq!(early.len(), BIG_BYTES);
    assert_eq!(keys(&store).await, ["early", "late", "later"]);
}

#[tokio::test]
async fn a_copy_is_one_file_and_can_be_made_while_nobody_serves() {
    let database = TestDatabase::sqlite();
    let (store, _commits) = database.open();
    write(&store, |tx| settings::set(tx, "key", "value")).await;
    store.close().await;
    let target = target(&database);
    copy(&database, &target).expect("copied");
    let folder = std::fs::read_dir(target.parent().expect("a folder")).expect("readable");
    let mut names: Vec<_> = folder.map(|file| file.expect("a file").file_name()).collect();
    names.sort();
    assert_eq!(names, ["copy.db", "fanfare.db", "fanfare.db.lock"]);
    assert_eq!(keys(&open(&target, &database)).await, ["key"]);
}

#[tokio::test]
async fn a_copy_can_be_stopped_at_every_stage() {
    let database = TestDatabase::sqlite();
    let (store, _commits) = database.open();
    fill(&store).await;
    let target = target(&database);
    let is_checking = |progress| progress == Progress::Checking;
    let is_copying = |progress| progress != Progress::Checking;
    for stage in [&is_copying as &dyn Fn(Progress) -> bool, &is_checking] {
        let stop = Arc::new(AtomicBool::new(false));
        let mut reached = 0;
        std::fs::write(&target, "").expect("emptied");
        let stopped = backup::copy(database.location(), &target, &stop, &mut |progress| {
            reached += usize::from(stage(progress));
            stop.store(reached > 0, Ordering::Relaxed);
        });
        assert!(matches!(stopped, Err(BackupError::Stopped)), "{stopped:?}");
        assert_eq!(reached, 1);
    }
    store.close().await;
    let _hold = Hold::everything(file(&database));
    let stopped = backup::copy(database.location(), &target, &Arc::new(AtomicBool::new(true)), &mut |_| {});
    assert!(matches!(stopped, Err(BackupError::Stopped)), "{stopped:?}");
}

#[tokio::test]
async fn a_damaged_database_is_not_passed_on() {
    let database = TestDatabase::sqlite();
    let (store, _commits) = database.open();
    fill(&store).await;
    store.close().await;
    // Threads that close at once may leave the log behind; who closes alone puts it into the file.
    drop(Hold::everything(file(&database)));
    let damaged = std::fs::OpenOptions::new().write(true).open(file(&database)).expect("there");
    damaged.write_all_at(&[0x5a; 4096], 4096 * 3).expect("written");
    let error = copy(&database, &target(&database)).expect_err("refused");
    assert!(matches!(error, BackupError::Damaged(_)), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused() {
    let database = TestDatabase::sqlite();
    let target = target(&database);
    let error = copy(&database, &target).expect_err("refused");
    assert!(matches!(&error, BackupError::Missing(path) if path == file(&database)), "{error}");
    std::fs::write(file(&database), "a letter".repeat(1_000)).expect("written");
    let error = copy(&database, &target).expect_err("refused");
    assert!(matches!(error, BackupError::NotOurs(_)), "{error}");
    std::fs::remove_file(file(&database)).expect("there");
    database.execute("create table other (id bigint)");
    let error = copy(&database, &target).expect_err("refused");
    assert!(matches!(error, BackupError::NotOurs(_)), "{error}");

    let elsewhere = Location::Postgres("postgres://u:hush@h/d".into());
    let error = backup::copy(&elsewhere, &target, &Arc::default(), &mut |_| {}).expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("pg_dump") && !text.contains("hush"), "{text}");
}

#[tokio::test]
async fn a_log_that_a_long_read_let_grow_is_cut_afterwards() {
    const KEPT_BYTES: u64 = 64 << 20;
    const COMMITS_MAX: u32 = 10_000;
    let database = TestDatabase::sqlite();
    let (store, _commits) = database.open();
    let log = || std::fs::metadata(file(&database).with_file_name("fanfare.db-wal")).expect("there").len();
    let (enter, entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let reader = store.clone();
    let reading = crate::support::queued(async move {
        let job = move |db: &mut fanfare_store::Read| {
            run(db, "select count(*) from settings")?;
            let _ = enter.send(());
            let _ = released.recv();
            Ok::<(), fanfare_store::Error>(())
        };
        reader.read(job).await
    })
    .await;
    tokio::task::spawn_blocking(move || entered.recv()).await.expect("no panic").expect("it reads");
    for letter in ["a", "b"].iter().cycle() {
        write(&store, |tx| settings::set(tx, "big", &letter.repeat(BIG_BYTES))).await;
        if log() > KEPT_BYTES {
            break;
        }
    }
    drop(release);
    reading.await.expect("no panic").expect("it has read");
    // A commit that finds no reader in the log copies it, the next one starts it over. The reader lets
    // go of it shortly after its answer.
    for number in 0..COMMITS_MAX {
        write(&store, move |tx| settings::set(tx, "small", &number.to_string())).await;
        if log() <= KEPT_BYTES {
            return;
        }
    }
    panic!("{} bytes are left", log());
}
