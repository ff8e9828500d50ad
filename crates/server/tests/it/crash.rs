//! What survives when the program is killed, and how it ends when it is asked to.

use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener};
use tokio_websockets::CloseCode;

use crate::{
    story::logs_of,
    support::{Bot, Process, Receiver, eventually, soon},
};

#[tokio::test]
async fn a_receiver_that_is_down_while_the_server_is_killed_gets_its_delivery_afterwards() {
    let folder = tempfile::tempdir().expect("a folder");
    let schedule = vec!["200"; 50].join(",");
    let envs = [("FANFARE_DELIVERY_RETRY_SCHEDULE_MS", schedule.as_str())];
    let server = Process::start(folder.path(), &envs).await;
    let host = server.host().await;
    let mut receiver = Receiver::start().await;
    let addr = receiver.addr();
    receiver.register(&host, &["session.started"]).await;
    receiver.will_answer(&[500]);
    host.post("/api/sessions", json!({})).await.expect(201);
    let first = receiver.next().await;
    drop(receiver);
    server.kill().await;

    let mut receiver = Receiver::start_on(addr).await;
    let server = Process::start(folder.path(), &envs).await;
    let again = receiver.next().await;
    assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(again.body, first.body);
    let host = server.host().await;
    // Whether the first attempt was recorded before the kill is a matter of chance.
    eventually("the log of the success", || async {
        let logs = logs_of(&host, 1, 1).await;
        (logs[0]["response_status"] == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_delivery_in_flight_at_a_kill_is_sent_again_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(folder.path(), &[]).await;
    let host = server.host().await;
    // Takes the request and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("bound");
    let hook = json!({"name": "n", "url": format!("http://{addr}/hook"), "secret": "s", "events": ["session.started"]});
    host.post("/api/webhooks", hook).await.expect(201);
    host.post("/api/sessions", json!({})).await.expect(201);
    let (mut stream, _) = soon("a connection", listener.accept()).await.expect("accepted");
    let mut head = vec![0; 4096];
    let read = soon("a request", stream.read(&mut head)).await.expect("readable");
    let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
    server.kill().await;
    drop((stream, listener));

    let mut receiver = Receiver::start_on(addr).await;
    let _server = Process::start(folder.path(), &[]).await;
    let again = receiver.next().await;
    let id = again.header("webhook-id");
    assert!(head.contains(&format!("webhook-id: {id}")), "{id} in {head}");
}

#[tokio::test]
async fn what_was_committed_before_a_kill_is_there_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(folder.path(), &[]).await;
    let host = server.host().await;
    let session = host.post("/api/sessions", json!({"notes": "n"})).await.expect(201);
    host.post("/api/sessions/1/games", json!({"game_id": 5})).await.expect(201);
    server.kill().await;
    let server = Process::start(folder.path(), &[]).await;
    let host = server.host().await;
    let after = host.get("/api/sessions/active").await.expect(200);
    assert_eq!(
        (&after["id"], &after["notes"], &after["games_played"]),
        (&session["id"], &json!("n"), &json!(1))
    );
    let mut bot = Bot::connect(server.addr()).await;
    bot.sign_in(host.token()).await;
    bot.say(&json!({"type": "subscribe", "sessionId": 1, "after": 0})).await;
    assert_eq!(bot.hear().await["type"], "subscribed");
    assert_eq!(bot.hear().await["type"], "session.started");
    assert_eq!(bot.hear().await["type"], "game.added");
}

#[tokio::test]
async fn sigint_and_sigterm_end_it_politely() {
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Process::start(folder.path(), &[]).await;
        let host = server.host().await;
        let mut bot = Bot::connect(server.addr()).await;
        bot.sign_in(host.token()).await;
        server.signal(signal).await;
        assert_eq!(bot.close_code().await, CloseCode::GOING_AWAY);
        drop(bot);
        assert_eq!(server.end().await, Some(0), "{signal}");
    }
}
