//! Channels in the hands of a program that embeds the server.

use std::sync::Arc;

use fanfare_model::{
    application::Application,
    channel::{ChannelName, Member, SocketId},
    limits::{CHANNEL_EVENT_MAX_CHARS, JSON_DEPTH_MAX},
};
use serde_json::Value;

use crate::app::{App, Error, channels::Publish};

/// Publishes to the channels of a running server, and tells who is on them. Clones are one; none keeps
/// the server from stopping.
///
/// ```
/// use fanfare::{Server, config::Config, timers::Clock};
///
/// # let folder = tempfile::tempdir()?;
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let mut config = Config { data: folder.path().join("data"), ..Config::default() };
/// config.listen.set_port(0);
/// let server = Server::start(config, Clock::real()).await?;
///
/// let channels = server.channels();
/// channels.publish("orders", "OrderCreated", &serde_json::json!({ "id": 1 })).await?;
/// assert_eq!(channels.subscriptions("orders")?, 0);
/// assert!(channels.members("presence-room")?.is_empty());
/// server.stop().await;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Channels {
    app: App,
    /// None: the default application.
    app_id: Option<Arc<str>>,
}

/// How busy the channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelStatistics {
    /// Sockets on channels, of all applications.
    pub connections: usize,
    /// Channels of this application that somebody is subscribed to.
    pub channels: usize,
    /// Subscriptions to them.
    pub subscriptions: usize,
}

/// Why something could not be done on channels; one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// What was given cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// There is no such application any more.
    #[error("App not found")]
    NoApp,
}

impl Channels {
    pub(crate) fn new(app: App) -> Self {
        Self { app, app_id: None }
    }

    /// The channels of another application than the default one.
    ///
    /// # Errors
    /// [`ChannelError::NoApp`].
    pub fn of_app(&self, app_id: &str) -> Result<Self, ChannelError> {
        let of_app = Self { app: self.app.clone(), app_id: Some(app_id.into()) };
        of_app.application()?;
        Ok(of_app)
    }

    /// Tells the subscribers of a channel, in both wire protocols, and the webhooks that ask for
    /// `broadcast`. Returns once it is on its way.
    ///
    /// # Errors
    /// [`ChannelError::Invalid`] for what is no channel's name or no event's, for a channel on which the
    /// server alone publishes, and for data that is nested too deep.
    pub async fn publish(&self, channel: &str, event: &str, data: &Value) -> Result<(), ChannelError> {
        self.publish_except(channel, event, data, None).await
    }

    /// The same, but the socket of this id, in either protocol's spelling, is not told.
    ///
    /// # Errors
    /// As [`Channels::publish`]; also for what is no socket's id.
    pub async fn publish_except(
        &self,
        channel: &str,
        event: &str,
        data: &Value,
        socket_id: Option<&str>,
    ) -> Result<(), ChannelError> {
        let application = self.application()?;
        let channels = vec![name(channel)?];
        if !(1..=CHANNEL_EVENT_MAX_CHARS).contains(&event.chars().count()) {
            let complaint = format!("Event names have 1 to {CHANNEL_EVENT_MAX_CHARS} characters");
            return Err(ChannelError::Invalid(complaint));
        }
        if depth(data) > JSON_DEPTH_MAX {
            return Err(ChannelError::Invalid(format!("Data is nested more than {JSON_DEPTH_MAX} deep")));
        }
        let invalid = || ChannelError::Invalid("No socket has such an id".to_owned());
        let except = socket_id.map(|id| SocketId::parse(id).ok_or_else(invalid)).transpose()?;
        let publish = Publish { event: event.to_owned(), channels, data: data.to_string(), except };
        self.app.publish(&application, publish).await.map_err(|error| match error {
            Error::Invalid(line) => ChannelError::Invalid(line.into_owned()),
            other => ChannelError::Invalid(format!("{other:?}")),
        })
    }

    /// Who is present on a presence channel, in the order in which they came.
    ///
    /// # Errors
    /// [`ChannelError::Invalid`] for what is no channel's name.
    pub fn members(&self, channel: &str) -> Result<Vec<Member>, ChannelError> {
        let application = self.application()?;
        Ok(self.app.channel_members(&application.id, &name(channel)?))
    }

    /// How many subscriptions a channel has.
    ///
    /// # Errors
    /// [`ChannelError::Invalid`] for what is no channel's name.
    pub fn subscriptions(&self, channel: &str) -> Result<usize, ChannelError> {
        let application = self.application()?;
        Ok(self.app.get_channel(&application.id, &name(channel)?).subscriptions)
    }

    /// How busy the channels are now.
    ///
    /// # Errors
    /// [`ChannelError::NoApp`].
    pub fn statistics(&self) -> Result<ChannelStatistics, ChannelError> {
        let channels = self.app.list_channels(&self.application()?.id, "");
        Ok(ChannelStatistics {
            connections: self.app.channels.sockets.count(None),
            channels: channels.len(),
            subscriptions: channels.iter().map(|channel| channel.subscriptions).sum(),
        })
    }

    /// Closes the sockets of a user who has signed in; returns how many there were.
    ///
    /// # Errors
    /// [`ChannelError::NoApp`].
    pub fn terminate_user(&self, user_id: &str) -> Result<usize, ChannelError> {
        Ok(self.app.terminate_user(&self.application()?.id, user_id))
    }

    /// What is behind the hands, for tests of the sockets.
    #[cfg(test)]
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    fn application(&self) -> Result<Arc<Application>, ChannelError> {
        match &self.app_id {
            None => Ok(self.app.applications.default()),
            Some(id) => self.app.applications.by_id(id).ok_or(ChannelError::NoApp),
        }
    }
}

fn name(channel: &str) -> Result<ChannelName, ChannelError> {
    ChannelName::parse(channel).map_err(|error| ChannelError::Invalid(error.to_string()))
}

/// How many arrays and objects stand in each other.
fn depth(data: &Value) -> usize {
    match data {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
