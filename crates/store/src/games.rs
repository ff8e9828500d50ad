//! The library.

use fanfare_model::{
    Timestamp,
    game::{Game, NewGame},
    library::Library,
};

use crate::{Error, Read, Tx, engine::Row, packs};

/// How many games there are.
pub fn count(db: &mut Read) -> Result<i64, Error> {
    let count = db.row("select count(*) from games", &[], |row| row.get(0))?;
    Ok(count.unwrap_or(0))
}

/// Every game, by pack, then title, then id; texts in the order of their bytes.
pub fn list(db: &mut Read) -> Result<Vec<Game>, Error> {
    db.rows(
        "select id, pack_name, title, min_players, max_players, length_minutes, has_audience, \
         family_friendly, game_type, secondary_type, play_count, upvotes, downvotes, enabled, \
         favor_bias, created_at_ms from games order by pack_name, title, id",
        &[],
        from_row,
    )
}

/// The whole library.
pub fn library(db: &mut Read) -> Result<Library, Error> {
    Ok(Library::new(list(db)?, &packs::list(db)?))
}

/// One game.
pub fn get(db: &mut Read, id: i64) -> Result<Option<Game>, Error> {
    db.row(
        "select id, pack_name, title, min_players, max_players, length_minutes, has_audience, \
         family_friendly, game_type, secondary_type, play_count, upvotes, downvotes, enabled, \
         favor_bias, created_at_ms from games where id = ?1",
        &[id.into()],
        from_row,
    )
}

/// Adds a game, enabled and without votes; returns its id.
///
/// # Errors
/// [`Error::Conflict`] when the pack has a game of that title; the job may go on.
pub fn insert(tx: &mut Tx, game: &NewGame, at: Timestamp) -> Result<i64, Error> {
    let id = tx.row(
        "insert into games (pack_name, title, min_players, max_players, length_minutes, has_audience, \
         family_friendly, game_type, secondary_type, play_count, upvotes, downvotes, enabled, \
         favor_bias, created_at_ms) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, true, 0, ?10) \
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
            at.into(),
        ],
        |row| row.get(0),
    )?;
    id.ok_or_else(|| Error::Conflict("the pack has a game of that title".into()))
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
