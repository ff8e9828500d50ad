//! The ways into the channels: which dialect a request asks for, whether its page may, which application
//! it belongs to. What is refused in words of the dialect's own is refused on an open socket.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc};

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use fanfare_hub::Bell;
use fanfare_model::{
    application::Application,
    channel::SocketId,
    wire::{frame, pusher::ErrorCode, pusher::check_protocol},
};
use futures_util::SinkExt;
use http::{
    HeaderMap, StatusCode,
    header::{AUTHORIZATION, COOKIE, HOST, ORIGIN},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_websockets::{CloseCode, Message as Frame};
use url::form_urlencoded;

use super::{
    Live,
    broadcasting::Broadcasting,
    channels::{self, Around, Authorise},
    effect::{Ask, Dialect, Refusal, Settings, User},
    outlet::Outlet,
    pusher::Pusher,
    shared_tcp::SharedTcp,
    upgrade::shake_hands,
    writers::Writers,
};
use crate::{
    accept::Stream,
    app::{
        App,
        channels::{ChannelSocket, signal},
    },
    auth::{self, Claims, Denial, Grant, Protocol, origin_allowed},
    config,
    shutdown::Tasks,
    timers::Alarms,
};

/// How long a client has to take the words with which it is turned away.
const REFUSE_TIMEOUT_MS: u64 = 5_000;

/// Turned away before there is a socket: the page is not to be trusted.
const BAD_ORIGIN: &str = "This origin may not open a socket here";

/// `GET /ws`, and `GET /app` without a key: ts-broadcasting's protocol, on the default application.
pub(crate) async fn open_broadcasting(live: Live, request: Request) -> Response {
    let application = live.app.applications.default();
    let token = token(request.headers(), request.uri().query());
    let claims = live.app.channel_auth.identify(token.as_deref());
    enter(live, request, Protocol::Broadcasting, Ok(application), claims)
}

/// `GET /app/{key}`: Pusher's protocol, on the application of that key.
pub(crate) async fn open_pusher(live: Live, key: &str, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let protocol = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "protocol");
    let application = live.app.applications.by_key(key).ok_or(ErrorCode::NoApplication).and_then(|found| {
        let checked = check_protocol(protocol.as_ref().map(|(_, value)| &**value));
        checked.map(|()| found).map_err(ErrorCode::from)
    });
    enter(live, request, Protocol::Pusher, application, None)
}

fn enter(
    live: Live,
    request: Request,
    protocol: Protocol,
    application: Result<Arc<Application>, ErrorCode>,
    claims: Option<Claims>,
) -> Response {
    let settings = &live.app.channels.settings;
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    if !origin_allowed(header(ORIGIN), header(HOST), &settings.origins) {
        return (StatusCode::FORBIDDEN, Json(json!({ "error": BAD_ORIGIN }))).into_response();
    }
    let origin = header(ORIGIN).map(Into::into);
    let Live { tasks, shared: app, alarms, writers, .. } = live;
    let hall = Hall { tasks: tasks.clone(), app, alarms, writers, protocol, origin };
    let clock = hall.app.clock.clone();
    shake_hands(request, &tasks, clock, |upgraded| hall.receive(upgraded, application, claims))
}

fn refusal(protocol: Protocol, code: ErrorCode) -> Refusal {
    match protocol {
        Protocol::Pusher => Pusher::refuse(code),
        Protocol::Broadcasting => Broadcasting::over_capacity(),
    }
}

/// What a socket is given when it comes in.
struct Hall {
    tasks: Tasks,
    app: Arc<App>,
    alarms: Alarms<Bell>,
    writers: Writers,
    protocol: Protocol,
    /// Of the page that opens it.
    origin: Option<Box<str>>,
}

impl Hall {
    async fn receive(
        self,
        upgraded: Upgraded,
        application: Result<Arc<Application>, ErrorCode>,
        claims: Option<Claims>,
    ) {
        let opened = application.and_then(|application| {
            let origin = self.origin.as_deref();
            let opened = ChannelSocket::open(self.app.clone(), &application, self.protocol, origin);
            opened.map(|socket| (application, socket)).map_err(|_| ErrorCode::OverQuota)
        });
        let (application, socket) = match opened {
            Ok(opened) => opened,
            Err(code) => return Box::pin(self.turn_away(upgraded, refusal(self.protocol, code))).await,
        };
        let user = claims.as_ref().and_then(Claims::subject);
        Box::pin(socket.opened(user)).await;
        // The bells have rung already for one that comes too late to hear them.
        if self.tasks.is_stopping() {
            socket.mailbox().bell().ring(signal::STOPPING);
        }
        self.speak(upgraded, &application, socket, claims).await;
    }

    /// The whole life of a socket; what is only needed to begin it is gone by then.
    fn speak(
        self,
        upgraded: Upgraded,
        application: &Application,
        socket: ChannelSocket,
        claims: Option<Claims>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let around = Around {
            clock: self.app.clock.clone(),
            alarms: self.alarms,
            metrics: self.app.metrics.clone(),
            message_max_bytes: self.app.channels.settings.message_max_bytes as usize,
        };
        let settings = settings(&self.app.channels.settings, application);
        let (id, now) = (socket.id(), around.clock.tick());
        let asker = Asker {
            app: self.app,
            app_id: application.id.as_str().into(),
            protocol: self.protocol,
            socket: id,
            claims: claims.map(Arc::new),
            signed_in: None,
        };
        match self.protocol {
            Protocol::Pusher => {
                let dialect = Pusher::new(id, settings, now);
                begin(upgraded, &self.writers, dialect, asker, socket, around)
            }
            Protocol::Broadcasting => {
                let dialect = Broadcasting::new(id, settings, now, around.clock.now());
                begin(upgraded, &self.writers, dialect, asker, socket, around)
            }
        }
    }

    /// Says why, and closes.
    async fn turn_away(&self, upgraded: Upgraded, refusal: Refusal) {
        let Refusal { message, code, reason } = refusal;
        let mut io = channels::serve(TokioIo::new(upgraded), 1 << 10);
        let told = async {
            io.get_mut().write_all(&frame::text(&message)).await.ok()?;
            let code = CloseCode::try_from(code).ok()?;
            io.send(Frame::close(Some(code), reason)).await.ok()?;
            io.close().await.ok()
        };
        self.app.clock.timeout(REFUSE_TIMEOUT_MS, told).await.ok();
    }
}

/// Without the layers of the HTTP library, where they can be taken away.
fn begin<D: Dialect + 'static>(
    upgraded: Upgraded,
    writers: &Writers,
    dialect: D,
    auth: Asker,
    socket: ChannelSocket,
    around: Around,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match upgraded.downcast::<TokioIo<Stream>>() {
        Ok(parts) => {
            let tcp = Arc::new(parts.io.into_inner().into_tcp());
            let outlet = Outlet::of_writer(writers.line(), socket.mailbox(), tcp.clone());
            let io = SharedTcp::new(tcp, parts.read_buf);
            Box::pin(channels::run(io, outlet, dialect, auth, socket, around))
        }
        Err(upgraded) => {
            let io = TokioIo::new(upgraded);
            Box::pin(channels::run(io, Outlet::of_task(), dialect, auth, socket, around))
        }
    }
}

/// What an application's sockets may do.
fn settings(channels: &config::Channels, application: &Application) -> Settings {
    let limits = &application.limits;
    Settings {
        activity_timeout_ms: channels.activity_timeout_ms,
        pong_timeout_ms: channels.pong_timeout_ms,
        channels_max: limits.channels_max_per_connection.unwrap_or(channels.channels_max_per_connection)
            as usize,
        messages_per_second: limits.messages_per_second.unwrap_or(channels.messages_per_second),
        client_events_per_second: limits
            .client_events_per_second
            .unwrap_or(channels.client_events_per_second),
        presence_timeout_ms: channels.presence_timeout_ms,
        client_events: limits.client_events,
    }
}

/// Asks for one socket who may what.
struct Asker {
    app: Arc<App>,
    app_id: Arc<str>,
    protocol: Protocol,
    socket: SocketId,
    claims: Option<Arc<Claims>>,
    signed_in: Option<String>,
}

impl Authorise for Asker {
    fn authorise(&self, ask: &Ask) -> impl Future<Output = Result<Grant, Denial>> + Send + 'static {
        let (app, ask) = (self.app.clone(), ask.clone());
        let application = app.applications.by_id(&self.app_id);
        let (protocol, socket) = (self.protocol, self.socket);
        let (claims, signed_in) = (self.claims.clone(), self.signed_in.clone());
        async move {
            let Some(application) = application else {
                return Err(Denial::Unauthorized("Unauthorized".to_owned()));
            };
            let access = auth::AccessRequest {
                application: &application,
                protocol,
                socket,
                claims: claims.as_deref(),
                signed_in: signed_in.as_deref(),
                channel: &ask.channel,
                auth: ask.auth.as_deref(),
                channel_data: ask.channel_data.as_deref(),
            };
            app.channel_auth.authorise(access).await
        }
    }

    fn sign_in(&self, auth: &str, user_data: &str) -> Result<User, String> {
        let application = self.app.applications.by_id(&self.app_id);
        let application = application.ok_or_else(|| "Unauthorized".to_owned())?;
        let id = self.app.channel_auth.sign_in(&application, self.socket, auth, user_data)?;
        Ok(User { id, data: user_data.to_owned() })
    }

    fn signed_in(&mut self, user_id: &str) {
        self.signed_in = Some(user_id.to_owned());
    }
}

/// The token that a socket's request brings: in the `Authorization` header, as the query's `token`, or as
/// the cookie `auth_token`; the first of them counts.
fn token(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    let in_query = || {
        let pairs = form_urlencoded::parse(query?.as_bytes());
        pairs.into_iter().find(|(name, _)| name == "token").map(|(_, value)| value.into_owned())
    };
    let in_cookie = || {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.collect::<HashMap<_, _>>().get("auth_token").map(|token| (*token).to_owned())
    };
    bearer.or_else(in_query).or_else(in_cookie).filter(|token| !token.is_empty())
}

/// Rings at sockets whose moment has come.
#[expect(clippy::needless_pass_by_value, reason = "the alarms hand it over")]
pub(crate) fn ring(bell: Bell) {
    bell.ring(signal::ALARM);
}
