//! Whether a run kept every promise: a function of its history, without I/O and without a clock.

mod asked;
mod delivered;
mod logged;
mod ordered;
mod shown;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, fmt};

use fanfare_model::event::{Event, kind};

pub(crate) use self::delivered::repeats;
use crate::{
    history::{History, Hook, Receipt, session_of},
    time::Micros,
};

/// A promise that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// An accepted change has no event, or an event did not arrive at a webhook that wants it.
    Lost,
    /// What nobody asked for, or nobody was to get.
    Strange,
    /// A signature is wrong.
    Forged,
    /// A body is not the event's.
    Altered,
    /// A webhook got again what it had taken, and no kill explains it.
    Repeated,
    /// A webhook that keeps an order got an event before an earlier one.
    Inverted,
    /// The positions of a session's events have a hole, or a socket is told otherwise.
    Gap,
    /// The log of attempts, or a delivery's row, does not say what happened.
    Log,
    /// The API shows something else than what was accepted.
    State,
    /// Something happened that must not, see [`History::odd`].
    Odd,
}

/// One breach, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    what: String,
}

impl Finding {
    fn new(rule: Rule, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.what)
    }
}

/// Everything that is wrong with a run.
pub(crate) fn check(history: &History) -> Vec<Finding> {
    let index = Index::new(history);
    let checks = [asked::check, delivered::check, ordered::check, logged::check, shown::check];
    let mut findings: Vec<_> = checks.iter().flat_map(|check| check(&index)).collect();
    findings.extend(history.odd.iter().map(|what| Finding::new(Rule::Odd, what)));
    findings
}

/// A history, and the ways through it.
pub(crate) struct Index<'a> {
    pub(crate) history: &'a History,
    /// By `webhook-id`.
    events: HashMap<&'a str, &'a Event>,
    /// By webhook and `webhook-id`, in order of arrival.
    receipts: HashMap<(usize, &'a str), Vec<&'a Receipt>>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(history: &'a History) -> Self {
        let events = history.trail.events.iter().map(|event| (event.public_id.as_str(), event)).collect();
        let mut receipts: HashMap<_, Vec<_>> = HashMap::new();
        for receipt in &history.receipts {
            receipts.entry((receipt.hook, &*receipt.id)).or_default().push(receipt);
        }
        Self { history, events, receipts }
    }

    /// What a webhook got of an event.
    fn got(&self, hook: usize, event: &'a Event) -> &[&'a Receipt] {
        self.receipts.get(&(hook, event.public_id.as_str())).map_or(&[], Vec::as_slice)
    }

    /// When a webhook first took an event with a 2xx.
    fn taken(&self, hook: usize, event: &'a Event) -> Option<Micros> {
        self.got(hook, event).iter().find_map(|receipt| receipt.success())
    }

    fn hooks(&self) -> impl Iterator<Item = (usize, &'a Hook)> {
        self.history.hooks.iter().enumerate()
    }

    /// The events that a webhook is to get, by session and position.
    fn wanted(&self, hook: &Hook) -> Vec<&'a Event> {
        let events = &self.history.trail.events;
        let mut wanted: Vec<_> = events.iter().filter(|event| matches(hook, event)).collect();
        wanted.sort_by_key(|event| (session_of(event), event.seq));
        wanted
    }
}

/// Whether a webhook is to get an event: by its name, its family, or as one of a game night's.
fn matches(hook: &Hook, event: &Event) -> bool {
    let is_heard = |pattern: &&str| match pattern.strip_suffix(".*") {
        Some(family) => event.kind.strip_prefix(family).is_some_and(|rest| rest.starts_with('.')),
        None if *pattern == "*" => kind::ALL.contains(&event.kind.as_str()),
        None => event.kind == *pattern,
    };
    hook.patterns.iter().any(is_heard)
}

/// How people find an event.
fn name(event: &Event) -> String {
    let topic = event.topic.as_deref().unwrap_or("no stream");
    format!("{} {} ({topic}, seq {})", event.kind, event.public_id, event.seq)
}
