//! The figures of a run, for people.

use std::{collections::HashMap, fmt};

use crate::{
    check::{Finding, Index, Rule, repeats},
    deeds::mark_of,
    history::{End, Fate, History, Reply},
    plan::Plan,
    time::Micros,
};

/// Everything worth a line.
pub(crate) struct Figures {
    plan: Plan,
    /// SIGKILLs of a server that listened, SIGKILLs before that, SIGTERMs.
    ends: [usize; 3],
    /// Accepted, refused, asked more than once, never answered; and of the last how many happened.
    deeds: [usize; 5],
    events: usize,
    deliveries: usize,
    requests: usize,
    failures: usize,
    cut: usize,
    /// What came again after it was taken.
    repeated: usize,
    /// What was answered so shortly before a kill as the oldest of these, or was under way.
    loose: usize,
    /// The longest time before a kill at which something was taken that came again.
    unrecorded_max: Micros,
    lost: usize,
    inverted: usize,
    findings: usize,
    /// From a kill until the next server listens.
    back: Vec<Micros>,
    /// From the start of the next server until it sends the first thing again that was on its way.
    again: Vec<Micros>,
}

impl Figures {
    pub(crate) fn of(plan: &Plan, history: &History, findings: &[Finding]) -> Self {
        let index = Index::new(history);
        let count = |rule: Rule| findings.iter().filter(|finding| finding.rule == rule).count();
        let of_fate = |is: fn(&Fate) -> bool| history.asked.iter().filter(|asked| is(&asked.fate)).count();
        let receipts = &history.receipts;
        let repeated: Vec<_> = repeats(&index).collect();
        let unrecorded_max = repeated.iter().map(|(_, repeat)| repeat.before_end).max().unwrap_or(0);
        // The two last lives are those in which nothing more was asked.
        let lives = &history.lives[..history.lives.len().saturating_sub(2)];
        let of_end =
            |end, ready| lives.iter().filter(|life| life.end == end && life.ready.is_some() == ready).count();
        Self {
            plan: *plan,
            ends: [of_end(End::Killed, true), of_end(End::Killed, false), of_end(End::Stopped, true)],
            deeds: [
                of_fate(|fate| matches!(fate, Fate::Accepted(_))),
                of_fate(|fate| *fate == Fate::Refused),
                history.asked.iter().filter(|asked| asked.tries > 1).count(),
                of_fate(|fate| *fate == Fate::Unknown),
                happened_unanswered(history),
            ],
            events: history.trail.events.len(),
            deliveries: history.trail.deliveries.len(),
            requests: receipts.len(),
            failures: receipts
                .iter()
                .filter(|receipt| matches!(receipt.reply, Reply::Status { status: 300.., .. }))
                .count(),
            cut: receipts.iter().filter(|receipt| !matches!(receipt.reply, Reply::Status { .. })).count(),
            repeated: repeated.len(),
            loose: loose(history, unrecorded_max),
            unrecorded_max,
            lost: count(Rule::Lost),
            inverted: count(Rule::Inverted),
            findings: findings.len(),
            back: back(history),
            again: again(history),
        }
    }
}

/// Requests without an answer that left an event all the same.
fn happened_unanswered(history: &History) -> usize {
    let marks: Vec<_> = history.trail.events.iter().filter_map(mark_of).collect();
    let marks: std::collections::HashSet<_> = marks.into_iter().collect();
    let unknown = history.asked.iter().filter(|asked| asked.fate == Fate::Unknown);
    unknown.filter(|asked| marks.contains(&asked.deed.mark(asked.number))).count()
}

/// Requests that were under way when a kill came, or answered so shortly before it.
fn loose(history: &History, before_end: Micros) -> usize {
    let is_loose = |receipt: &&crate::history::Receipt| {
        let life = history.lives[receipt.life];
        life.end == End::Killed
            && match receipt.reply {
                Reply::Status { at, .. } => life.ended.saturating_sub(at) <= before_end,
                Reply::Gone => true,
                Reply::Cut => false,
            }
    };
    history.receipts.iter().filter(is_loose).count()
}

fn back(history: &History) -> Vec<Micros> {
    let pairs = history.lives.windows(2).filter(|pair| pair[0].end == End::Killed);
    pairs.filter_map(|pair| Some(pair[1].ready?.saturating_sub(pair[0].ended))).collect()
}

/// Of each life after a kill the first request for something that had come before and was not taken, or
/// was taken and is repeated.
fn again(history: &History) -> Vec<Micros> {
    let mut first: HashMap<usize, Micros> = HashMap::new();
    let mut seen: HashMap<(usize, &str), usize> = HashMap::new();
    for receipt in &history.receipts {
        let before = seen.insert((receipt.hook, &receipt.id), receipt.life);
        if before.is_some_and(|life| life < receipt.life && history.lives[life].end == End::Killed) {
            first
                .entry(receipt.life)
                .or_insert(receipt.at.saturating_sub(history.lives[receipt.life].started));
        }
    }
    first.into_values().collect()
}

/// The middle one and the largest, in milliseconds.
struct Spread<'a>(&'a [Micros]);

impl fmt::Display for Spread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.to_vec();
        sorted.sort_unstable();
        let (Some(middle), Some(max)) = (sorted.get(sorted.len() / 2), sorted.last()) else {
            return write!(f, "never");
        };
        write!(f, "p50 {} ms, max {} ms ({} times)", middle / 1_000, max / 1_000, sorted.len())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { database, rounds, seed } = self.plan;
        let [killed, stillborn, stopped] = self.ends;
        let [accepted, refused, retried, unknown, happened] = self.deeds;
        writeln!(f, "{}, {rounds} rounds, seed {seed}", database.name())?;
        writeln!(
            f,
            "  servers        {killed} killed, {stillborn} killed before they listened, {stopped} stopped"
        )?;
        writeln!(
            f,
            "  requests       {accepted} accepted, {refused} refused, {retried} asked again, {unknown} never answered ({happened} happened)"
        )?;
        writeln!(f, "  events         {}", self.events)?;
        writeln!(f, "  deliveries     {}", self.deliveries)?;
        writeln!(
            f,
            "  attempts       {} came in, {} were answered with a failure, {} not at all",
            self.requests, self.failures, self.cut
        )?;
        writeln!(
            f,
            "  duplicates     {} of the {} that were under way at a kill or answered in the {} ms before",
            self.repeated,
            self.loose,
            self.unrecorded_max / 1_000
        )?;
        writeln!(f, "  lost           {}", self.lost)?;
        writeln!(f, "  out of order   {}", self.inverted)?;
        writeln!(f, "  back           {}", Spread(&self.back))?;
        writeln!(f, "  sent again     {}", Spread(&self.again))?;
        write!(f, "  findings       {}", self.findings)
    }
}
