//! What is told is written, once and in order. The database is real; the clock is the test's.

use std::{fs, path::PathBuf, time::Duration};

use fanfare_model::{
    Timestamp,
    webhook::{NewWebhook, Origin, WebhookOptions},
};
use fanfare_store::{CommitStats, Commits, Location, presence, testing::TestDatabase};
use futures_util::{future::join_all, poll};

use super::*;
use crate::shutdown::Tasks;

mod grace;
mod restart;

/// The id of the default application.
const MAIN: &str = "main";

/// A recorder's surroundings.
struct Stage {
    store: Store,
    commits: Commits,
    clock: Clock,
    tasks: Tasks,
    occurrences: Occurrences,
    told: Option<Told>,
}

impl Stage {
    /// A database that is open, and nobody who records.
    fn open(database: &TestDatabase) -> Self {
        let interest = Arc::new(Interest::default());
        let seen = interest.clone();
        let observer = Arc::new(move |stats: CommitStats| {
            if stats.webhooks_changed {
                seen.webhooks_changed();
            }
        });
        let (store, commits) = fanfare_store::open(database.options(), observer).expect("it opens");
        let (occurrences, told) = Occurrences::new(interest, MAIN.into());
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        Self { store, commits, clock, tasks: Tasks::default(), occurrences, told: Some(told) }
    }

    /// The same, and what is told is recorded.
    fn start(database: &TestDatabase) -> Self {
        Self::open(database).recording(Roll::default())
    }

    /// Starts to record; those of `roll` are connected to the default application.
    fn recording(mut self, roll: Roll) -> Self {
        let told = self.told.take().expect("nobody records yet");
        let roll_call: RollCall =
            Arc::new(move |app| if app == MAIN { roll.clone() } else { Roll::default() });
        let recorder = self.occurrences.recorder(told, self.store.clone(), self.clock.clone(), roll_call);
        self.tasks.spawn("recorder", recorder.run());
        self
    }

    async fn webhook(&self, app: &'static str, events: &'static [&'static str]) -> i64 {
        let at = self.clock.now();
        let job = move |tx: &mut fanfare_store::Tx| {
            let new = NewWebhook {
                name: "bot".into(),
                url: "http://127.0.0.1:9/".into(),
                secret: "s".into(),
                events: events.iter().map(|&name| name.to_owned()).collect(),
                app: app.to_owned(),
                options: WebhookOptions::default(),
                origin: Origin::Api,
            };
            webhooks::insert(tx, &new, at)
        };
        self.store.write(job).await.expect("a webhook").id
    }

    async fn delete(&self, webhook_id: i64) {
        let at = self.clock.now();
        self.store.write(move |tx| webhooks::delete(tx, webhook_id, at)).await.expect("it is deleted");
    }

    async fn tell(&self, app: &str, kind: OccurrenceKind) {
        self.occurrences.tell(Occurrence { app: app.into(), at: self.clock.now(), kind }).await;
    }

    /// The next `count` events that are committed, by name and data.
    async fn events(&mut self, count: usize) -> Vec<(String, String)> {
        let mut events = Vec::new();
        while events.len() < count {
            let commit = self.commits.recv().await.expect("the store is open");
            events.extend(commit.events.iter().map(|it| (it.event.kind.clone(), it.event.data.clone())));
        }
        events
    }

    /// Whether nothing more was committed than has been taken.
    async fn is_silent(&mut self) -> bool {
        while let std::task::Poll::Ready(commit) = poll!(Box::pin(self.commits.recv())) {
            if commit.is_some_and(|commit| !commit.events.is_empty()) {
                return false;
            }
        }
        true
    }

    /// Waits until all that is told now is recorded; what still waits for somebody to come back is told.
    async fn drain(&self) {
        self.occurrences.close();
        assert!(self.tasks.stop(&self.clock, 10_000).await, "the recorder ends by itself");
    }

    /// The members and the channels that are written down.
    async fn written_down(&self) -> (Vec<(String, String, bool)>, Vec<String>) {
        let read = self.store.read(|db| {
            let members = presence::members_after(db, None, 100)?;
            let members = members.into_iter().map(|it| (it.channel, it.user_id, it.has_left)).collect();
            let channels = presence::channels_after(db, None, 100)?;
            Ok::<_, StoreError>((members, channels.into_iter().map(|it| it.channel).collect()))
        });
        read.await.expect("it is read")
    }
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).expect("a channel")
}

fn member(id: &str) -> Member {
    Member { id: id.into(), info: None }
}

fn broadcast(number: usize) -> OccurrenceKind {
    OccurrenceKind::Broadcast { channel: channel("news"), event: "e".into(), data: number.to_string() }
}

fn told(number: usize) -> (String, String) {
    ("broadcast".to_owned(), format!(r#"{{"channel":"news","event":"e","data":{number}}}"#))
}

#[tokio::test]
async fn webhooks_hear_of_their_own_application_what_they_name() {
    let database = TestDatabase::sqlite();
    let mut stage = Stage::start(&database);
    stage.webhook("", &["broadcast", "*"]).await;
    stage.webhook("shop", &["subscribe.*"]).await;
    let subscribe =
        || OccurrenceKind::Subscribe { socket: "s".into(), channel: channel("news"), channel_data: None };
    for app in [MAIN, "shop", "other"] {
        stage.tell(app, broadcast(1)).await;
        stage.tell(app, subscribe()).await;
    }
    stage.drain().await;
    let subscribed = ("subscribe".to_owned(), r#"{"socketId":"s","channel":"news"}"#.to_owned());
    assert_eq!(stage.events(2).await, [told(1), subscribed]);
    assert!(stage.is_silent().await, "what nobody hears is not written");
}

#[tokio::test]
async fn a_webhook_counts_from_the_moment_it_is_answered() {
    let database = TestDatabase::sqlite();
    let mut stage = Stage::start(&database);
    while stage.occurrences.wants(MAIN, "broadcast") {
        tokio::task::yield_now().await;
    }
    stage.tell(MAIN, broadcast(0)).await;
    for number in 1..20 {
        let id = stage.webhook("", &["broadcast"]).await;
        assert!(stage.occurrences.wants(MAIN, "broadcast"));
        stage.tell(MAIN, broadcast(number)).await;
        assert_eq!(stage.events(1).await, [told(number)]);
        assert!(stage.occurrences.wants(MAIN, "broadcast"));
        stage.delete(id).await;
        stage.tell(MAIN, broadcast(100)).await;
        while stage.occurrences.wants(MAIN, "broadcast") {
            tokio::task::yield_now().await;
        }
    }
    stage.drain().await;
    assert!(stage.is_silent().await, "nobody asked for the others");
}

#[tokio::test]
async fn a_full_queue_slows_those_who_tell_and_loses_nothing() {
    let database = TestDatabase::sqlite();
    let stage = Stage::open(&database);
    stage.webhook("", &["broadcast"]).await;
    for number in 0..OCCURRENCES_MAX_QUEUED {
        stage.tell(MAIN, broadcast(number)).await;
    }
    let occurrence = |number| Occurrence { app: MAIN.into(), at: stage.clock.now(), kind: broadcast(number) };
    let occurrences = stage.occurrences.clone();
    let late = (0..10).map(|more| OCCURRENCES_MAX_QUEUED + more);
    let mut late: Vec<_> = late.map(|number| Box::pin(occurrences.tell(occurrence(number)))).collect();
    for late in &mut late {
        assert!(poll!(late).is_pending());
    }
    let full = Backlog { waiting: OCCURRENCES_MAX_QUEUED, oldest: None };
    assert_eq!(stage.occurrences.backlog(), full);
    let mut stage = stage.recording(Roll::default());
    join_all(late).await;
    let events = stage.events(OCCURRENCES_MAX_QUEUED + 10).await;
    assert!(events.into_iter().eq((0..OCCURRENCES_MAX_QUEUED + 10).map(told)));
    stage.drain().await;
    assert!(stage.is_silent().await);
}

#[tokio::test]
async fn what_room_was_made_for_is_told_without_waiting() {
    let database = TestDatabase::sqlite();
    let mut stage = Stage::open(&database);
    stage.webhook("", &["broadcast"]).await;
    let occurrences = stage.occurrences.clone();
    let mut places = occurrences.reserve(MAIN, &["broadcast", "subscribe"], 3).await;
    for number in 0..OCCURRENCES_MAX_QUEUED - 3 {
        stage.tell(MAIN, broadcast(number)).await;
    }
    let at = stage.clock.now();
    assert!(poll!(Box::pin(occurrences.reserve(MAIN, &["broadcast"], 1))).is_pending());
    for number in [7, 8, 9] {
        places.tell(Occurrence { app: MAIN.into(), at, kind: broadcast(number) });
    }
    drop(places);
    stage = stage.recording(Roll::default());
    let events = stage.events(OCCURRENCES_MAX_QUEUED).await;
    assert_eq!(events[OCCURRENCES_MAX_QUEUED - 3..], [told(7), told(8), told(9)]);
    let none = occurrences.reserve("other", &["broadcast"], 3).await;
    drop(none);
    stage.drain().await;
}

/// Where the database's file is.
fn file(database: &TestDatabase) -> PathBuf {
    let Location::Sqlite(path) = database.location() else { panic!("it is a file") };
    path.clone()
}

#[tokio::test]
async fn a_batch_waits_for_a_database_that_fails() {
    let database = TestDatabase::sqlite();
    let mut stage = Stage::start(&database);
    stage.webhook("", &["broadcast"]).await;
    stage.tell(MAIN, broadcast(0)).await;
    assert_eq!(stage.events(1).await, [told(0)]);

    let (place, away) = (file(&database), file(&database).with_extension("away"));
    fs::rename(&place, &away).expect("it is moved");
    let sleepers = stage.clock.sleepers();
    let told_at = stage.clock.now();
    for number in 1..4 {
        stage.tell(MAIN, broadcast(number)).await;
    }
    for _ in 0..3 {
        // The recorder has tried, and sleeps before it tries again.
        while stage.store.hindrance().is_none() || stage.clock.sleepers() < sleepers.max(1) {
            tokio::task::yield_now().await;
        }
        stage.clock.advance(Duration::from_secs(1));
    }
    assert!(stage.is_silent().await);
    let Backlog { waiting, oldest } = stage.occurrences.backlog();
    assert_eq!((waiting, oldest), (3, Some(told_at)), "the clock has gone on, the oldest has not");
    fs::rename(&away, &place).expect("it is moved back");
    let mut events = Vec::new();
    while events.len() < 3 {
        stage.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        while let std::task::Poll::Ready(commit) = poll!(Box::pin(stage.commits.recv())) {
            events.extend(commit.expect("the store is open").events);
        }
    }
    let events: Vec<_> = events.iter().map(|it| (it.event.kind.clone(), it.event.data.clone())).collect();
    assert_eq!(events, [told(1), told(2), told(3)]);
    stage.drain().await;
    assert_eq!(stage.occurrences.backlog(), Backlog::default());
    assert!(stage.is_silent().await, "nothing is told twice");
}
