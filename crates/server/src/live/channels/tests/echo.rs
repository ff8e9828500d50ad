//! A dialect that says what it hears, on the connections that all dialects run on. What is wrong with frames
//! is tried on it: by the cases in `frames`, and by the Autobahn test suite.

use std::{env, future::ready, sync::Arc};

use axum::{Router, extract::Request, routing::get};
use fanfare_model::wire::frame;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};

use super::super::{
    super::{
        effect::{Ask, Dialect, Effect, Effects, End, Grant, Join, Joined, User},
        outlet::Outlet,
        upgrade::shake_hands,
    },
    Around, Authorise, run,
};
use crate::{
    Server,
    app::channels::ChannelSocket,
    auth::{Denial, Protocol},
    config::Config,
    live::close,
    timers::{Alarms, Clock, Tick},
};

/// Messages come back as they are, of one that is too large the word that it was.
struct Echo(Arc<Outlet>);

/// A message that is no text, in one frame; dialects say nothing of the kind.
fn binary_frame(payload: &[u8]) -> Vec<u8> {
    const FINAL_BINARY: u8 = 0x82;
    let mut frame = frame::text(&"x".repeat(payload.len()));
    let start = frame.len() - payload.len();
    frame[0] = FINAL_BINARY;
    frame[start..].copy_from_slice(payload);
    frame
}

impl Dialect for Echo {
    fn opened(&mut self, _: &mut Effects) {}

    fn text(&mut self, text: &str, _: Tick, out: &mut Effects) {
        out.push_back(Effect::Send(text.to_owned()));
    }

    fn binary(&mut self, payload: &[u8], _: &mut Effects) {
        self.0.desk().outbox.push(binary_frame(payload).into());
    }

    fn too_large(&mut self, out: &mut Effects) {
        out.push_back(Effect::Send("too large".to_owned()));
    }

    fn authorised(&mut self, _: Ask, _: Result<Grant, Denial>, _: &mut Effects) {}

    fn joined(&mut self, _: &Join, _: Result<&Joined, Denial>, _: &mut Effects) {}

    fn signed_in(&mut self, _: Result<User, String>, _: &mut Effects) {}

    fn heard(&mut self, _: Tick) {}

    fn deadline(&self) -> Tick {
        Tick::MAX
    }

    fn wake(&mut self, _: Tick, _: &mut Effects) {}

    fn close(&self, why: End) -> (u16, &'static str) {
        close::of_broadcasting(why)
    }
}

/// Lets nobody in anywhere.
struct Nobody;

impl Authorise for Nobody {
    fn authorise(&self, _: &Ask) -> impl Future<Output = Result<Grant, Denial>> + Send + 'static {
        ready(Err(Denial::Unauthorized(String::new())))
    }

    fn sign_in(&self, _: &str, _: &str) -> Result<User, String> {
        Err(String::new())
    }

    fn signed_in(&mut self, _: &str) {}
}

/// A server whose sockets can be made to echo.
pub(super) struct House {
    server: Server,
    around: Around,
    _folder: TempDir,
}

impl House {
    pub(super) async fn new(message_max_bytes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config { data: folder.path().join("data"), ..Config::default() };
        config.listen.set_port(0);
        let clock = Clock::real();
        let server = Server::start(config, clock.clone()).await.expect("the server starts");
        let metrics = server.channels().app().metrics.clone();
        let alarms = Alarms::new(clock.clone(), 250);
        let around = Around { clock, alarms, metrics, message_max_bytes };
        Self { server, around, _folder: folder }
    }

    /// Echoes on an upgraded connection until either side ends it.
    pub(super) fn echo<T>(&self, io: T) -> impl Future<Output = ()> + Send + 'static
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let app = self.server.channels().app().clone();
        let application = app.applications.default();
        let socket = ChannelSocket::open(Arc::new(app), &application, Protocol::Broadcasting, None);
        let outlet = Outlet::of_task();
        run(
            io,
            outlet.clone(),
            Echo(outlet),
            Nobody,
            socket.expect("there may be any number"),
            self.around.clone(),
        )
    }
}

/// Serves the Autobahn test suite's fuzzing client at the address in the variable until it is killed.
#[tokio::test]
#[ignore = "serves the Autobahn test suite until it is killed, at the address in FANFARE_ECHO_LISTEN"]
async fn echo_for_the_autobahn_suite() {
    let listen = env::var("FANFARE_ECHO_LISTEN").expect("FANFARE_ECHO_LISTEN is an address with a port");
    let listener = TcpListener::bind(listen).await.expect("the port is free");
    let house = Arc::new(House::new(1 << 20).await);
    let (tasks, clock) = (house.server.channels().app().tasks.clone(), house.around.clock.clone());
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (house, spawner, clock) = (house.clone(), tasks.clone(), clock.clone());
        let echo = get(|request: Request| async move {
            let run = move |upgraded| async move { house.echo(TokioIo::new(upgraded)).await };
            shake_hands(request, &spawner, clock, run)
        });
        let service = TowerToHyperService::new(Router::new().route("/", echo));
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
        tasks.spawn("connection", async move { drop(connection.await) });
    }
}
