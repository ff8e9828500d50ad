//! One socket's task: frames in, effects carried out, frames out. What a frame means is the
//! dialect's business.
//!
//! Nothing is read from the client while something to it is stuck, so a client can make the server
//! hold no more than one batch of answers, one page of the log and one mailbox.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, pin::Pin, sync::Arc};

use bytes::Bytes;
use fanfare_hub::{Hub, Mailbox, Start};
use fanfare_model::{event::Event, limits::SOCKET_FRAME_MAX_BYTES};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio_websockets::{
    Config, Error as SocketError, Limits, Message as Frame, ServerBuilder, WebSocketStream,
};

use super::{
    Live, Sessions,
    close::Close,
    picker::{Dialect, Effect, Effects, Join, Page},
};
use crate::{
    app::{App, EVERYONE, Error},
    config,
    metrics::Metrics,
    shutdown::Tasks,
    timers::{Clock, Sleep},
};

/// Messages that are written before the client is listened to again.
const WRITE_BATCH_MAX_MESSAGES: usize = 64;
/// Bytes that are written before the client is listened to again, after the first message (64 KiB).
const WRITE_BATCH_MAX_BYTES: usize = 64 << 10;
/// How long the client has to take a batch.
const WRITE_TIMEOUT_MS: u64 = 30_000;
/// How long the client has to take what is on its way and to answer the close.
const CLOSE_GRACE_MS: u64 = 10_000;
/// The same when the server shuts down, which has a deadline of its own.
const STOP_GRACE_MS: u64 = 3_000;
/// Queue slots that a connection keeps; what a replay needed beyond them is given back.
const KEPT_SLOTS: usize = 8;

/// What a connection has around it.
#[derive(Clone)]
pub(super) struct Surroundings<S> {
    pub(super) sessions: S,
    pub(super) hub: Hub,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tasks: Tasks,
    pub(super) settings: config::Sockets,
}

impl From<Live> for Surroundings<App> {
    fn from(Live { app, tasks, settings, .. }: Live) -> Self {
        Self {
            hub: app.hub.clone(),
            clock: app.clock.clone(),
            metrics: app.metrics.clone(),
            sessions: app,
            tasks,
            settings,
        }
    }
}

/// Speaks the dialect of `/api/sessions/live` on an upgraded connection until either side ends it.
pub(super) async fn run<S, T>(io: T, surroundings: Surroundings<S>)
where
    S: Sessions,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let _counted = Counted::new(surroundings.metrics.clone());
    let mut connection = Connection::new(io, surroundings);
    let end = loop {
        if let Err(end) = connection.turn().await {
            break end;
        }
    };
    connection.finish(end).await;
}

/// Counts an open socket until it is dropped, however that comes about.
struct Counted(Arc<Metrics>);

impl Counted {
    fn new(metrics: Arc<Metrics>) -> Self {
        metrics.sockets.inc();
        Self(metrics)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sockets.dec();
    }
}

/// Why a connection ends.
enum End {
    /// The server wants it so.
    Close(Close),
    /// The client closed or broke the protocol (which the library answers), or it is just gone.
    Theirs,
}

type Events = Result<Vec<Event>, Error>;

/// A page on its way from the log.
struct Reading {
    page: Page,
    events: Pin<Box<dyn Future<Output = Events> + Send>>,
}

/// What woke the connection.
enum Input {
    Frame(Option<Result<Frame, SocketError>>),
    Page(Page, Events),
    Alarm,
    /// There is more to write.
    More,
    /// There is something in the mailbox, or it has overflowed.
    Mail,
}

struct Connection<S, T> {
    socket: WebSocketStream<T>,
    sessions: S,
    mailbox: Mailbox,
    clock: Clock,
    metrics: Arc<Metrics>,
    dialect: Dialect,
    effects: Effects,
    /// Text frames to be written.
    outbox: VecDeque<Bytes>,
    reading: Option<Reading>,
    /// Set for some deadline of the dialect's, perhaps one that has moved on since.
    alarm: Sleep,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<S, T> Connection<S, T>
where
    S: Sessions,
    T: AsyncRead + AsyncWrite + Unpin,
{
    fn new(io: T, surroundings: Surroundings<S>) -> Self {
        let Surroundings { sessions, hub, clock, metrics, tasks, settings } = surroundings;
        let dialect = Dialect::new(&settings, clock.tick());
        Self {
            // The batches are counted here, so the library is not to flush in the midst of one.
            socket: ServerBuilder::new()
                .limits(Limits::default().max_payload_len(Some(SOCKET_FRAME_MAX_BYTES)))
                .config(Config::default().flush_threshold(usize::MAX))
                .serve(io),
            sessions,
            mailbox: hub.connect(),
            metrics,
            effects: Effects::new(),
            outbox: VecDeque::new(),
            reading: None,
            alarm: clock.sleep_until(dialect.deadline()),
            stopping: Box::pin(async move { tasks.stopping().await }),
            dialect,
            clock,
        }
    }

    async fn turn(&mut self) -> Result<(), End> {
        self.collect().await?;
        self.write().await?;
        match self.input().await? {
            Input::Frame(frame) => self.frame(frame)?,
            Input::Page(page, events) => self.dialect.page(&page, &readable(events)?, &mut self.effects),
            Input::Alarm => {
                self.dialect.wake(self.clock.tick(), &mut self.effects);
                self.alarm = self.clock.sleep_until(self.dialect.deadline());
            }
            Input::More | Input::Mail => {}
        }
        self.carry_out().await
    }

    /// Moves a batch from the mailbox to the outbox, when everything before it is written.
    async fn collect(&mut self) -> Result<(), End> {
        if self.mailbox.overflowed() {
            return Err(End::Close(Close::TooSlow));
        }
        if self.outbox.is_empty() {
            let mut messages = Vec::new();
            self.mailbox.take(WRITE_BATCH_MAX_MESSAGES, WRITE_BATCH_MAX_BYTES, &mut messages);
            for message in messages {
                self.dialect.hub(&message, &mut self.effects);
                self.carry_out().await?;
            }
        }
        Ok(())
    }

    /// Writes a batch of the outbox, and what the library has to say, with one flush.
    async fn write(&mut self) -> Result<(), End> {
        let mut bytes = 0;
        for written in 0..WRITE_BATCH_MAX_MESSAGES {
            let Some(next) = self.outbox.pop_front() else { break };
            bytes += next.len();
            if written > 0 && bytes > WRITE_BATCH_MAX_BYTES {
                self.outbox.push_front(next);
                break;
            }
            self.socket.feed(Frame::text(next)).await.map_err(|_| End::Theirs)?;
        }
        give_back(&mut self.outbox);
        tokio::select! {
            biased;
            flushed = self.socket.flush() => flushed.map_err(|_| End::Theirs),
            () = self.mailbox.overflow() => Err(End::Close(Close::TooSlow)),
            () = &mut self.stopping => Err(End::Close(Close::Stopping)),
            // Not made, and no timer taken, unless the flush has to wait.
            () = async { self.clock.sleep_ms(WRITE_TIMEOUT_MS).await } => Err(End::Close(Close::TooSlow)),
        }
    }

    /// Waits for something to do. A page comes before frames, since writing it lets frames in again.
    async fn input(&mut self) -> Result<Input, End> {
        let is_writing = !self.outbox.is_empty();
        if !is_writing && self.reading.is_none() {
            self.reading = self.dialect.next_page().map(|page| self.read(page));
        }
        let input = tokio::select! {
            biased;
            () = &mut self.stopping => return Err(End::Close(Close::Stopping)),
            events = finished(&mut self.reading), if !is_writing => Input::Page(events.0, events.1),
            frame = self.socket.next() => Input::Frame(frame),
            () = async {}, if is_writing => Input::More,
            () = self.mailbox.ready() => Input::Mail,
            () = &mut self.alarm => Input::Alarm,
        };
        Ok(input)
    }

    fn read(&self, page: Page) -> Reading {
        let (sessions, session_id, after) = (self.sessions.clone(), page.session_id, page.after);
        Reading { page, events: Box::pin(async move { sessions.events(session_id, after).await }) }
    }

    fn frame(&mut self, frame: Option<Result<Frame, SocketError>>) -> Result<(), End> {
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(SocketError::PayloadTooLong { .. })) => return Err(End::Close(Close::TooLarge)),
            Some(Err(_)) | None => return Err(End::Theirs),
        };
        if frame.is_close() {
            return Err(End::Theirs);
        }
        self.dialect.heard(self.clock.tick());
        if frame.is_text() {
            // The library's own check misses a character that is cut off by an empty last fragment.
            let text = str::from_utf8(frame.as_payload()).map_err(|_| End::Close(Close::NotText))?;
            self.dialect.text(text, &mut self.effects);
        } else if frame.is_binary() {
            self.dialect.binary(&mut self.effects);
        }
        Ok(())
    }

    async fn carry_out(&mut self) -> Result<(), End> {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Send(text) => self.outbox.push_back(text),
                Effect::Verify(token) => {
                    let is_good = self.sessions.is_admin_token(&token);
                    self.dialect.verdict(is_good, &mut self.effects);
                }
                Effect::HearEveryone => {
                    self.mailbox.subscribe(&EVERYONE.into(), Start::Live);
                }
                Effect::Join(join) => self.join(join).await?,
                Effect::Leave(topic) => {
                    self.stop_reading(&topic);
                    self.mailbox.unsubscribe(&topic);
                }
                Effect::Hold(topic) => self.mailbox.hold(&topic),
                Effect::Release { topic, sent } => {
                    let release = self.mailbox.release(&topic, sent);
                    self.dialect.released(&topic, release);
                }
                Effect::Close(close) => return Err(End::Close(close)),
            }
        }
        give_back(&mut self.effects);
        Ok(())
    }

    /// First the hub, then the log: what is committed between the two is noted by the hub.
    async fn join(&mut self, join: Join) -> Result<(), End> {
        self.stop_reading(&join.topic);
        if !self.mailbox.subscribe(&join.topic, Start::CatchingUp) {
            self.mailbox.hold(&join.topic);
        }
        let span = tokio::select! {
            biased;
            () = &mut self.stopping => return Err(End::Close(Close::Stopping)),
            span = self.sessions.span(join.session_id) => readable(span)?,
        };
        self.dialect.joined(join, span.as_ref(), &mut self.effects);
        Ok(())
    }

    /// A page that was asked for before the session was left or joined again says nothing any more.
    fn stop_reading(&mut self, topic: &str) {
        self.reading.take_if(|reading| &*reading.page.topic == topic);
    }

    /// Tells the client, behind what is already on its way, and waits for its answer; then waits for
    /// it to hang up, since closing with unread input would destroy what it has not read yet.
    async fn finish(self, end: End) {
        let Self { mut socket, mailbox, clock, metrics, stopping, .. } = self;
        drop(mailbox);
        if let End::Close(close) = end {
            if close == Close::TooSlow {
                metrics.sockets_too_slow.inc();
            }
            // Refused when the library has queued one of its own.
            let _ = socket.feed(Frame::close(Some(close.code()), close.reason())).await;
        }
        let goodbye = async {
            if socket.close().await.is_ok() {
                let mut ignored = vec![0; 4 << 10];
                while socket.get_mut().read(&mut ignored).await.is_ok_and(|bytes| bytes > 0) {}
            }
        };
        let stopped = async {
            // It must not be asked again once it has been answered.
            if !matches!(end, End::Close(Close::Stopping)) {
                stopping.await;
            }
            clock.sleep_ms(STOP_GRACE_MS).await;
        };
        tokio::select! {
            () = goodbye => {}
            () = stopped => {}
            () = async { clock.sleep_ms(CLOSE_GRACE_MS).await } => {}
        }
    }
}

/// The events of the page that is being read, or never.
async fn finished(reading: &mut Option<Reading>) -> (Page, Events) {
    let Some(Reading { events, .. }) = reading else { return std::future::pending().await };
    let events = events.await;
    let page = reading.take().expect("it was there").page;
    (page, events)
}

/// A database that fails is no reason to lose an event: the client comes back and resumes.
fn readable<T>(answer: Result<T, Error>) -> Result<T, End> {
    answer.map_err(|error| {
        tracing::warn!(?error, "a socket's session could not be read");
        End::Close(Close::Unavailable)
    })
}

fn give_back<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() && queue.capacity() > KEPT_SLOTS {
        queue.shrink_to(KEPT_SLOTS);
    }
}
