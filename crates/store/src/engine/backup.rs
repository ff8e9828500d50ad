//! Copying a SQLite database page by page, in one read transaction: the pages are those of one moment,
//! whatever others commit meanwhile.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    backup::{Backup, StepResult},
};

use super::sqlite;
use crate::error::BackupError;

/// Pages copied at a stretch (4 MiB), between two looks whether to stop.
const STEP_PAGES: i32 = 1_024;
/// How long one attempt to read waits for a process that keeps everybody out.
const ATTEMPT_MS: u64 = 100;
/// Attempts to read.
const ATTEMPTS_MAX: u32 = 50;
/// Pages looked at, or rows, between two looks whether to stop, while the copy is checked.
const CHECK_STEPS: i32 = 1_000;

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes of so many are copied.
    Copied(u64, u64),
    /// The copy is checked.
    Checking,
}

/// See [`crate::backup::copy`]; the copy is not synced.
pub(crate) fn copy(
    source: &Path,
    target: &Path,
    stop: &Arc<AtomicBool>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), BackupError> {
    if !source.is_file() {
        return Err(BackupError::Missing(source.to_owned()));
    }
    let unwritable =
        |error: rusqlite::Error| BackupError::Unwritable { path: target.to_owned(), text: error.to_string() };
    let database = open_source(source, stop)?;
    let mut copy = open_target(target).map_err(unwritable)?;
    copy_pages(&database, &mut copy, stop, progress).map_err(|problem| match problem {
        Problem::Stopped => BackupError::Stopped,
        Problem::Locked => BackupError::Unwritable { path: target.to_owned(), text: "it is locked".into() },
        // Who cannot read says so with an error of its own kind; a full disk is always the copy's.
        Problem::Sqlite(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => unreadable(source, &error),
            _ => unwritable(error),
        },
    })?;
    // The writer's log may be started over from here.
    drop(database);
    progress(Progress::Checking);
    // The pages say that there is a log beside them; with this the copy is one file.
    let mode = copy.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0));
    let mode = mode.map_err(unwritable)?;
    if mode != "delete" {
        return Err(BackupError::Damaged(format!("its journal mode is {mode}")));
    }
    check(&copy, stop)?;
    copy.close().map_err(|(_, error)| unwritable(error))
}

enum Problem {
    Stopped,
    /// Nobody else uses the copy, and the database is read already.
    Locked,
    Sqlite(rusqlite::Error),
}

/// Opens the database with a read transaction.
fn open_source(path: &Path, stop: &AtomicBool) -> Result<Connection, BackupError> {
    let unreadable = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => BackupError::NotOurs(path.to_owned()),
        _ => unreadable(path, &error),
    };
    let database = sqlite::connect(path, OpenFlags::empty()).map_err(unreadable)?;
    let prepared = database
        .busy_timeout(Duration::from_millis(ATTEMPT_MS))
        .and_then(|()| database.pragma_update(None, "query_only", true))
        .and_then(|()| database.execute_batch("begin"));
    prepared.map_err(unreadable)?;
    for tried in 1.. {
        // The first statement that reads takes the moment.
        match sqlite::is_ours(&database) {
            Ok(true) => return Ok(database),
            Ok(false) => return Err(BackupError::NotOurs(path.to_owned())),
            Err(error) if is_locked(&error) && tried < ATTEMPTS_MAX => {}
            Err(error) => return Err(unreadable(error)),
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    Err(BackupError::Stopped)
}

/// Opens the copy. Nobody else uses it and half of it is of no use, so it needs neither a journal nor
/// syncing.
fn open_target(path: &Path) -> rusqlite::Result<Connection> {
    let copy = sqlite::connect(path, OpenFlags::empty())?;
    copy.pragma_update(None, "journal_mode", "off")?;
    copy.pragma_update(None, "synchronous", "off")?;
    Ok(copy)
}

fn copy_pages(
    database: &Connection,
    copy: &mut Connection,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Problem> {
    let page_bytes = database.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0));
    let page_bytes = page_bytes.map_err(Problem::Sqlite)?.unsigned_abs();
    let backup = Backup::new(database, copy).map_err(Problem::Sqlite)?;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Problem::Stopped);
        }
        let outcome = backup.step(STEP_PAGES).map_err(Problem::Sqlite)?;
        let so_far = backup.progress();
        let bytes = |pages: i32| u64::from(pages.unsigned_abs()) * page_bytes;
        progress(Progress::Copied(bytes(so_far.pagecount - so_far.remaining), bytes(so_far.pagecount)));
        match outcome {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(Problem::Locked),
        }
    }
}

/// Whether the copy is sound, as far as SQLite can tell.
fn check(copy: &Connection, stop: &Arc<AtomicBool>) -> Result<(), BackupError> {
    let asked = Arc::clone(stop);
    let damaged = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => BackupError::Stopped,
        _ => BackupError::Damaged(error.to_string()),
    };
    copy.progress_handler(CHECK_STEPS, Some(move || asked.load(Ordering::Relaxed))).map_err(damaged)?;
    let verdict = copy.pragma_query_value(None, "quick_check", |row| row.get::<_, String>(0));
    match verdict.map_err(damaged)? {
        _ if stop.load(Ordering::Relaxed) => Err(BackupError::Stopped),
        verdict if verdict == "ok" => Ok(()),
        // One of what may be hundreds of lines, after those that name the database.
        verdict => {
            let line = verdict.lines().find(|line| !line.starts_with("***"));
            Err(BackupError::Damaged(line.unwrap_or("it does not say how").to_owned()))
        }
    }
}

fn is_locked(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn unreadable(path: &Path, error: &rusqlite::Error) -> BackupError {
    BackupError::Unreadable { path: path.to_owned(), text: error.to_string() }
}
