//! How the running server is: its figures, and whether it can do its work.

use fanfare_model::delivery::DeliveryState;
use fanfare_store::{
    Standing,
    deliveries::{self, Waiting},
    settings,
};

use super::{App, Error};
use crate::metrics::StateLabel;

/// How long the database may take to answer before the server is not ready.
const ANSWER_MAX_MS: u64 = 2_000;

impl App {
    /// Whether it can do its work now.
    ///
    /// # Errors
    /// [`Error::NotReady`] says why not.
    pub(crate) async fn check_readiness(&self) -> Result<(), Error> {
        if self.tasks.is_stopping() {
            return Err(Error::NotReady("The server is stopping"));
        }
        if *self.store.standing().borrow() != Standing::Ours {
            return Err(Error::NotReady("The lock on the database is lost"));
        }
        if !self.pulse.is_beating() {
            return Err(Error::NotReady("The delivery of webhooks is stuck"));
        }
        // Any row will do, and none too.
        let answer = self.store.read(|db| Ok::<_, Error>(settings::get(db, "")?));
        match self.clock.timeout(ANSWER_MAX_MS, answer).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::NotReady("The database does not answer")),
        }
    }

    /// The figures as OpenMetrics text, with those that are read only when asked.
    pub(crate) async fn render_metrics(&self) -> Result<String, Error> {
        let Waiting { pending, held, oldest } =
            self.store.read(|db| Ok::<_, Error>(deliveries::waiting(db)?)).await?;
        for (state, count) in [(DeliveryState::Pending, pending), (DeliveryState::Held, held)] {
            let label = StateLabel { state: state.as_str() };
            self.metrics.deliveries_waiting.get_or_create(&label).set(count);
        }
        let age_ms = oldest.map_or(0, |at| (self.clock.now().as_millis() - at.as_millis()).max(0));
        #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds is far below 2^53")]
        self.metrics.oldest_undelivered_seconds.set(age_ms as f64 / 1000.0);
        let subscriptions = i64::try_from(self.hub.subscriptions()).unwrap_or(i64::MAX);
        self.metrics.subscriptions.set(subscriptions);
        Ok(self.metrics.render())
    }
}
