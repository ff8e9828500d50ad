//! The library.

use axum::{
    Json,
    extract::{RawQuery, State},
};
use fanfare_model::game::GameFilter;

use super::{error::Error, extract::Ids, views::GameRow};
use crate::app::{App, Error as AppError};

pub(super) async fn list_games(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<Vec<GameRow>>, Error> {
    let pairs: Vec<_> =
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let filter = GameFilter::parse(pairs).map_err(AppError::from)?;
    Ok(Json(app.list_games(filter).await?.into_iter().map(GameRow::from).collect()))
}

pub(super) async fn get_game(State(app): State<App>, Ids([id]): Ids<1>) -> Result<Json<GameRow>, Error> {
    Ok(Json(app.get_game(id).await?.into()))
}
