//! Watching rooms: what the host asks for, and what the monitor found. Which rooms are watched
//! stands in the database, so that a restart changes nothing; the monitor is rung for after every
//! commit that may matter to it.

use std::sync::Arc;

use fanfare_model::{
    event::{self, Event, kind, session_topic},
    room::{self, ROOMS_MAX_WATCHED, Report, Step, Watched},
    session::{CountStatus, SessionGame},
};
use fanfare_store::{Error as StoreError, Store, Tx, rooms, session_games, sessions, settings};
use tokio::sync::Notify;

use super::{App, Error, EventSeed, session_games::NO_SESSION_GAME};

const TOO_MANY: Error =
    Error::Conflict("100 rooms are being watched already: stop another player check first");
const _: () = assert!(ROOMS_MAX_WATCHED == 100, "the text above names it");

/// The setting that says that a room was ever watched.
const WATCHED_SETTING: &str = "rooms_were_watched";

/// Whether an earlier run may have asked the room service for something a moment ago.
pub(crate) async fn were_watched(store: &Store) -> Result<bool, StoreError> {
    store.read(|db| Ok(settings::get(db, WATCHED_SETTING)?.is_some())).await
}

/// Rings at the monitor when something that it watches may have changed.
#[derive(Clone, Default)]
pub(crate) struct RoomBell(Arc<Notify>);

impl RoomBell {
    /// Rings if this event may concern a watched room.
    pub(super) fn heard(&self, event: &Event) {
        let kinds = [kind::SESSION_ENDED, kind::GAME_REMOVED, kind::ROOM_UPDATED, kind::PLAYER_COUNT_UPDATED];
        if kinds.contains(&event.kind.as_str()) {
            self.ring();
        }
    }

    pub(super) fn ring(&self) {
        self.0.notify_one();
    }

    /// Resolves once it has rung since the last time. Cancel safe.
    pub(crate) async fn rung(&self) {
        self.0.notified().await;
    }
}

/// The events that a change of a row may cause.
struct Seeds {
    count: EventSeed,
    room: EventSeed,
}

impl App {
    fn room_events(&self) -> Seeds {
        Seeds {
            count: self.session_event(kind::PLAYER_COUNT_UPDATED),
            room: self.session_event(kind::ROOM_UPDATED),
        }
    }

    /// Watches the room of a session's game from now on; one that is watched already goes on.
    pub(crate) async fn start_player_check(&self, session_id: i64, id: i64) -> Result<SessionGame, Error> {
        let seeds = self.room_events();
        self.store
            .write(move |tx| {
                let session = sessions::lock(tx, session_id)?.ok_or(NO_SESSION_GAME)?;
                let row = session_games::get(tx, session_id, id)?.ok_or(NO_SESSION_GAME)?;
                let code = row.room_code.clone().ok_or(Error::Invalid("Room code is required".into()))?;
                if !session.is_active {
                    return Err(Error::Invalid("Cannot check players in a closed session".into()));
                }
                let watched = rooms::get(tx, session_id, id)?;
                if let Some(watched) = watched.as_ref().filter(|watched| watched.code == code) {
                    // It goes on, for as long again.
                    rooms::put(tx, id, &code, watched.status, seeds.count.at)?;
                    return Ok(row);
                }
                settings::set(tx, WATCHED_SETTING, "1")?;
                let max = i64::try_from(ROOMS_MAX_WATCHED).unwrap_or(i64::MAX);
                if watched.is_none() && rooms::count(tx)? >= max {
                    return Err(TOO_MANY);
                }
                let status = CountStatus::Idle;
                rooms::put(tx, id, &code, status, seeds.count.at)?;
                tx.notice(fanfare_store::Notice::RoomsChanged);
                seeds.show(tx, row, Report { status, count: None })
            })
            .await
    }

    /// Ends the watch, if there is one. A count that was found, or said by a person, stays; so does the
    /// end of a room that is over.
    pub(crate) async fn stop_player_check(&self, session_id: i64, id: i64) -> Result<SessionGame, Error> {
        let seeds = self.room_events();
        self.store
            .write(move |tx| {
                sessions::lock(tx, session_id)?.ok_or(NO_SESSION_GAME)?;
                let row = session_games::get(tx, session_id, id)?.ok_or(NO_SESSION_GAME)?;
                seeds.stop(tx, row)
            })
            .await
    }

    /// Every watched session game.
    pub(crate) async fn watched_rooms(&self) -> Result<Vec<Watched>, Error> {
        self.store.read(|db| Ok(rooms::list(db)?)).await
    }

    /// Brings a watched row up to date: with its room's latest report, or with the code it has now.
    /// Does nothing to a row that is no longer watched.
    pub(crate) async fn tend_watch(
        &self,
        session_id: i64,
        id: i64,
        code: String,
        report: Option<Report>,
    ) -> Result<(), Error> {
        let seeds = self.room_events();
        self.store
            .write(move |tx| {
                if sessions::lock(tx, session_id)?.is_none() {
                    return Ok(());
                }
                let Some(watched) = rooms::get(tx, session_id, id)? else { return Ok(()) };
                // The watch may have moved to another room since the report was made.
                let report = report.filter(|_| watched.code == code);
                let step = watched.next(report, seeds.count.at);
                let (row, since) = (watched.row, watched.since);
                match step {
                    Step::Keep => {}
                    Step::Stop => drop(seeds.stop(tx, row)?),
                    Step::Switch(code) => {
                        let report = Report { status: CountStatus::Idle, count: None };
                        rooms::put(tx, id, &code, report.status, since)?;
                        tx.notice(fanfare_store::Notice::RoomsChanged);
                        seeds.show(tx, row, report)?;
                    }
                    Step::Follow(report) => {
                        if report.is_over() {
                            rooms::remove(tx, id)?;
                        } else {
                            rooms::put(tx, id, &code, report.status, since)?;
                        }
                        seeds.show(tx, row, report)?;
                    }
                }
                Ok(())
            })
            .await
    }
}

impl Seeds {
    fn stop(&self, tx: &mut Tx, row: SessionGame) -> Result<SessionGame, Error> {
        if !rooms::remove(tx, row.id)? {
            return Ok(row);
        }
        tx.notice(fanfare_store::Notice::RoomsChanged);
        match room::shown_of(&row) {
            (_, CountStatus::Ended | CountStatus::Failed) => Ok(row),
            (count, _) => self.show(tx, row, Report { status: CountStatus::Stopped, count }),
        }
    }

    /// Writes what the row shows after `report`, and tells of what is different.
    fn show(&self, tx: &mut Tx, row: SessionGame, report: Report) -> Result<SessionGame, Error> {
        let (before, after) = (room::shown_of(&row), room::shown_after(&row, report));
        if before == after && row.player_count_check_status.is_some() {
            return Ok(row);
        }
        let (count, status) = after;
        session_games::set_player_count(tx, row.id, count, status)?;
        let row = SessionGame { player_count: count, player_count_check_status: Some(status), ..row };
        let topic = session_topic(row.session_id);
        if before != after {
            tx.emit(self.count.grow(topic.clone(), event::player_count_updated(&row)))?;
        }
        if before.1 != after.1 {
            tx.emit(self.room.grow(topic, event::session_game(&row)))?;
        }
        Ok(row)
    }
}
