//! The library.
//!
//! Writers that add, rename or remove games call [`lock_library`] first, so that of two of them the
//! second sees what the first has done.

use std::collections::HashSet;

use fanfare_model::{
    Timestamp,
    game::{Game, GameEntry, NewGame},
    library::Library,
};

use crate::{
    Error, Read, Tx, dialect,
    engine::{Row, Value, limit},
    packs, rows,
};

/// The columns that [`from_row`] reads, from `games`, with the rest of the question.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, pack_name, title, min_players, max_players, length_minutes, has_audience, \
             family_friendly, game_type, secondary_type, play_count, upvotes, downvotes, enabled, \
             favor_bias, created_at_ms from games ",
            $rest
        )
    };
}

/// How many games there are.
pub fn count(db: &mut Read) -> Result<i64, Error> {
    let count = db.row("select count(*) from games", &[], |row| row.get(0))?;
    Ok(count.unwrap_or(0))
}

/// Every game, by pack, then title, then id; texts in the order of their bytes.
pub fn list(db: &mut Read) -> Result<Vec<Game>, Error> {
    db.rows(select!("order by pack_name, title, id"), &[], from_row)
}

/// Id, pack and title of every game, in the same order: what an index holds, and so much faster to read.
pub fn names(db: &mut Read) -> Result<Vec<(i64, String, String)>, Error> {
    db.rows("select id, pack_name, title from games order by pack_name, title", &[], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })
}

/// The whole library.
pub fn library(db: &mut Read) -> Result<Library, Error> {
    Ok(Library::new(list(db)?, packs::list(db)?))
}

/// One game.
pub fn get(db: &mut Read, id: i64) -> Result<Option<Game>, Error> {
    db.row(select!("where id = ?1"), &[id.into()], from_row)
}

/// Keeps others from adding, renaming and removing games until the transaction ends.
pub fn lock_library(tx: &mut Tx) -> Result<(), Error> {
    if let Some(lock) = dialect::lock_library(tx.dialect()) {
        tx.run(lock, &[])?;
    }
    Ok(())
}

/// Reads a game after keeping others from changing it, or playing it, until the transaction ends.
pub fn lock(tx: &mut Tx, id: i64) -> Result<Option<Game>, Error> {
    if let Some(lock) = dialect::lock_games(tx.dialect(), 1) {
        tx.run(&lock, &[id.into()])?;
    }
    get(tx, id)
}

/// The id of the game of that title in that pack.
pub fn find(db: &mut Read, pack_name: &str, title: &str) -> Result<Option<i64>, Error> {
    db.row(
        "select id from games where pack_name = ?1 and title = ?2",
        &[pack_name.into(), title.into()],
        |row| row.get(0),
    )
}

/// Adds a game, enabled, without votes and neither liked nor disliked; returns its id.
///
/// # Errors
/// [`Error::Conflict`] when the pack has a game of that title; the job may go on.
pub fn insert(tx: &mut Tx, game: &NewGame, at: Timestamp) -> Result<i64, Error> {
    insert_with(tx, game, true, 0, at)
}

/// Adds a game without votes; returns its id.
///
/// # Errors
/// [`Error::Conflict`] when the pack has a game of that title; the job may go on.
pub fn insert_with(
    tx: &mut Tx,
    game: &NewGame,
    enabled: bool,
    favor_bias: i64,
    at: Timestamp,
) -> Result<i64, Error> {
    let id = tx.row(
        "insert into games (pack_name, title, min_players, max_players, length_minutes, has_audience, \
         family_friendly, game_type, secondary_type, play_count, upvotes, downvotes, enabled, \
         favor_bias, created_at_ms) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, ?10, ?11, ?12) \
         on conflict (pack_name, title) do nothing returning id",
        &[
            (&game.pack_name).into(),
            (&game.title).into(),
            game.min_players.into(),
            game.max_players.into(),
            game.length_minutes.into(),
            game.has_audience.into(),
            game.family_friendly.into(),
            game.game_type.as_ref().into(),
            game.secondary_type.as_ref().into(),
            enabled.into(),
            favor_bias.into(),
            at.into(),
        ],
        |row| row.get(0),
    )?;
    let id = id.ok_or_else(|| Error::Conflict("the pack has a game of that title".into()))?;
    packs::ensure(tx, &[&game.pack_name], at)?;
    Ok(id)
}

/// Adds games without votes, in their order, but for those whose pack has a game of that title; returns
/// how many were added.
pub fn insert_all(tx: &mut Tx, entries: &[&GameEntry], at: Timestamp) -> Result<u64, Error> {
    const COLUMNS: usize = 12;
    let mut added = 0;
    for chunk in rows::chunks(entries) {
        let mut params: Vec<Value<'_>> = Vec::with_capacity(chunk.len() * COLUMNS);
        for GameEntry { game, enabled, favor_bias } in chunk {
            params.extend::<[Value<'_>; 2]>([(&game.pack_name).into(), (&game.title).into()]);
            params.extend(features(game));
            params.extend::<[Value<'_>; 3]>([
                enabled.unwrap_or(true).into(),
                favor_bias.unwrap_or(0).into(),
                at.into(),
            ]);
        }
        let mut row = ["?"; COLUMNS + 3];
        row[COLUMNS..].fill("0");
        let sql = format!(
            "insert into games (pack_name, title, min_players, max_players, length_minutes, has_audience, \
             family_friendly, game_type, secondary_type, enabled, favor_bias, created_at_ms, \
             play_count, upvotes, downvotes) values {} on conflict (pack_name, title) do nothing",
            rows::places(chunk.len(), &row)
        );
        added += tx.run(&sql, &params)?;
    }
    let mut seen = HashSet::new();
    let names = entries.iter().map(|entry| entry.game.pack_name.as_str());
    let names: Vec<_> = names.filter(|name| seen.insert(*name)).collect();
    packs::ensure(tx, &names, at)?;
    Ok(added)
}

/// Makes games what a list says of them, each of them given by its id, but for its pack and title. Being
/// on the list enables it, unless the list says otherwise; how much the picker likes it stays when the
/// list is silent. Its votes and plays stay.
pub fn replace_all(tx: &mut Tx, entries: &[(i64, &GameEntry)]) -> Result<(), Error> {
    const ROW: [&str; 10] = [
        "cast(? as bigint)",
        "cast(? as bigint)",
        "cast(? as bigint)",
        "cast(? as bigint)",
        "cast(? as boolean)",
        "cast(? as boolean)",
        "?",
        "?",
        "cast(? as boolean)",
        "cast(? as bigint)",
    ];
    for chunk in rows::chunks(entries) {
        let mut params: Vec<Value<'_>> = Vec::with_capacity(chunk.len() * ROW.len());
        for (id, GameEntry { game, enabled, favor_bias }) in chunk {
            params.push((*id).into());
            params.extend(features(game));
            params.extend::<[Value<'_>; 2]>([enabled.unwrap_or(true).into(), (*favor_bias).into()]);
        }
        let sql = format!(
            "with listed (id, min_players, max_players, length_minutes, has_audience, family_friendly, \
             game_type, secondary_type, enabled, favor_bias) as (values {}) \
             update games set min_players = listed.min_players, max_players = listed.max_players, \
             length_minutes = listed.length_minutes, has_audience = listed.has_audience, \
             family_friendly = listed.family_friendly, game_type = listed.game_type, \
             secondary_type = listed.secondary_type, enabled = listed.enabled, \
             favor_bias = coalesce(listed.favor_bias, games.favor_bias) \
             from listed where games.id = listed.id",
            rows::places(chunk.len(), &ROW)
        );
        tx.run(&sql, &params)?;
    }
    Ok(())
}

/// What a game is besides its name, from `min_players` to `secondary_type`.
fn features(game: &NewGame) -> [Value<'_>; 7] {
    [
        game.min_players.into(),
        game.max_players.into(),
        game.length_minutes.into(),
        game.has_audience.into(),
        game.family_friendly.into(),
        game.game_type.as_ref().into(),
        game.secondary_type.as_ref().into(),
    ]
}

/// Writes everything of a game that people may change; its votes and plays stay. The pack that it
/// has left may be empty afterwards, see [`packs::remove_empty`].
///
/// # Errors
/// [`Error::NotFound`] for an unknown game. That its name is free is for the caller to see to.
pub fn update(tx: &mut Tx, game: &Game, at: Timestamp) -> Result<(), Error> {
    let changed = tx.run(
        "update games set pack_name = ?2, title = ?3, min_players = ?4, max_players = ?5, \
         length_minutes = ?6, has_audience = ?7, family_friendly = ?8, game_type = ?9, \
         secondary_type = ?10, enabled = ?11, favor_bias = ?12 where id = ?1",
        &[
            game.id.into(),
            (&game.pack_name).into(),
            (&game.title).into(),
            game.min_players.into(),
            game.max_players.into(),
            game.length_minutes.into(),
            game.has_audience.into(),
            game.family_friendly.into(),
            game.game_type.as_ref().into(),
            game.secondary_type.as_ref().into(),
            game.enabled.into(),
            game.favor_bias.into(),
        ],
    )?;
    if changed == 0 {
        return Err(Error::NotFound);
    }
    packs::ensure(tx, &[&game.pack_name], at)
}

/// Whether a row of `games` has left a trace.
macro_rules! has_history {
    () => {
        "(games.play_count > 0 or games.upvotes > 0 or games.downvotes > 0 \
          or exists (select 1 from session_games s where s.game_id = games.id) \
          or exists (select 1 from votes v where v.game_id = games.id))"
    };
}

/// Whether a game has left a trace: it was played, or voted on.
pub fn has_history(db: &mut Read, id: i64) -> Result<bool, Error> {
    let found =
        db.row(concat!("select 1 from games where id = ?1 and ", has_history!()), &[id.into()], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Removes a game that has no history and is locked. Its pack may be empty afterwards, see
/// [`packs::remove_empty`].
///
/// # Errors
/// [`Error::NotFound`] for an unknown game.
pub fn delete(tx: &mut Tx, id: i64) -> Result<(), Error> {
    let deleted = tx.run("delete from games where id = ?1", &[id.into()])?;
    if deleted == 0 { Err(Error::NotFound) } else { Ok(()) }
}

/// Removes those of these games that have no history, and disables the others; returns how many of each
/// there are. Packs may be empty afterwards, see [`packs::remove_empty`].
pub fn retire_all(tx: &mut Tx, ids: &[i64]) -> Result<(u64, u64), Error> {
    let (mut removed, mut disabled) = (0, 0);
    for chunk in rows::chunks(ids) {
        let params: Vec<Value<'_>> = chunk.iter().map(|id| (*id).into()).collect();
        if let Some(lock) = dialect::lock_games(tx.dialect(), chunk.len()) {
            tx.run(&lock, &params)?;
        }
        let places = dialect::places(chunk.len());
        let history = has_history!();
        removed += tx.run(&format!("delete from games where id in ({places}) and not {history}"), &params)?;
        disabled += tx.run(&format!("update games set enabled = false where id in ({places})"), &params)?;
    }
    Ok((removed, disabled))
}

/// Enables or disables every game of a pack; returns how many it has.
pub fn set_pack_enabled(tx: &mut Tx, pack_name: &str, enabled: bool) -> Result<u64, Error> {
    tx.run("update games set enabled = ?2 where pack_name = ?1", &[pack_name.into(), enabled.into()])
}

/// Enables a disabled game and disables an enabled one.
///
/// # Errors
/// [`Error::NotFound`] for an unknown game.
pub fn toggle(tx: &mut Tx, id: i64) -> Result<Game, Error> {
    tx.run("update games set enabled = not enabled where id = ?1", &[id.into()])?;
    get(tx, id)?.ok_or(Error::NotFound)
}

/// Sets how much the picker likes a game.
///
/// # Errors
/// [`Error::NotFound`] for an unknown game.
pub fn set_favor_bias(tx: &mut Tx, id: i64, favor_bias: i64) -> Result<Game, Error> {
    tx.run("update games set favor_bias = ?2 where id = ?1", &[id.into(), favor_bias.into()])?;
    get(tx, id)?.ok_or(Error::NotFound)
}

/// The games that a session has played last, `rows` at most, the latest first.
pub fn played_in(db: &mut Read, session_id: i64, rows: usize) -> Result<Vec<i64>, Error> {
    db.rows(
        "select game_id from session_games where session_id = ?1 \
         order by played_at_ms desc, id desc limit ?2",
        &[session_id.into(), limit(rows)],
        |row| row.get(0),
    )
}

fn from_row(row: &Row<'_>) -> Result<Game, Error> {
    Ok(Game {
        id: row.get(0)?,
        pack_name: row.get(1)?,
        title: row.get(2)?,
        min_players: row.get(3)?,
        max_players: row.get(4)?,
        length_minutes: row.get(5)?,
        has_audience: row.get(6)?,
        family_friendly: row.get(7)?,
        game_type: row.get(8)?,
        secondary_type: row.get(9)?,
        play_count: row.get(10)?,
        upvotes: row.get(11)?,
        downvotes: row.get(12)?,
        enabled: row.get(13)?,
        favor_bias: row.get(14)?,
        created_at: row.time(15)?,
    })
}
