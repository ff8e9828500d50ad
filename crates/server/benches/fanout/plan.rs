//! What the processes of the benchmark tell each other, as lines of JSON.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::message::EVENT;

/// Connections that share a group channel in [`Channels::Mixed`].
const GROUP_CONNECTIONS: u32 = 100;

/// Who connects where, and subscribes to what.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) addr: SocketAddr,
    pub(crate) connections: u32,
    pub(crate) channels: Channels,
}

/// What each connection subscribes to.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Channels {
    /// The one channel of all.
    Shared,
    /// Three: that of all, that of its group and one of its own.
    Mixed,
    /// So many of its own, which nobody else subscribes to.
    Own(u32),
}

impl Channels {
    /// Those of a connection.
    pub(crate) fn of(self, connection: u32) -> Vec<String> {
        match self {
            Self::Shared => vec![EVENT.to_owned()],
            Self::Mixed => {
                let group = connection / GROUP_CONNECTIONS;
                vec![EVENT.to_owned(), format!("group-{group}"), own(connection, 0)]
            }
            Self::Own(count) => (0..count).map(|number| own(connection, number)).collect(),
        }
    }
}

fn own(connection: u32, number: u32) -> String {
    format!("own-{connection}-{number}")
}

/// What is published.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) messages: u32,
    /// Of the data alone.
    pub(crate) data_bytes: usize,
    /// One after another, as fast as it goes, where there is none.
    pub(crate) per_second: Option<u32>,
    pub(crate) audience: Audience,
}

/// Whom the messages of a load are for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Audience {
    /// Everybody hears each, on the shared channel.
    All,
    /// The first connection hears each, on the first channel of its own.
    First,
    /// Each is for one connection, in turn, and in each turn on the next channel of its own.
    InTurn {
        /// Connections.
        of: u32,
        /// Channels that each has.
        channels_each: u32,
    },
}

impl Audience {
    /// The channel of the message with that number.
    pub(crate) fn channel(self, number: u32) -> String {
        match self {
            Self::All => EVENT.to_owned(),
            Self::First => own(0, 0),
            Self::InTurn { of, channels_each } => own(number % of, number / of % channels_each),
        }
    }

    /// The first message that a connection hears, and the step from each to the next; `None` for one that
    /// hears nothing.
    pub(crate) fn hears(self, connection: u32) -> Option<(u32, u32)> {
        match self {
            Self::All => Some((0, 1)),
            Self::First => (connection == 0).then_some((0, 1)),
            Self::InTurn { of, .. } => Some((connection, of)),
        }
    }
}

impl Load {
    /// How many messages that connection hears.
    pub(crate) fn heard_by(&self, connection: u32) -> u32 {
        self.audience
            .hears(connection)
            .map_or(0, |(first, step)| self.messages.saturating_sub(first).div_ceil(step))
    }
}

/// What the load client says once everybody is connected and subscribed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// Until the last connection was established, in seconds.
    pub(crate) connecting_s: f64,
    /// From then until the last subscription had succeeded, in seconds.
    pub(crate) subscribing_s: f64,
}

/// What came of a load.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Heard {
    pub(crate) deliveries: u64,
    /// Deliveries that came twice, out of order or to the wrong connection.
    pub(crate) wrong: u64,
    /// Deliveries that did not come.
    pub(crate) missing: u64,
    /// From the first message's sending to the last delivery, in microseconds.
    pub(crate) took_us: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) max_us: u64,
}
