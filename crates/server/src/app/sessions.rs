//! Game nights: starting and closing them, and the games played in them.

use fanfare_model::{
    event::{self, Event, kind, session_topic},
    limits,
    session::{CountStatus, NewSessionGame, PlayStatus, Session, SessionGame},
};
use fanfare_store::{Error as StoreError, Tx, events, games, session_games, sessions};

use super::{Answer, App, Creation, Error};

const SESSION_ACTIVE: &str = "An active session already exists. Please close it before creating a new one.";
const NO_SESSION: Error = Error::NotFound("Session not found");
const NO_SESSION_GAME: Error = Error::NotFound("Session game not found");

/// What the log holds of a session's events; `first` is 1 beyond `last` when it holds none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl App {
    /// Every session, newest first.
    pub(crate) async fn list_sessions(&self) -> Result<Vec<Session>, Error> {
        self.store.read(|db| Ok(sessions::list(db)?)).await
    }

    pub(crate) async fn get_active_session(&self) -> Result<Option<Session>, Error> {
        self.store.read(|db| Ok(sessions::active(db)?)).await
    }

    pub(crate) async fn get_session(&self, id: i64) -> Result<Session, Error> {
        self.store.read(move |db| sessions::get(db, id)?.ok_or(NO_SESSION)).await
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

    /// Closes a session, replacing its notes if new ones are given; emits `session.ended`.
    pub(crate) async fn close_session(&self, id: i64, notes: Option<String>) -> Result<Session, Error> {
        let seed = self.session_event(kind::SESSION_ENDED);
        self.store
            .write(move |tx| {
                let session = sessions::lock(tx, id)?.ok_or(NO_SESSION)?;
                if !session.is_active {
                    return Err(Error::Invalid("Session is already closed".into()));
                }
                let session = sessions::close(tx, id, notes.as_deref(), seed.at)?;
                tx.emit(seed.grow(session_topic(id), event::session_ended(&session)))?;
                Ok(session)
            })
            .await
    }

    /// A session's games in the order in which they were added.
    pub(crate) async fn list_session_games(&self, session_id: i64) -> Result<Vec<SessionGame>, Error> {
        self.store
            .read(move |db| {
                sessions::get(db, session_id)?.ok_or(NO_SESSION)?;
                Ok(session_games::list(db, session_id)?)
            })
            .await
    }

    /// Puts a game on; the one that was playing is over. Emits `game.added`.
    pub(crate) async fn add_game(
        &self,
        session_id: i64,
        new: NewSessionGame,
        creation: Creation<SessionGame>,
    ) -> Result<Answer, Error> {
        let seed = self.session_event(kind::GAME_ADDED);
        self.store
            .write(move |tx| {
                creation.once(tx, seed.at, |tx| {
                    let mut session = sessions::lock(tx, session_id)?.ok_or(NO_SESSION)?;
                    if !session.is_active {
                        return Err(Error::Invalid("Cannot add games to a closed session".into()));
                    }
                    let game = games::get(tx, new.game_id)?.ok_or(Error::NotFound("Game not found"))?;
                    // It may have been deleted since, by somebody who committed meanwhile.
                    let row =
                        session_games::add(tx, session_id, &new, seed.at).map_err(|error| match error {
                            StoreError::NotFound => Error::NotFound("Game not found"),
                            other => other.into(),
                        })?;
                    session.games_played += 1;
                    let data =
                        event::game_added(&session, &game, row.manually_added, row.room_code.as_deref());
                    tx.emit(seed.grow(session_topic(session_id), data))?;
                    Ok(row)
                })
            })
            .await
    }

    /// Sets where a session's game stands; emits `game.status`.
    pub(crate) async fn set_game_status(
        &self,
        session_id: i64,
        session_game_id: i64,
        status: PlayStatus,
    ) -> Result<SessionGame, Error> {
        let change = move |tx: &mut Tx| session_games::set_status(tx, session_id, session_game_id, status);
        self.change_session_game(kind::GAME_STATUS, session_id, session_game_id, change, event::game_status)
            .await
    }

    /// Sets a player count by hand, or ends such a value; emits `player-count.updated`.
    pub(crate) async fn set_player_count(
        &self,
        session_id: i64,
        session_game_id: i64,
        count: Option<i64>,
    ) -> Result<SessionGame, Error> {
        let status = if count.is_some() { CountStatus::Manual } else { CountStatus::Idle };
        let change = move |tx: &mut Tx| session_games::set_player_count(tx, session_game_id, count, status);
        let kind = kind::PLAYER_COUNT_UPDATED;
        self.change_session_game(kind, session_id, session_game_id, change, event::player_count_updated).await
    }

    async fn change_session_game(
        &self,
        kind: &'static str,
        session_id: i64,
        session_game_id: i64,
        change: impl Fn(&mut Tx) -> Result<(), StoreError> + Send + 'static,
        data: fn(&SessionGame) -> String,
    ) -> Result<SessionGame, Error> {
        let seed = self.session_event(kind);
        self.store
            .write(move |tx| {
                sessions::lock(tx, session_id)?.ok_or(NO_SESSION_GAME)?;
                session_games::get(tx, session_id, session_game_id)?.ok_or(NO_SESSION_GAME)?;
                change(tx)?;
                let row = session_games::get(tx, session_id, session_game_id)?.ok_or(NO_SESSION_GAME)?;
                tx.emit(seed.grow(session_topic(session_id), data(&row)))?;
                Ok(row)
            })
            .await
    }

    /// What the log holds of a session's events; `None` for an unknown session.
    pub(crate) async fn session_span(&self, session_id: i64) -> Result<Option<Span>, Error> {
        let topic = session_topic(session_id);
        let span = self.store.read(move |db| Ok::<_, Error>(events::span(db, &topic)?)).await?;
        Ok(span.map(|span| Span { first: span.first.unsigned_abs(), last: span.last.unsigned_abs() }))
    }

    /// A page of a session's events after `after`, in order.
    pub(crate) async fn session_events(&self, session_id: i64, after: u64) -> Result<Vec<Event>, Error> {
        let topic = session_topic(session_id);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.store.read(move |db| Ok(events::after(db, &topic, after, limits::CATCH_UP_PAGE_EVENTS)?)).await
    }
}
