//! Connections that are lost, transactions that meet, and a second server.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicUsize, Ordering},
};

use fanfare_store::{
    Error, Hindrance, Notice, OpenError, Options, Standing, Store, settings,
    testing::{TestDatabase, run, texts},
};

use crate::support::{event, heard, queued, read, received, write};

/// Ends the connection that holds the server's lock.
const END_LOCK: &str = "select pg_terminate_backend(l.pid) from pg_locks l \
     join pg_database d on d.oid = l.database and d.datname = current_database() \
     where l.locktype = 'advisory' and l.objid = 1 and l.granted";
const END_ITSELF: &str = "select pg_terminate_backend(pg_backend_pid())";

fn opened_by(database: &TestDatabase, owner: &str) -> Result<Store, OpenError> {
    let options = Options { owner: owner.into(), ..database.options() };
    fanfare_store::open(options, Arc::new(|_| ())).map(|(store, _)| store)
}

#[tokio::test]
async fn a_second_server_hears_who_holds_the_database() {
    let database = TestDatabase::postgres();
    let first = opened_by(&database, "first on host-a").expect("it is free");
    let error = opened_by(&database, "second").err().expect("it is taken");
    assert!(matches!(&error, OpenError::Held(owner) if owner == "first on host-a"), "{error}");
    write(&first, |tx| settings::set(tx, "a", "1")).await;
    first.close().await;
    let second = opened_by(&database, "second").expect("it is free again");
    assert_eq!(read(&second, |db| settings::get(db, "a")).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn writers_that_outlive_the_lock_keep_others_out() {
    let database = TestDatabase::postgres();
    let first = opened_by(&database, "first").expect("it is free");
    write(&first, |tx| settings::set(tx, "a", "1")).await;
    database.execute(END_LOCK);
    let error = opened_by(&database, "second").err().expect("it is taken");
    assert!(matches!(&error, OpenError::Held(owner) if owner == "first"), "{error}");
}

#[tokio::test]
async fn writing_goes_on_once_the_lock_is_back() {
    const TRIES: usize = 50;
    let database = TestDatabase::postgres();
    let store = opened_by(&database, "first").expect("it is free");
    database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid()",
    );
    let mut standing = store.standing();
    let mut result = Err(Error::NotFound);
    for _ in 0..TRIES {
        standing.wait_for(|standing| *standing == Standing::Ours).await.expect("the store is open");
        result = store.write(|tx| settings::set(tx, "a", "1")).await;
        match &result {
            Ok(()) => break,
            Err(error) => assert!(matches!(error, Error::Unavailable(_)), "{error}"),
        }
    }
    assert_eq!(result, Ok(()));
    assert_eq!(read(&store, |db| settings::get(db, "a")).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn nothing_is_written_once_another_server_has_been_here() {
    const TRIES: usize = 3;
    let database = TestDatabase::postgres();
    let store = opened_by(&database, "first").expect("it is free");
    let mut standing = store.standing();
    database.take_over();
    standing.wait_for(|standing| *standing == Standing::TakenOver).await.expect("the store is open");
    for _ in 0..TRIES {
        let result = store.write(|tx| settings::set(tx, "a", "1")).await;
        assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    }
    assert_eq!(read(&store, |db| settings::get(db, "a")).await, None, "reading goes on");
}

/// Has somebody wait for the lock behind its holder and ends that one; `epochs` servers then come and
/// go. Whoever waited gives the lock back, at once if there were none. Returns what was heard.
async fn standing_while(database: &TestDatabase, epochs: i64) -> Vec<Standing> {
    let store = opened_by(database, "first").expect("it is free");
    let mut standing = store.standing();
    let mut seen = vec![*standing.borrow_and_update()];
    let (release, released) = std::sync::mpsc::channel::<()>();
    let reader = store.clone();
    let queue = async move {
        let job = move |db: &mut fanfare_store::Read| {
            run(
                db,
                "select pg_advisory_xact_lock(l.classid::bigint::int, 1) from pg_locks l \
                     join pg_database d on d.oid = l.database and d.datname = current_database() \
                     where l.locktype = 'advisory' and l.objid = 1 and l.granted",
            )?;
            let _ = released.recv();
            Ok::<(), Error>(())
        };
        reader.read(job).await
    };
    let queue = queued(queue).await;
    database.execute(
        "do $$ begin while not exists (select 1 from pg_locks l \
         join pg_database d on d.oid = l.database and d.datname = current_database() \
         where l.locktype = 'advisory' and not l.granted) loop null; end loop; end $$",
    );
    database.execute(END_LOCK);
    standing.changed().await.expect("the store is open");
    seen.push(*standing.borrow_and_update());
    database.execute(&format!("update owner set epoch = epoch + {epochs}"));
    // That the database is another's is heard while somebody else still has the lock.
    let kept = (epochs > 0).then_some(release);
    standing.changed().await.expect("the store is open");
    seen.push(*standing.borrow_and_update());
    drop(kept);
    queue.await.expect("no panic").expect("it has the lock");
    store.close().await;
    assert!(standing.changed().await.is_err(), "nothing more is to be heard");
    seen
}

#[tokio::test]
async fn whose_the_database_is_can_be_heard() {
    use Standing::{Lost, Ours, TakenOver};
    for (epochs, expected) in [(0, [Ours, Lost, Ours]), (1, [Ours, Lost, TakenOver])] {
        assert_eq!(standing_while(&TestDatabase::postgres(), epochs).await, expected);
    }
}

#[tokio::test]
async fn a_job_that_always_loses_its_connection_is_soon_refused() {
    let database = TestDatabase::postgres();
    let (store, _commits) = database.open();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let result = store
        .write(move |tx| {
            counted.fetch_add(1, Ordering::Relaxed);
            run(tx, END_ITSELF).map(drop)
        })
        .await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(store.hindrance(), Some(Hindrance::Refused));
    write(&store, |tx| settings::set(tx, "a", "1")).await;
    assert_eq!(store.hindrance(), None);
}

#[tokio::test]
async fn jobs_that_deadlock_run_again() {
    let database = TestDatabase::postgres();
    let (store, _commits) = database.open();
    let runs = Arc::new(AtomicUsize::new(0));
    let barrier = Arc::new(Barrier::new(2));
    let job = |first: &'static str, second: &'static str| {
        let (runs, barrier) = (Arc::clone(&runs), Arc::clone(&barrier));
        let mine = AtomicUsize::new(0);
        store.write(move |tx| {
            runs.fetch_add(1, Ordering::Relaxed);
            settings::set(tx, first, first)?;
            if mine.fetch_add(1, Ordering::Relaxed) == 0 {
                barrier.wait();
            }
            settings::set(tx, second, first)
        })
    };
    let (one, two): (Result<(), Error>, Result<(), Error>) = tokio::join!(job("a", "b"), job("b", "a"));
    assert_eq!((one, two), (Ok(()), Ok(())));
    assert_eq!(runs.load(Ordering::Relaxed), 3, "one of them ran twice");
}

#[tokio::test]
async fn a_job_whose_connection_is_lost_before_commit_runs_again() {
    let database = TestDatabase::postgres();
    let (store, mut commits) = database.open();
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    write(&store, move |tx| {
        tx.emit(event("t", "x"))?;
        if counted.fetch_add(1, Ordering::Relaxed) == 0 {
            run(tx, END_ITSELF)?;
        }
        Ok(())
    })
    .await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(heard(&mut commits).await, ["x"]);
}

#[tokio::test]
async fn a_job_whose_connection_is_lost_in_commit_does_not_run_again() {
    let database = TestDatabase::postgres();
    let (store, mut commits) = database.open();
    database.execute(
        "create function end_itself() returns trigger language plpgsql as \
         $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$; \
         create constraint trigger end_itself after insert on settings \
         deferrable initially deferred for each row execute function end_itself()",
    );
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let result = store
        .write(move |tx| {
            counted.fetch_add(1, Ordering::Relaxed);
            settings::set(tx, "a", "1")?;
            tx.emit(event("t", "x")).map(drop)
        })
        .await;
    assert!(matches!(&result, Err(Error::Unavailable(text)) if text.contains("COMMIT")), "{result:?}");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    let told = received(&mut commits).await.remove(0);
    assert!(told.events.is_empty(), "it was not kept");
    assert_eq!(told.notices, [Notice::LookAgain]);
    write(&store, |tx| tx.emit(event("t", "y")).map(drop)).await;
    assert_eq!(heard(&mut commits).await, ["y"]);
}

#[tokio::test]
async fn a_reader_connects_again() {
    let database = TestDatabase::postgres();
    let (store, _commits) = database.open();
    for _ in 0..4 {
        let lost = store.read(|db| run(db, END_ITSELF)).await;
        assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
        read(&store, |db| texts(db, "select 'x'", 1)).await;
    }
}
