//! Every event arrived at every webhook that wants it, whole and signed, and arrived again only where a
//! kill explains it.

use fanfare_model::{event::Event, signature};

use super::{Finding, Index, Rule, matches, name};
use crate::{
    history::{End, History, Hook, Life, Receipt},
    time::Micros,
};

/// How long before a kill an answer may have come that is not in the log after it, in microseconds, while
/// the server answers everybody at once; see [`patience`].
pub(super) const RECORD_MAX_US: Micros = 2_000_000;
/// Commits that an outcome may have to wait for beside its own.
const WAITS: u64 = 3;
/// Outcomes are written down in the order in which they come. One that is missing came at most so long
/// before one that is there, in microseconds.
pub(super) const OVERTAKEN_MAX_US: Micros = 1_000_000;

/// An event that a webhook had taken and got again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    /// The life that it was taken in.
    pub(crate) life: usize,
    /// When it was.
    pub(crate) taken: Micros,
    /// How long before the end of that life, in microseconds.
    pub(crate) before_end: Micros,
}

pub(super) fn check(index: &Index<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for receipt in &index.history.receipts {
        let hook = &index.history.hooks[receipt.hook];
        if let Some(event) = index.events.get(&*receipt.id) {
            findings.extend(judge(hook, receipt, event));
        } else {
            let what = format!("{}: {} {} is in no log", hook.name, receipt.kind, receipt.id);
            findings.push(Finding::new(Rule::Strange, what));
        }
    }
    for (place, hook) in index.hooks() {
        for event in index.wanted(hook) {
            if index.taken(place, event).is_none() {
                let times = index.got(place, event).len();
                let what = format!("{} never took {}, which came {times} times", hook.name, name(event));
                findings.push(Finding::new(Rule::Lost, what));
            }
        }
    }
    let (recorded, patience) = (recorded(index), patience(index));
    for (receipt, repeat) in repeats(index) {
        let (recorded, patience) = (recorded[repeat.life], patience[repeat.life]);
        findings.extend(unexplained(index, recorded, patience, receipt, repeat));
    }
    findings
}

/// For each life, how long an outcome may have waited to be written. Requests of clients wait for the
/// same database: where those took long, on a machine that has too much to do, outcomes did as well.
fn patience(index: &Index<'_>) -> Vec<Micros> {
    let longest = |life: &Life| {
        let waited = index.history.asked.iter().map(|asked| {
            let (from, to) = (asked.at.max(life.started), asked.until.min(life.ended));
            to.saturating_sub(from)
        });
        waited.max().unwrap_or(0)
    };
    index.history.lives.iter().map(|life| RECORD_MAX_US + WAITS * longest(life)).collect()
}

/// For each life, when the last thing was taken that did not come again: up to then, about, everything
/// was in the log when the life ended.
fn recorded(index: &Index<'_>) -> Vec<Micros> {
    let mut recorded = vec![0; index.history.lives.len()];
    for receipt in index.receipts.values().filter_map(|receipts| receipts.last()) {
        if let Some(taken) = receipt.success() {
            let latest = &mut recorded[receipt.life];
            *latest = taken.max(*latest);
        }
    }
    recorded
}

/// One request by itself.
fn judge(hook: &Hook, receipt: &Receipt, event: &Event) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find =
        |rule, what| findings.push(Finding::new(rule, format!("{}: {}: {what}", hook.name, name(event))));
    if !matches(hook, event) {
        find(Rule::Strange, "it is not among the webhook's events");
    }
    if *receipt.body != *event.webhook_body() || receipt.kind != event.kind {
        find(Rule::Altered, "what came is not what happened");
    }
    let body = receipt.body.as_bytes();
    let standard = receipt.timestamp.parse().map(|timestamp_s| {
        let wanted = signature::standard_header(&hook.secret, &receipt.id, timestamp_s, body);
        receipt.standard.split(' ').any(|signature| signature == wanted)
    });
    if standard != Ok(true) {
        find(Rule::Forged, "webhook-signature is wrong");
    }
    if receipt.brief != signature::brief_header(&hook.secret, body) {
        find(Rule::Forged, "x-webhook-signature is wrong");
    }
    findings
}

/// What was taken and came again: the later request, and what it repeats.
pub(crate) fn repeats<'a>(index: &Index<'a>) -> impl Iterator<Item = (&'a Receipt, Repeat)> {
    let lives = &index.history.lives;
    index.receipts.values().flat_map(|receipts| receipts.windows(2)).filter_map(|pair| {
        let (taken, life) = (pair[0].success()?, pair[0].life);
        Some((pair[1], Repeat { life, taken, before_end: lives[life].ended.saturating_sub(taken) }))
    })
}

fn unexplained(
    index: &Index<'_>,
    recorded: Micros,
    patience: Micros,
    receipt: &Receipt,
    repeat: Repeat,
) -> Option<Finding> {
    let History { hooks, lives, .. } = index.history;
    let Repeat { life, taken, before_end } = repeat;
    let overtaken = recorded.saturating_sub(taken);
    let why = if receipt.life == life {
        "in the same life".to_owned()
    } else if lives[life].end == End::Stopped {
        "although the server had time to end".to_owned()
    } else if before_end > patience {
        format!("which was {} ms before the kill", before_end / 1_000)
    } else if overtaken > OVERTAKEN_MAX_US {
        format!("and what was taken {} ms later was in the log", overtaken / 1_000)
    } else {
        return None;
    };
    let hook = hooks[receipt.hook].name;
    let what = format!("{hook}: {} {} came again after it was taken, {why}", receipt.kind, receipt.id);
    Some(Finding::new(Rule::Repeated, what))
}
