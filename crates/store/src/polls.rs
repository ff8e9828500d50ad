//! Polls of sessions.
//!
//! Writers call [`crate::sessions::lock`] first, so that no vote is counted after the poll has
//! ended and no count is lost.
//!
//! A deleted poll is hidden at once from everything here, and so are those of a deleted session;
//! [`crate::leftovers`] removes their rows.

use fanfare_model::{
    Timestamp,
    game::Game,
    poll::{Poll, PollGame, PollOption},
};

use crate::{
    Error, Notice, Read, Tx,
    engine::{Row, Value, limit},
};

/// The columns that [`from_row`] reads, from `polls`, with the rest of the question.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, session_id, created_at_ms, closes_at_ms, ended_at_ms, winner, told_at_ms, has_untold \
             from polls where ",
            visible!(),
            $rest
        )
    };
}

/// What of `polls` may be seen.
macro_rules! visible {
    () => {
        "deleted_at_ms is null \
         and session_id not in (select id from sessions where deleted_at_ms is not null) "
    };
}

/// The columns that [`option_from_row`] reads, of `poll_options o`.
macro_rules! option_columns {
    () => {
        "o.game_id, o.title, o.pack_name, o.min_players, o.max_players, o.votes"
    };
}

/// One poll.
pub fn get(db: &mut Read, id: i64) -> Result<Option<Poll>, Error> {
    let poll = db.row(select!("and id = ?1"), &[id.into()], from_row)?;
    poll.map(|poll| with_options(db, poll)).transpose()
}

/// The open poll of a session, be its time over or not.
pub fn open_of_session(db: &mut Read, session_id: i64) -> Result<Option<Poll>, Error> {
    let poll = db.row(select!("and session_id = ?1 and is_open"), &[session_id.into()], from_row)?;
    poll.map(|poll| with_options(db, poll)).transpose()
}

/// Every open poll, by id: one at most, as long as one session is active at most.
pub fn open(db: &mut Read) -> Result<Vec<Poll>, Error> {
    let polls = db.rows(select!("and is_open order by id"), &[], from_row)?;
    polls.into_iter().map(|poll| with_options(db, poll)).collect()
}

/// A session's polls, the latest `rows` of them, newest first.
pub fn latest_of_session(db: &mut Read, session_id: i64, rows: usize) -> Result<Vec<Poll>, Error> {
    let params = [session_id.into(), limit(rows)];
    let polls = db.rows(select!("and session_id = ?1 order by id desc limit ?2"), &params, from_row)?;
    polls.into_iter().map(|poll| with_options(db, poll)).collect()
}

/// A session's polls in the order in which they were opened, the first `rows` of them.
pub fn of_session(db: &mut Read, session_id: i64, rows: usize) -> Result<Vec<Poll>, Error> {
    let params = [session_id.into(), limit(rows)];
    let mut polls = db.rows(select!("and session_id = ?1 order by id limit ?2"), &params, from_row)?;
    let options = db.rows(
        concat!(
            "select ",
            option_columns!(),
            ", o.poll_id from (select id from polls where ",
            visible!(),
            "and session_id = ?1 order by id limit ?2) p \
             join poll_options o on o.poll_id = p.id order by o.poll_id, o.position"
        ),
        &params,
        |row| Ok((row.get::<i64>(6)?, option_from_row(row)?)),
    )?;
    let mut options = options.into_iter().peekable();
    for poll in &mut polls {
        while let Some((_, option)) = options.next_if(|(poll_id, _)| *poll_id == poll.id) {
            poll.options.push(option);
        }
    }
    Ok(polls)
}

/// Opens a poll on these games, in their order.
///
/// # Errors
/// [`Error::Conflict`] when the session has an open one; the job may go on.
pub fn insert(
    tx: &mut Tx,
    session_id: i64,
    games: &[Game],
    at: Timestamp,
    closes_at: Timestamp,
) -> Result<Poll, Error> {
    let id = tx.row(
        "insert into polls (session_id, is_open, created_at_ms, closes_at_ms, told_at_ms, has_untold) \
         values (?1, true, ?2, ?3, ?4, false) on conflict do nothing returning id",
        &[session_id.into(), at.into(), closes_at.into(), Timestamp::EPOCH.into()],
        |row| row.get(0),
    )?;
    let id = id.ok_or_else(|| Error::Conflict("the session has an open poll".into()))?;
    let mut options = Vec::new();
    for (position, game) in games.iter().map(PollGame::from).enumerate() {
        tx.run(
            "insert into poll_options \
             (poll_id, position, game_id, title, pack_name, min_players, max_players, votes) \
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
            &[
                Value::Int(id),
                place(position)?,
                game.id.into(),
                (&game.title).into(),
                (&game.pack_name).into(),
                game.min_players.into(),
                game.max_players.into(),
            ],
        )?;
        options.push(PollOption { game, votes: 0 });
    }
    Ok(Poll {
        id,
        session_id,
        options,
        created_at: at,
        closes_at,
        ended_at: None,
        winner: None,
        told_at: Timestamp::EPOCH,
        has_untold: false,
    })
}

/// Counts someone's vote for the option at `position` instead of the one he had before, if any;
/// returns whether that changed anything.
///
/// # Errors
/// [`Error::NotFound`] when the poll has no such option.
pub fn vote(tx: &mut Tx, id: i64, user_key: &str, position: usize) -> Result<bool, Error> {
    let position = place(position)?;
    let before: Option<i64> = tx.row(
        "select position from poll_votes where poll_id = ?1 and user_key = ?2",
        &[id.into(), user_key.into()],
        |row| row.get(0),
    )?;
    let before = before.map(Value::Int);
    if before == Some(position) {
        return Ok(false);
    }
    let counted = tx.run(
        "update poll_options set votes = votes + 1 where poll_id = ?1 and position = ?2",
        &[id.into(), position],
    )?;
    if counted == 0 {
        return Err(Error::NotFound);
    }
    if let Some(before) = before {
        tx.run(
            "update poll_options set votes = votes - 1 where poll_id = ?1 and position = ?2",
            &[id.into(), before],
        )?;
    }
    tx.run(
        "insert into poll_votes (poll_id, user_key, position) values (?1, ?2, ?3) \
         on conflict (poll_id, user_key) do update set position = excluded.position",
        &[id.into(), user_key.into(), position],
    )?;
    Ok(true)
}

/// Notes that the counts have changed and were not told.
pub fn set_untold(tx: &mut Tx, id: i64) -> Result<(), Error> {
    tx.run("update polls set has_untold = true where id = ?1", &[id.into()])?;
    Ok(())
}

/// Notes that the counts were told.
pub fn set_told(tx: &mut Tx, id: i64, at: Timestamp) -> Result<(), Error> {
    tx.run("update polls set told_at_ms = ?2, has_untold = false where id = ?1", &[id.into(), at.into()])?;
    Ok(())
}

/// Ends an open poll; `winner` is the place of the option that won.
///
/// # Errors
/// [`Error::NotFound`] when no open poll has this id.
pub fn end(tx: &mut Tx, id: i64, winner: Option<usize>, at: Timestamp) -> Result<(), Error> {
    let ended = tx.run(
        "update polls set is_open = false, ended_at_ms = ?2, winner = ?3, has_untold = false \
         where id = ?1 and is_open",
        &[id.into(), at.into(), winner.map(place).transpose()?.into()],
    )?;
    if ended == 0 { Err(Error::NotFound) } else { Ok(()) }
}

/// Hides a poll with its votes; their rows are removed later. An open one ends by it.
///
/// # Errors
/// [`Error::NotFound`] for an unknown poll.
pub fn delete(tx: &mut Tx, id: i64, at: Timestamp) -> Result<(), Error> {
    let deleted = tx.run(
        "update polls set deleted_at_ms = ?2, is_open = false where id = ?1 and deleted_at_ms is null",
        &[id.into(), at.into()],
    )?;
    if deleted == 0 {
        return Err(Error::NotFound);
    }
    tx.notice(Notice::RowsHidden);
    Ok(())
}

fn with_options(db: &mut Read, mut poll: Poll) -> Result<Poll, Error> {
    poll.options = db.rows(
        concat!(
            "select ",
            option_columns!(),
            " from poll_options o where o.poll_id = ?1 order by o.position"
        ),
        &[poll.id.into()],
        option_from_row,
    )?;
    Ok(poll)
}

fn option_from_row(row: &Row<'_>) -> Result<PollOption, Error> {
    let game = PollGame {
        id: row.get(0)?,
        title: row.get(1)?,
        pack_name: row.get(2)?,
        min_players: row.get(3)?,
        max_players: row.get(4)?,
    };
    Ok(PollOption { game, votes: row.get(5)? })
}

/// Reads a poll's own columns; its options are another table's.
fn from_row(row: &Row<'_>) -> Result<Poll, Error> {
    let winner: Option<i64> = row.get(5)?;
    let winner = winner.map(usize::try_from).transpose();
    Ok(Poll {
        id: row.get(0)?,
        session_id: row.get(1)?,
        options: Vec::new(),
        created_at: row.time(2)?,
        closes_at: row.time(3)?,
        ended_at: row.opt_time(4)?,
        winner: winner.map_err(|error| Error::Bug(format!("a poll's winner: {error}")))?,
        told_at: row.time(6)?,
        has_untold: row.get(7)?,
    })
}

/// An option's place as a parameter.
fn place(position: usize) -> Result<Value<'static>, Error> {
    i64::try_from(position).map(Value::Int).map_err(|error| Error::Bug(format!("an option's place: {error}")))
}
