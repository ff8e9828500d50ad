//! The dialect of ts-broadcasting, `/ws`: what a socket says and hears, as a state machine without I/O.

mod batch;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use fanfare_model::{
    Timestamp,
    channel::{ChannelKind, ChannelName, Member, SocketId},
    wire::broadcasting::{self as wire, ClientMessage, ErrorKind, Invalid, Refused, Subscribe},
};

use self::batch::Running;
use super::{
    close,
    effect::{
        Ask, Denial, Dialect, Effect, Effects, End, Grant, Join, Joined, Refusal, Resume, Settings, User,
        Whisper,
    },
    idle::{Idle, Silence},
    rate::{Admission, Allowance},
    whisper,
};
use crate::timers::Tick;

/// One socket's state.
pub(super) struct Broadcasting {
    socket: SocketId,
    settings: Settings,
    idle: Idle,
    messages: Allowance,
    client_events: Allowance,
    /// A moment, and what time of day it was.
    start: (Tick, Timestamp),
    joined: HashMap<ChannelName, Membership>,
    batch: Option<Running>,
    /// Batches so far, which is the mark of the last one.
    batches: u64,
}

/// A channel that the socket is subscribed to.
struct Membership {
    /// As whom; `Some` on presence channels.
    member: Option<Member>,
    /// The last heartbeat.
    alive_at: Tick,
    /// Whether the others were told that it left.
    is_expired: bool,
}

impl Broadcasting {
    /// `wall` is the time of day at `now`.
    pub(super) fn new(socket: SocketId, settings: Settings, now: Tick, wall: Timestamp) -> Self {
        Self {
            socket,
            idle: Idle::new(&settings, now),
            messages: Allowance::new(settings.messages_per_second, now),
            client_events: Allowance::new(settings.client_events_per_second, now),
            settings,
            start: (now, wall),
            joined: HashMap::new(),
            batch: None,
            batches: 0,
        }
    }

    /// There are as many connections as there may be.
    pub(super) fn over_capacity() -> Refusal {
        let message = wire::error(ErrorKind::CapacityError, "Too many connections", None);
        let (code, _) = close::of_broadcasting(End::TooSlow);
        Refusal { message, code, reason: "too many connections: reconnect later" }
    }

    /// Whether the socket may say something now; says so if not.
    fn admits(&self, admission: Admission, now: Tick, out: &mut Effects) -> bool {
        match admission {
            Admission::Admitted => return true,
            Admission::Refused(wait) => {
                let (start, wall) = self.start;
                let free_at = now.since(start).saturating_add(wait).as_millis();
                // Rounded up: that early would be too early.
                let free_at = i64::try_from(free_at).unwrap_or(i64::MAX).saturating_add(1);
                let retry_after = wall.plus_millis(free_at).as_millis();
                let text = wire::error(ErrorKind::RateLimitExceeded, "Too many messages", Some(retry_after));
                out.push_back(Effect::Send(text));
            }
            Admission::Flooding => self.end(End::Flooding, out),
        }
        false
    }

    fn admits_message(&mut self, now: Tick, out: &mut Effects) -> bool {
        let admission = self.messages.admit(now);
        self.admits(admission, now, out)
    }

    fn end(&self, why: End, out: &mut Effects) {
        let (code, reason) = self.close(why);
        out.push_back(Effect::Close { code, reason });
    }

    fn said(&mut self, message: ClientMessage, now: Tick, out: &mut Effects) {
        match message {
            ClientMessage::Subscribe(subscribe) => self.subscribe(subscribe, out),
            ClientMessage::Unsubscribe { channel } => {
                if let Some(channel) = named(&channel, out) {
                    self.leave(&channel, out);
                }
            }
            ClientMessage::Batch(batch) => {
                self.batches += 1;
                self.batch = Some(Running::new(self.batches, batch));
                self.go_on(out);
            }
            ClientMessage::ClientEvent { event, channel, data } => {
                let admission = self.client_events.admit(now);
                if self.admits(admission, now, out)
                    && let Some(channel) = named(&channel, out)
                {
                    self.whisper(channel, event, data, out);
                }
            }
            ClientMessage::Ping => out.push_back(Effect::Send(wire::pong())),
            ClientMessage::Heartbeat { channel: None } => {
                for (channel, membership) in &mut self.joined {
                    membership.beat(channel, now, out);
                }
            }
            ClientMessage::Heartbeat { channel: Some(channel) } => {
                let Some(channel) = named(&channel, out) else { return };
                match self.joined.get_mut(&channel) {
                    Some(membership) => membership.beat(&channel, now, out),
                    None => complain("Not subscribed to this channel", out),
                }
            }
        }
    }

    fn subscribe(&mut self, subscribe: Subscribe, out: &mut Effects) {
        let Subscribe { channel, channel_data, auth, resume } = subscribe;
        let Some(channel) = named(&channel, out) else { return };
        let resume = resume.map(|wire::Resume { offset, epoch }| Resume { offset, epoch });
        let ask = Ask { channel, auth, channel_data, resume, batch: None };
        match self.request(ask) {
            Ok(effect) => out.push_back(effect),
            Err((channel, denial)) => out.push_back(denied(&channel, &denial)),
        }
    }

    /// What is to be done about a wish to subscribe. Who is subscribed already is answered again: what
    /// there is to tell may have changed.
    fn request(&self, ask: Ask) -> Result<Effect, (ChannelName, Denial)> {
        let joined = self.joined.get(&ask.channel);
        if joined.is_none() && self.joined.len() >= self.settings.channels_max {
            let why = format!("At most {} channels a connection", self.settings.channels_max);
            Err((ask.channel, Denial::Capacity(why)))
        } else if joined.is_none() && ask.channel.kind() != ChannelKind::Public {
            Ok(Effect::Authorise(ask))
        } else {
            let Ask { channel, channel_data, resume, batch, .. } = ask;
            let member = joined.and_then(|membership| membership.member.clone());
            let again = joined.is_some();
            Ok(Effect::Join(Join { channel, member, resume, batch, channel_data, again }))
        }
    }

    /// Leaves the channel, if the socket is in it.
    fn leave(&mut self, channel: &ChannelName, out: &mut Effects) {
        if self.joined.remove(channel).is_some() {
            out.push_back(Effect::Leave(channel.clone()));
        }
    }

    fn whisper(&self, channel: ChannelName, event: String, data: Option<String>, out: &mut Effects) {
        let membership = self.joined.get(&channel);
        match whisper::check(&channel, self.settings.client_events, membership.is_some()) {
            Ok(()) => {
                let user_id =
                    membership.and_then(|found| found.member.as_ref()).map(|member| member.id.clone());
                out.push_back(Effect::Whisper(Whisper { channel, event, data, user_id }));
            }
            Err(why) => {
                out.push_back(Effect::Send(wire::error(ErrorKind::NotSupported, &why.to_string(), None)));
            }
        }
    }

    /// When the next member expires, of those who have not.
    fn expiry(&self) -> Option<Tick> {
        let timeout_ms = self.settings.presence_timeout_ms;
        let alive = self.joined.values().filter(|membership| membership.can_expire());
        let last = alive.map(|membership| membership.alive_at).min().filter(|_| timeout_ms > 0);
        last.map(|alive_at| alive_at.plus_millis(timeout_ms))
    }
}

impl Dialect for Broadcasting {
    fn opened(&mut self, out: &mut Effects) {
        let timeout_s = self.settings.activity_timeout_ms.div_ceil(1_000);
        out.push_back(Effect::Send(wire::connection_established(&self.socket.uuid(), timeout_s)));
    }

    fn text(&mut self, text: &str, now: Tick, out: &mut Effects) {
        if !self.admits_message(now, out) {
            return;
        }
        let wire::Frame { ack, said } = wire::parse(text);
        // An acknowledgement says that the message came; that it is refused is told after that.
        if let Some(message_id) = ack {
            out.push_back(Effect::Send(wire::ack(&message_id)));
        }
        match said {
            Ok(message) => self.said(message, now, out),
            Err(invalid) => {
                let kind = match invalid {
                    Invalid::BatchTooLarge => ErrorKind::BatchError,
                    _ => ErrorKind::ValidationError,
                };
                out.push_back(Effect::Send(wire::error(kind, &invalid.to_string(), None)));
            }
        }
    }

    fn binary(&mut self, _: &[u8], out: &mut Effects) {
        if self.admits_message(self.idle.heard_at(), out) {
            out.push_back(Effect::Send(wire::error(ErrorKind::NotSupported, "Messages must be text", None)));
        }
    }

    fn too_large(&mut self, out: &mut Effects) {
        if self.admits_message(self.idle.heard_at(), out) {
            out.push_back(Effect::Send(wire::error(
                ErrorKind::PayloadTooLarge,
                "Message is too large",
                None,
            )));
        }
    }

    fn authorised(&mut self, ask: Ask, verdict: Result<Grant, Denial>, out: &mut Effects) {
        let Ask { channel, channel_data, resume, batch, .. } = ask;
        let is_presence = channel.kind() == ChannelKind::Presence;
        let verdict = match verdict {
            Ok(Grant { member: None }) if is_presence => {
                Err(Denial::Unauthorized("nobody has no presence".into()))
            }
            Ok(Grant { member }) => Ok(member.filter(|_| is_presence)),
            Err(denial) => Err(denial),
        };
        match verdict {
            Ok(member) => {
                let join = Join { channel, member, resume, batch, channel_data, again: false };
                out.push_back(Effect::Join(join));
            }
            Err(denial) => self.answer_denied(&channel, batch, &denial, out),
        }
    }

    fn joined(&mut self, join: &Join, joined: Result<&Joined, Denial>, out: &mut Effects) {
        let joined = match joined {
            Ok(joined) => joined,
            Err(denial) => return self.answer_denied(&join.channel, join.batch, &denial, out),
        };
        if !join.again {
            let alive_at = self.idle.heard_at();
            let membership = Membership { member: join.member.clone(), alive_at, is_expired: false };
            self.joined.insert(join.channel.clone(), membership);
        }
        if let Some(batch) = self.batch.as_mut().filter(|batch| batch.is(join.batch)) {
            batch.succeeded(&join.channel, joined.members.clone());
            return self.go_on(out);
        }
        let position = joined.position.as_ref().map(|position| (position.offset, &*position.epoch));
        let text = wire::subscription_succeeded(
            &join.channel,
            joined.members.as_deref(),
            position,
            joined.recovered,
        );
        out.push_back(Effect::Send(text));
    }

    /// Nobody signs in here.
    fn signed_in(&mut self, _: Result<User, String>, _: &mut Effects) {}

    fn heard(&mut self, now: Tick) {
        self.idle.heard(now);
    }

    fn deadline(&self) -> Tick {
        let idle = self.idle.deadline();
        self.expiry().map_or(idle, |expiry| expiry.min(idle))
    }

    fn wake(&mut self, now: Tick, out: &mut Effects) {
        match self.idle.wake(now) {
            // Its SDK answers no ping that is a message, but every client answers one of the protocol's.
            Some(Silence::Ping) => out.push_back(Effect::Ping),
            Some(Silence::Close) => return self.end(End::Silent, out),
            None => {}
        }
        if self.expiry().is_none_or(|expiry| now < expiry) {
            return;
        }
        let timeout_ms = self.settings.presence_timeout_ms;
        for (channel, membership) in &mut self.joined {
            if membership.can_expire() && now >= membership.alive_at.plus_millis(timeout_ms) {
                membership.is_expired = true;
                out.push_back(Effect::Expire(channel.clone()));
            }
        }
    }

    fn close(&self, why: End) -> (u16, &'static str) {
        close::of_broadcasting(why)
    }
}

impl Membership {
    fn can_expire(&self) -> bool {
        self.member.is_some() && !self.is_expired
    }

    /// A heartbeat came.
    fn beat(&mut self, channel: &ChannelName, now: Tick, out: &mut Effects) {
        self.alive_at = now;
        if std::mem::take(&mut self.is_expired) {
            out.push_back(Effect::Revive(channel.clone()));
        }
    }
}

/// The channel of that name; says so if there can be none.
fn named(channel: &str, out: &mut Effects) -> Option<ChannelName> {
    ChannelName::parse(channel).map_err(|invalid| complain(&invalid.to_string(), out)).ok()
}

fn complain(why: &str, out: &mut Effects) {
    out.push_back(Effect::Send(wire::error(ErrorKind::ValidationError, why, None)));
}

fn denied(channel: &ChannelName, denial: &Denial) -> Effect {
    Effect::Send(match denial {
        // Clients compare these words; what was wrong is nothing that they could do something about.
        Denial::Unauthorized(_) => wire::subscription_error(channel, Refused::Auth, "Unauthorized"),
        Denial::Capacity(why) => wire::subscription_error(channel, Refused::Capacity, why),
        Denial::Failed(why) => wire::subscription_error(channel, Refused::Server, why),
    })
}
