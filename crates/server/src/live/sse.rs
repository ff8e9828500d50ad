//! Event streams: what a session's followers and the host's tools read as server-sent events. One
//! reader is one body of an answer, and lives and ends with it; its connection's task runs it.
//!
//! A reader that is too slow loses its mailbox, and then its stream: it comes back and resumes. So
//! it does when the log cannot be read. Which requests become streams is not known here.

use std::{
    collections::{HashSet, VecDeque},
    convert::Infallible,
    sync::Arc,
};

use bytes::Bytes;
use fanfare_hub::{Hub, Mailbox, Start, Topic};
use fanfare_model::{
    event::{Event, session_topic},
    limits::CATCH_UP_PAGE_EVENTS,
    wire::{picker, sse},
};
use futures_util::{Stream, stream};

use super::{
    Sessions,
    following::{Following, Heard, Next, Tell},
};
use crate::{
    app::{ALL_EVENTS, App, Error, public_topic},
    metrics::Metrics,
    shutdown::Tasks,
    timers::Clock,
};

/// How long a stream is silent before a comment keeps it open.
const COMMENT_AFTER_MS: u64 = 15_000;
/// Messages that are taken out of the mailbox at a time.
const BATCH_MAX_MESSAGES: usize = 64;
/// Bytes that are taken out of the mailbox at a time, after the first message (64 KiB).
const BATCH_MAX_BYTES: usize = 64 << 10;

/// What a stream has around it.
#[derive(Clone)]
pub(super) struct Surroundings<S> {
    pub(super) sessions: S,
    pub(super) hub: Hub,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tasks: Tasks,
}

impl From<App> for Surroundings<App> {
    fn from(app: App) -> Self {
        Self {
            hub: app.hub.clone(),
            clock: app.clock.clone(),
            metrics: app.metrics.clone(),
            tasks: app.tasks.clone(),
            sessions: app,
        }
    }
}

/// A session's events for the public, after the one at `after` or from now on; `None` for an unknown
/// session. Ends when the server stops, the reader is too slow or the log cannot be read.
///
/// # Errors
/// The database's.
pub(crate) async fn session_stream(
    app: App,
    session_id: i64,
    after: Option<u64>,
) -> Result<Option<impl Stream<Item = Chunk>>, Error> {
    Ok(Reader::of_session(app.into(), session_id, after).await?.map(Reader::into_stream))
}

/// Every event, of every session and of none, after the one of this id or from now on. Ends as
/// [`session_stream`] does.
///
/// # Errors
/// The database's.
pub(crate) async fn all_stream(
    app: App,
    last_event_id: Option<String>,
) -> Result<impl Stream<Item = Chunk>, Error> {
    Ok(Reader::of_all(app.into(), last_event_id).await?.into_stream())
}

/// A piece of the answer's body.
type Chunk = Result<Bytes, Infallible>;

struct Reader<S> {
    around: Surroundings<S>,
    mailbox: Mailbox,
    source: Source,
    /// What to send before anything else is looked at.
    outbox: VecDeque<Bytes>,
}

/// What is read.
enum Source {
    /// A session, which is followed by its positions.
    Session(Followed),
    /// All events, as they come.
    All(Missed),
}

struct Followed {
    session_id: i64,
    topic: Topic,
    following: Following,
    /// `None` while it is live.
    next: Option<Next>,
}

/// What a reader of all events missed, and reads from the log while the hub fills its mailbox.
#[derive(Default)]
struct Missed {
    /// The place that it came back with, and the row of the last event read; `None` once it has all.
    from: Option<(i64, i64)>,
    /// The rows that were read: the hub may tell of the last of them, too.
    told: HashSet<u64>,
}

impl<S: Sessions> Reader<S> {
    /// First the hub, then the log: what is committed between the two is noted by the hub.
    async fn of_session(
        around: Surroundings<S>,
        session_id: i64,
        after: Option<u64>,
    ) -> Result<Option<Self>, Error> {
        let mailbox = around.hub.connect();
        let topic: Topic = public_topic(&session_topic(session_id)).into();
        mailbox.subscribe(&topic, Start::CatchingUp);
        let Some(span) = around.sessions.span(session_id).await? else { return Ok(None) };
        let mut outbox = VecDeque::new();
        let (following, next) =
            Following::begin(&span, after, |tell| outbox.push_back(told(session_id, tell)));
        outbox.push_front(Bytes::from(sse::position(following.last())));
        let source = Source::Session(Followed { session_id, topic, following, next: Some(next) });
        Ok(Some(Self::new(around, mailbox, source, outbox)))
    }

    /// First the hub, then the log or what was told last: the mailbox has what is told in between.
    async fn of_all(around: Surroundings<S>, last_event_id: Option<String>) -> Result<Self, Error> {
        let mailbox = around.hub.connect();
        mailbox.subscribe(&ALL_EVENTS.into(), Start::Live);
        let mut missed = Missed::default();
        let mut outbox = VecDeque::new();
        let place = match last_event_id.clone() {
            Some(id) => around.sessions.place(id).await?,
            None => None,
        };
        if let (Some(place), Some(id)) = (place, &last_event_id) {
            missed.from = Some((place, 0));
            outbox.push_back(sse::position(id));
        } else {
            let last_told = around.sessions.last_told();
            outbox.push_back(sse::position(&last_told));
            if last_event_id.is_some() {
                outbox.push_back(sse::message(last_told, &picker::resync_all()));
            }
        }
        let outbox = outbox.into_iter().map(Bytes::from).collect();
        Ok(Self::new(around, mailbox, Source::All(missed), outbox))
    }

    fn new(around: Surroundings<S>, mailbox: Mailbox, source: Source, outbox: VecDeque<Bytes>) -> Self {
        around.metrics.streams.inc();
        Self { around, mailbox, source, outbox }
    }

    fn into_stream(self) -> impl Stream<Item = Chunk> {
        stream::unfold(self, |mut reader| async move {
            let chunk = reader.chunk().await?;
            Some((Ok(chunk), reader))
        })
    }

    /// The next piece to send; `None` ends the stream.
    async fn chunk(&mut self) -> Option<Bytes> {
        loop {
            if self.around.tasks.is_stopping() || self.mailbox.overflowed() {
                return None;
            }
            if let Some(chunk) = self.outbox.pop_front() {
                return Some(chunk);
            }
            let tasks = self.around.tasks.clone();
            let is_behind = tokio::select! {
                biased;
                () = tasks.stopping() => return None,
                is_behind = self.catch_up() => is_behind.inspect_err(complain).ok()?,
            };
            if is_behind {
                continue;
            }
            tokio::select! {
                biased;
                () = self.around.tasks.stopping() => return None,
                () = self.mailbox.ready() => self.collect(),
                () = async { self.around.clock.sleep_ms(COMMENT_AFTER_MS).await } => {
                    return Some(Bytes::from_static(sse::COMMENT.as_bytes()));
                }
            }
        }
    }

    /// Makes one step towards the live stream; false when nothing is missing.
    async fn catch_up(&mut self) -> Result<bool, Error> {
        match &mut self.source {
            Source::Session(followed) => {
                let Some(next) = followed.next.take() else { return Ok(false) };
                let Followed { session_id, topic, following, next: after_that } = followed;
                *after_that = match next {
                    Next::Release => following.released(self.mailbox.release(topic, following.last())),
                    Next::Read => {
                        let page = self.around.sessions.events(*session_id, following.last()).await?;
                        following.page(&page, |tell| self.outbox.push_back(told(*session_id, tell)))
                    }
                };
            }
            Source::All(missed) => {
                let Some((since, after)) = missed.from else { return Ok(false) };
                let page = self.around.sessions.missed(since, after).await?;
                missed.from =
                    page.last().filter(|_| page.len() == CATCH_UP_PAGE_EVENTS).map(|last| (since, last.id));
                missed.told.extend(page.iter().map(|event| event.id.unsigned_abs()));
                self.outbox.extend(page.iter().map(told_to_all));
            }
        }
        Ok(true)
    }

    /// Moves a batch from the mailbox to the outbox.
    fn collect(&mut self) {
        let mut messages = Vec::new();
        self.mailbox.take(BATCH_MAX_MESSAGES, BATCH_MAX_BYTES, &mut messages);
        for message in messages {
            let bytes = message.bytes.clone();
            match &mut self.source {
                Source::All(missed) => {
                    if !missed.told.remove(&message.seq) {
                        self.outbox.push_back(bytes);
                    }
                }
                Source::Session(followed) => match followed.following.hub(message.seq) {
                    Heard::Pass => self.outbox.push_back(bytes),
                    Heard::Ignore => {}
                    Heard::Gap => {
                        self.mailbox.hold(&followed.topic);
                        followed.next = Some(Next::Read);
                    }
                },
            }
        }
    }
}

fn complain(error: &Error) {
    tracing::warn!(?error, "what an event stream missed could not be read");
}

fn told_to_all(event: &Event) -> Bytes {
    Bytes::from(sse::message(&event.public_id, &event.socket_frame()))
}

/// The bytes that the publisher would send for the same.
fn told(session_id: i64, tell: Tell<'_>) -> Bytes {
    Bytes::from(match tell {
        Tell::Event(event) => sse::message(event.seq, &event.public_frame()),
        // With an id, so that the client resumes behind what it cannot get.
        Tell::Resync(seq) => {
            sse::message(seq, &picker::resync(session_id, i64::try_from(seq).unwrap_or(i64::MAX)))
        }
    })
}

/// However a stream ends: nobody asks it for more while its connection takes nothing.
impl<S> Drop for Reader<S> {
    fn drop(&mut self) {
        let metrics = &self.around.metrics;
        metrics.streams.dec();
        if self.mailbox.overflowed() {
            metrics.streams_too_slow.inc();
        }
    }
}

#[cfg(test)]
mod tests;
