//! Game nights: starting and closing them, deleting them, taking them home.

use fanfare_model::{
    event::{self, Event, kind, session_topic},
    export::Night,
    limits::{self, CATCH_UP_PAGE_EVENTS},
    session::{Page, Session},
};
use fanfare_store::{Notice, Read, events, exports, polls, rooms, sessions};

use super::{Answer, App, Creation, Error};

const SESSION_ACTIVE: &str = "An active session already exists. Please close it before creating a new one.";
const SESSION_OPEN: &str = "Cannot delete an active session. Please close it before deleting it.";

/// What the log holds of a session's events, or of all; `first` is 1 beyond `last` when it holds none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl From<events::Span> for Span {
    fn from(span: events::Span) -> Self {
        Self { first: span.first.unsigned_abs(), last: span.last.unsigned_abs() }
    }
}

impl App {
    /// Sessions, newest first: every one, or those of a page.
    pub(crate) async fn list_sessions(&self, page: Option<Page>) -> Result<Vec<Session>, Error> {
        self.store
            .read(move |db| {
                Ok(match page {
                    Some(page) => sessions::page(db, page)?,
                    None => sessions::list(db)?,
                })
            })
            .await
    }

    pub(crate) async fn get_active_session(&self) -> Result<Option<Session>, Error> {
        self.store.read(|db| Ok(sessions::active(db)?)).await
    }

    pub(crate) async fn get_session(&self, id: i64) -> Result<Session, Error> {
        self.store.read(move |db| sessions::get(db, id)?.ok_or(Error::NO_SESSION)).await
    }

    /// Starts the one active session; emits `session.started`.
    pub(crate) async fn start_session(
        &self,
        notes: Option<String>,
        creation: Creation<Session>,
    ) -> Result<Answer, Error> {
        let seed = self.session_event(kind::SESSION_STARTED);
        self.store
            .write(move |tx| {
                creation.once(tx, seed.at, |tx| match sessions::start(tx, notes.as_deref(), seed.at)? {
                    sessions::Start::Active(id) => {
                        Err(Error::Invalid(SESSION_ACTIVE.into()).with("activeSessionId", id))
                    }
                    sessions::Start::Started(session) => {
                        tx.emit(seed.grow(session_topic(session.id), event::session_started(&session)))?;
                        Ok(session)
                    }
                })
            })
            .await
    }

    /// Closes a session, replacing its notes if new ones are given; emits `session.ended`. An open
    /// poll is closed before it, with `poll.ended`.
    pub(crate) async fn close_session(&self, id: i64, notes: Option<String>) -> Result<Session, Error> {
        let poll_end = self.poll_end();
        let seed = self.session_event(kind::SESSION_ENDED);
        self.store
            .write(move |tx| {
                let session = sessions::lock(tx, id)?.ok_or(Error::NO_SESSION)?;
                if !session.is_active {
                    return Err(Error::Invalid("Session is already closed".into()));
                }
                if let Some(poll) = polls::open_of_session(tx, id)? {
                    poll_end.close(tx, poll)?;
                }
                if rooms::remove_of_session(tx, id)? > 0 {
                    tx.notice(Notice::RoomsChanged);
                }
                let session = sessions::close(tx, id, notes.as_deref(), seed.at)?;
                tx.emit(seed.grow(session_topic(id), event::session_ended(&session)))?;
                Ok(session)
            })
            .await
    }

    /// Removes a closed session with its games, votes and polls, which is seen at once, while the rows go
    /// by and by; games keep their totals, and what was committed is still delivered.
    pub(crate) async fn delete_session(&self, id: i64) -> Result<(), Error> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                let session = sessions::lock(tx, id)?.ok_or(Error::NO_SESSION)?;
                if session.is_active {
                    return Err(Error::Invalid(SESSION_OPEN.into()));
                }
                Ok(sessions::delete(tx, id, now)?)
            })
            .await
    }

    /// Everything of a session as it is at one moment.
    pub(crate) async fn export_session(&self, id: i64) -> Result<Night, Error> {
        let (votes_max, polls_max) = (limits::EXPORT_VOTES_MAX, limits::EXPORT_POLLS_MAX);
        self.store
            .read(move |db| exports::night(db, id, votes_max, polls_max)?.ok_or(Error::NO_SESSION))
            .await
    }

    /// What the log holds of a session's events; `None` for an unknown session, be it one that was
    /// deleted and has left its events.
    pub(crate) async fn session_span(&self, session_id: i64) -> Result<Option<Span>, Error> {
        let topic = session_topic(session_id);
        let span = self
            .store
            .read(move |db| match sessions::get(db, session_id)? {
                Some(_) => Ok::<_, Error>(events::span(db, &topic)?),
                None => Ok(None),
            })
            .await?;
        Ok(span.map(Span::from))
    }

    /// A page of a session's events after `after`, in order.
    pub(crate) async fn session_events(&self, session_id: i64, after: u64) -> Result<Vec<Event>, Error> {
        let topic = session_topic(session_id);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let page = move |db: &mut Read| events::after(db, &topic, after, CATCH_UP_PAGE_EVENTS);
        self.catch_up.page(&self.store, page).await
    }
}
