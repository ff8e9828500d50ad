//! The server under test, and what is in it before the first turn.

use std::net::SocketAddr;

use fanfare_model::Timestamp;
use fanfare_store::{Location, testing::TestDatabase};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shared::{
    connection::Connection,
    program::{self, CpuTime, Program},
};

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
    program: Program,
    _folder: TempDir,
    _database: Option<TestDatabase>,
}

impl Server {
    /// Starts one on an empty database, with a webhook at `hook` that hears everything.
    pub(crate) async fn start(database: Database, hook: SocketAddr) -> Self {
        let folder = program::folder();
        let postgres = (database == Database::Postgres).then(TestDatabase::postgres);
        let mut settings = Vec::new();
        if let Some(Location::Postgres(url)) = postgres.as_ref().map(TestDatabase::location) {
            settings.push(("FANFARE_DATABASE_URL", url.as_str()));
        }
        let program = Program::start(&folder.path().join("data"), &settings).await;
        let scene = set(&program, hook).await;
        Self { addr: program.addr, scene, program, _folder: folder, _database: postgres }
    }

    /// Processor time of the process so far.
    pub(crate) fn cpu_time(&self) -> CpuTime {
        CpuTime::of(self.program.pid())
    }

    pub(crate) async fn stop(self) {
        self.program.stop().await;
    }
}

/// Registers the webhook, starts a session and puts a game on.
async fn set(program: &Program, hook: SocketAddr) -> Scene {
    let token = program.sign_in().await;
    let mut connection = Connection::open(program.addr).await;
    let mut post = async |path: &str, body: Value| {
        connection.ask(&format!("POST {path}"), &token, &body.to_string()).await
    };
    let url = format!("http://{hook}/hook");
    let webhook = json!({"name": "receiver", "url": url, "secret": "mysecret123", "events": ["*"]});
    post("/api/webhooks", webhook).await;
    let session = post("/api/sessions", json!({})).await["id"].as_i64().expect("an id");
    let game = post(&format!("/api/sessions/{session}/games"), json!({ "game_id": 1 })).await;
    let vote_at = Timestamp::parse(game["played_at"].as_str().expect("a time")).expect("a time");
    Scene { token, session, vote_at }
}
