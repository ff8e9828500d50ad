//! The games of a session.
//!
//! Writers call [`crate::sessions::lock`] first, so that two of them cannot both see no game
//! playing.

use fanfare_model::{
    Timestamp,
    session::{CountStatus, NewSessionGame, PlayStatus, SessionGame},
};

use crate::{Error, Read, Tx, engine::Row};

/// The columns that [`from_row`] reads, of `session_games s` and `games g`.
macro_rules! columns {
    () => {
        "s.id, s.session_id, s.game_id, s.played_at_ms, s.manually_added, s.status, s.room_code, \
         s.player_count, s.player_count_check_status, g.title, g.pack_name, g.min_players, \
         g.max_players, g.game_type, g.upvotes, g.downvotes"
    };
}
pub(crate) use columns;

macro_rules! select {
    ($rest:literal) => {
        concat!("select ", columns!(), " from session_games s join games g on g.id = s.game_id ", $rest)
    };
}

/// A session's games, by the moment they were added, then id.
pub fn list(db: &mut Read, session_id: i64) -> Result<Vec<SessionGame>, Error> {
    db.rows(select!("where s.session_id = ?1 order by s.played_at_ms, s.id"), &[session_id.into()], from_row)
}

/// One game of a session; `None` as well when the row belongs to another session.
pub fn get(db: &mut Read, session_id: i64, id: i64) -> Result<Option<SessionGame>, Error> {
    db.row(select!("where s.id = ?1 and s.session_id = ?2"), &[id.into(), session_id.into()], from_row)
}

/// Adds a game, which is now playing; the one that was becomes played. The game's `play_count` and
/// the session's `games_played` grow by one. `at` is from before the session was locked: where another
/// game was added later than that and locked it first, this one is added at the other's moment, so that
/// the game that is playing is always the newest.
///
/// # Errors
/// [`Error::NotFound`] for an unknown session or game.
pub fn add(tx: &mut Tx, session_id: i64, new: &NewSessionGame, at: Timestamp) -> Result<SessionGame, Error> {
    let counted =
        tx.run("update sessions set games_played = games_played + 1 where id = ?1", &[session_id.into()])?;
    if counted == 0 {
        return Err(Error::NotFound);
    }
    end_playing(tx, session_id)?;
    let newest = tx.row(
        "select played_at_ms from session_games where session_id = ?1 order by played_at_ms desc limit 1",
        &[session_id.into()],
        |row| row.time(0),
    )?;
    let at = newest.map_or(at, |newest| newest.max(at));
    let row = tx.row(
        "update games set play_count = play_count + 1 where id = ?1 \
         returning title, pack_name, min_players, max_players, game_type, upvotes, downvotes",
        &[new.game_id.into()],
        |row| {
            Ok(SessionGame {
                id: 0,
                session_id,
                game_id: new.game_id,
                played_at: at,
                manually_added: new.manually_added,
                status: PlayStatus::Playing,
                room_code: new.room_code.clone(),
                player_count: None,
                player_count_check_status: None,
                title: row.get(0)?,
                pack_name: row.get(1)?,
                min_players: row.get(2)?,
                max_players: row.get(3)?,
                game_type: row.get(4)?,
                upvotes: row.get(5)?,
                downvotes: row.get(6)?,
            })
        },
    )?;
    let mut row = row.ok_or(Error::NotFound)?;
    let id = tx.row(
        "insert into session_games (session_id, game_id, played_at_ms, manually_added, status, room_code) \
         values (?1, ?2, ?3, ?4, 'playing', ?5) returning id",
        &[
            session_id.into(),
            new.game_id.into(),
            at.into(),
            new.manually_added.into(),
            new.room_code.as_ref().into(),
        ],
        |row| row.get(0),
    )?;
    row.id = id.ok_or_else(|| Error::Bug("a session game has no id".into()))?;
    Ok(row)
}

/// Sets where a game stands; `Playing` makes another one that is playing played.
///
/// # Errors
/// [`Error::NotFound`] when the session has no such row.
pub fn set_status(tx: &mut Tx, session_id: i64, id: i64, status: PlayStatus) -> Result<(), Error> {
    if status == PlayStatus::Playing {
        end_playing(tx, session_id)?;
    }
    let changed = tx.run(
        "update session_games set status = ?3 where id = ?1 and session_id = ?2",
        &[id.into(), session_id.into(), status.as_str().into()],
    )?;
    if changed == 0 { Err(Error::NotFound) } else { Ok(()) }
}

/// Sets or clears a row's room code.
///
/// # Errors
/// [`Error::NotFound`] for an unknown row.
pub fn set_room_code(tx: &mut Tx, id: i64, code: Option<&str>) -> Result<(), Error> {
    let changed =
        tx.run("update session_games set room_code = ?2 where id = ?1", &[id.into(), code.into()])?;
    if changed == 0 { Err(Error::NotFound) } else { Ok(()) }
}

/// Takes a game out of its session: the game's `play_count` and the session's `games_played` go back
/// by one. Its votes stay.
///
/// # Errors
/// [`Error::NotFound`] for an unknown row.
pub fn remove(tx: &mut Tx, row: &SessionGame) -> Result<(), Error> {
    if tx.run("delete from session_games where id = ?1", &[row.id.into()])? == 0 {
        return Err(Error::NotFound);
    }
    tx.run(
        "update games set play_count = play_count - 1 where id = ?1 and play_count > 0",
        &[row.game_id.into()],
    )?;
    tx.run(
        "update sessions set games_played = games_played - 1 where id = ?1 and games_played > 0",
        &[row.session_id.into()],
    )?;
    Ok(())
}

/// Sets a row's player count and where it comes from.
///
/// # Errors
/// [`Error::NotFound`] for an unknown row.
pub fn set_player_count(tx: &mut Tx, id: i64, count: Option<i64>, status: CountStatus) -> Result<(), Error> {
    let changed = tx.run(
        "update session_games set player_count = ?2, player_count_check_status = ?3 where id = ?1",
        &[id.into(), count.into(), status.as_str().into()],
    )?;
    if changed == 0 { Err(Error::NotFound) } else { Ok(()) }
}

/// The game that is playing, if one is, becomes played.
pub(crate) fn end_playing(tx: &mut Tx, session_id: i64) -> Result<(), Error> {
    tx.run(
        "update session_games set status = 'played' where session_id = ?1 and status = 'playing'",
        &[session_id.into()],
    )?;
    Ok(())
}

/// A session game from the first 16 columns.
pub(crate) fn from_row(row: &Row<'_>) -> Result<SessionGame, Error> {
    let status: String = row.get(5)?;
    let check: Option<String> = row.get(8)?;
    Ok(SessionGame {
        id: row.get(0)?,
        session_id: row.get(1)?,
        game_id: row.get(2)?,
        played_at: row.time(3)?,
        manually_added: row.get(4)?,
        status: PlayStatus::parse(&status).ok_or_else(|| unknown("status", &status))?,
        room_code: row.get(6)?,
        player_count: row.get(7)?,
        player_count_check_status: check
            .map(|word| CountStatus::parse(&word).ok_or_else(|| unknown("count status", &word)))
            .transpose()?,
        title: row.get(9)?,
        pack_name: row.get(10)?,
        min_players: row.get(11)?,
        max_players: row.get(12)?,
        game_type: row.get(13)?,
        upvotes: row.get(14)?,
        downvotes: row.get(15)?,
    })
}

fn unknown(what: &str, word: &str) -> Error {
    Error::Bug(format!("the database holds an unknown {what}: {word}"))
}
