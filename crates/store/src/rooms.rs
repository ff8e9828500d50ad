//! Which session games' rooms are watched. What is shown of them is in [`crate::session_games`].
//!
//! A watch goes with its session game. Writers call [`crate::sessions::lock`] first.

use fanfare_model::{Timestamp, room::Watched, session::CountStatus};

use crate::{Error, Read, Tx, engine::Row, session_games};

/// The columns that [`from_row`] reads, with the rest of the question.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select ",
            session_games::columns!(),
            ", w.room_code, w.status, w.since_ms \
             from room_watches w join session_games s on s.id = w.session_game_id \
             join games g on g.id = s.game_id ",
            $rest
        )
    };
}

/// Everything that is watched, in the order of the session games' ids.
pub fn list(db: &mut Read) -> Result<Vec<Watched>, Error> {
    db.rows(select!("order by s.id"), &[], from_row)
}

/// One session game, if it is watched; `None` as well when the row belongs to another session.
pub fn get(db: &mut Read, session_id: i64, session_game_id: i64) -> Result<Option<Watched>, Error> {
    db.row(
        select!("where s.id = ?1 and s.session_id = ?2"),
        &[session_game_id.into(), session_id.into()],
        from_row,
    )
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

/// Ends the watches of a session's games, which are shown as stopped unless their room was over or a
/// person had counted; returns how many ended.
pub fn remove_of_session(tx: &mut Tx, session_id: i64) -> Result<u64, Error> {
    tx.run(
        "update session_games set player_count_check_status = 'stopped' \
         where session_id = ?1 and id in (select session_game_id from room_watches) \
         and player_count_check_status in ('idle', 'lobby', 'locked')",
        &[session_id.into()],
    )?;
    tx.run(
        "delete from room_watches where session_game_id in \
         (select id from session_games where session_id = ?1)",
        &[session_id.into()],
    )
}

fn from_row(row: &Row<'_>) -> Result<Watched, Error> {
    let status: String = row.get(17)?;
    let unknown = || Error::Bug(format!("the database holds an unknown room status: {status}"));
    Ok(Watched {
        row: session_games::from_row(row)?,
        code: row.get(16)?,
        status: CountStatus::parse(&status).ok_or_else(unknown)?,
        since: row.time(18)?,
    })
}
