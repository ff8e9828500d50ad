//! What can be set, with its defaults. Where each value comes from is `load`'s business, what the
//! keys are called is `keys`'; nothing here opens a database or a socket.

mod channels;
mod cors;
mod error;
mod file;
mod key;
mod keys;
mod load;
mod print;
mod secret;
mod value;
mod webhooks;

use std::{net::SocketAddr, path::PathBuf};

use fanfare_model::{application::Preset, retry::RetrySchedule, room::POLL_INTERVAL_MIN_MS};
use fanfare_store::Location;
use ipnet::IpNet;
use url::Url;

pub use self::{
    channels::{AuthRequest, ChannelAuthorizer, Channels, Denied, History, Rule},
    cors::CorsOrigin,
    error::{ConfigError, Origin},
    secret::Secret,
    webhooks::{Endpoint, Webhooks},
};
pub(crate) use self::{
    keys::KEYS,
    load::{Inputs, Loaded, load},
    print::{print, reference},
    secret::without_password,
};

/// The file that is read from the data folder when no other is named.
pub const FILE_NAME: &str = "fanfare.toml";

/// Every setting of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where HTTP and sockets are served.
    pub listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; `None` is `fanfare.db` in the data folder.
    pub database_url: Option<Secret>,
    /// `None`: generated on first start, stored hashed.
    pub admin_key: Option<Secret>,
    /// `None`: generated on first start, kept in the data folder.
    pub jwt_secret: Option<Secret>,
    /// The default application; `None`: made at the first start.
    pub app: Option<Preset>,
    /// `[http]`
    pub http: Http,
    /// `[sockets]`
    pub sockets: Sockets,
    /// `[database]`
    pub database: Database,
    /// `[channels]`
    pub channels: Channels,
    /// `[delivery]`
    pub delivery: Delivery,
    /// `[rooms]`
    pub rooms: Rooms,
    /// `[webhooks]`
    pub webhooks: Webhooks,
    /// How long a stop may take, in milliseconds.
    pub shutdown_deadline_ms: u64,
}

/// The HTTP side.
#[derive(Debug, Clone)]
pub struct Http {
    /// TCP connections at once.
    pub connections_max: usize,
    /// The same from one address, or for one address through trusted proxies; 0: any number.
    pub connections_max_per_address: usize,
    /// Requests a second from one address; 0: any number.
    pub requests_per_second: u32,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Web pages' origins that may use the API from a browser.
    pub cors_origins: Vec<CorsOrigin>,
    /// From the start of a connection, or the end of an answer on it, to the end of the next request's
    /// head; so a connection may lie idle as long.
    pub header_timeout_ms: u64,
}

/// The WebSocket side.
#[derive(Debug, Clone)]
pub struct Sockets {
    /// From the upgrade to the first `auth`.
    pub auth_timeout_ms: u64,
    /// Without any frame from the client.
    pub idle_timeout_ms: u64,
}

/// The database.
#[derive(Debug, Clone)]
pub struct Database {
    /// SQLite: whether each commit waits for the disk (`synchronous=full`).
    pub durable: bool,
    /// Connections that read.
    pub readers: usize,
    /// PostgreSQL connections that write.
    pub writers: usize,
}

/// Webhook deliveries.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Waits between attempts.
    pub retry_schedule: RetrySchedule,
    /// From the look-up of the name to the last byte of the response.
    pub timeout_ms: u64,
    /// Networks that may be reached although the default forbids them.
    pub egress_allow: Vec<IpNet>,
    /// How long a secret that was replaced signs beside the new one.
    pub secret_overlap_ms: i64,
    /// How long attempts are kept in the log; 0: for ever.
    pub log_keep_days: u32,
    /// How long events, and deliveries that were given up, are kept; 0: for ever.
    pub event_keep_days: u32,
    /// Networks that may not be reached, whatever else allows them.
    pub egress_deny: Vec<IpNet>,
    /// Certificates (PEM) of authorities that are believed beside those that browsers know.
    pub ca_file: Option<PathBuf>,
}

/// The room monitor.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// The room service: http or https.
    pub base_url: Url,
    /// From one answer about a room to the next question.
    pub poll_interval_ms: u64,
    /// Whether a socket is opened to every room that is watched, to count its players.
    pub probe: bool,
    /// From the look-up of the name to the last byte of the answer.
    pub timeout_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5000)),
            data: PathBuf::from("data"),
            database_url: None,
            admin_key: None,
            jwt_secret: None,
            app: None,
            http: Http {
                connections_max: 10_000,
                connections_max_per_address: 256,
                requests_per_second: 200,
                trusted_proxies: Vec::new(),
                cors_origins: Vec::new(),
                header_timeout_ms: 10_000,
            },
            sockets: Sockets { auth_timeout_ms: 30_000, idle_timeout_ms: 60_000 },
            database: Database { durable: true, readers: 4, writers: 4 },
            channels: Channels::default(),
            delivery: Delivery {
                retry_schedule: RetrySchedule::default(),
                timeout_ms: 15_000,
                egress_allow: Vec::new(),
                secret_overlap_ms: 24 * 60 * 60 * 1_000,
                log_keep_days: 30,
                event_keep_days: 90,
                egress_deny: Vec::new(),
                ca_file: None,
            },
            rooms: Rooms {
                base_url: Url::parse("https://ecast.jackboxgames.com").expect("it is one"),
                poll_interval_ms: POLL_INTERVAL_MIN_MS,
                probe: false,
                timeout_ms: 10_000,
            },
            webhooks: Webhooks::default(),
            shutdown_deadline_ms: 10_000,
        }
    }
}

impl Config {
    /// What to open the database with. The error is one line and shows no password.
    pub(crate) fn store_options(&self) -> Result<fanfare_store::Options, ConfigError> {
        let location = match &self.database_url {
            None => Location::Sqlite(self.data.join("fanfare.db")),
            Some(url) => Location::parse(&url.0).map_err(ConfigError::Database)?,
        };
        Ok(fanfare_store::Options {
            location,
            durable: self.database.durable,
            readers: self.database.readers,
            postgres_writers: self.database.writers,
            owner: format!("process {}{}", std::process::id(), host()),
        })
    }
}

/// ` on NAME`, for a database that servers of several machines can reach; empty when unknown.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => String::new(),
        name => format!(" on {name}"),
    }
}
