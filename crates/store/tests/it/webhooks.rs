//! Webhooks, and which events make deliveries for them.

use fanfare_model::{
    breaker::{GivenUp, Health},
    format::Format,
    retry::RetrySchedule,
    webhook::{
        FormatPatch, Header, Method, NewWebhook, OptionsPatch, Ordering, Origin, Webhook, WebhookOptions,
        WebhookPatch,
    },
};
use fanfare_store::{Error, Notice, Store, deliveries, logs, testing::TestDatabase, webhooks};

use crate::support::{add_webhook, at, change, emit, event, read, received, set_enabled, webhook, write};

super::on_both_engines!(
    webhooks_are_kept,
    options_are_kept,
    replaced_secrets_are_kept,
    each_change_is_noticed,
    one_that_is_given_up_is_disabled,
    health_is_kept_until_it_is_over,
    configured_ones_are_known,
    events_are_matched_by_name_family_and_star,
    a_disabled_webhook_gets_held_deliveries,
    a_change_of_events_counts_from_then_on,
    a_deleted_webhook_is_hidden_at_once,
);

async fn get(store: &Store, id: i64) -> Option<Webhook> {
    read(store, move |db| webhooks::get(db, id)).await
}

async fn webhooks_are_kept(database: TestDatabase) {
    let (store, _commits) = database.open();
    let made = add_webhook(&store, &["game.added", "☂", "game.added"]).await;
    let id = made.id;
    assert_eq!((made.name.as_str(), made.url.as_str()), ("bot", "https://example.com/hook"));
    assert_eq!((made.secret.as_str(), made.enabled, made.created_at), ("hush", true, at(1)));
    assert_eq!((made.origin, &made.disabled_reason), (Origin::Api, &None));
    assert_eq!(made.events, ["game.added", "☂", "game.added"], "as they were given");
    assert!(made.old_secrets.is_empty());
    assert!(get(&store, id).await.is_some_and(|got| got == made));
    let other = add_webhook(&store, &[]).await;
    let ids: Vec<_> = read(&store, webhooks::list).await.into_iter().map(|webhook| webhook.id).collect();
    assert_eq!(ids, [id, other.id]);

    let patch = WebhookPatch { name: Some("new".into()), enabled: Some(false), ..WebhookPatch::default() };
    change(&store, id, patch).await;
    let changed = get(&store, id).await.expect("it is there");
    assert!(changed == Webhook { name: "new".into(), enabled: false, ..made });
    let patch = WebhookPatch {
        url: Some("http://a".into()),
        events: Some(vec!["*".into()]),
        ..WebhookPatch::default()
    };
    change(&store, id, patch).await;
    let (url, events) = ("http://a".to_owned(), vec!["*".to_owned()]);
    let unknown = Webhook { id: 99, ..changed.clone() };
    assert!(get(&store, id).await.is_some_and(|got| got == Webhook { url, events, ..changed }));
    assert!(get(&store, other.id).await.is_some_and(|got| got == other), "nobody else changes");
    let result = store.write(move |tx| webhooks::update(tx, &unknown)).await;
    assert_eq!(result, Err(Error::NotFound));
}

async fn options_are_kept(database: TestDatabase) {
    let (store, _commits) = database.open();
    let header = |name: &str, value: &str| Header::new(name, value).expect("a header");
    let all = WebhookOptions {
        method: Method::Put,
        headers: vec![header("X-Key", "hush"), header("x-empty", "")],
        timeout_ms: Some(300_000),
        retry_schedule: Some(RetrySchedule::new(vec![1, 604_800_000]).expect("a schedule")),
        ordering: Ordering::Session,
        max_in_flight: Some(64),
        rate_limit: Some(10_000),
        format: Format::parse("template", Some("{{ event }} ☂")).expect("a template"),
    };
    let never = RetrySchedule::new(vec![]).expect("a schedule");
    let (given, first) = (all.clone(), all.clone());
    let made = write(&store, move |tx| {
        let new = NewWebhook { options: given.clone(), origin: Origin::Config, ..webhook(&["*"]) };
        webhooks::insert(tx, &new, at(1))
    })
    .await;
    assert_eq!((&made.options, made.origin), (&first, Origin::Config));
    let id = made.id;
    for (options, expected) in [
        (
            OptionsPatch { retry_schedule: Some(Some(never.clone())), ..OptionsPatch::default() },
            WebhookOptions { retry_schedule: Some(never), ..all },
        ),
        (
            OptionsPatch {
                method: Some(Method::Post),
                headers: Some(vec![]),
                timeout_ms: Some(None),
                retry_schedule: Some(None),
                ordering: Some(Ordering::None),
                max_in_flight: Some(None),
                rate_limit: Some(None),
                format: FormatPatch { word: Some("json".into()), template: None },
            },
            WebhookOptions::default(),
        ),
        (
            OptionsPatch { ordering: Some(Ordering::Fifo), ..OptionsPatch::default() },
            WebhookOptions { ordering: Ordering::Fifo, ..WebhookOptions::default() },
        ),
    ] {
        change(&store, id, WebhookPatch { options, ..WebhookPatch::default() }).await;
        assert_eq!(get(&store, id).await.map(|webhook| webhook.options), Some(expected));
    }
}

async fn replaced_secrets_are_kept(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_webhook(&store, &[]).await.id;
    for secret in ["second \u{1f511}", "third"] {
        change(&store, id, WebhookPatch { secret: Some(secret.into()), ..WebhookPatch::default() }).await;
    }
    let webhook = get(&store, id).await.expect("it is there");
    let old: Vec<_> = webhook.old_secrets.iter().map(|old| (old.secret.as_str(), old.expires_at)).collect();
    assert_eq!(old, [("second \u{1f511}", at(102)), ("hush", at(102))]);
    assert_eq!(webhook.secrets_at(at(101)).collect::<Vec<_>>(), ["third", "second \u{1f511}", "hush"]);
    assert_eq!(webhook.secrets_at(at(102)).collect::<Vec<_>>(), ["third"]);
}

async fn each_change_is_noticed(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let id = add_webhook(&store, &[]).await.id;
    change(&store, id, WebhookPatch::default()).await;
    assert!(write(&store, move |tx| webhooks::delete(tx, id, at(2))).await);
    assert!(!write(&store, move |tx| webhooks::delete(tx, id, at(3))).await);
    let notices: Vec<_> = received(&mut commits).await.into_iter().map(|commit| commit.notices).collect();
    assert_eq!(notices, vec![vec![Notice::WebhookChanged(id)]; 3]);
}

async fn one_that_is_given_up_is_disabled(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let made = add_webhook(&store, &["*"]).await;
    let (id, url) = (made.id, "https://example.com/hook");
    received(&mut commits).await;
    let attempt = |id, url| write(&store, move |tx| webhooks::give_up(tx, id, url, GivenUp::Gone));
    assert!(attempt(id, "https://example.com/elsewhere").await.is_none(), "it leads elsewhere by now");
    assert!(attempt(99, url).await.is_none());
    assert!(received(&mut commits).await.is_empty());
    let reason = Some(GivenUp::Gone.reason().to_owned());
    let given_up = attempt(id, url).await.expect("it is given up");
    assert!(given_up == Webhook { enabled: false, disabled_reason: reason.clone(), ..made.clone() });
    assert!(get(&store, id).await.is_some_and(|got| got == given_up));
    assert_eq!(received(&mut commits).await[0].notices, [Notice::WebhookChanged(id)]);
    assert!(attempt(id, url).await.is_none(), "it is disabled already");
    let renamed = WebhookPatch { name: Some("still off".into()), ..WebhookPatch::default() };
    change(&store, id, renamed).await;
    assert_eq!(get(&store, id).await.and_then(|webhook| webhook.disabled_reason), reason);
    set_enabled(&store, id, true).await;
    assert!(get(&store, id).await.is_some_and(|got| got == Webhook { name: "still off".into(), ..made }));
}

async fn health_is_kept_until_it_is_over(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_webhook(&store, &[]).await.id;
    let other = add_webhook(&store, &[]).await.id;
    let health = |id| read(&store, move |db| webhooks::health(db, id));
    let set = |changes: Vec<(i64, Health)>| write(&store, move |tx| webhooks::set_health(tx, &changes));
    let ill = Health {
        failures: 3,
        failing_since: Some(at(5)),
        failed_at: Some(at(7)),
        opens: 1,
        hold_until: Some(at(99)),
    };
    let worse = Health { failures: u32::MAX, hold_until: None, ..ill };
    assert_eq!(health(id).await, Health::default());
    set(vec![(id, ill), (other, worse)]).await;
    assert_eq!((health(id).await, health(other).await), (ill, worse));
    let all = read(&store, webhooks::all_health).await;
    assert_eq!(all, [(id, ill), (other, worse)].into());
    for (now, left_alone) in [(98, 1), (99, 0)] {
        let failing = read(&store, move |db| webhooks::count_failing(db, at(now))).await;
        assert_eq!(failing, (2, left_alone));
    }
    set(vec![(id, worse), (other, Health::default()), (id, ill)]).await;
    assert_eq!((health(id).await, health(other).await), (ill, Health::default()));

    let named = WebhookPatch { name: Some("n".into()), enabled: Some(true), ..WebhookPatch::default() };
    change(&store, id, named).await;
    assert_eq!(health(id).await, ill, "a name heals nobody");
    set_enabled(&store, id, false).await;
    assert_eq!(health(id).await, ill);
    set_enabled(&store, id, true).await;
    assert_eq!(health(id).await, Health::default(), "one that is enabled again has another chance");
    set(vec![(id, ill)]).await;
    change(&store, id, WebhookPatch { url: Some("http://a/".into()), ..WebhookPatch::default() }).await;
    assert_eq!(health(id).await, Health::default(), "another address is another receiver");

    write(&store, move |tx| webhooks::delete(tx, id, at(3))).await;
    set(vec![(id, ill), (other, ill)]).await;
    assert_eq!((health(id).await, health(other).await), (Health::default(), ill), "nothing of a deleted one");
}

async fn configured_ones_are_known(database: TestDatabase) {
    let (store, _commits) = database.open();
    add_webhook(&store, &[]).await;
    let insert = || {
        write(&store, |tx| {
            webhooks::insert(tx, &NewWebhook { origin: Origin::Config, ..webhook(&[]) }, at(1))
        })
    };
    let (first, second) = (insert().await.id, insert().await.id);
    let ids = |webhooks: Vec<Webhook>| webhooks.into_iter().map(|webhook| webhook.id).collect::<Vec<_>>();
    assert_eq!(ids(read(&store, webhooks::configured).await), [first, second]);
    write(&store, move |tx| webhooks::delete(tx, first, at(2))).await;
    assert_eq!(ids(read(&store, webhooks::configured).await), [second]);
}

/// The webhooks that a game.added would be delivered to now, with the state of each delivery.
async fn delivered_to(store: &Store, public_id: &'static str) -> Vec<(i64, String)> {
    emit(store, "t", public_id).await;
    let sql = format!(
        "select cast(d.webhook_id as text), d.state from deliveries d \
         join events e on e.id = d.event_id where e.public_id = '{public_id}' order by d.webhook_id"
    );
    let rows = read(store, move |db| fanfare_store::testing::texts(db, &sql, 2)).await;
    rows.into_iter().map(|row| (row[0].parse().expect("an id"), row[1].clone())).collect()
}

async fn events_are_matched_by_name_family_and_star(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let mut expected = Vec::new();
    for (events, matches) in [
        (&["game.added"][..], true),
        (&["game.*"], true),
        (&["*"], true),
        (&["game.added", "game.*", "*", "game.added"], true),
        (&["session.started", "game.added"], true),
        (&[], false),
        (&["game.status"], false),
        (&["session.*"], false),
        (&["game"], false),
        (&["GAME.ADDED"], false),
        (&["game.added.*"], false),
        (&["g%", "game._dded"], false),
    ] {
        let id = add_webhook(&store, events).await.id;
        if matches {
            expected.push((id, "pending".to_owned()));
        }
    }
    received(&mut commits).await;
    assert_eq!(delivered_to(&store, "x").await, expected);
    let commit = received(&mut commits).await.remove(0);
    let mut told: Vec<_> = commit.events[0].deliveries.iter().map(|delivery| delivery.webhook_id).collect();
    told.sort_unstable();
    assert_eq!(told, expected.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), "each once");
}

async fn a_disabled_webhook_gets_held_deliveries(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let off = add_webhook(&store, &["*"]).await.id;
    let on = add_webhook(&store, &["*"]).await.id;
    set_enabled(&store, off, false).await;
    received(&mut commits).await;
    assert_eq!(delivered_to(&store, "x").await, [(off, "held".to_owned()), (on, "pending".to_owned())]);
    let published = received(&mut commits).await.remove(0).events.remove(0);
    assert_eq!(published.held, 1);
    assert_eq!(published.deliveries.iter().map(|delivery| delivery.webhook_id).collect::<Vec<_>>(), [on]);
    assert!(read(&store, move |db| deliveries::due(db, off, at(9_999), 10)).await.is_empty());
}

async fn a_change_of_events_counts_from_then_on(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_webhook(&store, &["session.*"]).await.id;
    assert!(delivered_to(&store, "before").await.is_empty());
    let patch = WebhookPatch { events: Some(vec!["game.*".into()]), ..WebhookPatch::default() };
    change(&store, id, patch).await;
    assert_eq!(delivered_to(&store, "after").await.len(), 1);
}

async fn a_deleted_webhook_is_hidden_at_once(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = add_webhook(&store, &["*"]).await.id;
    emit(&store, "t", "x").await;
    write(&store, move |tx| webhooks::delete(tx, id, at(2))).await;
    assert!(read(&store, webhooks::list).await.is_empty());
    assert!(read(&store, move |db| webhooks::get(db, id)).await.is_none());
    assert!(read(&store, move |db| logs::list(db, id, 10)).await.is_empty());
    assert!(read(&store, move |db| deliveries::due(db, id, at(9_999), 10)).await.is_empty());
    assert!(read(&store, deliveries::pending_webhooks).await.is_empty());
    assert_eq!(read(&store, deliveries::waiting).await.oldest, None);
    assert!(delivered_to(&store, "y").await.is_empty());
    let test = store.write(move |tx| deliveries::insert_test(tx, id, event("", "z"))).await;
    assert_eq!(test, Err(Error::NotFound));
    assert_eq!(read(&store, webhooks::deleted).await, [id]);
}
