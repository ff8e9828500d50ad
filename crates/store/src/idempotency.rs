//! Answers kept under the key of their request, so that the same request gets the same answer.

use fanfare_model::Timestamp;

use crate::{Error, Read, Tx, engine::Row};

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Tells one request from another under the same key.
    pub fingerprint: String,
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: String,
}

/// The answer kept under `key`, unless it is older than `expired`.
///
/// # Errors
/// The engine's.
pub fn find(db: &mut Read, key: &str, expired: Timestamp) -> Result<Option<Kept>, Error> {
    db.row(
        "select fingerprint, status, body from idempotency where key = ?1 and created_at_ms >= ?2",
        &[key.into(), expired.into()],
        from_row,
    )
}

/// Claims `key` for this transaction. `None`: it was free, or what it held is older than `expired`,
/// and the answer is put there by [`fill`] before the transaction ends. A transaction that claims the
/// same key meanwhile waits for the end of this one.
///
/// # Errors
/// The engine's; [`Error::Unavailable`] when what the key held has gone meanwhile.
pub fn claim(
    tx: &mut Tx,
    key: &str,
    fingerprint: &str,
    at: Timestamp,
    expired: Timestamp,
) -> Result<Option<Kept>, Error> {
    let claimed = tx.run(
        "insert into idempotency (key, fingerprint, status, body, created_at_ms) \
         values (?1, ?2, 0, '', ?3) on conflict (key) do update \
         set fingerprint = excluded.fingerprint, status = 0, body = '', \
             created_at_ms = excluded.created_at_ms \
         where idempotency.created_at_ms < ?4",
        &[key.into(), fingerprint.into(), at.into(), expired.into()],
    )?;
    if claimed == 1 {
        return Ok(None);
    }
    let kept =
        get(tx, key)?.ok_or_else(|| Error::Unavailable("the key's answer was just forgotten".into()))?;
    Ok(Some(kept))
}

/// Puts the answer under the key that this transaction has claimed.
///
/// # Errors
/// [`Error::NotFound`] when nobody claimed it.
pub fn fill(tx: &mut Tx, key: &str, status: u16, body: &str) -> Result<(), Error> {
    let filled = tx.run(
        "update idempotency set status = ?2, body = ?3 where key = ?1",
        &[key.into(), i64::from(status).into(), body.into()],
    )?;
    if filled == 0 { Err(Error::NotFound) } else { Ok(()) }
}

/// Forgets the answers given before `before`, at most `rows` of them; returns how many.
///
/// # Errors
/// The engine's.
pub fn forget(tx: &mut Tx, before: Timestamp, rows: usize) -> Result<u64, Error> {
    // Asked twice, since on PostgreSQL a key may be claimed anew between the two.
    tx.run(
        "delete from idempotency where created_at_ms < ?1 and key in \
         (select key from idempotency where created_at_ms < ?1 order by created_at_ms limit ?2)",
        &[before.into(), crate::engine::limit(rows)],
    )
}

fn get(db: &mut Read, key: &str) -> Result<Option<Kept>, Error> {
    db.row("select fingerprint, status, body from idempotency where key = ?1", &[key.into()], from_row)
}

fn from_row(row: &Row<'_>) -> Result<Kept, Error> {
    let status = u16::try_from(row.get::<i64>(1)?).map_err(|error| Error::Bug(error.to_string()))?;
    Ok(Kept { fingerprint: row.get(0)?, status, body: row.get(2)? })
}
