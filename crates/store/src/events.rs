//! The log of events, stream by stream.
//!
//! Events are written by [`Tx::emit`](crate::Tx::emit) alone.

use fanfare_model::{Timestamp, event::Event};

use crate::{
    Error, Read, Tx,
    engine::{Row, limit},
    tx::ALL_TOPICS,
};

/// What the log holds of a topic, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first seq that is still there; `last + 1` when none is.
    pub first: i64,
    /// The last seq that was given out; 0 when none was.
    pub last: i64,
}

/// What the log holds of a topic; `None` for an unknown one.
pub fn span(db: &mut Read, topic: &str) -> Result<Option<Span>, Error> {
    db.row(
        "select coalesce((select min(seq) from events where topic = ?1), last_seq + 1), last_seq \
         from topics where topic = ?1",
        &[topic.into()],
        |row| Ok(Span { first: row.get(0)?, last: row.get(1)? }),
    )
}

/// A topic's events with seq > `after`, in order of seq, at most `rows`.
pub fn after(db: &mut Read, topic: &str, after: i64, rows: usize) -> Result<Vec<Event>, Error> {
    db.rows(
        "select id, public_id, topic, seq, kind, at_ms, data, place from events \
         where topic = ?1 and seq > ?2 order by seq limit ?3",
        &[topic.into(), after.into(), limit(rows)],
        |row| from_row(row, 0),
    )
}

/// What the log holds of all topics, by place.
pub fn span_of_all(db: &mut Read) -> Result<Span, Error> {
    let span = db.row(
        "select coalesce((select min(place) from events where place is not null), last_seq + 1), last_seq \
         from topics where topic = ?1",
        &[ALL_TOPICS.into()],
        |row| Ok(Span { first: row.get(0)?, last: row.get(1)? }),
    )?;
    Ok(span.unwrap_or(Span { first: 1, last: 0 }))
}

/// The events of all topics with place > `after`, in order of place, at most `rows`.
pub fn after_of_all(db: &mut Read, after: i64, rows: usize) -> Result<Vec<Event>, Error> {
    db.rows(
        "select id, public_id, topic, seq, kind, at_ms, data, place from events \
         where place > ?1 order by place limit ?2",
        &[after.into(), limit(rows)],
        |row| from_row(row, 0),
    )
}

/// The place of an event; `None` for one that is not known or stands in no topic (any more).
pub fn place(db: &mut Read, public_id: &str) -> Result<Option<i64>, Error> {
    db.row(
        "select place from events where public_id = ?1 and place is not null",
        &[public_id.into()],
        |row| row.get(0),
    )
}

/// Removes the oldest events that happened before `before`, with their attempts and all their deliveries
/// but pending ones: those keep their event, which no longer stands in its stream, so that what is left
/// of that has no holes. Looks at no more than `rows` events, those after the id `after`; the last id it
/// looked at, or `None` when no older event is left.
pub fn expire(tx: &mut Tx, before: Timestamp, after: i64, rows: usize) -> Result<Option<i64>, Error> {
    // By id, which is the order of time but for a clock that was set: such events go a little later.
    let ids = tx.rows(
        "select id, at_ms < ?1 from events where id > ?2 order by id limit ?3",
        &[before.into(), after.into(), limit(rows)],
        |row| Ok((row.get::<i64>(0)?, row.get::<bool>(1)?)),
    )?;
    let old: Vec<i64> = ids.into_iter().take_while(|(_, is_old)| *is_old).map(|(id, _)| id).collect();
    let (Some(first), Some(last)) = (old.first(), old.last()) else { return Ok(None) };
    let span = [(*first).into(), (*last).into()];
    for sql in [
        "delete from webhook_logs where delivery_id in (select id from deliveries \
         where event_id between ?1 and ?2 and state <> 'pending')",
        "delete from deliveries where event_id between ?1 and ?2 and state <> 'pending'",
        "delete from events where id between ?1 and ?2 \
         and not exists (select 1 from deliveries d where d.event_id = events.id)",
        "update events set topic = null, seq = null, place = null where id between ?1 and ?2 and topic is not null",
    ] {
        tx.run(sql, &span)?;
    }
    Ok((old.len() == rows).then_some(*last))
}

/// Reads the eight columns from `first` on.
pub(crate) fn from_row(row: &Row<'_>, first: usize) -> Result<Event, Error> {
    Ok(Event {
        id: row.get(first)?,
        public_id: row.get(first + 1)?,
        topic: row.get(first + 2)?,
        seq: row.get::<Option<i64>>(first + 3)?.unwrap_or(0),
        kind: row.get(first + 4)?,
        at: row.time(first + 5)?,
        data: row.get(first + 6)?,
        place: row.get::<Option<i64>>(first + 7)?.unwrap_or(0),
    })
}
