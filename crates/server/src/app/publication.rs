//! What is told on a channel, in the words of each wire protocol: made once for all who hear it.

use std::{str, sync::Arc};

use bytes::Bytes;
use fanfare_hub::{self as hub, Form, Position, Topic};
use fanfare_model::{
    channel::Member,
    wire::{broadcasting, frame, pusher},
};

/// The form of sockets that speak the Pusher protocol.
pub(crate) const PUSHER: Form = Form::new(0);
/// The form of sockets that speak ts-broadcasting's.
pub(crate) const BROADCASTING: Form = Form::new(1);

/// Something that the subscribers of a channel are told.
pub(crate) struct Publication {
    /// The hub's topic, which ends with the channel's name.
    topic: Topic,
    news: News,
    /// Whether subscribers are told where in the channel's history it stands.
    shows_position: bool,
}

/// What is told.
pub(crate) enum News {
    /// An event: its name and the text of its data.
    Event { event: Arc<str>, data: Arc<str> },
    /// What a client told the others; who it was, on a presence channel.
    Whisper { event: String, data: Option<String>, user_id: Option<String> },
    /// Somebody is present.
    Added(Member),
    /// Somebody is present no longer.
    Removed(Member),
    /// How many subscriptions there are; told to Pusher's clients only.
    Count(usize),
}

impl Publication {
    pub(crate) fn shared(topic: Topic, news: News, shows_position: bool) -> Arc<dyn hub::Publication> {
        Arc::new(Self { topic, news, shows_position })
    }

    fn pusher(&self, channel: &str) -> String {
        match &self.news {
            News::Event { event, data } => pusher::event(channel, event, Some(data), None),
            News::Whisper { event, data, user_id } => {
                pusher::event(channel, event, data.as_deref(), user_id.as_deref())
            }
            News::Added(member) => pusher::member_added(channel, member),
            News::Removed(member) => pusher::member_removed(channel, member),
            News::Count(count) => pusher::subscription_count(channel, *count),
        }
    }

    fn broadcasting(&self, channel: &str, position: Option<Position>) -> Option<String> {
        match &self.news {
            News::Whisper { event, data, user_id: _ } => {
                Some(broadcasting::event(channel, event, data.as_deref(), None))
            }
            News::Event { event, data } => {
                let epoch = position.map(|position| epoch(position.epoch));
                let position = position.zip(epoch.as_deref()).map(|(at, epoch)| (at.offset, epoch));
                Some(broadcasting::event(channel, event, Some(data), position))
            }
            News::Added(member) => Some(broadcasting::member_added(channel, member)),
            News::Removed(member) => Some(broadcasting::member_removed(channel, member)),
            News::Count(_) => None,
        }
    }
}

/// An epoch of the hub's as clients are told it.
pub(super) fn epoch(number: u64) -> String {
    format!("{number:016x}")
}

impl hub::Publication for Publication {
    /// A whole WebSocket frame, or nothing for those who are not told of such news.
    fn form(&self, form: Form, position: Option<Position>) -> Bytes {
        let channel = self.topic.split_once('/').map_or(&*self.topic, |(_, channel)| channel);
        let text = if form == PUSHER {
            Some(self.pusher(channel))
        } else {
            self.broadcasting(channel, position.filter(|_| self.shows_position))
        };
        text.map(|text| frame::text(&text).into()).unwrap_or_default()
    }

    fn size(&self) -> usize {
        match &self.news {
            News::Event { event, data } => self.topic.len() + event.len() + data.len(),
            // No part of any history.
            News::Whisper { .. } | News::Added(_) | News::Removed(_) | News::Count(_) => 0,
        }
    }
}

/// Tells the others on a presence channel who comes and who leaves.
pub(crate) struct Announcer;

impl hub::Announcer for Announcer {
    fn member_added(&self, topic: &Topic, member: &hub::Member) -> Arc<dyn hub::Publication> {
        Publication::shared(topic.clone(), News::Added(from_hub(member)), false)
    }

    fn member_removed(&self, topic: &Topic, member: &hub::Member) -> Arc<dyn hub::Publication> {
        Publication::shared(topic.clone(), News::Removed(from_hub(member)), false)
    }
}

/// A member as the hub keeps it: no info is an empty one.
pub(super) fn to_hub(member: &Member) -> hub::Member {
    let info = member.info.as_ref().map(|info| Bytes::copy_from_slice(info.as_bytes()));
    hub::Member { id: member.id.as_str().into(), info: info.unwrap_or_default() }
}

/// The other way round.
pub(super) fn from_hub(member: &hub::Member) -> Member {
    let info = str::from_utf8(&member.info).ok().filter(|info| !info.is_empty());
    Member { id: member.id.to_string(), info: info.map(str::to_owned) }
}
