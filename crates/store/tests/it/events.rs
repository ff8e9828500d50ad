//! The log, topic by topic.

use fanfare_model::event::{Event, LooseEvent, kind};
use fanfare_store::{Error, Reach, deliveries, events, sessions, testing::TestDatabase};

use crate::support::{add_webhook, at, emit, event, read, received, set_enabled, start_session, write};

super::on_both_engines!(
    events_are_read_back_as_they_were_emitted,
    pages_follow_seq,
    a_session_has_a_topic_from_its_start,
    a_public_id_is_unique,
    a_fired_event_stands_in_no_stream_and_reaches_those_who_name_it,
);

async fn events_are_read_back_as_they_were_emitted(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let data = r#"{"title":"\"’☂🎉\u2028\n"}"#;
    let emitted = write(&store, move |tx| {
        tx.emit(fanfare_model::event::NewEvent {
            public_id: "x".into(),
            topic: "session:3".into(),
            kind: kind::SESSION_STARTED,
            at: at(1_773_606_600_007),
            data: data.into(),
        })
    })
    .await;
    let expected = Event {
        id: emitted.id,
        public_id: "x".into(),
        topic: Some("session:3".into()),
        seq: 1,
        kind: "session.started".into(),
        at: at(1_773_606_600_007),
        data: data.into(),
    };
    assert_eq!(*emitted, expected);
    let log = read(&store, |db| events::after(db, "session:3", 0, 10)).await;
    assert_eq!(log, std::slice::from_ref(&expected));
    let commit = received(&mut commits).await.remove(0);
    assert_eq!(*commit.events[0].event, expected);
    assert!(commit.events[0].deliveries.is_empty() && commit.notices.is_empty());
}

async fn pages_follow_seq(database: TestDatabase) {
    let (store, _commits) = database.open();
    for id in ["1", "2", "3"] {
        emit(&store, "t", id).await;
    }
    emit(&store, "u", "other").await;
    for id in ["4", "5"] {
        emit(&store, "t", id).await;
    }

    for (after, rows, expected) in [
        (0, 10, vec![1, 2, 3, 4, 5]),
        (0, 2, vec![1, 2]),
        (3, 10, vec![4, 5]),
        (5, 10, vec![]),
        (9, 1, vec![]),
    ] {
        let page = read(&store, move |db| events::after(db, "t", after, rows)).await;
        assert_eq!(page.iter().map(|e| e.seq).collect::<Vec<_>>(), expected, "after {after}");
    }
    assert_eq!(read(&store, |db| events::span(db, "t")).await, Some(events::Span { first: 1, last: 5 }));
    assert_eq!(read(&store, |db| events::span(db, "unknown")).await, None);
    database.execute("delete from events where seq < 4");
    assert_eq!(read(&store, |db| events::span(db, "t")).await, Some(events::Span { first: 4, last: 5 }));
    database.execute("delete from events");
    assert_eq!(read(&store, |db| events::span(db, "t")).await, Some(events::Span { first: 6, last: 5 }));
}

async fn a_session_has_a_topic_from_its_start(database: TestDatabase) {
    let (store, _commits) = database.open();
    let id = start_session(&store).await.id;
    let topic = fanfare_model::event::session_topic(id);
    let asked = topic.clone();
    let span = read(&store, move |db| events::span(db, &asked)).await;
    assert_eq!(span, Some(events::Span { first: 1, last: 0 }));
    let first = write(&store, move |tx| {
        sessions::lock(tx, id)?;
        tx.emit(event(&topic, "x"))
    });
    assert_eq!(first.await.seq, 1);
}

async fn a_public_id_is_unique(database: TestDatabase) {
    let (store, _commits) = database.open();
    emit(&store, "t", "same").await;
    let again = store.write(|tx| tx.emit(event("u", "same")).map(drop)).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}

async fn a_fired_event_stands_in_no_stream_and_reaches_those_who_name_it(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let named = add_webhook(&store, &["order.paid", "order.*"]).await.id;
    add_webhook(&store, &["*", "game.*", "order"]).await;
    let disabled = add_webhook(&store, &["order.*"]).await.id;
    set_enabled(&store, disabled, false).await;
    received(&mut commits).await;
    let fired = |public_id: &str| LooseEvent {
        public_id: public_id.to_owned(),
        kind: "order.paid".into(),
        at: at(1_000),
        data: r#"{"n":1}"#.into(),
        app: String::new(),
    };
    let event = fired("x");
    let reach = write(&store, move |tx| tx.fire(event.clone())).await;
    assert_eq!(reach, Reach { pending: 1, held: 1 });
    let published = received(&mut commits).await.remove(0).events.remove(0);
    let expected = Event {
        id: published.event.id,
        public_id: "x".into(),
        topic: None,
        seq: 0,
        kind: "order.paid".into(),
        at: at(1_000),
        data: r#"{"n":1}"#.into(),
    };
    assert_eq!(*published.event, expected);
    assert_eq!(published.held, 1);
    assert_eq!(published.deliveries.iter().map(|new| new.webhook_id).collect::<Vec<_>>(), [named]);
    let due = read(&store, move |db| deliveries::due(db, named, at(1_000), 10)).await;
    assert_eq!(due.iter().map(|due| (due.test, &*due.event)).collect::<Vec<_>>(), [(false, &expected)]);
    let event = fired("x");
    let again = store.write(move |tx| tx.fire(event.clone())).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
}
