//! Events on their way to webhooks.
//!
//! [`Tx::emit`](crate::Tx::emit) makes deliveries; here they are found, settled and held. A webhook's
//! pending deliveries lie in two partial indexes, those that keep an order apart from those that do
//! not, so each question about pending ones names which it means.

mod ordered;
mod removal;
mod replay;
mod settle;
mod single;

use std::sync::Arc;

use fanfare_model::{
    Timestamp,
    event::{Event, NewEvent},
};

use crate::{
    Error, NewDelivery, Notice, Read, Tx, dialect,
    engine::{Row, limit},
    events,
};

pub(crate) use self::removal::{purge_logged, purge_undelivered};
pub use self::{
    ordered::{InOrder, KeyPage, due_in_order},
    removal::expire_logs,
    replay::{Replayed, count_replay, replay},
    settle::{Settlement, settle},
    single::{cancel, event, get, list, resend},
};

/// A delivery to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The row.
    pub id: i64,
    /// Where it goes.
    pub webhook_id: i64,
    /// Attempts made so far.
    pub attempts: u32,
    /// Attempts made before the retry schedule last began.
    pub schedule_from: u32,
    /// Sent even if the webhook is disabled.
    pub test: bool,
    /// Those of the webhook with the same key are made one after the other.
    pub order_key: Option<String>,
    /// What is sent.
    pub event: Arc<Event>,
}

/// The columns of [`Due`], of `deliveries d` and `events e`.
const DUE_COLUMNS: &str = "d.id, d.webhook_id, d.attempts, d.schedule_from, d.test, d.order_key, \
     e.id, e.public_id, e.topic, e.seq, e.kind, e.at_ms, e.data, e.place";

/// How many they are.
const DUE_COLUMNS_COUNT: usize = 14;

fn due_from_row(row: &Row<'_>) -> Result<Due, Error> {
    let count = |index| Ok::<_, Error>(u32::try_from(row.get::<i64>(index)?).unwrap_or(u32::MAX));
    Ok(Due {
        id: row.get(0)?,
        webhook_id: row.get(1)?,
        attempts: count(2)?,
        schedule_from: count(3)?,
        test: row.get(4)?,
        order_key: row.get(5)?,
        event: Arc::new(events::from_row(row, 6)?),
    })
}

/// A webhook's pending deliveries without an order whose time has come, by the time they were due at
/// and then by id, at most `rows`; none for a deleted webhook.
pub fn due(db: &mut Read, webhook_id: i64, now: Timestamp, rows: usize) -> Result<Vec<Due>, Error> {
    db.rows(
        &format!(
            "select {DUE_COLUMNS} from deliveries d join events e on e.id = d.event_id \
             where d.webhook_id = ?1 and d.state = 'pending' and d.order_key is null \
             and d.next_at_ms <= ?2 \
             and exists (select 1 from webhooks w where w.id = ?1 and w.deleted_at_ms is null) \
             order by d.next_at_ms, d.id limit ?3"
        ),
        &[webhook_id.into(), now.into(), limit(rows)],
        due_from_row,
    )
}

/// When the next of a webhook's pending deliveries without an order becomes due, those due at `now`
/// left out.
pub fn next_due(db: &mut Read, webhook_id: i64, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let next = db.row(
        "select min(next_at_ms) from deliveries \
         where webhook_id = ?1 and state = 'pending' and order_key is null and next_at_ms > ?2",
        &[webhook_id.into(), now.into()],
        |row| row.opt_time(0),
    )?;
    Ok(next.flatten())
}

/// Webhooks that have pending deliveries, by id; deleted ones left out.
pub fn pending_webhooks(db: &mut Read) -> Result<Vec<i64>, Error> {
    db.rows(
        "select w.id from webhooks w where w.deleted_at_ms is null and ( \
         exists (select 1 from deliveries d \
                 where d.webhook_id = w.id and d.state = 'pending' and d.order_key is null) \
         or exists (select 1 from deliveries d \
                    where d.webhook_id = w.id and d.state = 'pending' and d.order_key is not null)) \
         order by w.id",
        &[],
        |row| row.get(0),
    )
}

/// A test delivery: an event that stands in no stream (its `topic` is not used), for this webhook
/// alone, sent even if that is disabled, and in no order. Remembered for the commit.
///
/// # Errors
/// [`Error::NotFound`] for an unknown webhook.
pub fn insert_test(tx: &mut Tx, webhook_id: i64, event: NewEvent) -> Result<(), Error> {
    let hold = dialect::hold_webhooks(tx.dialect(), 1);
    tx.row(&hold, &[webhook_id.into()], |_| Ok(()))?.ok_or(Error::NotFound)?;
    let event = tx.insert_event(event, None, true)?;
    let id = tx
        .row(
            "insert into deliveries (event_id, webhook_id, state, attempts, next_at_ms, test) \
             values (?1, ?2, 'pending', 0, ?3, true) returning id",
            &[event.id.into(), webhook_id.into(), event.at.into()],
            |row| row.get(0),
        )?
        .ok_or_else(|| Error::Bug("a delivery has no id".into()))?;
    tx.publish(&event, vec![NewDelivery { id, webhook_id, order_key: None }], 0, true);
    Ok(())
}

/// A disabled webhook's pending deliveries become held, tests left out, at most `rows`; how many
/// did. None of one that is enabled.
pub fn hold(tx: &mut Tx, webhook_id: i64, rows: usize) -> Result<u64, Error> {
    // One statement sees one moment: what was committed after the webhook was enabled again is not
    // in it.
    let hold = |order_key: &str| {
        format!(
            "update deliveries set state = 'held' where state = 'pending' and id in \
             (select d.id from deliveries d join webhooks w on w.id = d.webhook_id and not w.enabled \
              where d.webhook_id = ?1 and d.state = 'pending' and d.order_key {order_key} and not d.test \
              limit ?2)"
        )
    };
    let unordered = tx.run(&hold("is null"), &[webhook_id.into(), limit(rows)])?;
    let left = rows.saturating_sub(usize::try_from(unordered).unwrap_or(usize::MAX));
    Ok(unordered + tx.run(&hold("is not null"), &[webhook_id.into(), limit(left)])?)
}

/// What waits in the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Deliveries that are to be sent.
    pub pending: i64,
    /// Deliveries that are kept back.
    pub held: i64,
    /// When the event of the oldest pending one happened.
    pub oldest: Option<Timestamp>,
}

/// What waits: takes as long as there are pending and held deliveries, and no longer for those that
/// are done.
pub fn waiting(db: &mut Read) -> Result<Waiting, Error> {
    // Per webhook and index, so that the partial indexes lead past all that are done; engines read
    // the whole table for a join.
    let of_webhooks = |what: &str, condition: &str| {
        format!("(select {what} from deliveries d where d.webhook_id = w.id and {condition})")
    };
    let unordered = "d.state = 'pending' and d.order_key is null";
    let ordered = "d.state = 'pending' and d.order_key is not null";
    let sql = format!(
        "select cast(coalesce(sum({} + {}), 0) as bigint), cast(coalesce(sum({}), 0) as bigint), \
         min({}), min({}) from webhooks w where w.deleted_at_ms is null",
        of_webhooks("count(*)", unordered),
        of_webhooks("count(*)", ordered),
        of_webhooks("count(*)", "d.state = 'held'"),
        of_webhooks("min(d.id)", unordered),
        of_webhooks("min(d.id)", ordered),
    );
    let counted = db.row(&sql, &[], |row| {
        let oldest = [row.get::<Option<i64>>(2)?, row.get(3)?];
        Ok((row.get(0)?, row.get(1)?, oldest.into_iter().flatten().min()))
    })?;
    let (pending, held, oldest) = counted.unwrap_or_default();
    let oldest = match oldest {
        Some(id) => db.row(
            "select e.at_ms from deliveries d join events e on e.id = d.event_id where d.id = ?1",
            &[id.into()],
            |row| row.time(0),
        )?,
        None => None,
    };
    Ok(Waiting { pending, held, oldest })
}
