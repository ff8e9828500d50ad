//! The log of events, stream by stream.
//!
//! Events are written by [`Tx::emit`](crate::Tx::emit) alone.

use fanfare_model::{Timestamp, event::Event};

use crate::{
    Error, Read, Tx,
    engine::{Row, limit},
};

/// What the log holds of a topic.
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
        "select id, public_id, topic, seq, kind, at_ms, data from events \
         where topic = ?1 and seq > ?2 order by seq limit ?3",
        &[topic.into(), after.into(), limit(rows)],
        |row| from_row(row, 0),
    )
}

/// An event's place in the order in which the events of all streams are told, for [`missed`]; `None` for
/// one that is not known or stands in no stream (any more), or after which there are more than `rows`.
pub fn place(db: &mut Read, public_id: &str, rows: usize) -> Result<Option<i64>, Error> {
    db.row(
        "select coalesce(e.overtaken_by, e.id) from events e \
         where e.public_id = ?1 and e.topic is not null and ?2 >= (select count(*) from \
         (select 1 from events n where n.topic is not null and n.id > e.id limit ?3) newer)",
        &[public_id.into(), limit(rows), limit(rows + 1)],
        |row| row.get(0),
    )
}

/// The public id of the newest event that stands in a stream.
pub fn newest(db: &mut Read) -> Result<Option<String>, Error> {
    db.row("select public_id from events where topic is not null order by id desc limit 1", &[], |row| {
        row.get(0)
    })
}

/// What was told of all streams after the place `since`, in the order of ids, which within each stream is
/// that of seq: those after the id `after` (0 to begin with), at most `rows`; fewer are all there are. With
/// them may come a few that were told just before.
pub fn missed(db: &mut Read, since: i64, after: i64, rows: usize) -> Result<Vec<Event>, Error> {
    let columns = "select id, public_id, topic, seq, kind, at_ms, data from events where topic is not null";
    let mut missed = Vec::new();
    if after < since {
        // Of transactions that were open when the event at `since` was told. `+ 0` keeps SQLite from looking
        // at everything with a lower id.
        missed = db.rows(
            &format!("{columns} and overtaken_by >= ?1 and id + 0 > ?2 and id + 0 < ?1 order by id limit ?3"),
            &[since.into(), after.into(), limit(rows)],
            |row| from_row(row, 0),
        )?;
    }
    let newer = db.rows(
        &format!("{columns} and id > ?1 order by id limit ?2"),
        &[since.max(after).into(), limit(rows - missed.len())],
        |row| from_row(row, 0),
    )?;
    missed.extend(newer);
    Ok(missed)
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
        "update events set topic = null, seq = null where id between ?1 and ?2 and topic is not null",
    ] {
        tx.run(sql, &span)?;
    }
    Ok((old.len() == rows).then_some(*last))
}

/// Reads the seven columns from `first` on.
pub(crate) fn from_row(row: &Row<'_>, first: usize) -> Result<Event, Error> {
    Ok(Event {
        id: row.get(first)?,
        public_id: row.get(first + 1)?,
        topic: row.get(first + 2)?,
        seq: row.get::<Option<i64>>(first + 3)?.unwrap_or(0),
        kind: row.get(first + 4)?,
        at: row.time(first + 5)?,
        data: row.get(first + 6)?,
    })
}
