//! Figures of the running server.

use fanfare_store::deliveries;

use super::{App, Error};
use crate::metrics::StateLabel;

/// States of deliveries that wait, as the database words them.
const WAITING: [&str; 2] = ["pending", "held"];

impl App {
    /// The figures as OpenMetrics text, with those that are read only when asked.
    pub(crate) async fn render_metrics(&self) -> Result<String, Error> {
        let (counts, oldest) = self
            .store
            .read(|db| Ok::<_, Error>((deliveries::count_waiting(db)?, deliveries::oldest_pending(db)?)))
            .await?;
        for state in WAITING {
            let count = counts.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
            self.metrics.deliveries_waiting.get_or_create(&StateLabel { state }).set(count);
        }
        let age_ms = oldest.map_or(0, |at| (self.clock.now().as_millis() - at.as_millis()).max(0));
        #[expect(clippy::cast_precision_loss, reason = "an age in milliseconds is far below 2^53")]
        self.metrics.oldest_undelivered_seconds.set(age_ms as f64 / 1000.0);
        let subscriptions = i64::try_from(self.hub.subscriptions()).unwrap_or(i64::MAX);
        self.metrics.subscriptions.set(subscriptions);
        Ok(self.metrics.render())
    }
}
