//! Small texts by key, such as the hash of the admin key.

use crate::{Error, Read, Tx};

/// The value of `key`.
pub fn get(db: &mut Read, key: &str) -> Result<Option<String>, Error> {
    db.row("select value from settings where key = ?1", &[key.into()], |row| row.get(0))
}

/// Sets the value of `key`, whether or not it had one.
pub fn set(tx: &mut Tx, key: &str, value: &str) -> Result<(), Error> {
    tx.run(
        "insert into settings (key, value) values (?1, ?2) \
         on conflict (key) do update set value = excluded.value",
        &[key.into(), value.into()],
    )?;
    Ok(())
}
