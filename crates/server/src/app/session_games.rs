//! The games played in sessions: putting them on, and what is set or taken back of them later.

use fanfare_model::{
    event::{self, kind, session_topic},
    limits::SESSION_GAMES_MAX,
    session::{CountStatus, NewSessionGame, PlayStatus, Session, SessionGame},
};
use fanfare_store::{Error as StoreError, Tx, games, session_games, sessions};

use super::{Answer, App, Creation, Error};

pub(super) const NO_SESSION_GAME: Error = Error::NotFound("Session game not found");
const SESSION_FULL: Error = Error::Conflict("The session is full: it holds at most 10000 games");

impl App {
    /// A session's games in the order in which they were added.
    pub(crate) async fn list_session_games(&self, session_id: i64) -> Result<Vec<SessionGame>, Error> {
        self.store
            .read(move |db| {
                sessions::get(db, session_id)?.ok_or(Error::NO_SESSION)?;
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
                    let mut session = sessions::lock(tx, session_id)?.ok_or(Error::NO_SESSION)?;
                    if !session.is_active {
                        return Err(Error::Invalid("Cannot add games to a closed session".into()));
                    }
                    if session.games_played >= SESSION_GAMES_MAX {
                        return Err(SESSION_FULL);
                    }
                    let game = games::get(tx, new.game_id)?.ok_or(Error::NO_GAME)?;
                    // It may have been deleted since, by somebody who committed meanwhile.
                    let row =
                        session_games::add(tx, session_id, &new, seed.at).map_err(|error| match error {
                            StoreError::NotFound => Error::NO_GAME,
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

    /// Sets where a session's game stands; nothing is played in a closed session. Emits `game.status`
    /// if it stood elsewhere.
    pub(crate) async fn set_game_status(
        &self,
        session_id: i64,
        session_game_id: i64,
        status: PlayStatus,
    ) -> Result<SessionGame, Error> {
        let change = move |tx: &mut Tx, session: &Session, _: &SessionGame| {
            if status == PlayStatus::Playing && !session.is_active {
                return Err(Error::Invalid("Cannot play games in a closed session".into()));
            }
            Ok(session_games::set_status(tx, session_id, session_game_id, status)?)
        };
        self.change_session_game(kind::GAME_STATUS, session_id, session_game_id, change, event::session_game)
            .await
    }

    /// Sets a player count by hand, or ends such a value; emits `player-count.updated` if that is
    /// different.
    pub(crate) async fn set_player_count(
        &self,
        session_id: i64,
        session_game_id: i64,
        count: Option<i64>,
    ) -> Result<SessionGame, Error> {
        let status = if count.is_some() { CountStatus::Manual } else { CountStatus::Idle };
        let change = move |tx: &mut Tx, _: &Session, row: &SessionGame| {
            // What the monitor found is not a person's to take back.
            if count.is_none() && row.player_count_check_status != Some(CountStatus::Manual) {
                return Ok(());
            }
            Ok(session_games::set_player_count(tx, session_game_id, count, status)?)
        };
        let kind = kind::PLAYER_COUNT_UPDATED;
        self.change_session_game(kind, session_id, session_game_id, change, event::player_count_updated).await
    }

    /// Sets a game's room code, or clears it; emits `room.updated` if it was another one.
    pub(crate) async fn set_room_code(
        &self,
        session_id: i64,
        session_game_id: i64,
        code: Option<String>,
    ) -> Result<SessionGame, Error> {
        let change = move |tx: &mut Tx, _: &Session, _: &SessionGame| {
            Ok(session_games::set_room_code(tx, session_game_id, code.as_deref())?)
        };
        let kind = kind::ROOM_UPDATED;
        self.change_session_game(kind, session_id, session_game_id, change, event::session_game).await
    }

    /// Takes a game out of a session, as if it had never been added, but its votes stay; emits
    /// `game.removed`.
    pub(crate) async fn remove_session_game(
        &self,
        session_id: i64,
        session_game_id: i64,
    ) -> Result<(), Error> {
        let seed = self.session_event(kind::GAME_REMOVED);
        self.store
            .write(move |tx| {
                sessions::lock(tx, session_id)?.ok_or(NO_SESSION_GAME)?;
                let row = session_games::get(tx, session_id, session_game_id)?.ok_or(NO_SESSION_GAME)?;
                session_games::remove(tx, &row)?;
                tx.emit(seed.grow(session_topic(session_id), event::session_game(&row)))?;
                Ok(())
            })
            .await
    }

    /// Makes a change, and tells of it if the row is different afterwards.
    async fn change_session_game(
        &self,
        kind: &'static str,
        session_id: i64,
        session_game_id: i64,
        change: impl Fn(&mut Tx, &Session, &SessionGame) -> Result<(), Error> + Send + 'static,
        data: fn(&SessionGame) -> String,
    ) -> Result<SessionGame, Error> {
        let seed = self.session_event(kind);
        self.store
            .write(move |tx| {
                let session = sessions::lock(tx, session_id)?.ok_or(NO_SESSION_GAME)?;
                let before = session_games::get(tx, session_id, session_game_id)?.ok_or(NO_SESSION_GAME)?;
                change(tx, &session, &before)?;
                let row = session_games::get(tx, session_id, session_game_id)?.ok_or(NO_SESSION_GAME)?;
                if row != before {
                    tx.emit(seed.grow(session_topic(session_id), data(&row)))?;
                }
                Ok(row)
            })
            .await
    }
}
