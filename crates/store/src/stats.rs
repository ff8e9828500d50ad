//! Figures over the whole database. What can be told from the games alone is not counted here.

use fanfare_model::statistics::{Counts, SessionFigures};

use crate::{Error, Read, engine::limit};

/// How many of each there are.
pub fn counts(db: &mut Read) -> Result<Counts, Error> {
    let counts = db.row(
        "select (select count(*) from sessions), (select count(*) from sessions where is_active)",
        &[],
        |row| Ok(Counts { sessions: row.get(0)?, active_sessions: row.get(1)? }),
    )?;
    counts.ok_or_else(|| Error::Bug("nothing was counted".into()))
}

/// The newest sessions in figures, the newest first.
pub fn per_session(db: &mut Read, rows: usize) -> Result<Vec<SessionFigures>, Error> {
    db.rows(
        "select s.id, s.created_at_ms, s.closed_at_ms, s.is_active, s.games_played, \
         (select count(*) from votes v where v.session_id = s.id and v.up), \
         (select count(*) from votes v where v.session_id = s.id and not v.up) \
         from sessions s order by s.created_at_ms desc, s.id desc limit ?1",
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
