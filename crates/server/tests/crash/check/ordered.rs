//! Webhooks that keep an order got everything in that order, across failures and kills.
//!
//! An event may come again after a kill, and later ones with it; what counts is when it first came and
//! was first taken, and, within one life, that nothing goes back.

use std::collections::{BTreeMap, HashMap};

use fanfare_model::event::Event;

use super::{Finding, Index, Rule, name};
use crate::{
    deeds::mark_of,
    history::{Fate, Hook, Ordering, Receipt, session_of},
    time::Micros,
};

pub(super) fn check(index: &Index<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (place, hook) in index.hooks() {
        if hook.ordering == Ordering::None {
            continue;
        }
        findings.extend(first_times(index, place, hook));
        findings.extend(within_lives(index, place, hook));
        if hook.ordering == Ordering::Fifo {
            findings.extend(one_at_a_time(index, place, hook));
            findings.extend(across_sessions(index, place, hook));
        }
    }
    findings
}

/// No event of a session came before every earlier one was taken.
fn first_times(index: &Index<'_>, place: usize, hook: &Hook) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last: Option<(i64, Micros, &Event)> = None;
    for event in index.wanted(hook) {
        // What stands in no session has no place in its order.
        let Some(session) = session_of(event) else { continue };
        let before = last.filter(|(of, ..)| *of == session);
        let came = index.got(place, event).first().map(|receipt| receipt.at);
        if let (Some((_, taken, earlier)), Some(came)) = (before, came)
            && came < taken
        {
            findings.push(inverted(hook, event, earlier));
        }
        let Some(taken) = index.taken(place, event) else { continue };
        if before.is_none_or(|(_, latest, _)| taken > latest) {
            last = Some((session, taken, event));
        }
    }
    findings
}

/// Within one life nothing of a session comes after something later, and nothing later comes before
/// what has just come was taken.
fn within_lives(index: &Index<'_>, place: usize, hook: &Hook) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last: HashMap<(usize, i64), (&Receipt, &Event)> = HashMap::new();
    for receipt in index.history.receipts.iter().filter(|receipt| receipt.hook == place) {
        let Some(event) = index.events.get(&*receipt.id) else { continue };
        let Some(session) = session_of(event) else { continue };
        let Some((before, earlier)) = last.insert((receipt.life, session), (receipt, event)) else {
            continue;
        };
        let goes_back = event.seq < earlier.seq;
        let overtakes = event.seq > earlier.seq && before.success().is_none_or(|taken| taken > receipt.at);
        if goes_back {
            findings.push(inverted(hook, earlier, event));
        } else if overtakes {
            findings.push(inverted(hook, event, earlier));
        }
    }
    findings
}

/// A webhook that takes everything in one order has one request under way.
fn one_at_a_time(index: &Index<'_>, place: usize, hook: &Hook) -> Vec<Finding> {
    use crate::history::Reply;
    let mut findings = Vec::new();
    let receipts: Vec<_> = index.history.receipts.iter().filter(|receipt| receipt.hook == place).collect();
    for pair in receipts.windows(2) {
        if let Reply::Status { at, .. } = pair[0].reply
            && pair[1].at < at
        {
            let what = format!("{}: {} came while {} was under way", hook.name, pair[1].id, pair[0].id);
            findings.push(Finding::new(Rule::Inverted, what));
        }
    }
    findings
}

/// What was answered before something else was asked for is taken before it, whatever the session.
fn across_sessions(index: &Index<'_>, place: usize, hook: &Hook) -> Vec<Finding> {
    let wanted = index.wanted(hook);
    let events: HashMap<String, &Event> =
        wanted.into_iter().filter_map(|event| Some((mark_of(event)?, event))).collect();
    let accepted = index.history.asked.iter().filter(|asked| matches!(asked.fate, Fate::Accepted(_)));
    let deeds: Vec<_> =
        accepted.filter_map(|asked| Some((asked, *events.get(&asked.deed.mark(asked.number))?))).collect();
    // By the time at which each was surely done.
    let mut done: BTreeMap<(Micros, u64), (Micros, &Event)> = BTreeMap::new();
    for (asked, event) in &deeds {
        if let Some(taken) = index.taken(place, event) {
            done.insert((asked.until, asked.number), (taken, event));
        }
    }
    let mut deeds: Vec<_> = deeds.iter().collect();
    deeds.sort_by_key(|(asked, _)| asked.at);
    let (mut done, mut latest) = (done.into_iter().peekable(), None::<(Micros, &Event)>);
    let mut findings = Vec::new();
    for (asked, event) in deeds {
        while let Some((_, next)) = done.next_if(|((until, _), _)| *until < asked.at) {
            latest = latest.filter(|(taken, _)| *taken > next.0).or(Some(next));
        }
        let came = index.got(place, event).first().map(|receipt| receipt.at);
        if let (Some((taken, earlier)), Some(came)) = (latest, came)
            && came < taken
        {
            findings.push(inverted(hook, event, earlier));
        }
    }
    findings
}

fn inverted(hook: &Hook, early: &Event, late: &Event) -> Finding {
    let what = format!("{}: {} came before {} was taken", hook.name, name(early), name(late));
    Finding::new(Rule::Inverted, what)
}
