//! Animals that are one thing now and another thing later.

use fanfare_model::retry::RetrySchedule;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    Expected, Keeper,
    animal::{Animal, Guest, Habit, habit},
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const NO: &str = "HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno";
/// Waits between attempts, in milliseconds.
const WAIT_MS: i64 = 1_000;

/// A column of rows.
fn all<'a>(rows: &'a [Value], field: &str) -> Vec<&'a Value> {
    rows.iter().map(|row| &row[field]).collect()
}

/// Answers the first request of the first connection and spoils the second one; the next connection
/// is as it should be.
fn spoils_the_second(spoil: fn(Guest)) -> Habit {
    habit(move |mut guest: Guest| async move {
        if guest.number == 0 {
            let _ = guest.asks().await && guest.say(OK.as_bytes()).await && guest.asks().await;
            spoil(guest);
        } else {
            while guest.asks().await && guest.say(OK.as_bytes()).await {}
        }
    })
}

#[tokio::test]
async fn a_connection_that_is_closed_under_us_costs_no_attempt() {
    for spoil in [drop::<Guest>, Guest::reset] {
        let mut keeper = Keeper::start().await;
        let animal = Animal::start(&keeper.clock, spoils_the_second(spoil));
        let webhook = animal.register(&keeper.host).await;
        keeper.tell().await;
        keeper.rows(webhook, 1, 1).await;
        keeper.tell().await;
        let rows = keeper.rows(webhook, 2, 1).await;
        for row in &rows {
            Expected::Delivered(200, "ok").check("closed under us", row);
        }
        assert_eq!((rows.len(), animal.connections(), animal.requests()), (2, 2, 3));
    }
}

#[tokio::test]
async fn a_reset_after_the_answer_harms_nobody() {
    let mut keeper = Keeper::start().await;
    let (reset, now) = watch::channel(false);
    let animal = Animal::start(
        &keeper.clock,
        habit(move |mut guest| {
            let mut now = now.clone();
            async move {
                if guest.asks().await && guest.say(OK.as_bytes()).await {
                    let _ = now.wait_for(|now| *now).await;
                    guest.reset();
                }
            }
        }),
    );
    let webhook = animal.register(&keeper.host).await;
    keeper.tell().await;
    keeper.attempt("resets after the body", webhook, Expected::Delivered(200, "ok")).await;
    reset.send_replace(true);
    animal.is_alone().await;
    keeper.tell().await;
    let rows = keeper.rows(webhook, 2, 1).await;
    assert_eq!(all(&rows, "response_status"), [200, 200]);
    assert_eq!(animal.connections(), 2);
}

/// Fails every other request.
#[tokio::test]
async fn a_flapping_one_gets_everything_in_the_end() {
    const EVENTS: usize = 6;
    let mut keeper = Keeper::start_with(|config| {
        config.delivery.retry_schedule = RetrySchedule::new(vec![WAIT_MS; 12]).expect("a schedule");
    })
    .await;
    let turns = watch::Sender::new(0);
    let animal = Animal::start(
        &keeper.clock,
        habit(move |mut guest| {
            let turns = turns.clone();
            async move {
                while guest.asks().await {
                    let mut turn = 0;
                    turns.send_modify(|turns| {
                        *turns += 1;
                        turn = *turns;
                    });
                    if !guest.say(if turn % 2 == 1 { NO } else { OK }.as_bytes()).await {
                        return;
                    }
                }
            }
        }),
    );
    let webhook = animal.register(&keeper.host).await;
    for _ in 0..EVENTS {
        keeper.tell().await;
    }
    let rows = keeper.rows(webhook, 2 * EVENTS, 100).await;
    let statuses = all(&rows, "response_status");
    let delivered = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((rows.len(), delivered, animal.requests()), (2 * EVENTS, EVENTS, 2 * EVENTS));
}

#[tokio::test]
async fn a_slow_answer_does_not_hold_up_the_next_one() {
    let mut keeper = Keeper::start().await;
    let (answer, now) = watch::channel(false);
    let animal = Animal::start(
        &keeper.clock,
        habit(move |mut guest| {
            let mut now = now.clone();
            async move {
                while guest.asks().await {
                    if guest.number == 0 {
                        let _ = now.wait_for(|now| *now).await;
                    }
                    guest.say(OK.as_bytes()).await;
                }
            }
        }),
    );
    let webhook = animal.register(&keeper.host).await;
    keeper.tell().await;
    animal.has_read(1).await;
    keeper.tell().await;
    let fast = keeper.rows(webhook, 1, 1).await;
    assert_eq!(fast[0]["payload"]["session"]["games_played"], 2, "{fast:?}");
    answer.send_replace(true);
    let rows = keeper.rows(webhook, 2, 1).await;
    assert_eq!(rows[0]["payload"]["session"]["games_played"], 1, "{rows:?}");
    assert_eq!(all(&rows, "response_status"), [200, 200]);
}

/// More is waiting for it than may be under way at once.
#[tokio::test]
async fn a_queue_before_a_silent_one_holds_up_nobody() {
    const EVENTS: usize = 40;
    let mut keeper = Keeper::start().await;
    let animal = Animal::start(&keeper.clock, habit(|mut guest| async move { guest.hold().await }));
    animal.register(&keeper.host).await;
    for _ in 0..EVENTS {
        keeper.tell().await;
    }
    assert!(animal.connections() <= fanfare_model::limits::IN_FLIGHT_MAX_PER_WEBHOOK);
}

#[tokio::test]
async fn a_redirect_leads_nowhere() {
    let mut keeper = Keeper::start().await;
    let trap = Animal::start(&keeper.clock, habit(|mut guest| async move { guest.hold().await }));
    let mut sent = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        for place in [trap.url(), "/hook".to_owned(), "//127.0.0.1/".to_owned()] {
            let answer =
                format!("HTTP/1.1 {status} Moved\r\nlocation: {place}\r\ncontent-length: 4\r\n\r\ngone");
            let redirects = habit(move |mut guest| {
                let answer = answer.clone();
                async move { while guest.asks().await && guest.say(answer.as_bytes()).await {} }
            });
            let animal = Animal::start(&keeper.clock, redirects);
            let webhook = animal.register(&keeper.host).await;
            sent.push((status, animal, webhook));
        }
    }
    keeper.tell().await;
    for (status, animal, webhook) in sent {
        keeper.attempt(&animal.url(), webhook, Expected::Status(status, "gone")).await;
        assert_eq!((animal.connections(), animal.requests()), (1, 1), "{status}");
    }
    assert_eq!(trap.connections(), 0);
}
