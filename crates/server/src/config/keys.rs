//! The one table of what can be set: names, ranges, words for people, and the field of [`Config`]
//! that each key reads and writes. Nothing here reads a file or the environment.

use std::{net::IpAddr, path::PathBuf};

use fanfare_model::{
    application::InvalidApplication, limits::RETRY_STEPS_MAX, retry::RetrySchedule,
    room::POLL_INTERVAL_MIN_MS,
};
use fanfare_store::Location;
use ipnet::IpNet;
use url::Url;

use super::{
    Config, channels,
    key::{Field, Flag, Key, key, secret},
    secret::{HIDDEN, without_password},
    webhooks,
};

/// Every key; those of one table stand together, those without a table first.
pub(crate) const KEYS: &[Key] = &[
    Key {
        flag: Some(Flag { name: "listen", value: "ADDRESS:PORT" }),
        also_env: Some(PORT),
        ..key(
            "listen",
            "Where to listen; port 0 takes a free one. PORT sets the port alone",
            Field::Text { get: |c| Some(c.listen.to_string()), set: set_listen },
        )
    },
    Key {
        flag: Some(Flag { name: "data", value: "FOLDER" }),
        ..key(
            "data",
            "The data folder; made when it is missing",
            Field::Text { get: |c| Some(c.data.display().to_string()), set: set_data },
        )
    },
    Key {
        flag: Some(Flag { name: "database-url", value: "URL" }),
        unset: "fanfare.db in the data folder",
        ..key(
            "database_url",
            "The database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME?sslmode=verify-full",
            Field::Secret {
                get: |c| c.database_url.as_ref().map(|url| without_password(&url.0)),
                set: set_database_url,
            },
        )
    },
    Key {
        flag: Some(Flag { name: "admin-key", value: "KEY" }),
        also_env: Some("ADMIN_KEY"),
        unset: "made at the first start and shown once",
        ..key(
            "admin_key",
            "What the host signs in with. A flag can be seen by other users of the machine",
            Field::Secret {
                get: |c| c.admin_key.as_ref().map(|_| HIDDEN.to_owned()),
                set: |c, text| secret(text).map(|secret| c.admin_key = Some(secret)),
            },
        )
    },
    Key {
        flag: Some(Flag { name: "jwt-secret", value: "SECRET" }),
        also_env: Some("JWT_SECRET"),
        unset: "made at the first start and kept in the data folder",
        ..key(
            "jwt_secret",
            "What tokens are signed with; 32 bytes or more are advised. A flag can be seen by other users of the machine",
            Field::Secret {
                get: |c| c.jwt_secret.as_ref().map(|_| HIDDEN.to_owned()),
                set: |c, text| secret(text).map(|secret| c.jwt_secret = Some(secret)),
            },
        )
    },
    Key {
        unset: "made at the first start; see fanfare app list",
        ..key(
            "app",
            "The default app of the channels: ID:KEY:SECRET",
            Field::Secret { get: |c| c.app.as_ref().map(|_| HIDDEN.to_owned()), set: set_app },
        )
    },
    key(
        "shutdown_deadline_ms",
        "How long a stop may take before what still runs is cut off",
        Field::Number {
            range: 100..=600_000,
            get: |c| Some(c.shutdown_deadline_ms),
            set: |c, ms| c.shutdown_deadline_ms = ms,
        },
    ),
    key(
        "http.connections_max",
        "TCP connections at once",
        Field::Number {
            range: 1..=1_000_000,
            get: |c| Some(c.http.connections_max as u64),
            set: |c, count| c.http.connections_max = size(count),
        },
    ),
    key(
        "http.connections_max_per_address",
        "TCP connections at once from one address, this machine and trusted proxies aside; 0 for no limit",
        Field::Number {
            range: 0..=1_000_000,
            get: |c| Some(c.http.connections_max_per_address as u64),
            set: |c, count| c.http.connections_max_per_address = size(count),
        },
    ),
    key(
        "http.requests_per_second",
        "Requests a second from one address, this machine aside, with bursts of twice as many; 0 for no limit",
        Field::Number {
            range: 0..=1_000_000,
            get: |c| Some(c.http.requests_per_second.into()),
            set: |c, count| c.http.requests_per_second = u32::try_from(count).unwrap_or(u32::MAX),
        },
    ),
    key(
        "http.trusted_proxies",
        "Networks of the proxies whose X-Forwarded-For says where a request comes from, such as 127.0.0.1",
        Field::Texts {
            get: |c| c.http.trusted_proxies.iter().map(ToString::to_string).collect(),
            set: |c, texts| networks(texts).map(|networks| c.http.trusted_proxies = networks),
        },
    ),
    key(
        "http.cors_origins",
        "Origins of web pages that may use the API from a browser, such as https://example.com; * for all",
        Field::Texts {
            get: |c| c.http.cors_origins.iter().map(ToString::to_string).collect(),
            set: |c, texts| {
                c.http.cors_origins = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
                Ok(())
            },
        },
    ),
    key(
        "http.header_timeout_ms",
        "How long a client may take to send the head of a request",
        Field::Number {
            range: 10..=600_000,
            get: |c| Some(c.http.header_timeout_ms),
            set: |c, ms| c.http.header_timeout_ms = ms,
        },
    ),
    key(
        "sockets.auth_timeout_ms",
        "How long a WebSocket may stay open before it authenticates",
        Field::Number {
            range: 10..=600_000,
            get: |c| Some(c.sockets.auth_timeout_ms),
            set: |c, ms| c.sockets.auth_timeout_ms = ms,
        },
    ),
    key(
        "sockets.idle_timeout_ms",
        "How long a WebSocket may stay silent before it is closed",
        Field::Number {
            range: 10..=86_400_000,
            get: |c| Some(c.sockets.idle_timeout_ms),
            set: |c, ms| c.sockets.idle_timeout_ms = ms,
        },
    ),
    channels::ACTIVITY_TIMEOUT,
    channels::PONG_TIMEOUT,
    channels::ORIGINS,
    channels::CHANNELS_MAX,
    channels::MEMBERS_MAX,
    channels::MESSAGES_PER_SECOND,
    channels::CLIENT_EVENTS_PER_SECOND,
    channels::DATA_MAX_BYTES,
    channels::MESSAGE_MAX_BYTES,
    channels::PRESENCE_TIMEOUT,
    channels::AUTHORIZER_URL,
    channels::AUTHORIZER_TIMEOUT,
    channels::AUTHORIZER_CACHE,
    channels::AUTHORIZER_MAX_IN_FLIGHT,
    key(
        "database.durable",
        "SQLite: wait for the disk at each commit, so that a power cut loses nothing",
        Field::Boolean { get: |c| c.database.durable, set: |c, durable| c.database.durable = durable },
    ),
    key(
        "database.readers",
        "Database connections that read",
        Field::Number {
            range: 1..=64,
            get: |c| Some(c.database.readers as u64),
            set: |c, count| c.database.readers = size(count),
        },
    ),
    key(
        "database.writers",
        "PostgreSQL connections that write",
        Field::Number {
            range: 1..=64,
            get: |c| Some(c.database.writers as u64),
            set: |c, count| c.database.writers = size(count),
        },
    ),
    key(
        "delivery.retry_schedule_ms",
        "Waits before a failed webhook delivery is tried again: up to 50 of 1 ms to 7 days; none, never again",
        Field::Numbers {
            get: |c| c.delivery.retry_schedule.delays_ms().to_vec(),
            set: |c, delays_ms| {
                let schedule = RetrySchedule::new(delays_ms).map_err(|error| error.to_string())?;
                c.delivery.retry_schedule = schedule;
                Ok(())
            },
        },
    ),
    key(
        "delivery.timeout_ms",
        "How long one delivery may take, from looking up the name to the end of the response",
        Field::Number {
            range: 10..=300_000,
            get: |c| Some(c.delivery.timeout_ms),
            set: |c, ms| c.delivery.timeout_ms = ms,
        },
    ),
    key(
        "delivery.egress_allow",
        "Private networks that webhooks and the room monitor may reach, such as 192.168.1.0/24",
        Field::Texts {
            get: |c| c.delivery.egress_allow.iter().map(ToString::to_string).collect(),
            set: |c, texts| networks(texts).map(|networks| c.delivery.egress_allow = networks),
        },
    ),
    key(
        "delivery.secret_overlap_ms",
        "How long a webhook's secret that was replaced signs beside the new one",
        Field::Number {
            range: 0..=2_592_000_000,
            get: |c| Some(c.delivery.secret_overlap_ms.unsigned_abs()),
            set: |c, ms| c.delivery.secret_overlap_ms = i64::try_from(ms).unwrap_or(i64::MAX),
        },
    ),
    key(
        "delivery.log_keep_days",
        "How long webhooks' attempts are kept in the log; 0 for ever",
        Field::Number {
            range: 0..=36_500,
            get: |c| Some(c.delivery.log_keep_days.into()),
            set: |c, days| c.delivery.log_keep_days = u32::try_from(days).unwrap_or(u32::MAX),
        },
    ),
    key(
        "delivery.event_keep_days",
        "How long events are kept, for clients that resume and deliveries that are replayed; 0 for ever",
        Field::Number {
            range: 0..=36_500,
            get: |c| Some(c.delivery.event_keep_days.into()),
            set: |c, days| c.delivery.event_keep_days = u32::try_from(days).unwrap_or(u32::MAX),
        },
    ),
    key(
        "delivery.egress_deny",
        "Networks that webhooks and the room monitor may not reach, whatever else allows them: 127.0.0.0/8 and ::1 \
         for this machine, 0.0.0.0/0 and ::/0 for everything",
        Field::Texts {
            get: |c| c.delivery.egress_deny.iter().map(ToString::to_string).collect(),
            set: |c, texts| networks(texts).map(|networks| c.delivery.egress_deny = networks),
        },
    ),
    Key {
        unset: "only the authorities that browsers know",
        ..key(
            "delivery.ca_file",
            "A file with certificates (PEM) of authorities that may also vouch for https servers, such as your own",
            Field::Text {
                get: |c| c.delivery.ca_file.as_ref().map(|file| file.display().to_string()),
                set: set_ca_file,
            },
        )
    },
    key(
        "rooms.base_url",
        "The service that is asked for a room when a host starts a player check",
        Field::Text { get: |c| Some(c.rooms.base_url.to_string()), set: set_rooms_base_url },
    ),
    key(
        "rooms.poll_interval_ms",
        "How long to wait before a watched room is asked for again",
        Field::Number {
            range: POLL_INTERVAL_MIN_MS..=3_600_000,
            get: |c| Some(c.rooms.poll_interval_ms),
            set: |c, ms| c.rooms.poll_interval_ms = ms,
        },
    ),
    key(
        "rooms.probe",
        "Also open a socket to each watched room, which tells how many people play",
        Field::Boolean { get: |c| c.rooms.probe, set: |c, probe| c.rooms.probe = probe },
    ),
    key(
        "rooms.timeout_ms",
        "How long the room service may take to answer",
        Field::Number {
            range: 10..=60_000,
            get: |c| Some(c.rooms.timeout_ms),
            set: |c, ms| c.rooms.timeout_ms = ms,
        },
    ),
    key(
        "webhooks.enabled",
        "Whether the endpoints of the file are sent anything",
        Field::Boolean { get: |c| c.webhooks.enabled, set: |c, enabled| c.webhooks.enabled = enabled },
    ),
    key(
        "webhooks.retry_attempts",
        "How often a delivery to an endpoint is tried again",
        Field::Number {
            range: 0..=RETRY_STEPS_MAX as u64,
            get: |c| Some(c.webhooks.retry_attempts.into()),
            set: |c, count| c.webhooks.retry_attempts = u32::try_from(count).unwrap_or(u32::MAX),
        },
    ),
    key(
        "webhooks.retry_delay_ms",
        "The first wait before it is tried again; the second is twice as long, the third three times",
        Field::Number {
            range: 1..=webhooks::RETRY_DELAY_MAX_MS,
            get: |c| Some(c.webhooks.retry_delay_ms.unsigned_abs()),
            set: |c, ms| c.webhooks.retry_delay_ms = i64::try_from(ms).unwrap_or(i64::MAX),
        },
    ),
    key(
        "webhooks.timeout_ms",
        "How long one delivery to an endpoint may take, from looking up the name to the end of the response",
        Field::Number {
            range: 10..=300_000,
            get: |c| Some(c.webhooks.timeout_ms),
            set: |c, ms| c.webhooks.timeout_ms = ms,
        },
    ),
    Key {
        unset: "nothing is signed",
        ..key(
            "webhooks.secret",
            "What requests to endpoints without a secret of their own are signed with",
            Field::Secret {
                get: |c| c.webhooks.secret.as_ref().map(|_| HIDDEN.to_owned()),
                set: |c, text| webhooks::signing_secret(text).map(|secret| c.webhooks.secret = Some(secret)),
            },
        )
    },
];

/// The variable that sets the port alone.
pub(super) const PORT: &str = "PORT";

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn set_listen(config: &mut Config, text: &str) -> Result<(), String> {
    config.listen = text
        .parse()
        .map_err(|_| "expected an address and a port, such as 127.0.0.1:5000 or [::1]:5000".to_owned())?;
    Ok(())
}

fn set_data(config: &mut Config, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("expected the path of a folder".to_owned());
    }
    config.data = PathBuf::from(text);
    Ok(())
}

fn set_ca_file(config: &mut Config, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("expected the path of a file".to_owned());
    }
    config.delivery.ca_file = Some(PathBuf::from(text));
    Ok(())
}

fn set_database_url(config: &mut Config, text: &str) -> Result<(), String> {
    Location::parse(text).map_err(|why| format!("cannot be read: {why}"))?;
    config.database_url = Some(secret(text)?);
    Ok(())
}

fn set_app(config: &mut Config, text: &str) -> Result<(), String> {
    let preset =
        secret(text)?.0.parse().map_err(|error: InvalidApplication| format!("is no app: {error}"))?;
    config.app = Some(preset);
    Ok(())
}

fn set_rooms_base_url(config: &mut Config, text: &str) -> Result<(), String> {
    let url = Url::parse(text).ok().filter(|url| {
        let is_plain = url.username().is_empty() && url.password().is_none();
        is_plain && matches!(url.scheme(), "http" | "https") && url.query().or(url.fragment()).is_none()
    });
    config.rooms.base_url =
        url.ok_or("expected an http or https URL without name, password or query".to_owned())?;
    Ok(())
}

fn networks(texts: &[String]) -> Result<Vec<IpNet>, String> {
    let network = |text: &String| {
        let parsed: Result<IpNet, _> = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        parsed.map_err(|_| format!("{text:?} is no network, such as 192.168.1.0/24 or fd00::/8"))
    };
    texts.iter().map(network).collect()
}
