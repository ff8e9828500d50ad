//! Rows that are hidden and of no more use: of deleted sessions and polls, and of imports that nobody
//! goes on with. They are removed a batch at a time, so that no job holds up the writer.

use crate::{
    Error, Read, Tx,
    engine::limit,
    imports::{self, OpenImport},
};

/// What leaves rows behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// A deleted session.
    Session(i64),
    /// A deleted poll.
    Poll(i64),
    /// An import that is under way, or was cut off: which one is for the caller to know.
    Import(OpenImport),
}

/// What belongs to a deleted session, in the order in which it is removed: each statement removes at
/// most ?2 rows of session ?1.
const OF_SESSION: [&str; 6] = [
    "delete from poll_votes where (poll_id, user_key) in (select v.poll_id, v.user_key \
     from polls p join poll_votes v on v.poll_id = p.id where p.session_id = ?1 limit ?2)",
    "delete from poll_options where (poll_id, position) in (select o.poll_id, o.position \
     from polls p join poll_options o on o.poll_id = p.id where p.session_id = ?1 limit ?2)",
    "delete from polls where id in (select id from polls where session_id = ?1 limit ?2)",
    "delete from votes where id in (select id from votes where session_id = ?1 limit ?2)",
    "delete from imports where id in (select id from imports where session_id = ?1 limit ?2)",
    "delete from session_games where id in (select id from session_games where session_id = ?1 limit ?2)",
];

/// The same of poll ?1.
const OF_POLL: [&str; 2] = [
    "delete from poll_votes where poll_id = ?1 \
     and user_key in (select user_key from poll_votes where poll_id = ?1 limit ?2)",
    "delete from poll_options where poll_id = ?1 \
     and position in (select position from poll_options where poll_id = ?1 limit ?2)",
];

/// Everything that has left rows behind, each kind by id; what belongs to another one's is left out.
///
/// # Errors
/// The engine's.
pub fn list(db: &mut Read) -> Result<Vec<Leftover>, Error> {
    let sessions = "select id from sessions where deleted_at_ms is not null order by id";
    let sessions = db.rows(sessions, &[], |row| row.get(0))?;
    let polls = "select id from polls where deleted_at_ms is not null order by id";
    let polls = db.rows(polls, &[], |row| row.get(0))?;
    let mut imports = imports::open(db)?;
    imports.retain(|import| !sessions.contains(&import.session_id));
    let sessions = sessions.into_iter().map(Leftover::Session);
    let polls = polls.into_iter().map(Leftover::Poll);
    Ok(sessions.chain(polls).chain(imports.into_iter().map(Leftover::Import)).collect())
}

/// Removes at most `rows` rows of it; true when nothing is left. What is not deleted is not touched.
///
/// # Errors
/// The engine's.
pub fn remove(tx: &mut Tx, leftover: Leftover, rows: usize) -> Result<bool, Error> {
    match leftover {
        Leftover::Session(id) => {
            let last = "delete from sessions where id = ?1";
            let is_deleted = "select 1 from sessions where id = ?1 and deleted_at_ms is not null";
            remove_all(tx, id, is_deleted, &OF_SESSION, last, rows)
        }
        Leftover::Poll(id) => {
            let last = "delete from polls where id = ?1";
            let is_deleted = "select 1 from polls where id = ?1 and deleted_at_ms is not null";
            remove_all(tx, id, is_deleted, &OF_POLL, last, rows)
        }
        Leftover::Import(import) => undo(tx, import, rows),
    }
}

fn remove_all(
    tx: &mut Tx,
    id: i64,
    is_deleted: &str,
    parts: &[&str],
    last: &str,
    rows: usize,
) -> Result<bool, Error> {
    if tx.row(is_deleted, &[id.into()], |_| Ok(()))?.is_none() {
        return Ok(true);
    }
    let mut left = rows;
    for statement in parts {
        let removed = tx.run(statement, &[id.into(), limit(left)])?;
        left = left.saturating_sub(usize::try_from(removed).unwrap_or(usize::MAX));
        if left == 0 {
            return Ok(false);
        }
    }
    tx.run(last, &[id.into()])?;
    Ok(true)
}

/// Removes an import's votes; its row, which hides them, goes with the last one.
fn undo(tx: &mut Tx, import: OpenImport, rows: usize) -> Result<bool, Error> {
    if !imports::is_open(tx, import.id)? {
        return Ok(true);
    }
    let removed = tx.run(
        "delete from votes where id in \
         (select id from votes where id > ?1 and import_id = ?2 order by id limit ?3)",
        &[import.after_vote_id.into(), import.id.into(), limit(rows)],
    )?;
    let is_over = usize::try_from(removed).unwrap_or(usize::MAX) < rows;
    if is_over {
        imports::end(tx, import.id)?;
    }
    Ok(is_over)
}
