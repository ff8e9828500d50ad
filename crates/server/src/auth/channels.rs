//! Who may subscribe to which channel, and who may sign such leave for others. Ways in are tried one
//! after the other; what none of them allows is refused. Nothing here knows sockets or HTTP.

mod asked;
mod authorizer;
mod rules;
#[cfg(test)]
mod tests;
mod verdicts;

use std::{panic::AssertUnwindSafe, sync::Arc};

use fanfare_model::{
    application::Application,
    channel::{ChannelKind, ChannelName, Member, SocketId},
    pusher,
};
use futures_util::FutureExt;
use serde_json::{Value, json, value::RawValue};

use self::{asked::signed_member, authorizer::Authorizer};
use super::{Auth, Claims};
use crate::{
    config::{AuthRequest, ChannelAuthorizer, Channels, Denied, Rule},
    egress::Egress,
    timers::Clock,
};

/// Says who may subscribe to private and presence channels.
pub(crate) struct ChannelAuth {
    auth: Arc<Auth>,
    rules: Vec<Rule>,
    callback: Option<ChannelAuthorizer>,
    callback_timeout_ms: u64,
    authorizer: Option<Authorizer>,
    clock: Clock,
}

/// The two wire protocols of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// That of ts-broadcasting.
    Broadcasting,
    /// That of Pusher Channels.
    Pusher,
}

impl Protocol {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Broadcasting, Self::Pusher];

    /// What it is called in figures.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Broadcasting => "broadcasting",
            Self::Pusher => "pusher",
        }
    }

    /// A socket as clients of this protocol know it.
    pub(crate) fn spell(self, socket: SocketId) -> String {
        match self {
            Self::Broadcasting => socket.uuid(),
            Self::Pusher => socket.pusher(),
        }
    }
}

/// A request to be let into a channel.
#[derive(Clone, Copy)]
pub(crate) struct AccessRequest<'a> {
    pub(crate) application: &'a Application,
    pub(crate) protocol: Protocol,
    pub(crate) socket: SocketId,
    /// What the token says that he came with.
    pub(crate) claims: Option<&'a Claims>,
    /// The user that the socket belongs to, once it has signed in.
    pub(crate) signed_in: Option<&'a str>,
    pub(crate) channel: &'a ChannelName,
    /// Pusher: `key:signature`.
    pub(crate) auth: Option<&'a str>,
    /// What he says of himself; for Pusher, the text that is signed.
    pub(crate) channel_data: Option<&'a str>,
}

/// The socket may subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    /// As whom; `Some` on presence channels.
    pub(crate) member: Option<Member>,
}

/// Why a socket may not subscribe, or cannot now; each with words for its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Nothing allows it (401).
    Unauthorized(String),
    /// A limit is reached (429).
    Capacity(String),
    /// It could not be decided (500).
    Failed(String),
}

impl Denial {
    fn unauthorized() -> Self {
        Self::Unauthorized("Unauthorized".to_owned())
    }

    /// It could not be decided; why is for the log, and has been told there.
    fn failed() -> Self {
        Self::Failed("Authorization failed".to_owned())
    }
}

/// What a socket shows to be let in: made by `sign`, read by `authorise`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    /// `key:signature`
    pub(crate) auth: String,
    /// The text that is signed beside the channel: `channel_data` of a presence channel, `user_data` of
    /// a user.
    pub(crate) data: Option<String>,
}

impl ChannelAuth {
    /// By these settings. Requests to the authoriser go out by `egress`.
    pub(crate) fn new(auth: Arc<Auth>, settings: &Channels, egress: Egress, clock: Clock) -> Self {
        Self {
            auth,
            rules: settings.rules.clone(),
            callback: settings.authorizer.clone(),
            callback_timeout_ms: settings.authorizer_timeout_ms,
            authorizer: Authorizer::new(settings, egress, clock.clone()),
            clock,
        }
    }

    /// What a good token says; nothing of one that is forged, over or not signed by this server.
    pub(crate) fn identify(&self, token: Option<&str>) -> Option<Claims> {
        self.auth.claims(token?)
    }

    /// Whether somebody may subscribe, and as whom.
    ///
    /// # Errors
    /// [`Denial::Unauthorized`] when nothing allows it, [`Denial::Failed`] when who is asked does not
    /// answer. Never [`Denial::Capacity`]: limits are the channel's business.
    pub(crate) async fn authorise(&self, access: AccessRequest<'_>) -> Result<Grant, Denial> {
        if let Some(user) = access.channel.user() {
            let is_his = access.signed_in == Some(user);
            return if is_his { Ok(Grant { member: None }) } else { Err(Denial::unauthorized()) };
        }
        if access.channel.kind() == ChannelKind::Public {
            return Ok(Grant { member: None });
        }
        if let Some(callback) = &self.callback
            && let Some(member) = self.call(callback, access).await?
            && let Some(grant) = grant(access, member)?
        {
            return Ok(grant);
        }
        if let Some(member) = self.by_signature(access)?
            && let Some(grant) = grant(access, member)?
        {
            return Ok(grant);
        }
        if let Some(claims) = access.claims
            && let Some(grant) = rules::grant(&self.rules, claims, access.channel)?
        {
            return Ok(grant);
        }
        if let Some(authorizer) = &self.authorizer
            && let Some(member) = authorizer.ask(access).await?
            && let Some(grant) = grant(access, member)?
        {
            return Ok(grant);
        }
        let is_signed = access.protocol == Protocol::Pusher && access.auth.is_some();
        Err(if is_signed {
            Denial::Unauthorized("Invalid signature".to_owned())
        } else {
            Denial::unauthorized()
        })
    }

    /// Whose sockets a Pusher client's becomes, by what its own server has signed; the user's id.
    ///
    /// # Errors
    /// Words for the client.
    pub(crate) fn sign_in(
        &self,
        application: &Application,
        socket: SocketId,
        auth: &str,
        user_data: &str,
    ) -> Result<String, &'static str> {
        let now = self.clock.now();
        if !pusher::is_user_auth(application, auth, &socket.pusher(), user_data, now) {
            return Err("Invalid signature");
        }
        let data: Value = serde_json::from_str(user_data).map_err(|_| "user_data is not JSON")?;
        let id = data.get("id").and_then(|id| Member::parse_id(id).ok());
        id.ok_or("user_data has no id that a user can have")
    }

    /// Signs for a Pusher client without a server of its own what [`ChannelAuth::authorise`] allows it.
    ///
    /// # Errors
    /// As there, and [`Denial::Unauthorized`] for channels for which there is nothing to be signed.
    pub(crate) async fn sign(
        &self,
        application: &Application,
        socket: SocketId,
        channel: &ChannelName,
        claims: Option<&Claims>,
    ) -> Result<Signed, Denial> {
        let never = |why: &str| Err(Denial::Unauthorized(why.to_owned()));
        if channel.user().is_some() {
            return never("A user's own channel needs no signature: sign in");
        }
        if channel.kind() == ChannelKind::Public {
            return never("Public channels need no signature");
        }
        if channel.is_encrypted() {
            return never("Encrypted channels need an endpoint of your own, which has their master key");
        }
        let protocol = Protocol::Pusher;
        let (signed_in, auth, channel_data) = (None, None, None);
        let access =
            AccessRequest { application, protocol, socket, claims, signed_in, channel, auth, channel_data };
        let member = self.authorise(access).await?.member;
        let data = member.map(|member| match member.info {
            None => format!(r#"{{"user_id":{}}}"#, json!(member.id)),
            Some(info) => format!(r#"{{"user_id":{},"user_info":{info}}}"#, json!(member.id)),
        });
        let auth = pusher::channel_auth(application, &socket.pusher(), channel, data.as_deref());
        Ok(Signed { auth, data })
    }

    /// Signs for a Pusher client without a server of its own that it is the user whom its token names.
    ///
    /// # Errors
    /// [`Denial::Unauthorized`] when the token names nobody.
    pub(crate) fn sign_user(
        application: &Application,
        socket: SocketId,
        claims: Option<&Claims>,
    ) -> Result<Signed, Denial> {
        let id = claims.and_then(Claims::subject).ok_or_else(Denial::unauthorized)?;
        let data = json!({ "id": id }).to_string();
        let auth = pusher::user_auth(application, &socket.pusher(), &data);
        Ok(Signed { auth, data: Some(data) })
    }

    /// Asks the callback: the member it names, if it lets the socket in.
    async fn call(
        &self,
        callback: &ChannelAuthorizer,
        access: AccessRequest<'_>,
    ) -> Result<Option<Option<Member>>, Denial> {
        let request = AuthRequest {
            app: access.application.id.clone(),
            socket_id: access.protocol.spell(access.socket),
            channel: access.channel.clone(),
            channel_data: access.channel_data.map(str::to_owned),
            claims: access.claims.map(|claims| claims.0.clone()),
        };
        // Not its own task's end: a panic of the embedding program costs one subscription.
        let asked = AssertUnwindSafe(async { callback.ask(request).await }).catch_unwind();
        let why = match self.clock.timeout(self.callback_timeout_ms, asked).await {
            Ok(Ok(Ok(None))) => return Ok(Some(None)),
            Ok(Ok(Ok(Some(member)))) => match checked(member) {
                Ok(member) => return Ok(Some(Some(member))),
                Err(error) => error,
            },
            Ok(Ok(Err(Denied::Unauthorized))) => return Ok(None),
            Ok(Ok(Err(Denied::Failed(why)))) => why,
            Ok(Err(_panic)) => "it panicked".to_owned(),
            Err(_) => format!("it took longer than {} ms", self.callback_timeout_ms),
        };
        tracing::warn!(why, channel = %access.channel, "the callback for channels failed");
        Err(Denial::failed())
    }

    /// The member whom a signature of the app names, if there is a good one; on a presence channel
    /// without `channel_data` the user who has signed in.
    #[expect(clippy::option_option, reason = "nobody need be named by one that is good")]
    fn by_signature(&self, access: AccessRequest<'_>) -> Result<Option<Option<Member>>, Denial> {
        let Some(auth) = access.auth.filter(|_| access.protocol == Protocol::Pusher) else { return Ok(None) };
        let (socket, now) = (access.socket.pusher(), self.clock.now());
        if !pusher::is_channel_auth(
            access.application,
            auth,
            &socket,
            access.channel,
            access.channel_data,
            now,
        ) {
            return Ok(None);
        }
        let member = match (access.channel.kind(), access.channel_data) {
            (ChannelKind::Presence, Some(data)) => Some(signed_member(data).map_err(Denial::Unauthorized)?),
            (ChannelKind::Presence, None) => {
                access.signed_in.map(|id| Member { id: id.to_owned(), info: None })
            }
            _ => None,
        };
        Ok(Some(member))
    }
}

/// A grant for this member, else for the user of the token; `None` when a presence channel gets neither.
fn grant(access: AccessRequest<'_>, member: Option<Member>) -> Result<Option<Grant>, Denial> {
    if access.channel.kind() != ChannelKind::Presence {
        return Ok(Some(Grant { member: None }));
    }
    let member = match (member, access.claims) {
        (Some(member), _) => Some(member),
        (None, Some(claims)) => rules::member(claims, &[])?,
        (None, None) => None,
    };
    Ok(member.map(|member| Grant { member: Some(member) }))
}

/// A member as an embedding program made it, if the wire can carry it.
fn checked(member: Member) -> Result<Member, String> {
    let info = member.info.map(RawValue::from_string).transpose();
    let info = info.map_err(|_| "the info of its member is no JSON".to_owned())?;
    Member::new(&Value::String(member.id), info.as_deref()).map_err(|error| error.to_string())
}
