//! What a run leaves behind: everything that was asked, answered, sent, kept and shown. Plain data, so
//! that the checks are functions of it and can themselves be tested.

use std::{collections::BTreeMap, sync::Arc};

use fanfare_model::event::Event;
use fanfare_store::testing::Trail;
use serde_json::Value;

use crate::{deeds::Deed, time::Micros};

/// One run.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) hooks: Vec<Hook>,
    /// One a process, in order.
    pub(crate) lives: Vec<Life>,
    pub(crate) asked: Vec<Asked>,
    /// In order of arrival.
    pub(crate) receipts: Vec<Receipt>,
    /// What the database holds in the end.
    pub(crate) trail: Trail,
    /// What a bot heard, from the beginning to the end.
    pub(crate) followed: Vec<Followed>,
    /// What a last start shows to the world.
    pub(crate) shown: Shown,
    /// What should not have happened, whatever the rest says.
    pub(crate) odd: Vec<String>,
}

/// A webhook and what was asked of it.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) id: i64,
    pub(crate) name: &'static str,
    pub(crate) secret: String,
    pub(crate) patterns: &'static [&'static str],
    /// The order that the server promised when the webhook was made.
    pub(crate) ordering: Ordering,
    /// Whether nobody is there now and then. All others answer whatever they are sent.
    pub(crate) is_shy: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ordering {
    None,
    /// Events of one session, one after the other.
    Session,
    /// All events, one after the other.
    Fifo,
}

/// One process of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) started: Micros,
    /// When it listened; `None` for one that was killed before.
    pub(crate) ready: Option<Micros>,
    pub(crate) ended: Micros,
    pub(crate) end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// SIGKILL.
    Killed,
    /// SIGTERM, and it ended by itself.
    Stopped,
}

/// A request that changes something, from its first try to its last.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) number: u64,
    pub(crate) deed: Deed,
    /// When it was sent first.
    pub(crate) at: Micros,
    /// When it was answered or given up.
    pub(crate) until: Micros,
    /// How often it was sent.
    pub(crate) tries: u32,
    pub(crate) fate: Fate,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    /// Answered with a 2xx, and this body.
    Accepted(Value),
    /// Answered with a reason why not.
    Refused,
    /// Never answered: it may have happened or not.
    Unknown,
}

/// A request that came in at a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    /// Index into [`History::hooks`].
    pub(crate) hook: usize,
    /// Index into [`History::lives`].
    pub(crate) life: usize,
    /// `webhook-id`.
    pub(crate) id: Arc<str>,
    /// `x-webhook-event`.
    pub(crate) kind: String,
    /// `webhook-timestamp`.
    pub(crate) timestamp: String,
    /// `webhook-signature`.
    pub(crate) standard: String,
    /// `x-webhook-signature`.
    pub(crate) brief: String,
    pub(crate) body: Arc<str>,
    /// When all of it was read.
    pub(crate) at: Micros,
    pub(crate) reply: Reply,
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// This status; `at` is just before the answer was sent.
    Status { status: u16, at: Micros },
    /// Nothing: whoever asked was gone.
    Gone,
    /// Nothing: the receiver went.
    Cut,
}

impl Receipt {
    /// When it was answered with a 2xx.
    pub(crate) fn success(&self) -> Option<Micros> {
        match self.reply {
            Reply::Status { status: 200..=299, at } => Some(at),
            _ => None,
        }
    }
}

/// What a bot heard of a session while servers came and went.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) session: i64,
    /// Byte for byte.
    pub(crate) frames: Vec<String>,
    /// Whether it followed the session until everything had happened.
    pub(crate) to_the_end: bool,
}

/// What the API and a socket show.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// `GET /api/sessions`, and the games of each.
    pub(crate) sessions: Vec<(Value, Vec<Value>)>,
    /// `GET /api/games`.
    pub(crate) library: Vec<Value>,
    /// What a socket is sent that resumes each session from its beginning, byte for byte.
    pub(crate) streams: Vec<(i64, Vec<String>)>,
}

/// The session of an event; `None` of an event without one.
pub(crate) fn session_of(event: &Event) -> Option<i64> {
    event.topic.as_deref()?.strip_prefix("session:")?.parse().ok()
}

/// The last position of each session.
pub(crate) fn last_positions(trail: &Trail) -> BTreeMap<i64, i64> {
    let mut last = BTreeMap::new();
    for event in &trail.events {
        if let Some(session) = session_of(event) {
            let seq = last.entry(session).or_default();
            *seq = event.seq.max(*seq);
        }
    }
    last
}
