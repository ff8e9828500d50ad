//! Topics, subscriptions and mailboxes: fan-out of opaque bytes inside one process.
//!
//! A [`Hub`] knows topics by name. Each connection has one [`Mailbox`], puts it on topics and takes
//! messages out of it. Telling a topic never waits: a mailbox that is full overflows, once and for good,
//! and its reader is expected to disconnect and to come back.
//!
//! Not in here: protocols, I/O, a database, time. The bytes are never looked at, and where the time
//! matters the caller says it.
//!
//! # Topics with a log elsewhere
//!
//! Their messages carry positions that somebody else counts; [`Hub::deliver`] tells them. A subscription
//! may start by *catching up*: its reader is busy reading what it missed in the log, and the mailbox
//! keeps the highest position it was told of rather than the messages. [`Mailbox::release`] ends that,
//! unless there is more to read.
//!
//! ```
//! use bytes::Bytes;
//! use fanfare_hub::{Hub, Limits, Release, Start, Topic};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let hub = Hub::new(Limits { mailbox_max_messages: 100, mailbox_max_bytes: 10_000 });
//! let topic: Topic = "kitchen".into();
//!
//! // First the subscription, then the past: nothing can fall between the two.
//! let mailbox = hub.connect();
//! mailbox.subscribe(&topic, Start::CatchingUp);
//! hub.deliver("kitchen", 1, &Bytes::from_static(b"soup"));
//! assert_eq!(mailbox.release("kitchen", 0), Release::Behind(1));
//! // Here the reader would read message 1 from its log, and then:
//! assert_eq!(mailbox.release("kitchen", 1), Release::Live);
//!
//! hub.deliver("kitchen", 2, &Bytes::from_static(b"bread"));
//! mailbox.ready().await;
//! let mut messages = Vec::new();
//! mailbox.take(64, 65_536, &mut messages);
//! assert_eq!((messages[0].seq, &messages[0].bytes[..]), (2, &b"bread"[..]));
//!
//! drop(mailbox);
//! assert_eq!(hub.topics(), 0);
//! # }
//! ```
//!
//! # Channels
//!
//! On these the hub counts itself. [`Mailbox::join`] says who is there and what was missed, and
//! everything later comes through the mailbox: publications, each in the [`Form`] of its reader, and
//! what the hub's [`Announcer`] makes of members who come and leave. Whoever was away says the
//! [`Position`] that it has reached, and is told the rest, or that it cannot be told.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use fanfare_hub::{
//!     Announcer, Form, History, Hub, Join, Limits, Mailbox, Member, Position, Publication, Publishing,
//!     Replay, Topic,
//! };
//!
//! const PLAIN: Form = Form::new(0);
//! const LOUD: Form = Form::new(1);
//!
//! struct Said(String);
//!
//! impl Publication for Said {
//!     fn form(&self, form: Form, _: Option<Position>) -> Bytes {
//!         if form == LOUD { self.0.to_uppercase().into() } else { self.0.clone().into() }
//!     }
//!     fn size(&self) -> usize {
//!         self.0.len()
//!     }
//! }
//!
//! struct Doorman;
//!
//! impl Announcer for Doorman {
//!     fn member_added(&self, _: &Topic, member: &Member) -> Arc<dyn Publication> {
//!         Arc::new(Said(format!("{} came", member.id)))
//!     }
//!     fn member_removed(&self, _: &Topic, member: &Member) -> Arc<dyn Publication> {
//!         Arc::new(Said(format!("{} left", member.id)))
//!     }
//! }
//!
//! let limits = Limits { mailbox_max_messages: 100, mailbox_max_bytes: 10_000 };
//! let hub = Hub::announcing(limits, Arc::new(Doorman));
//! let topic: Topic = "kitchen".into();
//! let history = Some(History { max_messages: 100, max_bytes: 100_000, max_age_ms: 60_000 });
//! let wish = |id: &str, form, replay| {
//!     let member = Member { id: id.into(), info: Bytes::new() };
//!     Join { form, member: Some((member, 100)), history, replay, now_ms: 0 }
//! };
//! let say = |text: &str| {
//!     let publication: Arc<dyn Publication> = Arc::new(Said(text.to_owned()));
//!     hub.publish(&topic, &Publishing { publication: &publication, except: None, history, now_ms: 0 })
//! };
//! let heard = |mailbox: &Mailbox| {
//!     let mut messages = Vec::new();
//!     mailbox.take(64, 65_536, &mut messages);
//!     messages.iter().map(|message| message.bytes.clone()).collect::<Vec<_>>()
//! };
//!
//! let ann = hub.connect();
//! ann.join(&topic, &wish("ann", PLAIN, None), |_| ())?;
//! let bob = hub.connect();
//! let joined = bob.join(&topic, &wish("bob", LOUD, None), |_| ())?;
//! assert_eq!(joined.members.map(|members| members.len()), Some(2));
//! let reached = say("soup").position.expect("there is a history");
//! assert_eq!(heard(&bob), ["SOUP"]);
//!
//! // While bob is away something is said, and the past has it.
//! drop(bob);
//! say("bread");
//! let bob = hub.connect();
//! let joined = bob.join(&topic, &wish("bob", LOUD, Some(Replay::After(reached))), |_| ())?;
//! let replayed = joined.replayed.expect("it was asked for");
//! assert!(replayed.complete);
//! assert_eq!(replayed.missed, ["BREAD"]);
//! assert_eq!(heard(&ann), ["bob came", "soup", "bob left", "bread", "bob came"]);
//!
//! // What is too old is forgotten, and so is the topic when nobody is on it.
//! drop((ann, bob));
//! hub.sweep(60_001);
//! assert_eq!(hub.topics(), 0);
//! # Ok::<(), fanfare_hub::TooManyMembers>(())
//! ```

//!
//! # Topics with many subscribers
//!
//! [`Hub::set_distributor`] makes publishing on them cheap: a publication is put down once, and the distributor
//! hands it out, together with what was published after it.
//!
//! ```
//! use std::task::Waker;
//!
//! use bytes::Bytes;
//! # use std::sync::Arc;
//! # use fanfare_hub::{Form, Position, Publication, Publishing};
//! use fanfare_hub::{Distributor, Hub, Join, Limits, Mailbox, Topic};
//! # struct Said(&'static str);
//! # impl Publication for Said {
//! #     fn form(&self, _: Form, _: Option<Position>) -> Bytes { self.0.into() }
//! #     fn size(&self) -> usize { self.0.len() }
//! # }
//!
//! let hub = Hub::new(Limits { mailbox_max_messages: 100, mailbox_max_bytes: 10_000 });
//! hub.set_distributor(Some(Distributor { min_subscriptions: 3, waker: Waker::noop().clone() }));
//! let topic: Topic = "kitchen".into();
//! let crowd: Vec<Mailbox> = (0..3).map(|_| hub.connect()).collect();
//! for mailbox in &crowd {
//!     mailbox.join(&topic, &Join::default(), |_| ())?;
//! }
//! for text in ["soup", "bread"] {
//!     let publication: Arc<dyn Publication> = Arc::new(Said(text));
//!     let publishing = Publishing { publication: &publication, except: None, history: None, now_ms: 0 };
//!     hub.publish(&topic, &publishing);
//! }
//! let heard = |mailbox: &Mailbox| {
//!     let mut messages = Vec::new();
//!     mailbox.take(64, 65_536, &mut messages);
//!     messages.len()
//! };
//! assert_eq!(crowd.iter().map(heard).sum::<usize>(), 0);
//! assert!(hub.hand_out(2), "one has not got it yet");
//! assert!(!hub.hand_out(2));
//! assert!(crowd.iter().all(|mailbox| heard(mailbox) == 2));
//! # Ok::<(), fanfare_hub::TooManyMembers>(())
//! ```

mod backlog;
mod history;
mod hub;
mod inbox;
#[cfg(test)]
mod inbox_tests;
mod mailbox;
mod memory;
mod message;
mod presence;
mod slots;
mod sync;
mod topic;
mod topics;

pub use crate::{
    backlog::Distributor,
    history::{History, Replay, Replayed},
    hub::{Figures, Hub, Publishing},
    inbox::{Bell, Mail},
    mailbox::{Mailbox, Reader, Release},
    message::{Form, Limits, Message, Position, Publication, Topic},
    presence::{Member, TooManyMembers},
    topic::{Announcer, Join, Joined, Left, Published, Start},
};
