//! Picking what to play next.

use axum::{extract::State, response::Response};
use fanfare_model::{
    game::{Drawing, Length},
    pick::Options,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Object,
    error::{Error, ErrorBody},
    games::nullable_flag,
    views::{self, GameRow},
};
use crate::app::{App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(pick))
}

/// What to pick from, and how; everything may be left out or `null`.
#[derive(ToSchema)]
#[schema(example = json!({"playerCount": 5, "length": "short", "packs": ["Jackbox Party Pack 7"], "sessionId": 3}))]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `Options::parse` reads")]
pub(super) struct PickOptions {
    /// Games that this many people can play.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 5)]
    player_count: Option<i64>,
    /// A game with an audience may take more than its most players.
    #[schema(schema_with = nullable_flag)]
    audience_overflow: Option<bool>,
    /// Drawing games only, or none; a game's first kind counts.
    drawing: Option<Drawing>,
    /// How long a round may take.
    length: Option<Length>,
    /// Games no longer than this, in minutes, or of unknown length.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    max_length: Option<i64>,
    /// Games for everyone only, or only the others.
    #[schema(schema_with = nullable_flag)]
    family_friendly: Option<bool>,
    /// Games of these packs only; a leading "The " does not count.
    #[schema(min_items = 1, max_items = 100)]
    packs: Option<Vec<String>>,
    /// None of these games.
    #[schema(schema_with = excluded)]
    exclude_game_ids: Option<Vec<i64>>,
    /// Not the last two games that this session has played.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    session_id: Option<i64>,
    /// Nothing that the session has played at all.
    #[schema(schema_with = nullable_flag)]
    exclude_played: Option<bool>,
    /// So many different games, or as many as there are.
    #[schema(minimum = 1, maximum = 100)]
    count: Option<i64>,
    /// The same seed picks the same from the same library.
    #[schema(minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64)]
    seed: Option<i64>,
    /// How much votes count: a weight is multiplied by 1000 + w · ⌊100 · (up − down) / (up + down + 10)⌉,
    /// cut towards 0. Not given or 0: not at all.
    #[schema(minimum = 0, maximum = 10)]
    popularity_weight: Option<i64>,
}

fn excluded() -> utoipa::openapi::Schema {
    use utoipa::openapi::{
        ArrayBuilder, ObjectBuilder,
        schema::{SchemaType, Type},
    };
    let id = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(9_007_199_254_740_991_i64));
    ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(id)
        .max_items(Some(1_000))
        .description(Some("None of these games"))
        .build()
        .into()
}

/// One picked game.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PickedGame<'a> {
    game: GameRow<'a>,
    /// Games that could have been picked.
    #[schema(minimum = 1, example = 12)]
    pool_size: usize,
    /// Enabled games of the library.
    #[schema(minimum = 1, example = 63)]
    total_enabled: usize,
    /// The game's weight in the sum of all weights.
    #[schema(minimum = 0, maximum = 1, example = 0.083)]
    probability: f64,
}

/// Several picked games.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PickedGames<'a> {
    /// In the order in which they were drawn.
    games: Vec<Choice<'a>>,
    /// Games that could have been picked.
    #[schema(minimum = 1, example = 12)]
    pool_size: usize,
    /// Enabled games of the library.
    #[schema(minimum = 1, example = 63)]
    total_enabled: usize,
}

/// One of several picked games.
#[derive(Serialize, ToSchema)]
struct Choice<'a> {
    game: GameRow<'a>,
    /// Its weight in the sum of the weights of those that were left when it was drawn.
    #[schema(minimum = 0, maximum = 1, example = 0.083)]
    probability: f64,
}

/// One, with its odds, or several when `count` is given.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum PickReply<'a> {
    One(PickedGame<'a>),
    Several(PickedGames<'a>),
}

/// Picks a game by chance.
///
/// A game's weight is 30, 10 or 2 for its own `favor_bias` of 1, 0 or -1, times 20, 10 or 3 for its
/// pack's. No filter is ever relaxed: when nothing is left, `emptiedBy` names the filter after which
/// that was so, or `enabled` when no game is.
#[utoipa::path(
    post,
    path = "/api/pick",
    tag = "Picking",
    request_body = PickOptions,
    responses(
        (status = 200, description = "What was picked", body = PickReply),
        (status = 400, description = "An option makes no sense", body = ErrorBody),
        (status = 404, description = "No games match the current filters, or: Session not found", body = ErrorBody),
    )
)]
async fn pick(State(app): State<App>, Object(body): Object) -> Result<Response, Error> {
    let options = Options::parse(&body).map_err(AppError::from)?;
    let picked = app.pick(&options).await?;
    let (pool_size, total_enabled) = (picked.pool_size, picked.total_enabled);
    let mut games = picked
        .games
        .iter()
        .map(|(game, probability)| Choice { game: game.into(), probability: *probability });
    let reply = match (options.count, games.next()) {
        (None, Some(Choice { game, probability })) => {
            PickReply::One(PickedGame { game, pool_size, total_enabled, probability })
        }
        (_, first) => {
            let games = first.into_iter().chain(games).collect();
            PickReply::Several(PickedGames { games, pool_size, total_enabled })
        }
    };
    Ok(views::json(&reply))
}
