//! The real server, inside the test's process.

use std::{net::SocketAddr, path::Path, sync::Arc};

use fanfare::{
    Channels, Server, Webhooks,
    config::{Config, Secret},
    timers::Clock,
};
use fanfare_model::{Timestamp, game::NewGame};
use fanfare_store::{Error, Location, Options, Tx, games, testing::TestDatabase};
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
    database: Option<TestDatabase>,
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
        Self { server: Some(server), config, clock, addr, _folder: folder, database }
    }

    /// Stops the server and starts it again on the same data.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let server =
            Server::start(self.config.clone(), self.clock.clone()).await.expect("the server starts again");
        self.addr = server.addr();
        self.server = Some(server);
    }

    /// Changes what the next start goes by.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// What the next start goes by.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The hands of a program that embeds the server.
    pub(crate) fn webhooks(&self) -> Webhooks {
        self.server.as_ref().expect("it runs").webhooks()
    }

    /// The same for channels.
    pub(crate) fn channels(&self) -> Channels {
        self.server.as_ref().expect("it runs").channels()
    }

    /// Puts games with these titles into the library, while the server is stopped.
    pub(crate) async fn shelve(&mut self, titles: &[&str]) {
        let new: Vec<_> = titles.iter().map(|title| new_game(title)).collect();
        let at = Timestamp::from_millis(0);
        let insert = move |tx: &mut Tx| {
            new.iter().try_for_each(|game| games::insert(tx, game, at).map(drop))?;
            Ok::<(), Error>(())
        };
        self.at_rest(insert).await;
        self.restart().await;
    }

    /// Stops the server and runs a job on its database.
    pub(crate) async fn at_rest<T: Send + 'static>(
        &mut self,
        job: impl Fn(&mut Tx) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.stop().await;
        let location = match &self.database {
            Some(database) => database.location().clone(),
            None => Location::Sqlite(self.config.data.join("fanfare.db")),
        };
        let options =
            Options { location, durable: false, readers: 1, postgres_writers: 1, owner: "a test".into() };
        let (store, _commits) = fanfare_store::open(options, Arc::new(|_| ())).expect("the database");
        let output = store.write(job).await.expect("done");
        store.close().await;
        output
    }

    /// Another server takes the PostgreSQL database over.
    pub(crate) fn take_over(&self) {
        self.database.as_ref().expect("on PostgreSQL").take_over();
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.config.data
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

fn new_game(title: &str) -> NewGame {
    NewGame {
        pack_name: "Odd Titles".into(),
        title: title.into(),
        min_players: 1,
        max_players: 8,
        length_minutes: None,
        has_audience: false,
        family_friendly: true,
        game_type: None,
        secondary_type: None,
    }
}

fn url(database: &TestDatabase) -> Secret {
    match database.location() {
        Location::Postgres(url) => Secret(url.clone()),
        Location::Sqlite(path) => Secret(format!("sqlite:{}", path.display())),
    }
}
