//! Applications.

use fanfare_model::application::{AppLimits, Application};
use fanfare_store::{
    Error, Notice, Store, Tx,
    applications::{self, Taken},
    testing::TestDatabase,
};

use crate::support::{at, read, received, write};

super::on_both_engines!(
    applications_are_kept,
    ids_and_keys_are_taken_once,
    there_is_one_default,
    each_change_is_noticed,
);

fn application(id: &str) -> Application {
    Application {
        id: id.to_owned(),
        key: format!("key-of-{id}"),
        secret: "hush".into(),
        old_secret: None,
        name: "Chat ☂".into(),
        limits: AppLimits::default(),
        is_default: false,
        created_at: at(5),
    }
}

fn full(id: &str) -> Application {
    let limits = AppLimits {
        connections_max: Some(1),
        channels_max_per_connection: Some(2),
        members_max: Some(3),
        messages_per_second: Some(4),
        client_events_per_second: Some(5),
        data_max_bytes: Some(u32::MAX),
        client_events: false,
        subscription_counts: true,
    };
    Application { limits, is_default: true, created_at: at(7), ..application(id) }.with_secret(
        "new".into(),
        at(100),
        50,
    )
}

/// Runs a job that is given the application.
async fn change<T: Send + 'static>(
    store: &Store,
    application: Application,
    job: fn(&mut Tx, &Application) -> Result<T, Error>,
) -> Result<T, Error> {
    let job = move |tx: &mut Tx| {
        applications::lock(tx)?;
        job(tx, &application)
    };
    store.write(job).await
}

async fn insert(store: &Store, application: Application) -> Result<(), Taken> {
    change(store, application, applications::insert).await.expect("the job works")
}

async fn update(store: &Store, application: Application) -> Result<Result<(), Taken>, Error> {
    change(store, application, applications::update).await
}

async fn list(store: &Store) -> Vec<Application> {
    read(store, applications::list).await
}

async fn applications_are_kept(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert!(list(&store).await.is_empty());
    for made in [application("b"), full("z"), application("a")] {
        insert(&store, made).await.expect("nothing is taken");
    }
    assert!(list(&store).await == [full("z"), application("a"), application("b")], "the default one first");
    assert!(read(&store, |db| applications::get(db, "z")).await.is_some_and(|got| got == full("z")));
    assert!(read(&store, |db| applications::get(db, "Z")).await.is_none());
    assert_eq!(read(&store, applications::count).await, 3);

    let changed = Application { id: "a".into(), is_default: false, ..full("other") };
    assert_eq!(update(&store, changed.clone()).await, Ok(Ok(())));
    assert!(read(&store, |db| applications::get(db, "a")).await.is_some_and(|got| got == changed));
    assert_eq!(update(&store, application("unknown")).await, Err(Error::NotFound));

    assert!(write(&store, |tx| applications::delete(tx, "a")).await);
    assert!(!write(&store, |tx| applications::delete(tx, "a")).await);
    assert!(list(&store).await == [full("z"), application("b")]);
}

async fn ids_and_keys_are_taken_once(database: TestDatabase) {
    let (store, _commits) = database.open();
    for id in ["a", "b"] {
        insert(&store, application(id)).await.expect("nothing is taken");
    }
    let same_id = Application { key: "another".into(), ..application("a") };
    assert_eq!(insert(&store, same_id).await, Err(Taken::Id));
    let same_key = Application { id: "another".into(), ..application("a") };
    assert_eq!(insert(&store, same_key).await, Err(Taken::Key));
    let same_key = Application { key: application("b").key, ..application("a") };
    assert_eq!(update(&store, same_key).await, Ok(Err(Taken::Key)));
    assert!(list(&store).await == [application("a"), application("b")]);
}

async fn there_is_one_default(database: TestDatabase) {
    let (store, _commits) = database.open();
    insert(&store, full("a")).await.expect("nothing is taken");
    let second = change(&store, full("b"), applications::insert).await;
    assert!(second.is_err(), "{second:?}");
    assert!(list(&store).await == [full("a")]);
}

async fn each_change_is_noticed(database: TestDatabase) {
    let (store, mut commits) = database.open();
    insert(&store, application("a")).await.expect("nothing is taken");
    assert_eq!(insert(&store, application("a")).await, Err(Taken::Id));
    update(&store, application("a")).await.expect("it works").expect("nothing is taken");
    for _ in 0..2 {
        write(&store, |tx| applications::delete(tx, "a")).await;
    }
    let notices: Vec<_> = received(&mut commits).await.into_iter().map(|commit| commit.notices).collect();
    assert_eq!(notices, vec![vec![Notice::ApplicationsChanged]; 3]);
}
