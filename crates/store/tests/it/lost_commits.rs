//! Commits that PostgreSQL keeps although the answer never arrives.
//!
//! The store connects through a proxy that, when it is told to, lets a COMMIT through, waits for
//! the server's answer and breaks the connection instead of passing it on.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use fanfare_store::{
    Commit, Commits, Error, Location, Notice, Options, Store, Tx, deliveries, settings, testing::TestDatabase,
};

use crate::support::{add_webhook, emit, event, read, received, write};

/// The simple query that the store commits with, as it stands on the wire.
const COMMIT: &[u8] = b"commit\0";

/// Copies bytes until either side ends.
fn copy(mut from: TcpStream, mut to: TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !may_pass(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn start(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().spawn(work).expect("a thread");
}

/// Listens before the server at `address`; the next COMMIT after `cut` is set goes unanswered.
fn proxy(address: String, cut: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    start(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(&address).expect("the test server can be reached");
            let (client_too, server_too) =
                (client.try_clone().expect("a clone"), server.try_clone().expect("a clone"));
            let (cut, is_cut) = (Arc::clone(&cut), Arc::new(AtomicBool::new(false)));
            let is_cut_too = Arc::clone(&is_cut);
            start(move || {
                copy(client, server, |bytes| {
                    let commits = bytes.windows(COMMIT.len()).any(|window| window == COMMIT);
                    if commits && cut.swap(false, Ordering::SeqCst) {
                        is_cut.store(true, Ordering::SeqCst);
                    }
                    true
                });
            });
            start(move || copy(server_too, client_too, |_| !is_cut_too.load(Ordering::SeqCst)));
        }
    });
    port
}

/// A store behind a proxy; setting the flag loses the answer to the next COMMIT.
fn opened_behind_proxy(database: &TestDatabase) -> (Store, Commits, Arc<AtomicBool>) {
    let Location::Postgres(url) = database.location() else { panic!("a PostgreSQL URL") };
    let (before, rest) = url.split_once('@').expect("a user");
    let (address, name) = rest.split_once('/').expect("a database");
    let cut = Arc::new(AtomicBool::new(false));
    let port = proxy(address.to_owned(), Arc::clone(&cut));
    let name = name.split('?').next().unwrap_or(name);
    let url = format!("{before}@127.0.0.1:{port}/{name}?sslmode=disable");
    let options = Options { location: Location::Postgres(url), ..database.options() };
    let (store, commits) = fanfare_store::open(options, Arc::new(|_| ())).expect("a fresh database");
    (store, commits, cut)
}

/// Runs a job whose COMMIT is kept and not answered; returns what was told of it.
async fn lost(
    store: &Store,
    commits: &mut Commits,
    cut: &AtomicBool,
    job: impl Fn(&mut Tx) -> Result<(), Error> + Send + 'static,
) -> Commit {
    received(commits).await;
    cut.store(true, Ordering::SeqCst);
    let result = store.write(job).await;
    assert!(matches!(&result, Err(Error::Unavailable(text)) if text.contains("COMMIT")), "{result:?}");
    let mut told = received(commits).await;
    assert_eq!(told.len(), 1, "told before the caller is");
    told.remove(0)
}

#[tokio::test]
async fn its_events_and_notices_are_heard_all_the_same() {
    let database = TestDatabase::postgres();
    let (store, mut commits, cut) = opened_behind_proxy(&database);
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    let public_ids = |commit: &Commit| {
        commit.events.iter().map(|published| published.event.public_id.clone()).collect::<Vec<_>>()
    };

    let commit = lost(&store, &mut commits, &cut, |tx| tx.emit(event("t", "event")).map(drop)).await;
    assert_eq!(public_ids(&commit), ["event"]);
    assert_eq!(commit.events[0].deliveries.len(), 1);
    assert_eq!(commit.notices, [Notice::LookAgain]);

    let test = move |tx: &mut Tx| deliveries::insert_test(tx, webhook_id, event("", "test"));
    let commit = lost(&store, &mut commits, &cut, test).await;
    assert_eq!(public_ids(&commit), ["test"], "though it has no topic");
    assert_eq!(commit.notices, [Notice::LookAgain]);

    let change = move |tx: &mut Tx| {
        settings::set(tx, "changed", "1")?;
        tx.notice(Notice::WebhookChanged(webhook_id));
        Ok(())
    };
    let commit = lost(&store, &mut commits, &cut, change).await;
    assert!(commit.events.is_empty());
    assert_eq!(commit.notices, [Notice::WebhookChanged(webhook_id), Notice::LookAgain]);
    let changed = read(&store, |db| settings::get(db, "changed")).await;
    assert_eq!(changed.as_deref(), Some("1"), "it was kept");

    emit(&store, "t", "next").await;
    let next = received(&mut commits).await.remove(0);
    assert_eq!((next.events[0].event.seq, next.notices), (2, Vec::new()));
}

#[tokio::test]
async fn settling_again_after_it_leaves_one_row() {
    use fanfare_model::delivery::{Next, Outcome};
    let database = TestDatabase::postgres();
    let (store, mut commits, cut) = opened_behind_proxy(&database);
    let webhook_id = add_webhook(&store, &["*"]).await.id;
    emit(&store, "t", "x").await;
    let published = received(&mut commits).await.remove(1).events.remove(0);
    let settlement = deliveries::Settlement {
        delivery_id: published.deliveries[0].id,
        webhook_id,
        event_id: published.event.id,
        attempt: 1,
        schedule_from: 0,
        outcome: Outcome::Response { status: 200, body: String::new(), retry_after_ms: None },
        duration_ms: 1,
        at: crate::support::at(2),
        next: Next::Delivered,
    };
    let settle = move |tx: &mut Tx| deliveries::settle(tx, std::slice::from_ref(&settlement));
    cut.store(true, Ordering::SeqCst);
    let first = store.write(settle.clone()).await;
    assert!(matches!(first, Err(Error::Unavailable(_))), "{first:?}");
    write(&store, settle).await;
    let log = read(&store, move |db| fanfare_store::logs::list(db, webhook_id, 10)).await;
    assert_eq!(log.len(), 1);
}
