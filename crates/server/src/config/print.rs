//! The configuration as people read it: the effective values with where they came from, and the
//! reference of all keys. Secrets are hidden before they get here.

use std::fmt::Write;

use super::{
    Channels, Config,
    channels::{self, HISTORIES, HISTORY_KEYS, RULE_KEYS, RULES},
    error::Origin,
    key::Key,
    keys::KEYS,
    load::Loaded,
    webhooks::{ENDPOINT_KEYS, ENDPOINTS, Endpoint},
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
        line(&mut text, key, &loaded.config, &comment(origin));
    }
    let Channels { rules, history, .. } = &loaded.config.channels;
    list(&mut text, RULES, RULE_KEYS, rules, &loaded.rule_origins);
    list(&mut text, HISTORIES, HISTORY_KEYS, history, &loaded.history_origins);
    let endpoints = &loaded.config.webhooks.endpoints;
    list(&mut text, ENDPOINTS, ENDPOINT_KEYS, endpoints, &loaded.endpoint_origins);
    text
}

/// A list of tables; a comment says on which line each begins.
fn list<T>(text: &mut String, name: &str, keys: &[Key<T>], tables: &[T], origins: &[Origin]) {
    for (table, origin) in tables.iter().zip(origins) {
        let _ = write!(text, "\n[[{name}]]{}\n", comment(origin));
        for key in keys {
            line(text, key, table, "");
        }
    }
}

/// A path may hold a line break, which would end the comment.
fn comment(origin: &Origin) -> String {
    format!("  # {}", origin.to_string().replace(char::is_control, " "))
}

fn line<T>(text: &mut String, key: &Key<T>, target: &T, comment: &str) {
    let name = key.short_name();
    let _ = match key.shown(target) {
        Some(value) => writeln!(text, "{name} = {value}{comment}"),
        None => writeln!(text, "# {name} is not set: {}{comment}", key.unset),
    };
}

/// What can be set, for a terminal: each key with its variables, its flag, its range and its
/// default.
pub(crate) fn reference() -> String {
    let defaults = Config::default();
    let mut text =
        String::from("What can be set, in a file by these names (a dot separates table and key):\n");
    for key in KEYS {
        describe(&mut text, key, &defaults, &names(key));
    }
    let _ = write!(text, "\nWho may subscribe to channels, in the file alone, each under [[{RULES}]]:\n");
    for key in RULE_KEYS {
        describe(&mut text, key, &channels::a_rule(), "");
    }
    let _ = write!(text, "\nWhat is kept of channels, in the file alone, each under [[{HISTORIES}]]:\n");
    for key in HISTORY_KEYS {
        describe(&mut text, key, &channels::a_history(), "");
    }
    let _ = write!(text, "\nWebhooks, in the file alone, each under [[{ENDPOINTS}]]:\n");
    let defaults = Endpoint::new("", [""; 0]);
    for key in ENDPOINT_KEYS {
        describe(&mut text, key, &defaults, "");
    }
    text
}

fn describe<T>(text: &mut String, key: &Key<T>, defaults: &T, names: &str) {
    let _ = write!(text, "\n{}\n  {}.\n", key.name, key.doc);
    if !names.is_empty() {
        let _ = writeln!(text, "  {names}");
    }
    let takes = key.expects();
    let _ = match key.shown(defaults).filter(|_| !key.needed) {
        Some(value) => writeln!(text, "  Takes {takes}; default {value}"),
        None if key.needed => writeln!(text, "  Takes {takes}; must be set"),
        None => writeln!(text, "  Takes {takes}; when not set: {}", key.unset),
    };
}

fn names(key: &Key) -> String {
    let flag = key.flag.as_ref().map(|flag| format!("--{}", flag.name));
    let names = [flag, Some(key.env()), key.also_env.map(str::to_owned)];
    names.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
