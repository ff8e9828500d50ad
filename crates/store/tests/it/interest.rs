//! Whose webhooks hear of what.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use fanfare_model::{
    event::{LooseEvent, kind},
    replay::Replay,
    webhook::{NewWebhook, WebhookPatch},
};
use fanfare_store::{Store, deliveries, testing::TestDatabase, webhooks};

use crate::support::{add_webhook, at, change, emit, read, received, set_enabled, webhook, write};

super::on_both_engines!(
    an_event_reaches_the_webhooks_of_its_application,
    what_webhooks_ask_for_is_known,
    what_was_missed_is_of_the_same_application,
    the_default_application_takes_in_its_webhooks,
    a_change_of_a_webhook_is_observed,
);

async fn add_to(store: &Store, app: &'static str, events: &'static [&'static str]) -> i64 {
    write(store, move |tx| {
        let new = NewWebhook { app: app.to_owned(), ..webhook(events) };
        Ok(webhooks::insert(tx, &new, at(1))?.id)
    })
    .await
}

/// Fires `broadcast`; the webhooks it goes to.
async fn fire(store: &Store, commits: &mut fanfare_store::Commits, app: &'static str) -> Vec<i64> {
    received(commits).await;
    write(store, move |tx| {
        tx.fire(LooseEvent {
            public_id: format!("of-{app}"),
            kind: kind::BROADCAST.into(),
            at: at(1_000),
            data: "{}".into(),
            app: app.to_owned(),
        })
    })
    .await;
    let published = received(commits).await.remove(0).events.remove(0);
    published.deliveries.iter().map(|new| new.webhook_id).collect()
}

async fn an_event_reaches_the_webhooks_of_its_application(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let main = add_to(&store, "", &["broadcast", "*"]).await;
    let shop = add_to(&store, "shop", &["broadcast.*", "*"]).await;
    assert_eq!(fire(&store, &mut commits, "").await, [main]);
    assert_eq!(fire(&store, &mut commits, "shop").await, [shop]);
    assert_eq!(fire(&store, &mut commits, "other").await, [0; 0]);
    emit(&store, "t", "game").await;
    let published = received(&mut commits).await.remove(0).events.remove(0);
    assert_eq!(published.deliveries.len(), 1, "game nights are the default application's");
    assert_eq!(published.deliveries[0].webhook_id, main);
    let patch = WebhookPatch { app: Some(String::new()), ..WebhookPatch::default() };
    assert_eq!(change(&store, shop, patch).await.app, "");
    assert_eq!(read(&store, move |db| webhooks::get(db, shop)).await.expect("it is there").app, "");
    emit(&store, "t", "another").await;
    let published = received(&mut commits).await.pop().expect("a commit").events.remove(0);
    assert_eq!(published.deliveries.len(), 2);
}

async fn what_webhooks_ask_for_is_known(database: TestDatabase) {
    let (store, _commits) = database.open();
    add_to(&store, "", &["broadcast", "subscribe.*", "game.added", "*"]).await;
    add_to(&store, "", &["broadcast"]).await;
    let disabled = add_to(&store, "shop", &["broadcast"]).await;
    set_enabled(&store, disabled, false).await;
    let deleted = add_to(&store, "gone", &["broadcast"]).await;
    write(&store, move |tx| webhooks::delete(tx, deleted, at(2))).await;
    let patterns = ["broadcast", "broadcast.*", "subscribe", "subscribe.*"].map(str::to_owned);
    let mut asked = read(&store, move |db| webhooks::asked_for(db, &patterns)).await;
    asked.sort_unstable();
    let expected = [("", "broadcast"), ("", "subscribe.*"), ("shop", "broadcast")];
    assert_eq!(asked, expected.map(|(app, pattern)| (app.to_owned(), pattern.to_owned())));
    for (app, kind, expected) in [
        ("", "broadcast", true),
        ("", "subscribe", true),
        ("", "unsubscribe", false),
        ("", "poll.started", true),
        ("shop", "broadcast", true),
        ("shop", "subscribe", false),
        ("gone", "broadcast", false),
    ] {
        let hears = read(&store, move |db| webhooks::hears(db, app, kind)).await;
        assert_eq!(hears, expected, "{app} {kind}");
    }
}

async fn what_was_missed_is_of_the_same_application(database: TestDatabase) {
    let (store, mut commits) = database.open();
    for app in ["", "shop"] {
        assert_eq!(fire(&store, &mut commits, app).await, [0; 0]);
    }
    for app in ["", "shop", "other"] {
        let id = add_to(&store, app, &["broadcast", "*"]).await;
        let missed = read(&store, move |db| {
            let webhook = webhooks::get(db, id)?.expect("it is there");
            deliveries::count_replay(db, &webhook, Replay::Missed, (at(0), 0), at(9_999), 9)
        });
        assert_eq!(missed.await.count, i64::from(app != "other"), "{app}");
    }
}

async fn the_default_application_takes_in_its_webhooks(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let shop = add_to(&store, "shop", &["broadcast"]).await;
    add_to(&store, "other", &["broadcast"]).await;
    write(&store, |tx| webhooks::adopt(tx, "")).await;
    assert_eq!(fire(&store, &mut commits, "").await, [0; 0]);
    write(&store, |tx| webhooks::adopt(tx, "shop")).await;
    let apps = read(&store, webhooks::list).await.into_iter().map(|webhook| webhook.app);
    assert_eq!(apps.collect::<Vec<_>>(), ["", "other"]);
    let notice = fanfare_store::Notice::WebhookChanged(shop);
    assert!(received(&mut commits).await.iter().any(|commit| commit.notices.contains(&notice)));
}

async fn a_change_of_a_webhook_is_observed(database: TestDatabase) {
    let changes = Arc::new(AtomicUsize::new(0));
    let seen = changes.clone();
    let observer = Arc::new(move |stats: fanfare_store::CommitStats| {
        seen.fetch_add(usize::from(stats.webhooks_changed), Ordering::SeqCst);
    });
    let (store, _commits) = fanfare_store::open(database.options(), observer).expect("a fresh database");
    let counted = || changes.load(Ordering::SeqCst);
    let id = add_webhook(&store, &["broadcast"]).await.id;
    assert_eq!(counted(), 1, "before it is answered");
    emit(&store, "t", "x").await;
    assert_eq!(counted(), 1);
    set_enabled(&store, id, false).await;
    assert_eq!(counted(), 2);
    write(&store, move |tx| webhooks::delete(tx, id, at(2))).await;
    assert_eq!(counted(), 3);
}
