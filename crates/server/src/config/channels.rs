//! Channels in the configuration: the table `[channels]`. Its lists of tables, rules and histories,
//! stand in `lists`, what an embedding program may add in `callback`. What a value must look like is
//! known here; the file is not.

mod callback;
mod lists;

use fanfare_model::{
    limits::{CHANNELS_LIMIT_PER_CONNECTION, EVENT_DATA_LIMIT_BYTES, MEMBERS_LIMIT, SOCKET_RATE_LIMIT},
    webhook::is_url,
};

pub(super) use self::lists::{
    HISTORIES, HISTORY_KEYS, RULE_KEYS, RULES, a_history, a_rule, histories, rules,
};
pub use self::{
    callback::{AuthRequest, ChannelAuthorizer, Denied},
    lists::{History, Rule},
};
use super::{
    Config, CorsOrigin, Secret,
    key::{Field, Key, key, secret},
    secret::without_password,
};

/// The longest wait that can be set, in milliseconds (24 h).
const WAIT_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

/// The broadcasting server.
#[derive(Debug, Clone)]
pub struct Channels {
    /// How long a connection may be silent before it is asked whether it is still there.
    pub activity_timeout_ms: u64,
    /// How long it may take to answer that.
    pub pong_timeout_ms: u64,
    /// Web pages' origins that may open a socket, beside pages of the server's own host and clients
    /// that are no web page.
    pub origins: Vec<CorsOrigin>,
    /// Channels that one connection may be subscribed to.
    pub channels_max_per_connection: u32,
    /// Members of one presence channel.
    pub members_max: u32,
    /// Messages a second that one connection may send; 0: any number.
    pub messages_per_second: u32,
    /// Client events a second that one connection may send; 0: any number.
    pub client_events_per_second: u32,
    /// The data of one event that is published over HTTP.
    pub data_max_bytes: u32,
    /// One message from a client.
    pub message_max_bytes: u32,
    /// How long a presence member may give no sign of life before it leaves; 0: for ever.
    pub presence_timeout_ms: u64,
    /// Who is asked whether a subscription is allowed: http or https; `None`: nobody.
    pub authorizer_url: Option<Secret>,
    /// From the look-up of the name to the last byte of the answer; a callback's time, too.
    pub authorizer_timeout_ms: u64,
    /// How long an answer counts for the same question; 0: not at all.
    pub authorizer_cache_ms: u64,
    /// Requests to the authoriser under way at once; others wait.
    pub authorizer_max_in_flight: u32,
    /// Who may subscribe by what his token says.
    pub rules: Vec<Rule>,
    /// What is kept of channels' messages; the first that matches a channel counts.
    pub history: Vec<History>,
    /// Asked before the rules and the authoriser; only an embedding program can set it.
    pub authorizer: Option<ChannelAuthorizer>,
}

impl Default for Channels {
    fn default() -> Self {
        Self {
            activity_timeout_ms: 120_000,
            pong_timeout_ms: 30_000,
            origins: Vec::new(),
            channels_max_per_connection: 100,
            members_max: 1_000,
            messages_per_second: 100,
            client_events_per_second: 10,
            data_max_bytes: 10 << 10,
            message_max_bytes: 64 << 10,
            presence_timeout_ms: 0,
            authorizer_url: None,
            authorizer_timeout_ms: 5_000,
            // Clients that all come back after a break ask for the same again, some of them more than
            // once; a right that was taken away counts for so much longer and no more.
            authorizer_cache_ms: 10_000,
            authorizer_max_in_flight: 64,
            rules: Vec::new(),
            history: Vec::new(),
            authorizer: None,
        }
    }
}

impl Channels {
    /// What the file would be refused for, of what an embedding program made. The error is one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        let config = Config { channels: self.clone(), ..Config::default() };
        LIMITS.iter().try_for_each(|limit| limit.check_number(&config))?;
        if let Some(url) = &self.authorizer_url {
            authorizer_url(&url.0).map_err(|problem| format!("channels.authorizer_url {problem}"))?;
        }
        self.rules.iter().try_for_each(|rule| {
            rule.check().map_err(|problem| format!("channels.rules ({}): claims {problem}", rule.channel))
        })
    }
}

fn authorizer_url(text: &str) -> Result<Secret, String> {
    let url = secret(text)?;
    if !is_url(text) {
        return Err(format!("is {:?}: expected an http or https URL", without_password(text)));
    }
    Ok(url)
}

/// A key that is a number.
const fn number(
    name: &'static str,
    doc: &'static str,
    (min, max): (u64, u64),
    get: fn(&Config) -> Option<u64>,
    set: fn(&mut Config, u64),
) -> Key {
    key(name, doc, Field::Number { range: min..=max, get, set })
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How much clients and publishers may do.
const LIMITS: [Key; 6] = [
    CHANNELS_MAX,
    MEMBERS_MAX,
    MESSAGES_PER_SECOND,
    CLIENT_EVENTS_PER_SECOND,
    DATA_MAX_BYTES,
    MESSAGE_MAX_BYTES,
];

pub(super) const ACTIVITY_TIMEOUT: Key = number(
    "channels.activity_timeout_ms",
    "How long a connection may be silent before it is asked whether it is still there",
    (1_000, WAIT_MAX_MS),
    |c| Some(c.channels.activity_timeout_ms),
    |c, ms| c.channels.activity_timeout_ms = ms,
);

pub(super) const PONG_TIMEOUT: Key = number(
    "channels.pong_timeout_ms",
    "How long it may take to answer that before it is closed",
    (10, 600_000),
    |c| Some(c.channels.pong_timeout_ms),
    |c, ms| c.channels.pong_timeout_ms = ms,
);

pub(super) const ORIGINS: Key = key(
    "channels.origins",
    "Origins of web pages that may open a socket, such as https://example.com, beside those of the server's own \
     host; * for all. Clients that are no web page send none and may",
    Field::Texts {
        get: |c| c.channels.origins.iter().map(ToString::to_string).collect(),
        set: |c, texts| {
            c.channels.origins = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
);

pub(super) const CHANNELS_MAX: Key = number(
    "channels.channels_max_per_connection",
    "Channels that one connection may be subscribed to, where its app says nothing else",
    (1, CHANNELS_LIMIT_PER_CONNECTION as u64),
    |c| Some(c.channels.channels_max_per_connection.into()),
    |c, number| c.channels.channels_max_per_connection = count(number),
);

pub(super) const MEMBERS_MAX: Key = number(
    "channels.members_max",
    "Members of one presence channel, where its app says nothing else",
    (1, MEMBERS_LIMIT as u64),
    |c| Some(c.channels.members_max.into()),
    |c, number| c.channels.members_max = count(number),
);

pub(super) const MESSAGES_PER_SECOND: Key = number(
    "channels.messages_per_second",
    "Messages a second that one connection may send, where its app says nothing else; 0 for no limit",
    (0, SOCKET_RATE_LIMIT as u64),
    |c| Some(c.channels.messages_per_second.into()),
    |c, number| c.channels.messages_per_second = count(number),
);

pub(super) const CLIENT_EVENTS_PER_SECOND: Key = number(
    "channels.client_events_per_second",
    "Client events a second that one connection may send, where its app says nothing else; 0 for no limit",
    (0, SOCKET_RATE_LIMIT as u64),
    |c| Some(c.channels.client_events_per_second.into()),
    |c, number| c.channels.client_events_per_second = count(number),
);

pub(super) const DATA_MAX_BYTES: Key = number(
    "channels.data_max_bytes",
    "The data of one event that is published over HTTP, where its app says nothing else",
    (1, EVENT_DATA_LIMIT_BYTES as u64),
    |c| Some(c.channels.data_max_bytes.into()),
    |c, bytes| c.channels.data_max_bytes = count(bytes),
);

pub(super) const MESSAGE_MAX_BYTES: Key = number(
    "channels.message_max_bytes",
    "One message from a client",
    (1_024, EVENT_DATA_LIMIT_BYTES as u64),
    |c| Some(c.channels.message_max_bytes.into()),
    |c, bytes| c.channels.message_max_bytes = count(bytes),
);

pub(super) const PRESENCE_TIMEOUT: Key = number(
    "channels.presence_timeout_ms",
    "How long a presence member may give no sign of life before it leaves its channels; 0 for as long as it is \
     connected",
    (0, WAIT_MAX_MS),
    |c| Some(c.channels.presence_timeout_ms),
    |c, ms| c.channels.presence_timeout_ms = ms,
);

pub(super) const AUTHORIZER_URL: Key = Key {
    unset: "nobody is asked",
    ..key(
        "channels.authorizer_url",
        "Who is asked whether somebody may subscribe to a private channel that nothing else lets him into: http or \
         https",
        Field::Secret {
            get: |c| c.channels.authorizer_url.as_ref().map(|url| without_password(&url.0)),
            set: |c, text| authorizer_url(text).map(|url| c.channels.authorizer_url = Some(url)),
        },
    )
};

pub(super) const AUTHORIZER_TIMEOUT: Key = number(
    "channels.authorizer_timeout_ms",
    "How long the authorizer may take to answer, with the wait for its turn",
    (10, 300_000),
    |c| Some(c.channels.authorizer_timeout_ms),
    |c, ms| c.channels.authorizer_timeout_ms = ms,
);

pub(super) const AUTHORIZER_CACHE: Key = number(
    "channels.authorizer_cache_ms",
    "How long its answer counts for the same token and channel; 0 asks every time",
    (0, WAIT_MAX_MS),
    |c| Some(c.channels.authorizer_cache_ms),
    |c, ms| c.channels.authorizer_cache_ms = ms,
);

pub(super) const AUTHORIZER_MAX_IN_FLIGHT: Key = number(
    "channels.authorizer_max_in_flight",
    "Requests to it under way at once; others wait",
    (1, 10_000),
    |c| Some(c.channels.authorizer_max_in_flight.into()),
    |c, number| c.channels.authorizer_max_in_flight = count(number),
);

#[cfg(test)]
mod tests;
