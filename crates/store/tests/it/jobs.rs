//! What a job may do to others, to its events and to its caller.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use fanfare_store::{Error, Store, events, games, settings, testing::TestDatabase};
use tokio::task::AbortHandle;

use crate::support::{Gate, at, emit, event, game, heard, poll_once, queued, read, received, write};

super::on_both_engines!(
    a_job_that_fails_takes_nobody_with_it,
    a_job_that_panics_takes_nobody_with_it,
    a_job_cannot_hide_a_failed_statement,
    a_caller_that_hangs_up_changes_nothing,
    a_caller_that_hangs_up_after_the_commit_changes_nothing,
    events_are_handed_over_before_the_answer_and_in_order,
    seq_has_no_gaps_under_concurrency,
    a_failed_job_leaves_no_gap_in_seq,
    close_finishes_what_is_queued,
    a_full_queue_makes_callers_wait,
    a_read_that_panics_spares_the_reader,
    a_read_cannot_write,
    commits_are_observed,
    each_job_is_measured_by_itself,
    a_job_that_cannot_work_hinders_nobody,
);

/// Sets a key and emits an event of the same name.
async fn set(store: Store, key: &'static str) -> Result<(), Error> {
    store
        .write(move |tx| {
            settings::set(tx, key, "set")?;
            tx.emit(event("t", key)).map(drop)
        })
        .await
}

async fn is_set(store: &Store, key: &'static str) -> bool {
    read(store, move |db| settings::get(db, key)).await.is_some()
}

/// Runs `bad`, which also writes and emits, in one group with two good jobs.
async fn between_good_jobs(
    database: &TestDatabase,
    bad: impl Fn() -> Result<(), Error> + Send + 'static,
) -> Error {
    let (store, mut commits) = database.open();
    let gate = Gate::close(&store).await;
    let before = queued(set(store.clone(), "before")).await;
    let writer = store.clone();
    let job = async move {
        writer
            .write(move |tx| {
                settings::set(tx, "bad", "set")?;
                tx.emit(event("t", "bad"))?;
                bad()
            })
            .await
    };
    let result = queued(job).await;
    let after = queued(set(store.clone(), "after")).await;
    gate.open().await;
    before.await.expect("no panic").expect("the job before works");
    after.await.expect("no panic").expect("the job after works");
    let result = result.await.expect("the panic stays in the job");

    assert!(is_set(&store, "before").await && is_set(&store, "after").await);
    assert!(!is_set(&store, "bad").await);
    let mut heard = heard(&mut commits).await;
    heard.sort();
    assert_eq!(heard, ["after", "before"]);
    assert!(set(store.clone(), "later").await.is_ok(), "the writer goes on");
    result.expect_err("the bad job fails")
}

async fn a_job_that_fails_takes_nobody_with_it(database: TestDatabase) {
    let error = between_good_jobs(&database, || Err(Error::Conflict("no".into()))).await;
    assert_eq!(error, Error::Conflict("no".into()));
}

async fn a_job_that_panics_takes_nobody_with_it(database: TestDatabase) {
    let error = between_good_jobs(&database, || panic!("on purpose")).await;
    assert_eq!(error, Error::Bug("a job panicked: on purpose".into()));
}

async fn a_job_cannot_hide_a_failed_statement(database: TestDatabase) {
    let (store, _commits) = database.open();
    emit(&store, "t", "one").await;
    let result = store
        .write(|tx| {
            settings::set(tx, "key", "value")?;
            assert!(matches!(tx.emit(event("t", "one")), Err(Error::Conflict(_))));
            assert!(matches!(settings::get(tx, "key"), Err(Error::Conflict(_))), "nothing runs after it");
            Ok::<(), Error>(())
        })
        .await;
    assert!(matches!(result, Err(Error::Conflict(_))), "{result:?}");
    assert!(!is_set(&store, "key").await);
    write(&store, |tx| settings::set(tx, "key", "value")).await;

    // A rule that a function foresees fails no statement, and the job may go on.
    let twice = write(&store, |tx| {
        games::insert(tx, &game("pack", "title"), at(1))?;
        let again = games::insert(tx, &game("pack", "title"), at(1));
        games::insert(tx, &game("pack", "other"), at(1))?;
        Ok(again)
    });
    assert!(matches!(twice.await, Err(Error::Conflict(_))));
    assert_eq!(read(&store, games::count).await, 2);
}

async fn a_caller_that_hangs_up_changes_nothing(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let gate = Gate::close(&store).await;
    let gone = queued(set(store.clone(), "gone")).await;
    gone.abort();
    assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    let stays = queued(set(store.clone(), "stays")).await;
    gate.open().await;
    stays.await.expect("no panic").expect("the other one is answered");

    store.close().await;
    let mut heard = heard(&mut commits).await;
    heard.sort();
    assert_eq!(heard, ["gone", "stays"]);
}

async fn a_caller_that_hangs_up_after_the_commit_changes_nothing(database: TestDatabase) {
    let (ran, caller) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None::<AbortHandle>)));
    let (has_run, hang_up) = (Arc::clone(&ran), Arc::clone(&caller));
    // Called after COMMIT and before the answers.
    let observer = Arc::new(move |_| {
        if has_run.load(Ordering::SeqCst)
            && let Some(caller) = hang_up.lock().expect("nobody panicked").take()
        {
            caller.abort();
        }
    });
    let options = fanfare_store::Options { postgres_writers: 1, ..database.options() };
    let (store, mut commits) = fanfare_store::open(options, observer).expect("a fresh database");
    let gate = Gate::close(&store).await;
    let writer = store.clone();
    let gone = queued(async move {
        let job = move |tx: &mut fanfare_store::Tx| {
            ran.store(true, Ordering::SeqCst);
            settings::set(tx, "gone", "set")?;
            tx.emit(event("t", "gone")).map(drop)
        };
        writer.write::<(), Error>(job).await
    })
    .await;
    *caller.lock().expect("nobody panicked") = Some(gone.abort_handle());
    let stays = queued(set(store.clone(), "stays")).await;
    gate.open().await;
    assert!(gone.await.is_err_and(|error| error.is_cancelled()), "it was never answered");
    assert_eq!(stays.await.expect("no panic"), Ok(()), "the other one is answered");
    assert_eq!(heard(&mut commits).await, ["gone", "stays"]);
    assert!(is_set(&store, "gone").await && is_set(&store, "stays").await);
}

async fn events_are_handed_over_before_the_answer_and_in_order(database: TestDatabase) {
    let (store, mut commits) = database.open();
    for name in ["1", "2", "3"] {
        emit(&store, "t", name).await;
        assert_eq!(heard(&mut commits).await, [name], "there when the caller is answered");
    }
    write(&store, |tx| {
        tx.emit(event("t", "4"))?;
        tx.emit(event("u", "5")).map(drop)
    })
    .await;
    let together = received(&mut commits).await;
    assert_eq!(together.len(), 1);
    let seqs: Vec<_> = together[0]
        .events
        .iter()
        .map(|published| (published.event.topic.as_deref(), published.event.seq))
        .collect();
    assert_eq!(seqs, [(Some("t"), 4), (Some("u"), 1)]);

    write(&store, |tx| settings::set(tx, "silent", "")).await;
    assert!(received(&mut commits).await.is_empty(), "nothing to tell, nothing told");
}

async fn seq_has_no_gaps_under_concurrency(database: TestDatabase) {
    const CALLERS: i64 = 16;
    const EVENTS_EACH: i64 = 20;
    let (store, mut commits) = database.open();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            for number in 0..EVENTS_EACH {
                let topic = if number % 2 == 0 { "even" } else { "odd" };
                let id = format!("{caller}-{number}");
                write(&store, move |tx| tx.emit(event(topic, &id)).map(drop)).await;
            }
        });
    }
    let mut heard = HashMap::<String, Vec<i64>>::new();
    let mut count = 0;
    while count < CALLERS * EVENTS_EACH {
        for published in commits.recv().await.expect("the store is open").events {
            let topic = published.event.topic.clone().expect("a topic");
            heard.entry(topic).or_default().push(published.event.seq);
            count += 1;
        }
    }
    callers.join_all().await;
    let expected: Vec<_> = (1..=CALLERS * EVENTS_EACH / 2).collect();
    for topic in ["even", "odd"] {
        assert_eq!(heard[topic], expected, "handed over in order of seq");
        let log = read(&store, move |db| events::after(db, topic, 0, 1_000)).await;
        assert_eq!(log.iter().map(|event| event.seq).collect::<Vec<_>>(), expected);
    }
}

async fn a_failed_job_leaves_no_gap_in_seq(database: TestDatabase) {
    let (store, _commits) = database.open();
    emit(&store, "t", "1").await;
    let failed = store.write(|tx| {
        tx.emit(event("t", "2"))?;
        Err::<(), _>(Error::NotFound)
    });
    assert_eq!(failed.await, Err(Error::NotFound));
    emit(&store, "t", "3").await;
    let log = read(&store, |db| events::after(db, "t", 0, 10)).await;
    assert_eq!(log.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
}

async fn close_finishes_what_is_queued(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let gate = Gate::close(&store).await;
    for key in ["a", "b", "c"] {
        drop(queued(set(store.clone(), key)).await);
    }
    let mut closing = Box::pin(store.close());
    assert!(poll_once(&mut closing).await.is_none());
    let late = store.write(|tx| settings::set(tx, "late", "")).await;
    assert_eq!(late, Err(Error::Unavailable("the store is closed".into())));
    gate.open().await;
    closing.await;

    let mut heard = heard(&mut commits).await;
    heard.sort();
    assert_eq!(heard, ["a", "b", "c"]);
    assert!(commits.recv().await.is_none());
    let late = store.read(|db| settings::get(db, "a")).await;
    assert_eq!(late, Err(Error::Unavailable("the store is closed".into())));
    store.close().await;

    let (store, _commits) = database.open();
    for key in ["a", "b", "c"] {
        assert!(is_set(&store, key).await, "{key}");
    }
}

async fn a_full_queue_makes_callers_wait(database: TestDatabase) {
    const MORE_THAN_FIT: usize = 1_100;
    let (store, _commits) = database.open();
    let mut gates = Vec::new();
    for _ in 0..database.options().postgres_writers {
        let is_sqlite = matches!(database.location(), fanfare_store::Location::Sqlite(_));
        if gates.is_empty() || !is_sqlite {
            gates.push(Gate::close(&store).await);
        }
    }
    let ran = Arc::new(AtomicUsize::new(0));
    let mut jobs = Vec::new();
    for _ in 0..MORE_THAN_FIT {
        let ran = Arc::clone(&ran);
        let mut job = Box::pin(store.write(move |_| {
            ran.fetch_add(1, Ordering::Relaxed);
            Ok::<(), Error>(())
        }));
        assert!(poll_once(&mut job).await.is_none());
        jobs.push(job);
    }
    let waiting = jobs.split_off(MORE_THAN_FIT - 1);
    drop(waiting);
    for gate in gates {
        gate.open().await;
    }
    for job in jobs {
        job.await.expect("the job works");
    }
    assert_eq!(ran.load(Ordering::Relaxed), MORE_THAN_FIT - 1, "the last one was never queued");
}

async fn a_read_that_panics_spares_the_reader(database: TestDatabase) {
    let (store, _commits) = database.open();
    for _ in 0..5 {
        let result = store.read::<(), Error>(|_| panic!("on purpose")).await;
        assert_eq!(result, Err(Error::Bug("a job panicked: on purpose".into())));
    }
    assert_eq!(read(&store, games::count).await, 0);
}

async fn a_read_cannot_write(database: TestDatabase) {
    let (store, _commits) = database.open();
    let sql = "insert into settings (key, value) values ('a', 'b')";
    let result = store.read(move |db| fanfare_store::testing::run(db, sql)).await;
    assert!(result.is_err(), "{result:?}");
    assert!(!is_set(&store, "a").await);
}

async fn commits_are_observed(database: TestDatabase) {
    let (jobs, runs) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = (Arc::clone(&jobs), Arc::clone(&runs));
    let observer = Arc::new(move |stats: fanfare_store::CommitStats| {
        seen.0.fetch_add(stats.jobs, Ordering::Relaxed);
        seen.1.fetch_add(stats.job_micros.len(), Ordering::Relaxed);
    });
    let (store, _commits) = fanfare_store::open(database.options(), observer).expect("a fresh database");
    for key in ["a", "b", "c"] {
        set(store.clone(), key).await.expect("the job works");
    }
    store.write(|_| Err::<(), _>(Error::NotFound)).await.expect_err("the job fails");
    assert_eq!(jobs.load(Ordering::Relaxed), 3);
    assert_eq!(runs.load(Ordering::Relaxed), 4, "one that fails held the writer as well");
}

async fn each_job_is_measured_by_itself(database: TestDatabase) {
    const WORK_MS: u64 = 20;
    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&runs);
    let observer = Arc::new(move |stats: fanfare_store::CommitStats| {
        seen.lock().expect("no panic").extend(stats.job_micros);
    });
    let (store, _commits) = fanfare_store::open(database.options(), observer).expect("a fresh database");
    let gate = Gate::close(&store).await;
    let quick = queued(set(store.clone(), "quick")).await;
    let worker = store.clone();
    let slow = queued(async move {
        let work = |_: &mut fanfare_store::Tx| {
            std::thread::sleep(std::time::Duration::from_millis(WORK_MS));
            Ok::<(), Error>(())
        };
        worker.write(work).await
    })
    .await;
    gate.open().await;
    quick.await.expect("no panic").expect("the job works");
    slow.await.expect("no panic").expect("the job works");
    store.close().await;
    let runs = runs.lock().expect("no panic");
    assert_eq!(runs.len(), 3, "the one at the gate, the quick one, the slow one");
    assert!(runs.iter().any(|micros| *micros >= WORK_MS * 1_000), "{runs:?}");
}

async fn a_job_that_cannot_work_hinders_nobody(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(store.hindrance(), None);
    set(store.clone(), "a").await.expect("the job works");
    let orphan = "insert into webhook_events (pattern, webhook_id) values ('a', 99)";
    let refused = store.write(move |tx| fanfare_store::testing::run(tx, orphan).map(drop)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    assert_eq!(store.hindrance(), None);
}
