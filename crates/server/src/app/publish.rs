//! The one place that publishes, with two doors. The publisher hears every commit in order and tells
//! the hub and the dispatcher; everything it does may be lost without loss, since the log has it all.
//! What is volatile, an event on a channel, goes to the hub at once.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use fanfare_hub::{Bell, Hub, Publication, Publishing, Topic};
use fanfare_model::{
    event::{Event, kind},
    limits,
    wire::sse,
};
use fanfare_store::{Commit, Commits, Error, Notice, events};
use tokio::sync::Notify;

use super::{ALL_EVENTS, App, EVERYONE, RoomBell, public_topic};
use crate::dispatch::Dispatcher;

/// Streams whose last published `seq` is remembered; past that all are forgotten, and each is
/// taken up again where its next event stands.
const HEADS_MAX: usize = 1_024;

/// The volatile door: puts a publication into mailboxes, and has `witness` see it under the topic's lock.
pub(super) fn volatile(hub: &Hub, topic: &Topic, publishing: &Publishing<'_>, witness: impl FnOnce()) {
    hub.publish_and(topic, publishing, |_| witness());
}

/// The same for what is no part of the topic's past.
pub(super) fn in_passing(
    hub: &Hub,
    topic: &Topic,
    publication: &Arc<dyn Publication>,
    except: Option<&Bell>,
    witness: impl FnOnce(),
) {
    hub.whisper(topic, publication, except, witness);
}

/// Publishes until the store is closed.
pub(crate) struct Publisher {
    app: App,
    dispatcher: Dispatcher,
    rooms: RoomBell,
    /// Wakes who watches the clock for polls.
    polls_changed: Arc<Notify>,
    /// The last `seq` published of each stream.
    heads: HashMap<String, i64>,
}

impl Publisher {
    pub(crate) fn new(app: App, dispatcher: Dispatcher, rooms: RoomBell, polls_changed: Arc<Notify>) -> Self {
        Self { app, dispatcher, rooms, polls_changed, heads: HashMap::new() }
    }

    pub(crate) async fn run(mut self, mut commits: Commits) {
        while let Some(Commit { events, notices }) = commits.recv().await {
            self.app.metrics.events_committed.inc_by(events.len() as u64);
            for published in &events {
                self.publish(&published.event).await;
                self.rooms.heard(&published.event);
            }
            // A delivery that was committed with a change, or after it, must be sent by it.
            for notice in notices {
                match notice {
                    Notice::WebhookChanged(id) => self.dispatcher.webhook_changed(id),
                    Notice::DeliveriesChanged(id) => self.dispatcher.deliveries_changed(id),
                    Notice::PollsChanged => self.polls_changed.notify_one(),
                    Notice::RoomsChanged => self.rooms.ring(),
                    Notice::RowsHidden => self.app.leftovers.ring(),
                    Notice::ApplicationsChanged => self.app.applications.ring(),
                    Notice::LookAgain => {
                        self.dispatcher.look_again();
                        self.polls_changed.notify_one();
                        self.rooms.ring();
                        self.app.leftovers.ring();
                        self.app.applications.ring();
                    }
                }
            }
            self.dispatcher.committed(&events);
        }
    }

    /// Tells the hub of an event, strictly by `seq` within its stream. What is missing before it
    /// was committed before it, so it is in the log.
    async fn publish(&mut self, event: &Event) {
        let Some(topic) = &event.topic else { return };
        let head = self.heads.get(topic).copied().unwrap_or(event.seq - 1);
        if event.seq <= head {
            return;
        }
        if event.seq > head + 1
            && let Err(error) = self.fill_gap(topic, head, event.seq).await
        {
            // Subscribers see the gap by its numbers and read the log themselves.
            tracing::warn!(%error, topic, "a gap could not be filled from the log");
        }
        self.deliver(topic, event);
        if self.heads.len() >= HEADS_MAX && !self.heads.contains_key(topic) {
            self.heads.clear();
        }
        self.heads.insert(topic.clone(), event.seq);
    }

    /// Publishes what stands in the log after `head` and before `until`.
    async fn fill_gap(&self, topic: &str, mut head: i64, until: i64) -> Result<(), Error> {
        while head + 1 < until {
            let (name, after) = (topic.to_owned(), head);
            let page = self
                .app
                .store
                .read(move |db| events::after(db, &name, after, limits::CATCH_UP_PAGE_EVENTS))
                .await?;
            let Some(last) = page.last().map(|event| event.seq) else { return Ok(()) };
            for event in page.iter().filter(|event| event.seq < until) {
                self.deliver(topic, event);
            }
            head = last;
        }
        Ok(())
    }

    /// Tells sockets and event streams. `session.started` and `webhook.disabled` reach every socket, and
    /// so none by their topic; a session's event streams are told of all its events alike.
    fn deliver(&self, topic: &str, event: &Event) {
        let seq = event.seq.unsigned_abs();
        let is_for_everyone = matches!(&*event.kind, kind::SESSION_STARTED | kind::WEBHOOK_DISABLED);
        let (sockets, position) = if is_for_everyone { (EVERYONE, 0) } else { (topic, seq) };
        self.tell(sockets, position, || event.socket_frame());
        self.tell(ALL_EVENTS, event.place.unsigned_abs(), || {
            sse::message(&event.public_id, &event.socket_frame())
        });
        self.tell(&public_topic(topic), seq, || sse::message(event.seq, &event.public_frame()));
        if let Some(session_id) = event.session_id() {
            self.app.tell_session_channel(session_id, event);
        }
    }

    /// Makes the message once for all who hear it, and not at all for nobody: whoever subscribes
    /// after that look finds the event in the log, where it was before.
    fn tell(&self, topic: &str, position: u64, message: impl FnOnce() -> String) {
        if self.app.hub.is_heard(topic) {
            self.app.hub.deliver(topic, position, &Bytes::from(message()));
        }
    }
}
