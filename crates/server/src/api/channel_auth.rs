//! Signatures for Pusher clients that have no server of their own to ask.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use fanfare_model::{
    application::Application,
    channel::{ChannelName, SocketId},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Fields,
    error::{Error, ErrorBody, invalid},
    extract::bearer_token,
};
use crate::{
    app::{App, Error as AppError},
    auth::{ChannelAuth, Claims, Signed},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_channel))
        .routes(routes!(sign_broadcasting_channel))
        .routes(routes!(sign_user))
}

/// A socket that wants to subscribe to a channel.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Fields` holds")]
struct ChannelToSign {
    /// The socket, as it was told its id.
    #[schema(
        example = "1234.5678",
        pattern = "^([0-9]{1,18}\\.[0-9]{1,18}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
    )]
    socket_id: String,
    /// A private or presence channel.
    #[schema(example = "private-session.3", pattern = "^[A-Za-z0-9_=@,.;:-]{1,200}$")]
    channel_name: String,
    /// The key of the app; the default app without.
    #[schema(example = "278d425bdf160c739803")]
    app_key: Option<String>,
}

/// A socket whose user is to be known.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Fields` holds")]
struct UserToSign {
    /// The socket, as it was told its id.
    #[schema(
        example = "1234.5678",
        pattern = "^([0-9]{1,18}\\.[0-9]{1,18}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
    )]
    socket_id: String,
    /// The key of the app; the default app without.
    #[schema(example = "278d425bdf160c739803")]
    app_key: Option<String>,
}

/// What a client subscribes with.
#[derive(Serialize, ToSchema)]
struct SignedChannel {
    /// The key of the app and the signature.
    #[schema(
        example = "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    )]
    auth: String,
    /// JSON that says who joins; for presence channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = r#"{"user_id":"7","user_info":{"name":"Ann"}}"#)]
    channel_data: Option<String>,
}

/// What a client signs in with.
#[derive(Serialize, ToSchema)]
struct SignedUser {
    /// The key of the app and the signature.
    #[schema(
        example = "278d425bdf160c739803:4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba"
    )]
    auth: String,
    /// JSON that says who it is.
    #[schema(example = r#"{"id":"7"}"#)]
    user_data: String,
}

/// Why nothing is signed.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes what is refused")]
enum Unsigned {
    #[response(status = 403, description = "Unauthorized")]
    Unauthorized(ErrorBody),
    #[response(status = 404, description = "App not found")]
    NoApp(ErrorBody),
}

/// Signs that a socket may subscribe to a channel.
///
/// For clients of Pusher Channels without a server of their own. The token of `Authorization` says who asks; it is
/// allowed what the configuration allows.
#[utoipa::path(
    post,
    path = "/pusher/auth",
    tag = "Channels",
    request_body(content((ChannelToSign = "application/json"), (ChannelToSign = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "What the client subscribes with", body = SignedChannel), Unsigned)
)]
async fn sign_channel(
    State(app): State<App>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Json<SignedChannel>, Error> {
    signed_channel(&app, &headers, &fields).await
}

/// Signs that a socket may subscribe to a channel.
///
/// The same as `/pusher/auth`, where Laravel Echo looks for it.
#[utoipa::path(
    post,
    path = "/broadcasting/auth",
    tag = "Channels",
    request_body(content((ChannelToSign = "application/json"), (ChannelToSign = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "What the client subscribes with", body = SignedChannel), Unsigned)
)]
async fn sign_broadcasting_channel(
    State(app): State<App>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Json<SignedChannel>, Error> {
    signed_channel(&app, &headers, &fields).await
}

/// Signs whose a socket is.
///
/// For clients of Pusher Channels without a server of their own: the user is the `sub` of the token in
/// `Authorization`.
#[utoipa::path(
    post,
    path = "/pusher/user-auth",
    tag = "Channels",
    request_body(content((UserToSign = "application/json"), (UserToSign = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, description = "What the client signs in with", body = SignedUser),
        Unsigned,
    )
)]
async fn sign_user(
    State(app): State<App>,
    headers: HeaderMap,
    Fields(fields): Fields,
) -> Result<Json<SignedUser>, Error> {
    let socket = text(&fields, "socket_id").ok_or(invalid("Missing required fields: socket_id"))?;
    let socket = socket_id(socket)?;
    let (application, claims) = (application(&app, &fields)?, claims(&app, &headers));
    let Signed { auth, data } = ChannelAuth::sign_user(&application, socket, claims.as_ref())?;
    Ok(Json(SignedUser { auth, user_data: data.unwrap_or_default() }))
}

async fn signed_channel(
    app: &App,
    headers: &HeaderMap,
    Fields(fields): &Fields,
) -> Result<Json<SignedChannel>, Error> {
    let (Some(socket), Some(channel)) = (text(fields, "socket_id"), text(fields, "channel_name")) else {
        return Err(invalid("Missing required fields: socket_id, channel_name"));
    };
    let socket = socket_id(socket)?;
    let channel = ChannelName::parse(channel).map_err(|error| AppError::Invalid(error.to_string().into()))?;
    let (application, claims) = (application(app, fields)?, claims(app, headers));
    let signed = app.channel_auth.sign(&application, socket, &channel, claims.as_ref()).await?;
    Ok(Json(SignedChannel { auth: signed.auth, channel_data: signed.data }))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn socket_id(text: &str) -> Result<SocketId, Error> {
    SocketId::parse(text).ok_or(invalid("socket_id must be the id of a socket"))
}

/// The app whose key is named, else the default one.
fn application(app: &App, fields: &Map<String, Value>) -> Result<Arc<Application>, Error> {
    let named = match fields.get("app_key") {
        None | Some(Value::Null) => return Ok(app.applications.default()),
        Some(key) => key.as_str().and_then(|key| app.applications.by_key(key)),
    };
    named.ok_or(Error::App(AppError::NotFound("App not found")))
}

/// What the token says, if there is a good one.
fn claims(app: &App, headers: &HeaderMap) -> Option<Claims> {
    app.channel_auth.identify(bearer_token(headers))
}
