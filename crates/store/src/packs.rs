//! The packs that games come in. A pack has a row for as long as it has a game.

use fanfare_model::{Timestamp, library::Pack};

use crate::{Error, Read, Tx, engine::Row};

/// A pack in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFigures {
    /// Its name.
    pub name: String,
    /// Its games.
    pub total_count: i64,
    /// Those that may be picked.
    pub enabled_count: i64,
    /// Times that one of them was played.
    pub total_plays: i64,
    /// −1, 0 or 1: how much the picker likes its games.
    pub favor_bias: i64,
}

/// Every pack, by name, in the order of its bytes.
pub fn list(db: &mut Read) -> Result<Vec<Pack>, Error> {
    db.rows("select id, name, favor_bias, created_at_ms from packs order by name", &[], from_row)
}

/// Every pack in figures, by name, in the order of its bytes.
pub fn figures(db: &mut Read) -> Result<Vec<PackFigures>, Error> {
    db.rows(
        "select p.name, count(*), cast(sum(case when g.enabled then 1 else 0 end) as bigint), \
         cast(sum(g.play_count) as bigint), p.favor_bias \
         from packs p join games g on g.pack_name = p.name \
         group by p.name, p.favor_bias order by p.name",
        &[],
        |row| {
            Ok(PackFigures {
                name: row.get(0)?,
                total_count: row.get(1)?,
                enabled_count: row.get(2)?,
                total_plays: row.get(3)?,
                favor_bias: row.get(4)?,
            })
        },
    )
}

/// Sets how much the picker likes a pack's games; returns the new row.
///
/// # Errors
/// [`Error::NotFound`] for an unknown pack.
pub fn set_favor_bias(tx: &mut Tx, id: i64, favor_bias: i64) -> Result<Pack, Error> {
    let pack = tx.row(
        "update packs set favor_bias = ?2 where id = ?1 returning id, name, favor_bias, created_at_ms",
        &[id.into(), favor_bias.into()],
        from_row,
    )?;
    pack.ok_or(Error::NotFound)
}

/// Makes the pack of a game that is about to be in it.
pub(crate) fn ensure(tx: &mut Tx, name: &str, at: Timestamp) -> Result<(), Error> {
    tx.run(
        "insert into packs (name, favor_bias, created_at_ms) values (?1, 0, ?2) on conflict (name) do nothing",
        &[name.into(), at.into()],
    )?;
    Ok(())
}

/// Removes the packs that have no game any more. Comes last in a transaction that may take a pack's
/// last game and give it another, so that the pack keeps its row.
pub fn remove_empty(tx: &mut Tx) -> Result<(), Error> {
    tx.run("delete from packs where not exists (select 1 from games where pack_name = packs.name)", &[])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<Pack, Error> {
    Ok(Pack { id: row.get(0)?, name: row.get(1)?, favor_bias: row.get(2)?, created_at: row.time(3)? })
}
