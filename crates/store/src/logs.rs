//! What came of each attempt. Rows are written by [`deliveries::settle`](crate::deliveries::settle).

use fanfare_model::delivery::LogRow;

use crate::{Error, Read, engine::limit};

/// A webhook's attempts, newest first, at most `rows`; none for a deleted one.
pub fn list(db: &mut Read, webhook_id: i64, rows: usize) -> Result<Vec<LogRow>, Error> {
    db.rows(
        "select l.id, l.webhook_id, e.kind, e.data, l.response_status, l.error_message, l.at_ms \
         from webhook_logs l join events e on e.id = l.event_id \
         where l.webhook_id = ?1 \
         and exists (select 1 from webhooks w where w.id = ?1 and w.deleted_at_ms is null) \
         order by l.id desc limit ?2",
        &[webhook_id.into(), limit(rows)],
        |row| {
            let status: Option<i64> = row.get(4)?;
            Ok(LogRow {
                id: row.get(0)?,
                webhook_id: row.get(1)?,
                event_type: row.get(2)?,
                payload: row.get(3)?,
                response_status: status.and_then(|status| u16::try_from(status).ok()),
                error_message: row.get(5)?,
                created_at: row.time(6)?,
            })
        },
    )
}
