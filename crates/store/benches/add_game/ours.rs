//! Adding games through the store.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use fanfare_model::{
    Timestamp,
    event::{NewEvent, kind, session_topic},
    game::NewGame,
    session::NewSessionGame,
    webhook::{NewWebhook, Origin, WebhookOptions},
};
use fanfare_store::{
    CommitStats, Error, Location, Options, Store, Tx, games, session_games, sessions, webhooks,
};
use tokio::{runtime::Runtime, task::JoinSet};

use crate::Contender;

/// What `data` of `game.added` looks like.
pub(crate) const DATA: &str = r#"{"session":{"id":1,"is_active":true,"games_played":1},"game":{"id":1,"title":"A Title of Usual Length","pack_name":"The Usual Party Pack 7","min_players":3,"max_players":8,"manually_added":false}}"#;
/// Sessions, and games, that callers share: on PostgreSQL those of one session wait for each other.
const SESSIONS: i64 = 8;
/// When everything happens.
pub(crate) const AT_MS: i64 = 1_773_606_600_000;

/// So many callers, each of whom adds its next game once the last one is answered.
pub(crate) fn contender(name: &'static str, games: usize, callers: usize, location: Location) -> Contender {
    let (jobs, commits) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen_jobs, seen_commits) = (Arc::clone(&jobs), Arc::clone(&commits));
    let observer = move |stats: CommitStats| {
        seen_jobs.fetch_add(stats.jobs, Ordering::Relaxed);
        seen_commits.fetch_add(1, Ordering::Relaxed);
    };
    let runtime = Runtime::new().expect("a runtime");
    let (store, mut published) =
        fanfare_store::open(options(location), Arc::new(observer)).expect("a fresh database");
    runtime.block_on(prepare(&store));
    runtime.spawn(async move { while published.recv().await.is_some() {} });
    let added = Arc::new(AtomicUsize::new(0));
    let turn = move |games: usize| {
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let id = 1 + i64::try_from(caller).expect("a few callers") % SESSIONS;
            let (store, added) = (store.clone(), Arc::clone(&added));
            tasks.spawn_on(add_games(store, id, games / callers, added), runtime.handle());
        }
        runtime.block_on(tasks.join_all());
    };
    let per_commit = move || {
        let of = |count: &AtomicUsize| crate::games_as_f64(count.load(Ordering::Relaxed));
        of(&jobs) / of(&commits)
    };
    Contender::new(name, games, turn).observed(per_commit)
}

fn options(location: Location) -> Options {
    Options { location, durable: true, readers: 1, postgres_writers: 8, owner: "benchmark".into() }
}

/// A game, a session and a webhook that listens, if they are not there yet.
async fn prepare(store: &Store) {
    let prepared = store.write(|tx| {
        let at = Timestamp::from_millis(AT_MS);
        let game = |number: i64| NewGame {
            pack_name: "The Usual Party Pack 7".into(),
            title: format!("A Title of Usual Length {number}"),
            min_players: 3,
            max_players: 8,
            length_minutes: Some(15),
            has_audience: true,
            family_friendly: true,
            game_type: Some("Drawing".into()),
            secondary_type: None,
        };
        let webhook = NewWebhook {
            name: "bot".into(),
            url: "https://example.com/hook".into(),
            secret: "hush".into(),
            events: vec!["game.*".into()],
            app: String::new(),
            options: WebhookOptions::default(),
            origin: Origin::Api,
        };
        webhooks::insert(tx, &webhook, at)?;
        for number in 1..=SESSIONS {
            games::insert(tx, &game(number), at)?;
            sessions::start(tx, None, at)?;
            sessions::close(tx, number, None, at)?;
        }
        Ok::<(), Error>(())
    });
    prepared.await.expect("a fresh database takes it");
}

/// Makes the schema and what every contender works on.
pub(crate) fn prepare_for_others(location: Location) {
    let runtime = Runtime::new().expect("a runtime");
    let (store, commits) =
        fanfare_store::open(options(location), Arc::new(|_| ())).expect("a fresh database");
    runtime.block_on(prepare(&store));
    drop(commits);
    runtime.block_on(store.close());
}

async fn add_games(store: Store, id: i64, games: usize, added: Arc<AtomicUsize>) {
    for _ in 0..games {
        let number = added.fetch_add(1, Ordering::Relaxed);
        store.write(move |tx| add_game(tx, id, number)).await.expect("a game can be added");
    }
}

/// To the session and of the game with the same id.
fn add_game(tx: &mut Tx, id: i64, number: usize) -> Result<i64, Error> {
    let at = Timestamp::from_millis(AT_MS);
    let session = sessions::lock(tx, id)?.ok_or(Error::NotFound)?;
    let game = games::get(tx, id)?.ok_or(Error::NotFound)?;
    let new = NewSessionGame { game_id: game.id, manually_added: false, room_code: None };
    let row = session_games::add(tx, session.id, &new, at)?;
    tx.emit(NewEvent {
        public_id: public_id(number),
        topic: session_topic(session.id),
        kind: kind::GAME_ADDED,
        at,
        data: DATA.to_owned(),
    })?;
    Ok(row.id)
}

/// Unique, and as scattered in its index as chance would have it.
pub(crate) fn public_id(number: usize) -> String {
    format!("{:016x}{number:016x}", (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
