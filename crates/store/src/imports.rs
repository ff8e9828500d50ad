//! Imports of chat logs, which take several transactions.
//!
//! For as long as an import has a row here, [`crate::votes`] hides what it has written: taking that row
//! away makes all of it visible at once. One that nobody goes on with is undone by
//! [`crate::leftovers`].

use fanfare_model::Timestamp;

use crate::{Error, Read, Tx, engine::Row};

/// An import that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenImport {
    /// Never used again.
    pub id: i64,
    /// Where its votes go.
    pub session_id: i64,
    /// Its own votes have larger ids, and so has whatever is cast in the session while it is under way.
    pub after_vote_id: i64,
}

/// Begins an import into a session, which is locked.
///
/// # Errors
/// The engine's.
pub fn begin(tx: &mut Tx, session_id: i64, at: Timestamp) -> Result<OpenImport, Error> {
    let begun = tx.row(
        "insert into imports (session_id, after_vote_id, created_at_ms) \
         values (?1, (select coalesce(max(id), 0) from votes), ?2) returning id, session_id, after_vote_id",
        &[session_id.into(), at.into()],
        from_row,
    )?;
    begun.ok_or_else(|| Error::Bug("an import has no id".into()))
}

/// Those that are under way, or were cut off, by id.
///
/// # Errors
/// The engine's.
pub fn open(db: &mut Read) -> Result<Vec<OpenImport>, Error> {
    db.rows("select id, session_id, after_vote_id from imports order by id", &[], from_row)
}

/// Whether an import is still under way.
///
/// # Errors
/// The engine's.
pub fn is_open(db: &mut Read, id: i64) -> Result<bool, Error> {
    let found = db.row("select 1 from imports where id = ?1", &[id.into()], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Ends an import: its votes are visible now.
///
/// # Errors
/// [`Error::NotFound`] when it is not under way.
pub fn end(tx: &mut Tx, id: i64) -> Result<(), Error> {
    let ended = tx.run("delete from imports where id = ?1", &[id.into()])?;
    if ended == 0 { Err(Error::NotFound) } else { Ok(()) }
}

fn from_row(row: &Row<'_>) -> Result<OpenImport, Error> {
    Ok(OpenImport { id: row.get(0)?, session_id: row.get(1)?, after_vote_id: row.get(2)? })
}
