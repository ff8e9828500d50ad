//! Animals that ask to be left alone for a while, that only fail, or that are gone for good.

use fanfare_model::{
    Timestamp,
    limits::{BREAKER_FAILURES, BREAKER_OPEN_MIN_MS, RETRY_AFTER_MAX_MS},
    retry::RetrySchedule,
};
use serde_json::{Value, json};

use super::{
    Expected, Keeper, NOW_MS, STRIDE_MS,
    animal::{Animal, Habit, habit},
};
use crate::support::Receiver;

/// The wait of the schedule, in milliseconds; up to a fifth is added at random.
const WAIT_MS: i64 = 1_000;
const WAIT_MAX_MS: i64 = 1_200;
const HOUR_MS: i64 = 3_600_000;

/// When an animal that failed gets its next chance.
#[derive(Debug, Clone, Copy)]
enum Chance {
    /// When the schedule says so.
    Scheduled,
    /// So many milliseconds after the attempt.
    After(i64),
    /// At this moment.
    At(i64),
}

/// One that tries again, three times.
async fn patient() -> Keeper {
    Keeper::start_with(|config| {
        config.delivery.retry_schedule = RetrySchedule::new(vec![WAIT_MS; 3]).expect("a schedule");
    })
    .await
}

/// Answers every request with this.
fn says(answer: impl Into<Vec<u8>>) -> Habit {
    let answer = answer.into();
    habit(move |mut guest| {
        let answer = answer.clone();
        async move { while guest.asks().await && guest.say(&answer).await {} }
    })
}

/// Answers the very first request with `first`, and all others with `then`.
fn says_first(first: &'static str, then: &'static str) -> Habit {
    habit(move |mut guest| async move {
        let mut answer = if guest.number == 0 { first } else { then };
        while guest.asks().await && guest.say(answer.as_bytes()).await {
            answer = then;
        }
    })
}

fn millis(row: &Value, field: &str) -> i64 {
    let text = row[field].as_str().unwrap_or_else(|| panic!("no {field} in {row}"));
    Timestamp::parse(text).expect("a moment").as_millis()
}

#[tokio::test]
async fn what_a_receiver_asks_for_is_granted_within_reason() {
    let cases: &[(&[u8], Chance)] = &[
        (b"", Chance::Scheduled),
        (b"retry-after: 0\r\n", Chance::Scheduled),
        (b"retry-after: 1\r\n", Chance::Scheduled),
        (b"retry-after: -1\r\n", Chance::Scheduled),
        (b"retry-after: 1.5\r\n", Chance::Scheduled),
        (b"retry-after: 120\r\n", Chance::After(120_000)),
        (b"retry-after: 1000000000000\r\n", Chance::After(RETRY_AFTER_MAX_MS)),
        (b"retry-after: 99999999999999999999999999999999999999\r\n", Chance::After(RETRY_AFTER_MAX_MS)),
        (b"Retry-After: Sun, 15 Mar 2026 20:29:59 GMT\r\n", Chance::Scheduled),
        (b"Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n", Chance::Scheduled),
        (b"Retry-After: Sun, 15 Mar 2026 21:30:00 GMT\r\n", Chance::At(NOW_MS + HOUR_MS)),
        (b"Retry-After: Sunday, 15-Mar-26 21:30:00 GMT\r\n", Chance::At(NOW_MS + HOUR_MS)),
        (b"Retry-After: Sun Mar 15 21:30:00 2026\r\n", Chance::At(NOW_MS + HOUR_MS)),
        (b"Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n", Chance::After(RETRY_AFTER_MAX_MS)),
        (b"Retry-After: Sun, 15 Mar 2026 21:30:00\r\n", Chance::Scheduled),
        (b"Retry-After: soon\r\n", Chance::Scheduled),
        (b"Retry-After:\r\n", Chance::Scheduled),
        (b"Retry-After: \xff\xfe\r\n", Chance::Scheduled),
        (b"Retry-After: 120, 240\r\n", Chance::Scheduled),
        (b"Retry-After: 120\r\nRetry-After: 240\r\n", Chance::After(120_000)),
    ];
    let mut keeper = patient().await;
    let mut zoo = Vec::new();
    for (header, chance) in cases {
        for status in [429, 503] {
            let line = format!("HTTP/1.1 {status} Later\r\ncontent-length: 2\r\n");
            let animal = Animal::start(&keeper.clock, says([line.as_bytes(), header, b"\r\nno"].concat()));
            let webhook = animal.register(&keeper.host).await;
            zoo.push((String::from_utf8_lossy(header), *chance, status, animal, webhook));
        }
    }
    keeper.tell().await;
    for (header, chance, status, _animal, webhook) in zoo {
        let name = format!("{status} {header}");
        let rows = keeper.rows(webhook, 1, 1).await;
        let first = rows.last().expect("a row");
        Expected::Status(status, "no").check(&name, first);
        let (ended, next) = (millis(first, "created_at"), millis(first, "next_retry_at"));
        let is_granted = match chance {
            Chance::Scheduled => (WAIT_MS..=WAIT_MAX_MS).contains(&(next - ended)),
            Chance::After(ms) => next == ended + ms,
            Chance::At(moment) => next == moment,
        };
        assert!(is_granted, "{name}: {chance:?} is not {next} after {ended}");
    }
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_holds_back_everything_it_is_to_get() {
    const ASKED_MS: i64 = 60_000;
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let mut keeper = patient().await;
    let later = "HTTP/1.1 503 Later\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n";
    let animal = Animal::start(&keeper.clock, says_first(later, OK));
    let webhook = animal.register(&keeper.host).await;
    keeper.tell().await;
    keeper.rows(webhook, 1, 1).await;
    for _ in 0..3 {
        keeper.tell().await;
    }
    let rows = keeper.rows(webhook, 5, STRIDE_MS).await;
    let asked_at = millis(&rows[4], "created_at");
    Expected::Status(503, "").check("the first", &rows[4]);
    assert_eq!(millis(&rows[4], "next_retry_at"), asked_at + ASKED_MS);
    for row in &rows[..4] {
        Expected::Delivered(200, "").check("the others", row);
        assert!(millis(row, "created_at") >= asked_at + ASKED_MS, "{row}");
    }
    assert_eq!(rows.iter().filter(|row| row["attempt"] == 2).count(), 1, "only the first one failed");
    assert_eq!(animal.requests(), 5);
}

#[tokio::test]
async fn one_that_only_fails_is_left_alone_for_longer_and_longer() {
    let mut keeper = Keeper::start().await;
    let animal = Animal::start(&keeper.clock, says("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"));
    let webhook = animal.register(&keeper.host).await;
    let failures = BREAKER_FAILURES as usize;
    for count in 1..=failures {
        keeper.tell().await;
        keeper.rows(webhook, count, 1).await;
    }
    for _ in 0..3 {
        keeper.tell().await;
    }
    let rows = keeper.rows(webhook, failures + 2, STRIDE_MS).await;
    let ended: Vec<_> = rows.iter().rev().map(|row| millis(row, "created_at")).collect();
    let [.., fifth, first_probe, second_probe] = ended[..] else { panic!("too few: {ended:?}") };
    assert_eq!(rows.len(), failures + 2, "one probe at a time");
    assert!(first_probe >= fifth + BREAKER_OPEN_MIN_MS, "{ended:?}");
    assert!(second_probe >= first_probe + 2 * BREAKER_OPEN_MIN_MS, "{ended:?}");
    assert_eq!(animal.requests(), failures + 2);
}

#[tokio::test]
async fn one_that_is_gone_is_disabled_and_everybody_may_know() {
    let mut keeper = patient().await;
    let mut observer = Receiver::start().await;
    observer.register(&keeper.host, &["webhook.disabled"]).await;
    let animal = Animal::start(&keeper.clock, says("HTTP/1.1 410 Gone\r\ncontent-length: 4\r\n\r\ngone"));
    let webhook = animal.register(&keeper.host).await;
    keeper.tell().await;
    keeper.attempt("gone", webhook, Expected::Status(410, "gone")).await;

    let told = observer.next().await.json();
    assert_eq!(told["event"], "webhook.disabled");
    assert_eq!(
        told["data"],
        json!({"webhook": {"id": webhook, "name": "zoo"}, "reason": "the receiver answered 410 Gone"})
    );
    let path = format!("/api/webhooks/{webhook}");
    let shown = keeper.host.get(&path).await.expect(200);
    assert_eq!(shown["enabled"], false);
    assert_eq!(shown["disabled_reason"], "the receiver answered 410 Gone");

    keeper.tell().await;
    let metrics = keeper.host.get("/metrics").await.text;
    assert!(metrics.contains("fanfare_deliveries_waiting{state=\"held\"} 1"), "{metrics}");
    assert_eq!(animal.requests(), 1);

    let enabled = keeper.host.patch(&path, json!({"enabled": true})).await.expect(200);
    assert_eq!((&enabled["enabled"], &enabled["disabled_reason"]), (&json!(true), &Value::Null));
}
