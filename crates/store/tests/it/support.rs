//! What tests have in common: small rows, polling by hand, a job that holds up the others.

use std::{future::poll_fn, pin::Pin, sync::mpsc, task::Poll};

use fanfare_model::{
    Timestamp,
    delivery::{Next, Outcome},
    event::{NewEvent, kind},
    game::NewGame,
    session::Session,
    webhook::{NewWebhook, Ordering, Origin, Webhook, WebhookOptions, WebhookPatch},
};
use fanfare_store::{
    Commit, Commits, Error, Read, Store, Tx,
    deliveries::{self, Settlement},
    games, sessions,
    testing::texts,
    webhooks,
};

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

pub(crate) fn event(topic: &str, public_id: &str) -> NewEvent {
    NewEvent {
        public_id: public_id.to_owned(),
        topic: topic.to_owned(),
        kind: kind::GAME_ADDED,
        at: at(1_000),
        data: format!(r#"{{"n":"{public_id}"}}"#),
    }
}

pub(crate) fn game(pack: &str, title: &str) -> NewGame {
    NewGame {
        pack_name: pack.to_owned(),
        title: title.to_owned(),
        min_players: 2,
        max_players: 8,
        length_minutes: Some(15),
        has_audience: true,
        family_friendly: false,
        game_type: Some("Drawing".to_owned()),
        secondary_type: None,
    }
}

pub(crate) fn webhook(events: &[&str]) -> NewWebhook {
    NewWebhook {
        name: "bot".to_owned(),
        url: "https://example.com/hook".to_owned(),
        secret: "hush".to_owned(),
        events: events.iter().map(|&event| event.to_owned()).collect(),
        app: String::new(),
        options: WebhookOptions::default(),
        origin: Origin::Api,
    }
}

/// Writes with the store's own error.
pub(crate) async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx) -> Result<T, Error> + Send + 'static,
) -> T {
    store.write(job).await.expect("the job works")
}

/// Reads with the store's own error.
pub(crate) async fn read<T: Send + 'static>(
    store: &Store,
    job: impl FnOnce(&mut Read) -> Result<T, Error> + Send + 'static,
) -> T {
    store.read(job).await.expect("the job works")
}

pub(crate) async fn add_game(store: &Store, pack: &'static str, title: &'static str) -> i64 {
    write(store, move |tx| games::insert(tx, &game(pack, title), at(1))).await
}

pub(crate) async fn start_session(store: &Store) -> Session {
    let start = write(store, |tx| sessions::start(tx, None, at(1))).await;
    let sessions::Start::Started(session) = start else { panic!("a session is active already") };
    session
}

pub(crate) async fn add_webhook(store: &Store, events: &'static [&'static str]) -> Webhook {
    write(store, move |tx| webhooks::insert(tx, &webhook(events), at(1))).await
}

/// One that keeps an order.
pub(crate) async fn add_ordered(
    store: &Store,
    events: &'static [&'static str],
    ordering: Ordering,
) -> Webhook {
    let new = move || {
        let options = WebhookOptions { ordering, ..WebhookOptions::default() };
        NewWebhook { options, ..webhook(events) }
    };
    write(store, move |tx| webhooks::insert(tx, &new(), at(1))).await
}

/// A change as the API makes it at the time 2, with an overlap of 100 ms; the webhook after it.
pub(crate) async fn change(store: &Store, id: i64, patch: WebhookPatch) -> Webhook {
    write(store, move |tx| {
        let webhook = webhooks::lock(tx, id)?.ok_or(Error::NotFound)?;
        let webhook = patch.applied_to(webhook, at(2), 100).expect("a good change");
        webhooks::update(tx, &webhook)?;
        Ok(webhook)
    })
    .await
}

pub(crate) async fn set_enabled(store: &Store, id: i64, enabled: bool) {
    change(store, id, WebhookPatch { enabled: Some(enabled), ..WebhookPatch::default() }).await;
}

/// The first attempt of a delivery, which a receiver took with a 204 at the time 5,000.
pub(crate) fn settlement(delivery_id: i64, webhook_id: i64, event_id: i64) -> Settlement {
    Settlement {
        delivery_id,
        webhook_id,
        event_id,
        attempt: 1,
        schedule_from: 0,
        outcome: answer(204),
        duration_ms: 12,
        at: at(5_000),
        next: Next::Delivered,
    }
}

pub(crate) fn answer(status: u16) -> Outcome {
    Outcome::Response { status, body: "ok".into(), retry_after_ms: None }
}

pub(crate) async fn settle(store: &Store, settlements: Vec<Settlement>) {
    write(store, move |tx| deliveries::settle(tx, &settlements)).await;
}

/// Id, state, attempts and next time of every delivery.
pub(crate) async fn states(store: &Store) -> Vec<String> {
    let sql = "select cast(id as text) || ' ' || state || ' ' || cast(attempts as text) || ' ' || \
               cast(next_at_ms as text) from deliveries order by id";
    read(store, move |db| texts(db, sql, 1)).await.concat()
}

/// Emits so many events, one millisecond apart from 1,000 on; returns their row ids.
pub(crate) async fn emit_many(store: &Store, count: i64) -> Vec<i64> {
    write(store, move |tx| {
        (0..count)
            .map(|n| {
                let new = NewEvent { public_id: format!("e{n}"), at: at(1_000 + n), ..event("t", "") };
                tx.emit(new).map(|event| event.id)
            })
            .collect()
    })
    .await
}

pub(crate) async fn emit(store: &Store, topic: &'static str, public_id: &'static str) {
    write(store, move |tx| tx.emit(event(topic, public_id)).map(drop)).await;
}

/// What a future says when it is polled once: a write has queued its job by then.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

/// Starts a write and returns once its job is queued; tests run on one thread, so a task that was
/// spawned is polled before the one that yields goes on.
#[expect(clippy::disallowed_methods, reason = "the caller awaits the task")]
pub(crate) async fn queued<T: Send + 'static>(
    write: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    let task = tokio::spawn(write);
    tokio::task::yield_now().await;
    task
}

/// What the publisher has been handed by now.
pub(crate) async fn received(commits: &mut Commits) -> Vec<Commit> {
    let mut all = Vec::new();
    while let Some(Some(commit)) = poll_once(&mut Box::pin(commits.recv())).await {
        all.push(commit);
    }
    all
}

/// The public ids of the events that the publisher has been handed by now.
pub(crate) async fn heard(commits: &mut Commits) -> Vec<String> {
    let events = received(commits).await.into_iter().flat_map(|commit| commit.events);
    events.map(|published| published.event.public_id.clone()).collect()
}

/// Keeps a writer busy until it is let go, so that what is written meanwhile queues up.
pub(crate) struct Gate {
    release: mpsc::Sender<()>,
    held_up: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Gate {
    /// Returns once the writer is busy.
    pub(crate) async fn close(store: &Store) -> Self {
        let (entered, enter) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let store = store.clone();
        let held_up = queued(async move {
            let wait = move |_: &mut Tx| {
                let _ = entered.send(());
                let _ = released.recv();
                Ok(())
            };
            store.write(wait).await
        });
        let held_up = held_up.await;
        enter.recv().expect("the job runs");
        Self { release, held_up }
    }

    pub(crate) async fn open(self) {
        drop(self.release);
        self.held_up.await.expect("no panic").expect("the job works");
    }
}
