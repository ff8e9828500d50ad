//! Deliveries in their host's hands: looking at them, sending them again, calling them off.

use std::collections::BTreeMap;

use fanfare_model::{
    Timestamp,
    delivery::{Delivery, DeliveryState, LogRow},
    limits::{CLEAN_UP_BATCH_ROWS, LOGS_MAX_ROWS},
    replay::{Replay, ReplayRequest},
    webhook::{HIDDEN_VALUE, Webhook},
};
use fanfare_store::{deliveries, logs, webhooks};
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use tokio::sync::oneshot;
use url::Url;

use super::{App, Error, housekeeping::kept_since, webhooks::NO_WEBHOOK};
use crate::{dispatch::signed_request, egress::Outgoing};

const NO_DELIVERY: Error = Error::NotFound("Delivery not found");
const DISABLED: Error = Error::Conflict("The webhook is disabled");
const NOT_WAITING: Error = Error::Conflict("The delivery is over");
const STOPPING: Error = Error::NotReady("The server is stopping");

/// A request to a receiver as its host may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SentRequest {
    pub(crate) method: String,
    /// Without a name and a password.
    pub(crate) url: String,
    /// Names in lower case. Values that the webhook was given are hidden: they may be secrets.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl SentRequest {
    fn of(outgoing: Outgoing, webhook: &Webhook) -> Self {
        let is_given = |name: &str| {
            webhook.options.headers.iter().any(|header| header.name().eq_ignore_ascii_case(name))
        };
        let shown = |(name, value): (&HeaderName, &HeaderValue)| {
            let value = if is_given(name.as_str()) {
                HIDDEN_VALUE.into()
            } else {
                String::from_utf8_lossy(value.as_bytes())
            };
            (name.to_string(), value.into_owned())
        };
        let mut headers: BTreeMap<_, _> = outgoing.headers.iter().map(shown).collect();
        let mut url = outgoing.url;
        if let Ok(mut parsed) = Url::parse(&url)
            && !(parsed.username().is_empty() && parsed.password().is_none())
            && parsed.set_username("").is_ok()
            && parsed.set_password(None).is_ok()
        {
            headers.insert(AUTHORIZATION.to_string(), HIDDEN_VALUE.to_owned());
            url = parsed.into();
        }
        let body = String::from_utf8_lossy(&outgoing.body).into_owned();
        Self { method: outgoing.method.to_string(), url, headers, body }
    }
}

impl App {
    /// A webhook's deliveries in a state, newest first, from below the id `before` on.
    pub(crate) async fn list_deliveries(
        &self,
        webhook_id: i64,
        state: DeliveryState,
        before: i64,
        rows: usize,
    ) -> Result<Vec<Delivery>, Error> {
        self.store
            .read(move |db| {
                webhooks::get(db, webhook_id)?.ok_or(NO_WEBHOOK)?;
                Ok(deliveries::list(db, webhook_id, state, before, rows)?)
            })
            .await
    }

    /// One delivery with its attempts, first to last.
    pub(crate) async fn get_delivery(
        &self,
        webhook_id: i64,
        id: i64,
    ) -> Result<(Delivery, Vec<LogRow>), Error> {
        self.store
            .read(move |db| {
                webhooks::get(db, webhook_id)?.ok_or(NO_WEBHOOK)?;
                let delivery = deliveries::get(db, webhook_id, id)?.ok_or(NO_DELIVERY)?;
                Ok((delivery, logs::of_delivery(db, id, LOGS_MAX_ROWS)?))
            })
            .await
    }

    /// What an attempt of a delivery would send now.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is nothing to send: the template does not fit the event.
    pub(crate) async fn delivery_request(&self, webhook_id: i64, id: i64) -> Result<SentRequest, Error> {
        let read = self.store.read(move |db| {
            let webhook = webhooks::get(db, webhook_id)?.ok_or(NO_WEBHOOK)?;
            Ok::<_, Error>((webhook, deliveries::event(db, webhook_id, id)?.ok_or(NO_DELIVERY)?))
        });
        let (webhook, event) = read.await?;
        let find = |app: &str| self.applications.of_webhook(app);
        let outgoing = signed_request(&event, &webhook, self.clock.now(), find);
        Ok(SentRequest::of(outgoing.map_err(|why| Error::Invalid(why.into()))?, &webhook))
    }

    /// Sends a delivery again, whatever came of it; the delivery as it is then.
    pub(crate) async fn resend_delivery(&self, webhook_id: i64, id: i64) -> Result<Delivery, Error> {
        let now = self.clock.now();
        self.store
            .write(move |tx| {
                let webhook = webhooks::lock(tx, webhook_id)?.ok_or(NO_WEBHOOK)?;
                if !webhook.enabled {
                    return Err(DISABLED);
                }
                deliveries::resend(tx, webhook_id, id, now)?;
                deliveries::get(tx, webhook_id, id)?.ok_or(NO_DELIVERY)
            })
            .await
    }

    /// Calls off a delivery that is pending, held or failed; the delivery as it is then.
    pub(crate) async fn cancel_delivery(&self, webhook_id: i64, id: i64) -> Result<Delivery, Error> {
        self.store
            .write(move |tx| {
                webhooks::lock(tx, webhook_id)?.ok_or(NO_WEBHOOK)?;
                let cancelled = deliveries::cancel(tx, webhook_id, id)?;
                let delivery = deliveries::get(tx, webhook_id, id)?.ok_or(NO_DELIVERY)?;
                if cancelled { Ok(delivery) } else { Err(NOT_WAITING) }
            })
            .await
    }

    /// Sends deliveries again, or only counts them; how many.
    pub(crate) async fn replay(&self, webhook_id: i64, request: ReplayRequest) -> Result<i64, Error> {
        if request.dry_run {
            self.count_replay(webhook_id, request).await
        } else {
            self.replay_deliveries(webhook_id, request).await
        }
    }

    /// How many deliveries [`App::replay_deliveries`] would send.
    async fn count_replay(&self, webhook_id: i64, request: ReplayRequest) -> Result<i64, Error> {
        let ReplayRequest { which, until, .. } = request;
        let (mut count, mut next) = (0, Some((self.known_since(&request), 0)));
        while let Some(from) = next {
            let batch = self.store.read(move |db| {
                let webhook = webhooks::get(db, webhook_id)?.ok_or(NO_WEBHOOK)?;
                let rows = CLEAN_UP_BATCH_ROWS;
                Ok::<_, Error>(deliveries::count_replay(db, &webhook, which, from, until, rows)?)
            });
            let batch = batch.await?;
            count += batch.count;
            next = batch.next;
        }
        Ok(count)
    }

    /// Sends deliveries again, in batches; how many. Goes on to the end when nobody waits for the
    /// answer any more; what a stop of the server leaves can be asked for again.
    async fn replay_deliveries(&self, webhook_id: i64, request: ReplayRequest) -> Result<i64, Error> {
        let (answer, answered) = oneshot::channel();
        let app = self.clone();
        self.tasks.spawn("replay", async move {
            let replayed = app.replay_all(webhook_id, request).await;
            if let Err(Err(error)) = answer.send(replayed) {
                tracing::warn!(webhook_id, ?error, "a replay did not get to its end");
            }
        });
        answered.await.unwrap_or(Err(STOPPING))
    }

    /// Where a replay begins. What was delivered is known by its attempts: of events from before the log
    /// begins nobody can tell whether they were missed, so those are not sent.
    fn known_since(&self, request: &ReplayRequest) -> Timestamp {
        let log_begins = match request.which {
            Replay::Missed => kept_since(self.delivery.log_keep_days, self.clock.now()),
            Replay::Failed | Replay::Held => None,
        };
        log_begins.map_or(request.since, |begins| request.since.max(begins))
    }

    async fn replay_all(&self, webhook_id: i64, request: ReplayRequest) -> Result<i64, Error> {
        let ReplayRequest { which, until, .. } = request;
        let (mut count, mut next) = (0, Some((self.known_since(&request), 0)));
        while let Some(from) = next {
            if self.tasks.is_stopping() {
                return Err(STOPPING);
            }
            let now = self.clock.now();
            let batch = self.store.write(move |tx| {
                let webhook = webhooks::lock(tx, webhook_id)?.ok_or(NO_WEBHOOK)?;
                if !webhook.enabled {
                    return Err(DISABLED);
                }
                Ok(deliveries::replay(tx, &webhook, which, from, until, now, CLEAN_UP_BATCH_ROWS)?)
            });
            let batch = batch.await?;
            count += batch.count;
            next = batch.next;
        }
        Ok(count)
    }
}
