//! The dispatcher with a database and a receiver, both real; the clock is the test's.

use std::{future::poll_fn, task::Poll, time::Duration};

use fanfare_model::{
    Timestamp,
    delivery::LogRow,
    egress::EgressPolicy,
    event::{NewEvent, kind},
    limits::{IN_FLIGHT_MAX_PER_WEBHOOK, READY_MAX_PER_WEBHOOK},
    retry::RetrySchedule,
    webhook::{NewWebhook, Ordering, Origin, WebhookOptions, WebhookPatch},
};
use fanfare_store::{Commits, Error, Notice, deliveries, logs, testing::TestDatabase, webhooks};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::config::Config;

mod changes;

/// A receiver that says what it got, the `webhook-id`, and answers as each test tells it.
struct Receiver {
    url: String,
    requests: mpsc::Receiver<Request>,
}

struct Request {
    webhook_id: String,
    /// Head and body.
    text: String,
    stream: TcpStream,
}

impl Request {
    /// Nobody may hear it any more.
    async fn answer(mut self, status: u16) -> String {
        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        self.stream.write_all(answer.as_bytes()).await.ok();
        self.webhook_id
    }

    /// Waits until the other side hangs up.
    async fn abandoned(mut self) {
        assert_eq!(self.stream.read(&mut [0]).await.unwrap_or(0), 0);
    }
}

impl Receiver {
    async fn start(tasks: &Tasks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let (found, requests) = mpsc::channel(10_000);
        let (inner, tasks) = (tasks.clone(), tasks.clone());
        tasks.spawn("receiver", async move {
            let accept = async {
                while let Ok((stream, _)) = listener.accept().await {
                    inner.spawn("request", read_request(stream, found.clone()));
                }
            };
            tokio::select! {
                () = inner.stopping() => {}
                () = accept => {}
            }
        });
        Self { url, requests }
    }

    async fn next(&mut self) -> Request {
        self.requests.recv().await.expect("a request")
    }
}

async fn read_request(mut stream: TcpStream, found: mpsc::Sender<Request>) {
    let mut request = String::new();
    while !request.ends_with("}}") {
        let mut bytes = [0; 1_024];
        let Ok(read @ 1..) = stream.read(&mut bytes).await else { return };
        request.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
    let id = request.split("\r\nwebhook-id: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let webhook_id = id.expect("a webhook-id").to_owned();
    let _ = found.send(Request { webhook_id, text: request, stream }).await;
}

/// One run of a server's dispatcher.
struct Run {
    store: Store,
    clock: Clock,
    tasks: Tasks,
    metrics: Arc<Metrics>,
    verdicts: mpsc::Receiver<Verdict>,
    pulse: Pulse,
}

impl Run {
    fn start(opened: (Store, Commits)) -> Self {
        let (store, mut commits) = opened;
        let (clock, tasks) = (Clock::manual(Timestamp::from_millis(1_000)), Tasks::default());
        let metrics = Arc::new(Metrics::new());
        let settings = config::Delivery {
            retry_schedule: RetrySchedule::new(vec![5_000, 30_000]).expect("a schedule"),
            ..Config::default().delivery
        };
        let (given_up, verdicts) = mpsc::channel(8);
        let pulse = Pulse::new(clock.clone());
        let reporting = Reporting { metrics: metrics.clone(), pulse: pulse.clone(), given_up };
        let policy = EgressPolicy::new(Vec::new(), Vec::new());
        let roots = crate::egress::Roots::load(None).expect("they are built in");
        let egress = Egress::new(policy, Vec::new(), roots, clock.clone(), &tasks);
        let dispatcher = Dispatcher::start(
            store.clone(),
            egress,
            Arc::new(|_| None),
            settings.into(),
            reporting,
            clock.clone(),
            &tasks,
        );
        let stopping = tasks.clone();
        tasks.spawn("publisher", async move {
            let publish = async {
                while let Some(commit) = commits.recv().await {
                    for notice in commit.notices {
                        match notice {
                            Notice::WebhookChanged(id) => dispatcher.webhook_changed(id),
                            Notice::DeliveriesChanged(id) => dispatcher.deliveries_changed(id),
                            _ => {}
                        }
                    }
                    dispatcher.committed(&commit.events);
                }
            };
            tokio::select! {
                () = stopping.stopping() => {}
                () = publish => {}
            }
        });
        Self { store, clock, tasks, metrics, verdicts, pulse }
    }

    async fn webhook(&self, url: &str) -> i64 {
        webhook(&self.store, url).await
    }

    async fn emit(&self, first: usize, count: usize) {
        emit(&self.store, first, count).await;
    }

    async fn logs(&self, webhook_id: i64) -> Vec<LogRow> {
        self.store.read(move |db| logs::list(db, webhook_id, 500)).await.expect("logs")
    }

    async fn states(&self) -> Vec<(String, i64)> {
        self.store.read(fanfare_store::testing::count_by_state).await.expect("states")
    }

    /// Looks until the deliveries stand like this.
    async fn until(&self, expected: &[(&str, i64)]) {
        let expected: Vec<_> = expected.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect();
        while self.states().await != expected {
            tokio::task::yield_now().await;
        }
    }

    async fn until_logged(&self, webhook_id: i64, rows: usize) {
        while self.logs(webhook_id).await.len() < rows {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        assert!(self.tasks.stop(&self.clock, 10_000).await, "something did not end by itself");
        self.store.close().await;
    }
}

fn new_webhook(url: &str) -> NewWebhook {
    NewWebhook {
        name: "bot".into(),
        url: url.into(),
        secret: "s".into(),
        events: vec!["game.added".into()],
        app: String::new(),
        options: WebhookOptions::default(),
        origin: Origin::Api,
    }
}

async fn webhook(store: &Store, url: &str) -> i64 {
    let new = new_webhook(url);
    let made = store.write(move |tx| webhooks::insert(tx, &new, Timestamp::from_millis(0)));
    made.await.expect("a webhook").id
}

async fn emit(store: &Store, first: usize, count: usize) {
    let emitted = store.write(move |tx| {
        for number in first..first + count {
            tx.emit(NewEvent {
                public_id: format!("e{number}"),
                topic: "session:1".into(),
                kind: kind::GAME_ADDED,
                at: Timestamp::from_millis(500),
                data: "{}".into(),
            })?;
        }
        Ok::<_, Error>(())
    });
    emitted.await.expect("events");
}

#[tokio::test]
async fn a_commit_is_delivered_and_logged() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    let webhook_id = run.webhook(&receiver.url).await;
    run.emit(0, 1).await;
    assert_eq!(receiver.next().await.answer(204).await, "e0");
    run.until(&[("delivered", 1)]).await;
    let logs = run.logs(webhook_id).await;
    assert_eq!(logs.len(), 1);
    assert_eq!((logs[0].response_status, logs[0].error_message.clone()), (Some(204), None));
    let metrics = run.metrics.clone();
    run.stop().await;
    let metrics = metrics.render();
    for line in [
        "fanfare_attempts_total{outcome=\"success\"} 1",
        "fanfare_deliveries_total{state=\"pending\"} 1",
        "fanfare_deliveries_total{state=\"delivered\"} 1",
        "fanfare_deliveries_in_flight 0",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_by_the_schedule() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    let webhook_id = run.webhook(&receiver.url).await;
    run.emit(0, 1).await;
    for (attempt, wait_ms) in [(1, 5_000), (2, 30_000)] {
        assert_eq!(receiver.next().await.answer(500).await, "e0");
        run.until_logged(webhook_id, attempt).await;
        run.clock.advance(Duration::from_millis(wait_ms - 1));
        tokio::task::yield_now().await;
        assert!(receiver.requests.try_recv().is_err(), "too early");
        // The jitter is a fifth of the wait at most, and a second where that is more.
        run.clock.advance(Duration::from_millis(1 + (wait_ms / 5).max(1_000)));
    }
    assert_eq!(receiver.next().await.answer(500).await, "e0");
    run.until(&[("failed", 1)]).await;
    run.stop().await;
}

#[tokio::test]
async fn order_is_kept_over_a_failure_and_a_restart() {
    let database = TestDatabase::sqlite();
    let mut run = Run::start(database.open());
    let others = Tasks::default();
    let mut receiver = Receiver::start(&others).await;
    let new = NewWebhook {
        options: WebhookOptions { ordering: Ordering::Session, ..WebhookOptions::default() },
        ..new_webhook(&receiver.url)
    };
    let made = run.store.write(move |tx| webhooks::insert(tx, &new, Timestamp::from_millis(0)));
    let webhook_id = made.await.expect("a webhook").id;
    run.emit(0, 4).await;
    assert_eq!(receiver.next().await.answer(200).await, "e0");
    assert_eq!(receiver.next().await.answer(500).await, "e1");
    run.until_logged(webhook_id, 2).await;
    run.stop().await;
    run = Run::start(database.open());
    run.emit(4, 1).await;
    run.clock.advance(Duration::from_millis(4_999));
    tokio::task::yield_now().await;
    assert!(receiver.requests.try_recv().is_err(), "the line is held up");
    run.clock.advance(Duration::from_millis(1_001));
    for expected in ["e1", "e2", "e3", "e4"] {
        assert_eq!(receiver.next().await.answer(200).await, expected);
    }
    run.until(&[("delivered", 5)]).await;
    run.stop().await;
    assert!(others.stop(&Clock::real(), 10_000).await);
}

#[tokio::test]
async fn a_receiver_that_says_it_is_gone_is_given_up() {
    let database = TestDatabase::sqlite();
    let mut run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    let webhook_id = run.webhook(&receiver.url).await;
    run.emit(0, 1).await;
    receiver.next().await.answer(410).await;
    let verdict = run.verdicts.recv().await;
    assert_eq!(verdict, Some(Verdict { webhook_id, url: receiver.url.clone(), why: GivenUp::Gone }));
    run.until(&[("failed", 1)]).await;
    run.stop().await;
}

#[tokio::test]
async fn what_is_sent_again_is_sent_at_once_and_counts_on() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    let webhook_id = run.webhook(&receiver.url).await;
    run.emit(0, 1).await;
    assert_eq!(receiver.next().await.answer(200).await, "e0");
    run.until(&[("delivered", 1)]).await;
    let now = run.clock.now();
    let resent = run.store.write(move |tx| deliveries::resend(tx, webhook_id, 1, now));
    assert_eq!(resent.await, Ok::<_, Error>(true));
    assert_eq!(receiver.next().await.answer(200).await, "e0");
    run.until_logged(webhook_id, 2).await;
    let attempts: Vec<_> = run.logs(webhook_id).await.iter().map(|row| row.attempt).collect();
    assert_eq!(attempts, [2, 1]);
    run.stop().await;
}

#[tokio::test]
async fn what_was_under_way_at_a_crash_is_sent_again_at_the_start() {
    let database = TestDatabase::sqlite();
    let (store, commits) = database.open();
    let tasks = Tasks::default();
    let mut receiver = Receiver::start(&tasks).await;
    webhook(&store, &receiver.url).await;
    emit(&store, 0, 3).await;
    // Nobody heard of the commits.
    drop(commits);
    store.close().await;
    drop(store);
    let run = Run::start(database.open());
    let mut got = Vec::new();
    for _ in 0..3 {
        got.push(receiver.next().await.answer(200).await);
    }
    got.sort_unstable();
    assert_eq!(got, ["e0", "e1", "e2"]);
    run.until(&[("delivered", 3)]).await;
    run.stop().await;
    assert!(tasks.stop(&Clock::real(), 10_000).await);
}

#[tokio::test]
async fn more_than_memory_holds_is_delivered_once_each() {
    const EVENTS: usize = READY_MAX_PER_WEBHOOK * 3 / 2;
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    run.webhook(&receiver.url).await;
    let mut got = Vec::new();
    run.emit(0, EVENTS).await;
    while got.len() < EVENTS {
        got.push(receiver.next().await.answer(200).await);
    }
    run.until(&[("delivered", i64::try_from(EVENTS).expect("few"))]).await;
    got.sort_unstable();
    got.dedup();
    assert_eq!(got.len(), EVENTS);
    assert!(receiver.requests.try_recv().is_err(), "something came twice");
    run.stop().await;
}

#[tokio::test]
async fn deleting_stops_a_request_under_way_and_logs_nothing_of_it() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    let webhook_id = run.webhook(&receiver.url).await;
    run.emit(0, 1).await;
    let request = receiver.next().await;
    let deleted = run.store.write(move |tx| webhooks::delete(tx, webhook_id, Timestamp::from_millis(0)));
    assert_eq!(deleted.await, Ok::<_, Error>(true));
    request.abandoned().await;
    run.until(&[]).await;
    while !run.store.read(webhooks::deleted).await.expect("ids").is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(run.logs(webhook_id).await.is_empty());
    run.stop().await;
}

#[tokio::test]
async fn disabling_holds_what_waits_and_lets_a_test_through() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    let mut receiver = Receiver::start(&run.tasks).await;
    let webhook_id = run.webhook(&receiver.url).await;
    run.emit(0, IN_FLIGHT_MAX_PER_WEBHOOK + 5).await;
    let mut under_way = Vec::new();
    for _ in 0..IN_FLIGHT_MAX_PER_WEBHOOK {
        under_way.push(receiver.next().await);
    }
    let disable = WebhookPatch { enabled: Some(false), ..WebhookPatch::default() };
    let disabled = run.store.write(move |tx| {
        let webhook = webhooks::get(tx, webhook_id)?.expect("it is there");
        let webhook = disable.applied_to(webhook, Timestamp::from_millis(0), 0).expect("a change");
        webhooks::update(tx, &webhook)?;
        let test = NewEvent {
            public_id: "test".into(),
            topic: String::new(),
            kind: kind::GAME_ADDED,
            at: Timestamp::from_millis(600),
            data: "{}".into(),
        };
        deliveries::insert_test(tx, webhook_id, test)
    });
    disabled.await.expect("disabled");
    for request in under_way {
        request.answer(200).await;
    }
    assert_eq!(receiver.next().await.answer(200).await, "test");
    run.until(&[("delivered", 17), ("held", 5)]).await;
    run.stop().await;
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_starts_nothing() {
    let database = TestDatabase::sqlite();
    let run = Run::start(database.open());
    // Not one of the tasks that are to stop.
    let others = Tasks::default();
    let mut receiver = Receiver::start(&others).await;
    run.webhook(&receiver.url).await;
    run.emit(0, IN_FLIGHT_MAX_PER_WEBHOOK + 1).await;
    let mut under_way = Vec::new();
    for _ in 0..IN_FLIGHT_MAX_PER_WEBHOOK {
        under_way.push(receiver.next().await);
    }
    let (tasks, clock) = (run.tasks.clone(), run.clock.clone());
    let mut stopping = Box::pin(tasks.stop(&clock, 10_000));
    let pending = poll_fn(|cx| Poll::Ready(stopping.as_mut().poll(cx).is_pending())).await;
    assert!(pending, "requests are under way");
    for request in under_way {
        request.answer(200).await;
    }
    assert!(stopping.await, "something did not end by itself");
    assert_eq!(run.states().await, [("delivered".to_owned(), 16), ("pending".to_owned(), 1)]);
    assert!(receiver.requests.try_recv().is_err());
    run.store.close().await;
    assert!(others.stop(&Clock::real(), 10_000).await);
}

#[tokio::test]
async fn an_announcement_without_room_is_read_from_the_database() {
    let (metrics, pulse) = (Arc::new(Metrics::new()), Pulse::new(Clock::real()));
    let shared = Shared { inbox: Mutex::default(), wakeup: Notify::new(), pulse, metrics };
    let dispatcher = Dispatcher(Arc::new(shared));
    let event = Arc::new(fanfare_model::event::Event {
        id: 1,
        public_id: "e".into(),
        topic: Some("session:1".into()),
        seq: 1,
        place: 1,
        kind: kind::GAME_ADDED.into(),
        at: Timestamp::from_millis(0),
        data: "{}".into(),
    });
    let count = i64::try_from(NEW_MAX_QUEUED).expect("a bound") + 2;
    let to = |id| fanfare_store::NewDelivery { id, webhook_id: id % 7, order_key: None };
    dispatcher.committed(&[Published {
        event,
        deliveries: (0..count).map(to).collect(),
        held: 0,
        test: false,
    }]);
    let inbox = dispatcher.0.lock();
    assert_eq!(inbox.new.len(), NEW_MAX_QUEUED);
    let left_out = (count - 2..count).map(|id| id % 7).collect();
    assert_eq!(inbox.overflowed, left_out);
}
