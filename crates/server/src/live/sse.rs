//! Event streams: what a session's followers and the host's tools read as server-sent events. One
//! reader is one body of an answer, and lives and ends with it; its connection's task runs it. All events are
//! followed as those of a session are, by their places instead of their seqs.
//!
//! A reader that is too slow loses its mailbox, and then its stream: it comes back and resumes. So
//! it does when the log cannot be read. Which requests become streams is not known here.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use bytes::Bytes;
use fanfare_hub::{Hub, Mailbox, Start, Topic};
use fanfare_model::{
    event::session_topic,
    wire::{picker, sse},
};
use futures_util::{Stream, stream};

use super::{
    Sessions,
    following::{Following, Heard, Next, Position, Tell},
};
use crate::{
    app::{ALL_EVENTS, App, Error, Span, public_topic},
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

/// Every event, of every session and of none, after what `last_event_id` names, a place or an event, or
/// from now on. Ends as [`session_stream`] does.
///
/// # Errors
/// The database's.
pub(crate) async fn all_stream(
    app: App,
    last_event_id: Option<&str>,
) -> Result<impl Stream<Item = Chunk> + use<>, Error> {
    Ok(Reader::of_all(app.into(), last_event_id).await?.into_stream())
}

/// A piece of the answer's body.
type Chunk = Result<Bytes, Infallible>;

struct Reader<S> {
    around: Surroundings<S>,
    mailbox: Mailbox,
    source: Source,
    following: Following,
    /// `None` while it is live.
    next: Option<Next>,
    /// What to send before anything else is looked at.
    outbox: VecDeque<Bytes>,
}

/// What is followed.
#[derive(Clone, Copy)]
enum Source {
    Session(i64),
    All,
}

impl<S: Sessions> Reader<S> {
    async fn of_session(
        around: Surroundings<S>,
        session_id: i64,
        after: Option<u64>,
    ) -> Result<Option<Self>, Error> {
        let source = Source::Session(session_id);
        let mailbox = source.subscribed(&around.hub);
        let Some(span) = around.sessions.span(session_id).await? else { return Ok(None) };
        Ok(Some(Self::new(around, mailbox, source, &span, after)))
    }

    async fn of_all(around: Surroundings<S>, last_event_id: Option<&str>) -> Result<Self, Error> {
        let mailbox = Source::All.subscribed(&around.hub);
        let after = match last_event_id.map(|id| (id, sse::last_event_id(id))) {
            None => None,
            Some((_, Some(place))) => Some(place),
            // What is not there lies beyond every end.
            Some((id, None)) => Some(around.sessions.place(id).await?.unwrap_or(u64::MAX)),
        };
        let span = around.sessions.span_of_all().await?;
        Ok(Self::new(around, mailbox, Source::All, &span, after))
    }

    fn new(
        around: Surroundings<S>,
        mailbox: Mailbox,
        source: Source,
        span: &Span,
        after: Option<u64>,
    ) -> Self {
        let mut outbox = VecDeque::new();
        let (following, next) =
            Following::begin(source.position(), span, after, |tell| outbox.push_back(source.told(tell)));
        outbox.push_front(Bytes::from(sse::position(following.last())));
        around.metrics.streams.inc();
        Self { around, mailbox, source, following, next: Some(next), outbox }
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
            if let Some(next) = self.next.take() {
                self.next = self.catch_up(next).await?;
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

    /// Makes one step towards the live stream, and says the next; `None` when the stream must end.
    async fn catch_up(&mut self, next: Next) -> Option<Option<Next>> {
        let after = self.following.last();
        if next == Next::Release {
            return Some(self.following.released(self.mailbox.release(&self.source.topic(), after)));
        }
        let page = async {
            match self.source {
                Source::Session(id) => self.around.sessions.events(id, after).await,
                Source::All => self.around.sessions.events_of_all(after).await,
            }
        };
        let page = tokio::select! {
            biased;
            () = self.around.tasks.stopping() => return None,
            page = page => page,
        };
        let page = page.inspect_err(complain).ok()?;
        let source = self.source;
        Some(self.following.page(&page, |tell| self.outbox.push_back(source.told(tell))))
    }

    /// Moves a batch from the mailbox to the outbox.
    fn collect(&mut self) {
        let mut messages = Vec::new();
        self.mailbox.take(BATCH_MAX_MESSAGES, BATCH_MAX_BYTES, &mut messages);
        for message in messages {
            match self.following.hub(message.seq) {
                Heard::Pass => self.outbox.push_back(message.bytes.clone()),
                Heard::Ignore => {}
                Heard::Gap => {
                    self.mailbox.hold(&self.source.topic());
                    self.next = Some(Next::Read);
                }
            }
        }
    }
}

impl Source {
    /// First the hub, then the log: what is committed between the two is noted by the hub.
    fn subscribed(self, hub: &Hub) -> Mailbox {
        let mailbox = hub.connect();
        mailbox.subscribe(&self.topic(), Start::CatchingUp);
        mailbox
    }

    fn topic(self) -> Topic {
        match self {
            Self::Session(id) => public_topic(&session_topic(id)).into(),
            Self::All => ALL_EVENTS.into(),
        }
    }

    fn position(self) -> Position {
        match self {
            Self::Session(_) => Position::Seq,
            Self::All => Position::Place,
        }
    }

    /// The bytes that the publisher would send for the same. What cannot be told has a position as its id, so
    /// that the client resumes behind it.
    fn told(self, tell: Tell<'_>) -> Bytes {
        Bytes::from(match (self, tell) {
            (Self::Session(_), Tell::Event(event)) => sse::message(event.seq, &event.public_frame()),
            (Self::All, Tell::Event(event)) => sse::message(&event.public_id, &event.socket_frame()),
            (Self::Session(id), Tell::Resync(seq)) => {
                sse::message(seq, &picker::resync(id, i64::try_from(seq).unwrap_or(i64::MAX)))
            }
            (Self::All, Tell::Resync(place)) => sse::message(place, &picker::resync_all()),
        })
    }
}

fn complain(error: &Error) {
    tracing::warn!(?error, "what an event stream missed could not be read");
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
