//! What the tests publish, and how they read it.

use std::{sync::Arc, task::Waker};

use bytes::Bytes;
use fanfare_hub::{
    Announcer, Distributor, Form, History, Hub, Join, Limits, Mailbox, Member, Message, Position,
    Publication, Published, Publishing, Topic,
};

pub(crate) const ROOMY: Limits = Limits { mailbox_max_messages: 1_000_000, mailbox_max_bytes: 1_000_000_000 };

/// Everything for a minute.
pub(crate) const LONG: History =
    History { max_messages: 1_000_000, max_bytes: 1_000_000_000, max_age_ms: 60_000 };

/// Says its text, its form and its place.
pub(crate) struct Said(pub(crate) String);

impl Said {
    pub(crate) fn that(text: impl Into<String>) -> Arc<dyn Publication> {
        Arc::new(Self(text.into()))
    }

    /// What a subscriber of this form is told.
    pub(crate) fn told(text: &str, form: Form, position: Option<Position>) -> Bytes {
        let offset = position.map_or(0, |position| position.offset);
        Bytes::from(format!("{text} {} {offset}", form.index()))
    }
}

impl Publication for Said {
    fn form(&self, form: Form, position: Option<Position>) -> Bytes {
        Self::told(&self.0, form, position)
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

/// Tells `+id` and `-id`.
pub(crate) struct Herald;

impl Announcer for Herald {
    fn member_added(&self, _: &Topic, member: &Member) -> Arc<dyn Publication> {
        Said::that(format!("+{}", member.id))
    }

    fn member_removed(&self, _: &Topic, member: &Member) -> Arc<dyn Publication> {
        Said::that(format!("-{}", member.id))
    }
}

pub(crate) fn hub(limits: Limits) -> Hub {
    Hub::announcing(limits, Arc::new(Herald))
}

/// One whom nobody has to wake.
pub(crate) fn distributor(min_subscriptions: usize) -> Distributor {
    Distributor { min_subscriptions, waker: Waker::noop().clone() }
}

pub(crate) fn member(id: &str) -> Member {
    Member { id: id.into(), info: Bytes::copy_from_slice(id.as_bytes()) }
}

pub(crate) fn as_member(id: &str) -> Join {
    Join { member: Some((member(id), 1_000)), ..Join::default() }
}

pub(crate) fn publish(hub: &Hub, topic: &Topic, text: &str, history: Option<History>) -> Published {
    publish_at(hub, topic, text, history, 0)
}

pub(crate) fn publish_at(
    hub: &Hub,
    topic: &Topic,
    text: &str,
    history: Option<History>,
    now_ms: u64,
) -> Published {
    let publication = Said::that(text);
    hub.publish(topic, &Publishing { publication: &publication, except: None, history, now_ms })
}

pub(crate) fn take_all(mailbox: &Mailbox) -> Vec<Arc<Message>> {
    let mut messages = Vec::new();
    mailbox.take(usize::MAX, usize::MAX, &mut messages);
    messages
}

/// What was said in these bytes.
pub(crate) fn text(bytes: &Bytes) -> String {
    let told = std::str::from_utf8(bytes).expect("a text");
    told.split(' ').next().expect("a word").to_owned()
}

/// What was said to this mailbox.
pub(crate) fn texts(mailbox: &Mailbox) -> Vec<String> {
    take_all(mailbox).iter().map(|message| text(&message.bytes)).collect()
}

/// What a client makes of the members: a list, and news that must fit to it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct View(std::collections::BTreeSet<String>);

impl View {
    pub(crate) fn of(members: &[Member]) -> Self {
        Self(members.iter().map(|member| member.id.to_string()).collect())
    }

    /// Applies a message, if it is such news.
    pub(crate) fn hear(&mut self, message: &Message) {
        let text = text(&message.bytes);
        if let Some(id) = text.strip_prefix('+') {
            assert!(self.0.insert(id.to_owned()), "{id} came twice");
        } else if let Some(id) = text.strip_prefix('-') {
            assert!(self.0.remove(id), "{id} left twice");
        }
    }
}
