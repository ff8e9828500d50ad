//! The library of games.

use fanfare_model::game::{Game, GameFilter};
use fanfare_store::games;

use super::{App, Error};

impl App {
    /// The games that pass `filter`, by pack, then title.
    pub(crate) async fn list_games(&self, filter: GameFilter) -> Result<Vec<Game>, Error> {
        let mut games = self.store.read(|db| games::list(db).map_err(Error::from)).await?;
        games.retain(|game| filter.matches(game));
        Ok(games)
    }

    pub(crate) async fn get_game(&self, id: i64) -> Result<Game, Error> {
        self.store.read(move |db| games::get(db, id)?.ok_or(Error::NotFound("Game not found"))).await
    }
}
