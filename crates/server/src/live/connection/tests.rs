//! A whole connection over a pipe, against a log in memory and a clock that is moved by hand.

mod closing;

use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio_websockets::ClientBuilder;

use super::*;
use crate::live::testing::House;

/// Room in the pipe, unless a test says otherwise.
const ROOMY: usize = 1 << 20;

/// A client.
struct Bot(WebSocketStream<DuplexStream>);

impl Bot {
    fn connect(house: &House) -> Self {
        Self::with(house, ROOMY, Config::default())
    }

    fn with(house: &House, pipe_bytes: usize, config: Config) -> Self {
        let (theirs, ours) = duplex(pipe_bytes);
        house.tasks.spawn("socket", run(ours, house.surroundings()));
        Self(ClientBuilder::new().config(config).take_over(theirs))
    }

    async fn signed_in(house: &House) -> Self {
        let mut bot = Self::connect(house);
        bot.sign_in().await;
        bot
    }

    async fn sign_in(&mut self) {
        self.say(json!({"type": "auth", "token": "good"})).await;
        assert_eq!(self.hear_json().await["type"], "auth_success");
    }

    async fn subscribe(&mut self, session_id: i64, after: Option<u64>) {
        self.say(json!({"type": "subscribe", "sessionId": session_id, "after": after})).await;
        assert_eq!(self.hear_json().await["type"], "subscribed");
    }

    async fn say(&mut self, message: Value) {
        self.send(Frame::text(message.to_string())).await;
    }

    async fn send(&mut self, frame: Frame) {
        self.0.send(frame).await.expect("still open");
    }

    async fn ping(&mut self) {
        self.say(json!({"type": "ping"})).await;
        assert_eq!(self.hear().await, r#"{"type":"pong"}"#);
    }

    /// The next frame; it must come without the clock's being moved.
    async fn next(&mut self) -> Frame {
        let patience = async {
            for _ in 0..100_000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            frame = self.0.next() => frame.expect("not just gone").expect("a good frame"),
            () = patience => panic!("nothing comes"),
        }
    }

    /// The next text.
    async fn hear(&mut self) -> String {
        let frame = self.next().await;
        frame.as_text().unwrap_or_else(|| panic!("not a text: {frame:?}")).to_owned()
    }

    async fn hear_json(&mut self) -> Value {
        serde_json::from_str(&self.hear().await).expect("JSON")
    }

    /// Reads up to the close; its code, and how many texts came before.
    async fn closed(&mut self) -> (u16, usize) {
        let mut texts = 0;
        loop {
            let frame = self.next().await;
            match frame.as_close() {
                Some((code, _)) => return (code.into(), texts),
                None => texts += usize::from(frame.is_text()),
            }
        }
    }
}

async fn gone(house: &House) {
    house.until(|house| house.metrics.sockets.get() == 0 && house.hub.connections() == 0).await;
    assert_eq!((house.hub.topics(), house.clock.sleepers()), (0, 0), "nothing is left behind");
}

#[tokio::test]
async fn a_bot_signs_in_subscribes_and_hears_what_happens() {
    let house = House::new();
    house.append(3, 0);
    let mut bot = Bot::connect(&house);
    bot.ping().await;
    assert_eq!(house.metrics.sockets.get(), 1);
    let mut stranger = Bot::connect(&house);
    bot.say(json!({"type": "auth", "token": "bad"})).await;
    assert_eq!(bot.hear_json().await["type"], "auth_error");
    bot.sign_in().await;
    bot.say(json!({"type": "subscribe", "sessionId": 4})).await;
    assert_eq!(bot.hear_json().await, json!({"type": "error", "message": "Session not found"}));
    let started = house.start(4);
    assert_eq!(bot.hear().await, started);
    bot.subscribe(3, None).await;
    let frame = house.publish(3, 0);
    assert_eq!(bot.hear().await, frame);
    house.publish(4, 0);
    bot.ping().await;
    stranger.ping().await;
    assert_eq!(house.log.pages_read(), [], "a reader that is up to date costs no query");
    drop((bot, stranger));
    gone(&house).await;
}

#[tokio::test]
async fn nonsense_is_answered_and_closes_nothing() {
    let house = House::new();
    let mut bot = Bot::signed_in(&house).await;
    for frame in [Frame::text("{"), Frame::text(""), Frame::binary(vec![0, 159]), Frame::text("{}")] {
        bot.send(frame).await;
        assert_eq!(bot.hear_json().await["type"], "error");
    }
    bot.ping().await;
}

#[tokio::test]
async fn text_that_is_no_utf_8_is_closed_with_1007() {
    // Both with a mask of zeros; the second cuts a character off by an empty last fragment.
    let whole: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, 0xff];
    let cut_off: &[u8] = &[0x01, 0x81, 0, 0, 0, 0, 0xc3, 0x80, 0x80, 0, 0, 0, 0];
    for bytes in [whole, cut_off] {
        let house = House::new();
        let mut bot = Bot::signed_in(&house).await;
        bot.0.get_mut().write_all(bytes).await.expect("still open");
        assert_eq!(bot.closed().await, (1007, 0));
    }
}

#[tokio::test]
async fn a_socket_without_auth_is_closed_after_30_s() {
    let house = House::new();
    let mut bot = Bot::connect(&house);
    house.until(|house| house.clock.sleepers() == 1).await;
    house.advance_ms(29_999).await;
    bot.ping().await;
    house.advance_ms(1).await;
    assert_eq!(bot.closed().await, (1008, 0));
    drop(bot);
    gone(&house).await;
}

#[tokio::test]
async fn a_silent_socket_is_closed_after_60_s_and_pings_and_pongs_are_signs_of_life() {
    let house = House::new();
    let mut bot = Bot::signed_in(&house).await;
    for frame in [Frame::ping("a"), Frame::pong("b"), Frame::text(r#"{"type":"ping"}"#)] {
        house.advance_ms(59_999).await;
        bot.send(frame.clone()).await;
        if frame.is_pong() {
            // A pong is not answered; what follows it is, and is no later.
            bot.ping().await;
        } else if frame.is_ping() {
            let answer = bot.0.next().await.expect("still open").expect("a good frame");
            assert!(answer.is_pong() && &answer.as_payload()[..] == b"a");
        } else {
            bot.hear().await;
        }
    }
    house.advance_ms(59_999).await;
    assert_eq!(house.metrics.sockets.get(), 1);
    house.advance_ms(1).await;
    assert_eq!(bot.closed().await, (1008, 0));
}

#[tokio::test]
async fn a_pong_alone_puts_the_idle_timeout_off() {
    let house = House::new();
    let mut bot = Bot::signed_in(&house).await;
    house.advance_ms(40_000).await;
    bot.send(Frame::pong("")).await;
    house.advance_ms(40_000).await;
    bot.ping().await;
}

#[tokio::test]
async fn resume_sends_what_was_missed_in_pages_and_then_what_is_live() {
    const MISSED: u64 = 1_200;
    let house = House::new();
    for _ in 0..MISSED {
        house.append(3, 100);
    }
    // The pipe holds some twenty events, so the replay is still on when the rest happens.
    let mut bot = Bot::with(&house, 4 << 10, Config::default());
    bot.sign_in().await;
    bot.subscribe(3, Some(0)).await;
    let mut pong_after = None;
    let mut seqs = Vec::new();
    while seqs.len() < 1_210 {
        if seqs.len() == 100 && pong_after.is_none() {
            bot.say(json!({"type": "ping"})).await;
            (0..10).for_each(|_| drop(house.publish(3, 100)));
        }
        let message = bot.hear_json().await;
        match message["type"].as_str() {
            Some("pong") => pong_after = Some(seqs.len()),
            _ => seqs.push(message["seq"].as_u64().expect("a seq")),
        }
    }
    assert_eq!(seqs, (1..=1_210).collect::<Vec<_>>());
    assert!(pong_after.is_some_and(|after| after <= 600), "a ping is answered within the page");
    assert_eq!(house.log.pages_read(), [(3, 0), (3, 500), (3, 1_000)]);
    let frame = house.publish(3, 0);
    assert_eq!(bot.hear().await, frame, "and now it is live");
}

#[tokio::test]
async fn resume_after_a_reconnect_has_no_gap_and_no_duplicate() {
    let house = House::new();
    let mut bot = Bot::signed_in(&house).await;
    let started = house.start(3);
    assert_eq!(bot.hear().await, started);
    bot.subscribe(3, None).await;
    let second = house.publish(3, 0);
    assert_eq!(bot.hear().await, second);
    drop(bot);
    gone(&house).await;
    let third = house.publish(3, 0);
    let mut bot = Bot::signed_in(&house).await;
    bot.subscribe(3, Some(2)).await;
    assert_eq!(bot.hear().await, third);
    bot.subscribe(3, Some(9)).await;
    let resync = bot.hear_json().await;
    assert_eq!(
        (&resync["type"], &resync["sessionId"], &resync["seq"]),
        (&"resync".into(), &3.into(), &3.into())
    );
    let fourth = house.publish(3, 0);
    assert_eq!(bot.hear().await, fourth);
    bot.subscribe(3, Some(2)).await;
    assert_eq!([bot.hear().await, bot.hear().await], [third, fourth], "asked for again, sent again");
    bot.ping().await;
}

#[tokio::test]
async fn what_the_hub_never_delivered_is_read_from_the_log() {
    let house = House::new();
    house.append(3, 0);
    let mut bot = Bot::signed_in(&house).await;
    bot.subscribe(3, None).await;
    let frames = [house.publish(3, 0), house.append(3, 0), house.append(3, 0), house.publish(3, 0)];
    for frame in frames {
        assert_eq!(bot.hear().await, frame);
    }
    let next = house.publish(3, 0);
    assert_eq!(bot.hear().await, next);
    assert_eq!(house.log.pages_read(), [(3, 2)]);
}

#[tokio::test]
async fn what_happens_while_a_page_is_on_its_way_is_not_lost() {
    let house = House::new();
    let first = house.append(3, 0);
    let mut bot = Bot::signed_in(&house).await;
    bot.subscribe(3, None).await;
    // The replay starts over while the session is live.
    let gate = house.log.shut();
    bot.subscribe(3, Some(0)).await;
    house.until(|house| house.log.pages_read().len() == 1).await;
    let second = house.publish(3, 0);
    house.settle().await;
    drop(gate);
    assert_eq!([bot.hear().await, bot.hear().await], [first.clone(), second.clone()]);
    // The session is left and joined again, and what was asked for before comes afterwards.
    let gate = house.log.shut();
    bot.subscribe(3, Some(0)).await;
    house.until(|house| house.log.pages_read().len() == 3).await;
    bot.say(json!({"type": "unsubscribe", "sessionId": 3})).await;
    assert_eq!(bot.hear_json().await["type"], "unsubscribed");
    let third = house.publish(3, 0);
    bot.subscribe(3, Some(0)).await;
    drop(gate);
    let all = [first, second, third];
    assert_eq!([bot.hear().await, bot.hear().await, bot.hear().await], all);
    // The replay starts over while a page of the one before is on its way.
    let gate = house.log.shut();
    bot.subscribe(3, Some(2)).await;
    house.until(|house| house.log.pages_read().last() == Some(&(3, 2))).await;
    bot.subscribe(3, Some(0)).await;
    drop(gate);
    assert_eq!([bot.hear().await, bot.hear().await, bot.hear().await], all);
    bot.ping().await;
}

#[tokio::test]
async fn leaving_in_the_midst_of_a_replay_ends_it() {
    let house = House::new();
    for _ in 0..2_000 {
        house.append(3, 100);
    }
    let mut bot = Bot::with(&house, 4 << 10, Config::default());
    bot.sign_in().await;
    bot.subscribe(3, Some(0)).await;
    bot.say(json!({"type": "unsubscribe", "sessionId": 3})).await;
    let mut heard = 0;
    while bot.hear_json().await["type"] != "unsubscribed" {
        heard += 1;
    }
    assert!(heard <= 500, "no page after the one on its way, but {heard} events");
    house.publish(3, 0);
    bot.ping().await;
}

#[tokio::test]
async fn a_reader_whose_mailbox_overflows_is_told_to_come_back() {
    let house = House::new();
    house.append(3, 0);
    let mut fast = Bot::signed_in(&house).await;
    let mut slow = Bot::with(&house, 4 << 10, Config::default());
    slow.sign_in().await;
    for bot in [&mut fast, &mut slow] {
        bot.subscribe(3, None).await;
    }
    while house.metrics.sockets_too_slow.get() == 0 {
        let frame = house.publish(3, 100);
        assert_eq!(fast.hear().await, frame, "the others never notice");
    }
    let (code, texts) = slow.closed().await;
    assert_eq!(code, 1013);
    assert!(texts >= 20, "what was on its way is not taken back, {texts}");
    drop((slow, fast));
    gone(&house).await;
}

#[tokio::test]
async fn a_reader_that_never_reads_is_dropped_after_the_grace() {
    let house = House::new();
    house.append(3, 0);
    let mut slow = Bot::with(&house, 4 << 10, Config::default());
    slow.sign_in().await;
    slow.subscribe(3, None).await;
    for _ in 0..20 {
        house.publish(3, 100_000);
    }
    house.until(|house| house.metrics.sockets_too_slow.get() == 1).await;
    assert_eq!(house.hub.connections(), 0, "its mailbox is gone at once");
    house.advance_ms(9_999).await;
    assert_eq!(house.metrics.sockets.get(), 1);
    house.advance_ms(1).await;
    gone(&house).await;
}

#[tokio::test]
async fn a_reader_that_stops_in_the_midst_of_a_replay_is_told_to_come_back() {
    let house = House::new();
    for _ in 0..600 {
        house.append(3, 1_000);
    }
    let mut bot = Bot::with(&house, 4 << 10, Config::default());
    bot.sign_in().await;
    bot.subscribe(3, Some(0)).await;
    // The alarm of the dialect and the time limit of the write.
    house.until(|house| house.clock.sleepers() == 2).await;
    house.advance_ms(30_000).await;
    house.until(|house| house.metrics.sockets_too_slow.get() == 1).await;
    assert_eq!(bot.closed().await.0, 1013);
}

#[tokio::test]
async fn a_client_that_pings_and_never_reads_cannot_pile_up_pongs() {
    let house = House::new();
    let mut bot = Bot::with(&house, 1 << 10, Config::default());
    bot.sign_in().await;
    for sent in 0.. {
        let ping = bot.0.send(Frame::ping(vec![0; 125]));
        let is_stuck = tokio::select! {
            biased;
            sent = ping => sent.is_err(),
            () = house.until(|house| house.clock.sleepers() == 2) => true,
        };
        if is_stuck {
            break;
        }
        assert!(sent < 100, "the server reads on although nobody takes its answers");
    }
    house.until(|house| house.clock.sleepers() == 2).await;
    house.advance_ms(30_000).await;
    house.until(|house| house.metrics.sockets_too_slow.get() == 1).await;
}

#[test]
fn an_idle_connection_is_small() {
    let house = House::new();
    let (_, ours) = duplex(16);
    let bytes = size_of_val(&run(ours, house.surroundings()));
    assert!(bytes <= 3 << 10, "the task takes {bytes} bytes");
}
