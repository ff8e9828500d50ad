//! Who was there when a server ended is told to have left by the next.

use super::*;

fn joined(name: &str, id: &str) -> OccurrenceKind {
    OccurrenceKind::PresenceJoin { channel: channel(name), member: member(id) }
}

fn left(name: &str, id: &str) -> OccurrenceKind {
    OccurrenceKind::PresenceLeave { channel: channel(name), member: member(id) }
}

fn here(name: &str, id: &str) -> (String, String, bool) {
    (name.to_owned(), id.to_owned(), false)
}

/// Ends without telling anything more, as a crash does.
async fn crash(stage: Stage) {
    stage.tasks.stop(&stage.clock, 0).await;
    stage.store.close().await;
}

#[tokio::test]
async fn those_who_were_there_have_left() {
    let database = TestDatabase::sqlite();
    let mut first = Stage::start(&database);
    first.webhook("", &["presence_join", "presence_leave", "member_removed", "channel_vacated"]).await;
    first.webhook("shop", &["presence_join", "member_removed"]).await;
    let info = Some(r#"{"name":"Ann"}"#.to_owned());
    let ann = OccurrenceKind::PresenceJoin {
        channel: channel("presence-a"),
        member: Member { id: "ann".into(), info },
    };
    first.tell(MAIN, OccurrenceKind::Occupied { channel: channel("presence-a") }).await;
    first.tell(MAIN, ann).await;
    first.tell(MAIN, joined("presence-a", "ben")).await;
    first.tell(MAIN, left("presence-a", "ben")).await;
    first.tell("shop", joined("presence-b", "cat")).await;
    first.tell("other", joined("presence-b", "dan")).await;
    first.events(4).await;
    let ben = ("presence-a".to_owned(), "ben".to_owned(), true);
    let members = vec![here("presence-a", "ann"), ben, here("presence-b", "cat")];
    assert_eq!(first.written_down().await, (members, vec!["presence-a".to_owned()]));
    crash(first).await;

    let mut second = Stage::start(&database);
    let event = |name: &str, data: &str| (name.to_owned(), data.to_owned());
    let expected = [
        event("presence_leave", r#"{"channel":"presence-a","member":{"id":"ann","info":{"name":"Ann"}}}"#),
        event("member_removed", r#"{"channel":"presence-a","userId":"ann"}"#),
        event("member_removed", r#"{"channel":"presence-a","userId":"ben"}"#),
        event("member_removed", r#"{"channel":"presence-b","userId":"cat"}"#),
        event("channel_vacated", r#"{"channel":"presence-a"}"#),
    ];
    assert_eq!(second.events(5).await, expected);
    assert_eq!(second.written_down().await, (vec![], vec![]));
    // Whoever comes back then is new.
    second.tell(MAIN, joined("presence-a", "ann")).await;
    assert_eq!(second.events(1).await[0].0, "presence_join");
    assert_eq!(second.written_down().await.0, [here("presence-a", "ann")]);
    second.tell(MAIN, left("presence-a", "ann")).await;
    second.drain().await;
    assert_eq!(second.written_down().await.0, []);
    second.store.close().await;

    let mut third = Stage::start(&database);
    third.drain().await;
    assert!(third.is_silent().await, "a server that ends by itself leaves nobody behind");
}

#[tokio::test]
async fn more_than_a_batch_is_left_behind() {
    const MEMBERS: usize = OCCURRENCES_BATCH_MAX + 10;
    let database = TestDatabase::sqlite();
    let mut first = Stage::start(&database);
    first.webhook("", &["presence_join", "presence_leave"]).await;
    for number in 0..MEMBERS {
        first.tell(MAIN, joined("presence-a", &number.to_string())).await;
    }
    first.events(MEMBERS).await;
    crash(first).await;
    let mut second = Stage::start(&database);
    let events = second.events(MEMBERS).await;
    assert!(events.iter().all(|(name, _)| name == "presence_leave"));
    assert_eq!(second.written_down().await.0, []);
    second.drain().await;
    assert!(second.is_silent().await);
}

#[tokio::test]
async fn who_is_there_when_somebody_begins_to_ask_is_known_until_nobody_does() {
    let database = TestDatabase::sqlite();
    let roll = Roll {
        members: vec![(channel("presence-a"), member("ann")), (channel("presence-b"), member("ben"))],
        channels: vec![channel("presence-a"), channel("presence-b")],
    };
    let stage = Stage::open(&database).recording(roll);
    while stage.occurrences.wants(MAIN, "presence_leave") {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.written_down().await, (vec![], vec![]));
    let id = stage.webhook("", &["presence_leave"]).await;
    stage.webhook("shop", &["presence_leave", "channel_vacated"]).await;
    let members = vec![here("presence-a", "ann"), here("presence-b", "ben")];
    let until = async |expected: (Vec<_>, Vec<String>)| {
        while stage.written_down().await != expected {
            tokio::task::yield_now().await;
        }
    };
    until((members.clone(), vec![])).await;
    stage.webhook("", &["channel_vacated"]).await;
    until((members, vec!["presence-a".to_owned(), "presence-b".to_owned()])).await;
    stage.tell(MAIN, left("presence-b", "ben")).await;
    until((vec![here("presence-a", "ann")], vec!["presence-a".to_owned(), "presence-b".to_owned()])).await;
    stage.delete(id).await;
    until((vec![], vec!["presence-a".to_owned(), "presence-b".to_owned()])).await;
    stage.drain().await;
}
