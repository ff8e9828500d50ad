//! What one socket does on channels.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use fanfare_hub::{self as hub, Form, Mailbox, Replay};
use fanfare_model::{
    application::Application,
    channel::{ChannelKind, ChannelName, Member, SocketId},
    event::kind,
};
use prometheus_client::metrics::gauge::Gauge;

use super::{
    App, News, Past, Told, channel_topic,
    registry::{Entry, OverQuota},
};
use crate::{
    app::occurrences::{Occurrence, OccurrenceKind},
    app::publication::{BROADCASTING, PUSHER, epoch, from_hub, to_hub},
    auth::{Denial, Protocol},
    metrics::DialectLabel,
};

fn form(protocol: Protocol) -> Form {
    match protocol {
        Protocol::Pusher => PUSHER,
        Protocol::Broadcasting => BROADCASTING,
    }
}

/// A request to join a channel, which is allowed.
#[derive(Debug, Clone)]
pub(crate) struct JoinRequest {
    pub(crate) channel: ChannelName,
    /// As whom; `Some` on presence channels.
    pub(crate) member: Option<Member>,
    /// The offset and epoch that the client has seen of the channel's history.
    pub(crate) resume: Option<(u64, String)>,
    /// What the client says of itself, for webhooks.
    pub(crate) channel_data: Option<String>,
}

/// What a socket finds in a channel that it has joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Joined {
    /// Who is present, the socket's own member included; `Some` on presence channels.
    pub(crate) members: Option<Vec<Member>>,
    /// Where the channel stands; `Some` where there is history.
    pub(crate) position: Option<Position>,
    /// Whether `missed` is all that was missed; `Some` when a resume was asked.
    pub(crate) recovered: Option<bool>,
    /// Frames that are to be sent after the answer.
    pub(crate) missed: Vec<Bytes>,
    /// Subscriptions to the channel, this one included.
    pub(crate) count: usize,
    /// On cache channels: whether there was a last event.
    pub(crate) cached: Option<bool>,
}

/// Where a channel's history stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Of the last message.
    pub(crate) offset: u64,
    /// Which run of offsets it belongs to.
    pub(crate) epoch: String,
}

/// One socket on an application's channels. Dropping it takes it out of them.
pub(crate) struct ChannelSocket {
    app: Arc<App>,
    app_id: Arc<str>,
    id: SocketId,
    protocol: Protocol,
    mailbox: Mailbox,
    /// As whom it joined presence channels.
    members: HashMap<ChannelName, Member>,
    subscribed: Subscribed,
}

/// Counts the subscriptions of one socket among those of its dialect.
struct Subscribed {
    all: Gauge,
    own: i64,
}

impl Subscribed {
    fn change(&mut self, by: i64) {
        self.own += by;
        self.all.inc_by(by);
    }
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.all.dec_by(self.own);
    }
}

impl ChannelSocket {
    /// A socket of `application`; `origin` is the page's that opened it.
    ///
    /// # Errors
    /// [`OverQuota`].
    pub(crate) fn open(
        app: Arc<App>,
        application: &Application,
        protocol: Protocol,
        origin: Option<&str>,
    ) -> Result<Self, OverQuota> {
        let app_id: Arc<str> = application.id.as_str().into();
        let mailbox = app.hub.connect();
        let max = application.limits.connections_max.map(|max| max as usize);
        let entry = Entry::new(app_id.clone(), mailbox.bell(), protocol, origin, app.clock.now());
        let id = app.channels.sockets.add(entry, max)?;
        let label = DialectLabel { dialect: protocol.name() };
        let all = app.metrics.channels.subscriptions.get_or_create_owned(&label);
        let subscribed = Subscribed { all, own: 0 };
        Ok(Self { app, app_id, id, protocol, mailbox, members: HashMap::new(), subscribed })
    }

    /// Tells that it is there; `user` is whom its token names.
    pub(crate) async fn opened(&self, user: Option<String>) {
        if let Some(user) = &user {
            self.app.channels.sockets.name(self.id, user);
        }
        self.tell(OccurrenceKind::Connection { socket: self.name(), user }).await;
    }

    /// What it is known by, in its dialect's spelling.
    pub(crate) fn name(&self) -> String {
        self.protocol.spell(self.id)
    }

    pub(crate) fn id(&self) -> SocketId {
        self.id
    }

    /// What waits for it.
    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Its application as it is now; `None` once it was deleted.
    pub(crate) fn application(&self) -> Option<Arc<Application>> {
        self.app.applications.by_id(&self.app_id)
    }

    /// Joins a channel that it may join. Again tells what is there and changes nothing.
    ///
    /// # Errors
    /// [`Denial::Capacity`] where there are as many members as there may be.
    pub(crate) async fn join(&mut self, request: JoinRequest) -> Result<Joined, Denial> {
        let JoinRequest { channel, member, resume, channel_data } = request;
        let Past { history, is_resumable } = self.app.channels.past(&channel);
        let asked = resume.is_some();
        let wants_last = !asked && channel.is_cache();
        let replay = match resume {
            Some((offset, epoch)) if is_resumable => {
                // What is no epoch of ours matches none.
                let epoch = u64::from_str_radix(&epoch, 16).ok().filter(|_| epoch.len() == 16);
                epoch.map(|epoch| Replay::After(hub::Position { offset, epoch }))
            }
            Some(_) => None,
            None => wants_last.then_some(Replay::Last),
        };
        let max_members = self.members_max();
        let join = hub::Join {
            form: form(self.protocol),
            member: member.as_ref().map(|member| (to_hub(member), max_members)),
            history,
            replay,
            now_ms: self.app.clock.tick().as_millis(),
        };
        let topic = channel_topic(&self.app_id, &channel);
        let names = [kind::CHANNEL_OCCUPIED, kind::SUBSCRIBE, kind::PRESENCE_JOIN, kind::CACHE_MISS];
        let app = self.app.clone();
        let mut told = app.reserve(&self.app_id, &names).await;
        let socket = self.name();
        let joined = self.mailbox.join(&topic, &join, |joined| {
            let channel = || channel.clone();
            if joined.subscriptions == 1 {
                told.tell(OccurrenceKind::Occupied { channel: channel() });
            }
            told.tell(OccurrenceKind::Subscribe { socket, channel: channel(), channel_data });
            if let Some(member) = member.as_ref().filter(|_| joined.is_new_member) {
                let member = member.clone();
                told.tell(OccurrenceKind::PresenceJoin { channel: channel(), member });
            }
            let found = joined.replayed.as_ref().is_some_and(|replayed| replayed.complete);
            if wants_last && !found {
                told.tell(OccurrenceKind::CacheMiss { channel: channel() });
            }
        });
        let joined = joined.map_err(|hub::TooManyMembers| {
            Denial::Capacity(format!("At most {max_members} members can be present on a channel"))
        })?;
        if let Some(member) = member {
            self.members.insert(channel.clone(), member);
        }
        if joined.is_new {
            self.count_own(1);
            self.count_changed(&channel, joined.subscriptions);
        }
        let found = joined.replayed.unwrap_or_default();
        let is_presence = channel.kind() == ChannelKind::Presence;
        Ok(Joined {
            members: joined
                .members
                .filter(|_| is_presence)
                .map(|members| members.iter().map(from_hub).collect()),
            position: joined
                .position
                .filter(|_| is_resumable)
                .map(|position| Position { offset: position.offset, epoch: epoch(position.epoch) }),
            recovered: asked.then_some(found.complete),
            cached: wants_last.then_some(found.complete),
            missed: found.missed,
            count: joined.subscriptions,
        })
    }

    /// Leaves a channel.
    pub(crate) async fn leave(&mut self, channel: &ChannelName) {
        let names = [kind::UNSUBSCRIBE, kind::PRESENCE_LEAVE, kind::CHANNEL_VACATED];
        let app = self.app.clone();
        let told = app.reserve(&self.app_id, &names).await;
        self.leave_and_tell(channel, true, told);
    }

    /// Only a client that stays connected is said to have unsubscribed.
    fn leave_and_tell(&mut self, channel: &ChannelName, is_connected: bool, mut told: Told<'_>) {
        let socket = self.name();
        self.members.remove(channel);
        let left = self.mailbox.leave(&channel_topic(&self.app_id, channel), |left| {
            let channel = || channel.clone();
            if is_connected {
                told.tell(OccurrenceKind::Unsubscribe { socket, channel: channel() });
            }
            if let Some(member) = &left.member {
                let member = from_hub(member);
                told.tell(OccurrenceKind::PresenceLeave { channel: channel(), member });
            }
            if left.subscriptions == 0 {
                told.tell(OccurrenceKind::Vacated { channel: channel() });
            }
        });
        if let Some(left) = left {
            self.count_own(-1);
            self.count_changed(channel, left.subscriptions);
        }
    }

    /// Tells the channel's other subscribers. That it may is decided.
    pub(crate) async fn whisper(
        &self,
        channel: &ChannelName,
        event: String,
        data: Option<String>,
        user_id: Option<String>,
    ) {
        let app = self.app.clone();
        let mut told = app.reserve(&self.app_id, &[kind::CLIENT_EVENT]).await;
        // What nobody asks for is not copied.
        let is_wanted = app.occurrences.wants(&self.app_id, kind::CLIENT_EVENT);
        let whispered = is_wanted.then(|| OccurrenceKind::ClientEvent {
            socket: self.name(),
            channel: channel.clone(),
            event: event.clone(),
            data: data.clone().unwrap_or_default(),
            user_id: user_id.clone(),
        });
        self.app.metrics.channels.client_events.inc();
        let news = News::Whisper { event, data, user_id };
        let witness = || whispered.into_iter().for_each(|whispered| told.tell(whispered));
        self.app.tell_in_passing(&self.app_id, channel, news, Some(&self.mailbox.bell()), witness);
    }

    /// Its member has given no sign of life for too long.
    pub(crate) async fn expire(&self, channel: &ChannelName) {
        let app = self.app.clone();
        let mut told = app.reserve(&self.app_id, &[kind::PRESENCE_LEAVE]).await;
        self.mailbox.depart(&channel_topic(&self.app_id, channel), |member| {
            let member = from_hub(member);
            told.tell(OccurrenceKind::PresenceLeave { channel: channel.clone(), member });
        });
    }

    /// Its member has given one again.
    pub(crate) async fn revive(&self, channel: &ChannelName) {
        let Some(member) = self.members.get(channel) else { return };
        let topic = channel_topic(&self.app_id, channel);
        let app = self.app.clone();
        let mut told = app.reserve(&self.app_id, &[kind::PRESENCE_JOIN]).await;
        let arrived = self.mailbox.arrive(&topic, &to_hub(member), self.members_max(), |member| {
            let member = from_hub(member);
            told.tell(OccurrenceKind::PresenceJoin { channel: channel.clone(), member });
        });
        if arrived.is_err() {
            tracing::debug!("a member who expired has lost its place to another");
        }
    }

    /// It belongs to this user from now on.
    pub(crate) fn sign_in(&self, user_id: &str) {
        self.app.channels.sockets.sign_in(self.id, user_id);
    }

    /// Ends it: leaves every channel and tells with which code and reason it was closed.
    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        let app = self.app.clone();
        for topic in self.mailbox.topics() {
            if let Ok(channel) = ChannelName::parse(super::channel_of(&topic)) {
                let told = app.reserve(&self.app_id, &[kind::PRESENCE_LEAVE, kind::CHANNEL_VACATED]).await;
                self.leave_and_tell(&channel, false, told);
            }
        }
        let (socket, reason) = (self.name(), reason.to_owned());
        self.tell(OccurrenceKind::Disconnection { socket, code, reason }).await;
    }

    async fn tell(&self, kind: OccurrenceKind) {
        let (app, at) = (self.app_id.clone(), self.app.clock.now());
        self.app.occurrences.tell(Occurrence { app, at, kind }).await;
    }

    /// It has so many subscriptions more.
    fn count_own(&mut self, by: i64) {
        self.subscribed.change(by);
        self.app.channels.sockets.subscribed(self.id, self.subscribed.own);
    }

    fn members_max(&self) -> usize {
        let limit = self.application().and_then(|application| application.limits.members_max);
        limit.unwrap_or(self.app.channels.settings.members_max) as usize
    }

    fn count_changed(&self, channel: &ChannelName, count: usize) {
        let wants = self.application().is_some_and(|application| application.limits.subscription_counts);
        if wants && channel.kind() != ChannelKind::Presence {
            self.app.count_changed(&self.app_id, channel, count);
        }
    }
}

impl Drop for ChannelSocket {
    fn drop(&mut self) {
        self.app.channels.sockets.remove(self.id);
    }
}
