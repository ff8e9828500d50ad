//! The library.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use fanfare_model::game::{Drawing, GameFilter, Length};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    error::{Error, ErrorBody},
    extract::Ids,
    views::GameRow,
};
use crate::app::{App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_games)).routes(routes!(get_game))
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
async fn list_games(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Vec<GameRow>>, Error> {
    let pairs: Vec<_> =
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let filter = GameFilter::parse(pairs).map_err(AppError::from)?;
    Ok(Json(app.list_games(filter).await?.into_iter().map(GameRow::from).collect()))
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
async fn get_game(State(app): State<App>, Ids([id]): Ids<1>) -> Result<Json<GameRow>, Error> {
    Ok(Json(app.get_game(id).await?.into()))
}
