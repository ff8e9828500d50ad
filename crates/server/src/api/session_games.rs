//! The games of sessions.

use axum::{Json, extract::State, response::Response};
use fanfare_model::{
    event::SessionGameRow,
    json,
    session::{NewSessionGame, PlayStatus, SessionGame, room_code},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{SchemaType, Type},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{New, Object},
    error::{Error, ErrorBody, invalid},
    extract::{Admin, Ids},
    views::{self, created, session_game},
};
use crate::app::{Answer, App};

const BAD_ROOM_CODE: &str = "room_code must be four letters";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_session_games, add_game))
        .routes(routes!(set_game_status))
        .routes(routes!(set_room_code))
        .routes(routes!(set_player_count))
        .routes(routes!(remove_session_game))
}

/// A game to be added to a session.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `new_session_game` reads")]
struct AddGame {
    /// The game in the library.
    #[schema(minimum = 1, example = 45)]
    game_id: i64,
    /// Whether a person chose it rather than the picker.
    manually_added: Option<AnyFlag>,
    /// Where it can be joined; kept in capitals.
    #[schema(pattern = "^[A-Za-z]{4}$", example = "ABCD")]
    room_code: Option<String>,
}

/// `true`, `false`, `0` or `1`, as `json::as_bool` reads them.
pub(super) struct AnyFlag;

impl PartialSchema for AnyFlag {
    fn schema() -> RefOr<Schema> {
        let values: [Value; 4] = [true.into(), false.into(), 0.into(), 1.into()];
        let types = SchemaType::from_iter([Type::Boolean, Type::Integer]);
        ObjectBuilder::new().schema_type(types).enum_values(Some(values)).build().into()
    }
}

impl ToSchema for AnyFlag {}

/// Where a game stands.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `set_game_status` reads")]
struct GameStatus {
    status: Status,
}

/// `playing` makes another game that is playing played.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `set_game_status` reads")]
enum Status {
    Playing,
    Played,
    Skipped,
}

/// Where a game can be joined.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `set_room_code` reads")]
struct RoomCode {
    /// Four letters, kept in capitals; `null` clears the code.
    #[schema(required = true, pattern = "^[A-Za-z]{4}$", example = "ABCD")]
    room_code: Option<String>,
}

/// How many people take part.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `set_player_count` reads")]
struct PlayerCount {
    /// People in the room; `null` ends a value that was set by hand.
    #[schema(required = true, minimum = 0, maximum = 9_007_199_254_740_991_i64, example = 5)]
    player_count: Option<i64>,
}

/// A game is not in the session any more.
#[derive(Serialize, ToSchema)]
struct RemovedGame {
    #[schema(example = "Game removed from session successfully")]
    message: &'static str,
    #[serde(rename = "sessionGameId")]
    #[schema(minimum = 1, example = 7)]
    session_game_id: i64,
}

/// A session's games, in the order in which they were added.
#[utoipa::path(
    get,
    path = "/api/sessions/{id}/games",
    tag = "Session games",
    params(("id" = i64, Path, minimum = 1, description = "The session")),
    responses(
        (status = 200, description = "The games", body = Vec<SessionGameRow>),
        (status = 404, description = "Session not found", body = ErrorBody),
    )
)]
async fn list_session_games(State(app): State<App>, Ids([id]): Ids<1>) -> Result<Response, Error> {
    let games = app.list_session_games(id).await?;
    Ok(views::json(&games.iter().map(SessionGameRow::from).collect::<Vec<_>>()))
}

/// Puts a game on: it is playing, and the one that was is played. `game.added` tells the session's
/// subscribers.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/games",
    tag = "Session games",
    security(("bearerAuth" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The session")),
    request_body = AddGame,
    responses(
        (status = 201, description = "The game's row in the session; its `id` is the `sessionGameId`", body = SessionGameRow),
        (status = 400, description = "A field is missing or makes no sense, or the session is closed", body = ErrorBody),
        (status = 404, description = "Session not found, or Game not found", body = ErrorBody),
        (status = 409, description = "The session is full", body = ErrorBody),
        (status = 422, description = "The `Idempotency-Key` was used for another request", body = ErrorBody),
    )
)]
async fn add_game(State(app): State<App>, _: Admin, Ids([id]): Ids<1>, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|row: &SessionGame| created(&SessionGameRow::from(row)));
    Ok(app.add_game(id, new_session_game(&new.body)?, creation).await?)
}

/// Says where a game stands. In a closed session nothing can be played. `game.status` tells the
/// session's subscribers.
#[utoipa::path(
    patch,
    path = "/api/sessions/{id}/games/{session_game_id}/status",
    tag = "Session games",
    security(("bearerAuth" = [])),
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("session_game_id" = i64, Path, minimum = 1, description = "The game's row in the session"),
    ),
    request_body = GameStatus,
    responses(
        (status = 200, description = "The changed row", body = SessionGameRow),
        (status = 400, description = "Invalid status, or the session is closed", body = ErrorBody),
        (status = 404, description = "Session game not found", body = ErrorBody),
    )
)]
async fn set_game_status(
    State(app): State<App>,
    _: Admin,
    Ids([session_id, id]): Ids<2>,
    Object(body): Object,
) -> Result<Response, Error> {
    let status = body.get("status").and_then(Value::as_str).and_then(PlayStatus::parse);
    let status = status.ok_or_else(|| invalid("Invalid status"))?;
    Ok(session_game(&app.set_game_status(session_id, id, status).await?))
}

/// Says where a game can be joined. `room.updated` tells the session's subscribers.
#[utoipa::path(
    patch,
    path = "/api/sessions/{id}/games/{session_game_id}/room-code",
    tag = "Session games",
    security(("bearerAuth" = [])),
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("session_game_id" = i64, Path, minimum = 1, description = "The game's row in the session"),
    ),
    request_body = RoomCode,
    responses(
        (status = 200, description = "The changed row", body = SessionGameRow),
        (status = 400, description = "room_code must be four letters", body = ErrorBody),
        (status = 404, description = "Session game not found", body = ErrorBody),
    )
)]
async fn set_room_code(
    State(app): State<App>,
    _: Admin,
    Ids([session_id, id]): Ids<2>,
    Object(body): Object,
) -> Result<Response, Error> {
    let code = match body.get("room_code") {
        Some(Value::Null) => None,
        given => {
            Some(given.and_then(Value::as_str).and_then(room_code).ok_or_else(|| invalid(BAD_ROOM_CODE))?)
        }
    };
    Ok(session_game(&app.set_room_code(session_id, id, code).await?))
}

/// Says how many people take part. `player-count.updated` tells the session's subscribers.
#[utoipa::path(
    patch,
    path = "/api/sessions/{id}/games/{session_game_id}/player-count",
    tag = "Session games",
    security(("bearerAuth" = [])),
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("session_game_id" = i64, Path, minimum = 1, description = "The game's row in the session"),
    ),
    request_body = PlayerCount,
    responses(
        (status = 200, description = "The changed row", body = SessionGameRow),
        (status = 400, description = "player_count must be a non-negative integer", body = ErrorBody),
        (status = 404, description = "Session game not found", body = ErrorBody),
    )
)]
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
    Ok(session_game(&app.set_player_count(session_id, id, count).await?))
}

/// Takes a game out of a session: it counts as not played. Votes for it stay. `game.removed` tells
/// the session's subscribers.
#[utoipa::path(
    delete,
    path = "/api/sessions/{id}/games/{session_game_id}",
    tag = "Session games",
    security(("bearerAuth" = [])),
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("session_game_id" = i64, Path, minimum = 1, description = "The game's row in the session"),
    ),
    responses(
        (status = 200, description = "It is gone", body = RemovedGame),
        (status = 404, description = "Session game not found", body = ErrorBody),
    )
)]
async fn remove_session_game(
    State(app): State<App>,
    _: Admin,
    Ids([session_id, id]): Ids<2>,
) -> Result<Json<RemovedGame>, Error> {
    app.remove_session_game(session_id, id).await?;
    Ok(Json(RemovedGame { message: "Game removed from session successfully", session_game_id: id }))
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
        Some(value) => Some(value.as_str().and_then(room_code).ok_or_else(|| invalid(BAD_ROOM_CODE))?),
    };
    // What is no integer is no game's id; it is answered as an unknown one.
    Ok(NewSessionGame { game_id: game_id.and_then(json::as_integer).unwrap_or(0), manually_added, room_code })
}
