//! The way from HTTP to the game socket. What is said there is `live`'s.

use axum::{
    extract::{Request, State},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::error::ErrorBody;
use crate::live::{self, Live};

pub(super) fn routes() -> OpenApiRouter<Live> {
    OpenApiRouter::new().routes(routes!(open_live_socket))
}

/// Opens the game socket.
///
/// A WebSocket (RFC 6455) of JSON text frames. What is said on it stands in `/asyncapi.json`.
#[utoipa::path(
    get,
    path = "/api/sessions/live",
    tag = "Events",
    responses(
        (status = 101, description = "It goes on as a WebSocket"),
        (status = 400, description = "Sec-WebSocket-Key must be 16 bytes in base64", body = ErrorBody),
        (
            status = 426, description = "WebSocket upgrade required", body = ErrorBody,
            headers(("Upgrade" = String, description = "`websocket`"))
        ),
    )
)]
async fn open_live_socket(State(live): State<Live>, request: Request) -> Response {
    live::upgrade(State(live), request).await
}
