//! The surroundings of a schedule in a test: a database, receivers, and what is under way.

use std::collections::BTreeMap;

use fanfare_model::event::Event;

use super::*;

/// A delivery's row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Row {
    Pending { webhook_id: i64, next_at: i64, test: bool },
    Delivered,
    Held,
}

/// A schedule with its surroundings. What was sent or asked for and not yet answered is kept, so
/// that a test decides the order.
pub(super) struct World {
    pub(super) schedule: Schedule,
    pub(super) now: i64,
    pub(super) rows: BTreeMap<i64, Row>,
    /// `None`: deleted.
    pub(super) webhooks: HashMap<i64, Option<bool>>,
    pub(super) attempts: Vec<Due>,
    /// Attempts that ended and are not recorded yet.
    pub(super) unrecorded: Vec<Due>,
    /// What each read saw when it began.
    pub(super) reads: VecDeque<(i64, Found)>,
    pub(super) clean_ups: VecDeque<(i64, CleanUp)>,
    pub(super) sent: Vec<i64>,
    pub(super) aborted: Vec<i64>,
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

pub(super) fn due(id: i64, webhook_id: i64, test: bool) -> Due {
    let event = Event {
        id,
        public_id: format!("e{id}"),
        topic: (!test).then(|| "session:1".to_owned()),
        seq: id,
        kind: "game.added".into(),
        at: at(0),
        data: "{}".into(),
    };
    Due { id, webhook_id, attempts: 0, test, event: Arc::new(event) }
}

impl World {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            schedule: Schedule::new(bounds),
            now: 0,
            rows: BTreeMap::new(),
            webhooks: HashMap::new(),
            attempts: Vec::new(),
            unrecorded: Vec::new(),
            reads: VecDeque::new(),
            clean_ups: VecDeque::new(),
            sent: Vec::new(),
            aborted: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, webhook_id: i64, test: bool) -> Due {
        self.webhooks.entry(webhook_id).or_insert(Some(true));
        let id = i64::try_from(self.rows.len()).expect("few rows") + 1;
        self.rows.insert(id, Row::Pending { webhook_id, next_at: self.now, test });
        due(id, webhook_id, test)
    }

    pub(super) fn commit(&mut self, webhook_id: i64) -> i64 {
        let due = self.insert(webhook_id, false);
        let id = due.id;
        self.schedule.committed(due);
        id
    }

    pub(super) fn webhook(&self, id: i64) -> Option<SharedWebhook> {
        let enabled = self.webhooks.get(&id).copied().flatten()?;
        Some(SharedWebhook(Arc::new(Webhook {
            id,
            name: "bot".into(),
            url: "http://localhost/".into(),
            secret: "s".into(),
            events: vec!["*".into()],
            enabled,
            created_at: at(0),
        })))
    }

    /// What the database holds at this moment.
    pub(super) fn found(&self, webhook_id: i64, rows: Option<usize>) -> Found {
        let pending = || {
            self.rows.iter().filter_map(move |(id, row)| match *row {
                Row::Pending { webhook_id: of, next_at, test } if of == webhook_id => {
                    Some((*id, next_at, test))
                }
                _ => None,
            })
        };
        let page = rows.map(|rows| {
            let due: Vec<_> = pending()
                .filter(|(_, next_at, _)| *next_at <= self.now)
                .take(rows)
                .map(|(id, _, test)| due(id, webhook_id, test))
                .collect();
            let next_due =
                pending().map(|(_, next_at, _)| next_at).filter(|next_at| *next_at > self.now).min();
            Page { full: due.len() >= rows, due, next_due: next_due.map(at) }
        });
        Found { webhook: self.webhook(webhook_id), page }
    }

    /// Lets the schedule act, and checks what must hold at every moment.
    pub(super) fn step(&mut self) {
        for action in self.schedule.advance(at(self.now)) {
            match action {
                Action::Send(due, webhook) => {
                    assert_eq!(due.webhook_id, webhook.0.id);
                    assert!(webhook.0.enabled || due.test, "a disabled webhook got {}", due.id);
                    let again = self.attempts.iter().chain(&self.unrecorded).any(|other| other.id == due.id);
                    assert!(!again, "{} was sent while it was under way", due.id);
                    let row = self.rows.get(&due.id).copied();
                    assert_ne!(row, Some(Row::Delivered), "{} was sent again", due.id);
                    if let Some(Row::Pending { next_at, .. }) = row {
                        assert!(next_at <= self.now, "{} was sent too early", due.id);
                    }
                    self.sent.push(due.id);
                    self.attempts.push(due);
                }
                Action::Read { webhook_id, rows } => {
                    self.reads.push_back((webhook_id, self.found(webhook_id, rows)));
                }
                Action::Abort(ids) => {
                    for id in ids {
                        self.attempts.retain(|due| due.id != id);
                        self.schedule.finished(id, false, at(self.now));
                        self.aborted.push(id);
                    }
                }
                Action::CleanUp(webhook_id, clean_up) => self.clean_ups.push_back((webhook_id, clean_up)),
            }
        }
        assert!(self.attempts.len() <= self.schedule.bounds.in_flight_max);
        assert!(self.reads.len() <= self.schedule.bounds.reads_max);
        for webhook_id in self.webhooks.keys() {
            let under_way = self.attempts.iter().filter(|due| due.webhook_id == *webhook_id).count();
            assert!(under_way <= self.schedule.bounds.in_flight_max_per_webhook);
        }
    }

    pub(super) fn answer_read(&mut self) -> bool {
        let Some((webhook_id, found)) = self.reads.pop_front() else { return false };
        self.schedule.read(webhook_id, Some(found), at(self.now));
        self.step();
        true
    }

    pub(super) fn finish(&mut self, place: usize) {
        let due = self.attempts.remove(place);
        self.schedule.finished(due.id, true, at(self.now));
        self.unrecorded.push(due);
        self.step();
    }

    /// Records the oldest outcome: delivered, or to be tried again after so many milliseconds.
    pub(super) fn record(&mut self, retry_ms: Option<i64>) {
        let due = self.unrecorded.remove(0);
        let next_at = retry_ms.map(|ms| self.now + ms);
        if let Some(row @ Row::Pending { .. }) = self.rows.get_mut(&due.id) {
            *row = match next_at {
                Some(next_at) => Row::Pending { webhook_id: due.webhook_id, next_at, test: due.test },
                None => Row::Delivered,
            };
        }
        self.schedule.settled(due.id, due.webhook_id, next_at.map(at));
        self.step();
    }

    pub(super) fn clean_up(&mut self) -> bool {
        let Some((webhook_id, clean_up)) = self.clean_ups.pop_front() else { return false };
        let enabled = self.webhooks.get(&webhook_id).copied().flatten();
        for row in self.rows.values_mut() {
            if matches!(*row, Row::Pending { webhook_id: of, test, .. }
                if of == webhook_id && (enabled.is_none() || enabled == Some(false) && !test))
            {
                *row = Row::Held;
            }
        }
        self.schedule.cleaned(webhook_id, clean_up);
        self.step();
        true
    }

    /// Answers everything until nothing happens any more; every attempt succeeds.
    pub(super) fn drain(&mut self) {
        self.step();
        loop {
            while self.answer_read() || self.clean_up() {}
            if !self.attempts.is_empty() {
                self.finish(0);
            } else if !self.unrecorded.is_empty() {
                self.record(None);
            } else if let Some(wake) = self.schedule.next_wake() {
                self.now = self.now.max(wake.as_millis());
                self.step();
            } else {
                break;
            }
        }
    }

    pub(super) fn assert_at_rest(&self) {
        assert!(self.schedule.lanes.is_empty(), "state is left of webhooks without work");
        let Schedule { turns, reads_wanted, in_flight, wakes, reads, .. } = &self.schedule;
        assert!(turns.is_empty() && reads_wanted.is_empty() && in_flight.is_empty() && wakes.is_empty());
        assert_eq!(*reads, 0);
    }

    pub(super) fn pending(&self) -> Vec<i64> {
        let pending = |row: &Row| matches!(row, Row::Pending { .. });
        self.rows.iter().filter(|(_, row)| pending(row)).map(|(id, _)| *id).collect()
    }
}
