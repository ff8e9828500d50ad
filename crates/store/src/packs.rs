//! The packs that games come in. A pack has a row for as long as it has a game.

use fanfare_model::{Timestamp, library::Pack};

use crate::{
    Error, Read, Tx,
    engine::{Row, Value},
    rows,
};

/// Every pack, by name, in the order of its bytes.
pub fn list(db: &mut Read) -> Result<Vec<Pack>, Error> {
    db.rows("select id, name, favor_bias, created_at_ms from packs order by name", &[], from_row)
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

/// Makes the packs of games that are about to be in them.
pub(crate) fn ensure(tx: &mut Tx, names: &[&str], at: Timestamp) -> Result<(), Error> {
    for chunk in rows::chunks(names) {
        let params: Vec<Value<'_>> = chunk.iter().flat_map(|name| [(*name).into(), at.into()]).collect();
        let sql = format!(
            "insert into packs (name, created_at_ms, favor_bias) values {} on conflict (name) do nothing",
            rows::places(chunk.len(), &["?", "?", "0"])
        );
        tx.run(&sql, &params)?;
    }
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
