//! Disabling webhooks that the dispatcher gives up: it says so, and here it is done and told.

use fanfare_model::event::{self, kind};
use fanfare_store::webhooks;
use tokio::sync::mpsc;

use super::{App, Error};
use crate::dispatch::Verdict;

/// The wait after the database could not be used, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// Webhooks that may wait to be disabled; more are told of again by their next failure.
pub(crate) const GIVEN_UP_MAX_QUEUED: usize = 1_024;

/// Carries out verdicts until the server stops.
pub(crate) async fn run(app: App, mut verdicts: mpsc::Receiver<Verdict>) {
    loop {
        let verdict = tokio::select! {
            biased;
            () = app.tasks.stopping() => return,
            verdict = verdicts.recv() => verdict,
        };
        let Some(verdict) = verdict else { return };
        while let Err(error) = app.give_up_webhook(&verdict).await {
            tracing::warn!(
                webhook_id = verdict.webhook_id,
                ?error,
                "a webhook could not be disabled; trying again"
            );
            tokio::select! {
                () = app.tasks.stopping() => return,
                () = app.clock.sleep_ms(RETRY_MS) => {}
            }
        }
    }
}

impl App {
    /// Disables a webhook with `webhook.disabled`, unless it is disabled already or leads elsewhere.
    async fn give_up_webhook(&self, verdict: &Verdict) -> Result<(), Error> {
        let (verdict, seed) = (verdict.clone(), self.session_event(kind::WEBHOOK_DISABLED));
        let reason = verdict.why.reason();
        let webhook_id = verdict.webhook_id;
        let disabled = self.store.write(move |tx| {
            let given_up = webhooks::give_up(tx, verdict.webhook_id, &verdict.url, verdict.why)?;
            let Some(webhook) = given_up else { return Ok(false) };
            let data = event::webhook_disabled(webhook.id, &webhook.name, reason);
            tx.emit(seed.grow(event::WEBHOOKS_TOPIC.to_owned(), data))?;
            Ok::<_, Error>(true)
        });
        if disabled.await? {
            tracing::warn!(webhook_id, reason, "webhook disabled");
        }
        Ok(())
    }
}
