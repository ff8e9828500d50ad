//! What is known of an app's channels, and of who is on them.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use fanfare_model::{
    channel::{ChannelKind, ChannelName},
    pusher::{Info, InvalidEvent},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ChannelCounts, Signed};
use crate::{
    api::{
        aside::aside,
        error::{Error, ErrorBody, invalid},
        extract::{Query, Texts},
    },
    app::App,
};

type Reply<T> = Result<Json<T>, Error>;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_channels))
        .routes(routes!(get_channel))
        .routes(routes!(list_channel_users))
        .routes(routes!(terminate_user_connections))
}

/// The channels of an app that somebody is subscribed to.
#[derive(Serialize, ToSchema)]
struct ChannelList {
    /// By name.
    channels: BTreeMap<String, ChannelCounts>,
}

/// What is known of a channel.
#[derive(Serialize, ToSchema)]
struct ChannelState {
    /// Whether somebody is subscribed to it.
    occupied: bool,
    /// Members of a presence channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, example = 3)]
    user_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, example = 4)]
    subscription_count: Option<usize>,
    /// The last event of a cache channel; null when it has none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    #[expect(clippy::option_option, reason = "null is another answer than none")]
    cache: Option<Option<CachedData>>,
}

/// The last event of a cache channel.
#[derive(Serialize, ToSchema)]
struct CachedData {
    #[schema(example = "{\"id\":1}")]
    data: String,
    /// Seconds until it is forgotten.
    #[schema(minimum = 0, example = 1740)]
    ttl: u64,
}

/// Who is on a presence channel.
#[derive(Serialize, ToSchema)]
struct ChannelUsers {
    /// In the order in which they came.
    users: Vec<ChannelUser>,
}

/// Somebody on a presence channel.
#[derive(Serialize, ToSchema)]
struct ChannelUser {
    #[schema(example = "7")]
    id: String,
}

/// Nothing more to say.
#[derive(Serialize, ToSchema)]
#[schema(as = Terminated)]
struct Done {}

/// The channels of an app that somebody is subscribed to.
#[utoipa::path(
    get,
    path = "/apps/{id}/channels",
    tag = "Channels",
    params(
        ("id" = String, Path, description = "The app", example = "417290356"),
        ("filter_by_prefix" = Option<String>, Query, description = "Only those whose names begin so", example = "presence-"),
        ("info" = Option<String>, Query, description = "What is told of each: `user_count`, where the prefix is that of \
            presence channels, `subscription_count`, or both with a comma between them", example = "user_count"),
    ),
    security(("appSignature" = [])),
    responses(
        (status = 200, description = "The channels", body = ChannelList),
        (status = 400, description = "user_count needs a filter_by_prefix that begins with presence-", body = ErrorBody),
        (status = 401, description = "It is not signed, or not well", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
    )
)]
async fn list_channels(State(app): State<App>, query: Query, signed: Signed<0>) -> Reply<ChannelList> {
    let info = info(&query)?;
    let prefix = query.last("filter_by_prefix").unwrap_or_default().to_owned();
    let is_presence = prefix.starts_with("presence-");
    if info.user_count && !is_presence {
        return Err(invalid("user_count needs a filter_by_prefix that begins with presence-"));
    }
    if info.cache {
        return Err(InvalidEvent::Info.into());
    }
    // There may be very many.
    let list = move || {
        let figures = app.list_channels(&signed.application.id, &prefix).into_iter();
        figures
            .map(|channel| {
                let counts = ChannelCounts::of(&channel, is_presence, info);
                (channel.name, counts)
            })
            .collect()
    };
    Ok(Json(ChannelList { channels: aside(list).await }))
}

/// Whether somebody is subscribed to a channel, and what was asked of it.
#[utoipa::path(
    get,
    path = "/apps/{id}/channels/{name}",
    tag = "Channels",
    params(
        ("id" = String, Path, description = "The app", example = "417290356"),
        ("name" = String, Path, description = "The channel", example = "presence-room"),
        ("info" = Option<String>, Query, description = "What is told of it: `user_count` of a presence channel, \
            `subscription_count`, `cache` of a cache channel, with commas between them", example = "user_count"),
    ),
    security(("appSignature" = [])),
    responses(
        (status = 200, description = "The channel", body = ChannelState),
        (status = 400, description = "user_count is for presence channels alone", body = ErrorBody),
        (status = 401, description = "It is not signed, or not well", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
    )
)]
async fn get_channel(
    State(app): State<App>,
    Texts([_, name]): Texts<2>,
    query: Query,
    signed: Signed<0>,
) -> Reply<ChannelState> {
    let (channel, info) = (channel(name)?, info(&query)?);
    let is_presence = channel.kind() == ChannelKind::Presence;
    if info.user_count && !is_presence {
        return Err(invalid("user_count is for presence channels alone"));
    }
    if info.cache && !channel.is_cache() {
        return Err(invalid("cache is for cache channels alone"));
    }
    let app_id = &signed.application.id;
    let figures = app.get_channel(app_id, &channel);
    let cached = || {
        let event = app.cached_event(app_id, &channel)?;
        Some(CachedData { data: event.data.unwrap_or_default(), ttl: event.left_ms / 1_000 })
    };
    let ChannelCounts { user_count, subscription_count } = ChannelCounts::of(&figures, is_presence, info);
    Ok(Json(ChannelState {
        occupied: figures.subscriptions > 0,
        user_count,
        subscription_count,
        cache: info.cache.then(cached),
    }))
}

/// Who is on a presence channel.
#[utoipa::path(
    get,
    path = "/apps/{id}/channels/{name}/users",
    tag = "Channels",
    params(
        ("id" = String, Path, description = "The app", example = "417290356"),
        ("name" = String, Path, description = "The presence channel", example = "presence-room"),
    ),
    security(("appSignature" = [])),
    responses(
        (status = 200, description = "Its members", body = ChannelUsers),
        (status = 400, description = "Only presence channels have users", body = ErrorBody),
        (status = 401, description = "It is not signed, or not well", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
    )
)]
async fn list_channel_users(
    State(app): State<App>,
    Texts([_, name]): Texts<2>,
    signed: Signed<0>,
) -> Reply<ChannelUsers> {
    let channel = channel(name)?;
    if channel.kind() != ChannelKind::Presence {
        return Err(invalid("Only presence channels have users"));
    }
    let members = app.channel_members(&signed.application.id, &channel).into_iter();
    Ok(Json(ChannelUsers { users: members.map(|member| ChannelUser { id: member.id }).collect() }))
}

/// Closes all sockets of a user who has signed in.
///
/// One that nobody signed in as is no error.
#[utoipa::path(
    post,
    path = "/apps/{id}/users/{user}/terminate_connections",
    tag = "Channels",
    params(
        ("id" = String, Path, description = "The app", example = "417290356"),
        ("user" = String, Path, description = "The user's id", example = "7"),
    ),
    security(("appSignature" = [])),
    responses(
        (status = 200, description = "They are told to go", body = Done),
        (status = 401, description = "It is not signed, or not well", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
    )
)]
async fn terminate_user_connections(
    State(app): State<App>,
    Texts([_, user]): Texts<2>,
    signed: Signed<1>,
) -> Json<Done> {
    app.terminate_user(&signed.application.id, &user);
    Json(Done {})
}

/// The channel of a path.
pub(in crate::api) fn channel(name: String) -> Result<ChannelName, Error> {
    Ok(ChannelName::parse(&name).map_err(|why| InvalidEvent::Channel { name, why })?)
}

fn info(query: &Query) -> Result<Info, Error> {
    Ok(query.last("info").map_or(Ok(Info::default()), Info::parse)?)
}
