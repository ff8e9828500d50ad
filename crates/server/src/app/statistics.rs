//! Figures over all nights.

use std::sync::Arc;

use fanfare_model::{
    library::Library,
    limits::STATISTICS_MAX_ROWS,
    statistics::{Counts, SessionFigures},
};
use fanfare_store::{games, stats};

use super::{App, Error};

/// What the figures are made from, all of one moment.
pub(crate) struct Figures {
    pub(crate) library: Arc<Library>,
    pub(crate) counts: Counts,
    /// The newest first.
    pub(crate) sessions: Vec<SessionFigures>,
}

impl App {
    pub(crate) async fn statistics(&self) -> Result<Figures, Error> {
        self.store
            .read(|db| {
                Ok(Figures {
                    library: Arc::new(games::library(db)?),
                    counts: stats::counts(db)?,
                    sessions: stats::per_session(db, STATISTICS_MAX_ROWS)?,
                })
            })
            .await
    }
}
