//! Figures over the whole database. What can be told from the games alone is not counted here.

use fanfare_model::statistics::{Counts, SessionFigures};

use crate::{Error, Read, engine::limit};

/// How many of each there are.
pub fn counts(db: &mut Read) -> Result<Counts, Error> {
    let counts = db.row(
        "select (select count(*) from sessions where deleted_at_ms is null), \
         (select count(*) from sessions where is_active)",
        &[],
        |row| Ok(Counts { sessions: row.get(0)?, active_sessions: row.get(1)? }),
    )?;
    counts.ok_or_else(|| Error::Bug("nothing was counted".into()))
}

/// The newest sessions in figures, the newest first.
pub fn per_session(db: &mut Read, rows: usize) -> Result<Vec<SessionFigures>, Error> {
    db.rows(
        "select id, created_at_ms, closed_at_ms, is_active, games_played, upvotes, downvotes \
         from sessions where deleted_at_ms is null order by created_at_ms desc, id desc limit ?1",
        &[limit(rows)],
        |row| {
            Ok(SessionFigures {
                id: row.get(0)?,
                created_at: row.time(1)?,
                closed_at: row.opt_time(2)?,
                is_active: row.get(3)?,
                games_played: row.get(4)?,
                upvotes: row.get(5)?,
                downvotes: row.get(6)?,
            })
        },
    )
}
