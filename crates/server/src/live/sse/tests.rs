use std::pin::Pin;

use fanfare_model::event::Event;
use fanfare_model::limits::{CATCH_UP_PAGE_EVENTS, MAILBOX_MAX_MESSAGES};
use futures_util::StreamExt;

use super::*;
use crate::live::testing::{House, Log};

/// The session of these tests.
const SESSION: i64 = 3;

/// A reader in front of a house that has that session.
struct Scene {
    house: House,
    stream: Pin<Box<dyn Stream<Item = Chunk>>>,
}

fn surroundings(house: &House) -> Surroundings<Log> {
    Surroundings {
        sessions: house.log.clone(),
        hub: house.hub.clone(),
        clock: house.clock.clone(),
        metrics: house.metrics.clone(),
        tasks: house.tasks.clone(),
    }
}

/// Tells the session's readers of the event at `seq`.
fn deliver(house: &House, seq: u64, frame: &str) {
    let message = Bytes::from(sse::message(seq, frame));
    house.hub.deliver(&public_topic(&session_topic(SESSION)), seq, &message);
}

fn publish(house: &House, seq: u64) {
    let frame = house.append(SESSION, 0);
    deliver(house, seq, &frame);
}

impl Scene {
    /// A reader of a session that has had so many events.
    async fn open(events: u64, after: Option<u64>) -> Self {
        let house = House::new();
        for _ in 0..events {
            house.append(SESSION, 0);
        }
        Self::in_house(house, after).await
    }

    async fn in_house(house: House, after: Option<u64>) -> Self {
        let reader = Reader::of_session(surroundings(&house), SESSION, after).await;
        let stream = reader.expect("readable").expect("it exists").into_stream();
        Self { house, stream: Box::pin(stream) }
    }

    /// The next piece, which must be there.
    async fn next(&mut self) -> String {
        let chunk = self.stream.next().await.expect("it goes on").expect("cannot fail");
        String::from_utf8(chunk.to_vec()).expect("UTF-8")
    }

    /// The id and the JSON of the next message.
    async fn message(&mut self) -> (u64, serde_json::Value) {
        let text = self.next().await;
        let fields = text.strip_prefix("id: ").and_then(|text| text.strip_suffix("\n\n"));
        let (id, json) = fields.and_then(|text| text.split_once("\ndata: ")).expect("a message");
        (id.parse().expect("a seq"), serde_json::from_str(json).expect("JSON"))
    }

    async fn seqs(&mut self, count: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        for _ in 0..count {
            let (id, event) = self.message().await;
            assert_eq!(event["seq"], id);
            seqs.push(id);
        }
        seqs
    }

    fn is_silent(&mut self) -> bool {
        futures_util::FutureExt::now_or_never(self.stream.next()).is_none()
    }
}

#[tokio::test]
async fn a_reader_hears_its_position_then_what_happens_and_a_comment_in_between() {
    let mut scene = Scene::open(4, None).await;
    assert_eq!(scene.next().await, ":\nid: 4\n\n");
    assert!(scene.is_silent());
    publish(&scene.house, 5);
    assert_eq!(scene.seqs(1).await, [5]);
    assert!(scene.is_silent());
    scene.house.advance_ms(14_999).await;
    assert!(scene.is_silent());
    scene.house.advance_ms(1).await;
    assert_eq!(scene.next().await, ":\n\n");
    publish(&scene.house, 6);
    assert_eq!(scene.seqs(1).await, [6]);
    assert!(scene.is_silent());
    let log = &scene.house.log;
    assert_eq!(log.pages_read(), [], "nothing was missed");
}

#[tokio::test]
async fn a_reader_that_comes_back_misses_nothing_and_hears_nothing_twice() {
    let events = 2 * CATCH_UP_PAGE_EVENTS as u64 + 7;
    let mut scene = Scene::open(events, Some(3)).await;
    assert_eq!(scene.next().await, ":\nid: 3\n\n");
    assert_eq!(scene.seqs(500).await, (4..504).collect::<Vec<_>>());
    // Published while it still reads the log.
    publish(&scene.house, events + 1);
    let rest = usize::try_from(events - 502).expect("small");
    assert_eq!(scene.seqs(rest).await, (504..=events + 1).collect::<Vec<_>>());
    assert!(scene.is_silent());
    publish(&scene.house, events + 2);
    assert_eq!(scene.seqs(1).await, [events + 2]);
}

#[tokio::test]
async fn what_the_hub_never_delivered_is_read_from_the_log() {
    let mut scene = Scene::open(1, None).await;
    scene.next().await;
    assert!(scene.is_silent());
    scene.house.append(SESSION, 0);
    scene.house.append(SESSION, 0);
    publish(&scene.house, 4);
    publish(&scene.house, 5);
    assert_eq!(scene.seqs(4).await, [2, 3, 4, 5]);
    publish(&scene.house, 6);
    assert_eq!(scene.seqs(1).await, [6]);
}

#[tokio::test]
async fn a_position_that_is_not_there_is_told_so_once() {
    let mut scene = Scene::open(2, Some(9)).await;
    assert_eq!(scene.next().await, ":\nid: 2\n\n");
    let (id, message) = scene.message().await;
    assert_eq!(
        (id, &message["type"], &message["sessionId"], &message["seq"]),
        (2, &"resync".into(), &SESSION.into(), &2.into())
    );
    publish(&scene.house, 3);
    assert_eq!(scene.seqs(1).await, [3]);
}

#[tokio::test]
async fn a_reader_that_is_too_slow_loses_its_stream_and_nothing_is_kept_for_it() {
    let mut scene = Scene::open(1, None).await;
    scene.next().await;
    assert!(scene.is_silent());
    for seq in 2..=MAILBOX_MAX_MESSAGES as u64 + 2 {
        publish(&scene.house, seq);
    }
    assert!(scene.stream.next().await.is_none());
    let Scene { house, stream: _ended } = scene;
    let metrics = &house.metrics;
    assert_eq!((metrics.streams.get(), metrics.streams_too_slow.get(), house.hub.connections()), (0, 1, 0));
}

#[tokio::test]
async fn a_reader_that_leaves_is_forgotten() {
    let Scene { house, stream } = Scene::open(1, None).await;
    assert_eq!((house.metrics.streams.get(), house.hub.connections()), (1, 1));
    drop(stream);
    assert_eq!((house.metrics.streams.get(), house.hub.connections()), (0, 0));
}

#[tokio::test]
async fn a_stop_or_a_log_that_cannot_be_read_ends_a_stream() {
    let mut scene = Scene::open(1, None).await;
    scene.next().await;
    let (ended, in_time) =
        tokio::join!(scene.stream.next(), scene.house.tasks.stop(&scene.house.clock, 1_000));
    assert!(ended.is_none() && in_time);

    let mut scene = Scene::open(2, Some(1)).await;
    scene.next().await;
    scene.house.log.fail();
    assert!(scene.stream.next().await.is_none());
}

#[tokio::test]
async fn an_unknown_session_is_no_stream() {
    let house = House::new();
    let reader = Reader::of_session(surroundings(&house), SESSION, None).await;
    assert!(reader.expect("readable").is_none());
    assert_eq!((house.hub.connections(), house.metrics.streams.get()), (0, 0));
}

/// Adds an event to a session, and tells those who hear everything.
fn happen(house: &House, session_id: i64) -> String {
    house.append(session_id, 0);
    tell_all(house, &house.log.last())
}

fn tell_all(house: &House, event: &Event) -> String {
    let message = Bytes::from(sse::message(&event.public_id, &event.socket_frame()));
    house.hub.deliver(ALL_EVENTS, event.place.unsigned_abs(), &message);
    event.public_id.clone()
}

/// A reader of everything.
async fn everything(house: House, last_event_id: Option<&str>) -> Scene {
    let reader = Reader::of_all(surroundings(&house), last_event_id).await;
    Scene { stream: Box::pin(reader.expect("readable").into_stream()), house }
}

impl Scene {
    /// The ids of the next messages, which are those of the events in them.
    async fn ids(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let text = self.next().await;
            let (id, json) = text[4..].split_once("\ndata: ").expect("a message");
            assert_eq!(serde_json::from_str::<serde_json::Value>(json).expect("JSON")["id"], id);
            ids.push(id.to_owned());
        }
        ids
    }
}

#[tokio::test]
async fn a_stream_of_everything_begins_now() {
    let mut scene = everything(House::new(), None).await;
    assert_eq!(scene.next().await, ":\nid: 0\n\n", "nothing has happened ever");
    happen(&scene.house, 1);
    assert_eq!(scene.ids(1).await, ["1-1"]);
    let Scene { house, stream } = scene;
    drop(stream);
    happen(&house, 2);
    let mut scene = everything(house, None).await;
    assert_eq!(scene.next().await, ":\nid: 2\n\n");
    assert!(scene.is_silent());
    happen(&scene.house, 1);
    assert_eq!(scene.ids(1).await, ["1-2"]);
}

#[tokio::test]
async fn who_comes_back_to_everything_misses_nothing_and_hears_nothing_twice() {
    for (id, place) in [("2-2", 5), ("5", 5), ("0", 0)] {
        let house = House::new();
        let happened = (1..=3).cycle().take(2 * CATCH_UP_PAGE_EVENTS + 7);
        let mut expected: Vec<_> = happened.map(|session| happen(&house, session)).collect();
        expected.drain(..place);
        let mut scene = everything(house, Some(id)).await;
        assert_eq!(scene.next().await, format!(":\nid: {place}\n\n"));
        let mut ids = scene.ids(CATCH_UP_PAGE_EVENTS).await;
        // While it still reads.
        expected.push(happen(&scene.house, 9));
        ids.extend(scene.ids(expected.len() - ids.len()).await);
        assert_eq!(ids, expected);
        assert!(scene.is_silent());
        let latest = happen(&scene.house, 2);
        assert_eq!(scene.ids(1).await, [latest]);
        assert!(scene.is_silent());
    }
}

#[tokio::test]
async fn what_is_told_late_or_never_is_read_from_the_log() {
    let mut scene = everything(House::new(), None).await;
    scene.next().await;
    assert!(scene.is_silent());
    scene.house.append(1, 0);
    let late = scene.house.log.last();
    happen(&scene.house, 2);
    happen(&scene.house, 1);
    assert_eq!(scene.ids(3).await, ["1-1", "2-1", "1-2"]);
    tell_all(&scene.house, &late);
    happen(&scene.house, 2);
    assert_eq!(scene.ids(1).await, ["2-2"]);
}

#[tokio::test]
async fn who_comes_back_with_what_is_not_there_is_told_so_once() {
    for id in ["x\n\ndata: 1", "2", "99999999999999999999"] {
        let house = House::new();
        happen(&house, 1);
        let mut scene = everything(house, Some(id)).await;
        assert_eq!(scene.next().await, ":\nid: 1\n\n");
        assert_eq!(scene.next().await, format!("id: 1\ndata: {}\n\n", picker::resync_all()));
        happen(&scene.house, 1);
        assert_eq!(scene.ids(1).await, ["1-2"]);
    }
}

#[tokio::test]
async fn a_stream_of_everything_ends_with_a_log_that_cannot_be_read() {
    let house = House::new();
    happen(&house, 1);
    let mut scene = everything(house, Some("0")).await;
    scene.next().await;
    scene.house.log.fail();
    assert!(scene.stream.next().await.is_none());
    for id in [None, Some("1-1")] {
        assert!(Reader::of_all(surroundings(&scene.house), id).await.is_err());
    }
}
