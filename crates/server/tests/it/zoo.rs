//! The zoo: receivers that break every rule, each behind a webhook of a real server. Whatever they do is
//! over within the deadline, takes a bounded amount of what they send, leaves a row in the log that says
//! what happened, and holds up nobody else.
//!
//! The clock is the test's. A healthy receiver beside each animal has its event before the clock has moved
//! at all.

mod addresses;
mod animal;
mod answers;
mod doors;
mod habits;
mod holds;
mod later;
mod tls;

use std::{path::Path, time::Duration};

use fanfare::{config::Config, timers::Clock};
use fanfare_model::{Timestamp, limits::RESPONSE_KEEP_MAX_BYTES, retry::RetrySchedule};
use serde_json::{Value, json};

use self::animal::{Animal, Habit};
use crate::{
    connections::passing_time,
    support::{Client, Engine, Receiver, TestApp, eventually},
};

/// The longest that an attempt may take: `delivery.timeout_ms`.
const DEADLINE_MS: u64 = 15_000;
/// How the clock moves while an animal is to run into its deadline, in milliseconds.
const STRIDE_MS: u64 = 500;
/// The most that is taken of an answer, in bytes: 256 KiB that the server reads, and what lies in the
/// buffers of two sockets when it stops.
const TAKEN_MAX_BYTES: usize = 512 << 10;
/// Where the clock starts: 2026-03-15T20:30:00Z.
const NOW_MS: i64 = 1_773_606_600_000;

/// The event that happens here.
const TOLD: &str = "game.added";

/// What the log must say of an attempt.
#[derive(Debug, Clone, Copy)]
enum Expected {
    /// A 2xx: the status and the start of the body.
    Delivered(u16, &'static str),
    /// A 2xx with more than is kept: the status and what the body begins with.
    DeliveredMuch(u16, &'static str),
    /// Another status, and the start of the body.
    Status(u16, &'static str),
    /// The same with more than is kept.
    StatusMuch(u16, &'static str),
    /// No answer: the class and how its message may begin.
    Fault(&'static str, &'static [&'static str]),
}

/// What a broken connection is called depends on which side of it was seen first.
const BROKEN: Expected =
    Expected::Fault("protocol", &["connection reset", "connection closed before", "broken pipe"]);
const TIMEOUT: Expected = Expected::Fault("timeout", &["timed out after 15000 ms"]);
const NOT_HTTP: Expected = Expected::Fault("protocol", &["the response is not HTTP/1"]);
const BROKEN_OFF: Expected =
    Expected::Fault("protocol", &["connection closed before the response was complete"]);
const LARGE_HEAD: Expected = Expected::Fault("protocol", &["the response head is too large"]);
const ENDLESS: Expected = Expected::Fault("protocol", &["the response does not end"]);

impl Expected {
    /// Whether only the deadline ends the attempt.
    fn is_timeout(self) -> bool {
        matches!(self, Self::Fault("timeout", _))
    }

    #[track_caller]
    fn check(self, name: &str, row: &Value) {
        let (status, kind) = match self {
            Self::Delivered(status, _) | Self::DeliveredMuch(status, _) => (Some(status), None),
            Self::Status(status, _) | Self::StatusMuch(status, _) => (Some(status), Some("status")),
            Self::Fault(kind, _) => (None, Some(kind)),
        };
        assert_eq!(row["response_status"], json!(status), "{name}: {row}");
        let message = row["error_message"].as_str();
        let is_as_said = match self {
            Self::Delivered(..) | Self::DeliveredMuch(..) => message.is_none(),
            Self::Status(status, _) | Self::StatusMuch(status, _) => {
                message == Some(&*format!("HTTP {status}"))
            }
            Self::Fault(_, starts) => {
                message.is_some_and(|said| starts.iter().any(|start| said.starts_with(start)))
            }
        };
        assert!(is_as_said, "{name}: {row}");
        assert_eq!(row["error_kind"], json!(kind), "{name}: {row}");
        match self {
            Self::Delivered(_, head) | Self::Status(_, head) => {
                assert_eq!(row["response_head"], head, "{name}");
            }
            Self::DeliveredMuch(_, start) | Self::StatusMuch(_, start) => {
                let head = row["response_head"].as_str().expect("text");
                assert!(head.starts_with(start), "{name}: {head}");
                assert!(head.len() > RESPONSE_KEEP_MAX_BYTES - 4, "{name}: {}", head.len());
                assert!(head.len() <= RESPONSE_KEEP_MAX_BYTES, "{name}: {}", head.len());
            }
            Self::Fault(..) => assert_eq!(row["response_head"], Value::Null, "{name}"),
        }
        let took_ms = row["duration_ms"].as_u64().expect("a duration");
        assert_eq!(took_ms >= DEADLINE_MS, self.is_timeout(), "{name}: {row}");
        assert!(took_ms <= DEADLINE_MS + STRIDE_MS, "{name}: {row}");
    }
}

/// A server whose clock stands still, a host, and a receiver as they should be.
struct Keeper {
    app: TestApp,
    host: Client,
    session: Value,
    clock: Clock,
    healthy: Receiver,
}

impl Keeper {
    /// One that does not try again.
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(Engine::Sqlite, configure).await
    }

    async fn start_on(engine: Engine, configure: impl FnOnce(&mut Config)) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(NOW_MS));
        let app = TestApp::spawn_with(engine, clock.clone(), |config| {
            config.delivery.timeout_ms = DEADLINE_MS;
            config.delivery.retry_schedule = RetrySchedule::new(vec![]).expect("a schedule");
            config.delivery.ca_file = Some(certificate("authority.pem"));
            // The host's connection outlives the hours that pass.
            config.http.header_timeout_ms = 1_000_000_000;
            configure(config);
        })
        .await;
        let host = app.host().await;
        let healthy = Receiver::start().await;
        healthy.register(&host, &[TOLD]).await;
        let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
        Self { app, host, session, clock, healthy }
    }

    /// Something happens that all webhooks want to hear of; the healthy one has heard of it when this
    /// returns, and no time has passed.
    async fn tell(&mut self) {
        let before = self.clock.tick();
        let games = format!("/api/sessions/{}/games", self.session);
        self.host.post(&games, json!({"game_id": 1})).await.expect(201);
        self.healthy.next().await;
        assert_eq!(self.clock.tick(), before, "the others are not held up");
    }

    /// Stops the server, which gives attempts that are under way their time.
    async fn stop(&mut self) {
        passing_time(&self.clock, self.app.stop()).await;
    }

    /// The webhook's rows, newest first, once there are so many; meanwhile time passes in steps.
    async fn rows(&self, webhook: i64, count: usize, step_ms: u64) -> Vec<Value> {
        let path = format!("/api/webhooks/{webhook}/logs?limit=500");
        eventually("an attempt in the log", || async {
            let rows = self.host.get(&path).await.expect(200);
            let rows = rows.as_array().expect("an array").clone();
            let are_there = rows.len() >= count;
            if !are_there {
                self.clock.advance(Duration::from_millis(step_ms));
            }
            are_there.then_some(rows)
        })
        .await
    }

    /// The only attempt at a webhook, which must have ended as expected.
    async fn attempt(&self, name: &str, webhook: i64, expected: Expected) {
        let step_ms = if expected.is_timeout() { STRIDE_MS } else { 1 };
        let rows = self.rows(webhook, 1, step_ms).await;
        assert_eq!(rows.len(), 1, "{name}: {rows:?}");
        expected.check(name, &rows[0]);
        assert_eq!(rows[0]["attempt"], 1, "{name}");
        assert_eq!(rows[0]["next_retry_at"], Value::Null, "{name}");
    }
}

/// A file in the folder of certificates: `authority` vouches for `good` and `expired`, which are for
/// `localhost`, and for `elsewhere`; `self-signed` has nobody but itself. All have the same key, and all
/// but `expired` are valid until 2120.
fn certificate(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/zoo/certificates").join(name)
}

/// A visit to one animal, and to the healthy receiver beside it before and after.
async fn visit(name: &str, start: fn(&Clock, Habit) -> Animal, habit: Habit, expected: Expected) {
    let mut keeper = Keeper::start().await;
    let animal = start(&keeper.clock, habit);
    let webhook = animal.register(&keeper.host).await;
    keeper.tell().await;
    keeper.attempt(name, webhook, expected).await;
    keeper.host.patch(&format!("/api/webhooks/{webhook}"), json!({"enabled": false})).await.expect(200);
    keeper.tell().await;
    keeper.stop().await;
    animal.is_alone().await;
    assert_eq!(animal.connections(), 1, "{name}");
    assert!(animal.written_bytes() <= TAKEN_MAX_BYTES, "{name}: {} bytes", animal.written_bytes());
}

/// Each line is a test, and all of them are in [`everybody`].
macro_rules! animals {
    ($start:path; $($name:ident: $habit:expr => $expected:expr;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                crate::zoo::visit(stringify!($name), $start, $habit, $expected).await;
            }
        )+

        /// All animals of this house.
        pub(super) fn house(clock: &fanfare::timers::Clock) -> Vec<(&'static str, crate::zoo::Animal, crate::zoo::Expected)> {
            vec![$((stringify!($name), $start(clock, $habit), $expected)),+]
        }
    };
}
use animals;

/// All animals at once, each a webhook of one server, on both databases.
#[tokio::test]
async fn the_whole_zoo_holds_up_nobody() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let mut keeper = Keeper::start_on(engine, |_| {}).await;
        let mut zoo = Vec::new();
        let houses = [answers::house, habits::house, tls::house].map(|house| house(&keeper.clock));
        for (name, animal, expected) in houses.into_iter().flatten() {
            let webhook = animal.register(&keeper.host).await;
            zoo.push((name, animal, webhook, expected));
        }
        keeper.tell().await;
        let (patient, quick): (Vec<_>, Vec<_>) = zoo.iter().partition(|(.., expected)| expected.is_timeout());
        for (name, _, webhook, expected) in quick.into_iter().chain(patient) {
            keeper.attempt(name, *webhook, *expected).await;
        }
        keeper.tell().await;
        keeper.stop().await;
        for (name, animal, ..) in &zoo {
            animal.is_alone().await;
            let bound = TAKEN_MAX_BYTES * animal.connections();
            assert!(animal.written_bytes() <= bound, "{name}: {} bytes", animal.written_bytes());
        }
    }
}
