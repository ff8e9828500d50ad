//! Webhooks that others than the API look after: those of the configuration file, which the database
//! follows at each start, and those that an embedding program makes known. Both are told by their URL.

use std::{collections::BTreeMap, sync::Arc};

use fanfare_model::{
    Timestamp,
    webhook::{NewWebhook, Origin, Webhook, WebhookPatch},
};
use fanfare_store::{Error as StoreError, Store, Tx, webhooks};

use super::{App, Error, webhooks::app_column};
use crate::config;

/// Why one of the file is disabled that nobody else disabled.
const SWITCHED_OFF: &str = "webhooks.enabled is false in the configuration";

const IN_THE_FILE: Error = Error::Conflict("The configuration file has a webhook with this URL");

/// What the database was told to follow the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) added: usize,
    pub(crate) changed: usize,
    pub(crate) removed: usize,
}

/// Brings the webhooks of the configuration file in line with it, all or none. A secret that the file
/// replaces signs beside the new one for `overlap_ms`.
pub(crate) async fn follow_file(
    store: &Store,
    wanted: &config::Webhooks,
    overlap_ms: i64,
    now: Timestamp,
) -> Result<Followed, StoreError> {
    let endpoints = wanted.endpoints.iter().map(|endpoint| wanted.webhook(endpoint, Origin::Config));
    let (endpoints, enabled) = (endpoints.collect::<Arc<[_]>>(), wanted.enabled);
    store.write(move |tx| follow(tx, &endpoints, enabled, overlap_ms, now)).await
}

/// The webhook with its application as the database names it. One that does not exist may be made later.
fn in_database(tx: &mut Tx, new: &NewWebhook) -> Result<NewWebhook, StoreError> {
    let app = app_column(tx, &new.app)?;
    if app.is_none() {
        tracing::warn!(app = new.app, webhook = new.name, "a webhook's app does not exist: it hears nothing");
    }
    Ok(NewWebhook { app: app.unwrap_or_else(|| new.app.clone()), ..new.clone() })
}

fn follow(
    tx: &mut Tx,
    wanted: &[NewWebhook],
    enabled: bool,
    overlap_ms: i64,
    now: Timestamp,
) -> Result<Followed, StoreError> {
    let mut followed = Followed::default();
    let there = webhooks::configured(tx)?.into_iter().map(|webhook| (webhook.url.clone(), webhook));
    let mut rest: BTreeMap<_, _> = there.collect();
    for new in wanted {
        let new = &in_database(tx, new)?;
        let (before, count) = if let Some(webhook) = rest.remove(&new.url) {
            (webhook, &mut followed.changed)
        } else {
            followed.added += 1;
            // Switching it off is no change of its own.
            (webhooks::insert(tx, new, now)?, &mut 0)
        };
        let after = switched(as_described(before.clone(), new, overlap_ms, now), enabled);
        if after != before {
            webhooks::update(tx, &after)?;
            *count += 1;
        }
    }
    for webhook in rest.into_values() {
        webhooks::delete(tx, webhook.id, now)?;
        followed.removed += 1;
    }
    Ok(followed)
}

/// The webhook as it is described now. One that the server gave up has another chance once its
/// description has changed.
fn as_described(webhook: Webhook, new: &NewWebhook, overlap_ms: i64, now: Timestamp) -> Webhook {
    let NewWebhook { name, url, secret, events, app, options, origin: _ } = new;
    let described =
        (&webhook.name, &webhook.url, &webhook.secret, &webhook.events, &webhook.app, &webhook.options);
    if described == (name, url, secret, events, app, options) {
        return webhook;
    }
    let given_up = webhook.disabled_reason.as_deref().is_some_and(|reason| reason != SWITCHED_OFF);
    let patch = WebhookPatch {
        secret: Some(secret.clone()),
        enabled: given_up.then_some(true),
        ..WebhookPatch::default()
    };
    let webhook = patch.applied_to(webhook, now, overlap_ms).expect("it changes no headers");
    let (name, url, events, app) = (name.clone(), url.clone(), events.clone(), app.clone());
    Webhook { name, url, events, app, options: options.clone(), ..webhook }
}

/// The webhook as the switch for all of the file leaves it: what others disabled stays disabled.
fn switched(webhook: Webhook, on: bool) -> Webhook {
    let is_switched_off = webhook.disabled_reason.as_deref() == Some(SWITCHED_OFF);
    match on {
        false if webhook.enabled => {
            Webhook { enabled: false, disabled_reason: Some(SWITCHED_OFF.to_owned()), ..webhook }
        }
        true if is_switched_off => Webhook { enabled: true, disabled_reason: None, ..webhook },
        _ => webhook,
    }
}

impl App {
    /// Makes a webhook known, or brings the one with the same URL in line; its id. Two at once with the
    /// same URL may become two.
    pub(crate) async fn register_webhook(&self, new: NewWebhook) -> Result<i64, Error> {
        let (now, overlap_ms) = (self.clock.now(), self.delivery.secret_overlap_ms);
        self.store
            .write(move |tx| {
                let new = in_database(tx, &new)?;
                let there = webhooks::list(tx)?.into_iter().filter(|webhook| webhook.url == new.url);
                let there: Vec<_> = there.collect();
                if there.iter().any(|webhook| webhook.origin == Origin::Config) {
                    return Err(IN_THE_FILE);
                }
                let Some(first) = there.first() else { return Ok(webhooks::insert(tx, &new, now)?.id) };
                let Some(before) = webhooks::lock(tx, first.id)? else {
                    return Ok(webhooks::insert(tx, &new, now)?.id);
                };
                let after = as_described(before.clone(), &new, overlap_ms, now);
                if after != before {
                    webhooks::update(tx, &after)?;
                }
                Ok(after.id)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use fanfare_model::breaker::GivenUp;
    use fanfare_store::{Read, testing::TestDatabase};

    use super::*;
    use crate::config::{Endpoint, Secret};

    const OVERLAP_MS: i64 = 100;

    struct Database {
        store: Store,
        commits: fanfare_store::Commits,
        _owner: TestDatabase,
    }

    impl Database {
        fn new() -> Self {
            let database = TestDatabase::sqlite();
            let (store, commits) = database.open();
            Self { store, commits, _owner: database }
        }

        async fn follow(&self, wanted: &config::Webhooks) -> [usize; 3] {
            let now = Timestamp::from_millis(1_000);
            let followed = follow_file(&self.store, wanted, OVERLAP_MS, now).await.expect("it follows");
            [followed.added, followed.changed, followed.removed]
        }

        async fn all(&self) -> Vec<Webhook> {
            self.store.read(|db: &mut Read| webhooks::list(db)).await.expect("it is read")
        }

        async fn one(&self) -> Webhook {
            let mut all = self.all().await;
            assert_eq!(all.len(), 1);
            all.remove(0)
        }

        async fn change(&self, change: impl Fn(&mut Webhook) + Send + 'static) {
            let job = move |tx: &mut Tx| {
                let mut webhook = webhooks::configured(tx)?.remove(0);
                change(&mut webhook);
                webhooks::update(tx, &webhook)
            };
            self.store.write(job).await.expect("it is changed");
        }
    }

    fn file(endpoints: Vec<Endpoint>) -> config::Webhooks {
        config::Webhooks { endpoints, ..config::Webhooks::default() }
    }

    #[tokio::test]
    async fn the_database_follows_the_file() {
        let database = Database::new();
        let (a, b) = (Endpoint::new("http://a/", ["*"]), Endpoint::new("http://b/", ["game.*"]));
        assert_eq!(database.follow(&file(vec![a.clone(), b.clone()])).await, [2, 0, 0]);
        let first = database.all().await;
        assert_eq!((first[0].name.as_str(), first[0].secret.as_str()), ("http://a/", ""));
        assert!(first.iter().all(|webhook| webhook.enabled && webhook.origin == Origin::Config));
        let options = &first[0].options;
        let waits = options.retry_schedule.as_ref().map(|schedule| schedule.delays_ms().to_vec());
        assert_eq!((waits, options.timeout_ms), (Some(vec![1_000, 2_000, 3_000]), Some(5_000)));

        assert_eq!(database.follow(&file(vec![b.clone(), a.clone()])).await, [0, 0, 0], "in any order");
        let b = Endpoint { name: Some("bot".into()), events: vec!["*".into()], ..b };
        assert_eq!(database.follow(&file(vec![a.clone(), b.clone()])).await, [0, 1, 0]);
        let second = database.all().await;
        assert!(second[0] == first[0]);
        assert_eq!((second[1].id, second[1].name.as_str()), (first[1].id, "bot"), "it is the same one");
        let c = Endpoint::new("http://c/", ["*"]);
        assert_eq!(database.follow(&file(vec![c, b])).await, [1, 0, 1]);
        let ids: Vec<_> = database.all().await.iter().map(|webhook| webhook.id).collect();
        assert_eq!(ids, [first[1].id, first[1].id + 1]);
        assert_eq!(database.follow(&file(vec![])).await, [0, 0, 2]);
    }

    #[tokio::test]
    async fn those_of_the_api_are_left_alone() {
        let database = Database::new();
        let of_api = file(vec![]).webhook(&Endpoint::new("http://a/", ["*"]), Origin::Api);
        let job = move |tx: &mut Tx| webhooks::insert(tx, &of_api, Timestamp::from_millis(1));
        let made = database.store.write(job).await.expect("it is made");
        assert_eq!(database.follow(&file(vec![Endpoint::new("http://a/", ["game.*"])])).await, [1, 0, 0]);
        assert_eq!(database.follow(&file(vec![])).await, [0, 0, 1]);
        assert!(database.one().await == made);
    }

    #[tokio::test]
    async fn a_secret_that_is_replaced_still_signs_for_a_while() {
        let database = Database::new();
        let with = |common: &str, own: Option<&str>| {
            let secret = |text: &str| Some(Secret(text.to_owned()));
            let endpoint = Endpoint::new("http://a/", ["*"]);
            let endpoint = Endpoint { secret: own.and_then(secret), ..endpoint };
            config::Webhooks { secret: secret(common), ..file(vec![endpoint]) }
        };
        database.follow(&with("common", None)).await;
        assert_eq!(database.one().await.secret, "common");
        assert_eq!(database.follow(&with("common", Some("own"))).await, [0, 1, 0]);
        let webhook = database.one().await;
        let signing = |at| webhook.secrets_at(Timestamp::from_millis(at)).collect::<Vec<_>>();
        assert_eq!((signing(1_099), signing(1_100)), (vec!["own", "common"], vec!["own"]));
        assert_eq!(database.follow(&with("other", Some("own"))).await, [0, 0, 0]);
    }

    #[tokio::test]
    async fn the_switch_is_for_those_that_nobody_else_disabled() {
        let database = Database::new();
        let on = file(vec![Endpoint::new("http://a/", ["*"])]);
        let off = config::Webhooks { enabled: false, ..on.clone() };
        assert_eq!(database.follow(&off).await, [1, 0, 0]);
        let webhook = database.one().await;
        assert_eq!((webhook.enabled, webhook.disabled_reason.as_deref()), (false, Some(SWITCHED_OFF)));
        assert_eq!(database.follow(&off).await, [0, 0, 0]);
        assert_eq!(database.follow(&on).await, [0, 1, 0]);
        let webhook = database.one().await;
        assert_eq!((webhook.enabled, webhook.disabled_reason), (true, None));

        database.change(|webhook| webhook.enabled = false).await;
        for file in [&off, &on] {
            assert_eq!(database.follow(file).await, [0, 0, 0], "a host disabled it");
        }
        assert!(!database.one().await.enabled);
    }

    #[tokio::test]
    async fn one_that_was_given_up_has_another_chance_once_its_entry_changes() {
        let database = Database::new();
        let on = file(vec![Endpoint::new("http://a/", ["*"])]);
        database.follow(&on).await;
        let id = database.one().await.id;
        let job = move |tx: &mut Tx| webhooks::give_up(tx, id, "http://a/", GivenUp::Gone);
        assert!(database.store.write(job).await.expect("it is given up").is_some());
        for file in [config::Webhooks { enabled: false, ..on.clone() }, on.clone()] {
            assert_eq!(database.follow(&file).await, [0, 0, 0]);
        }
        let reason = Some(GivenUp::Gone.reason());
        assert_eq!(database.one().await.disabled_reason.as_deref(), reason);
        let changed = file(vec![Endpoint::new("http://a/", ["game.*"])]);
        assert_eq!(database.follow(&changed).await, [0, 1, 0]);
        let webhook = database.one().await;
        assert_eq!((webhook.enabled, webhook.disabled_reason), (true, None));
    }

    #[tokio::test]
    async fn each_change_is_told() {
        let mut database = Database::new();
        database.follow(&file(vec![Endpoint::new("http://a/", ["*"])])).await;
        let id = database.one().await.id;
        database.follow(&file(vec![])).await;
        let notice = fanfare_store::Notice::WebhookChanged(id);
        for _ in 0..2 {
            assert_eq!(database.commits.recv().await.map(|commit| commit.notices), Some(vec![notice]));
        }
    }
}
