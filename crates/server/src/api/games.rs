//! The library, game by game.

use axum::{Json, extract::State, response::Response};
use fanfare_model::game::{Drawing, Game, GameEntry, GameFilter, GamePatch, Length, favor_bias};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    ToSchema,
    openapi::{
        ObjectBuilder, Schema,
        schema::{SchemaType, Type},
    },
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{New, Object},
    error::{Error, ErrorBody},
    extract::{Admin, Ids, Query},
    views::{self, GameRow, created},
};
use crate::app::{Answer, App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_games, create_game))
        .routes(routes!(get_game, update_game, delete_game))
        .routes(routes!(toggle_game))
        .routes(routes!(favor_game))
}

/// A new game.
#[derive(ToSchema)]
#[schema(example = json!({"pack_name": "Jackbox Party Pack 7", "title": "Quiplash 3", "min_players": 3, "max_players": 8, "length_minutes": 15, "has_audience": true, "family_friendly": true, "game_type": "Writing"}))]
#[expect(dead_code, reason = "describes what `GameEntry::parse` reads")]
struct NewGameBody {
    /// Loses the spaces around it.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "The Jackbox Party Pack 7")]
    pack_name: String,
    /// Unique within the pack; loses the spaces around it.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Champ'd Up")]
    title: String,
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 3)]
    min_players: i64,
    /// At least `min_players`.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 8)]
    max_players: i64,
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 20, required = false)]
    length_minutes: Option<i64>,
    #[schema(schema_with = flag, required = false)]
    has_audience: bool,
    #[schema(schema_with = flag, required = false)]
    family_friendly: bool,
    #[schema(max_length = 200, example = "Drawing", required = false)]
    game_type: Option<String>,
    #[schema(max_length = 200, required = false)]
    secondary_type: Option<String>,
    /// Whether it may be picked; it may if nothing is said.
    #[schema(schema_with = flag, required = false)]
    enabled: bool,
    /// How much the picker likes it; 0 if nothing is said.
    #[schema(schema_with = bias, required = false)]
    favor_bias: i64,
}

/// What of a game is to change.
#[derive(ToSchema)]
#[schema(example = json!({"length_minutes": 20, "game_type": "Drawing", "enabled": true}))]
#[expect(dead_code, reason = "describes what `GamePatch::parse` reads")]
struct GamePatchBody {
    /// Loses the spaces around it.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", required = false)]
    pack_name: String,
    /// Unique within the pack; loses the spaces around it.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Champ'd Up", required = false)]
    title: String,
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, required = false)]
    min_players: i64,
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, required = false)]
    max_players: i64,
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, required = false)]
    length_minutes: Option<i64>,
    #[schema(schema_with = flag, required = false)]
    has_audience: bool,
    #[schema(schema_with = flag, required = false)]
    family_friendly: bool,
    #[schema(max_length = 200, required = false)]
    game_type: Option<String>,
    #[schema(max_length = 200, required = false)]
    secondary_type: Option<String>,
    /// Whether it may be picked.
    #[schema(schema_with = flag, required = false)]
    enabled: bool,
    /// How much the picker likes it.
    #[schema(schema_with = bias, required = false)]
    favor_bias: i64,
}

/// How much the picker is to like something.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `favor_bias` reads")]
pub(super) struct FavorBody {
    #[schema(schema_with = bias)]
    favor_bias: i64,
}

/// That something was done.
#[derive(Serialize, ToSchema)]
struct Done {
    #[schema(example = "Game deleted successfully")]
    message: &'static str,
}

/// What counts as a boolean in a body.
pub(super) fn flag() -> Schema {
    let types = SchemaType::from_iter([Type::Boolean, Type::Integer]);
    let values = [Value::from(true), Value::from(false), Value::from(0), Value::from(1)];
    ObjectBuilder::new().schema_type(types).enum_values(Some(values)).build().into()
}

/// The same, or `null`.
pub(super) fn nullable_flag() -> Schema {
    let types = SchemaType::from_iter([Type::Boolean, Type::Integer, Type::Null]);
    let values = [Value::from(true), Value::from(false), Value::from(0), Value::from(1), Value::Null];
    ObjectBuilder::new().schema_type(types).enum_values(Some(values)).build().into()
}

fn bias() -> Schema {
    let types = SchemaType::new(Type::Integer);
    ObjectBuilder::new().schema_type(types).enum_values(Some([-1, 0, 1])).examples([1]).build().into()
}

/// The games that pass every filter, by pack, then title.
#[utoipa::path(
    get,
    path = "/api/games",
    tag = "Games",
    params(
        ("enabled" = Option<bool>, Query, description = "Enabled or disabled games only"),
        ("playerCount" = Option<i64>, Query, minimum = 1, description = "Games that this many can play"),
        ("drawing" = Option<Drawing>, Query, description = "Drawing games only, or none"),
        ("length" = Option<Length>, Query, description = "How long a round may take"),
        ("familyFriendly" = Option<bool>, Query, description = "Games for everyone only, or the others"),
        ("pack" = Option<String>, Query, description = "Its pack; a leading \"The \" does not count"),
    ),
    responses(
        (status = 200, description = "The games", body = Vec<GameRow>),
        (status = 400, description = "A filter has an unknown value", body = ErrorBody),
    )
)]
async fn list_games(State(app): State<App>, query: Query) -> Result<Response, Error> {
    let filter = GameFilter::parse(query.pairs()).map_err(AppError::from)?;
    let library = app.library().await?;
    let games = library.games().iter().filter(|game| filter.matches(game));
    Ok(views::json(&games.map(GameRow::from).collect::<Vec<_>>()))
}

/// One game.
#[utoipa::path(
    get,
    path = "/api/games/{id}",
    tag = "Games",
    params(("id" = i64, Path, minimum = 1, description = "The game")),
    responses(
        (status = 200, description = "The game", body = GameRow),
        (status = 404, description = "Game not found", body = ErrorBody),
    )
)]
async fn get_game(State(app): State<App>, Ids([id]): Ids<1>) -> Result<Response, Error> {
    let library = app.library().await?;
    let game = library.get(id).ok_or(AppError::NO_GAME)?;
    Ok(game_row(game))
}

/// Puts a game into the library.
#[utoipa::path(
    post,
    path = "/api/games",
    tag = "Games",
    request_body = NewGameBody,
    responses(
        (status = 201, description = "The game", body = GameRow),
        (status = 400, description = "A field is missing or makes no sense", body = ErrorBody),
        (status = 409, description = "The pack has a game of that title, or the library is full", body = ErrorBody),
        (status = 422, description = "The Idempotency-Key was used for another request", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn create_game(State(app): State<App>, _: Admin, new: New) -> Result<Answer, Error> {
    let entry = GameEntry::parse(&new.body).map_err(AppError::from)?;
    let creation = new.answered(|game: &Game| created(&GameRow::from(game)));
    Ok(app.create_game(entry, creation).await?)
}

/// Changes a game; what is not given stays, and so do its votes and plays.
#[utoipa::path(
    put,
    path = "/api/games/{id}",
    tag = "Games",
    params(("id" = i64, Path, minimum = 1, description = "The game")),
    request_body = GamePatchBody,
    responses(
        (status = 200, description = "The game", body = GameRow),
        (status = 400, description = "A field makes no sense", body = ErrorBody),
        (status = 404, description = "Game not found", body = ErrorBody),
        (status = 409, description = "The pack has another game of that title", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn update_game(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Result<Response, Error> {
    let patch = GamePatch::parse(&body).map_err(AppError::from)?;
    Ok(game_row(&app.update_game(id, patch).await?))
}

/// Removes a game that was never played.
#[utoipa::path(
    delete,
    path = "/api/games/{id}",
    tag = "Games",
    params(("id" = i64, Path, minimum = 1, description = "The game")),
    responses(
        (status = 200, description = "It is gone", body = Done),
        (status = 404, description = "Game not found", body = ErrorBody),
        (status = 409, description = "It was played or voted on", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn delete_game(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Result<Json<Done>, Error> {
    app.delete_game(id).await?;
    Ok(Json(Done { message: "Game deleted successfully" }))
}

/// Enables a disabled game and disables an enabled one.
#[utoipa::path(
    patch,
    path = "/api/games/{id}/toggle",
    tag = "Games",
    params(("id" = i64, Path, minimum = 1, description = "The game")),
    responses(
        (status = 200, description = "The game", body = GameRow),
        (status = 404, description = "Game not found", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn toggle_game(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Result<Response, Error> {
    Ok(game_row(&app.toggle_game(id).await?))
}

/// Sets how much the picker likes a game.
#[utoipa::path(
    patch,
    path = "/api/games/{id}/favor",
    tag = "Games",
    params(("id" = i64, Path, minimum = 1, description = "The game")),
    request_body = FavorBody,
    responses(
        (status = 200, description = "The game", body = GameRow),
        (status = 400, description = "favor_bias must be -1, 0 or 1", body = ErrorBody),
        (status = 404, description = "Game not found", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn favor_game(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Result<Response, Error> {
    let favor_bias = favor_bias(body.get("favor_bias").unwrap_or(&Value::Null)).map_err(AppError::from)?;
    Ok(game_row(&app.favor_game(id, favor_bias).await?))
}

fn game_row(game: &Game) -> Response {
    views::json(&GameRow::from(game))
}
