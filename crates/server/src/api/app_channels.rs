//! What is on an app's channels now, and which sockets are open: for the host, who needs no signature.

use axum::{Json, extract::State};
use fanfare_model::{
    Timestamp,
    channel::{ChannelKind, ChannelName, Member, SocketId},
    limits::{CHANNELS_SHOWN_DEFAULT_ROWS, CHANNELS_SHOWN_MAX_ROWS},
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    aside::aside,
    error::{Error, ErrorBody, invalid},
    extract::{Admin, Query, Texts},
    pusher::channels::channel,
};
use crate::app::{
    App,
    channels::{ChannelFigures, Connection, Listed},
};

type Reply<T> = Result<Json<T>, Error>;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_app_channels))
        .routes(routes!(list_channel_members))
        .routes(routes!(list_connections))
        .routes(routes!(close_connection))
}

/// Channels of an app.
#[derive(Serialize, ToSchema)]
struct AppChannels {
    /// How many there are, listed or not.
    #[schema(minimum = 0, example = 1)]
    total: usize,
    /// Those with the most subscriptions first.
    channels: Vec<AppChannel>,
}

/// A channel that somebody is subscribed to.
#[derive(Serialize, ToSchema)]
struct AppChannel {
    #[schema(example = "presence-room")]
    name: String,
    #[schema(minimum = 1, example = 4)]
    subscription_count: usize,
    /// Members of a presence channel; null on others.
    #[schema(required, minimum = 0, example = 3)]
    user_count: Option<usize>,
}

impl From<ChannelFigures> for AppChannel {
    fn from(ChannelFigures { name, subscriptions, users }: ChannelFigures) -> Self {
        let is_presence = ChannelName::parse(&name).is_ok_and(|name| name.kind() == ChannelKind::Presence);
        Self { name, subscription_count: subscriptions, user_count: is_presence.then_some(users) }
    }
}

/// Who is on a presence channel.
#[derive(Serialize, ToSchema)]
struct ChannelMembers {
    /// How many there are, listed or not.
    #[schema(minimum = 0, example = 1)]
    total: usize,
    /// In the order in which they came.
    members: Vec<ChannelMember>,
}

/// Somebody on a presence channel.
#[derive(Serialize, ToSchema)]
struct ChannelMember {
    #[schema(example = "7")]
    id: String,
    /// What the others are told of the member, any JSON; null when that is nothing.
    #[schema(required, value_type = Option<serde_json::Value>, example = json!({"name": "Ann"}))]
    info: Option<Box<RawValue>>,
}

impl From<Member> for ChannelMember {
    fn from(Member { id, info }: Member) -> Self {
        let info = info.map(|info| RawValue::from_string(info).expect("a member's info is JSON"));
        Self { id, info }
    }
}

/// Open sockets of an app.
#[derive(Serialize, ToSchema)]
struct Connections {
    /// How many there are, listed or not.
    #[schema(minimum = 0, example = 1)]
    total: usize,
    /// The newest first.
    connections: Vec<ConnectionView>,
}

/// A socket on channels.
#[derive(Serialize, ToSchema)]
#[schema(as = Connection)]
struct ConnectionView {
    /// As its protocol spells it.
    #[schema(example = "81985529216486895.7")]
    socket_id: String,
    /// The protocol that it speaks.
    #[schema(inline, value_type = DialectWord)]
    dialect: &'static str,
    connected_at: Timestamp,
    /// Whom it has signed in as, or whom its token names; null when that is nobody.
    #[schema(required, example = "7")]
    user_id: Option<String>,
    /// Channels that it is subscribed to.
    #[schema(minimum = 0, example = 2)]
    subscription_count: usize,
    /// Of the page that opened it; null when it said none, as programs do.
    #[schema(required, example = "https://game.example")]
    origin: Option<String>,
}

/// The protocols of channels.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the words of `Protocol`")]
enum DialectWord {
    Broadcasting,
    Pusher,
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        Self {
            socket_id: connection.socket_id,
            dialect: connection.protocol.name(),
            connected_at: connection.opened_at,
            user_id: connection.user_id,
            subscription_count: connection.subscriptions,
            origin: connection.origin,
        }
    }
}

/// That a socket is closed.
#[derive(Serialize, ToSchema)]
struct ConnectionClosed {
    #[schema(example = "Connection closed successfully")]
    message: &'static str,
    #[serde(rename = "socketId")]
    #[schema(example = "81985529216486895.7")]
    socket_id: String,
}

/// The largest channels of an app that somebody is subscribed to.
#[utoipa::path(
    get,
    path = "/api/apps/{id}/channels",
    tag = "Apps",
    params(
        ("id" = String, Path, description = "The app", example = "417290356"),
        ("prefix" = Option<String>, Query, description = "Only those whose names begin so", example = "presence-"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 500, description = "Channels at most; 100 when it is not given"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "The channels", body = AppChannels),
        (status = 400, description = "`limit` has an impossible value", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
    )
)]
async fn list_app_channels(
    State(app): State<App>,
    _: Admin,
    Texts([id]): Texts<1>,
    query: Query,
) -> Reply<AppChannels> {
    let limit = limit(&query)?;
    let prefix = query.last("prefix").unwrap_or_default().to_owned();
    // There may be very many.
    let Listed { rows, total } = aside(move || app.largest_channels(&id, &prefix, limit)).await?;
    Ok(Json(AppChannels { total, channels: rows.into_iter().map(AppChannel::from).collect() }))
}

/// Who is on a presence channel of an app.
#[utoipa::path(
    get,
    path = "/api/apps/{id}/channels/{name}/members",
    tag = "Apps",
    params(
        ("id" = String, Path, description = "The app", example = "417290356"),
        ("name" = String, Path, description = "The presence channel", example = "presence-room",
            pattern = "^presence-[A-Za-z0-9_=@,.;:-]{1,191}$"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 500, description = "Members at most; 100 when it is not given"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "Its members", body = ChannelMembers),
        (status = 400, description = "Only presence channels have members", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
    )
)]
async fn list_channel_members(
    State(app): State<App>,
    _: Admin,
    Texts([id, name]): Texts<2>,
    query: Query,
) -> Reply<ChannelMembers> {
    let (limit, channel) = (limit(&query)?, channel(name)?);
    if channel.kind() != ChannelKind::Presence {
        return Err(invalid("Only presence channels have members"));
    }
    let Listed { rows, total } = app.first_members(&id, &channel, limit)?;
    Ok(Json(ChannelMembers { total, members: rows.into_iter().map(ChannelMember::from).collect() }))
}

/// The newest sockets of an app that are open.
#[utoipa::path(
    get,
    path = "/api/apps/{id}/connections",
    tag = "Apps",
    params(
        ("id" = String, Path, description = "The app", example = "417290356"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 500, description = "Sockets at most; 100 when it is not given"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "The sockets", body = Connections),
        (status = 400, description = "`limit` has an impossible value", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
    )
)]
async fn list_connections(
    State(app): State<App>,
    _: Admin,
    Texts([id]): Texts<1>,
    query: Query,
) -> Reply<Connections> {
    let limit = limit(&query)?;
    // There may be very many.
    let Listed { rows, total } = aside(move || app.newest_connections(&id, limit)).await?;
    Ok(Json(Connections { total, connections: rows.into_iter().map(ConnectionView::from).collect() }))
}

/// Closes one socket of an app.
///
/// It is told to go, with the code 1008 or, in Pusher's protocol, 4009, and may come back.
#[utoipa::path(
    delete,
    path = "/api/apps/{id}/connections/{socket_id}",
    tag = "Apps",
    params(
        ("id" = String, Path, description = "The app", example = "417290356"),
        ("socket_id" = String, Path, description = "The socket, in either protocol's spelling", example = "81985529216486895.7"),
    ),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "It is told to go", body = ConnectionClosed),
        (status = 404, description = "App or connection not found", body = ErrorBody),
    )
)]
async fn close_connection(
    State(app): State<App>,
    _: Admin,
    Texts([id, socket_id]): Texts<2>,
) -> Reply<ConnectionClosed> {
    app.close_connection(&id, SocketId::parse(&socket_id))?;
    Ok(Json(ConnectionClosed { message: "Connection closed successfully", socket_id }))
}

fn limit(query: &Query) -> Result<usize, Error> {
    query.limit(CHANNELS_SHOWN_DEFAULT_ROWS, CHANNELS_SHOWN_MAX_ROWS)
}
