//! What a host sees of an application's channels while they are in use, and closing one of its sockets.

use std::cmp::Reverse;

use fanfare_model::channel::{ChannelName, Member, SocketId};

use super::{App, ChannelFigures, Connection, Error, signal};

const NO_CONNECTION: Error = Error::NotFound("Connection not found");

/// The first rows of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed<T> {
    pub(crate) rows: Vec<T>,
    /// How many there are in all.
    pub(crate) total: usize,
}

impl<T> Listed<T> {
    fn first(max: usize, mut rows: Vec<T>) -> Self {
        let total = rows.len();
        rows.truncate(max);
        Self { rows, total }
    }
}

impl App {
    /// The largest of an application's channels that somebody is subscribed to and whose names begin so,
    /// `max` at most; those of one size by name. Looks at every channel there is.
    pub(crate) fn largest_channels(
        &self,
        app_id: &str,
        prefix: &str,
        max: usize,
    ) -> Result<Listed<ChannelFigures>, Error> {
        self.get_application(app_id)?;
        let mut channels = self.list_channels(app_id, prefix);
        channels.sort_by_key(|channel| Reverse(channel.subscriptions));
        Ok(Listed::first(max, channels))
    }

    /// Those who came first of those who are present on a channel, `max` at most, in that order.
    pub(crate) fn first_members(
        &self,
        app_id: &str,
        channel: &ChannelName,
        max: usize,
    ) -> Result<Listed<Member>, Error> {
        self.get_application(app_id)?;
        Ok(Listed::first(max, self.channel_members(app_id, channel)))
    }

    /// The newest open sockets of an application, `max` at most. Looks at every socket there is.
    pub(crate) fn newest_connections(&self, app_id: &str, max: usize) -> Result<Listed<Connection>, Error> {
        self.get_application(app_id)?;
        Ok(self.channels.sockets.newest(app_id, max))
    }

    /// Tells an application's socket to close.
    pub(crate) fn close_connection(&self, app_id: &str, id: Option<SocketId>) -> Result<(), Error> {
        self.get_application(app_id)?;
        let bell = id.and_then(|id| self.channels.sockets.bell(app_id, id)).ok_or(NO_CONNECTION)?;
        bell.ring(signal::CLOSED);
        Ok(())
    }
}
