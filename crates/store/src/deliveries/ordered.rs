//! Deliveries that keep an order: key by key, the first of each at its head. What stands behind a
//! head waits for it, however long that is tried.

use fanfare_model::Timestamp;

use super::{DUE_COLUMNS, DUE_COLUMNS_COUNT, Due, due_from_row};
use crate::{Error, Read, engine::limit};

/// Keys of one webhook that one reading looks at.
const KEYS_READ_MAX: i64 = 10_000;

/// What a webhook is to be sent in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InOrder {
    /// The keys whose heads are due.
    pub keys: Vec<KeyPage>,
    /// When the next head becomes due that is not yet.
    pub next_due: Option<Timestamp>,
    /// Whether there are more keys with due heads.
    pub more: bool,
}

/// The front of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// What its deliveries have in common.
    pub key: String,
    /// From the head on, in the order of the events.
    pub due: Vec<Due>,
    /// Whether there may be more of those.
    pub full: bool,
    /// When the one behind them is due, if that is not yet, as after a replay.
    pub next_due: Option<Timestamp>,
}

/// The front of each of a webhook's keys whose head is due, at most `rows` rows of at most `keys_max`
/// keys, which share the rows evenly: a long key keeps no other from being made beside it. None for a
/// deleted webhook.
pub fn due_in_order(
    db: &mut Read,
    webhook_id: i64,
    now: Timestamp,
    keys_max: usize,
    rows: usize,
) -> Result<InOrder, Error> {
    let heads = heads(db, webhook_id)?;
    let next_due = heads.iter().map(|(_, at)| *at).filter(|at| *at > now).min();
    let mut due_heads: Vec<_> = heads.into_iter().filter(|(_, at)| *at <= now).collect();
    // Those that have waited longest first.
    due_heads.sort_by_key(|(_, at)| *at);
    let due_count = due_heads.len();
    let listed = due_count.min(keys_max).min(rows);
    let (mut keys, mut left) = (Vec::with_capacity(listed), rows);
    for (key, _) in due_heads.into_iter().take(listed) {
        let share = left / (listed - keys.len());
        let page = front(db, webhook_id, key, now, share)?;
        left -= page.due.len();
        keys.push(page);
    }
    let more = keys.len() < due_count;
    Ok(InOrder { keys, next_due, more })
}

/// Each key and when its head is due.
fn heads(db: &mut Read, webhook_id: i64) -> Result<Vec<(String, Timestamp)>, Error> {
    let ordered = "d.webhook_id = ?1 and d.state = 'pending' and d.order_key is not null";
    // From key to key along the index, however many deliveries each has.
    let sql = format!(
        "with recursive k (key, number) as ( \
           select (select d.order_key from deliveries d where {ordered} order by d.order_key limit 1), \
           cast(1 as bigint) \
           union all \
           select (select d.order_key from deliveries d where {ordered} and d.order_key > k.key \
                   order by d.order_key limit 1), k.number + 1 \
           from k where k.key is not null and k.number < ?2) \
         select k.key, (select d.next_at_ms from deliveries d where {ordered} and d.order_key = k.key \
                        order by d.event_id limit 1) \
         from k where k.key is not null \
         and exists (select 1 from webhooks w where w.id = ?1 and w.deleted_at_ms is null)"
    );
    db.rows(&sql, &[webhook_id.into(), KEYS_READ_MAX.into()], |row| Ok((row.get(0)?, row.time(1)?)))
}

fn front(db: &mut Read, webhook_id: i64, key: String, now: Timestamp, rows: usize) -> Result<KeyPage, Error> {
    let in_line = db.rows(
        &format!(
            "select {DUE_COLUMNS}, d.next_at_ms from deliveries d join events e on e.id = d.event_id \
             where d.webhook_id = ?1 and d.state = 'pending' and d.order_key is not null \
             and d.order_key = ?2 order by d.event_id limit ?3"
        ),
        &[webhook_id.into(), (&key).into(), limit(rows)],
        |row| Ok((due_from_row(row)?, row.time(DUE_COLUMNS_COUNT)?)),
    )?;
    let full = in_line.len() >= rows;
    let next_due = in_line.iter().map(|(_, at)| *at).find(|at| *at > now);
    let due: Vec<_> = in_line.into_iter().take_while(|(_, at)| *at <= now).map(|(due, _)| due).collect();
    Ok(KeyPage { key, due, full: full && next_due.is_none(), next_due })
}
