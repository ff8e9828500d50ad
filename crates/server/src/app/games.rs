//! Changing the library of games.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
};

use fanfare_model::{
    Timestamp,
    catalogue::{Catalogue, LineError},
    game::{Game, GameEntry, GamePatch},
    library::{Pack, find_packs},
    limits::LIBRARY_MAX_GAMES,
};
use fanfare_store::{Error as StoreError, Tx, games, packs, polls};

use super::{Answer, App, Creation, Error};

const NO_GAME: Error = Error::NO_GAME;
const NO_PACK: Error = Error::NotFound("Pack not found");
const NAME_TAKEN: Error = Error::Conflict("A game with this title already exists in this pack");
const WAS_PLAYED: Error = Error::Conflict("Game has been played and cannot be deleted. Disable it instead.");
const IN_POLL: Error =
    Error::Conflict("Game is offered by an open poll and cannot be deleted. Disable it instead.");
const LIBRARY_FULL: Error = Error::Conflict("The library is full: it holds at most 10000 games");

/// What an import does with the games that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImportMode {
    /// They stay as they are.
    Append,
    /// Those on the list become what it says, or stay as they are where it is faulty; the others go, or
    /// are disabled if they were ever played or voted on or if an open poll offers them.
    Replace,
}

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    pub(crate) added: usize,
    pub(crate) updated: usize,
    /// On the list, and left as they are.
    pub(crate) skipped: usize,
    /// Not on the list.
    pub(crate) removed: usize,
    /// Not on the list, but played or offered by an open poll.
    pub(crate) disabled: usize,
    pub(crate) errors: Vec<LineError>,
    pub(crate) faulty_rows: usize,
}

impl App {
    /// Puts a game into the library.
    pub(crate) async fn create_game(
        &self,
        entry: GameEntry,
        creation: Creation<Game>,
    ) -> Result<Answer, Error> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                creation.once(tx, now, |tx| {
                    games::lock_library(tx)?;
                    let id = insert(tx, &entry, now)?.ok_or(NAME_TAKEN)?;
                    check_room(tx)?;
                    games::get(tx, id)?.ok_or(NO_GAME)
                })
            })
            .await
    }

    /// Changes a game; its votes and plays stay.
    pub(crate) async fn update_game(&self, id: i64, patch: GamePatch) -> Result<Game, Error> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                games::lock_library(tx)?;
                let mut game = games::lock(tx, id)?.ok_or(NO_GAME)?;
                patch.apply(&mut game)?;
                if games::find(tx, &game.pack_name, &game.title)?.is_some_and(|other| other != id) {
                    return Err(NAME_TAKEN);
                }
                games::update(tx, &game, now)?;
                packs::remove_empty(tx)?;
                Ok(game)
            })
            .await
    }

    /// Removes a game that has left no trace in any session and that no open poll offers.
    pub(crate) async fn delete_game(&self, id: i64) -> Result<(), Error> {
        self.store
            .write(move |tx| {
                games::lock_library(tx)?;
                games::lock(tx, id)?.ok_or(NO_GAME)?;
                if games::has_history(tx, id)? {
                    return Err(WAS_PLAYED);
                }
                if offered(tx)?.contains(&id) {
                    return Err(IN_POLL);
                }
                games::delete(tx, id)?;
                Ok(packs::remove_empty(tx)?)
            })
            .await
    }

    pub(crate) async fn toggle_game(&self, id: i64) -> Result<Game, Error> {
        self.store.write(move |tx| games::toggle(tx, id).map_err(|error| or_unknown(error, NO_GAME))).await
    }

    pub(crate) async fn favor_game(&self, id: i64, favor_bias: i64) -> Result<Game, Error> {
        self.store
            .write(move |tx| {
                games::set_favor_bias(tx, id, favor_bias).map_err(|error| or_unknown(error, NO_GAME))
            })
            .await
    }

    /// Sets the bias of a pack, and of those whose names differ in case alone; returns the pack.
    pub(crate) async fn favor_pack(&self, name: String, favor_bias: i64) -> Result<Pack, Error> {
        self.store
            .write(move |tx| {
                let mut changed = Vec::new();
                for pack in find_packs(&packs::list(tx)?, &name) {
                    changed.push(packs::set_favor_bias(tx, pack.id, favor_bias)?);
                }
                changed.into_iter().next().ok_or(NO_PACK)
            })
            .await
    }

    /// Enables or disables every game of a pack, and of those whose names differ in case alone;
    /// returns how many they have.
    pub(crate) async fn enable_pack(&self, name: String, enabled: bool) -> Result<u64, Error> {
        self.store
            .write(move |tx| {
                let packs = packs::list(tx)?;
                let found = find_packs(&packs, &name);
                if found.is_empty() {
                    return Err(NO_PACK);
                }
                let mut games = 0;
                for pack in found {
                    games += games::set_pack_enabled(tx, &pack.name, enabled)?;
                }
                Ok(games)
            })
            .await
    }

    /// Puts a list of games into the library, all of it or nothing; its faulty rows were left out
    /// before.
    pub(crate) async fn import_games(
        &self,
        catalogue: Catalogue,
        mode: ImportMode,
        creation: Creation<Imported>,
    ) -> Result<Answer, Error> {
        let now = self.clock.now();
        let work = move |tx: &mut Tx| creation.once(tx, now, |tx| import(tx, &catalogue, mode, now));
        self.store.write(work).await
    }

    /// What [`App::import_games`] would do now: it is done, and undone before anybody sees it.
    pub(crate) async fn try_import(&self, catalogue: Catalogue, mode: ImportMode) -> Result<Imported, Error> {
        let now = self.clock.now();
        // A job that fails leaves nothing behind.
        let work =
            move |tx: &mut Tx| -> Result<Infallible, Trial> { Err(import(tx, &catalogue, mode, now).into()) };
        let Err(Trial(outcome)) = self.store.write(work).await;
        outcome
    }
}

/// How an import ends that is undone.
struct Trial(Result<Imported, Error>);

impl From<Result<Imported, Error>> for Trial {
    fn from(outcome: Result<Imported, Error>) -> Self {
        Self(outcome)
    }
}

impl From<StoreError> for Trial {
    fn from(error: StoreError) -> Self {
        Self(Err(error.into()))
    }
}

fn import(tx: &mut Tx, catalogue: &Catalogue, mode: ImportMode, now: Timestamp) -> Result<Imported, Error> {
    games::lock_library(tx)?;
    let imported = match mode {
        ImportMode::Append => append(tx, &catalogue.games, now)?,
        ImportMode::Replace => replace(tx, catalogue, now)?,
    };
    packs::remove_empty(tx)?;
    check_room(tx)?;
    Ok(Imported { errors: catalogue.errors.clone(), faulty_rows: catalogue.faulty_rows, ..imported })
}

fn append(tx: &mut Tx, entries: &[GameEntry], now: Timestamp) -> Result<Imported, Error> {
    let entries: Vec<_> = entries.iter().collect();
    let added = counted(games::insert_all(tx, &entries, now)?);
    Ok(Imported { added, skipped: entries.len() - added, ..Imported::default() })
}

fn replace(tx: &mut Tx, catalogue: &Catalogue, now: Timestamp) -> Result<Imported, Error> {
    let there = games::names(tx)?;
    let mut others: HashMap<_, _> =
        there.iter().map(|(id, pack_name, title)| ((pack_name.as_str(), title.as_str()), *id)).collect();
    let (mut known, mut new) = (Vec::new(), Vec::new());
    for entry in &catalogue.games {
        match others.remove(&(entry.game.pack_name.as_str(), entry.game.title.as_str())) {
            Some(id) => known.push((id, entry)),
            None => new.push(entry),
        }
    }
    games::replace_all(tx, &known)?;
    let added = games::insert_all(tx, &new, now)?;
    // Whoever misspelt a number has not asked for the game to go.
    let mut skipped = 0;
    for (pack_name, title) in &catalogue.faulty_names {
        skipped += usize::from(others.remove(&(pack_name.as_str(), title.as_str())).is_some());
    }
    let mut others: Vec<i64> = others.into_values().collect();
    others.sort_unstable();
    let offered = offered(tx)?;
    let (offered, others): (Vec<i64>, Vec<i64>) = others.into_iter().partition(|id| offered.contains(id));
    for id in &offered {
        if let Some(game) = games::lock(tx, *id)? {
            games::update(tx, &Game { enabled: false, ..game }, now)?;
        }
    }
    let (removed, disabled) = games::retire_all(tx, &others)?;
    Ok(Imported {
        added: counted(added),
        updated: known.len(),
        removed: counted(removed),
        disabled: offered.len() + counted(disabled),
        skipped,
        ..Imported::default()
    })
}

/// The games that open polls offer.
fn offered(tx: &mut Tx) -> Result<HashSet<i64>, Error> {
    let polls = polls::open(tx)?;
    Ok(polls.iter().flat_map(|poll| &poll.options).map(|option| option.game.id).collect())
}

/// Rows that were changed, of no more than there are in memory.
fn counted(rows: u64) -> usize {
    usize::try_from(rows).expect("no more than were listed")
}

/// Adds a game; `None` when its pack has one of that title.
fn insert(tx: &mut Tx, entry: &GameEntry, now: Timestamp) -> Result<Option<i64>, Error> {
    let enabled = entry.enabled.unwrap_or(true);
    match games::insert_with(tx, &entry.game, enabled, entry.favor_bias.unwrap_or(0), now) {
        Ok(id) => Ok(Some(id)),
        Err(StoreError::Conflict(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a library that has grown too large.
fn check_room(tx: &mut Tx) -> Result<(), Error> {
    let room = i64::try_from(LIBRARY_MAX_GAMES).expect("a small number");
    if games::count(tx)? > room { Err(LIBRARY_FULL) } else { Ok(()) }
}

/// Tells what was not found.
fn or_unknown(error: StoreError, unknown: Error) -> Error {
    if error == StoreError::NotFound { unknown } else { error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_told_is_the_limit() {
        let Error::Conflict(text) = LIBRARY_FULL else { panic!("a conflict") };
        assert!(text.ends_with(&format!("{LIBRARY_MAX_GAMES} games")));
    }
}
