//! Sessions and their games.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, patch, post},
};
use fanfare_model::{
    event::SessionGameRow,
    json,
    limits::NOTES_MAX_BYTES,
    session::{NewSessionGame, PlayStatus, Session, SessionGame, room_code},
};
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;

use super::{
    body::{New, Object},
    error::Error,
    extract::{Admin, Ids},
    views::{SessionRow, created, session_game, session_games},
};
use crate::app::{Answer, App, Error as AppError};

type Reply<T> = Result<Json<T>, Error>;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/api/sessions", get(list_sessions).post(create_session))
        .route("/api/sessions/active", get(get_active_session))
        .route("/api/sessions/{id}", get(get_session))
        .route("/api/sessions/{id}/close", post(close_session))
        .route("/api/sessions/{id}/games", get(list_session_games).post(add_game))
        .route("/api/sessions/{id}/games/{session_game_id}/status", patch(set_game_status))
        .route("/api/sessions/{id}/games/{session_game_id}/player-count", patch(set_player_count))
}

async fn list_sessions(State(app): State<App>) -> Reply<Vec<SessionRow>> {
    Ok(Json(app.list_sessions().await?.into_iter().map(SessionRow::from).collect()))
}

async fn get_active_session(State(app): State<App>) -> Result<Response, Error> {
    Ok(match app.get_active_session().await? {
        Some(session) => Json(SessionRow::from(session)).into_response(),
        None => Json(json!({"session": null, "message": "No active session"})).into_response(),
    })
}

async fn get_session(State(app): State<App>, Ids([id]): Ids<1>) -> Reply<SessionRow> {
    Ok(Json(app.get_session(id).await?.into()))
}

async fn create_session(State(app): State<App>, _: Admin, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|session: &Session| created(&SessionRow::from(session.clone())));
    Ok(app.start_session(notes(&new.body)?, creation).await?)
}

async fn close_session(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Reply<SessionRow> {
    Ok(Json(app.close_session(id, notes(&body)?).await?.into()))
}

async fn list_session_games(State(app): State<App>, Ids([id]): Ids<1>) -> Result<Response, Error> {
    Ok(session_games(&app.list_session_games(id).await?).into_response())
}

async fn add_game(State(app): State<App>, _: Admin, Ids([id]): Ids<1>, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|row: &SessionGame| created(&SessionGameRow::from(row)));
    Ok(app.add_game(id, new_session_game(&new.body)?, creation).await?)
}

async fn set_game_status(
    State(app): State<App>,
    _: Admin,
    Ids([session_id, id]): Ids<2>,
    Object(body): Object,
) -> Result<Response, Error> {
    let status = body.get("status").and_then(Value::as_str).and_then(PlayStatus::parse);
    let status = status.ok_or_else(|| invalid("Invalid status"))?;
    Ok(session_game(&app.set_game_status(session_id, id, status).await?).into_response())
}

async fn set_player_count(
    State(app): State<App>,
    _: Admin,
    Ids([session_id, id]): Ids<2>,
    Object(body): Object,
) -> Result<Response, Error> {
    let count = match body.get("player_count") {
        Some(Value::Null) => None,
        given => Some(
            given
                .and_then(json::as_integer)
                .filter(|count| *count >= 0)
                .ok_or_else(|| invalid("player_count must be a non-negative integer"))?,
        ),
    };
    Ok(session_game(&app.set_player_count(session_id, id, count).await?).into_response())
}

/// Absent, `null` and empty notes are no notes.
fn notes(body: &Map<String, Value>) -> Result<Option<String>, Error> {
    match body.get("notes") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() > NOTES_MAX_BYTES => {
            Err(AppError::Invalid(format!("notes must not be longer than {NOTES_MAX_BYTES} bytes").into())
                .into())
        }
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid("notes must be a string")),
    }
}

fn new_session_game(body: &Map<String, Value>) -> Result<NewSessionGame, Error> {
    let game_id = body.get("game_id");
    if json::is_falsy(game_id) {
        return Err(invalid("game_id is required"));
    }
    let manually_added = match body.get("manually_added") {
        None | Some(Value::Null) => false,
        Some(value) => json::as_bool(value).ok_or_else(|| invalid("manually_added must be a boolean"))?,
    };
    let room_code = match body.get("room_code") {
        None | Some(Value::Null) => None,
        Some(value) => Some(
            value.as_str().and_then(room_code).ok_or_else(|| invalid("room_code must be four letters"))?,
        ),
    };
    // What is no integer is no game's id; it is answered as an unknown one.
    Ok(NewSessionGame { game_id: game_id.and_then(json::as_integer).unwrap_or(0), manually_added, room_code })
}

fn invalid(text: &'static str) -> Error {
    AppError::Invalid(text.into()).into()
}
