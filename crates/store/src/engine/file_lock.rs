//! One process per SQLite file: a lock file beside it, for as long as the store is open.
//!
//! SQLite itself lets several processes write in turn; two servers on one file would both send
//! what is due.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process,
};

use crate::OpenError;

/// More than a process id takes.
const HOLDER_MAX_BYTES: u64 = 32;

/// Holds the lock until it is dropped; the system releases it however the process ends.
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of this database file, which need not exist yet.
    ///
    /// # Errors
    /// [`OpenError::Held`] when another store has it, of this process or of another.
    pub(crate) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = lock_path(database);
        let unavailable = |error: io::Error| OpenError::Unavailable(format!("{}: {error}", path.display()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unavailable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Held(holder(&file))),
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
        file.set_len(0).and_then(|()| write!(file, "{}", process::id())).map_err(unavailable)?;
        Ok(Self { _file: file })
    }
}

/// Beside the file itself, so that a link to it leads to the same lock.
fn lock_path(database: &Path) -> PathBuf {
    let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let mut path = OsString::from(database);
    path.push(".lock");
    path.into()
}

/// Who holds the lock, by what it wrote.
fn holder(file: &File) -> String {
    let mut text = String::new();
    match file.take(HOLDER_MAX_BYTES).read_to_string(&mut text) {
        Ok(_) if !text.is_empty() => format!("process {text}"),
        _ => "another process".to_owned(),
    }
}
