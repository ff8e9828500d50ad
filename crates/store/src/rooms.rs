//! Which session games' rooms are watched. What is shown of them is in [`crate::session_games`].
//!
//! A watch goes with its session game. Writers call [`crate::sessions::lock`] first.

use fanfare_model::{
    Timestamp,
    room::Watched,
    session::{CountStatus, SessionGame},
};

use crate::{Error, Read, Tx, engine::Row, session_games};

/// A watch without its row's details.
struct Watch {
    session_id: i64,
    session_game_id: i64,
    session_is_active: bool,
    code: String,
    status: CountStatus,
    since: Timestamp,
}

impl Watch {
    fn of(self, row: SessionGame) -> Watched {
        let Self { session_is_active, code, status, since, .. } = self;
        Watched { row, session_is_active, code, status, since }
    }
}

/// Everything that is watched, in the order of the session games' ids.
pub fn list(db: &mut Read) -> Result<Vec<Watched>, Error> {
    let found = db.rows(
        "select w.session_game_id, s.id, s.is_active, w.room_code, w.status, w.since_ms \
         from room_watches w join session_games g on g.id = w.session_game_id \
         join sessions s on s.id = g.session_id order by w.session_game_id",
        &[],
        from_row,
    )?;
    let mut watched = Vec::with_capacity(found.len());
    for watch in found {
        if let Some(row) = session_games::get(db, watch.session_id, watch.session_game_id)? {
            watched.push(watch.of(row));
        }
    }
    Ok(watched)
}

/// One session game, if it is watched.
pub fn get(db: &mut Read, session_id: i64, session_game_id: i64) -> Result<Option<Watched>, Error> {
    let watch = db.row(
        "select w.session_game_id, s.id, s.is_active, w.room_code, w.status, w.since_ms \
         from room_watches w join session_games g on g.id = w.session_game_id \
         join sessions s on s.id = g.session_id where w.session_game_id = ?1 and s.id = ?2",
        &[session_game_id.into(), session_id.into()],
        from_row,
    )?;
    let Some(watch) = watch else { return Ok(None) };
    Ok(session_games::get(db, session_id, session_game_id)?.map(|row| watch.of(row)))
}

/// How many are watched.
pub fn count(db: &mut Read) -> Result<i64, Error> {
    let count = db.row("select count(*) from room_watches", &[], |row| row.get(0))?;
    Ok(count.unwrap_or(0))
}

/// Watches a session game's room, or another one than before.
pub fn put(
    tx: &mut Tx,
    session_game_id: i64,
    code: &str,
    status: CountStatus,
    since: Timestamp,
) -> Result<(), Error> {
    tx.run(
        "insert into room_watches (session_game_id, room_code, status, since_ms) values (?1, ?2, ?3, ?4) \
         on conflict (session_game_id) do update set room_code = excluded.room_code, \
         status = excluded.status, since_ms = excluded.since_ms",
        &[session_game_id.into(), code.into(), status.as_str().into(), since.into()],
    )?;
    Ok(())
}

/// Ends a watch; returns whether there was one.
pub fn remove(tx: &mut Tx, session_game_id: i64) -> Result<bool, Error> {
    let removed = tx.run("delete from room_watches where session_game_id = ?1", &[session_game_id.into()])?;
    Ok(removed > 0)
}

fn from_row(row: &Row<'_>) -> Result<Watch, Error> {
    let status: String = row.get(4)?;
    let unknown = || Error::Bug(format!("the database holds an unknown room status: {status}"));
    Ok(Watch {
        session_game_id: row.get(0)?,
        session_id: row.get(1)?,
        session_is_active: row.get(2)?,
        code: row.get(3)?,
        status: CountStatus::parse(&status).ok_or_else(unknown)?,
        since: row.time(5)?,
    })
}
