//! The configuration as people read it: the effective values with where they came from, and the
//! reference of all keys. Secrets are hidden before they get here.

use std::fmt::Write;

use super::{
    Config,
    keys::{KEYS, Key},
    load::Loaded,
};

/// Every key with its effective value, as TOML; a comment says where each value came from.
pub(crate) fn print(loaded: &Loaded) -> String {
    let mut text = String::new();
    let mut table = "";
    for (key, origin) in KEYS.iter().zip(&loaded.origins) {
        if key.table() != table {
            table = key.table();
            let _ = write!(text, "\n[{table}]\n");
        }
        // A path may hold a line break, which would end the comment.
        let origin = origin.to_string().replace(char::is_control, " ");
        let _ = match key.shown(&loaded.config) {
            Some(value) => writeln!(text, "{} = {value}  # {origin}", key.short_name()),
            None => writeln!(text, "# {} is not set: {}  # {origin}", key.short_name(), key.unset),
        };
    }
    text
}

/// What can be set, for a terminal: each key with its variables, its flag, its range and its
/// default.
pub(crate) fn reference() -> String {
    let defaults = Config::default();
    let mut text =
        String::from("What can be set, in a file by these names (a dot separates table and key):\n");
    for key in KEYS {
        let _ = write!(text, "\n{}\n  {}.\n  {}\n", key.name, key.doc, names(key));
        let _ = match key.shown(&defaults) {
            Some(value) => writeln!(text, "  Takes {}; default {value}", key.expects()),
            None => writeln!(text, "  Takes {}; when not set: {}", key.expects(), key.unset),
        };
    }
    text
}

fn names(key: &Key) -> String {
    let flag = key.flag.as_ref().map(|flag| format!("--{}", flag.name));
    let names = [flag, Some(key.env()), key.also_env.map(str::to_owned)];
    names.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
