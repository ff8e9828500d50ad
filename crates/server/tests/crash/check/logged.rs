//! The log of attempts and the rows of deliveries say what happened, and nothing else.

use std::collections::{BTreeSet, HashMap};

use fanfare_store::testing::{Attempted, Delivered};

use super::{Finding, Index, Rule, matches, name};
use crate::history::{Hook, Reply};

pub(super) fn check(index: &Index<'_>) -> Vec<Finding> {
    let trail = &index.history.trail;
    let mut attempts: HashMap<i64, Vec<&Attempted>> = HashMap::new();
    for attempt in &trail.attempts {
        attempts.entry(attempt.delivery_id).or_default().push(attempt);
    }
    let mut findings = Vec::new();
    let mut rows: HashMap<(i64, i64), &Delivered> = HashMap::new();
    for row in &trail.deliveries {
        if rows.insert((row.webhook_id, row.event_id), row).is_some() {
            findings.push(Finding::new(Rule::Log, format!("a second delivery of the same: {row:?}")));
        }
    }
    for (place, hook) in index.hooks() {
        for event in &trail.events {
            match (matches(hook, event), rows.remove(&(hook.id, event.id))) {
                (true, Some(row)) => {
                    let attempts = attempts.remove(&row.id).unwrap_or_default();
                    let replies = index.got(place, event).iter().map(|receipt| receipt.reply);
                    for what in faults(hook, row, &attempts, replies) {
                        let what = format!("{}: {}: {what}", hook.name, name(event));
                        findings.push(Finding::new(Rule::Log, what));
                    }
                }
                (true, None) => {
                    let what = format!("{}: {} has no delivery", hook.name, name(event));
                    findings.push(Finding::new(Rule::Log, what));
                }
                (false, Some(row)) => {
                    findings.push(Finding::new(Rule::Log, format!("not to be delivered: {row:?}")));
                }
                (false, None) => {}
            }
        }
    }
    let lone = rows.values().map(|row| format!("a delivery of nothing: {row:?}"));
    let astray = attempts.values().flatten().map(|row| format!("an attempt of nothing: {row:?}"));
    findings.extend(lone.chain(astray).map(|what| Finding::new(Rule::Log, what)));
    findings
}

/// What is wrong with a delivery's rows, given what its receiver answered.
fn faults(
    hook: &Hook,
    row: &Delivered,
    attempts: &[&Attempted],
    replies: impl Iterator<Item = Reply>,
) -> Vec<String> {
    let mut faults = Vec::new();
    if row.state != "delivered" {
        faults.push(format!("it is {}", row.state));
    }
    let numbers: BTreeSet<i64> = attempts.iter().map(|attempt| attempt.attempt).collect();
    if numbers.len() != attempts.len() || !numbers.iter().copied().eq(1..=row.attempts) {
        let logged: Vec<_> = attempts.iter().map(|attempt| attempt.attempt).collect();
        faults.push(format!("it had {} attempts, and those logged are {logged:?}", row.attempts));
    }
    let is_success = |attempt: &&&Attempted| matches!(attempt.response_status, Some(200..=299));
    let successes: Vec<_> = attempts.iter().filter(is_success).map(|attempt| attempt.attempt).collect();
    if successes != [row.attempts] {
        faults.push(format!("attempts {successes:?} of {} are logged as successes", row.attempts));
    }
    if attempts.iter().any(|attempt| attempt.event_id != row.event_id || attempt.webhook_id != row.webhook_id)
    {
        faults.push("an attempt is logged for something else".to_owned());
    }
    // What was answered and is not in the log was lost with a kill; what is in the log was answered.
    let mut answered: HashMap<i64, usize> = HashMap::new();
    for reply in replies {
        if let Reply::Status { status, .. } = reply {
            *answered.entry(status.into()).or_default() += 1;
        }
    }
    for status in attempts.iter().filter_map(|attempt| attempt.response_status) {
        match answered.get_mut(&status).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => faults.push(format!("an answer with {status} is logged that nobody gave")),
        }
    }
    for attempt in attempts.iter().filter(|attempt| attempt.response_status.is_none()) {
        match &attempt.error_kind {
            None => faults.push(format!("attempt {} has neither an answer nor a fault", attempt.attempt)),
            Some(kind) if !hook.is_shy => {
                faults.push(format!("attempt {} failed ({kind}) although it was answered", attempt.attempt));
            }
            Some(_) => {}
        }
    }
    faults
}
