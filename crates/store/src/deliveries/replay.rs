//! Sending many again: what failed, what was held while the webhook was disabled, and what it never
//! got although it asks for such events now.

use fanfare_model::{
    Timestamp, pattern,
    replay::Replay,
    webhook::{Ordering, Webhook},
};

use super::Notice;
use crate::{
    Error, Read, Tx,
    engine::{Value, limit},
    rows,
};

/// One batch of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Deliveries that are sent again.
    pub count: i64,
    /// Where the next batch begins; `None`: there is none.
    pub next: Option<(Timestamp, i64)>,
}

/// Sends again what happened from `from.0` up to `until`, at most `rows` of it; `from.1` is the last id
/// that was looked at, 0 at first.
pub fn replay(
    tx: &mut Tx,
    webhook: &Webhook,
    which: Replay,
    from: (Timestamp, i64),
    until: Timestamp,
    now: Timestamp,
    rows: usize,
) -> Result<Replayed, Error> {
    let replayed = match which {
        Replay::Missed => {
            let (missed, next) = missed(tx, webhook, from, until, rows)?;
            let count = insert(tx, webhook, &missed, now)?;
            Replayed { count, next }
        }
        Replay::Failed | Replay::Held => {
            let (ids, next) = stranded(tx, webhook.id, which, from, until, rows)?;
            for chunk in rows::chunks(&ids) {
                let places: Vec<_> = (2..chunk.len() + 2).map(|place| format!("?{place}")).collect();
                let sql = format!(
                    "update deliveries set state = 'pending', schedule_from = attempts, next_at_ms = ?1 \
                     where id in ({})",
                    places.join(", ")
                );
                let mut params: Vec<Value<'_>> = vec![now.into()];
                params.extend(chunk.iter().copied().map(Value::Int));
                tx.run(&sql, &params)?;
            }
            Replayed { count: i64::try_from(ids.len()).unwrap_or(i64::MAX), next }
        }
    };
    if replayed.count > 0 {
        tx.notice(Notice::DeliveriesChanged(webhook.id));
    }
    Ok(replayed)
}

/// What [`replay`] would do with the same batch.
pub fn count_replay(
    db: &mut Read,
    webhook: &Webhook,
    which: Replay,
    from: (Timestamp, i64),
    until: Timestamp,
    rows: usize,
) -> Result<Replayed, Error> {
    let (count, next) = match which {
        Replay::Missed => {
            let (missed, next) = missed(db, webhook, from, until, rows)?;
            (missed.len(), next)
        }
        Replay::Failed | Replay::Held => {
            let (ids, next) = stranded(db, webhook.id, which, from, until, rows)?;
            (ids.len(), next)
        }
    };
    Ok(Replayed { count: i64::try_from(count).unwrap_or(i64::MAX), next })
}

type Next = Option<(Timestamp, i64)>;

/// Failed or held deliveries, by id.
fn stranded(
    db: &mut Read,
    webhook_id: i64,
    which: Replay,
    (since, after): (Timestamp, i64),
    until: Timestamp,
    rows: usize,
) -> Result<(Vec<i64>, Next), Error> {
    // The state stands in the text, so that the partial index can be used.
    let state = which.as_str();
    let sql = format!(
        "select d.id, e.at_ms >= ?3 and e.at_ms <= ?4 from deliveries d join events e on e.id = d.event_id \
         where d.webhook_id = ?1 and d.state = '{state}' and d.id > ?2 order by d.id limit ?5"
    );
    let params = [webhook_id.into(), after.into(), since.into(), until.into(), limit(rows)];
    let looked_at = db.rows(&sql, &params, |row| Ok((row.get::<i64>(0)?, row.get::<bool>(1)?)))?;
    let last = looked_at.last().filter(|_| looked_at.len() >= rows).map(|(id, _)| (since, *id));
    Ok((looked_at.into_iter().filter(|(_, within)| *within).map(|(id, _)| id).collect(), last))
}

/// An event that a webhook has no delivery of.
struct Missed {
    event_id: i64,
    topic: Option<String>,
}

/// Events that the webhook asks for and has no delivery of, by time.
fn missed(
    db: &mut Read,
    webhook: &Webhook,
    (since, after): (Timestamp, i64),
    until: Timestamp,
    rows: usize,
) -> Result<(Vec<Missed>, Next), Error> {
    let looked_at = db.rows(
        "select e.id, e.at_ms, e.kind, e.topic, exists (select 1 from deliveries d \
                where d.event_id = e.id and d.webhook_id = ?1) \
         from events e where (e.at_ms, e.id) > (?2, ?3) and e.at_ms <= ?4 and not e.test \
         and e.app = ?6 order by e.at_ms, e.id limit ?5",
        &[webhook.id.into(), since.into(), after.into(), until.into(), limit(rows), (&webhook.app).into()],
        |row| {
            let kind: String = row.get(2)?;
            let has = row.get::<bool>(4)?;
            let missed = Missed { event_id: row.get(0)?, topic: row.get(3)? };
            Ok((row.time(1)?, missed, kind, has))
        },
    )?;
    let last = looked_at.last().filter(|_| looked_at.len() >= rows);
    let next = last.map(|(at, missed, _, _)| (*at, missed.event_id));
    let wanted =
        |kind: &str| pattern::fired_by(kind).iter().flatten().any(|fired| webhook.events.contains(fired));
    let missed = looked_at
        .into_iter()
        .filter(|(_, _, kind, has)| !has && wanted(kind))
        .map(|(_, missed, _, _)| missed);
    Ok((missed.collect(), next))
}

fn insert(tx: &mut Tx, webhook: &Webhook, missed: &[Missed], now: Timestamp) -> Result<i64, Error> {
    let mut count = 0;
    for chunk in rows::chunks(missed) {
        let places = rows::places(chunk.len(), &["?", "?", "'pending'", "0", "?", "false", "?"]);
        let sql = format!(
            "insert into deliveries (event_id, webhook_id, state, attempts, next_at_ms, test, order_key) \
             values {places} on conflict (event_id, webhook_id) do nothing"
        );
        let mut params: Vec<Value<'_>> = Vec::with_capacity(4 * chunk.len());
        for Missed { event_id, topic } in chunk {
            let order_key = match webhook.options.ordering {
                Ordering::None => None,
                Ordering::Fifo => Some(""),
                Ordering::Session => topic.as_deref(),
            };
            params.extend([
                Value::Int(*event_id),
                webhook.id.into(),
                now.into(),
                order_key.map_or(Value::Null, Value::Text),
            ]);
        }
        count += i64::try_from(tx.run(&sql, &params)?).unwrap_or(0);
    }
    Ok(count)
}
