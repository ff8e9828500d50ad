//! The configuration file: TOML taken apart into keys with their lines. What a value must look
//! like is not known here.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use toml::de::{DeTable, DeValue};

use super::{
    Config,
    channels::{HISTORIES, HISTORY_KEYS, History, RULE_KEYS, RULES, Rule},
    error::{ConfigError, Origin},
    key::Key,
    keys::KEYS,
    value::Value,
    webhooks::{ENDPOINT_KEYS, ENDPOINTS, Endpoint},
};

/// The largest configuration file, in bytes (1 MiB).
const FILE_MAX_BYTES: u64 = 1 << 20;
/// The most edits between an unknown name and the one that is suggested for it.
const SUGGESTION_MAX_EDITS: usize = 3;

/// One key of the file. Like everything that may hold a secret in the open, it has no `Debug`.
pub(super) struct Entry<T: 'static = Config> {
    pub(super) key: &'static Key<T>,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A table of a list of tables.
pub(super) struct Table<T: 'static> {
    /// In their order.
    pub(super) entries: Vec<Entry<T>>,
    /// The line on which it begins.
    pub(super) origin: Origin,
}

impl<T> Table<T> {
    /// Sets what it says; whatever of `keys` must be set has to be there. An error names the line and
    /// the key.
    pub(super) fn fill(&self, target: &mut T, keys: &'static [Key<T>]) -> Result<(), ConfigError> {
        for Entry { key, value, origin } in &self.entries {
            let wrong =
                |problem: String| ConfigError::Value { origin: origin.clone(), name: key.name, problem };
            key.set(target, value).map_err(wrong)?;
        }
        let is_there = |key: &&Key<T>| self.entries.iter().any(|entry| entry.key.name == key.name);
        match keys.iter().filter(|key| key.needed).find(|key| !is_there(key)) {
            Some(key) => {
                let problem = "is missing".to_owned();
                Err(ConfigError::Value { origin: self.origin.clone(), name: key.name, problem })
            }
            None => Ok(()),
        }
    }

    /// The line of a key, or that of the table without it.
    pub(super) fn origin_of(&self, name: &str) -> &Origin {
        let entry = self.entries.iter().find(|entry| entry.key.name == name);
        entry.map_or(&self.origin, |entry| &entry.origin)
    }
}

/// The lists of tables that there are.
const LISTS: [&str; 3] = [ENDPOINTS, RULES, HISTORIES];

/// What a file says.
#[derive(Default)]
pub(super) struct Contents {
    /// In their order.
    pub(super) entries: Vec<Entry>,
    /// Each of `[[webhooks.endpoints]]`, in their order.
    pub(super) endpoints: Vec<Table<Endpoint>>,
    /// Each of `[[channels.rules]]`, in their order.
    pub(super) rules: Vec<Table<Rule>>,
    /// Each of `[[channels.history]]`, in their order.
    pub(super) histories: Vec<Table<History>>,
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
pub(super) fn contents(path: &Path, text: &str) -> Result<Contents, ConfigError> {
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
    let mut contents = Contents::default();
    for (offset, name, value) in leaves {
        match name.as_str() {
            ENDPOINTS => contents.endpoints = tables(ENDPOINTS, ENDPOINT_KEYS, value, offset, &origin)?,
            RULES => contents.rules = tables(RULES, RULE_KEYS, value, offset, &origin)?,
            HISTORIES => contents.histories = tables(HISTORIES, HISTORY_KEYS, value, offset, &origin)?,
            _ => contents.entries.push(entry(name, value, origin(offset))?),
        }
    }
    Ok(contents)
}

/// The list of tables that begins at `start`.
fn tables<T>(
    list: &str,
    keys: &'static [Key<T>],
    value: &DeValue<'_>,
    start: usize,
    origin: &impl Fn(usize) -> Origin,
) -> Result<Vec<Table<T>>, ConfigError> {
    let no_list = |offset| {
        let problem = format!("\"{list}\" is a list of tables: write [[{list}]] and its keys below");
        ConfigError::Syntax { origin: origin(offset), problem }
    };
    let DeValue::Array(items) = value else { return Err(no_list(start)) };
    let mut tables = Vec::with_capacity(items.len());
    for item in items {
        let DeValue::Table(fields) = item.get_ref() else { return Err(no_list(item.span().start)) };
        let mut leaves: Vec<_> = fields.iter().collect();
        leaves.sort_by_key(|(name, _)| name.span().start);
        let mut entries = Vec::with_capacity(leaves.len());
        for (name, value) in leaves {
            let (name, origin) = (format!("{list}.{}", name.get_ref()), origin(name.span().start));
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                let known = keys.iter().map(|key| key.name);
                let nearest = nearest(&name, known).map(str::to_owned);
                return Err(ConfigError::Unknown { origin, what: "key", name, nearest });
            };
            entries.push(Entry { key, value: Value::from_toml(value.get_ref()), origin });
        }
        tables.push(Table { entries, origin: origin(item.span().start) });
    }
    Ok(tables)
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
        ("key", KEYS.iter().map(|key| key.name).chain(LISTS).collect())
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
