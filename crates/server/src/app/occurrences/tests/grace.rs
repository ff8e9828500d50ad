//! Who leaves and comes back soon has never been away, for those who ask as Pusher tells it.

use super::*;

const PUSHERS: &[&str] = &[
    "member_added",
    "member_removed",
    "channel_occupied",
    "channel_vacated",
    "presence_join",
    "presence_leave",
];

fn joined(id: &str) -> OccurrenceKind {
    OccurrenceKind::PresenceJoin { channel: channel("presence-a"), member: member(id) }
}

fn left(id: &str) -> OccurrenceKind {
    OccurrenceKind::PresenceLeave { channel: channel("presence-a"), member: member(id) }
}

fn occupied() -> OccurrenceKind {
    OccurrenceKind::Occupied { channel: channel("presence-a") }
}

fn vacated() -> OccurrenceKind {
    OccurrenceKind::Vacated { channel: channel("presence-a") }
}

async fn names(stage: &mut Stage, count: usize) -> Vec<String> {
    stage.events(count).await.into_iter().map(|(name, _)| name).collect()
}

fn advance(stage: &Stage, ms: u64) {
    stage.clock.advance(Duration::from_millis(ms));
}

#[tokio::test]
async fn who_comes_back_soon_was_never_away() {
    let database = TestDatabase::sqlite();
    let mut stage = Stage::start(&database);
    stage.webhook("", PUSHERS).await;
    stage.tell(MAIN, occupied()).await;
    stage.tell(MAIN, joined("ann")).await;
    assert_eq!(names(&mut stage, 3).await, ["channel_occupied", "presence_join", "member_added"]);

    stage.tell(MAIN, left("ann")).await;
    stage.tell(MAIN, vacated()).await;
    assert_eq!(names(&mut stage, 1).await, ["presence_leave"], "at once");
    advance(&stage, PUSHER_GRACE_MS - 1);
    stage.tell(MAIN, occupied()).await;
    stage.tell(MAIN, joined("ann")).await;
    assert_eq!(names(&mut stage, 1).await, ["presence_join"]);
    advance(&stage, PUSHER_GRACE_MS);

    stage.tell(MAIN, left("ann")).await;
    stage.tell(MAIN, vacated()).await;
    assert_eq!(names(&mut stage, 1).await, ["presence_leave"], "nothing else was told meanwhile");
    let left_at = stage.clock.now();
    advance(&stage, PUSHER_GRACE_MS);
    let mut events = Vec::new();
    while events.len() < 2 {
        events.extend(stage.commits.recv().await.expect("the store is open").events);
    }
    let told: Vec<_> = events.iter().map(|it| (&*it.event.kind, it.event.at)).collect();
    assert_eq!(told, [("member_removed", left_at), ("channel_vacated", left_at)]);

    stage.tell(MAIN, occupied()).await;
    stage.tell(MAIN, joined("ann")).await;
    assert_eq!(names(&mut stage, 3).await, ["channel_occupied", "presence_join", "member_added"]);
    stage.drain().await;
    assert!(stage.is_silent().await);
}

#[tokio::test]
async fn only_the_one_who_comes_back_is_waited_for_no_longer() {
    let database = TestDatabase::sqlite();
    let mut stage = Stage::start(&database);
    stage.webhook("", &["member_added", "member_removed"]).await;
    for id in ["ann", "ben"] {
        stage.tell(MAIN, joined(id)).await;
        stage.tell(MAIN, left(id)).await;
    }
    stage.tell(MAIN, joined("ben")).await;
    stage.tell("other", joined("ann")).await;
    stage.drain().await;
    let of = |id: &str| format!(r#"{{"channel":"presence-a","userId":"{id}"}}"#);
    let expected = [("member_added", of("ann")), ("member_added", of("ben")), ("member_removed", of("ann"))];
    let expected: Vec<_> = expected.into_iter().map(|(name, data)| (name.to_owned(), data)).collect();
    assert_eq!(stage.events(3).await, expected, "the end of the server ends the wait");
    assert!(stage.is_silent().await);
}

#[tokio::test]
async fn nobody_is_waited_for_where_nobody_asks_as_pusher_tells_it() {
    let database = TestDatabase::sqlite();
    let mut stage = Stage::start(&database);
    stage.webhook("", &["presence_leave"]).await;
    stage.tell(MAIN, joined("ann")).await;
    stage.tell(MAIN, left("ann")).await;
    assert_eq!(names(&mut stage, 1).await, ["presence_leave"]);
    assert_eq!(stage.written_down().await.0, [], "she is forgotten at once");
    stage.drain().await;
}
