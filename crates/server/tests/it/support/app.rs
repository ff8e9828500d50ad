//! The real server, inside the test's process.

use std::net::SocketAddr;

use fanfare::{
    Server,
    config::{Config, Secret},
    timers::Clock,
};
use fanfare_store::{Location, testing::TestDatabase};
use tempfile::TempDir;

use super::{Bot, Client};

/// What the server keeps its data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A server with its own data folder and database; both are gone when it is dropped.
pub(crate) struct TestApp {
    server: Option<Server>,
    config: Config,
    clock: Clock,
    addr: SocketAddr,
    _folder: TempDir,
    _database: Option<TestDatabase>,
}

impl TestApp {
    pub(crate) const ADMIN_KEY: &str = "the key of the tests";

    pub(crate) async fn spawn() -> Self {
        Self::spawn_with(Engine::Sqlite, Clock::real(), |_| {}).await
    }

    pub(crate) async fn spawn_on(engine: Engine) -> Self {
        Self::spawn_with(engine, Clock::real(), |_| {}).await
    }

    pub(crate) async fn spawn_with(
        engine: Engine,
        clock: Clock,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = (engine == Engine::Postgres).then(TestDatabase::postgres);
        let mut config = Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: folder.path().join("data"),
            database_url: database.as_ref().map(url),
            admin_key: Some(Secret(Self::ADMIN_KEY.into())),
            ..Config::default()
        };
        configure(&mut config);
        let server = Server::start(config.clone(), clock.clone()).await.expect("the server starts");
        let addr = server.addr();
        Self { server: Some(server), config, clock, addr, _folder: folder, _database: database }
    }

    /// Stops the server and starts it again on the same data.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let server =
            Server::start(self.config.clone(), self.clock.clone()).await.expect("the server starts again");
        self.addr = server.addr();
        self.server = Some(server);
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn stranger(&self) -> Client {
        Client::stranger(self.addr)
    }

    pub(crate) async fn host(&self) -> Client {
        self.stranger().sign_in(Self::ADMIN_KEY).await
    }

    /// A bot that has signed in.
    pub(crate) async fn bot(&self) -> Bot {
        let host = self.host().await;
        let mut bot = Bot::connect(self.addr).await;
        bot.sign_in(host.token()).await;
        bot
    }
}

fn url(database: &TestDatabase) -> Secret {
    match database.location() {
        Location::Postgres(url) => Secret(url.clone()),
        Location::Sqlite(path) => Secret(format!("sqlite:{}", path.display())),
    }
}
