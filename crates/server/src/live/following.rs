//! Following one session by its positions, or all by their places, as sockets and event streams do, without
//! I/O.
//!
//! Whatever a reader misses (by joining late, by a gap in what the hub delivers) is read from the
//! log in pages, while the hub only notes positions; when a page was the last one, the hub is asked
//! to go live, and answers if there is more. How a reader is told is not known here.

use fanfare_hub::Release;
use fanfare_model::{event::Event, limits::CATCH_UP_PAGE_EVENTS};

use crate::app::Span;

/// Where one reader stands.
pub(super) struct Following {
    position: Position,
    /// The last position told.
    last: u64,
    stage: Stage,
}

/// By which of its numbers an event is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// The seq in its session.
    Seq,
    /// The place among all.
    Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Reading from the log; the hub may have told of a position up to which there must be something.
    CatchingUp { up_to: Option<u64> },
    /// Hearing from the hub.
    Live,
}

/// What the reader is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell<'a> {
    /// This event.
    Event(&'a Event),
    /// That nobody can say any more what happened up to this position.
    Resync(u64),
}

/// What is to be done next to catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Read the page after [`Following::last`], and hand it in.
    Read,
    /// Ask the hub to go live after [`Following::last`], and hand in its answer.
    Release,
}

/// What to do with a message of the hub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Pass it on.
    Pass,
    /// The reader knows it, or will find it in the log.
    Ignore,
    /// Something before it is missing: let the hub keep positions only, and read.
    Gap,
}

impl Following {
    /// Begins after the position that the reader has seen, or with what is to come. The hub keeps
    /// positions by now, and `span` was looked up after it began to.
    pub(super) fn begin(
        position: Position,
        span: &Span,
        after: Option<u64>,
        mut tell: impl FnMut(Tell<'_>),
    ) -> (Self, Next) {
        let last = match after {
            None => span.last,
            Some(after) if (span.first.saturating_sub(1)..=span.last).contains(&after) => after,
            Some(_) => {
                tell(Tell::Resync(span.last));
                span.last
            }
        };
        let next = if last < span.last { Next::Read } else { Next::Release };
        (Self { position, last, stage: Stage::CatchingUp { up_to: None } }, next)
    }

    /// The last position that the reader knows of.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// A page was read after [`Following::last`]; `None` if it was not asked for.
    pub(super) fn page(&mut self, events: &[Event], mut tell: impl FnMut(Tell<'_>)) -> Option<Next> {
        let Stage::CatchingUp { up_to } = self.stage else { return None };
        for event in events {
            let seq = match self.position {
                Position::Seq => event.seq,
                Position::Place => event.place,
            };
            let seq = u64::try_from(seq).unwrap_or_default();
            if seq <= self.last {
                continue;
            }
            if seq > self.last + 1 {
                tell(Tell::Resync(seq - 1));
            }
            self.last = seq;
            tell(Tell::Event(event));
        }
        // The hub heard of events that the log does not have: say so rather than ask for ever.
        if let Some(up_to) = up_to.filter(|up_to| events.is_empty() && *up_to > self.last) {
            tell(Tell::Resync(up_to));
            self.last = up_to;
        }
        Some(if events.len() < CATCH_UP_PAGE_EVENTS { Next::Release } else { Next::Read })
    }

    /// The hub was asked to go live; `None` when it has.
    pub(super) fn released(&mut self, release: Release) -> Option<Next> {
        match release {
            Release::Live => {
                self.stage = Stage::Live;
                None
            }
            Release::Behind(up_to) => {
                self.stage = Stage::CatchingUp { up_to: Some(up_to) };
                Some(Next::Read)
            }
        }
    }

    /// A message at this position came from the hub.
    pub(super) fn hub(&mut self, seq: u64) -> Heard {
        if self.stage != Stage::Live || seq <= self.last {
            Heard::Ignore
        } else if seq == self.last + 1 {
            self.last = seq;
            Heard::Pass
        } else {
            self.stage = Stage::CatchingUp { up_to: None };
            Heard::Gap
        }
    }
}
