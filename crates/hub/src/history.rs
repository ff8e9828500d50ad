//! What was published lately, for those who come back.

use std::{collections::VecDeque, fmt, sync::Arc};

use bytes::Bytes;

use crate::{Form, Publication};

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

/// A place in a topic's stream: the publications of one epoch count from 1 without a gap. An epoch ends
/// when the topic is forgotten, and none has the number of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The last publication before this place; 0 before the first.
    pub offset: u64,
    /// The stream.
    pub epoch: u64,
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
    publication: Arc<dyn Publication>,
}

impl Ring {
    pub(crate) fn new(history: History, epoch: u64, now_ms: u64) -> Self {
        Self { history, epoch, last: 0, kept: VecDeque::new(), bytes: 0, touched_ms: now_ms }
    }

    pub(crate) fn position(&self) -> Position {
        Position { offset: self.last, epoch: self.epoch }
    }

    /// The history may be another one than last time.
    pub(crate) fn touch(&mut self, history: History, now_ms: u64) {
        self.history = history;
        self.touched_ms = self.touched_ms.max(now_ms);
    }

    /// Keeps a publication; returns its place.
    pub(crate) fn push(&mut self, publication: &Arc<dyn Publication>, now_ms: u64) -> Position {
        self.last += 1;
        self.bytes = self.bytes.saturating_add(publication.size());
        self.kept.push_back(Kept { at_ms: now_ms, publication: publication.clone() });
        while self.kept.len() > self.history.max_messages.max(1)
            || (self.bytes > self.history.max_bytes && self.kept.len() > 1)
        {
            self.drop_first();
        }
        self.expire(now_ms);
        self.position()
    }

    /// Drops what is too old.
    pub(crate) fn expire(&mut self, now_ms: u64) {
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

    /// The last publication, and when it came.
    pub(crate) fn last(&self, now_ms: u64) -> Option<Last> {
        let last = self.kept.back()?;
        let age_ms = now_ms.saturating_sub(last.at_ms);
        (age_ms <= self.history.max_age_ms).then(|| Last {
            publication: last.publication.clone(),
            left_ms: self.history.max_age_ms - age_ms,
        })
    }

    pub(crate) fn replay(&self, wish: Replay, form: Form) -> Replayed {
        let incomplete = Replayed::default();
        let first = self.last + 1 - self.kept.len() as u64;
        let after = match wish {
            Replay::Last => {
                let Some(before_last) = self.kept.len().checked_sub(1) else { return incomplete };
                first + before_last as u64 - 1
            }
            Replay::After(Position { offset, epoch }) => {
                if epoch != self.epoch || offset > self.last || offset + 1 < first {
                    return incomplete;
                }
                offset
            }
        };
        let skipped = usize::try_from(after + 1 - first).unwrap_or(usize::MAX);
        let missed =
            self.kept.iter().zip(first..).skip(skipped).map(|(kept, offset)| {
                kept.publication.form(form, Some(Position { offset, epoch: self.epoch }))
            });
        Replayed { missed: missed.collect(), complete: true }
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.kept.pop_front() {
            self.bytes = self.bytes.saturating_sub(first.publication.size());
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("position", &self.position()).field("kept", &self.kept.len()).finish()
    }
}
