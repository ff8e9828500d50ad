//! Every accepted request left exactly one event, every refused one none, and no event came from
//! nowhere.

use std::collections::{BTreeMap, HashMap};

use fanfare_model::event::Event;
use serde_json::Value;

use super::{Finding, Index, Rule, name};
use crate::{
    deeds::{Deed, mark_of},
    history::{Asked, Fate},
};

pub(super) fn check(index: &Index<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut marked: HashMap<String, Vec<_>> = HashMap::new();
    for event in &index.history.trail.events {
        match mark_of(event) {
            Some(mark) => marked.entry(mark).or_default().push(event),
            None => findings.push(Finding::new(Rule::Strange, format!("nobody asks for {}", name(event)))),
        }
    }
    // Two requests may ask for the same end of a session: one that was given up, and one after it.
    let mut asked: BTreeMap<String, Vec<&Asked>> = BTreeMap::new();
    for one in &index.history.asked {
        asked.entry(one.deed.mark(one.number)).or_default().push(one);
    }
    for (mark, asked) in &asked {
        let events = marked.remove(mark).unwrap_or_default();
        let is_accepted = asked.iter().any(|asked| matches!(asked.fate, Fate::Accepted(_)));
        let is_refused = asked.iter().all(|asked| asked.fate == Fate::Refused);
        let what = format!("{mark}: {:?}", asked[0].deed);
        match events.len() {
            0 if is_accepted => {
                findings.push(Finding::new(Rule::Lost, format!("{what} was accepted and has no event")));
            }
            0 => {}
            1 if is_refused => {
                findings.push(Finding::new(Rule::Strange, format!("{what} was refused and has an event")));
            }
            1 => findings.extend(asked.iter().filter_map(|asked| answered_otherwise(asked, events[0]))),
            count => {
                findings.push(Finding::new(Rule::Repeated, format!("{what} has {count} events")));
            }
        }
    }
    for event in marked.values().flatten() {
        findings.push(Finding::new(Rule::Strange, format!("nobody asked for {}", name(event))));
    }
    findings
}

/// An answer that says something else than the event.
fn answered_otherwise(asked: &Asked, event: &Event) -> Option<Finding> {
    let Fate::Accepted(answer) = &asked.fate else { return None };
    let data: Value = serde_json::from_str(&event.data).ok()?;
    let id = Value::from(event.public_id.as_str());
    let (told, heard) = match asked.deed {
        Deed::Start | Deed::Close { .. } => (&answer["id"], &data["session"]["id"]),
        Deed::Add { .. } => (&answer["game_id"], &data["game"]["id"]),
        Deed::Vote { .. } => (&answer["game"]["upvotes"], &data["totals"]["upvotes"]),
        Deed::Count { .. } => (&answer["player_count"], &data["playerCount"]),
        Deed::Fire => (&answer["id"], &id),
        Deed::Status { .. } | Deed::Room { .. } | Deed::Remove { .. } => return None,
    };
    // The answer to a second try may be as short as that it was done before.
    (told != heard && !answer.is_null()).then(|| {
        let mark = asked.deed.mark(asked.number);
        Finding::new(Rule::State, format!("{mark} was answered with {told}, and its event says {heard}"))
    })
}
