//! How connections end, and that nothing is left of them.

use tokio::net::{TcpListener, TcpStream};
use tokio_websockets::CloseCode;

use super::*;

#[tokio::test]
async fn shutdown_closes_with_1001_and_waits_for_nobody_for_long() {
    let house = House::new();
    for _ in 0..600 {
        house.append(3, 1_000);
    }
    let mut polite = Bot::signed_in(&house).await;
    let mut stuck = Bot::with(&house, 4 << 10, Config::default());
    stuck.sign_in().await;
    stuck.subscribe(3, Some(0)).await;
    house.until(|house| house.clock.sleepers() == 3).await;
    let stopping = house.tasks.stop(&house.clock, 10_000);
    let watching = async {
        assert_eq!(polite.closed().await.0, 1001);
        drop(polite);
        house.until(|house| house.metrics.sockets.get() == 1).await;
        house.advance_ms(3_000).await;
        house.until(|house| house.metrics.sockets.get() == 0).await;
    };
    assert!(tokio::join!(stopping, watching).0, "nothing had to be cut off");
    assert_eq!(house.metrics.sockets_too_slow.get(), 0);
}

#[tokio::test]
async fn shutdown_also_ends_sockets_that_are_closing_already() {
    let house = House::new();
    let mut slow = Bot::with(&house, 4 << 10, Config::default());
    slow.sign_in().await;
    house.append(3, 0);
    slow.subscribe(3, None).await;
    for _ in 0..20 {
        house.publish(3, 100_000);
    }
    house.until(|house| house.metrics.sockets_too_slow.get() == 1).await;
    let stopping = house.tasks.stop(&house.clock, 10_000);
    let watching = async {
        // The dialect's alarm, the two graces and the deadline of the shutdown.
        house.until(|house| house.clock.sleepers() == 4).await;
        house.advance_ms(3_000).await;
    };
    assert!(tokio::join!(stopping, watching).0, "nothing had to be cut off");
}

#[tokio::test]
async fn too_large_a_message_is_closed_with_1009_in_one_frame_or_in_many() {
    for frame_size in [1 << 20, 1_000] {
        let house = House::new();
        let mut bot = Bot::with(&house, ROOMY, Config::default().frame_size(frame_size));
        bot.send(Frame::text("x".repeat(SOCKET_FRAME_MAX_BYTES))).await;
        assert_eq!(bot.hear_json().await["message"], "Not authenticated", "the largest is read");
        bot.send(Frame::text("x".repeat(SOCKET_FRAME_MAX_BYTES + 1))).await;
        assert_eq!(bot.closed().await, (1009, 0));
        drop(bot);
        gone(&house).await;
    }
}

#[tokio::test]
async fn a_client_that_is_still_sending_too_much_reads_why_it_is_closed() {
    let house = House::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let theirs = TcpStream::connect(listener.local_addr().expect("a port")).await.expect("a connection");
    let (ours, _) = listener.accept().await.expect("a connection");
    house.tasks.spawn("socket", run(ours, house.surroundings()));
    let mut client = ClientBuilder::new().take_over(theirs);
    // More than the buffers of both ends hold.
    client.send(Frame::binary(vec![0; 16 << 20])).await.expect("nobody hangs up in the midst of it");
    let close = client.next().await.expect("a close").expect("no reset");
    assert_eq!(close.as_close().expect("a close").0, CloseCode::MESSAGE_TOO_BIG);
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let house = House::new();
    let mut bot = Bot::signed_in(&house).await;
    bot.send(Frame::close(Some(CloseCode::try_from(4_321).expect("a code")), "bye")).await;
    assert_eq!(bot.closed().await, (4_321, 0));
    drop(bot);
    gone(&house).await;
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_so() {
    let house = House::new();
    let mut bot = Bot::connect(&house);
    bot.0.get_mut().write_all(&[0xff; 20]).await.expect("still open");
    assert_eq!(bot.closed().await, (1002, 0));
    drop(bot);
    gone(&house).await;
}

#[tokio::test]
async fn a_database_that_fails_sends_the_client_away_to_resume() {
    let house = House::new();
    house.append(3, 0);
    let (mut joining, mut live) = (Bot::signed_in(&house).await, Bot::signed_in(&house).await);
    live.subscribe(3, None).await;
    house.log.fail();
    joining.say(json!({"type": "subscribe", "sessionId": 3})).await;
    assert_eq!(joining.closed().await, (1013, 0));
    house.append(3, 0);
    house.publish(3, 0);
    assert_eq!(live.closed().await, (1013, 0));
    assert_eq!(house.metrics.sockets_too_slow.get(), 0);
}

#[tokio::test]
async fn a_task_that_panics_is_still_uncounted() {
    let house = House::new();
    let mut bot = Bot::connect(&house);
    bot.say(json!({"type": "auth", "token": "panic"})).await;
    gone(&house).await;
}
