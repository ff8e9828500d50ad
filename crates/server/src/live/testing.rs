//! For tests: a log in memory in the place of the database, and what a connection has around it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fanfare_hub::{Hub, Limits};
use fanfare_model::{
    Timestamp,
    event::{Event, kind, session_topic},
    limits::{CATCH_UP_PAGE_EVENTS, MAILBOX_MAX_BYTES, MAILBOX_MAX_MESSAGES},
};

use super::{Sessions, connection::Surroundings};
use crate::{
    app::{EVERYONE, Error, Span},
    config,
    metrics::Metrics,
    shutdown::Tasks,
    timers::Clock,
};

/// Sessions and their events; clones are one log.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Inner>);

#[derive(Default)]
struct Inner {
    sessions: Mutex<BTreeMap<i64, Vec<Event>>>,
    pages_read: Mutex<Vec<(i64, u64)>>,
    is_failing: AtomicBool,
    /// Whoever has it keeps pages that are read from arriving.
    gate: tokio::sync::Mutex<()>,
}

impl Log {
    fn sessions(&self) -> MutexGuard<'_, BTreeMap<i64, Vec<Event>>> {
        self.0.sessions.lock().expect("not poisoned")
    }

    /// Which pages were read: of which session, after which event.
    pub(super) fn pages_read(&self) -> Vec<(i64, u64)> {
        self.0.pages_read.lock().expect("not poisoned").clone()
    }

    /// What is read from now on arrives only after the answer is dropped.
    pub(super) fn shut(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.gate.try_lock().expect("not shut")
    }

    pub(super) fn fail(&self) {
        self.0.is_failing.store(true, Ordering::Relaxed);
    }

    /// The events of all sessions in the order in which they were added.
    fn all(&self) -> Vec<Event> {
        let mut all: Vec<_> = self.sessions().values().flatten().cloned().collect();
        all.sort_by_key(|event| event.place);
        all
    }

    /// The event that was added last.
    pub(super) fn last(&self) -> Event {
        self.all().pop().expect("an event")
    }

    fn check(&self) -> Result<(), Error> {
        if self.0.is_failing.load(Ordering::Relaxed) {
            Err(Error::Unavailable(String::new()))
        } else {
            Ok(())
        }
    }
}

impl Sessions for Log {
    fn is_admin_token(&self, token: &str) -> bool {
        assert_ne!(token, "panic");
        token == "good"
    }

    async fn span(&self, session_id: i64) -> Result<Option<Span>, Error> {
        self.check()?;
        Ok(self.sessions().get(&session_id).map(|events| Span { first: 1, last: events.len() as u64 }))
    }

    async fn events(&self, session_id: i64, after: u64) -> Result<Vec<Event>, Error> {
        self.check()?;
        self.0.pages_read.lock().expect("not poisoned").push((session_id, after));
        let after = usize::try_from(after).expect("small");
        let page =
            self.sessions()[&session_id].iter().skip(after).take(CATCH_UP_PAGE_EVENTS).cloned().collect();
        drop(self.0.gate.lock().await);
        Ok(page)
    }

    async fn span_of_all(&self) -> Result<Span, Error> {
        self.check()?;
        Ok(Span { first: 1, last: self.all().len() as u64 })
    }

    async fn events_of_all(&self, after: u64) -> Result<Vec<Event>, Error> {
        self.check()?;
        let later = self.all().into_iter().filter(|event| event.place.unsigned_abs() > after);
        Ok(later.take(CATCH_UP_PAGE_EVENTS).collect())
    }

    async fn place(&self, public_id: &str) -> Result<Option<u64>, Error> {
        self.check()?;
        let named = self.all().into_iter().find(|event| event.public_id == public_id);
        Ok(named.map(|event| event.place.unsigned_abs()))
    }
}

/// All that a connection has around it.
pub(super) struct House {
    pub(super) log: Log,
    pub(super) hub: Hub,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    pub(super) metrics: Arc<Metrics>,
}

impl House {
    pub(super) fn new() -> Self {
        Self {
            log: Log::default(),
            hub: Hub::new(Limits {
                mailbox_max_messages: MAILBOX_MAX_MESSAGES,
                mailbox_max_bytes: MAILBOX_MAX_BYTES,
            }),
            clock: Clock::manual(Timestamp::from_millis(0)),
            tasks: Tasks::default(),
            metrics: Arc::new(Metrics::new()),
        }
    }

    pub(super) fn surroundings(&self) -> Surroundings<Log> {
        Surroundings {
            sessions: self.log.clone(),
            hub: self.hub.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            tasks: self.tasks.clone(),
            settings: config::Sockets { auth_timeout_ms: 30_000, idle_timeout_ms: 60_000 },
        }
    }

    /// Starts a session: everybody is told.
    pub(super) fn start(&self, session_id: i64) -> String {
        let frame = self.append(session_id, 0);
        self.hub.deliver(EVERYONE, 0, &Bytes::from(frame.clone()));
        frame
    }

    /// Adds an event of at least so many bytes to the log, and tells nobody; returns its frame.
    pub(super) fn append(&self, session_id: i64, bytes: usize) -> String {
        let mut sessions = self.log.sessions();
        let place = 1 + sessions.values().map(Vec::len).sum::<usize>();
        let events = sessions.entry(session_id).or_default();
        let seq = events.len() + 1;
        let event = Event {
            id: 0,
            public_id: format!("{session_id}-{seq}"),
            topic: Some(session_topic(session_id)),
            seq: i64::try_from(seq).expect("small"),
            place: i64::try_from(place).expect("small"),
            kind: if seq == 1 { kind::SESSION_STARTED } else { kind::GAME_ADDED }.to_owned(),
            at: Timestamp::from_millis(0),
            data: format!(r#"{{"padding":"{}"}}"#, "x".repeat(bytes)),
        };
        let frame = event.socket_frame();
        events.push(event);
        frame
    }

    /// Adds an event to the log and tells the session's subscribers; returns its frame.
    pub(super) fn publish(&self, session_id: i64, bytes: usize) -> String {
        let frame = self.append(session_id, bytes);
        let seq = self.log.sessions()[&session_id].len() as u64;
        self.hub.deliver(&session_topic(session_id), seq, &Bytes::from(frame.clone()));
        frame
    }

    /// Moves the clock on and lets every task see it.
    pub(super) async fn advance_ms(&self, ms: u64) {
        self.settle().await;
        self.clock.advance(Duration::from_millis(ms));
        self.settle().await;
    }

    /// Lets every task go on as far as it can.
    pub(super) async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// Lets every task go on until `is_so`.
    pub(super) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if is_so(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it never came about");
    }
}
