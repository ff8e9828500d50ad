//! The dialect of Pusher Channels, `/app/{key}`: what a socket says and hears, as a state machine without
//! I/O.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use fanfare_model::{
    channel::{ChannelKind, ChannelName, Member, SocketId},
    wire::pusher::{self as wire, ClientMessage, ErrorCode, Refused, Subscribe},
};

use super::{
    close,
    effect::{
        Ask, Denial, Dialect, Effect, Effects, End, Grant, Join, Joined, Refusal, Settings, User, Whisper,
    },
    idle::{Idle, Silence},
    rate::{Admission, Allowance},
    whisper,
};
use crate::timers::Tick;

/// One socket's state.
pub(super) struct Pusher {
    socket: SocketId,
    settings: Settings,
    idle: Idle,
    messages: Allowance,
    client_events: Allowance,
    /// The channels that it is subscribed to; as whom, on presence channels.
    joined: HashMap<ChannelName, Option<Member>>,
    /// Who has signed in.
    user_id: Option<String>,
}

impl Pusher {
    pub(super) fn new(socket: SocketId, settings: Settings, now: Tick) -> Self {
        Self {
            socket,
            idle: Idle::new(&settings, now),
            messages: Allowance::new(settings.messages_per_second, now),
            client_events: Allowance::new(settings.client_events_per_second, now),
            settings,
            joined: HashMap::new(),
            user_id: None,
        }
    }

    /// What a socket is told that is not taken: its app does not exist or has too many, or its version of
    /// the protocol will not do ([`wire::check_protocol`]).
    pub(super) fn refuse(why: ErrorCode) -> Refusal {
        let (code, reason) = (why.number(), why.message());
        Refusal { message: wire::error(Some(code), reason), code, reason }
    }

    /// Whether the socket may say something now; says so if not.
    fn admits(&self, admission: Admission, out: &mut Effects) -> bool {
        match admission {
            Admission::Admitted => return true,
            Admission::Refused(_) => refuse_event("Too many messages", out),
            Admission::Flooding => self.end(End::Flooding, out),
        }
        false
    }

    fn admits_message(&mut self, now: Tick, out: &mut Effects) -> bool {
        let admission = self.messages.admit(now);
        self.admits(admission, out)
    }

    fn end(&self, why: End, out: &mut Effects) {
        let (code, reason) = self.close(why);
        out.push_back(Effect::Close { code, reason });
    }

    fn said(&mut self, message: ClientMessage, now: Tick, out: &mut Effects) {
        match message {
            ClientMessage::Subscribe(subscribe) => self.subscribe(subscribe, out),
            ClientMessage::Unsubscribe { channel } => {
                let channel = ChannelName::parse(&channel).ok();
                if let Some((channel, _)) = channel.and_then(|channel| self.joined.remove_entry(&channel)) {
                    out.push_back(Effect::Leave(channel));
                }
            }
            ClientMessage::SignIn { .. } if self.user_id.is_some() => {
                out.push_back(Effect::Send(wire::error(None, "The connection has signed in already")));
            }
            ClientMessage::SignIn { auth, user_data } => out.push_back(Effect::SignIn { auth, user_data }),
            ClientMessage::Ping => out.push_back(Effect::Send(wire::pong())),
            // That it came is all that it says.
            ClientMessage::Pong => {}
            ClientMessage::ClientEvent { event, channel, data } => {
                let admission = self.client_events.admit(now);
                if self.admits(admission, out) {
                    self.whisper(&channel, event, data, out);
                }
            }
        }
    }

    fn subscribe(&mut self, subscribe: Subscribe, out: &mut Effects) {
        let Subscribe { channel: name, auth, channel_data } = subscribe;
        let channel = match ChannelName::parse(&name) {
            Ok(channel) => channel,
            Err(invalid) => {
                let text = wire::subscription_error(&name, Refused::Name, &invalid.to_string());
                return out.push_back(Effect::Send(text));
            }
        };
        let joined = self.joined.get(&channel);
        if joined.is_none() && self.joined.len() >= self.settings.channels_max {
            let why = format!("At most {} channels a connection", self.settings.channels_max);
            return out.push_back(denied(&channel, &Denial::Capacity(why)));
        }
        if let Some(user_id) = channel.user()
            && self.user_id.as_deref() != Some(user_id)
        {
            let why = "Only the sockets on which the user has signed in hear this channel".to_owned();
            return out.push_back(denied(&channel, &Denial::Unauthorized(why)));
        }
        let is_open = channel.kind() == ChannelKind::Public || channel.user().is_some();
        // A second subscription is answered like the first. An error would reach no callback of the
        // channel's in Pusher's SDKs, and one that lost count of its subscriptions would never recover.
        out.push_back(if joined.is_some() || is_open {
            let (member, again) = (joined.cloned().flatten(), joined.is_some());
            Effect::Join(Join { channel, member, resume: None, batch: None, channel_data, again })
        } else {
            Effect::Authorise(Ask { channel, auth, channel_data, resume: None, batch: None })
        });
    }

    fn whisper(&self, channel: &str, event: String, data: Option<String>, out: &mut Effects) {
        let channel = match ChannelName::parse(channel) {
            Ok(channel) => channel,
            Err(invalid) => return refuse_event(&invalid.to_string(), out),
        };
        let joined = self.joined.get(&channel);
        match whisper::check(&channel, self.settings.client_events, joined.is_some()) {
            Ok(()) => {
                let user_id = joined.and_then(Option::as_ref).map(|member| member.id.clone());
                out.push_back(Effect::Whisper(Whisper { channel, event, data, user_id }));
            }
            Err(why) => refuse_event(&why.to_string(), out),
        }
    }
}

impl Dialect for Pusher {
    fn opened(&mut self, out: &mut Effects) {
        let timeout_s = self.settings.activity_timeout_ms.div_ceil(1_000);
        out.push_back(Effect::Send(wire::connection_established(&self.socket.pusher(), timeout_s)));
    }

    fn text(&mut self, text: &str, now: Tick, out: &mut Effects) {
        if !self.admits_message(now, out) {
            return;
        }
        match wire::parse(text) {
            Ok(message) => self.said(message, now, out),
            Err(invalid) => out.push_back(Effect::Send(wire::error(None, &invalid.to_string()))),
        }
    }

    fn binary(&mut self, _: &[u8], out: &mut Effects) {
        if self.admits_message(self.idle.heard_at(), out) {
            out.push_back(Effect::Send(wire::error(None, "Messages must be text")));
        }
    }

    fn too_large(&mut self, out: &mut Effects) {
        if self.admits_message(self.idle.heard_at(), out) {
            refuse_event("Message is too large", out);
        }
    }

    fn authorised(&mut self, ask: Ask, verdict: Result<Grant, Denial>, out: &mut Effects) {
        let Ask { channel, channel_data, resume, batch, .. } = ask;
        let is_presence = channel.kind() == ChannelKind::Presence;
        out.push_back(match verdict {
            Ok(Grant { member: None }) if is_presence => {
                denied(&channel, &Denial::Unauthorized("Nothing says who the member is".into()))
            }
            Ok(Grant { member }) => {
                let member = member.filter(|_| is_presence);
                Effect::Join(Join { channel, member, resume, batch, channel_data, again: false })
            }
            Err(denial) => denied(&channel, &denial),
        });
    }

    fn joined(&mut self, join: &Join, joined: Result<&Joined, Denial>, out: &mut Effects) {
        let joined = match joined {
            Ok(joined) => joined,
            Err(denial) => return out.push_back(denied(&join.channel, &denial)),
        };
        if !join.again {
            self.joined.insert(join.channel.clone(), join.member.clone());
        }
        let text = wire::subscription_succeeded(&join.channel, joined.members.as_deref());
        out.push_back(Effect::Send(text));
        if joined.cached == Some(false) {
            out.push_back(Effect::Send(wire::cache_miss(&join.channel)));
        }
    }

    fn signed_in(&mut self, verdict: Result<User, String>, out: &mut Effects) {
        match verdict {
            Ok(User { id, data }) => {
                self.user_id = Some(id.clone());
                out.push_back(Effect::SignedIn { user_id: id });
                out.push_back(Effect::Send(wire::signin_success(&data)));
            }
            Err(why) => {
                out.push_back(Effect::Send(wire::error(Some(ErrorCode::Unauthorized.number()), &why)));
                self.end(End::Unauthorized, out);
            }
        }
    }

    fn heard(&mut self, now: Tick) {
        self.idle.heard(now);
    }

    fn deadline(&self) -> Tick {
        self.idle.deadline()
    }

    /// Members do not expire here, since the protocol has no heartbeat but the ping.
    fn wake(&mut self, now: Tick, out: &mut Effects) {
        match self.idle.wake(now) {
            Some(Silence::Ping) => out.push_back(Effect::Send(wire::ping())),
            Some(Silence::Close) => self.end(End::Silent, out),
            None => {}
        }
    }

    fn close(&self, why: End) -> (u16, &'static str) {
        close::of_pusher(why)
    }
}

/// Pusher has no number of its own for most of what is wrong with a client event, and SDKs know 4301 as
/// the one that says nothing about the connection.
fn refuse_event(why: &str, out: &mut Effects) {
    out.push_back(Effect::Send(wire::error(Some(ErrorCode::ClientEvent.number()), why)));
}

fn denied(channel: &ChannelName, denial: &Denial) -> Effect {
    let (why, text) = match denial {
        Denial::Unauthorized(text) => (Refused::Auth, text),
        Denial::Capacity(text) => (Refused::Capacity, text),
        Denial::Failed(text) => (Refused::Server, text),
    };
    Effect::Send(wire::subscription_error(channel, why, text))
}
