//! Deliveries as their host sees and handles them.

use fanfare_model::{
    Timestamp,
    delivery::{Delivery, DeliveryState},
    event::Event,
};

use super::Notice;
use crate::{
    Error, Read, Tx,
    engine::{Row, limit},
    events,
};

const COLUMNS: &str =
    "d.id, d.webhook_id, e.public_id, e.kind, e.at_ms, e.data, d.state, d.attempts, d.next_at_ms";

/// A webhook's deliveries in a state, newest first, at most `rows`, those from the id `before` on left
/// out. Those that were delivered are not listed but found through the log.
pub fn list(
    db: &mut Read,
    webhook_id: i64,
    state: DeliveryState,
    before: i64,
    rows: usize,
) -> Result<Vec<Delivery>, Error> {
    let conditions: &[&str] = match state {
        DeliveryState::Pending => &[
            "d.state = 'pending' and d.order_key is null",
            "d.state = 'pending' and d.order_key is not null",
        ],
        DeliveryState::Failed => &["d.state = 'failed'"],
        DeliveryState::Held => &["d.state = 'held'"],
        DeliveryState::Cancelled => &["d.state = 'cancelled'"],
        DeliveryState::Delivered => &[],
    };
    let mut found = Vec::new();
    for condition in conditions {
        let sql = format!(
            "select {COLUMNS} from deliveries d join events e on e.id = d.event_id \
             where d.webhook_id = ?1 and {condition} and d.id < ?2 \
             and exists (select 1 from webhooks w where w.id = ?1 and w.deleted_at_ms is null) \
             order by d.id desc limit ?3"
        );
        found.extend(db.rows(&sql, &[webhook_id.into(), before.into(), limit(rows)], from_row)?);
    }
    found.sort_by_key(|delivery| std::cmp::Reverse(delivery.id));
    found.truncate(rows);
    Ok(found)
}

/// One delivery of a webhook; none of a deleted one.
pub fn get(db: &mut Read, webhook_id: i64, id: i64) -> Result<Option<Delivery>, Error> {
    let sql = format!(
        "select {COLUMNS} from deliveries d join events e on e.id = d.event_id \
         join webhooks w on w.id = d.webhook_id and w.deleted_at_ms is null \
         where d.id = ?2 and d.webhook_id = ?1"
    );
    db.row(&sql, &[webhook_id.into(), id.into()], from_row)
}

/// The event that a delivery of a webhook tells; none of a deleted one.
pub fn event(db: &mut Read, webhook_id: i64, id: i64) -> Result<Option<Event>, Error> {
    db.row(
        "select e.id, e.public_id, e.topic, e.seq, e.kind, e.at_ms, e.data, e.place from deliveries d \
         join events e on e.id = d.event_id \
         join webhooks w on w.id = d.webhook_id and w.deleted_at_ms is null \
         where d.id = ?2 and d.webhook_id = ?1",
        &[webhook_id.into(), id.into()],
        |row| events::from_row(row, 0),
    )
}

/// Sends a delivery again, whatever came of it, from the start of the retry schedule; one that is
/// pending becomes due at once. Returns whether it is there.
pub fn resend(tx: &mut Tx, webhook_id: i64, id: i64, now: Timestamp) -> Result<bool, Error> {
    let changed = tx.run(
        "update deliveries set state = 'pending', schedule_from = attempts, next_at_ms = ?3 \
         where id = ?2 and webhook_id = ?1",
        &[webhook_id.into(), id.into(), now.into()],
    )?;
    if changed > 0 {
        tx.notice(Notice::DeliveriesChanged(webhook_id));
    }
    Ok(changed > 0)
}

/// Calls off a delivery that is pending, held or failed; an attempt that is under way may still
/// deliver it. Returns whether it was in one of these states.
pub fn cancel(tx: &mut Tx, webhook_id: i64, id: i64) -> Result<bool, Error> {
    let changed = tx.run(
        "update deliveries set state = 'cancelled' \
         where id = ?2 and webhook_id = ?1 and state in ('pending', 'held', 'failed')",
        &[webhook_id.into(), id.into()],
    )?;
    if changed > 0 {
        tx.notice(Notice::DeliveriesChanged(webhook_id));
    }
    Ok(changed > 0)
}

fn from_row(row: &Row<'_>) -> Result<Delivery, Error> {
    let word: String = row.get(6)?;
    let state = DeliveryState::parse(&word)
        .ok_or_else(|| Error::Bug(format!("{word:?} is no state of a delivery")))?;
    Ok(Delivery {
        id: row.get(0)?,
        webhook_id: row.get(1)?,
        event_id: row.get(2)?,
        event_type: row.get(3)?,
        event_at: row.time(4)?,
        payload: row.get(5)?,
        state,
        attempts: row.get(7)?,
        next_at: if state == DeliveryState::Pending { Some(row.time(8)?) } else { None },
    })
}
