//! Sockets: the upgrade, one task per connection, and one sans-I/O state machine per dialect; and
//! event streams, which follow sessions in the same way. Translates between frames and the rest of
//! the server; decides nothing about games.

mod broadcasting;
mod channels;
mod close;
mod connection;
mod effect;
mod entrance;
mod following;
mod idle;
mod outbox;
mod outlet;
mod picker;
mod pusher;
mod rate;
mod shared_tcp;
mod sse;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod transcript;
mod upgrade;
mod whisper;
mod writers;

use std::sync::Arc;

use fanfare_hub::Bell;
use fanfare_model::event::Event;

#[cfg(test)]
pub(crate) use self::transcript::transcripts;
pub(crate) use self::{
    entrance::{open_broadcasting, open_pusher, ring},
    sse::{all_stream, session_stream},
    upgrade::upgrade,
    writers::Writers,
};
use crate::{
    app::{App, Error, Span},
    config,
    shutdown::Tasks,
    timers::Alarms,
};

/// What the handler of an upgrade needs.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) app: App,
    pub(crate) tasks: Tasks,
    pub(crate) settings: config::Sockets,
    /// What each channel socket has of the use cases.
    pub(crate) shared: Arc<App>,
    /// Rung when a channel socket has something to do by itself.
    pub(crate) alarms: Alarms<Bell>,
    /// Those that write what comes for channel sockets.
    pub(crate) writers: Writers,
}

/// What a connection asks of the rest of the server.
trait Sessions: Clone + Send + Sync + 'static {
    /// Whether it is a valid admin token now.
    fn is_admin_token(&self, token: &str) -> bool;
    /// What the log holds of a session; `None`: no such session.
    fn span(&self, session_id: i64) -> impl Future<Output = Result<Option<Span>, Error>> + Send;
    /// The session's events after `after`, in order, [`CATCH_UP_PAGE_EVENTS`] at most; fewer mean
    /// that there are no more.
    ///
    /// [`CATCH_UP_PAGE_EVENTS`]: fanfare_model::limits::CATCH_UP_PAGE_EVENTS
    fn events(&self, session_id: i64, after: u64) -> impl Future<Output = Result<Vec<Event>, Error>> + Send;
    /// What the log holds of all events, by place.
    fn span_of_all(&self) -> impl Future<Output = Result<Span, Error>> + Send;
    /// A page of all events, as above, by place.
    fn events_of_all(&self, after: u64) -> impl Future<Output = Result<Vec<Event>, Error>> + Send;
    /// The place of an event, if the log has it.
    fn place(&self, public_id: &str) -> impl Future<Output = Result<Option<u64>, Error>> + Send;
}

impl Sessions for App {
    fn is_admin_token(&self, token: &str) -> bool {
        self.auth.is_admin_token(token)
    }

    async fn span(&self, session_id: i64) -> Result<Option<Span>, Error> {
        self.session_span(session_id).await
    }

    async fn events(&self, session_id: i64, after: u64) -> Result<Vec<Event>, Error> {
        self.session_events(session_id, after).await
    }

    async fn span_of_all(&self) -> Result<Span, Error> {
        self.span_of_all().await
    }

    async fn events_of_all(&self, after: u64) -> Result<Vec<Event>, Error> {
        self.events_of_all(after).await
    }

    async fn place(&self, public_id: &str) -> Result<Option<u64>, Error> {
        self.place(public_id).await
    }
}
