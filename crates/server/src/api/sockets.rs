//! The ways from HTTP to sockets. What is said there is `live`'s.

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use utoipa::{IntoParams, IntoResponses};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::error::ErrorBody;
use crate::live::{self, Live};

pub(super) fn routes() -> OpenApiRouter<Live> {
    OpenApiRouter::new()
        .routes(routes!(open_live_socket))
        .routes(routes!(open_channel_socket))
        .routes(routes!(open_app_socket))
        .routes(routes!(open_pusher_socket))
}

/// How a request for a socket is answered.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes what `live` answers")]
enum Upgrade {
    #[response(status = 101, description = "It goes on as a WebSocket")]
    Upgraded,
    #[response(status = 400, description = "Sec-WebSocket-Key must be 16 bytes in base64")]
    BadKey(ErrorBody),
    #[response(
        status = 426,
        description = "WebSocket upgrade required",
        headers(("Upgrade" = String, description = "`websocket`"))
    )]
    NotAsked(ErrorBody),
}

/// The same, where the page of another origin asks for it.
#[derive(IntoResponses)]
#[response(status = 403, description = "This origin may not open a socket here")]
#[expect(dead_code, reason = "describes what `live` answers")]
struct WrongOrigin(ErrorBody);

/// Who opens a socket of ts-broadcasting's protocol.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `live` reads")]
struct Token {
    /// A JWT; it may come in the `Authorization` header or in the cookie `auth_token` instead
    token: Option<String>,
}

/// Opens the game socket.
///
/// A WebSocket (RFC 6455) of JSON text frames. What is said on it stands in `/asyncapi.json`.
#[utoipa::path(get, path = "/api/sessions/live", tag = "Events", responses(Upgrade))]
async fn open_live_socket(State(live): State<Live>, request: Request) -> Response {
    live::upgrade(State(live), request).await
}

/// Opens a socket on the channels of the default app.
///
/// In the protocol of ts-broadcasting's clients.
#[utoipa::path(get, path = "/ws", tag = "Channels", params(Token), responses(Upgrade, WrongOrigin))]
async fn open_channel_socket(State(live): State<Live>, request: Request) -> Response {
    live::open_broadcasting(live, request).await
}

/// Opens a socket on the channels of the default app.
///
/// The same as `/ws`, where ts-broadcasting's SDK looks for it.
#[utoipa::path(get, path = "/app", tag = "Channels", params(Token), responses(Upgrade, WrongOrigin))]
async fn open_app_socket(State(live): State<Live>, request: Request) -> Response {
    live::open_broadcasting(live, request).await
}

/// Opens a socket on the channels of an app.
///
/// In the protocol of Pusher Channels, version 7. An unknown key and another version are refused on the socket.
#[utoipa::path(
    get,
    path = "/app/{key}",
    tag = "Channels",
    params(
        ("key" = String, Path, description = "The key of the app"),
        ("protocol" = Option<i64>, Query, description = "The version of the protocol: 7"),
    ),
    responses(Upgrade, WrongOrigin)
)]
async fn open_pusher_socket(State(live): State<Live>, Path(key): Path<String>, request: Request) -> Response {
    live::open_pusher(live, &key, request).await
}
