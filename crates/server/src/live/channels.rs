//! One channel socket's task: frames in, the dialect's effects carried out, frames out. What a frame
//! means is the dialect's business, what happens on a channel the use cases'.
//!
//! The task sleeps on two things alone, its mailbox and its socket: what else may happen to it, a
//! deadline or the end of the server, rings at the mailbox. Messages do not wake it as long as a writer can
//! write them (see `outlet.rs`). Nothing is read from the client while something to it is stuck, or while it
//! is being authorised.

#[cfg(test)]
mod tests;

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use fanfare_hub::{Bell, Mail};
use fanfare_model::wire::frame;
use futures_util::{Sink, SinkExt, Stream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio_websockets::{
    CloseCode, Config, Error as SocketError, Limits, Message as Frame, ServerBuilder, WebSocketStream,
    proto::ProtocolError,
};

use super::{
    effect::{Ask, Dialect, Effect, Effects, End, Join, User, Whisper},
    outbox::{WRITE_MAX_BYTES, WRITE_MAX_FRAMES},
    outlet::{Desk, Outlet},
};
use crate::{
    app::channels::{ChannelSocket, JoinRequest, signal},
    auth::{Denial, Grant},
    metrics::Metrics,
    timers::{Alarms, Clock, Tick},
};

/// How much longer than allowed a message may be and still be read, so that the client is told what is wrong
/// with it and goes on (64 KiB).
const OVERSIZE_READ_BYTES: usize = 64 << 10;
/// How long the client has to take something of what is stuck.
const STALL_MAX_MS: u64 = 30_000;
/// How long the client has to take what is on its way and to answer the close.
const CLOSE_GRACE_MS: u64 = 10_000;
/// The same when the server shuts down, which has a deadline of its own.
const STOP_GRACE_MS: u64 = 3_000;

/// What a socket has around it.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) clock: Clock,
    pub(super) alarms: Alarms<Bell>,
    pub(super) metrics: Arc<Metrics>,
    /// The largest message that a client may send.
    pub(super) message_max_bytes: usize,
}

/// Who decides on subscriptions and sign-ins of one socket.
pub(super) trait Authorise: Send {
    /// Whether it may subscribe; asked again for each channel.
    fn authorise(&self, ask: &Ask) -> impl Future<Output = Result<Grant, Denial>> + Send + 'static;
    /// Who the user is.
    fn sign_in(&self, auth: &str, user_data: &str) -> Result<User, String>;
    /// The user is known from now on.
    fn signed_in(&mut self, user_id: &str);
}

/// It is gone without a word.
const GONE: u16 = 1006;

type Verdict = Pin<Box<dyn Future<Output = (Ask, Result<Grant, Denial>)> + Send>>;

/// How a socket ends.
enum Ending {
    /// The dialect wants it so.
    Close(u16, &'static str),
    /// The connection has come to its end.
    End(End),
    /// The client closed or broke the protocol (which the library answers), or it is just gone.
    Theirs {
        /// As it stood in its close, or what RFC 6455, section 7.4.1, reserves for the case.
        code: u16,
        reason: String,
    },
}

impl Ending {
    fn gone() -> Self {
        Self::Theirs { code: GONE, reason: String::new() }
    }
}

/// What woke the task.
enum Input {
    Frame(Option<Result<Frame, SocketError>>),
    Verdict(Ask, Result<Grant, Denial>),
    Signals(u8),
}

struct Driver<D, A, T> {
    io: WebSocketStream<T>,
    dialect: D,
    auth: A,
    socket: ChannelSocket,
    around: Around,
    effects: Effects,
    outlet: Arc<Outlet>,
    verdict: Option<Verdict>,
    /// When the next alarm rings.
    alarm_at: Tick,
    /// Since when the client takes nothing.
    stalled_since: Option<Tick>,
    _counted: Counted,
}

/// Speaks a dialect on an upgraded connection until either side ends it. What a socket needs for as long as
/// it is open is in one place, so that the future that is returned is a small one.
pub(super) fn run<D, A, T>(
    io: T,
    outlet: Arc<Outlet>,
    dialect: D,
    auth: A,
    socket: ChannelSocket,
    around: Around,
) -> impl Future<Output = ()> + Send + use<D, A, T>
where
    D: Dialect,
    A: Authorise,
    T: AsyncRead + AsyncWrite + Unpin + Send,
{
    around.metrics.sockets.inc();
    let driver = Box::new(Driver {
        // Also when the task is dropped in its midst.
        _counted: Counted(around.metrics.clone()),
        io: serve(io, around.message_max_bytes + OVERSIZE_READ_BYTES),
        alarm_at: dialect.deadline(),
        dialect,
        auth,
        socket,
        effects: Effects::new(),
        outlet,
        verdict: None,
        stalled_since: None,
        around,
    });
    driver.run()
}

/// The server's side of a WebSocket whose handshake is done.
pub(super) fn serve<T: AsyncRead + AsyncWrite + Unpin>(io: T, max_bytes: usize) -> WebSocketStream<T> {
    ServerBuilder::new()
        .limits(Limits::default().max_payload_len(Some(max_bytes)))
        .config(Config::default().flush_threshold(usize::MAX))
        .serve(io)
}

struct Counted(Arc<Metrics>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.sockets.dec();
    }
}

impl<D, A, T> Driver<D, A, T>
where
    D: Dialect,
    A: Authorise,
    T: AsyncRead + AsyncWrite + Unpin + Send,
{
    async fn run(mut self: Box<Self>) {
        self.around.alarms.set(self.alarm_at, self.socket.mailbox().bell());
        self.dialect.opened(&mut self.effects);
        let ending = loop {
            if let Err(ending) = self.turn().await {
                break ending;
            }
        };
        // Not a part of what every socket takes up for as long as it is open.
        Box::pin(self.finish(ending)).await;
    }

    async fn turn(&mut self) -> Result<(), Ending> {
        self.carry_out().await?;
        match poll_fn(|cx| self.poll(cx)).await? {
            Input::Frame(frame) => self.frame(frame),
            Input::Verdict(ask, verdict) => {
                self.dialect.authorised(ask, verdict, &mut self.effects);
                Ok(())
            }
            Input::Signals(signals) => self.signalled(signals),
        }
    }

    /// Writes what there is to write, then waits for something else to do. Mail and frames take turns.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Input, Ending>> {
        let outlet = self.outlet.clone();
        let waker = outlet.waker(cx);
        let mail_cx = &Context::from_waker(&waker);
        let mut desk = outlet.take_over(cx);
        match std::mem::take(&mut desk.signals) {
            0 => {}
            signals => return Poll::Ready(Ok(Input::Signals(signals))),
        }
        loop {
            if self.poll_write(&mut desk, cx)?.is_pending() {
                let mail = self.poll_mail(&mut desk, mail_cx, 0)?;
                return mail.map(|mail| Ok(Input::Signals(mail.signals)));
            }
            let mail = self.poll_mail(&mut desk, mail_cx, WRITE_MAX_FRAMES)?;
            if desk.outbox.has_frames() && self.poll_write(&mut desk, cx)?.is_pending() {
                continue;
            }
            let is_drained = match mail {
                Poll::Ready(Mail { signals: 0, drained, .. }) => drained,
                Poll::Ready(Mail { signals, .. }) => return Poll::Ready(Ok(Input::Signals(signals))),
                Poll::Pending => true,
            };
            let input = match &mut self.verdict {
                Some(verdict) => verdict.as_mut().poll(cx).map(|(ask, verdict)| Input::Verdict(ask, verdict)),
                None => Pin::new(&mut self.io).poll_next(cx).map(Input::Frame),
            };
            if let Poll::Ready(input) = input {
                self.verdict = None;
                return Poll::Ready(Ok(input));
            }
            // The library may have begun to answer a ping, into which nobody may write.
            if is_drained && self.poll_write(&mut desk, cx)?.is_ready() {
                outlet.leave(&mut desk);
                return Poll::Pending;
            }
        }
    }

    /// Moves a batch from the mailbox to the outbox.
    fn poll_mail(&self, desk: &mut Desk, cx: &Context<'_>, max_frames: usize) -> Result<Poll<Mail>, Ending> {
        match self.socket.mailbox().poll(cx, max_frames, WRITE_MAX_BYTES, &mut desk.outbox) {
            Poll::Ready(Mail { overflowed: true, .. }) => Err(Ending::End(End::TooSlow)),
            polled => Ok(polled),
        }
    }

    /// Writes what the library has to say and then the outbox, neither into a frame of the other's.
    fn poll_write(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Result<Poll<()>, Ending> {
        match self.poll_write_all(desk, cx) {
            Poll::Ready(Ok(())) => {
                self.stalled_since = None;
                Ok(Poll::Ready(()))
            }
            Poll::Ready(Err(_)) => Err(Ending::gone()),
            Poll::Pending => {
                if self.stalled_since.is_none() {
                    let now = self.around.clock.tick();
                    self.stalled_since = Some(now);
                    self.wake_by(now.plus_millis(STALL_MAX_MS));
                }
                Ok(Poll::Pending)
            }
        }
    }

    fn poll_write_all(&mut self, desk: &mut Desk, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        if desk.outbox.is_within_frame() {
            ready!(desk.outbox.poll_write(self.io.get_mut(), cx))?;
        }
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        ready!(desk.outbox.poll_write(self.io.get_mut(), cx))?;
        Poll::Ready(Ok(()))
    }

    fn frame(&mut self, frame: Option<Result<Frame, SocketError>>) -> Result<(), Ending> {
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(SocketError::PayloadTooLong { .. })) => return Err(Ending::End(End::TooLarge)),
            Some(Err(SocketError::Protocol(error))) => {
                let code = match error {
                    ProtocolError::InvalidUtf8 => CloseCode::INVALID_FRAME_PAYLOAD_DATA,
                    _ => CloseCode::PROTOCOL_ERROR,
                };
                return Err(Ending::Theirs { code: code.into(), reason: String::new() });
            }
            Some(Err(_)) | None => return Err(Ending::gone()),
        };
        if let Some((code, reason)) = frame.as_close() {
            return Err(Ending::Theirs { code: code.into(), reason: reason.to_owned() });
        }
        let now = self.around.clock.tick();
        self.dialect.heard(now);
        if frame.as_payload().len() > self.around.message_max_bytes {
            self.dialect.too_large(&mut self.effects);
        } else if frame.is_text() {
            // The library's own check misses a character that is cut off by an empty last fragment.
            let text = str::from_utf8(frame.as_payload()).map_err(|_| Ending::End(End::NotText))?;
            self.dialect.text(text, now, &mut self.effects);
        } else if frame.is_binary() {
            self.dialect.binary(frame.as_payload(), &mut self.effects);
        }
        Ok(())
    }

    fn signalled(&mut self, signals: u8) -> Result<(), Ending> {
        for (signal, end) in [
            (signal::STOPPING, End::Stopping),
            (signal::APP_GONE, End::AppGone),
            (signal::TERMINATED, End::Terminated),
            (signal::CLOSED, End::Closed),
        ] {
            if signals & signal != 0 {
                return Err(Ending::End(end));
            }
        }
        if signals & signal::ALARM != 0 {
            let now = self.around.clock.tick();
            if self.stalled_since.is_some_and(|since| now >= since.plus_millis(STALL_MAX_MS)) {
                return Err(Ending::End(End::TooSlow));
            }
            self.dialect.wake(now, &mut self.effects);
            // An early alarm finds nothing to do; the next one is set for what is to come.
            if now >= self.alarm_at {
                self.alarm_at = Tick::MAX;
            }
        }
        Ok(())
    }

    async fn carry_out(&mut self) -> Result<(), Ending> {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Send(text) => self.outlet.desk().outbox.push(frame::text(&text).into()),
                Effect::Ping => self.ping()?,
                Effect::Authorise(ask) => {
                    let verdict = self.auth.authorise(&ask);
                    self.verdict = Some(Box::pin(async move { (ask, verdict.await) }));
                }
                Effect::SignIn { auth, user_data } => {
                    let verdict = self.auth.sign_in(&auth, &user_data);
                    self.dialect.signed_in(verdict, &mut self.effects);
                }
                Effect::SignedIn { user_id } => {
                    self.auth.signed_in(&user_id);
                    self.socket.sign_in(&user_id);
                }
                Effect::Close { code, reason } => return Err(Ending::Close(code, reason)),
                Effect::Join(_)
                | Effect::Leave(_)
                | Effect::Whisper(_)
                | Effect::Expire(_)
                | Effect::Revive(_) => Box::pin(self.act(effect)).await,
            }
        }
        self.effects.shrink_to(0);
        let stalled = self.stalled_since.map_or(Tick::MAX, |since| since.plus_millis(STALL_MAX_MS));
        self.wake_by(stalled.min(self.dialect.deadline()));
        Ok(())
    }

    /// What happens on a channel, and may have to wait until webhooks can be told of it.
    async fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Join(join) => self.join(&join).await,
            Effect::Leave(channel) => self.socket.leave(&channel).await,
            Effect::Whisper(Whisper { channel, event, data, user_id }) => {
                self.socket.whisper(&channel, event, data, user_id).await;
            }
            Effect::Expire(channel) => self.socket.expire(&channel).await,
            Effect::Revive(channel) => self.socket.revive(&channel).await,
            _ => unreachable!("the caller has the others"),
        }
    }

    /// Asks the library to send a ping; it goes out with what is written next.
    fn ping(&mut self) -> Result<(), Ending> {
        Pin::new(&mut self.io).start_send(Frame::ping("")).map_err(|_| Ending::gone())
    }

    /// What was missed follows the answer.
    async fn join(&mut self, join: &Join) {
        let request = JoinRequest {
            channel: join.channel.clone(),
            member: join.member.clone(),
            resume: join.resume.as_ref().map(|resume| (resume.offset, resume.epoch.clone())),
            channel_data: join.channel_data.clone(),
        };
        let joined = self.socket.join(request).await;
        let later = std::mem::take(&mut self.effects);
        let answer = joined.as_ref().map_err(Clone::clone);
        self.dialect.joined(join, answer, &mut self.effects);
        while let Some(Effect::Send(text)) = self.effects.front() {
            self.outlet.desk().outbox.push(frame::text(text).into());
            self.effects.pop_front();
        }
        if let Ok(joined) = joined {
            let outbox = &mut self.outlet.desk().outbox;
            joined.missed.into_iter().for_each(|frame| outbox.push(frame));
        }
        self.effects.extend(later);
    }

    /// Makes sure that an alarm rings by then; one that was set for later rings as well.
    fn wake_by(&mut self, at: Tick) {
        if at < self.alarm_at {
            self.alarm_at = at;
            self.around.alarms.set(at, self.socket.mailbox().bell());
        }
    }

    /// Tells the client, behind what cannot be taken back, and waits for its answer; then waits for it to
    /// hang up, since closing with unread input would destroy what it has not read yet.
    async fn finish(mut self: Box<Self>, ending: Ending) {
        let Self { io, dialect, socket, around, outlet, .. } = &mut *self;
        // No writer comes to a desk that the task has taken over.
        let outbox = &mut std::mem::take(&mut outlet.desk().outbox);
        if matches!(ending, Ending::End(End::TooSlow)) {
            around.metrics.sockets_too_slow.inc();
        }
        let grace_ms =
            if matches!(ending, Ending::End(End::Stopping)) { STOP_GRACE_MS } else { CLOSE_GRACE_MS };
        let said = match ending {
            Ending::Close(code, reason) => Some((code, reason)),
            Ending::End(end) => Some(dialect.close(end)),
            Ending::Theirs { .. } => None,
        };
        let (code, reason) = match &ending {
            Ending::Theirs { code, reason } => (*code, reason.as_str()),
            _ => said.unwrap_or((GONE, "")),
        };
        // Whoever is too slow has lost what waited; what others are told before they go is theirs.
        if !matches!(ending, Ending::Close(..)) {
            outbox.cut();
        }
        socket.close(code, reason).await;
        let goodbye = async {
            // Neither is written into a frame of the other's.
            if !outbox.is_within_frame() && io.flush().await.is_err()
                || poll_fn(|cx| outbox.poll_write(io.get_mut(), cx)).await.is_err()
            {
                return;
            }
            if let Some((code, reason)) = said
                && let Ok(code) = CloseCode::try_from(code)
            {
                // Refused when the library has queued one of its own.
                let _ = io.feed(Frame::close(Some(code), reason)).await;
            }
            if io.close().await.is_ok() {
                let mut ignored = vec![0; 4 << 10];
                while io.get_mut().read(&mut ignored).await.is_ok_and(|bytes| bytes > 0) {}
            }
        };
        around.clock.timeout(grace_ms, goodbye).await.ok();
    }
}
