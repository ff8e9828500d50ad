//! Picking what to play next.

use fanfare_model::{
    game::Game,
    pick::{self, Options},
};
use fanfare_store::{games, sessions};

use super::{App, Error};
use crate::random;

/// Games that were drawn, and from how many.
pub(crate) struct Picked {
    /// In the order in which they were drawn, each with the probability that it had.
    pub(crate) games: Vec<(Game, f64)>,
    /// Games in the pool.
    pub(crate) pool_size: usize,
    /// Enabled games of the library.
    pub(crate) total_enabled: usize,
}

impl App {
    /// Draws games by the rules of [`pick::draw`].
    pub(crate) async fn pick(&self, options: &Options) -> Result<Picked, Error> {
        let just_played = self.just_played(options).await?;
        let library = self.library().await?;
        let drawn = match options.seed {
            Some(seed) => pick::draw(&library, options, &just_played, &mut pick::seeded(seed))?,
            None => pick::draw(&library, options, &just_played, &mut random::number)?,
        };
        Ok(Picked {
            games: drawn.picks.iter().map(|pick| (pick.game.clone(), pick.probability())).collect(),
            pool_size: drawn.pool_size,
            total_enabled: drawn.total_enabled,
        })
    }

    /// The ids of the games that are held back for the session's sake.
    async fn just_played(&self, options: &Options) -> Result<Vec<i64>, Error> {
        let Some(id) = options.session_id else { return Ok(Vec::new()) };
        let rows = options.held_back();
        self.store
            .read(move |db| {
                sessions::get(db, id)?.ok_or(Error::NO_SESSION)?;
                Ok(games::played_in(db, id, rows)?)
            })
            .await
    }
}
