//! The dialect of `/api/sessions/live`: what a socket says and hears, as a state machine without
//! I/O. Inputs are frames, answers and moments; what is to be done comes out as [`Effect`]s. Nothing
//! in here reads, writes or waits.
//!
//! How a session is followed by its positions is told in `following`.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use bytes::Bytes;
use fanfare_hub::{Message, Release, Topic};
use fanfare_model::{
    event::{Event, kind::SESSION_STARTED, session_topic},
    limits::SUBSCRIPTIONS_MAX_PER_SOCKET,
    wire::picker::{self as wire, ClientMessage},
};

use super::{
    close::Close,
    following::{Following, Heard, Next, Position, Tell},
};
use crate::{
    app::{EVERYONE, Span},
    config,
    timers::Tick,
};

/// Replayed `session.started` that are remembered, to drop the copies that everybody is sent.
const STARTED_REMEMBERED_MAX: usize = 16;

/// What the connection is to do, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Send a text frame.
    Send(Bytes),
    /// Check a token; answer with [`Dialect::verdict`].
    Verify(String),
    /// Subscribe to what every authenticated socket hears.
    HearEveryone,
    /// Hold the topic at the hub, subscribing if need be; then look up the session in the log, and
    /// answer with [`Dialect::joined`].
    Join(Join),
    /// Unsubscribe at the hub.
    Leave(Topic),
    /// Let the hub keep positions only.
    Hold(Topic),
    /// Ask the hub to go live after `sent`; answer with [`Dialect::released`].
    Release { topic: Topic, sent: u64 },
    /// Close the socket; nothing after this matters.
    Close(Close),
}

/// Effects that are still to be carried out.
pub(super) type Effects = VecDeque<Effect>;

/// A wish to follow a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Join {
    pub(super) topic: Topic,
    pub(super) session_id: i64,
    /// The last position that the client has seen, if it said so.
    pub(super) after: Option<i64>,
}

/// Which events to read from the log next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) topic: Topic,
    pub(super) session_id: i64,
    pub(super) after: u64,
}

/// One socket's state.
pub(super) struct Dialect {
    auth: Auth,
    auth_deadline: Tick,
    idle_timeout_ms: u64,
    heard_at: Tick,
    followed: HashMap<Topic, Followed>,
    /// Those with more to read from the log, in turn.
    behind: VecDeque<Topic>,
    started: Started,
}

/// Hashes of the `session.started` frames that a replay has sent.
#[derive(Default)]
struct Started(VecDeque<u64>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Auth {
    /// No `auth` yet.
    None,
    /// None that was good.
    Refused,
    Granted,
}

/// A session that the socket is subscribed to.
struct Followed {
    session_id: i64,
    following: Following,
}

impl Dialect {
    pub(super) fn new(settings: &config::Sockets, now: Tick) -> Self {
        Self {
            auth: Auth::None,
            auth_deadline: now.plus_millis(settings.auth_timeout_ms),
            idle_timeout_ms: settings.idle_timeout_ms,
            heard_at: now,
            followed: HashMap::new(),
            behind: VecDeque::new(),
            started: Started::default(),
        }
    }

    /// A whole message of the client's came, of any kind.
    pub(super) fn heard(&mut self, now: Tick) {
        self.heard_at = now;
    }

    /// When [`Dialect::wake`] is next of use. Only ever moves on.
    pub(super) fn deadline(&self) -> Tick {
        let idle = self.heard_at.plus_millis(self.idle_timeout_ms);
        if self.auth == Auth::None { idle.min(self.auth_deadline) } else { idle }
    }

    /// It is `now`.
    pub(super) fn wake(&self, now: Tick, out: &mut Effects) {
        if now >= self.heard_at.plus_millis(self.idle_timeout_ms) {
            out.push_back(Effect::Close(Close::Silent));
        } else if now >= self.deadline() {
            out.push_back(Effect::Close(Close::NoAuth));
        }
    }

    /// A text message came.
    pub(super) fn text(&mut self, text: &str, out: &mut Effects) {
        match wire::parse(text) {
            Ok(ClientMessage::Ping) => out.push_back(send(wire::pong())),
            Ok(ClientMessage::Auth { token }) => self.authenticate(token, out),
            _ if self.auth != Auth::Granted => out.push_back(send(wire::error("Not authenticated"))),
            Ok(ClientMessage::Subscribe { session_id, after }) => self.subscribe(session_id, after, out),
            Ok(ClientMessage::Unsubscribe { session_id }) => self.unsubscribe(session_id, out),
            Err(invalid) => out.push_back(send(wire::error(&invalid.to_string()))),
        }
    }

    /// A message came that is no text.
    pub(super) fn binary(&self, out: &mut Effects) {
        let complaint = match self.auth {
            Auth::Granted => "Messages must be JSON text",
            Auth::None | Auth::Refused => "Not authenticated",
        };
        out.push_back(send(wire::error(complaint)));
    }

    /// Whether the token of [`Effect::Verify`] is good. A bad one after a good one changes nothing.
    pub(super) fn verdict(&mut self, is_good: bool, out: &mut Effects) {
        if !is_good {
            self.refuse("Invalid or expired token", out);
            return;
        }
        if self.auth != Auth::Granted {
            self.auth = Auth::Granted;
            out.push_back(Effect::HearEveryone);
        }
        out.push_back(send(wire::auth_success()));
    }

    /// What the log holds of the session of [`Effect::Join`].
    pub(super) fn joined(&mut self, join: Join, span: Option<&Span>, out: &mut Effects) {
        let Join { topic, session_id, after } = join;
        self.forget(&topic);
        let Some(span) = span else {
            out.push_back(Effect::Leave(topic));
            out.push_back(send(wire::error("Session not found")));
            return;
        };
        out.push_back(send(wire::subscribed(session_id)));
        // The grammar knows no negative position.
        let after = after.map(|after| u64::try_from(after).unwrap_or(u64::MAX));
        let (following, next) =
            Following::begin(Position::Seq, span, after, |tell| self.started.tell(session_id, tell, out));
        let last = following.last();
        self.followed.insert(topic.clone(), Followed { session_id, following });
        self.go_on(topic, last, next, out);
    }

    /// What to read from the log next; answer with [`Dialect::page`]. Sessions take turns.
    pub(super) fn next_page(&self) -> Option<Page> {
        let topic = self.behind.front()?;
        let Followed { session_id, following } = self.followed.get(topic)?;
        Some(Page { topic: topic.clone(), session_id: *session_id, after: following.last() })
    }

    /// What was read. Must not be handed in when the session was left or joined again meanwhile.
    pub(super) fn page(&mut self, page: &Page, events: &[Event], out: &mut Effects) {
        let Some(Followed { session_id, following }) = self.followed.get_mut(&page.topic) else { return };
        let next = following.page(events, |tell| self.started.tell(*session_id, tell, out));
        let last = following.last();
        self.behind.retain(|topic| *topic != page.topic);
        if let Some(next) = next {
            self.go_on(page.topic.clone(), last, next, out);
        }
    }

    /// The hub's answer to [`Effect::Release`].
    pub(super) fn released(&mut self, topic: &Topic, release: Release) {
        let Some(followed) = self.followed.get_mut(topic) else { return };
        if followed.following.released(release).is_some() {
            self.behind.push_back(topic.clone());
        }
    }

    /// A message of the hub's came.
    pub(super) fn hub(&mut self, message: &Message, out: &mut Effects) {
        let Message { topic, seq, bytes } = message;
        if &**topic == EVERYONE {
            if !self.started.was_replayed(bytes) {
                out.push_back(Effect::Send(bytes.clone()));
            }
            return;
        }
        let Some(followed) = self.followed.get_mut(topic) else { return };
        match followed.following.hub(*seq) {
            Heard::Pass => out.push_back(Effect::Send(bytes.clone())),
            Heard::Ignore => {}
            Heard::Gap => {
                self.behind.push_back(topic.clone());
                out.push_back(Effect::Hold(topic.clone()));
            }
        }
    }

    /// The next step of a session that is not live yet.
    fn go_on(&mut self, topic: Topic, last: u64, next: Next, out: &mut Effects) {
        match next {
            Next::Read => self.behind.push_back(topic),
            Next::Release => out.push_back(Effect::Release { topic, sent: last }),
        }
    }

    fn authenticate(&mut self, token: Option<String>, out: &mut Effects) {
        match token {
            Some(token) => out.push_back(Effect::Verify(token)),
            None => self.refuse("Token required", out),
        }
    }

    fn refuse(&mut self, why: &str, out: &mut Effects) {
        if self.auth == Auth::None {
            self.auth = Auth::Refused;
        }
        out.push_back(send(wire::auth_error(why)));
    }

    /// Subscribing again is answered again and changes nothing, unless it says `after`: then the
    /// replay starts over from there.
    fn subscribe(&mut self, session_id: i64, after: Option<i64>, out: &mut Effects) {
        let topic: Topic = session_topic(session_id).into();
        let is_followed = self.followed.contains_key(&topic);
        if is_followed && after.is_none() {
            out.push_back(send(wire::subscribed(session_id)));
        } else if !is_followed && self.followed.len() >= SUBSCRIPTIONS_MAX_PER_SOCKET {
            let complaint =
                format!("At most {SUBSCRIPTIONS_MAX_PER_SOCKET} sessions can be subscribed to at once");
            out.push_back(send(wire::error(&complaint)));
        } else {
            out.push_back(Effect::Join(Join { topic, session_id, after }));
        }
    }

    fn unsubscribe(&mut self, session_id: i64, out: &mut Effects) {
        let topic: Topic = session_topic(session_id).into();
        if self.forget(&topic) {
            out.push_back(Effect::Leave(topic));
        }
        out.push_back(send(wire::unsubscribed(session_id)));
    }

    fn forget(&mut self, topic: &Topic) -> bool {
        self.behind.retain(|behind| behind != topic);
        self.followed.remove(topic).is_some()
    }
}

impl Started {
    /// Sends what a replay tells.
    fn tell(&mut self, session_id: i64, tell: Tell<'_>, out: &mut Effects) {
        let event = match tell {
            Tell::Event(event) => event,
            Tell::Resync(seq) => return out.push_back(resync(session_id, seq)),
        };
        let frame = Bytes::from(event.socket_frame());
        if event.kind == SESSION_STARTED {
            if self.0.len() == STARTED_REMEMBERED_MAX {
                self.0.pop_front();
            }
            self.0.push_back(hash(&frame));
        }
        out.push_back(Effect::Send(frame));
    }

    /// Whether the frame is a `session.started` that a replay has sent before everybody is told.
    fn was_replayed(&mut self, frame: &Bytes) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let hash = hash(frame);
        let place = self.0.iter().position(|started| *started == hash);
        place.and_then(|place| self.0.remove(place)).is_some()
    }
}

fn send(text: String) -> Effect {
    Effect::Send(text.into())
}

fn resync(session_id: i64, seq: u64) -> Effect {
    send(wire::resync(session_id, i64::try_from(seq).unwrap_or(i64::MAX)))
}

fn hash(frame: &Bytes) -> u64 {
    let mut hasher = DefaultHasher::new();
    frame.hash(&mut hasher);
    hasher.finish()
}
