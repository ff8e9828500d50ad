//! The data folder: it is made here, held by one process at a time, and keeps the secret that
//! tokens are signed with. What else lies in it (the database, the configuration file) is the
//! business of others.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::config::Secret;

const LOCK_NAME: &str = "fanfare.lock";
const JWT_SECRET_NAME: &str = "jwt-secret";
const JWT_SECRET_BYTES: usize = 32;
/// More than a lock or a secret ever holds.
const READ_MAX_BYTES: u64 = 1_024;

/// Why the data folder cannot be used; one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataFolderError {
    /// Another process holds it.
    #[error("the data folder {} is in use by {holder}", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// `process N`.
        holder: String,
    },
    /// The system refuses something.
    #[error("cannot use {}: {problem}", path.display())]
    Unusable {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// The secret's file holds something else.
    #[error(
        "{} does not hold a secret of {} hexadecimal digits: restore it from a backup, or delete it \
         to have a new one made, which ends all tokens",
        path.display(),
        JWT_SECRET_BYTES * 2
    )]
    BadSecret {
        /// The file.
        path: PathBuf,
    },
}

/// A data folder that this process holds until the value is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// The system releases the lock when the file is closed, however the process ends.
    _lock: File,
}

/// Makes the folder (for its owner alone) when it is missing, and takes its lock.
pub(crate) fn open(path: &Path) -> Result<DataFolder, DataFolderError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| unusable(path, &error))?;
    let lock_path = path.join(LOCK_NAME);
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock_path)
        .map_err(|error| unusable(&lock_path, &error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(DataFolderError::InUse { path: path.to_owned(), holder: holder(&lock) });
        }
        Err(TryLockError::Error(error)) => return Err(unusable(&lock_path, &error)),
    }
    let written = lock.set_len(0).and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()));
    written.map_err(|error| unusable(&lock_path, &error))?;
    Ok(DataFolder { path: path.to_owned(), _lock: lock })
}

impl DataFolder {
    /// The secret that tokens are signed with, made when there is none yet. A file that holds
    /// something else is left alone: it may be what is left of a secret somebody wants back.
    pub(crate) fn jwt_secret(&self) -> Result<Secret, DataFolderError> {
        let path = self.path.join(JWT_SECRET_NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.new_jwt_secret(&path),
            Err(error) => return Err(unusable(&path, &error)),
        };
        narrow(&path, &file).map_err(|error| unusable(&path, &error))?;
        read_secret(path, file)
    }

    /// The file appears under its name only once it is whole and on the disk, so that a crash
    /// leaves a good secret or none.
    fn new_jwt_secret(&self, path: &Path) -> Result<Secret, DataFolderError> {
        let mut bytes = [0; JWT_SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| unusable(path, &error))?;
        let secret = hex::encode(bytes);
        let draft = path.with_extension("new");
        let write = || -> io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(format!("{secret}\n").as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&draft, path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|error| unusable(path, &error))?;
        Ok(Secret(secret))
    }
}

/// The secret that the server of this folder signs tokens with; `None` when none was made yet.
/// Takes no lock: a server may well run there.
pub(crate) fn find_jwt_secret(folder: &Path) -> Result<Option<Secret>, DataFolderError> {
    let path = folder.join(JWT_SECRET_NAME);
    match File::open(&path) {
        Ok(file) => read_secret(path, file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(&path, &error)),
    }
}

fn read_secret(path: PathBuf, file: File) -> Result<Secret, DataFolderError> {
    let mut bytes = Vec::new();
    file.take(READ_MAX_BYTES).read_to_end(&mut bytes).map_err(|error| unusable(&path, &error))?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    match hex::decode(text) {
        Ok(secret) if secret.len() == JWT_SECRET_BYTES => Ok(Secret(text.to_owned())),
        _ => Err(DataFolderError::BadSecret { path }),
    }
}

fn unusable(path: &Path, problem: &impl std::fmt::Display) -> DataFolderError {
    DataFolderError::Unusable { path: path.to_owned(), problem: problem.to_string() }
}

/// Who wrote the lock; it may not have written its number yet.
fn holder(lock: &File) -> String {
    let mut text = String::new();
    let read = lock.take(READ_MAX_BYTES).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(pid) if read.is_ok() => format!("process {pid}"),
        _ => "another process".to_owned(),
    }
}

/// Takes the file away from everybody but its owner.
fn narrow(path: &Path, file: &File) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode() & 0o777;
    let others = mode & 0o077;
    if others == 0 {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), mode = format!("{mode:o}"), "others could read the secret; narrowed to 600");
    file.set_permissions(Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777
    }

    #[test]
    fn a_missing_folder_is_made_for_its_owner_alone() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let path = temp.path().join("a/b");
        let _folder = open(&path).expect("made");
        assert_eq!(mode(&path), 0o700);
        let pid = std::fs::read_to_string(path.join(LOCK_NAME)).expect("the lock");
        assert_eq!(pid, std::process::id().to_string());
    }

    #[test]
    fn a_folder_is_held_until_it_is_dropped() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let first = open(temp.path()).expect("free");
        let error = open(temp.path()).expect_err("held").to_string();
        let expected =
            format!("the data folder {} is in use by process {}", temp.path().display(), std::process::id());
        assert_eq!(error, expected);
        drop(first);
        open(temp.path()).expect("free again");
    }

    #[test]
    fn a_path_below_a_file_is_refused_in_one_line() {
        let temp = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = open(&temp.path().join("data")).expect_err("no folder").to_string();
        assert!(error.starts_with("cannot use ") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn the_secret_is_made_once_and_private() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let folder = open(temp.path()).expect("free");
        assert!(find_jwt_secret(temp.path()).expect("looked for").is_none());
        let secret = folder.jwt_secret().expect("made");
        assert_eq!(secret.0.len(), 64);
        assert_eq!(mode(&temp.path().join(JWT_SECRET_NAME)), 0o600);
        assert!(folder.jwt_secret().expect("read") == secret);
        assert!(
            find_jwt_secret(temp.path()).expect("read, though the folder is held") == Some(secret.clone())
        );
        drop(folder);
        assert!(open(temp.path()).expect("free").jwt_secret().expect("read") == secret);
        assert!(!temp.path().join("jwt-secret.new").exists());
    }

    #[test]
    fn a_crash_before_the_rename_is_survived() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let draft = temp.path().join("jwt-secret.new");
        std::fs::write(&draft, "half").expect("written");
        std::fs::set_permissions(&draft, Permissions::from_mode(0o644)).expect("ours");
        let secret = open(temp.path()).expect("free").jwt_secret().expect("made");
        assert_eq!(secret.0.len(), 64);
        assert_eq!(mode(&temp.path().join(JWT_SECRET_NAME)), 0o600);
    }

    #[test]
    fn a_damaged_secret_is_refused_and_kept() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let folder = open(temp.path()).expect("free");
        let path = temp.path().join(JWT_SECRET_NAME);
        for damaged in ["", "\n", "abc", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            std::fs::write(&path, damaged).expect("written");
            let error = folder.jwt_secret().expect_err("damaged").to_string();
            assert!(error.contains("restore it from a backup, or delete it"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).expect("still there"), damaged);
        }
    }

    #[test]
    fn a_secret_that_others_can_read_is_narrowed() {
        let temp = tempfile::tempdir().expect("a temporary folder");
        let folder = open(temp.path()).expect("free");
        let secret = folder.jwt_secret().expect("made");
        let path = temp.path().join(JWT_SECRET_NAME);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("ours");
        assert!(folder.jwt_secret().expect("read") == secret);
        assert_eq!(mode(&path), 0o600);
    }
}
