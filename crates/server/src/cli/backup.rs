//! `fanfare backup`: a copy of the database while a server works with it, or while none does.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fanfare_store::{
    Location,
    backup::{self, BackupError, Progress as Step},
};

use super::{Failure, progress::Progress, runtime, say, serve::Signals};
use crate::config::Config;

/// What SQLite and this program put beside a database under its name.
const BESIDE_A_DATABASE: [&str; 4] = ["", "-wal", "-shm", ".lock"];

/// Where to.
#[derive(clap::Args)]
pub(super) struct BackupArgs {
    /// The copy to make
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

/// Makes the copy under another name, checks it, and gives it its name only then. On SIGINT and
/// SIGTERM nothing of it is left.
pub(super) fn backup(config: &Config, args: BackupArgs) -> Result<ExitCode, Failure> {
    let location = config.store_options()?.location;
    if let Location::Postgres(_) = location {
        return Err(Failure::Setting(BackupError::NoFile.to_string()));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (file, asked) = (args.file.clone(), stop.clone());
    let (ended, interrupted) = runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let mut work = tokio::task::spawn_blocking(move || write(&location, &args, &asked));
        let mut interrupted = None;
        loop {
            tokio::select! {
                ended = &mut work => {
                    let ended = ended.map_err(|error| Failure::Environment(error.to_string()))?;
                    return Ok::<_, Failure>((ended, interrupted));
                }
                signal = signals.next() => {
                    stop.store(true, Ordering::Relaxed);
                    interrupted = Some(signal.exit_code);
                }
            }
        }
    })?;
    match (ended, interrupted) {
        (Ok(bytes), _) => {
            say(&format!("{}: {bytes} bytes written and checked", file.display()));
            Ok(ExitCode::SUCCESS)
        }
        (Err(_), Some(exit_code)) => {
            say("fanfare: interrupted");
            Ok(exit_code.into())
        }
        (Err(problem), None) => Err(Failure::Environment(problem)),
    }
}

/// Returns the size of the copy in bytes; an error is one line.
fn write(location: &Location, args: &BackupArgs, stop: &Arc<AtomicBool>) -> Result<u64, String> {
    let refused = |error: &io::Error| format!("cannot write {}: {error}", args.file.display());
    // Behind links, which stay.
    let path = fs::canonicalize(&args.file).unwrap_or_else(|_| args.file.clone());
    may_write(location, args, &path)?;
    let draft = Draft::new(&path).map_err(|error| refused(&error))?;
    let progress = Progress::of_copy();
    let bytes = backup::copy(location, &draft.path, stop, &mut |now| match now {
        Step::Copied(done, total) => progress.copied(done, total),
        Step::Checking => progress.checking(),
    })
    .map_err(|error| match error {
        // The name that was asked for says more than that of the draft.
        BackupError::Unwritable { text, .. } => format!("cannot write {}: {text}", args.file.display()),
        other => other.to_string(),
    })?;
    // Somebody may have made the file meanwhile.
    may_write(location, args, &path)?;
    draft.publish(&path).map_err(|error| refused(&error))?;
    Ok(bytes)
}

/// Whether nothing is there that must stay.
fn may_write(location: &Location, args: &BackupArgs, path: &Path) -> Result<(), String> {
    let Ok(there) = fs::metadata(path) else { return Ok(()) };
    let shown = args.file.display();
    if !there.is_file() {
        return Err(format!("{shown} is there already and is no file"));
    }
    if let Location::Sqlite(database) = location
        && beside(database).any(|own| own.dev() == there.dev() && own.ino() == there.ino())
    {
        return Err(format!("{shown} belongs to the database itself"));
    }
    if args.force { Ok(()) } else { Err(format!("{shown} is there already; --force replaces it")) }
}

/// The database's own files, as far as they are there.
fn beside(database: &Path) -> impl Iterator<Item = fs::Metadata> {
    let database = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
    BESIDE_A_DATABASE.into_iter().filter_map(move |end| {
        let mut name = OsString::from(&database);
        name.push(end);
        fs::metadata(name).ok()
    })
}

/// A file under a name of its own beside the one it is to become, removed when it does not.
struct Draft {
    path: PathBuf,
}

impl Draft {
    /// Makes it, for its owner alone: it will hold secrets.
    fn new(becomes: &Path) -> io::Result<Self> {
        let name = becomes.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut draft_name = name.to_owned();
        draft_name.push(format!(".{}.part", std::process::id()));
        let path = becomes.with_file_name(draft_name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path })
    }

    /// Gives it its name, for good.
    fn publish(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        match File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()) {
            // Some file systems have no such thing.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Under its new name it is no longer there; SQLite's files beside it are gone with its connection.
        let _ = fs::remove_file(&self.path);
    }
}
