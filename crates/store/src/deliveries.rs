//! Events on their way to webhooks.
//!
//! [`Tx::emit`](crate::Tx::emit) makes deliveries; here they are found, settled and held.

mod settle;

use std::sync::Arc;

use fanfare_model::{
    Timestamp,
    event::{Event, NewEvent},
};

use crate::{Error, NewDelivery, Read, Tx, dialect, engine::limit, events};

pub use settle::{Settlement, settle};

/// A delivery to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The row.
    pub id: i64,
    /// Where it goes.
    pub webhook_id: i64,
    /// Attempts made so far.
    pub attempts: u32,
    /// Sent even if the webhook is disabled.
    pub test: bool,
    /// What is sent.
    pub event: Arc<Event>,
}

/// A webhook's pending deliveries whose time has come, by the time they were due at and then by id,
/// at most `rows`; none for a deleted webhook.
pub fn due(db: &mut Read, webhook_id: i64, now: Timestamp, rows: usize) -> Result<Vec<Due>, Error> {
    db.rows(
        "select d.id, d.attempts, d.test, e.id, e.public_id, e.topic, e.seq, e.kind, e.at_ms, e.data \
         from deliveries d join events e on e.id = d.event_id \
         where d.webhook_id = ?1 and d.state = 'pending' and d.next_at_ms <= ?2 \
         and exists (select 1 from webhooks w where w.id = ?1 and w.deleted_at_ms is null) \
         order by d.next_at_ms, d.id limit ?3",
        &[webhook_id.into(), now.into(), limit(rows)],
        |row| {
            Ok(Due {
                id: row.get(0)?,
                webhook_id,
                attempts: u32::try_from(row.get::<i64>(1)?).unwrap_or(u32::MAX),
                test: row.get(2)?,
                event: Arc::new(events::from_row(row, 3)?),
            })
        },
    )
}

/// When the next of a webhook's pending deliveries becomes due, those due at `now` left out.
pub fn next_due(db: &mut Read, webhook_id: i64, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let next = db.row(
        "select min(next_at_ms) from deliveries \
         where webhook_id = ?1 and state = 'pending' and next_at_ms > ?2",
        &[webhook_id.into(), now.into()],
        |row| row.opt_time(0),
    )?;
    Ok(next.flatten())
}

/// Webhooks that have pending deliveries, by id; deleted ones left out.
pub fn pending_webhooks(db: &mut Read) -> Result<Vec<i64>, Error> {
    db.rows(
        "select w.id from webhooks w where w.deleted_at_ms is null and exists \
         (select 1 from deliveries d where d.webhook_id = w.id and d.state = 'pending') order by w.id",
        &[],
        |row| row.get(0),
    )
}

/// A test delivery: an event that stands in no stream (its `topic` is not used), for this webhook
/// alone, sent even if that is disabled. Remembered for the commit.
///
/// # Errors
/// [`Error::NotFound`] for an unknown webhook.
pub fn insert_test(tx: &mut Tx, webhook_id: i64, event: NewEvent) -> Result<(), Error> {
    let hold = dialect::hold_webhooks(tx.dialect(), 1);
    tx.row(&hold, &[webhook_id.into()], |_| Ok(()))?.ok_or(Error::NotFound)?;
    let event = tx.insert_event(event, None)?;
    let id = tx
        .row(
            "insert into deliveries (event_id, webhook_id, state, attempts, next_at_ms, test) \
             values (?1, ?2, 'pending', 0, ?3, true) returning id",
            &[event.id.into(), webhook_id.into(), event.at.into()],
            |row| row.get(0),
        )?
        .ok_or_else(|| Error::Bug("a delivery has no id".into()))?;
    tx.publish(&event, vec![NewDelivery { id, webhook_id }], 0);
    Ok(())
}

/// A disabled webhook's pending deliveries become held, tests left out, at most `rows`; how many
/// did. None of one that is enabled.
pub fn hold(tx: &mut Tx, webhook_id: i64, rows: usize) -> Result<u64, Error> {
    // One statement sees one moment: what was committed after the webhook was enabled again is not
    // in it.
    tx.run(
        "update deliveries set state = 'held' where state = 'pending' and id in \
         (select d.id from deliveries d join webhooks w on w.id = d.webhook_id and not w.enabled \
          where d.webhook_id = ?1 and d.state = 'pending' and not d.test \
          order by d.next_at_ms, d.id limit ?2)",
        &[webhook_id.into(), limit(rows)],
    )
}

/// How many deliveries wait, by state: pending or held. A state without any is left out.
pub fn count_waiting(db: &mut Read) -> Result<Vec<(String, i64)>, Error> {
    // A count per webhook and state, so that the index leads past all that are done; engines read
    // the whole table for a join.
    let mut counts: Vec<(String, i64)> = db.rows(
        "select s.state, cast(sum((select count(*) from deliveries d \
                                   where d.webhook_id = w.id and d.state = s.state)) as bigint) \
         from webhooks w cross join (select 'held' as state union all select 'pending') s \
         group by s.state order by s.state",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    counts.retain(|(_, count)| *count > 0);
    Ok(counts)
}

/// When the event of the oldest pending delivery happened.
pub fn oldest_pending(db: &mut Read) -> Result<Option<Timestamp>, Error> {
    // One look into the index per webhook, however many deliveries are pending.
    db.row(
        "select e.at_ms from deliveries d join events e on e.id = d.event_id where d.id = \
         (select min((select min(p.id) from deliveries p \
                      where p.webhook_id = w.id and p.state = 'pending')) \
          from webhooks w where w.deleted_at_ms is null)",
        &[],
        |row| row.time(0),
    )
}
