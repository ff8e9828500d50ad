//! What was published lately, for those who come back.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use crate::message::{Form, Position, Publication};

/// How much of a topic's past is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// Publications at most; at least one.
    pub max_messages: usize,
    /// Their bytes together, as [`Publication::size`] counts them; the last one is kept in any case.
    pub max_bytes: usize,
    /// How long one is kept, in milliseconds.
    pub max_age_ms: u64,
}

/// What a subscriber wants of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// Everything after this place, which he has reached.
    After(Position),
    /// The last publication.
    Last,
}

/// What a subscriber gets of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// In order, in the subscriber's form.
    pub missed: Vec<Bytes>,
    /// Whether it is all that was asked for. If not, nothing is in it.
    pub complete: bool,
}

/// The last publication of a topic that keeps its past.
#[derive(Clone)]
pub struct Last {
    /// What was published.
    pub publication: Arc<dyn Publication>,
    /// How much longer it is kept, in milliseconds.
    pub left_ms: u64,
}

/// The last publications of a topic.
pub(crate) struct Ring {
    history: History,
    epoch: u64,
    last: u64,
    kept: VecDeque<Kept>,
    bytes: usize,
    touched_ms: u64,
}

struct Kept {
    at_ms: u64,
    size: usize,
    publication: Arc<dyn Publication>,
}

/// What somebody missed, before it is told in a form.
pub(crate) struct Missed {
    publications: Vec<Arc<dyn Publication>>,
    /// The place before the first.
    after: Position,
}

impl Missed {
    /// All of it in a form.
    pub(crate) fn tell(&self, form: Form) -> Vec<Bytes> {
        let Position { offset, epoch } = self.after;
        let tell = |(publication, offset): (&Arc<dyn Publication>, u64)| {
            publication.form(form, Some(Position { offset, epoch }))
        };
        self.publications.iter().zip(offset + 1..).map(tell).collect()
    }
}

impl Ring {
    pub(crate) fn new(history: History, epoch: u64, now_ms: u64) -> Self {
        Self { history, epoch, last: 0, kept: VecDeque::new(), bytes: 0, touched_ms: now_ms }
    }

    pub(crate) fn position(&self) -> Position {
        Position { offset: self.last, epoch: self.epoch }
    }

    /// The history may be another one than last time.
    pub(crate) fn change(&mut self, history: History, now_ms: u64) {
        self.history = history;
        self.touch(now_ms);
        self.trim(now_ms);
    }

    /// Somebody is here, or was: he may come back for a while.
    pub(crate) fn touch(&mut self, now_ms: u64) {
        self.touched_ms = self.touched_ms.max(now_ms);
    }

    /// Keeps a publication; returns its place.
    pub(crate) fn push(&mut self, publication: &Arc<dyn Publication>, now_ms: u64) -> Position {
        self.last += 1;
        let size = publication.size();
        self.bytes = self.bytes.saturating_add(size);
        self.kept.push_back(Kept { at_ms: now_ms, size, publication: publication.clone() });
        self.trim(now_ms);
        self.position()
    }

    /// Drops what is too much or too old.
    pub(crate) fn trim(&mut self, now_ms: u64) {
        while self.kept.len() > self.history.max_messages.max(1)
            || (self.bytes > self.history.max_bytes && self.kept.len() > 1)
        {
            self.drop_first();
        }
        while let Some(first) = self.kept.front()
            && now_ms.saturating_sub(first.at_ms) > self.history.max_age_ms
        {
            self.drop_first();
        }
        if self.kept.is_empty() {
            self.kept.shrink_to(0);
        }
    }

    /// Whether nobody can come back for anything any more.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.kept.is_empty() && now_ms.saturating_sub(self.touched_ms) > self.history.max_age_ms
    }

    /// The last publication, and how much longer it is kept.
    pub(crate) fn last(&self, now_ms: u64) -> Option<Last> {
        let last = self.kept.back()?;
        let age_ms = now_ms.saturating_sub(last.at_ms);
        (age_ms <= self.history.max_age_ms).then(|| Last {
            publication: last.publication.clone(),
            left_ms: self.history.max_age_ms - age_ms,
        })
    }

    /// `None` if it is not all there.
    pub(crate) fn replay(&self, wish: Replay) -> Option<Missed> {
        let first = self.last + 1 - self.kept.len() as u64;
        let after = match wish {
            Replay::Last => {
                if self.kept.is_empty() {
                    return None;
                }
                self.last - 1
            }
            Replay::After(Position { offset, epoch }) => {
                if epoch != self.epoch || offset > self.last || offset + 1 < first {
                    return None;
                }
                offset
            }
        };
        let skipped = usize::try_from(after + 1 - first).unwrap_or(usize::MAX);
        let missed = self.kept.iter().skip(skipped).map(|kept| kept.publication.clone());
        let after = Position { offset: after, epoch: self.epoch };
        Some(Missed { publications: missed.collect(), after })
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.kept.pop_front() {
            self.bytes = self.bytes.saturating_sub(first.size);
        }
    }
}
