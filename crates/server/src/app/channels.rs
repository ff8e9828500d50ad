//! Channels: publishing to them, and what is known of them. The sockets that are on them are in
//! `sockets`, which there are in `registry`, how many are told of it in `counts`; what a host sees of it
//! all is in `inspection`.

pub(crate) mod counts;
mod inspection;
mod registry;
mod sockets;
mod usage;

use std::sync::Arc;

use fanfare_hub::{Bell, Figures, History, Publishing, Topic};
use fanfare_model::{
    Timestamp,
    application::Application,
    channel::{ChannelName, Member, SocketId},
    event::{Event, kind},
    limits::{CACHE_KEEP_MS, HISTORY_MAX_BYTES},
    wire::frame,
};

#[cfg(test)]
pub(crate) use self::sockets::Position;
pub(crate) use self::{
    counts::Counts,
    inspection::Listed,
    registry::{Connection, Sockets, signal},
    sockets::{ChannelSocket, JoinRequest, Joined},
    usage::Usage,
};
use super::{
    App, Error,
    occurrences::{Occurrence, OccurrenceKind, Places},
    publication::{News, PUSHER, Publication, from_hub},
    publish,
};
use crate::config;

/// The hub topic of an application's channel.
pub(super) fn channel_topic(app_id: &str, channel: &str) -> Topic {
    format!("{app_id}/{channel}").into()
}

/// The channel's name in a hub topic.
fn channel_of(topic: &str) -> &str {
    topic.split_once('/').map_or(topic, |(_, channel)| channel)
}

/// Something to publish.
#[derive(Debug, Clone)]
pub(crate) struct Publish {
    pub(crate) event: String,
    pub(crate) channels: Vec<ChannelName>,
    /// Usually JSON, but any text will do.
    pub(crate) data: String,
    /// Whose socket is not told.
    pub(crate) except: Option<SocketId>,
}

/// How many are on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChannelFigures {
    pub(crate) name: String,
    pub(crate) subscriptions: usize,
    /// Members of a presence channel.
    pub(crate) users: usize,
}

impl From<Figures> for ChannelFigures {
    fn from(Figures { topic, subscriptions, members }: Figures) -> Self {
        Self { name: channel_of(&topic).to_owned(), subscriptions, users: members }
    }
}

/// The last event of a cache channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CachedEvent {
    pub(crate) data: Option<String>,
    /// How much longer it is kept.
    pub(crate) left_ms: u64,
}

/// What an event says, in the form of Pusher's clients.
#[derive(serde::Deserialize)]
struct Data {
    data: Option<String>,
}

/// What holds for all channels.
pub(crate) struct Channels {
    pub(crate) settings: config::Channels,
    pub(crate) sockets: Sockets,
    pub(crate) counts: Counts,
    usage: usage::Kept,
}

/// What is kept of a channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    pub(super) history: Option<History>,
    /// Whether subscribers can come back for it.
    pub(super) is_resumable: bool,
}

impl Channels {
    pub(crate) fn new(settings: config::Channels, counts: Counts) -> Self {
        Self { settings, sockets: Sockets::default(), counts, usage: usage::Kept::default() }
    }

    /// What is kept of a channel: what the configuration says, and the last event of a cache channel.
    pub(super) fn past(&self, channel: &ChannelName) -> Past {
        let histories = &self.settings.history;
        let configured = histories.iter().find(|history| history.channel.matches(channel).is_some());
        let (max_messages, max_age_ms) = match configured {
            Some(history) => (history.messages as usize, history.age_ms),
            None if channel.is_cache() => (1, CACHE_KEEP_MS),
            None => return Past { history: None, is_resumable: false },
        };
        let history = History { max_messages, max_bytes: HISTORY_MAX_BYTES, max_age_ms };
        Past { history: Some(history), is_resumable: configured.is_some() }
    }
}

/// Tells webhooks what is about to happen on an application's channels.
struct Told<'a> {
    app_id: Arc<str>,
    at: Timestamp,
    places: Places<'a>,
}

impl Told<'_> {
    fn tell(&mut self, kind: OccurrenceKind) {
        self.places.tell(Occurrence { app: self.app_id.clone(), at: self.at, kind });
    }
}

impl App {
    /// Waits until webhooks can be told one of each of these.
    async fn reserve(&self, app_id: &Arc<str>, names: &[&str]) -> Told<'_> {
        let places = self.occurrences.reserve(app_id, names, names.len()).await;
        Told { app_id: app_id.clone(), at: self.clock.now(), places }
    }

    /// Refuses channels on which the server alone publishes.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub(crate) fn check_channels<'a>(
        channels: impl IntoIterator<Item = &'a ChannelName>,
    ) -> Result<(), Error> {
        if channels.into_iter().any(ChannelName::is_reserved) {
            return Err(Error::Invalid("The channels of sessions are the server's own".into()));
        }
        Ok(())
    }

    /// Tells the subscribers of each of these channels. Returns once it is in their mailboxes.
    ///
    /// # Errors
    /// For channels on which the server alone publishes; then nobody is told.
    pub(crate) async fn publish(&self, application: &Application, publish: Publish) -> Result<(), Error> {
        let Publish { event, channels, data, except } = publish;
        Self::check_channels(&channels)?;
        let except = except.and_then(|id| self.channels.sockets.bell(&application.id, id));
        let app_id: Arc<str> = application.id.as_str().into();
        let shared: (Arc<str>, Arc<str>) = (event.as_str().into(), data.as_str().into());
        for channel in &channels {
            let mut told = self.reserve(&app_id, &[kind::BROADCAST]).await;
            self.metrics.channels.events.inc();
            // What nobody asks for is not copied.
            let is_wanted = self.occurrences.wants(&app_id, kind::BROADCAST);
            self.tell_event(&app_id, channel, shared.clone(), except.as_ref(), || {
                if is_wanted {
                    let (channel, event, data) = (channel.clone(), event.clone(), data.clone());
                    told.tell(OccurrenceKind::Broadcast { channel, event, data });
                }
            });
        }
        Ok(())
    }

    /// Tells a session's event on the session's channel of the default application, and its start on the
    /// channel of all sessions. It is not made for channels on which nobody could hear of it.
    pub(super) fn tell_session_channel(&self, session_id: i64, event: &Event) {
        let application = self.applications.default();
        let is_start = event.kind == kind::SESSION_STARTED;
        let channels = [Some(ChannelName::of_session(session_id)), is_start.then(ChannelName::of_sessions)];
        for channel in channels.into_iter().flatten() {
            let is_heard = || self.hub.is_heard(&channel_topic(&application.id, &channel));
            if self.channels.past(&channel).history.is_some() || is_heard() {
                let shared = (event.kind.as_str().into(), event.channel_data().into());
                self.tell_event(&application.id, &channel, shared, None, || ());
            }
        }
    }

    /// The application's channels that somebody is subscribed to, by name.
    pub(crate) fn list_channels(&self, app_id: &str, prefix: &str) -> Vec<ChannelFigures> {
        let mut figures: Vec<ChannelFigures> =
            self.hub.figures_of(&channel_topic(app_id, prefix)).into_iter().map(Into::into).collect();
        figures.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        figures
    }

    /// How many are on a channel.
    pub(crate) fn get_channel(&self, app_id: &str, channel: &ChannelName) -> ChannelFigures {
        self.hub.figures(&channel_topic(app_id, channel)).map_or_else(
            || ChannelFigures { name: channel.to_string(), subscriptions: 0, users: 0 },
            Into::into,
        )
    }

    /// Those who are present on a channel, in the order in which they came.
    pub(crate) fn channel_members(&self, app_id: &str, channel: &ChannelName) -> Vec<Member> {
        self.hub.members(&channel_topic(app_id, channel)).iter().map(from_hub).collect()
    }

    /// The last event of a cache channel, if it has one.
    pub(crate) fn cached_event(&self, app_id: &str, channel: &ChannelName) -> Option<CachedEvent> {
        let last = self.hub.last(&channel_topic(app_id, channel), self.clock.tick().as_millis())?;
        let frame = last.publication.form(PUSHER, None);
        let event: Data = serde_json::from_slice(frame::payload(&frame)?).ok()?;
        Some(CachedEvent { data: event.data, left_ms: last.left_ms })
    }

    /// How long the data of an event may be that is published over HTTP, in bytes.
    pub(crate) fn data_max_bytes(&self, application: &Application) -> usize {
        let limit = application.limits.data_max_bytes;
        limit.unwrap_or(self.channels.settings.data_max_bytes) as usize
    }

    /// Closes the sockets of a user who has signed in; returns how many there are.
    pub(crate) fn terminate_user(&self, app_id: &str, user_id: &str) -> usize {
        self.channels.sockets.ring_user(app_id, user_id, signal::TERMINATED)
    }

    /// Puts an event into the mailboxes of a channel's subscribers, and into its history where it has one;
    /// `witness` is called at that moment.
    fn tell_event(
        &self,
        app_id: &str,
        channel: &ChannelName,
        (event, data): (Arc<str>, Arc<str>),
        except: Option<&Bell>,
        witness: impl FnOnce(),
    ) {
        let topic = channel_topic(app_id, channel);
        let Past { history, is_resumable } = self.channels.past(channel);
        let publication = Publication::shared(topic.clone(), News::Event { event, data }, is_resumable);
        let now_ms = self.clock.tick().as_millis();
        let publishing = Publishing { publication: &publication, except, history, now_ms };
        publish::volatile(&self.hub, &topic, &publishing, witness);
    }

    /// Puts news that nobody can come back for into the mailboxes of a channel's subscribers; `witness` is
    /// called at that moment.
    fn tell_in_passing(
        &self,
        app_id: &str,
        channel: &ChannelName,
        news: News,
        except: Option<&Bell>,
        witness: impl FnOnce(),
    ) {
        let topic = channel_topic(app_id, channel);
        let publication = Publication::shared(topic.clone(), news, false);
        publish::in_passing(&self.hub, &topic, &publication, except, witness);
    }
}
