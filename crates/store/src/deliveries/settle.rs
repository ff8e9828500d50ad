//! Writing down what came of attempts, many at a time.

use std::collections::BTreeSet;

use fanfare_model::{
    Timestamp,
    delivery::{Next, Outcome},
};

use crate::{Error, Tx, dialect, engine::Value, rows};

/// Rows per statement; few sizes, since each is a statement of its own to prepare and keep.
const CHUNK_ROWS: [usize; 3] = [64, 8, 1];

/// The result of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The delivery that was tried.
    pub delivery_id: i64,
    /// Where it went.
    pub webhook_id: i64,
    /// What was sent.
    pub event_id: i64,
    /// From 1.
    pub attempt: u32,
    /// Attempts made before the retry schedule began that it was made by.
    pub schedule_from: u32,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub duration_ms: i64,
    /// When it ended.
    pub at: Timestamp,
    /// What becomes of the delivery.
    pub next: Next,
}

/// Writes each attempt's log row and its delivery's new state. Nothing is written for a webhook
/// that was deleted. A delivery that is no longer pending, or was sent again meanwhile, keeps its state
/// and its next time, unless it turns out to have been delivered. The same again changes nothing: an attempt has one row.
pub fn settle(tx: &mut Tx, settlements: &[Settlement]) -> Result<(), Error> {
    let live = live_webhooks(tx, settlements)?;
    let mut rest: Vec<&Settlement> =
        settlements.iter().filter(|settlement| live.contains(&settlement.webhook_id)).collect();
    // Rows are then found one after the other in the table. PostgreSQL locks a statement's rows in
    // the order of its plan: two of these may still deadlock, and one of them runs again.
    rest.sort_by_key(|settlement| settlement.delivery_id);
    for chunk in chunks(&rest) {
        insert_logs(tx, chunk)?;
        update_states(tx, chunk)?;
    }
    Ok(())
}

/// Cuts into pieces of the sizes in [`CHUNK_ROWS`].
fn chunks<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = CHUNK_ROWS.into_iter().find(|size| *size <= rest.len())?;
        let (chunk, others) = rest.split_at(size);
        rest = others;
        Some(chunk)
    })
}

fn live_webhooks(tx: &mut Tx, settlements: &[Settlement]) -> Result<BTreeSet<i64>, Error> {
    let ids: BTreeSet<i64> = settlements.iter().map(|settlement| settlement.webhook_id).collect();
    let ids: Vec<Value<'_>> = ids.into_iter().map(Value::Int).collect();
    let mut live = BTreeSet::new();
    for chunk in chunks(&ids) {
        let sql = dialect::hold_webhooks(tx.dialect(), chunk.len());
        live.extend(tx.rows(&sql, chunk, |row| row.get::<i64>(0))?);
    }
    Ok(live)
}

fn insert_logs(tx: &mut Tx, chunk: &[&Settlement]) -> Result<(), Error> {
    const COLUMNS: usize = 11;
    let words: Vec<Words> = chunk.iter().map(|settlement| Words::of(settlement)).collect();
    let mut params = Vec::with_capacity(chunk.len() * COLUMNS);
    for (settlement, words) in chunk.iter().zip(&words) {
        params.extend::<[Value<'_>; COLUMNS]>([
            settlement.webhook_id.into(),
            settlement.delivery_id.into(),
            settlement.event_id.into(),
            i64::from(settlement.attempt).into(),
            settlement.at.into(),
            settlement.duration_ms.into(),
            words.status.into(),
            words.head.into(),
            words.kind.into(),
            words.message.as_ref().into(),
            words.next_retry_at.into(),
        ]);
    }
    let sql = format!(
        "insert into webhook_logs (webhook_id, delivery_id, event_id, attempt, at_ms, duration_ms, \
         response_status, response_head, error_kind, error_message, next_retry_at_ms) values {} \
         on conflict (delivery_id, attempt) do nothing",
        rows::places(chunk.len(), &["?"; COLUMNS])
    );
    tx.run(&sql, &params).map(drop)
}

fn update_states(tx: &mut Tx, chunk: &[&Settlement]) -> Result<(), Error> {
    const COLUMNS: usize = 5;
    let mut params: Vec<Value<'_>> = Vec::with_capacity(chunk.len() * COLUMNS);
    for settlement in chunk {
        let next_at = match settlement.next {
            Next::RetryAt(at) => at,
            Next::Delivered | Next::Failed => settlement.at,
        };
        params.extend::<[Value<'_>; COLUMNS]>([
            settlement.delivery_id.into(),
            settlement.next.state().as_str().into(),
            i64::from(settlement.attempt).into(),
            next_at.into(),
            i64::from(settlement.schedule_from).into(),
        ]);
    }
    let number = "cast(? as bigint)";
    let values = rows::places(chunk.len(), &[number, "cast(? as text)", number, number, number]);
    let sql = format!(
        "with s (id, state, attempts, next_at_ms, schedule_from) as (values {values}) \
         update deliveries set attempts = s.attempts, \
         next_at_ms = case when s.state = 'delivered' or deliveries.schedule_from = s.schedule_from \
                           then s.next_at_ms else deliveries.next_at_ms end, \
         state = case when s.state = 'delivered' \
                      or deliveries.state = 'pending' and deliveries.schedule_from = s.schedule_from \
                      then s.state else deliveries.state end \
         from s where deliveries.id = s.id and deliveries.attempts < s.attempts"
    );
    tx.run(&sql, &params).map(drop)
}

/// An outcome as the log's columns hold it.
struct Words<'a> {
    status: Option<i64>,
    head: Option<&'a String>,
    kind: Option<&'static str>,
    message: Option<String>,
    next_retry_at: Option<Timestamp>,
}

impl<'a> Words<'a> {
    fn of(settlement: &'a Settlement) -> Self {
        let next_retry_at = match settlement.next {
            Next::RetryAt(at) => Some(at),
            Next::Delivered | Next::Failed => None,
        };
        let outcome = &settlement.outcome;
        match outcome {
            Outcome::Response { status, body, .. } => Self {
                status: Some(i64::from(*status)),
                head: Some(body),
                kind: (!outcome.is_success()).then(|| outcome.class()),
                message: (!outcome.is_success()).then(|| format!("HTTP {status}")),
                next_retry_at,
            },
            Outcome::Fault { kind, message } => Self {
                status: None,
                head: None,
                kind: Some(kind.as_str()),
                message: Some(message.clone()),
                next_retry_at,
            },
        }
    }
}
