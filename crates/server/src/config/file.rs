//! The configuration file: TOML taken apart into keys with their lines. What a value must look
//! like is not known here.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use toml::de::{DeTable, DeValue};

use super::{
    error::{ConfigError, Origin},
    keys::{KEYS, Key},
    value::Value,
};

/// The largest configuration file, in bytes (1 MiB).
const FILE_MAX_BYTES: u64 = 1 << 20;
/// The most edits between an unknown name and the one that is suggested for it.
const SUGGESTION_MAX_EDITS: usize = 3;

/// One key of the file. Like everything that may hold a secret in the open, it has no `Debug`.
pub(super) struct Entry {
    pub(super) key: &'static Key,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// The text of the file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    let unreadable = |problem: String| ConfigError::Unreadable { path: path.to_owned(), problem };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(ConfigError::Denied { path: path.to_owned() });
        }
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let mut text = String::new();
    let read = file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text);
    match read {
        Err(error) => Err(unreadable(error.to_string())),
        Ok(bytes) if bytes as u64 > FILE_MAX_BYTES => {
            Err(unreadable(format!("is larger than {FILE_MAX_BYTES} bytes")))
        }
        Ok(_) => Ok(Some(text)),
    }
}

/// The keys of the file in its order, up to the first that does not exist.
pub(super) fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    let origin = |offset: usize| Origin::File { path: path.to_owned(), line: line_at(text, offset) };
    let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        origin: origin(error.span().map_or(0, |span| span.start)),
        problem: error.message().trim().replace('\n', "; "),
    })?;
    let mut leaves = Vec::new();
    for (name, value) in document.get_ref() {
        let known_table = KEYS.iter().any(|key| key.table() == name.get_ref().as_ref());
        match value.get_ref() {
            DeValue::Table(table) if known_table => {
                for (inner, value) in table {
                    let full = format!("{}.{}", name.get_ref(), inner.get_ref());
                    leaves.push((inner.span().start, full, value.get_ref()));
                }
            }
            value => leaves.push((name.span().start, name.get_ref().to_string(), value)),
        }
    }
    leaves.sort_by_key(|(offset, _, _)| *offset);
    leaves.into_iter().map(|(offset, name, value)| entry(name, value, origin(offset))).collect()
}

fn entry(name: String, value: &DeValue<'_>, origin: Origin) -> Result<Entry, ConfigError> {
    if let Some(key) = KEYS.iter().find(|key| key.name == name) {
        return Ok(Entry { key, value: Value::from_toml(value), origin });
    }
    if KEYS.iter().any(|key| key.table() == name) {
        let problem = format!("\"{name}\" is a table: write [{name}] and its keys below");
        return Err(ConfigError::Syntax { origin, problem });
    }
    let is_table = value.is_table();
    let (what, known): (_, Vec<&str>) = if is_table && !name.contains('.') {
        ("table", KEYS.iter().map(Key::table).filter(|table| !table.is_empty()).collect())
    } else {
        ("key", KEYS.iter().map(|key| key.name).collect())
    };
    let nearest = nearest(&name, known.into_iter()).map(str::to_owned);
    Err(ConfigError::Unknown { origin, what, name, nearest })
}

/// The known name that somebody most likely meant: one that is a few edits away, or has the same
/// last part.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    known
        .map(|candidate| {
            let whole = strsim::damerau_levenshtein(name, candidate);
            let parts = strsim::damerau_levenshtein(&last(name), &last(candidate));
            (whole.min(parts + 1), candidate)
        })
        .filter(|(edits, candidate)| *edits <= SUGGESTION_MAX_EDITS.min(candidate.len() / 2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// From 1.
fn line_at(text: &str, offset: usize) -> usize {
    1 + text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
}
