//! Game nights.
//!
//! A deleted session is hidden at once from everything here; [`crate::leftovers`] removes its rows.

use fanfare_model::{
    Timestamp,
    event::session_topic,
    session::{Page, Session},
};

use crate::{
    Error, Notice, Read, Tx, dialect,
    engine::{Row, limit},
};

/// Attempts to start a session while others start and close theirs.
const START_MAX_TRIES: usize = 3;
/// Attempts to lock the active session while others start and close theirs.
const LOCK_MAX_TRIES: usize = 3;

/// What became of an attempt to start a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It is the active one now.
    Started(Session),
    /// The id of the one that is active already.
    Active(i64),
}

/// The columns that [`from_row`] reads, from `sessions`, with the rest of the question.
macro_rules! select {
    ($rest:literal) => {
        concat!("select ", columns!(), " from sessions where deleted_at_ms is null ", $rest)
    };
}

macro_rules! columns {
    () => {
        "id, notes, is_active, created_at_ms, closed_at_ms, games_played"
    };
}

/// Every session, newest first.
pub fn list(db: &mut Read) -> Result<Vec<Session>, Error> {
    db.rows(select!("order by created_at_ms desc, id desc"), &[], from_row)
}

/// A part of that list.
pub fn page(db: &mut Read, page: Page) -> Result<Vec<Session>, Error> {
    db.rows(
        select!("order by created_at_ms desc, id desc limit ?1 offset ?2"),
        &[limit(page.limit), limit(page.offset)],
        from_row,
    )
}

/// The active session.
pub fn active(db: &mut Read) -> Result<Option<Session>, Error> {
    db.row(select!("and is_active"), &[], from_row)
}

/// One session.
pub fn get(db: &mut Read, id: i64) -> Result<Option<Session>, Error> {
    db.row(select!("and id = ?1"), &[id.into()], from_row)
}

/// Reads the session after keeping others from changing it until the transaction ends.
pub fn lock(tx: &mut Tx, id: i64) -> Result<Option<Session>, Error> {
    if let Some(lock_topic) = dialect::lock_topic(tx.dialect()) {
        tx.run(lock_topic, &[(&session_topic(id)).into()])?;
    }
    get(tx, id)
}

/// Reads the active session after keeping others from changing it until the transaction ends.
///
/// # Errors
/// [`Error::Unavailable`] when each one that was found had been closed before it could be locked.
pub fn lock_active(tx: &mut Tx) -> Result<Option<Session>, Error> {
    for _ in 0..LOCK_MAX_TRIES {
        let Some(session) = active(tx)? else { return Ok(None) };
        let Some(lock_topic) = dialect::lock_topic(tx.dialect()) else { return Ok(Some(session)) };
        tx.run(lock_topic, &[(&session_topic(session.id)).into()])?;
        // It may have been closed while this waited for the lock.
        if let Some(session) = get(tx, session.id)?.filter(|session| session.is_active) {
            return Ok(Some(session));
        }
    }
    Err(Error::Unavailable("sessions are being started and closed too fast".into()))
}

/// Starts a session, unless one is active.
pub fn start(tx: &mut Tx, notes: Option<&str>, at: Timestamp) -> Result<Start, Error> {
    for _ in 0..START_MAX_TRIES {
        let started = tx.row(
            concat!(
                "insert into sessions (notes, is_active, created_at_ms, games_played) \
                 values (?1, true, ?2, 0) on conflict do nothing returning ",
                columns!()
            ),
            &[notes.into(), at.into()],
            from_row,
        )?;
        if let Some(session) = started {
            // Its topic exists from the start, so that `lock` always finds a row to lock.
            tx.run(
                "insert into topics (topic, last_seq) values (?1, 0)",
                &[(&session_topic(session.id)).into()],
            )?;
            return Ok(Start::Started(session));
        }
        // Between the two statements the other one may have been closed.
        if let Some(session) = active(tx)? {
            return Ok(Start::Active(session.id));
        }
    }
    Err(Error::Unavailable("sessions are being started and closed too fast".into()))
}

/// Closes an active session; its notes are replaced only when some are given, and the game that is
/// playing becomes played. Returns the new row.
///
/// # Errors
/// [`Error::NotFound`] when no active session has this id.
pub fn close(tx: &mut Tx, id: i64, notes: Option<&str>, at: Timestamp) -> Result<Session, Error> {
    let session = tx.row(
        concat!(
            "update sessions set is_active = false, closed_at_ms = ?2, notes = coalesce(?3, notes) \
             where id = ?1 and is_active returning ",
            columns!()
        ),
        &[id.into(), at.into(), notes.into()],
        from_row,
    )?;
    let session = session.ok_or(Error::NotFound)?;
    crate::session_games::end_playing(tx, id)?;
    Ok(session)
}

/// Hides a session with its games, votes and polls; their rows are removed later. What its games'
/// totals have of them stays, and so does its stream of events.
///
/// # Errors
/// [`Error::NotFound`] when no closed session has this id.
pub fn delete(tx: &mut Tx, id: i64, at: Timestamp) -> Result<(), Error> {
    let deleted = tx.run(
        "update sessions set deleted_at_ms = ?2 where id = ?1 and not is_active and deleted_at_ms is null",
        &[id.into(), at.into()],
    )?;
    if deleted == 0 {
        return Err(Error::NotFound);
    }
    tx.notice(Notice::RowsHidden);
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<Session, Error> {
    Ok(Session {
        id: row.get(0)?,
        notes: row.get(1)?,
        is_active: row.get(2)?,
        created_at: row.time(3)?,
        closed_at: row.opt_time(4)?,
        games_played: row.get(5)?,
    })
}
