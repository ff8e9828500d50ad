//! Webhooks: making, changing, testing them and reading their logs. Deliveries are `dispatch`'s.

use fanfare_model::{
    delivery::LogRow,
    event::{self, NewEvent, kind},
    webhook::{InvalidWebhook, NewWebhook, Origin, Webhook, WebhookPatch},
};
use fanfare_store::{deliveries, logs, webhooks};

use super::{Answer, App, Creation, Error};

pub(super) const NO_WEBHOOK: Error = Error::NotFound("Webhook not found");

const CONFIGURED: Error =
    Error::Conflict("This webhook stands in the configuration file; only enabled can be changed here");

/// A body that may or may not describe a change; told only after the webhook was found.
pub(crate) type WebhookRequest = Result<WebhookPatch, InvalidWebhook>;

impl App {
    pub(crate) async fn list_webhooks(&self) -> Result<Vec<Webhook>, Error> {
        self.store.read(|db| Ok(webhooks::list(db)?)).await
    }

    pub(crate) async fn get_webhook(&self, id: i64) -> Result<Webhook, Error> {
        self.store.read(move |db| webhooks::get(db, id)?.ok_or(NO_WEBHOOK)).await
    }

    pub(crate) async fn create_webhook(
        &self,
        new: NewWebhook,
        creation: Creation<Webhook>,
    ) -> Result<Answer, Error> {
        let now = self.clock.now();
        self.store.write(move |tx| creation.once(tx, now, |tx| Ok(webhooks::insert(tx, &new, now)?))).await
    }

    /// Changes a webhook. An unknown one is told before a bad patch. Of one that stands in the
    /// configuration file only `enabled` can be changed.
    pub(crate) async fn update_webhook(&self, id: i64, patch: WebhookRequest) -> Result<Webhook, Error> {
        let (now, overlap_ms) = (self.clock.now(), self.delivery.secret_overlap_ms);
        self.store
            .write(move |tx| {
                let webhook = webhooks::lock(tx, id)?.ok_or(NO_WEBHOOK)?;
                let patch = patch.as_ref().map_err(Clone::clone)?;
                if webhook.origin == Origin::Config && !patch.changes_enabled_alone() {
                    return Err(CONFIGURED);
                }
                let webhook = patch.applied_to(webhook, now, overlap_ms)?;
                webhooks::update(tx, &webhook)?;
                Ok(webhook)
            })
            .await
    }

    /// Hides a webhook at once; its log goes with it.
    pub(crate) async fn delete_webhook(&self, id: i64) -> Result<(), Error> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                let webhook = webhooks::lock(tx, id)?.ok_or(NO_WEBHOOK)?;
                if webhook.origin == Origin::Config {
                    return Err(CONFIGURED);
                }
                if webhooks::delete(tx, id, now)? { Ok(()) } else { Err(NO_WEBHOOK) }
            })
            .await
    }

    /// Sends a dummy `game.added` to one webhook, disabled or not.
    pub(crate) async fn test_webhook(&self, id: i64) -> Result<(), Error> {
        let seed = self.session_event(kind::GAME_ADDED);
        self.store
            .write(move |tx| {
                webhooks::get(tx, id)?.ok_or(NO_WEBHOOK)?;
                let event: NewEvent = seed.grow(String::new(), event::test_data());
                Ok(deliveries::insert_test(tx, id, event)?)
            })
            .await
    }

    /// The newest attempts; none for an unknown webhook.
    pub(crate) async fn list_webhook_logs(&self, id: i64, limit: usize) -> Result<Vec<LogRow>, Error> {
        self.store.read(move |db| Ok(logs::list(db, id, limit)?)).await
    }
}
