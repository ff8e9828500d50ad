//! What a key of the configuration is: its names, what it takes, and how it reads and writes the field
//! that it belongs to. Which keys there are is `keys`' business. Nothing here reads a file or the
//! environment.

use std::ops::RangeInclusive;

use super::{
    Config, Secret,
    secret::{HIDDEN, without_password},
    value::Value,
};

/// One thing that can be set.
pub(crate) struct Key<T: 'static = Config> {
    /// As in the file, with its table: `http.connections_max`.
    pub(crate) name: &'static str,
    /// The few keys that everybody needs have a flag.
    pub(crate) flag: Option<Flag>,
    /// A second, weaker variable, for those who come from elsewhere.
    pub(crate) also_env: Option<&'static str>,
    /// A sentence for people.
    pub(crate) doc: &'static str,
    /// What holds when it is not set, for keys without a default value.
    pub(crate) unset: &'static str,
    /// Whether it must be set.
    pub(crate) needed: bool,
    pub(crate) field: Field<T>,
}

/// A flag of the command line.
pub(crate) struct Flag {
    /// Without dashes.
    pub(crate) name: &'static str,
    /// The placeholder of its value in help texts.
    pub(crate) value: &'static str,
}

/// How a key reads and writes what it belongs to. Getters return what may be shown to anybody.
pub(crate) enum Field<T> {
    Number {
        range: RangeInclusive<u64>,
        get: fn(&T) -> Option<u64>,
        set: fn(&mut T, u64),
    },
    Boolean {
        get: fn(&T) -> bool,
        set: fn(&mut T, bool),
    },
    Text {
        get: fn(&T) -> Option<String>,
        set: fn(&mut T, &str) -> Result<(), String>,
    },
    Secret {
        get: fn(&T) -> Option<String>,
        set: fn(&mut T, &str) -> Result<(), String>,
    },
    Numbers {
        get: fn(&T) -> Vec<i64>,
        set: fn(&mut T, Vec<i64>) -> Result<(), String>,
    },
    Texts {
        get: fn(&T) -> Vec<String>,
        set: fn(&mut T, &[String]) -> Result<(), String>,
    },
    /// Texts by name, for anybody to see.
    TextsByName {
        get: fn(&T) -> Vec<(String, String)>,
        set: SetByName<T>,
    },
    /// Texts by name, which may be secrets; the getter returns the names.
    SecretsByName {
        get: fn(&T) -> Vec<String>,
        set: SetByName<T>,
    },
}

/// Sets texts by name; the error says what is wrong.
pub(super) type SetByName<T> = fn(&mut T, &[(String, String)]) -> Result<(), String>;

pub(super) const fn key<T>(name: &'static str, doc: &'static str, field: Field<T>) -> Key<T> {
    Key { name, flag: None, also_env: None, doc, unset: "", needed: false, field }
}

impl<T> Key<T> {
    /// The table it stands in; empty for none.
    pub(crate) fn table(&self) -> &'static str {
        self.name.rsplit_once('.').map_or("", |(table, _)| table)
    }

    /// Its name within its table.
    pub(crate) fn short_name(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, short)| short)
    }

    /// Its variable: `FANFARE_HTTP_CONNECTIONS_MAX`.
    pub(crate) fn env(&self) -> String {
        format!("FANFARE_{}", self.name.replace('.', "_").to_ascii_uppercase())
    }

    /// What a variable or a flag says, read the way this key is written.
    pub(super) fn value_of_text(&self, text: &str) -> Value {
        let number = |text: &str| {
            let text = text.trim();
            text.parse().map_or_else(|_| Value::Text(text.to_owned()), Value::Number)
        };
        let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
        match (&self.field, text.trim()) {
            (Field::Number { .. }, _) => number(text),
            (Field::Boolean { .. }, "true") => Value::Boolean(true),
            (Field::Boolean { .. }, "false") => Value::Boolean(false),
            (Field::Numbers { .. }, _) => Value::List(items().map(number).collect()),
            (Field::Texts { .. }, _) => {
                Value::List(items().map(|item| Value::Text(item.to_owned())).collect())
            }
            _ => Value::Text(text.to_owned()),
        }
    }

    /// Whether the number that an embedding program set is one that the file may have. The error is a line.
    pub(super) fn check_number(&self, target: &T) -> Result<(), String> {
        match &self.field {
            Field::Number { range, get, .. } => match get(target).filter(|number| !range.contains(number)) {
                Some(number) => Err(format!("{} is {number}: expected {}", self.name, self.expects())),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Writes a value into the configuration; the error says what it is and what was expected.
    pub(super) fn set(&self, target: &mut T, value: &Value) -> Result<(), String> {
        let expected = || format!("is {}: expected {}", value.describe(), self.expects());
        match (&self.field, value) {
            (Field::Number { range, set, .. }, Value::Number(number)) => {
                let number = u64::try_from(*number).ok().filter(|number| range.contains(number));
                set(target, number.ok_or_else(expected)?);
                Ok(())
            }
            (Field::Boolean { set, .. }, Value::Boolean(boolean)) => {
                set(target, *boolean);
                Ok(())
            }
            (Field::Text { set, .. }, Value::Text(text)) => {
                set(target, text).map_err(|problem| format!("is {:?}: {problem}", without_password(text)))
            }
            (Field::Secret { set, .. }, Value::Text(text)) => set(target, text),
            (Field::Secret { .. }, _) => Err(format!("is not text: expected {}", self.expects())),
            (Field::Numbers { set, .. }, Value::List(items)) => {
                let numbers = items.iter().map(|item| match item {
                    Value::Number(number) => Some(*number),
                    _ => None,
                });
                let numbers = numbers.collect::<Option<Vec<_>>>().ok_or_else(expected)?;
                set(target, numbers).map_err(|problem| format!("is {}: {problem}", value.describe()))
            }
            (Field::Texts { set, .. }, Value::List(items)) => {
                let texts = items.iter().map(|item| match item {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                });
                let texts = texts.collect::<Option<Vec<_>>>().ok_or_else(expected)?;
                set(target, &texts).map_err(|problem| format!("is {}: {problem}", value.describe()))
            }
            (Field::TextsByName { set, .. } | Field::SecretsByName { set, .. }, Value::Table(fields)) => {
                let pairs = fields.iter().map(|(name, value)| match value {
                    Value::Text(text) => Ok((name.clone(), text.clone())),
                    _ => Err(format!("has a value of {name} that is not text: expected {}", self.expects())),
                });
                set(target, &pairs.collect::<Result<Vec<_>, _>>()?)
            }
            _ => Err(expected()),
        }
    }

    /// The value to show, with secrets hidden; `None` when it is not set.
    pub(crate) fn shown(&self, target: &T) -> Option<toml::Value> {
        Some(match &self.field {
            Field::Number { get, .. } => toml::Value::from(i64::try_from(get(target)?).unwrap_or(i64::MAX)),
            Field::Boolean { get, .. } => toml::Value::from(get(target)),
            Field::Text { get, .. } | Field::Secret { get, .. } => toml::Value::from(get(target)?),
            Field::Numbers { get, .. } => toml::Value::from(get(target)),
            Field::Texts { get, .. } => toml::Value::from(get(target)),
            Field::TextsByName { get, .. } => {
                let pairs = get(target).into_iter();
                toml::Value::Table(pairs.map(|(name, text)| (name, text.into())).collect())
            }
            Field::SecretsByName { get, .. } => {
                let names = get(target).into_iter();
                toml::Value::Table(names.map(|name| (name, HIDDEN.into())).collect())
            }
        })
    }

    /// What it takes, for people.
    pub(crate) fn expects(&self) -> String {
        match &self.field {
            Field::Number { range, .. } => {
                format!("a whole number from {} to {}", range.start(), range.end())
            }
            Field::Boolean { .. } => "true or false".to_owned(),
            Field::Text { .. } | Field::Secret { .. } => "text".to_owned(),
            Field::Numbers { .. } => "a list of whole numbers".to_owned(),
            Field::Texts { .. } => "a list of texts".to_owned(),
            Field::TextsByName { .. } | Field::SecretsByName { .. } => "a table of texts".to_owned(),
        }
    }
}

/// Refuses what `config print` shows in place of a secret: it was pasted from there by mistake.
pub(super) fn secret(text: &str) -> Result<Secret, String> {
    if text.is_empty() {
        return Err("is empty: expected some text, or no such key".to_owned());
    }
    if text.contains(HIDDEN) {
        return Err(format!("holds {HIDDEN}, which only stands for the secret: expected the secret itself"));
    }
    Ok(Secret(text.to_owned()))
}
