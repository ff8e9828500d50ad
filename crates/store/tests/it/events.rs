//! The log, topic by topic.

use fanfare_model::event::{Event, LooseEvent, kind};
use fanfare_store::{
    Error, Reach, Store, deliveries, events, sessions,
    testing::{TestDatabase, texts},
};
use futures_util::future::join_all;

use crate::support::{
    add_webhook, at, emit, event, heard, read, received, set_enabled, start_session, write,
};

super::on_both_engines!(
    events_are_read_back_as_they_were_emitted,
    pages_follow_seq,
    a_session_has_a_topic_from_its_start,
    a_public_id_is_unique,
    a_fired_event_stands_in_no_stream_and_reaches_those_who_name_it,
    what_was_missed_of_all_streams_is_read_in_pages,
    who_was_away_for_too_long_has_no_place,
    whatever_is_told_later_was_missed,
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

async fn public_ids(store: &Store, since: i64, after: i64, rows: usize) -> Vec<(i64, String)> {
    let missed = read(store, move |db| events::missed(db, since, after, rows)).await;
    missed.into_iter().map(|event| (event.id, event.public_id)).collect()
}

async fn what_was_missed_of_all_streams_is_read_in_pages(database: TestDatabase) {
    let (store, _commits) = database.open();
    assert_eq!(read(&store, events::newest).await, None);
    for (topic, id) in [("t", "1"), ("u", "2"), ("t", "3")] {
        emit(&store, topic, id).await;
    }
    fire(&store, "fired").await;
    for (topic, id) in [("webhooks", "4"), ("u", "5")] {
        emit(&store, topic, id).await;
    }
    fire(&store, "fired too").await;

    assert_eq!(read(&store, events::newest).await.as_deref(), Some("5"));
    let since = read(&store, |db| events::place(db, "2", 9)).await.expect("a place");
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let page = public_ids(&store, since, after, 2).await;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        pages.push(page.into_iter().map(|(_, public_id)| public_id).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec!["3", "4"], vec!["5"]]);
    let last = read(&store, |db| events::place(db, "5", 0)).await.expect("a place");
    assert!(public_ids(&store, last, 0, 9).await.is_empty());
}

async fn who_was_away_for_too_long_has_no_place(database: TestDatabase) {
    let (store, _commits) = database.open();
    add_webhook(&store, &["*"]).await;
    for id in ["1", "2", "3"] {
        emit(&store, "t", id).await;
    }
    fire(&store, "fired").await;
    let place = async |public_id: &'static str, rows| {
        read(&store, move |db| events::place(db, public_id, rows)).await.is_some()
    };
    assert!(place("1", 2).await && place("2", 1).await && place("3", 0).await);
    assert!(!place("1", 1).await && !place("2", 0).await);
    assert!(!place("fired", 9).await && !place("nobody", 9).await && !place("", 9).await);
    // The delivery of the first keeps it, though no longer in its stream.
    write(&store, |tx| events::expire(tx, at(2_000), 0, 1).map(drop)).await;
    assert!(!place("1", 9).await && place("2", 1).await);
}

/// Many write to several streams at once, and hold their transactions open for different times.
async fn whatever_is_told_later_was_missed(database: TestDatabase) {
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
            Ok::<_, Error>(())
        })
    });
    for written in join_all(jobs).await {
        written.expect("the job works");
    }
    let told: Vec<String> = heard(&mut commits).await;
    assert_eq!(told.len(), JOBS * 2);
    for (index, public_id) in told.iter().enumerate() {
        let id = public_id.clone();
        let since = read(&store, move |db| events::place(db, &id, JOBS * 2)).await.expect("a place");
        let missed: Vec<String> = public_ids(&store, since, 0, JOBS * 2)
            .await
            .into_iter()
            .map(|(_, public_id)| public_id)
            .collect();
        for later in &told[index + 1..] {
            assert!(missed.contains(later), "{later} was told after {public_id}");
        }
        assert!(missed.len() <= told.len() - index + 32, "hardly more than that");
    }
}
