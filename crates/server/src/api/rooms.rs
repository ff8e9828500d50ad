//! Watching the room of a session's game.

use axum::{extract::State, response::Response};
use fanfare_model::event::SessionGameRow;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Object,
    error::{Error, ErrorBody},
    extract::{Admin, Ids},
    views::session_game,
};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(start_player_check)).routes(routes!(stop_player_check))
}

/// Watches the game's room: its state and, where it can be known, how many people play.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/games/{session_game_id}/start-player-check",
    tag = "Session games",
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("session_game_id" = i64, Path, minimum = 1, description = "The game's row in the session"),
    ),
    responses(
        (status = 200, description = "The row; what is found is told by events", body = SessionGameRow),
        (status = 400, description = "The row has no room code, or the session is closed", body = ErrorBody),
        (status = 404, description = "Session game not found", body = ErrorBody),
        (status = 409, description = "Too many rooms are being watched", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn start_player_check(
    State(app): State<App>,
    _: Admin,
    Ids([session_id, id]): Ids<2>,
    _: Object,
) -> Result<Response, Error> {
    Ok(session_game(&app.start_player_check(session_id, id).await?))
}

/// Stops watching the game's room; the last count stays. A row that is not watched is answered as it is.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/games/{session_game_id}/stop-player-check",
    tag = "Session games",
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("session_game_id" = i64, Path, minimum = 1, description = "The game's row in the session"),
    ),
    responses(
        (status = 200, description = "The row", body = SessionGameRow),
        (status = 404, description = "Session game not found", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn stop_player_check(
    State(app): State<App>,
    _: Admin,
    Ids([session_id, id]): Ids<2>,
    _: Object,
) -> Result<Response, Error> {
    Ok(session_game(&app.stop_player_check(session_id, id).await?))
}
