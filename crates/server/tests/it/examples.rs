//! The example bots in Node, as their READMEs start them, against a real server. The IRC bot is a
//! package of its own and tests itself.

use std::process::Stdio;

use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
};

use crate::{
    story::{game_named, logs_of},
    support::{Process, Receiver, TestApp, soon},
};

const SECRET: &str = "mysecret123";

/// A running example.
struct Example {
    _child: Child,
    output: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
}

impl Example {
    fn start(name: &str, script: &str, envs: &[(&str, &str)]) -> Self {
        let folder = format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new("node")
            .arg(script)
            .current_dir(folder)
            .envs(envs.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Node 20 or newer is there");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let log = BufReader::new(child.stderr.take().expect("piped")).lines();
        Self { _child: child, output, log }
    }

    /// The next line of its output.
    async fn next(&mut self) -> String {
        let line = soon("a line from the example", self.output.next_line()).await.expect("readable");
        line.expect("it goes on; `cargo xtask test` installs its packages")
    }

    /// Reads its log up to a line that holds this.
    async fn tells(&mut self, part: &str) {
        loop {
            let line = soon(part, self.log.next_line()).await.expect("readable");
            let line = line.expect("it goes on; `cargo xtask test` installs its packages");
            assert!(!line.contains(TestApp::ADMIN_KEY) && !line.contains("eyJ"), "a secret is told: {line}");
            if line.contains(part) {
                return;
            }
        }
    }
}

#[tokio::test]
async fn the_announcer_says_each_game_once_across_sessions_and_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(folder.path(), &[]).await;
    let addr = server.addr();
    let host = server.host().await;
    let first = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let add = |session: &serde_json::Value, game: i64| {
        let (host, path) = (host.clone(), format!("/api/sessions/{session}/games"));
        async move { host.post(&path, json!({ "game_id": game })).await.expect(201) }
    };
    add(&first, 7).await;
    let url = format!("http://{addr}");
    let envs = [("FANFARE_URL", url.as_str()), ("FANFARE_ADMIN_KEY", Process::ADMIN_KEY)];
    let mut bot = Example::start("announcer", "announcer.mjs", &envs);
    bot.tells("listening to session 1").await;
    add(&first, 31).await;
    assert_eq!(bot.next().await, "🎮 Coming up next: Quiplash 3!", "and no Earwax: that is no news");

    server.kill().await;
    bot.tells("disconnected").await;
    let server = Process::start_on(addr, folder.path(), &[]).await;
    add(&first, 2).await;
    assert_eq!(bot.next().await, "🎮 Coming up next: Drawful!");
    host.post(&format!("/api/sessions/{first}/close"), json!({})).await.expect(200);
    let second = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    add(&second, 63).await;
    assert_eq!(bot.next().await, "🎮 Coming up next: Drawful 2!");
    drop(server);
}

#[tokio::test]
async fn webhooks_become_lines_on_discord() {
    let app = TestApp::spawn().await;
    let host = app.host().await;
    let mut discord = Receiver::start().await;
    let url = discord.url();
    let envs = [("WEBHOOK_SECRET", SECRET), ("DISCORD_WEBHOOK_URL", url.as_str()), ("PORT", "0")];
    let mut bot = Example::start("discord", "discord.mjs", &envs);
    let line = bot.next().await;
    let hook = line.strip_prefix("listening on ").expect("its address");
    let webhook = json!({"name": "Discord", "url": hook, "secret": SECRET, "events": ["*"]});
    let webhook = host.post("/api/webhooks", webhook).await.expect(201)["id"].as_i64().expect("an id");
    let session = host.post("/api/sessions", json!({})).await.expect(201)["id"].clone();
    let game = game_named(&host, "Quiplash 3").await["id"].clone();
    host.post(&format!("/api/sessions/{session}/games"), json!({ "game_id": game })).await.expect(201);
    let posted = discord.next().await.json();
    assert_eq!(posted["content"], format!("🎮 **Quiplash 3** added to session #{session} (3-8 players)"));
    assert_eq!(bot.next().await, "posted Quiplash 3");
    let logs = logs_of(&host, webhook, 2).await;
    assert!(logs.iter().all(|row| row["response_status"] == 200), "{logs:?}");

    // What Discord does not take is a failure to the server, which will try again.
    discord.will_answer(&[429]);
    host.post(&format!("/api/webhooks/test/{webhook}"), json!({})).await.expect(200);
    bot.tells("Discord did not take it: 429").await;
    let logs = logs_of(&host, webhook, 3).await;
    assert_eq!(logs[0]["response_status"], 503);

    let stranger = json!({"name": "stranger", "url": hook, "secret": "guess", "events": []});
    let forger = host.post("/api/webhooks", stranger).await.expect(201)["id"].as_i64().expect("an id");
    host.post(&format!("/api/webhooks/test/{forger}"), json!({})).await.expect(200);
    assert_eq!(logs_of(&host, forger, 1).await[0]["response_status"], 401);
}
