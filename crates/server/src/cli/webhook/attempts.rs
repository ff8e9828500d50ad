//! The attempts to deliver: the log, and a test that is awaited.

use std::{fmt, str::FromStr};

use fanfare_model::{
    event,
    event::kind,
    limits::{DELIVERY_TIMEOUT_MAX_MS, LOGS_DEFAULT_ROWS, LOGS_MAX_ROWS},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Client, Failure, Progress, Table, print, say};

/// How often the log is looked into for the attempt that a test makes, in milliseconds.
const LOOK_AGAIN_MS: u64 = 100;
/// How long that may take: the longest attempt and half a minute, in milliseconds.
const TEST_MAX_MS: u64 = DELIVERY_TIMEOUT_MAX_MS.unsigned_abs() + 30_000;

/// Rows of the log that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Limit(usize);

impl Default for Limit {
    fn default() -> Self {
        Self(LOGS_DEFAULT_ROWS)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.parse().ok().filter(|count| (1..=LOGS_MAX_ROWS).contains(count));
        count.map(Self).ok_or_else(|| format!("expected a whole number from 1 to {LOGS_MAX_ROWS}"))
    }
}

/// An attempt as the server shows it; fields that this program does not need are left out.
#[derive(Deserialize)]
struct Attempt {
    id: i64,
    event_type: String,
    payload: Value,
    #[serde(rename = "attempt")]
    number: i64,
    duration_ms: i64,
    response_status: Option<u16>,
    error_message: Option<String>,
    next_retry_at: Option<String>,
    created_at: String,
}

impl Attempt {
    /// What the receiver said, or why it said nothing.
    fn result(&self) -> String {
        match (&self.error_message, self.response_status) {
            (None, Some(status)) => format!("HTTP {status}"),
            (Some(message), _) => message.clone(),
            (None, None) => "no answer".to_owned(),
        }
    }

    fn is_test(&self, test: &Value) -> bool {
        self.event_type == kind::GAME_ADDED && self.number == 1 && self.payload == *test
    }
}

fn table(attempts: &[Attempt]) -> String {
    let mut table = Table::new(["TIME", "EVENT", "ATTEMPT", "MS", "NEXT", "RESULT"]);
    for attempt in attempts {
        let next = attempt.next_retry_at.as_deref().unwrap_or_default();
        let (number, duration) = (attempt.number.to_string(), attempt.duration_ms.to_string());
        table.row([&attempt.created_at, &attempt.event_type, &number, &duration, next, &attempt.result()]);
    }
    table.to_string()
}

/// Prints the newest attempts.
pub(super) async fn print_log(client: &Client, id: i64, limit: Limit, as_json: bool) -> Result<(), Failure> {
    // The log of an unknown webhook is empty: that there is none should be told.
    find(client, id).await?;
    let reply = client.get(&format!("/api/webhooks/{id}/logs?limit={limit}")).await?;
    if as_json && reply.status.is_success() {
        return reply.print();
    }
    let attempts: Vec<Attempt> = client.read(&reply)?;
    print(&table(&attempts))
}

/// Sends a test, waits for its attempt and prints it; an attempt that failed is a failure.
pub(super) async fn try_out(client: &Client, id: i64) -> Result<(), Failure> {
    let last = log(client, id, 1).await?.first().map_or(0, |attempt| attempt.id);
    let path = format!("/api/webhooks/test/{id}");
    let reply = client.post(&path, "{}".into(), &Progress::hidden()).await?;
    let _: Value = client.read(&reply)?;
    say("a test is on its way");
    let attempt = client.clock().timeout(TEST_MAX_MS, attempt_of_test(client, id, last)).await;
    let attempt = attempt.unwrap_or_else(|_| {
        let seconds = TEST_MAX_MS / 1_000;
        Err(Failure::Environment(format!("webhook {id} was not tried within {seconds} s")))
    })?;
    print(&table(std::slice::from_ref(&attempt)))?;
    match attempt.error_message {
        None => Ok(()),
        Some(_) => {
            Err(Failure::Environment(format!("the test of webhook {id} failed: {}", attempt.result())))
        }
    }
}

async fn attempt_of_test(client: &Client, id: i64, last: i64) -> Result<Attempt, Failure> {
    let test: Value = serde_json::from_str(&event::test_data()).expect("it is an object");
    loop {
        let mut newer = log(client, id, LOGS_MAX_ROWS).await?.into_iter().filter(|attempt| attempt.id > last);
        if let Some(attempt) = newer.rfind(|attempt| attempt.is_test(&test)) {
            return Ok(attempt);
        }
        client.clock().sleep_ms(LOOK_AGAIN_MS).await;
    }
}

async fn log(client: &Client, id: i64, rows: usize) -> Result<Vec<Attempt>, Failure> {
    let reply = client.get(&format!("/api/webhooks/{id}/logs?limit={rows}")).await?;
    client.read(&reply)
}

async fn find(client: &Client, id: i64) -> Result<(), Failure> {
    let reply = client.get(&format!("/api/webhooks/{id}")).await?;
    client.read(&reply).map(|_: Value| ())
}
