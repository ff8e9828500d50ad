//! The bot as a process, between a small IRC server of the test's own and a real Fanfare server.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use bytes::Bytes;
use fanfare::{
    Server,
    config::{Config, Secret},
    timers::Clock,
};
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        TcpListener,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, ChildStderr, Command},
};

const ADMIN_KEY: &str = "the key of this test";
/// Fails the test when something that must happen does not.
const PATIENCE: Duration = Duration::from_mins(1);

#[expect(clippy::disallowed_methods, reason = "a guard against hanging tests")]
async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

/// A Fanfare server that can be stopped and started again where it was.
struct Fanfare {
    server: Option<Server>,
    config: Config,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    token: String,
    _folder: tempfile::TempDir,
}

impl Fanfare {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: folder.path().join("data"),
            admin_key: Some(Secret(ADMIN_KEY.into())),
            ..Config::default()
        };
        let server = Server::start(config.clone(), Clock::real()).await.expect("it starts");
        config.listen = server.addr();
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        let mut fanfare = Self { server: Some(server), config, http, token: String::new(), _folder: folder };
        let reply = fanfare.post("/api/auth/login", json!({ "key": ADMIN_KEY })).await;
        reply["token"].as_str().expect("a token").clone_into(&mut fanfare.token);
        fanfare
    }

    async fn stop(&mut self) {
        self.server.take().expect("running").stop().await;
    }

    async fn start_again(&mut self) {
        let again = Server::start(self.config.clone(), Clock::real()).await;
        self.server = Some(again.expect("it starts again"));
        self.http = legacy::Client::builder(TokioExecutor::new()).build_http();
    }

    fn url(&self) -> String {
        format!("http://{}", self.config.listen)
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::from(body.map(|body| body.to_string()).unwrap_or_default()))
            .expect("a request");
        let reply = soon("an answer", self.http.request(request)).await.expect("a connection");
        assert!(reply.status().is_success(), "{path}: {}", reply.status());
        let body = reply.into_body().collect().await.expect("a body").to_bytes();
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Starts a session; returns its id.
    async fn night(&self) -> Value {
        self.post("/api/sessions", json!({})).await["id"].clone()
    }

    async fn play(&self, session: &Value, game: i64) {
        self.post(&format!("/api/sessions/{session}/games"), json!({ "game_id": game })).await;
    }
}

/// A channel on an IRC server that knows one client.
struct Channel {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Channel {
    /// The bot has come, and waits for its welcome.
    async fn connected(listener: &TcpListener) -> Self {
        let (stream, _) = soon("a connection", listener.accept()).await.expect("accepted");
        let (reader, writer) = stream.into_split();
        Self { lines: BufReader::new(reader).lines(), writer }
    }

    /// Lets the bot in: refuses its first nick, welcomes the second, sends a ping.
    async fn open(listener: &TcpListener) -> Self {
        let mut channel = Self::connected(listener).await;
        channel.until("CAP REQ server-time").await;
        channel.until("NICK fanfare").await;
        channel.write(":irc.test 433 * fanfare :Nickname is already in use").await;
        channel.until("NICK fanfare_").await;
        channel.write(":irc.test 001 fanfare_ :Welcome").await;
        channel.until("JOIN #games").await;
        channel.write("PING :are-you-there").await;
        channel.until("PONG are-you-there").await;
        channel.write(":fanfare_!bot@test JOIN #games").await;
        channel
    }

    async fn write(&mut self, line: &str) {
        self.writer.write_all(format!("{line}\r\n").as_bytes()).await.expect("connected");
    }

    async fn say(&mut self, nick: &str, text: &str) {
        self.write(&format!(":{nick}!user@test PRIVMSG #games :{text}")).await;
    }

    /// Reads up to this line, colons apart.
    async fn until(&mut self, expected: &str) {
        loop {
            let line = soon(expected, self.lines.next_line()).await.expect("readable").expect("connected");
            if line.replace(" :", " ") == expected {
                return;
            }
        }
    }

    /// What the bot says next in the channel.
    async fn next(&mut self) -> String {
        loop {
            let line = soon("a message", self.lines.next_line()).await.expect("readable").expect("connected");
            if let Some(text) = line.strip_prefix("PRIVMSG #games :") {
                return text.to_owned();
            }
        }
    }
}

/// The bot, and what it tells.
struct Bot {
    _child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Bot {
    fn start(fanfare: &Fanfare, irc: &TcpListener) -> Self {
        let irc = irc.local_addr().expect("bound").to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fanfare-irc-bot"))
            .env_clear()
            .envs([("IRC_SERVER", irc.as_str()), ("IRC_TLS", "0"), ("IRC_CHANNEL", "#games")])
            .envs([("FANFARE_URL", fanfare.url().as_str()), ("FANFARE_ADMIN_KEY", ADMIN_KEY)])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the bot starts");
        let log = BufReader::new(child.stderr.take().expect("piped")).lines();
        Self { _child: child, log }
    }

    /// Reads its log up to a line that holds this.
    async fn tells(&mut self, part: &str) -> String {
        loop {
            let line = soon(part, self.log.next_line()).await.expect("readable").expect("the bot goes on");
            assert!(!line.contains(ADMIN_KEY) && !line.contains("eyJ"), "a secret is told: {line}");
            if line.contains(part) {
                return line;
            }
        }
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

#[tokio::test]
async fn it_says_what_comes_next_and_answers() {
    let (fanfare, irc) = (Fanfare::start().await, listener().await);
    let mut bot = Bot::start(&fanfare, &irc);
    let mut channel = Channel::open(&irc).await;
    channel.say("ann", "!votes").await;
    assert_eq!(channel.next().await, "No game night is on.");
    let first = fanfare.night().await;
    bot.tells("listening to session 1").await;
    channel.say("ann", "!votes").await;
    assert_eq!(channel.next().await, "No game is on.");
    fanfare.play(&first, 7).await;
    assert_eq!(channel.next().await, "🎮 Coming up next: Earwax!");
    channel.say("ann", "!votes").await;
    assert_eq!(channel.next().await, "Earwax: 0 up, 0 down, score 0");
    fanfare.post(&format!("/api/sessions/{first}/close"), json!({})).await;
    let second = fanfare.night().await;
    fanfare.play(&second, 31).await;
    assert_eq!(channel.next().await, "🎮 Coming up next: Quiplash 3!");
}

#[tokio::test]
async fn it_comes_back_and_says_what_it_missed() {
    let (mut fanfare, irc) = (Fanfare::start().await, listener().await);
    let session = fanfare.night().await;
    fanfare.play(&session, 7).await;
    let mut bot = Bot::start(&fanfare, &irc);
    let mut channel = Channel::open(&irc).await;
    bot.tells("listening to session 1").await;
    drop(channel);
    bot.tells("IRC: the server has hung up").await;
    fanfare.play(&session, 31).await;
    channel = Channel::open(&irc).await;
    assert_eq!(channel.next().await, "🎮 Coming up next: Quiplash 3!", "and no Earwax: that is no news");
    fanfare.stop().await;
    bot.tells("game socket: ").await;
    fanfare.start_again().await;
    fanfare.play(&session, 2).await;
    assert_eq!(channel.next().await, "🎮 Coming up next: Drawful!");
}

#[tokio::test]
async fn votes_reach_the_game_and_refusals_are_told() {
    let (mut fanfare, irc) = (Fanfare::start().await, listener().await);
    let session = fanfare.night().await;
    fanfare.play(&session, 7).await;
    let mut bot = Bot::start(&fanfare, &irc);
    let mut channel = Channel::open(&irc).await;
    channel.say("ann", "well, ThisGame++ of course").await;
    bot.tells("vote up of ann for Earwax").await;
    channel.say("bob", "thisgame–").await;
    bot.tells("vote down of bob for Earwax").await;
    channel.write("@time=2020-01-01T00:00:00.000Z :cat!user@test PRIVMSG #games :thisgame++").await;
    let refusal = bot.tells("vote up of cat refused").await;
    assert!(
        refusal.contains("404 Vote timestamp does not match any game in the active session"),
        "{refusal}"
    );
    channel.write(":dan!user@test PRIVMSG #other :thisgame++").await;
    channel.say("relay", "[kosmi] <dan> thisgame++").await;
    channel.say("ann", "!votes").await;
    assert_eq!(channel.next().await, "Earwax: 1 up, 1 down, score 0");

    fanfare.stop().await;
    channel.say("eve", "thisgame++").await;
    bot.tells("vote up of eve waits").await;
    fanfare.start_again().await;
    bot.tells("vote up of eve for Earwax").await;
    let game = fanfare.get("/api/games/7").await;
    assert_eq!((&game["upvotes"], &game["downvotes"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn a_server_that_cuts_nicks_is_not_asked_for_ever_and_a_kick_is_not_the_end() {
    let (fanfare, irc) = (Fanfare::start().await, listener().await);
    let mut bot = Bot::start(&fanfare, &irc);
    let mut channel = Channel::connected(&irc).await;
    for nick in ["fanfare", "fanfare_", "fanfare__", "fanfare___"] {
        channel.until(&format!("NICK {nick}")).await;
        channel.write(":irc.test 433 * fanfare :Nickname is already in use").await;
    }
    bot.tells("IRC: no nick is free, fanfare___ neither; trying again in 500 ms").await;
    // Kicked out as soon as it is in: it comes back later each time, by the name that it was given.
    for pause_ms in [1_000, 2_000] {
        let mut channel = Channel::connected(&irc).await;
        channel.until("NICK fanfare").await;
        channel.write(":irc.test 001 fanfa :Welcome").await;
        channel.until("JOIN #games").await;
        channel.write(":fanfa!bot@test JOIN #games").await;
        bot.tells("IRC: joined #games").await;
        channel.write(":op!op@test KICK #games fanfa :no bots").await;
        bot.tells(&format!("IRC: kicked out; trying again in {pause_ms} ms")).await;
    }
}
