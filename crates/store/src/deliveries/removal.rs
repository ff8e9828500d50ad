//! Removing what is over, in batches: rows of deleted webhooks, and what is older than it is kept.
//!
//! A delivery that was delivered is found by its attempts in the log alone, and goes with the last of
//! them.

use fanfare_model::Timestamp;

use crate::{
    Error, Tx,
    engine::{Value, limit},
    rows,
};

/// Removes at most `rows` attempts of a webhook from the log, with the deliveries they belong to;
/// how many attempts.
pub(crate) fn purge_logged(tx: &mut Tx, webhook_id: i64, rows: usize) -> Result<usize, Error> {
    let mut delivery_ids = tx.rows(
        "delete from webhook_logs where id in \
         (select id from webhook_logs where webhook_id = ?1 order by id limit ?2) returning delivery_id",
        &[webhook_id.into(), limit(rows)],
        |row| row.get::<i64>(0),
    )?;
    let removed = delivery_ids.len();
    delivery_ids.sort_unstable();
    delivery_ids.dedup();
    delete_deliveries(tx, &delivery_ids, "true")?;
    Ok(removed)
}

/// Removes at most `rows` deliveries of a webhook that are not delivered; how many.
pub(crate) fn purge_undelivered(tx: &mut Tx, webhook_id: i64, rows: usize) -> Result<usize, Error> {
    const CONDITIONS: [&str; 5] = [
        "state = 'pending' and order_key is null",
        "state = 'pending' and order_key is not null",
        "state = 'failed'",
        "state = 'held'",
        "state = 'cancelled'",
    ];
    let mut removed = 0;
    for condition in CONDITIONS {
        let sql = format!(
            "delete from deliveries where id in \
             (select id from deliveries where webhook_id = ?1 and {condition} limit ?2)"
        );
        let gone = tx.run(&sql, &[webhook_id.into(), limit(rows - removed)])?;
        removed = rows.min(removed + usize::try_from(gone).unwrap_or(usize::MAX));
    }
    Ok(removed)
}

/// Removes the oldest attempts from the log, at most `rows`, that ended before `before`, and the
/// deliveries that were delivered and have no other; how many attempts.
pub fn expire_logs(tx: &mut Tx, before: Timestamp, rows: usize) -> Result<usize, Error> {
    // By id, which is the order of time but for a clock that was set: such rows go a little later.
    let mut delivery_ids = tx.rows(
        "delete from webhook_logs where at_ms < ?1 and id in \
         (select id from webhook_logs order by id limit ?2) returning delivery_id",
        &[before.into(), limit(rows)],
        |row| row.get::<i64>(0),
    )?;
    let removed = delivery_ids.len();
    delivery_ids.sort_unstable();
    delivery_ids.dedup();
    let done = "state = 'delivered' and not exists \
                (select 1 from webhook_logs l where l.delivery_id = deliveries.id)";
    delete_deliveries(tx, &delivery_ids, done)?;
    Ok(removed)
}

fn delete_deliveries(tx: &mut Tx, ids: &[i64], condition: &str) -> Result<(), Error> {
    for chunk in rows::chunks(ids) {
        let places = crate::dialect::places(chunk.len());
        let ids: Vec<Value<'_>> = chunk.iter().copied().map(Value::Int).collect();
        tx.run(&format!("delete from deliveries where id in ({places}) and {condition}"), &ids)?;
    }
    Ok(())
}
