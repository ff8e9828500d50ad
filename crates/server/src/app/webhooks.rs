//! Webhooks: making, changing, testing them and reading their logs. Deliveries are `dispatch`'s.

use std::borrow::Cow;

use fanfare_model::{
    Timestamp,
    breaker::Health,
    delivery::LogRow,
    event::{self, NewEvent, kind},
    webhook::{InvalidPreview, InvalidWebhook, NewWebhook, Origin, PreviewRequest, Webhook, WebhookPatch},
};
use fanfare_store::{Error as StoreError, Read, applications, deliveries, logs, webhooks};

use super::{Answer, App, Creation, Error};

pub(super) const NO_WEBHOOK: Error = Error::NotFound("Webhook not found");

const CONFIGURED: Error =
    Error::Conflict("This webhook stands in the configuration file; only enabled can be changed here");

const NO_SUCH_APP: Error = Error::Invalid(Cow::Borrowed("app: there is no app with this id"));

/// A body that may or may not describe a change; told only after the webhook was found.
pub(crate) type WebhookRequest = Result<WebhookPatch, InvalidWebhook>;

/// A webhook, and how its receiver does.
#[derive(Clone)]
pub(crate) struct Examined {
    pub(crate) webhook: Webhook,
    /// `hold_until` is there only while it lies ahead.
    pub(crate) health: Health,
}

impl Examined {
    fn at(now: Timestamp, webhook: Webhook, health: Health) -> Self {
        let hold_until = health.hold_until.filter(|_| health.is_held(now));
        Self { webhook, health: Health { hold_until, ..health } }
    }
}

/// One that is new, or an example.
impl From<Webhook> for Examined {
    fn from(webhook: Webhook) -> Self {
        Self { webhook, health: Health::default() }
    }
}

/// The application of this id as [`Webhook::app`] names it; `None`: there is none.
pub(super) fn app_column(db: &mut Read, id: &str) -> Result<Option<String>, StoreError> {
    if id.is_empty() {
        return Ok(Some(String::new()));
    }
    let application = applications::get(db, id)?;
    Ok(application.map(|application| if application.is_default { String::new() } else { application.id }))
}

impl App {
    pub(crate) async fn list_webhooks(&self) -> Result<Vec<Examined>, Error> {
        let now = self.clock.now();
        self.store
            .read(move |db| {
                let mut health = webhooks::all_health(db)?;
                let examined = |webhook: Webhook| {
                    let health = health.remove(&webhook.id).unwrap_or_default();
                    Examined::at(now, webhook, health)
                };
                Ok(webhooks::list(db)?.into_iter().map(examined).collect())
            })
            .await
    }

    pub(crate) async fn get_webhook(&self, id: i64) -> Result<Examined, Error> {
        let now = self.clock.now();
        self.store
            .read(move |db| {
                let webhook = webhooks::get(db, id)?.ok_or(NO_WEBHOOK)?;
                Ok(Examined::at(now, webhook, webhooks::health(db, id)?))
            })
            .await
    }

    /// What a webhook would be sent for an event; `example` gives the `data` of one that has none.
    pub(crate) async fn preview_webhook(
        &self,
        id: i64,
        preview: Result<PreviewRequest, InvalidPreview>,
        example: fn(&str) -> Option<String>,
    ) -> Result<String, Error> {
        let now = self.clock.now();
        let webhook = self.store.read(move |db| webhooks::get(db, id)?.ok_or(NO_WEBHOOK)).await?;
        Ok(preview?.render(&webhook.options.format, now, example)?)
    }

    pub(crate) async fn create_webhook(
        &self,
        new: NewWebhook,
        creation: Creation<Webhook>,
    ) -> Result<Answer, Error> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                creation.once(tx, now, |tx| {
                    let app = app_column(tx, &new.app)?.ok_or(NO_SUCH_APP)?;
                    Ok(webhooks::insert(tx, &NewWebhook { app, ..new.clone() }, now)?)
                })
            })
            .await
    }

    /// Changes a webhook. An unknown one is told before a bad patch. Of one that stands in the
    /// configuration file only `enabled` can be changed.
    pub(crate) async fn update_webhook(&self, id: i64, patch: WebhookRequest) -> Result<Examined, Error> {
        let (now, overlap_ms) = (self.clock.now(), self.delivery.secret_overlap_ms);
        self.store
            .write(move |tx| {
                let webhook = webhooks::lock(tx, id)?.ok_or(NO_WEBHOOK)?;
                let patch = patch.as_ref().map_err(Clone::clone)?;
                if webhook.origin == Origin::Config && !patch.changes_enabled_alone() {
                    return Err(CONFIGURED);
                }
                let mut webhook = patch.applied_to(webhook, now, overlap_ms)?;
                if let Some(app) = &patch.app {
                    webhook.app = app_column(tx, app)?.ok_or(NO_SUCH_APP)?;
                }
                webhooks::update(tx, &webhook)?;
                Ok(Examined::at(now, webhook, webhooks::health(tx, id)?))
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
