//! Puts the configuration together: defaults, then the file, then the environment, then flags,
//! each over the one before. It reads the file and nothing else; the rest is handed in.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    Config, FILE_NAME, channels,
    error::{ConfigError, Origin},
    file::{self, Contents, Entry, Table},
    key::Key,
    keys::{KEYS, PORT},
    webhooks,
};

/// The shortest secret that makes tokens as hard to forge as HS256 allows, in bytes
/// Variables of ours that set no key: which file is read, and what is logged in which format.
const NO_KEYS: &[&str] = &["FANFARE_CONFIG", "FANFARE_LOG", "FANFARE_LOG_FORMAT"];
/// (RFC 7518, section 3.2).
const JWT_SECRET_ADVISED_BYTES: usize = 32;

/// What the configuration is made from.
#[derive(Default)]
pub(crate) struct Inputs {
    /// The file that was named, if one was.
    pub(crate) file: Option<PathBuf>,
    /// The environment.
    pub(crate) environment: BTreeMap<String, OsString>,
    /// Values of flags by the name of their key.
    pub(crate) flags: BTreeMap<&'static str, String>,
}

/// A configuration that can be used.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Where each value came from, in the order of [`KEYS`].
    pub(crate) origins: Vec<Origin>,
    /// The line on which each endpoint of `config.webhooks` begins.
    pub(crate) endpoint_origins: Vec<Origin>,
    /// The same of each rule of `config.channels`.
    pub(crate) rule_origins: Vec<Origin>,
    /// The same of each history.
    pub(crate) history_origins: Vec<Origin>,
    /// The file that was looked for.
    pub(crate) file: PathBuf,
    /// Whether it was there.
    pub(crate) file_found: bool,
    /// What works but should be looked at, a line each.
    pub(crate) warnings: Vec<String>,
}

impl Loaded {
    /// Where the value of the key came from.
    pub(crate) fn origin(&self, name: &str) -> &Origin {
        let at = KEYS.iter().position(|key| key.name == name);
        at.map_or(&Origin::Default, |at| &self.origins[at])
    }

    fn apply(&mut self, entries: &[Entry]) -> Result<(), ConfigError> {
        for Entry { key, value, origin } in entries {
            key.set(&mut self.config, value).map_err(|problem| ConfigError::Value {
                origin: origin.clone(),
                name: key.name,
                problem,
            })?;
            if let Some(at) = KEYS.iter().position(|known| known.name == key.name) {
                self.origins[at] = origin.clone();
            }
        }
        Ok(())
    }
}

/// Reads the file and puts everything together.
pub(crate) fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let mut over_file = environment(&inputs.environment)?;
    over_file.extend(flags(&inputs.flags));
    // Without a named file the data folder says where the file is, so it is needed first.
    let folder = {
        let mut draft = empty();
        draft.apply(&over_file)?;
        draft.config.data
    };
    let mut loaded = empty();
    loaded.file = inputs.file.clone().unwrap_or_else(|| folder.join(FILE_NAME));
    let contents = file_contents(&loaded.file, inputs.file.is_some())?;
    loaded.file_found = contents.is_some();
    let contents = contents.unwrap_or_default();
    loaded.apply(&contents.entries)?;
    loaded.config.webhooks.endpoints = webhooks::endpoints(&contents.endpoints)?;
    loaded.endpoint_origins = lines(&contents.endpoints);
    loaded.config.channels.rules = channels::rules(&contents.rules)?;
    loaded.rule_origins = lines(&contents.rules);
    loaded.config.channels.history = channels::histories(&contents.histories)?;
    loaded.history_origins = lines(&contents.histories);
    loaded.apply(&over_file)?;
    loaded.warnings = warnings(&loaded, &inputs.environment);
    Ok(loaded)
}

/// Where tables came from, each by the line on which it begins.
fn lines<T>(tables: &[Table<T>]) -> Vec<Origin> {
    tables.iter().map(|table| table.origin.clone()).collect()
}

fn empty() -> Loaded {
    Loaded {
        config: Config::default(),
        origins: vec![Origin::Default; KEYS.len()],
        endpoint_origins: Vec::new(),
        rule_origins: Vec::new(),
        history_origins: Vec::new(),
        file: PathBuf::new(),
        file_found: false,
        warnings: Vec::new(),
    }
}

/// `named`: somebody asked for this file, so it must exist, and it may name the data folder.
fn file_contents(path: &Path, named: bool) -> Result<Option<Contents>, ConfigError> {
    let Some(text) = file::read(path)? else {
        return if named {
            Err(ConfigError::Unreadable {
                path: path.to_owned(),
                problem: "there is no such file".to_owned(),
            })
        } else {
            Ok(None)
        };
    };
    let contents = file::contents(path, &text)?;
    match contents.entries.iter().find(|entry| entry.key.name == "data") {
        Some(entry) if !named => Err(ConfigError::Value {
            origin: entry.origin.clone(),
            name: entry.key.name,
            problem:
                "cannot be set by the file in the data folder: use --data, or name the file with --config"
                    .to_owned(),
        }),
        _ => Ok(Some(contents)),
    }
}

fn environment(variables: &BTreeMap<String, OsString>) -> Result<Vec<Entry>, ConfigError> {
    let mut entries = Vec::new();
    for key in KEYS {
        let names = [Some(key.env()), key.also_env.map(str::to_owned)];
        let set = names.into_iter().flatten().find_map(|name| {
            let value = variables.get(&name).filter(|value| !value.is_empty())?;
            Some((name, value))
        });
        let Some((name, value)) = set else { continue };
        let origin = Origin::Environment(name.clone());
        let wrong = |problem: String| ConfigError::Value { origin: origin.clone(), name: key.name, problem };
        let text = value.to_str().ok_or_else(|| wrong("is not UTF-8".to_owned()))?;
        let text = if name == PORT { listen_on_port(text).map_err(wrong)? } else { text.to_owned() };
        entries.push(Entry { key, value: key.value_of_text(&text), origin });
    }
    Ok(entries)
}

fn listen_on_port(text: &str) -> Result<String, String> {
    let port: u16 = text
        .trim()
        .parse()
        .map_err(|_| format!("has the port {text:?}: expected a whole number from 0 to {}", u16::MAX))?;
    let mut address = Config::default().listen;
    address.set_port(port);
    Ok(address.to_string())
}

fn flags(values: &BTreeMap<&'static str, String>) -> Vec<Entry> {
    let entry = |key: &'static Key| {
        let text = values.get(key.name)?;
        let origin = Origin::Flag(format!("--{}", key.flag.as_ref()?.name));
        Some(Entry { key, value: key.value_of_text(text), origin })
    };
    KEYS.iter().filter_map(entry).collect()
}

fn warnings(loaded: &Loaded, variables: &BTreeMap<String, OsString>) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(secret) = &loaded.config.jwt_secret
        && secret.0.len() < JWT_SECRET_ADVISED_BYTES
    {
        warnings.push(format!(
            "jwt_secret ({}) is shorter than {JWT_SECRET_ADVISED_BYTES} bytes and can be guessed",
            loaded.origin("jwt_secret")
        ));
    }
    let known: Vec<String> = KEYS.iter().map(Key::env).collect();
    // Others may well own variables that begin like ours; only a near miss is worth a word.
    let is_known = |name: &String| known.contains(name) || NO_KEYS.contains(&name.as_str());
    for name in variables.keys().filter(|name| name.starts_with("FANFARE_") && !is_known(name)) {
        let nearest = file::nearest(name, known.iter().map(String::as_str));
        warnings.extend(nearest.map(|near| format!("unknown variable {name}; did you mean {near}?")));
    }
    warnings
}

#[cfg(test)]
pub(super) mod tests;
