//! The lists of tables: `[[channels.rules]]` and `[[channels.history]]`.

use fanfare_model::channel::ChannelPattern;

use super::super::{
    error::ConfigError,
    file::Table,
    key::{Field, Key, key},
};

/// The list of rules in the file.
pub(in super::super) const RULES: &str = "channels.rules";
/// The list of histories in the file.
pub(in super::super) const HISTORIES: &str = "channels.history";

/// The claims of a rule.
const CLAIMS: &str = "channels.rules.claims";

/// The most messages of a channel that can be kept.
const HISTORY_MESSAGES_MAX: u64 = 10_000;
/// The longest that a message can be kept, in milliseconds (7 days).
const HISTORY_AGE_MAX_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// Lets those subscribe whose token says what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which channels it is about.
    pub channel: ChannelPattern,
    /// What must stand in the token, all of it: names of claims with their values as text, in which
    /// `{parameter}` is the channel's. Without any, any good token will do.
    pub claims: Vec<(String, String)>,
    /// Claims that the others on a presence channel are told.
    pub info_claims: Vec<String>,
}

impl Rule {
    /// A rule that any good token fits.
    pub fn new(channel: ChannelPattern) -> Self {
        Self { channel, claims: Vec::new(), info_claims: Vec::new() }
    }

    /// The same rule, which asks for one claim more.
    #[must_use]
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.claims.push((name.into(), value.into()));
        self
    }

    /// What it asks for on this channel, with the channel's parameters filled in; `None` for what has one
    /// that the channel has not. `None` altogether when it is not about the channel.
    pub(crate) fn claims_for<'a>(
        &'a self,
        channel: &'a str,
    ) -> Option<impl Iterator<Item = Option<(&'a str, String)>>> {
        let parameters = self.channel.matches(channel)?;
        Some(self.claims.iter().map(move |(name, value)| Some((name.as_str(), filled(value, &parameters)?))))
    }

    /// Whether each `{parameter}` is one of the channel's. The error says which is not.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.claims.iter().try_for_each(|(name, value)| {
            let parameters: Vec<_> = self.channel.parameters().map(|name| (name, "")).collect();
            match filled(value, &parameters) {
                Some(_) => Ok(()),
                None => Err(format!("has the value {value:?} of {name}: the channel has no such parameter")),
            }
        })
    }
}

/// `text` with the values of its parameters; `None` when it has one that is not among them, or a brace
/// without a partner.
pub(super) fn filled(text: &str, parameters: &[(&str, &str)]) -> Option<String> {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (name, after) = rest[at..].strip_prefix('{')?.split_once('}')?;
        let (_, value) = parameters.iter().find(|(known, _)| *known == name)?;
        whole.push_str(&rest[..at]);
        whole.push_str(value);
        rest = after;
    }
    whole.push_str(rest);
    Some(whole)
}

/// What is kept of the messages of some channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Which channels it is about.
    pub channel: ChannelPattern,
    /// So many of each, the newest.
    pub messages: u32,
    /// For so long.
    pub age_ms: u64,
}

/// A rule to be filled in.
pub(in super::super) fn a_rule() -> Rule {
    Rule::new(some_channel())
}

/// A history to be filled in.
pub(in super::super) fn a_history() -> History {
    History { channel: some_channel(), messages: 0, age_ms: 0 }
}

fn some_channel() -> ChannelPattern {
    ChannelPattern::parse("channel").expect("it is one")
}

/// What a rule of the file can say.
pub(in super::super) const RULE_KEYS: &[Key<Rule>] = &[
    Key {
        needed: true,
        ..key(
            "channels.rules.channel",
            "The channels it is about, such as private-user.{id}; a parameter stands for what has no dot",
            Field::Text {
                get: |rule| Some(rule.channel.to_string()),
                set: |rule, text| set_channel(&mut rule.channel, text),
            },
        )
    },
    key(
        CLAIMS,
        "What must stand in a token, such as { sub = \"{id}\" }; without any, any good token will do",
        Field::TextsByName {
            get: |rule| rule.claims.clone(),
            set: |rule, claims| {
                claims.clone_into(&mut rule.claims);
                Ok(())
            },
        },
    ),
    key(
        "channels.rules.info_claims",
        "Claims of the token that the others on a presence channel are told",
        Field::Texts {
            get: |rule| rule.info_claims.clone(),
            set: |rule, names| {
                names.clone_into(&mut rule.info_claims);
                Ok(())
            },
        },
    ),
];

/// What a history of the file can say.
pub(in super::super) const HISTORY_KEYS: &[Key<History>] = &[
    Key {
        needed: true,
        ..key(
            "channels.history.channel",
            "The channels it is about; of several that match, the first counts",
            Field::Text {
                get: |history| Some(history.channel.to_string()),
                set: |history, text| set_channel(&mut history.channel, text),
            },
        )
    },
    Key {
        needed: true,
        ..key(
            "channels.history.messages",
            "How many messages of each are kept, the newest",
            Field::Number {
                range: 1..=HISTORY_MESSAGES_MAX,
                get: |history| Some(history.messages.into()),
                set: |history, number| history.messages = u32::try_from(number).unwrap_or(u32::MAX),
            },
        )
    },
    Key {
        needed: true,
        ..key(
            "channels.history.age_ms",
            "For how long they are kept",
            Field::Number {
                range: 1..=HISTORY_AGE_MAX_MS,
                get: |history| Some(history.age_ms),
                set: |history, ms| history.age_ms = ms,
            },
        )
    },
];

fn set_channel(channel: &mut ChannelPattern, text: &str) -> Result<(), String> {
    *channel = ChannelPattern::parse(text).map_err(|error| error.to_string())?;
    Ok(())
}

/// Reads the rules of the file; an error names the line and the key.
pub(in super::super) fn rules(tables: &[Table<Rule>]) -> Result<Vec<Rule>, ConfigError> {
    let read = |table: &Table<Rule>| {
        let mut rule = a_rule();
        table.fill(&mut rule, RULE_KEYS)?;
        rule.check().map_err(|problem| ConfigError::Value {
            origin: table.origin_of(CLAIMS).clone(),
            name: CLAIMS,
            problem,
        })?;
        Ok(rule)
    };
    tables.iter().map(read).collect()
}

/// Reads the histories of the file; an error names the line and the key.
pub(in super::super) fn histories(tables: &[Table<History>]) -> Result<Vec<History>, ConfigError> {
    let read = |table: &Table<History>| {
        let mut history = a_history();
        table.fill(&mut history, HISTORY_KEYS)?;
        Ok(history)
    };
    tables.iter().map(read).collect()
}
