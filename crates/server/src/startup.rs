//! Builds every part in order and takes the server down again.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use fanfare_hub::{Bell, Hub};
use fanfare_model::{Timestamp, egress::EgressPolicy, limits};
use fanfare_store::{CommitObserver, CommitStats, Commits, Error as StoreError, OpenError, Standing, Store};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc, watch},
    task::JoinHandle,
};

use crate::{
    accept::Acceptor,
    api,
    app::{
        self, Announcer, App, Applications, CatchUp, Counts, Followed, Leftovers, Occurrences, Proof,
        RoomBell, Shelf, applications, channels, giving_up, housekeeping, leftovers,
        occurrences::{self, Interest, Recorder},
        poll_clock,
        publish::Publisher,
    },
    auth::{Auth, ChannelAuth},
    channels::Channels,
    config::{Config, ConfigError},
    data_folder::{self, DataFolder},
    dispatch::{Dispatcher, FindApplication, Pulse, Reporting},
    egress::{Egress, Roots},
    live::{self, Live, Writers},
    metrics::{Metrics, seconds},
    monitor::Monitor,
    shutdown::Tasks,
    timers::{Alarms, Clock},
    webhooks::Webhooks,
};

/// How late a socket may be pinged, or given up.
const ALARM_SLOT_MS: u64 = 250;
/// How often channels are looked through for what is too old.
const HUB_SWEEP_MS: u64 = 10_000;
/// How long the database may take to close once every task has ended.
const STORE_CLOSE_MAX_MS: u64 = 5_000;
/// How long writing down what happened on channels may take once every task has ended.
const OCCURRENCES_DRAIN_MAX_MS: u64 = 5_000;

/// A running server.
pub struct Server {
    addr: SocketAddr,
    new_admin_key: Option<String>,
    clock: Clock,
    tasks: Tasks,
    store: Store,
    publisher: JoinHandle<()>,
    occurrences: Occurrences,
    recorder: JoinHandle<()>,
    shutdown_deadline_ms: u64,
    webhooks: Webhooks,
    channels: Channels,
    _folder: DataFolder,
}

/// Why a server did not start; one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong.
    #[error("{0}")]
    Setting(String),
    /// A taken port, an unwritable folder, a database that cannot be used.
    #[error("{0}")]
    Environment(String),
}

impl From<ConfigError> for StartError {
    fn from(error: ConfigError) -> Self {
        Self::Setting(error.to_string())
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Environment(format!("the database failed: {error}"))
    }
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        Self::Environment(error.to_string())
    }
}

impl Server {
    /// Locks the data folder, binds the port, opens the database and starts every task.
    ///
    /// # Errors
    /// [`StartError`], with nothing left running.
    pub async fn start(config: Config, clock: Clock) -> Result<Self, StartError> {
        config.channels.check().map_err(StartError::Setting)?;
        let roots = Roots::load(config.delivery.ca_file.as_deref()).map_err(StartError::Setting)?;
        let folder =
            data_folder::open(&config.data).map_err(|error| StartError::Environment(error.to_string()))?;
        let jwt_secret = match &config.jwt_secret {
            Some(secret) => secret.clone(),
            None => folder.jwt_secret().map_err(|error| StartError::Environment(error.to_string()))?,
        };
        let (listener, addr) = bind(config.listen).await?;
        let metrics = Arc::new(Metrics::new());
        let shelf = Arc::new(Shelf::default());
        let proof = Arc::new(Proof::default());
        let interest = Arc::new(Interest::default());
        let observer =
            observer(metrics.clone(), shelf.clone(), proof.clone(), interest.clone(), clock.clone());
        let (store, commits) = open_store(&config, observer).await?;
        let settled = match settle(&config, &store, &jwt_secret.0, &clock).await {
            Ok(settled) => settled,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let Settled { auth, new_admin_key, default_app, were_watched, applications } = settled;
        let (tasks, hub) = (Tasks::default(), new_hub());
        let (occurrences, told) = Occurrences::new(interest, default_app);
        let roll_call = occurrences::roll_call(hub.clone());
        let recorder = occurrences.recorder(told, store.clone(), clock.clone(), roll_call);
        let (auth, egress) = (Arc::new(auth), new_egress(&config, addr, roots, &clock, &tasks));
        let channel_auth = ChannelAuth::new(auth.clone(), &config.channels, egress.clone(), clock.clone());
        let app = App {
            store: store.clone(),
            hub,
            clock: clock.clone(),
            started: clock.tick(),
            auth,
            channel_auth: Arc::new(channel_auth),
            metrics,
            tasks: tasks.clone(),
            shelf,
            applications: Arc::new(applications),
            proof,
            catch_up: CatchUp::new(config.database.readers),
            delivery: Arc::new(config.delivery.clone()),
            pulse: Pulse::new(clock.clone()),
            leftovers: Leftovers::default(),
            channels: Arc::new(channels::Channels::new(config.channels.clone(), Counts::default())),
            occurrences: occurrences.clone(),
        };
        let recorder = record(recorder, &tasks);
        let webhooks = Webhooks::new(app.clone(), config.webhooks.clone());
        let channels = Channels::new(app.clone());
        let publisher = run(&config, listener, app, were_watched, commits, egress);
        let shutdown_deadline_ms = config.shutdown_deadline_ms;
        Ok(Self {
            addr,
            new_admin_key,
            clock,
            tasks,
            store,
            publisher,
            occurrences,
            recorder,
            shutdown_deadline_ms,
            webhooks,
            channels,
            _folder: folder,
        })
    }

    /// The address it listens on, with the port it got.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The admin key, if this start generated one: the only time it can be shown.
    pub fn new_admin_key(&self) -> Option<&str> {
        self.new_admin_key.as_deref()
    }

    /// Where receivers are made known.
    pub fn webhooks(&self) -> Webhooks {
        self.webhooks.clone()
    }

    /// Where channels are published to.
    pub fn channels(&self) -> Channels {
        self.channels.clone()
    }

    /// Resolves when the server can no longer do its work and should be stopped; the log says why.
    /// Cancel safe.
    pub async fn failed(&self) {
        self.tasks.failed().await;
    }

    /// Stops within the deadline: sockets are told to go, deliveries under way finish or go back
    /// to the queue, what was accepted is committed.
    pub async fn stop(self) {
        self.tasks.stop(&self.clock, self.shutdown_deadline_ms).await;
        // All who were connected have told that they are gone.
        self.occurrences.close();
        let mut recorder = self.recorder;
        match self.clock.timeout(OCCURRENCES_DRAIN_MAX_MS, &mut recorder).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the recorder of channel events failed"),
            Err(_) => {
                recorder.abort();
                tracing::warn!("events of channels could not be written in time, and are lost");
            }
        }
        let closed = async {
            self.store.close().await;
            if let Err(error) = self.publisher.await {
                tracing::error!(%error, "the publisher failed");
            }
        };
        if self.clock.timeout(STORE_CLOSE_MAX_MS, closed).await.is_err() {
            tracing::warn!("the database did not close in time; what was not answered may not be committed");
        }
    }
}

/// What is known once the database is in order.
struct Settled {
    auth: Auth,
    new_admin_key: Option<String>,
    /// The id of the default application.
    default_app: Arc<str>,
    were_watched: bool,
    applications: Applications,
}

/// Brings the database in line with the configuration before anything runs.
async fn settle(
    config: &Config,
    store: &Store,
    jwt_secret: &str,
    clock: &Clock,
) -> Result<Settled, StartError> {
    let admin_key = config.admin_key.as_ref().map(|key| key.0.as_str());
    let (auth, new_admin_key) = Auth::load(store, admin_key, jwt_secret.as_bytes(), clock.clone()).await?;
    let loaded = app::fill_empty_library(store, clock.now()).await?;
    if loaded > 0 {
        tracing::info!(games = loaded, "the library was empty and got the shipped catalogue");
    }
    let applications = load_applications(config, store, clock.now()).await?;
    let default_app = occurrences::adopt_default(store).await?;
    let were_watched = app::were_watched(store).await?;
    follow_webhooks(config, store, clock.now()).await?;
    Ok(Settled { auth, new_admin_key, default_app, were_watched, applications })
}

/// Brings the webhooks of the configuration file in line before anything is sent.
async fn follow_webhooks(config: &Config, store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let overlap_ms = config.delivery.secret_overlap_ms;
    let Followed { added, changed, removed } =
        app::follow_file(store, &config.webhooks, overlap_ms, now).await?;
    if added + changed + removed > 0 {
        tracing::info!(added, changed, removed, "webhooks follow the configuration file");
    }
    Ok(())
}

/// Reads the applications, after making sure of the default one.
async fn load_applications(
    config: &Config,
    store: &Store,
    now: Timestamp,
) -> Result<Applications, StartError> {
    let preset = config.app.as_ref();
    let ensured = app::ensure_default(store, preset, config.delivery.secret_overlap_ms, now).await?;
    ensured.map_err(|_| StartError::Setting("app: another app has this key already".to_owned()))?;
    Ok(Applications::load(store, preset).await?)
}

fn new_hub() -> Hub {
    let limits = fanfare_hub::Limits {
        mailbox_max_messages: limits::MAILBOX_MAX_MESSAGES,
        mailbox_max_bytes: limits::MAILBOX_MAX_BYTES,
    };
    Hub::announcing(limits, Arc::new(Announcer))
}

/// What opens connections to addresses that came through the API, and never one to this server.
fn new_egress(config: &Config, addr: SocketAddr, roots: Roots, clock: &Clock, tasks: &Tasks) -> Egress {
    let policy = EgressPolicy::new(config.delivery.egress_allow.clone(), own_addresses(addr))
        .denying(config.delivery.egress_deny.clone());
    Egress::new(policy, vec![addr.port()], roots, clock.clone(), tasks)
}

/// Starts the task that writes down what happens on channels; it ends once it is asked to and has.
fn record(recorder: Recorder, tasks: &Tasks) -> JoinHandle<()> {
    #[expect(clippy::disallowed_methods, reason = "it outlives the tracked tasks and is awaited by `stop`")]
    tokio::spawn(tasks.vital("channel events", recorder.run()))
}

/// Starts the tasks; the publisher ends by itself when the store is closed.
fn run(
    config: &Config,
    listener: TcpListener,
    app: App,
    were_watched: bool,
    commits: Commits,
    egress: Egress,
) -> JoinHandle<()> {
    let tasks = &app.tasks.clone();
    let (clock, metrics, standing) = (app.clock.clone(), app.metrics.clone(), app.store.standing());
    let (given_up, verdicts) = mpsc::channel(giving_up::GIVEN_UP_MAX_QUEUED);
    let reporting = Reporting { metrics: metrics.clone(), pulse: app.pulse.clone(), given_up };
    let dispatcher = Dispatcher::start(
        app.store.clone(),
        egress.clone(),
        find_application(app.applications.clone()),
        app.delivery.clone(),
        reporting,
        clock.clone(),
        tasks,
    );
    tasks.spawn_vital("webhooks given up", giving_up::run(app.clone(), verdicts));
    let (polls_changed, bell) = (Arc::new(Notify::new()), RoomBell::default());
    let publisher = Publisher::new(app.clone(), dispatcher, bell.clone(), polls_changed.clone());
    tasks.spawn_vital("poll clock", poll_clock::run(app.clone(), polls_changed, tasks.clone()));
    #[expect(clippy::disallowed_methods, reason = "it outlives the tracked tasks and is awaited by `stop`")]
    let publisher = tokio::spawn(tasks.vital("publisher", publisher.run(commits)));
    let monitor = Monitor::new(app.clone(), bell, egress, config.rooms.clone(), were_watched);
    let alarms = Alarms::new(clock.clone(), ALARM_SLOT_MS);
    tasks.spawn_vital("alarms of sockets", ring(alarms.clone(), live::ring, tasks.clone()));
    tasks.spawn("apps", applications::run(app.clone(), tasks.clone()));
    tasks.spawn("channels", watch_channels(app.clone()));
    tasks.spawn("subscription counts", channels::counts::run(app.clone()));
    let live = Live {
        app: app.clone(),
        tasks: tasks.clone(),
        settings: config.sockets.clone(),
        shared: Arc::new(app.clone()),
        alarms,
        writers: Writers::start(&app.hub, tasks),
    };
    tasks.spawn("housekeeping", housekeeping::run(app.clone()));
    let leftovers = leftovers::run(app.store.clone(), app.leftovers.clone(), clock.clone(), tasks.clone());
    tasks.spawn("leftovers", leftovers);
    let router = api::router(app, live, &config.http);
    let acceptor = Acceptor { router, settings: config.http.clone(), clock, tasks: tasks.clone(), metrics };
    tasks.spawn_vital("accept", acceptor.run(listener));
    tasks.spawn_vital("room monitor", monitor.run());
    tasks.spawn("database owner", watch_owner(standing, tasks.clone()));
    publisher
}

async fn ring(alarms: Alarms<Bell>, ring: fn(Bell), tasks: Tasks) {
    tokio::select! {
        () = tasks.stopping() => {}
        () = alarms.run(ring) => {}
    }
}

/// Forgets what channels need no longer; in the end tells every channel socket to go.
async fn watch_channels(app: App) {
    loop {
        tokio::select! {
            () = app.tasks.stopping() => break,
            () = app.clock.sleep_ms(HUB_SWEEP_MS) => app.hub.sweep(app.clock.tick().as_millis()),
        }
    }
    app.channels.sockets.ring_all(channels::signal::STOPPING);
}

fn find_application(applications: Arc<Applications>) -> FindApplication {
    Arc::new(move |app| applications.of_webhook(app))
}

/// Another server has the database for good: this one can do nothing any more but make way.
async fn watch_owner(mut standing: watch::Receiver<Standing>, tasks: Tasks) {
    tokio::select! {
        () = tasks.stopping() => {}
        Ok(_) = standing.wait_for(|standing| *standing == Standing::TakenOver) => tasks.fail(),
    }
}

async fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error: io::Error| {
        let why = match error.kind() {
            io::ErrorKind::AddrInUse => "the port is taken".to_owned(),
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
            io::ErrorKind::PermissionDenied => "not allowed".to_owned(),
            _ => error.to_string(),
        };
        StartError::Environment(format!("cannot listen on {listen}: {why}"))
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok((listener, addr))
}

/// What is told of each commit: the library may be another one, webhooks may ask for other events, the
/// database can be written, and how long it took.
fn observer(
    metrics: Arc<Metrics>,
    shelf: Arc<Shelf>,
    proof: Arc<Proof>,
    interest: Arc<Interest>,
    clock: Clock,
) -> CommitObserver {
    Arc::new(move |CommitStats { jobs, micros, job_micros, webhooks_changed }| {
        if webhooks_changed {
            interest.webhooks_changed();
        }
        for micros in job_micros {
            metrics.job_ran(micros);
        }
        if jobs == 0 {
            return;
        }
        shelf.committed();
        proof.written(clock.tick());
        #[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
        metrics.commit_jobs.observe(jobs as f64);
        metrics.commit_duration_seconds.observe(seconds(micros));
    })
}

async fn open_store(config: &Config, observer: CommitObserver) -> Result<(Store, Commits), StartError> {
    let options = config.store_options()?;
    let opened = tokio::task::spawn_blocking(move || fanfare_store::open(options, observer)).await;
    let opened =
        opened.map_err(|error| StartError::Environment(format!("opening the database failed: {error}")))?;
    Ok(opened?)
}

/// An address of this machine with the name of its network interface.
#[derive(Debug, Clone)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
}

/// The addresses of this machine now.
pub(crate) fn interfaces() -> io::Result<Vec<Interface>> {
    let all = if_addrs::get_if_addrs()?;
    Ok(all.into_iter().map(|interface| Interface { ip: interface.ip(), name: interface.name }).collect())
}

/// Every address under which this server can be reached, so that it never calls itself.
fn own_addresses(addr: SocketAddr) -> Vec<SocketAddr> {
    let mut own = vec![addr];
    if addr.ip().is_unspecified() {
        let interfaces = interfaces().unwrap_or_else(|error| {
            tracing::warn!(%error, "the machine's addresses could not be listed");
            Vec::new()
        });
        own.extend(interfaces.iter().map(|interface| SocketAddr::new(interface.ip, addr.port())));
    }
    own
}
