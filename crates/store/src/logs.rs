//! What came of each attempt. Rows are written by [`deliveries::settle`](crate::deliveries::settle).

use fanfare_model::delivery::LogRow;

use crate::{
    Error, Read,
    engine::{Row, limit},
};

/// The columns of [`LogRow`], of `webhook_logs l` and `events e`.
const COLUMNS: &str = "l.id, l.webhook_id, l.delivery_id, e.public_id, e.kind, e.data, l.response_status, \
     l.error_message, l.attempt, l.duration_ms, l.error_kind, l.response_head, l.next_retry_at_ms, l.at_ms";

/// A webhook's attempts, newest first, at most `rows`; none for a deleted one.
pub fn list(db: &mut Read, webhook_id: i64, rows: usize) -> Result<Vec<LogRow>, Error> {
    db.rows(
        &format!(
            "select {COLUMNS} from webhook_logs l join events e on e.id = l.event_id \
             where l.webhook_id = ?1 \
             and exists (select 1 from webhooks w where w.id = ?1 and w.deleted_at_ms is null) \
             order by l.id desc limit ?2"
        ),
        &[webhook_id.into(), limit(rows)],
        from_row,
    )
}

/// The attempts of one delivery that are still in the log, first to last, at most `rows`.
pub fn of_delivery(db: &mut Read, delivery_id: i64, rows: usize) -> Result<Vec<LogRow>, Error> {
    db.rows(
        &format!(
            "select {COLUMNS} from webhook_logs l join events e on e.id = l.event_id \
             where l.delivery_id = ?1 order by l.attempt limit ?2"
        ),
        &[delivery_id.into(), limit(rows)],
        from_row,
    )
}

fn from_row(row: &Row<'_>) -> Result<LogRow, Error> {
    let status: Option<i64> = row.get(6)?;
    Ok(LogRow {
        id: row.get(0)?,
        webhook_id: row.get(1)?,
        delivery_id: row.get(2)?,
        event_id: row.get(3)?,
        event_type: row.get(4)?,
        payload: row.get(5)?,
        response_status: status.and_then(|status| u16::try_from(status).ok()),
        error_message: row.get(7)?,
        attempt: row.get(8)?,
        duration_ms: row.get(9)?,
        error_kind: row.get(10)?,
        response_head: row.get(11)?,
        next_retry_at: row.opt_time(12)?,
        created_at: row.time(13)?,
    })
}
