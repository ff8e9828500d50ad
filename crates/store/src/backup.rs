//! A copy of a database that a server may be using, made by another process.
//!
//! The copy is the database as it stands at one moment. Nobody waits for it: it only reads, and in
//! SQLite's write-ahead mode readers and the writer do not keep each other out. Until it is made the
//! log beside the database cannot be started over, so that grows by what is written meanwhile.

use std::{
    fs::File,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use crate::{Location, engine};
pub use crate::{engine::backup::Progress, error::BackupError};

/// Copies the database to `target`, an empty file that is there already, checks the copy and waits
/// until it is on the disk. Returns its size in bytes. Blocks meanwhile; `stop` ends it early. What
/// `target` holds after an error is of no use.
///
/// # Errors
/// See [`BackupError`].
pub fn copy(
    location: &Location,
    target: &Path,
    stop: &Arc<AtomicBool>,
    progress: &mut dyn FnMut(Progress),
) -> Result<u64, BackupError> {
    let source = match location {
        Location::Sqlite(source) => source,
        Location::Postgres(_) => return Err(BackupError::NoFile),
    };
    engine::backup::copy(source, target, stop, progress)?;
    let synced = File::open(target).and_then(|copy| copy.sync_all().and_then(|()| copy.metadata()));
    let synced = synced
        .map_err(|error| BackupError::Unwritable { path: target.to_owned(), text: error.to_string() })?;
    Ok(synced.len())
}
