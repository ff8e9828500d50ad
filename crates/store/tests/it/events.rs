//! The log, topic by topic.

use fanfare_model::event::{Event, LooseEvent, kind};
use fanfare_store::{
    Error, Reach, Store, deliveries,
    events::{self, Span},
    sessions,
    testing::{TestDatabase, texts},
};
use futures_util::future::join_all;

use crate::support::{add_webhook, at, emit, event, read, received, set_enabled, start_session, write};

super::on_both_engines!(
    events_are_read_back_as_they_were_emitted,
    pages_follow_seq,
    a_session_has_a_topic_from_its_start,
    a_public_id_is_unique,
    a_fired_event_stands_in_no_stream_and_reaches_those_who_name_it,
    the_events_of_all_streams_have_one_order,
    what_has_expired_has_no_place,
    events_are_told_in_the_order_of_their_places,
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
        place: 1,
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

fn fired(public_id: &str) -> LooseEvent {
    LooseEvent {
        public_id: public_id.to_owned(),
        kind: "order.paid".into(),
        at: at(1_000),
        data: r#"{"n":1}"#.into(),
        app: String::new(),
    }
}

async fn fire(store: &Store, public_id: &'static str) {
    write(store, move |tx| tx.fire(fired(public_id)).map(drop)).await;
}

async fn a_fired_event_stands_in_no_stream_and_reaches_those_who_name_it(database: TestDatabase) {
    let (store, mut commits) = database.open();
    let named = add_webhook(&store, &["order.paid", "order.*"]).await.id;
    add_webhook(&store, &["*", "game.*", "order"]).await;
    let disabled = add_webhook(&store, &["order.*"]).await.id;
    set_enabled(&store, disabled, false).await;
    received(&mut commits).await;
    let event = fired("x");
    let reach = write(&store, move |tx| tx.fire(event.clone())).await;
    assert_eq!(reach, Reach { pending: 1, held: 1 });
    let published = received(&mut commits).await.remove(0).events.remove(0);
    let expected = Event {
        id: published.event.id,
        public_id: "x".into(),
        topic: None,
        seq: 0,
        place: 0,
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

async fn of_all(store: &Store, after: i64, rows: usize) -> Vec<(i64, String)> {
    let events = read(store, move |db| events::after_of_all(db, after, rows)).await;
    events.into_iter().map(|event| (event.place, event.public_id)).collect()
}

async fn place(store: &Store, public_id: &'static str) -> Option<i64> {
    read(store, move |db| events::place(db, public_id)).await
}

async fn the_events_of_all_streams_have_one_order(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(read(&store, events::span_of_all).await, Span { first: 1, last: 0 });
    for (topic, id) in [("t", "1"), ("u", "2"), ("t", "3")] {
        emit(&store, topic, id).await;
    }
    fire(&store, "fired").await;
    let undone = store.write(|tx| tx.emit(event("t", "undone")).and(Err::<(), _>(Error::NotFound))).await;
    assert_eq!(undone, Err(Error::NotFound));
    for (topic, id) in [("webhooks", "4"), ("u", "5")] {
        emit(&store, topic, id).await;
    }
    let numbered = |places: std::ops::RangeInclusive<i64>| -> Vec<(i64, String)> {
        places.map(|place| (place, place.to_string())).collect()
    };
    assert_eq!(read(&store, events::span_of_all).await, Span { first: 1, last: 5 });
    assert_eq!(of_all(&store, 0, 9).await, numbered(1..=5));
    assert_eq!(of_all(&store, 1, 3).await, numbered(2..=4));
    assert_eq!(of_all(&store, 5, 9).await, []);
    assert_eq!((place(&store, "2").await, place(&store, "5").await), (Some(2), Some(5)));
    assert_eq!((place(&store, "fired").await, place(&store, "nobody").await), (None, None));
}

async fn what_has_expired_has_no_place(database: TestDatabase) {
    let (store, _commits) = database.open();
    for id in ["1", "2"] {
        emit(&store, "t", id).await;
    }
    add_webhook(&store, &["*"]).await;
    emit(&store, "t", "3").await;
    emit(&store, "u", "4").await;
    write(&store, |tx| events::expire(tx, at(2_000), 0, 3).map(drop)).await;
    assert_eq!(read(&store, events::span_of_all).await, Span { first: 4, last: 4 });
    // The delivery of the third keeps it, though in no stream.
    assert_eq!((place(&store, "1").await, place(&store, "3").await), (None, None));
    assert_eq!(of_all(&store, 0, 9).await, [(4, "4".to_owned())]);
    write(&store, |tx| events::expire(tx, at(2_000), 0, 9).map(drop)).await;
    assert_eq!(read(&store, events::span_of_all).await, Span { first: 5, last: 4 });
}

/// Many write to several streams at once, and hold their transactions open for different times.
async fn events_are_told_in_the_order_of_their_places(database: TestDatabase) {
    const JOBS: usize = 120;
    let (store, mut commits) = database.open();
    let jobs = (0..JOBS).map(|n| {
        store.write(move |tx| {
            for part in 0..=n % 3 {
                let topic = format!("session:{}", n % 7);
                tx.emit(event(&topic, &format!("{n}-{part}")))?;
                for _ in 0..(n * 5) % 11 {
                    texts(tx, "select cast(count(*) as text) from events", 1)?;
                }
            }
            // Every tenth comes to nothing, and leaves no gap.
            if n % 10 == 9 { Err(Error::NotFound) } else { Ok(()) }
        })
    });
    let written = join_all(jobs).await.into_iter().flatten().count();
    assert_eq!(written, JOBS - JOBS / 10);
    let told = received(&mut commits).await.into_iter().flat_map(|commit| commit.events);
    let told: Vec<_> = told.map(|told| (told.event.place, told.event.public_id.clone())).collect();
    let places: Vec<_> = told.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, (1..).take(told.len()).collect::<Vec<_>>());
    assert_eq!(of_all(&store, 0, JOBS * 3).await, told);
}
