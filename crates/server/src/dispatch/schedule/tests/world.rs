//! The surroundings of a schedule in a test: a database, receivers, and what is under way.

use std::{collections::BTreeMap, sync::Arc};

use fanfare_model::{
    event::Event,
    webhook::{Origin, WebhookOptions},
};
use fanfare_store::deliveries::{InOrder, KeyPage};

use super::*;

/// A delivery's row; its id is also its event's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) webhook_id: i64,
    pub(super) key: Option<u8>,
    pub(super) test: bool,
    pub(super) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum State {
    /// Due at this moment.
    Pending(i64),
    Delivered,
    Failed,
    Held,
    Cancelled,
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    Delivered,
    /// For good.
    Failed,
    /// To be tried again after so many milliseconds.
    Retry(i64),
    /// The receiver answers that it is gone.
    Gone,
    /// To be tried again, and the receiver asks to be left alone for so many milliseconds.
    Later(i64),
}

impl Fate {
    fn sign(self) -> Sign {
        Sign {
            success: self == Self::Delivered,
            gone: self == Self::Gone,
            unsent: false,
            retry_after_ms: if let Self::Later(ms) = self { Some(ms) } else { None },
        }
    }

    fn retry_ms(self) -> Option<i64> {
        match self {
            Self::Retry(ms) | Self::Later(ms) => Some(ms),
            Self::Delivered | Self::Failed | Self::Gone => None,
        }
    }
}

/// A schedule with its surroundings. What was sent or asked for and not yet answered is kept, so
/// that a test decides the order.
pub(super) struct World {
    pub(super) schedule: Schedule,
    pub(super) now: i64,
    pub(super) rows: BTreeMap<i64, Row>,
    /// `None`: deleted.
    pub(super) webhooks: HashMap<i64, Option<bool>>,
    pub(super) options: WebhookOptions,
    /// As the database has it.
    pub(super) kept_health: HashMap<i64, Health>,
    /// As it must be in the schedule.
    pub(super) health: HashMap<i64, Health>,
    pub(super) attempts: Vec<Due>,
    /// Attempts that ended and are not recorded yet.
    pub(super) unrecorded: Vec<(Due, Fate)>,
    /// What each read saw when it began.
    pub(super) reads: VecDeque<(i64, Found)>,
    pub(super) clean_ups: VecDeque<(i64, CleanUp)>,
    pub(super) given_up: Vec<(i64, GivenUp)>,
    pub(super) sent: Vec<i64>,
    pub(super) aborted: Vec<i64>,
}

pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

pub(super) fn due(id: i64, webhook_id: i64, test: bool) -> Due {
    due_of(id, &Row { webhook_id, key: None, test, state: State::Pending(0) })
}

fn due_of(id: i64, row: &Row) -> Due {
    let event = Event {
        id,
        public_id: format!("e{id}"),
        topic: (!row.test).then(|| "session:1".to_owned()),
        seq: id,
        place: id,
        kind: "game.added".into(),
        at: at(0),
        data: "{}".into(),
    };
    Due {
        id,
        webhook_id: row.webhook_id,
        attempts: 0,
        schedule_from: 0,
        test: row.test,
        order_key: row.key.map(|key| format!("key {key}")),
        event: Arc::new(event),
    }
}

impl World {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            schedule: Schedule::new(bounds),
            now: 0,
            rows: BTreeMap::new(),
            webhooks: HashMap::new(),
            options: WebhookOptions::default(),
            kept_health: HashMap::new(),
            health: HashMap::new(),
            attempts: Vec::new(),
            unrecorded: Vec::new(),
            reads: VecDeque::new(),
            clean_ups: VecDeque::new(),
            given_up: Vec::new(),
            sent: Vec::new(),
            aborted: Vec::new(),
        }
    }

    pub(super) fn insert(&mut self, webhook_id: i64, key: Option<u8>, test: bool) -> Due {
        self.webhooks.entry(webhook_id).or_insert(Some(true));
        let id = i64::try_from(self.rows.len()).expect("few rows") + 1;
        let row = Row { webhook_id, key, test, state: State::Pending(self.now) };
        self.rows.insert(id, row);
        due_of(id, &row)
    }

    pub(super) fn commit(&mut self, webhook_id: i64) -> i64 {
        self.commit_in_order(webhook_id, None)
    }

    pub(super) fn commit_in_order(&mut self, webhook_id: i64, key: Option<u8>) -> i64 {
        let due = self.insert(webhook_id, key, false);
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
            old_secrets: Vec::new(),
            events: vec!["*".into()],
            enabled,
            disabled_reason: None,
            origin: Origin::Api,
            app: String::new(),
            options: self.options.clone(),
            created_at: at(0),
        })))
    }

    /// Changes whether a webhook is enabled; as in the database, enabling forgets how it did.
    pub(super) fn enable(&mut self, webhook_id: i64, enabled: bool) {
        let before = self.webhooks.insert(webhook_id, Some(enabled));
        if enabled && before == Some(Some(false)) {
            self.kept_health.remove(&webhook_id);
        }
        self.schedule.changed(webhook_id);
    }

    /// What the database holds at this moment.
    pub(super) fn found(&self, webhook_id: i64, rows: Option<usize>) -> Found {
        let health = self.kept_health.get(&webhook_id).copied().unwrap_or_default();
        let webhook = self.webhook(webhook_id).map(|webhook| (webhook, health));
        Found { webhook, page: rows.map(|rows| self.page(webhook_id, rows)) }
    }

    fn page(&self, webhook_id: i64, rows: usize) -> Page {
        let pending = |in_order: bool| {
            self.rows.iter().filter_map(move |(id, row)| match row.state {
                State::Pending(next_at) if row.webhook_id == webhook_id && row.key.is_some() == in_order => {
                    Some((next_at, due_of(*id, row)))
                }
                _ => None,
            })
        };
        let due: Vec<_> = pending(false)
            .filter(|(next_at, _)| *next_at <= self.now)
            .take(rows)
            .map(|(_, due)| due)
            .collect();
        let next_due = pending(false).map(|(next_at, _)| next_at).filter(|next_at| *next_at > self.now).min();
        let mut keys: BTreeMap<String, Vec<(i64, Due)>> = BTreeMap::new();
        for (next_at, due) in pending(true) {
            keys.entry(due.order_key.clone().expect("in order")).or_default().push((next_at, due));
        }
        let next_head = keys.values().map(|rows| rows[0].0).filter(|next_at| *next_at > self.now).min();
        let (mut left, mut in_order) = (rows, InOrder { next_due: next_head.map(at), ..InOrder::default() });
        for (key, mut rows) in keys.into_iter().filter(|(_, rows)| rows[0].0 <= self.now) {
            if left == 0 {
                in_order.more = true;
                break;
            }
            rows.truncate(left);
            let full = rows.len() >= left;
            let next_due = rows.iter().map(|(next_at, _)| *next_at).find(|next_at| *next_at > self.now);
            let is_due = |(next_at, _): &(i64, Due)| *next_at <= self.now;
            let due: Vec<_> = rows.into_iter().take_while(is_due).map(|(_, due)| due).collect();
            left -= due.len();
            let full = full && next_due.is_none();
            in_order.keys.push(KeyPage { key, due, full, next_due: next_due.map(at) });
        }
        Page { full: due.len() >= rows, due, next_due: next_due.map(at), in_order }
    }

    /// Lets the schedule act, and checks what must hold at every moment.
    pub(super) fn step(&mut self) {
        for action in self.schedule.advance(at(self.now)) {
            match action {
                Action::Send(due, webhook) => {
                    self.check_send(&due, &webhook);
                    self.sent.push(due.id);
                    self.attempts.push(due);
                }
                Action::Read { webhook_id, rows } => {
                    self.reads.push_back((webhook_id, self.found(webhook_id, rows)));
                }
                Action::Abort(ids) => {
                    for id in ids {
                        self.attempts.retain(|due| due.id != id);
                        self.schedule.finished(id, None, at(self.now));
                        self.aborted.push(id);
                    }
                }
                Action::CleanUp(webhook_id, clean_up) => self.clean_ups.push_back((webhook_id, clean_up)),
                Action::Remember(webhook_id, health) => {
                    assert_eq!(self.health.get(&webhook_id), Some(&health));
                    self.kept_health.insert(webhook_id, health);
                }
                Action::GiveUp(webhook, why) => self.given_up.push((webhook.0.id, why)),
            }
        }
        let bounds = self.schedule.bounds;
        assert!(self.attempts.len() <= bounds.in_flight_max);
        assert!(self.reads.len() <= bounds.reads_max);
        let max = self.options.max_in_flight.map_or(bounds.in_flight_max_per_webhook, |max| max as usize);
        for webhook_id in self.webhooks.keys() {
            let under_way = self.attempts.iter().filter(|due| due.webhook_id == *webhook_id).count();
            assert!(under_way <= max);
        }
        let waiting: usize = self.schedule.lanes.values().map(Lane::waiting).sum();
        assert_eq!(self.schedule.waiting, waiting);
    }

    fn check_send(&self, due: &Due, webhook: &SharedWebhook) {
        assert_eq!(due.webhook_id, webhook.0.id);
        assert!(webhook.0.enabled || due.test, "a disabled webhook got {}", due.id);
        let recording = self.unrecorded.iter().map(|(other, _)| other);
        let again = self.attempts.iter().chain(recording).any(|other| other.id == due.id);
        assert!(!again, "{} was sent while it was under way", due.id);
        let row = self.rows.get(&due.id).expect("only rows are sent");
        if let State::Pending(next_at) = row.state {
            assert!(next_at <= self.now, "{} was sent too early", due.id);
        } else {
            panic!("{} was sent although it is {:?}", due.id, row.state);
        }
        let health = self.health.get(&due.webhook_id).copied().unwrap_or_default();
        assert!(due.test || !health.is_held(at(self.now)), "{} was sent to one left alone", due.id);
        if row.key.is_some() {
            let waits_for = self.rows.range(..due.id).find(|(id, other)| {
                let is_over =
                    self.unrecorded.iter().any(|(ended, fate)| ended.id == **id && fate.retry_ms().is_none());
                (other.webhook_id, other.key) == (row.webhook_id, row.key)
                    && matches!(other.state, State::Pending(_))
                    && !is_over
            });
            assert_eq!(waits_for, None, "{} overtook it", due.id);
        }
    }

    pub(super) fn answer_read(&mut self) -> bool {
        let Some((webhook_id, found)) = self.reads.pop_front() else { return false };
        let is_again_unknown = self.schedule.lanes.get(&webhook_id).is_none_or(|lane| lane.pace.is_none());
        let was_disabled = self.schedule.lanes.get(&webhook_id).and_then(|lane| lane.pace.as_ref());
        let was_disabled = was_disabled.is_some_and(|(webhook, _)| !webhook.0.enabled);
        let is_outdated = self.schedule.lanes.get(&webhook_id).is_some_and(|lane| lane.read.outdated);
        if let Some((webhook, health)) = &found.webhook
            && !is_outdated
            && (is_again_unknown || was_disabled && webhook.0.enabled)
        {
            self.health.insert(webhook_id, *health);
        }
        self.schedule.read(webhook_id, Some(found), at(self.now));
        self.step();
        true
    }

    pub(super) fn finish(&mut self, place: usize, fate: Fate) {
        let due = self.attempts.remove(place);
        let health = self.health.entry(due.webhook_id).or_default();
        *health = health.after(fate.sign(), at(self.now));
        let ended = Ended { sign: fate.sign(), retried: fate.retry_ms().is_some() };
        self.schedule.finished(due.id, Some(ended), at(self.now));
        self.unrecorded.push((due, fate));
        self.step();
    }

    /// Records the oldest outcome.
    pub(super) fn record(&mut self) {
        let (due, fate) = self.unrecorded.remove(0);
        let next_at = fate.retry_ms().map(|ms| self.now + ms);
        if let Some(row) = self.rows.get_mut(&due.id) {
            match (row.state, fate) {
                (_, Fate::Delivered) => row.state = State::Delivered,
                (State::Pending(_), _) => row.state = next_at.map_or(State::Failed, State::Pending),
                _ => {}
            }
        }
        self.schedule.settled(due.id, due.webhook_id, next_at.map(at));
        self.step();
    }

    /// Sends deliveries again that are over, or calls off one that waits.
    pub(super) fn stir(&mut self, place: usize, cancel: bool) {
        let now = self.now;
        let Some((id, row)) = self.rows.iter_mut().nth(place) else { return };
        let is_under_way = self.attempts.iter().any(|due| due.id == *id)
            || self.unrecorded.iter().any(|(due, _)| due.id == *id);
        match row.state {
            State::Pending(_) if cancel => row.state = State::Cancelled,
            State::Held | State::Cancelled | State::Failed | State::Delivered if !cancel && !is_under_way => {
                row.state = State::Pending(now);
            }
            _ => return,
        }
        let webhook_id = row.webhook_id;
        self.schedule.stirred(webhook_id);
    }

    pub(super) fn clean_up(&mut self) -> bool {
        let Some((webhook_id, clean_up)) = self.clean_ups.pop_front() else { return false };
        let enabled = self.webhooks.get(&webhook_id).copied().flatten();
        for row in self.rows.values_mut() {
            if row.webhook_id == webhook_id
                && matches!(row.state, State::Pending(_))
                && (enabled.is_none() || enabled == Some(false) && !row.test)
            {
                row.state = State::Held;
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
                self.finish(0, Fate::Delivered);
            } else if !self.unrecorded.is_empty() {
                self.record();
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
        let Schedule { turns, reads_wanted, in_flight, wakes, reads, waiting, .. } = &self.schedule;
        assert!(turns.is_empty() && reads_wanted.is_empty() && in_flight.is_empty() && wakes.is_empty());
        assert_eq!((*reads, *waiting), (0, 0));
    }

    pub(super) fn pending(&self) -> Vec<i64> {
        let pending = |row: &Row| matches!(row.state, State::Pending(_));
        self.rows.iter().filter(|(_, row)| pending(row)).map(|(id, _)| *id).collect()
    }
}
