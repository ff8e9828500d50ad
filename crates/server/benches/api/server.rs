//! The server under test, a process of its own, and what is in it before the first turn.

use std::{net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use fanfare_model::Timestamp;
use fanfare_store::{Location, testing::TestDatabase};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{load::Connection, targets::head};

const ADMIN_KEY: &str = "the key of the benchmark";
/// In which Linux counts the processor time of a process (`USER_HZ`, see proc(5)).
const CLOCK_TICKS_PER_S: u64 = 100;

/// Where the server keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What the requests need to know.
pub(crate) struct Scene {
    pub(crate) token: String,
    /// The active session, with a game on.
    pub(crate) session: i64,
    /// When that game was put on; votes may follow.
    pub(crate) vote_at: Timestamp,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) scene: Scene,
    child: Child,
    _output: Lines<BufReader<ChildStdout>>,
    _folder: TempDir,
    _database: Option<TestDatabase>,
}

impl Server {
    /// Starts one on an empty database, with a webhook at `hook` that hears everything.
    pub(crate) async fn start(database: Database, hook: SocketAddr) -> Self {
        let place =
            std::env::var("FANFARE_BENCH_FOLDER").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").into());
        let folder = tempfile::tempdir_in(PathBuf::from(place)).expect("a temporary folder");
        let postgres = (database == Database::Postgres).then(TestDatabase::postgres);
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanfare"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .env_clear()
            .envs([("FANFARE_ADMIN_KEY", ADMIN_KEY), ("FANFARE_DELIVERY_EGRESS_ALLOW", "127.0.0.0/8")])
            .env("FANFARE_LOG", "warn")
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(Location::Postgres(url)) = postgres.as_ref().map(TestDatabase::location) {
            command.env("FANFARE_DATABASE_URL", url);
        }
        let mut child = command.spawn().expect("the program starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped")).lines();
        let addr = loop {
            let line = output.next_line().await.expect("readable").expect("the program goes on");
            if let Some((_, url)) = line.split_once("listening on http://") {
                break url.trim().parse().expect("an address");
            }
        };
        let scene = set(addr, hook).await;
        Self { addr, scene, child, _output: output, _folder: folder, _database: postgres }
    }

    /// Processor time of the process so far, in steps of 10 ms; zero where there is no `/proc`.
    pub(crate) fn cpu_time(&self) -> Duration {
        let pid = self.child.id().expect("running");
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // utime and stime are the 12th and 13th fields after the name, which ends with the last `)`.
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields).split_ascii_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 1_000 / CLOCK_TICKS_PER_S)
    }

    pub(crate) async fn stop(mut self) {
        self.child.kill().await.expect("killed");
    }
}

/// Signs in, registers the webhook, starts a session and puts a game on.
async fn set(addr: SocketAddr, hook: SocketAddr) -> Scene {
    let mut connection = Connection::open(addr).await;
    let mut post = async |path: &str, token: &str, body: Value| {
        connection.request.clear();
        head(&mut connection.request, &format!("POST {path}"), token, &body.to_string());
        let status = connection.exchange().await.expect("an answer");
        let text = String::from_utf8_lossy(connection.body()).into_owned();
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let signed_in = post("/api/auth/login", "", json!({ "key": ADMIN_KEY })).await;
    let token = signed_in["token"].as_str().expect("a token").to_owned();
    let url = format!("http://{hook}/hook");
    let webhook = json!({"name": "receiver", "url": url, "secret": "mysecret123", "events": ["*"]});
    post("/api/webhooks", &token, webhook).await;
    let session = post("/api/sessions", &token, json!({})).await["id"].as_i64().expect("an id");
    let game = post(&format!("/api/sessions/{session}/games"), &token, json!({ "game_id": 1 })).await;
    let played_at = game["played_at"].as_str().expect("a time");
    Scene { token, session, vote_at: Timestamp::parse(played_at).expect("a time") }
}
