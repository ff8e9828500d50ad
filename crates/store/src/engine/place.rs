//! Whether a SQLite database's files are still where they were opened.
//!
//! A file that was renamed, deleted or replaced can be written as before, and is not what the next start
//! will find: what is accepted then would be lost.

use std::{ffi::OsString, fs, os::unix::fs::MetadataExt, path::PathBuf};

/// A path and what it led to.
struct Named {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// The files of an open database that hold what was committed: it and its log.
pub(crate) struct Place(Vec<Named>);

impl Place {
    /// What `database` and the log beside it lead to now. One that cannot be looked at is not watched.
    pub(crate) fn of(database: &std::path::Path) -> Self {
        // The log lies beside the file itself, not beside a link to it.
        let database = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
        let mut log = OsString::from(&database);
        log.push("-wal");
        let named = [database, log.into()].into_iter().filter_map(|path| {
            let metadata = fs::metadata(&path).ok()?;
            Some(Named { path, device: metadata.dev(), inode: metadata.ino() })
        });
        Self(named.collect())
    }

    /// Whether the paths still lead to the same files. Looks at names only: to open and close one of the
    /// files would drop SQLite's locks on it.
    pub(crate) fn holds(&self) -> bool {
        self.0.iter().all(|named| {
            fs::metadata(&named.path)
                .is_ok_and(|found| (found.dev(), found.ino()) == (named.device, named.inode))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_lost_with_either_file_and_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| folder.path().join(name);
        for name in ["db", "db-wal"] {
            fs::write(file(name), "").expect("written");
        }
        std::os::unix::fs::symlink(file("db"), file("link")).expect("a link");
        let place = Place::of(&file("link"));
        assert!(place.holds());
        for name in ["db", "db-wal"] {
            fs::rename(file(name), file("aside")).expect("renamed");
            assert!(!place.holds(), "{name} is gone");
            fs::write(file(name), "").expect("written");
            assert!(!place.holds(), "{name} is another");
            fs::rename(file("aside"), file(name)).expect("renamed");
            assert!(place.holds(), "{name} is back");
        }
    }
}
