//! Polls of sessions.

use axum::{Json, extract::State, response::Response};
use fanfare_model::{
    event::PollRow,
    game::{Drawing, Length},
    limits::{INTEGER_MAX, POLL_OPTIONS_MAX, POLL_OPTIONS_MIN},
    poll::{NewPoll, Poll, PollVote},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, schema::Type},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::New,
    error::{Error, ErrorBody},
    extract::{Admin, Ids},
    session_games::AnyFlag,
    views::{self, answer, created},
};
use crate::app::{Answer, App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_polls, create_poll))
        .routes(routes!(get_poll, delete_poll))
        .routes(routes!(vote_in_poll))
        .routes(routes!(close_poll))
}

/// What to choose from, and how long.
#[derive(ToSchema)]
#[schema(example = json!({"gameIds": [12, 45, 7], "seconds": 60}))]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `NewPoll::parse` reads")]
struct CreatePoll {
    /// The games, in this order; without them some are picked, and all that follows but `seconds`
    /// says how.
    game_ids: Option<GameIds>,
    /// So many games, or as many as pass the filters; 3 when nothing is said.
    #[schema(minimum = 2, maximum = 10, example = 3)]
    count: Option<i64>,
    /// Games that this many people can play.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 6)]
    player_count: Option<i64>,
    /// A game with an audience may take more than its most players.
    audience_overflow: Option<AnyFlag>,
    /// Drawing games only, or none.
    drawing: Option<Drawing>,
    /// How long a round may take.
    length: Option<Length>,
    /// How long a round may take at most, in minutes.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 30)]
    max_length: Option<i64>,
    /// Games for everyone only, or the others.
    family_friendly: Option<AnyFlag>,
    /// Games of these packs only; a leading "The " does not count.
    #[schema(min_items = 1, max_items = 100)]
    packs: Option<Vec<String>>,
    /// None of these.
    #[schema(max_items = 1000)]
    exclude_game_ids: Option<Vec<GameId>>,
    /// None that the session has played, instead of the last two.
    exclude_played: Option<AnyFlag>,
    /// Draw the same games from the same library every time.
    #[schema(minimum = -9_007_199_254_740_991_i64, maximum = 9_007_199_254_740_991_i64)]
    seed: Option<i64>,
    /// How much votes count.
    #[schema(minimum = 0, maximum = 10)]
    popularity_weight: Option<i64>,
    /// How long it is open, in seconds; 60 when nothing is said.
    #[schema(minimum = 10, maximum = 300, example = 60)]
    seconds: Option<i64>,
}

/// A game of the library.
struct GameId;

impl PartialSchema for GameId {
    fn schema() -> RefOr<Schema> {
        #[expect(clippy::cast_precision_loss, reason = "the largest integer that a double holds exactly")]
        let max = INTEGER_MAX as f64;
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(max)).build().into()
    }
}

impl ToSchema for GameId {}

/// Different games of the library.
struct GameIds;

impl PartialSchema for GameIds {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(GameId::schema())
            .min_items(Some(POLL_OPTIONS_MIN))
            .max_items(Some(POLL_OPTIONS_MAX))
            .unique_items(true)
            .examples([[12, 45, 7]])
            .build()
            .into()
    }
}

impl ToSchema for GameIds {}

/// A vote; of two by the same name the later one counts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `PollVote::parse` reads")]
struct VoteInPoll {
    /// Who votes; space around the name and its case do not matter.
    #[schema(min_length = 1, max_length = 200, example = "ann")]
    username: String,
    /// The key of an option, in either case.
    #[schema(pattern = "^[A-Ja-j]$", example = "B")]
    option: String,
}

/// A poll is gone.
#[derive(Serialize, ToSchema)]
struct DeletedPoll {
    #[schema(example = "Poll deleted successfully")]
    message: &'static str,
    #[serde(rename = "pollId")]
    #[schema(minimum = 1, example = 4)]
    poll_id: i64,
}

/// Opens a poll on what to play next; a session has one open poll at most. `poll.started` tells the
/// session's subscribers.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/polls",
    tag = "Polls",
    security(("bearerAuth" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The session")),
    request_body = CreatePoll,
    responses(
        (status = 201, description = "The open poll", body = PollRow),
        (status = 400, description = "A field makes no sense, or the session is closed", body = ErrorBody),
        (status = 404, description = "Session not found, Game not found, or no two games pass the filters: `emptiedBy` names the one that let none through, `played` the last two games of the session", body = ErrorBody),
        (status = 409, description = "The session has an open poll, whose id is `pollId`", body = ErrorBody),
        (status = 422, description = "The `Idempotency-Key` was used for another request", body = ErrorBody),
    )
)]
async fn create_poll(State(app): State<App>, _: Admin, Ids([id]): Ids<1>, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|poll: &Poll| created(&PollRow::from(poll)));
    Ok(app.create_poll(id, NewPoll::parse(&new.body).map_err(AppError::from)?, creation).await?)
}

/// The polls of a session, newest first, the latest 50 at most; they do not say who voted.
#[utoipa::path(
    get,
    path = "/api/sessions/{id}/polls",
    tag = "Polls",
    params(("id" = i64, Path, minimum = 1, description = "The session")),
    responses(
        (status = 200, description = "The polls", body = [PollRow]),
        (status = 404, description = "Session not found", body = ErrorBody),
    )
)]
async fn list_polls(State(app): State<App>, Ids([id]): Ids<1>) -> Result<Response, Error> {
    let polls = app.list_polls(id).await?;
    Ok(views::json(&polls.iter().map(PollRow::from).collect::<Vec<_>>()))
}

/// A poll with its counts; it does not say who voted.
#[utoipa::path(
    get,
    path = "/api/polls/{id}",
    tag = "Polls",
    params(("id" = i64, Path, minimum = 1, description = "The poll")),
    responses(
        (status = 200, description = "The poll", body = PollRow),
        (status = 404, description = "Poll not found", body = ErrorBody),
    )
)]
async fn get_poll(State(app): State<App>, Ids([id]): Ids<1>) -> Result<Response, Error> {
    Ok(views::json(&PollRow::from(&app.get_poll(id).await?)))
}

/// Counts a vote; who votes again changes his vote. `poll.updated` tells the session's subscribers,
/// at most once a second.
#[utoipa::path(
    post,
    path = "/api/polls/{id}/votes",
    tag = "Polls",
    security(("bearerAuth" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The poll")),
    request_body = VoteInPoll,
    responses(
        (status = 200, description = "The poll with the vote", body = PollRow),
        (status = 400, description = "A field is missing or makes no sense, or the poll has no such option", body = ErrorBody),
        (status = 404, description = "Poll not found", body = ErrorBody),
        (status = 409, description = "Poll is closed, or its time is over", body = ErrorBody),
        (status = 422, description = "The `Idempotency-Key` was used for another request", body = ErrorBody),
    )
)]
async fn vote_in_poll(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    new: New,
) -> Result<Answer, Error> {
    let creation = new.answered(|poll: &Poll| answer(200, &PollRow::from(poll)));
    Ok(app.vote_in_poll(id, PollVote::parse(&new.body).map_err(AppError::from)?, creation).await?)
}

/// Closes a poll before its time: the option with the most votes wins. `poll.ended` tells the
/// session's subscribers.
#[utoipa::path(
    post,
    path = "/api/polls/{id}/close",
    tag = "Polls",
    security(("bearerAuth" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The poll")),
    responses(
        (status = 200, description = "The closed poll", body = PollRow),
        (status = 404, description = "Poll not found", body = ErrorBody),
        (status = 409, description = "Poll is closed", body = ErrorBody),
    )
)]
async fn close_poll(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Result<Response, Error> {
    Ok(views::json(&PollRow::from(&app.close_poll(id).await?)))
}

/// Deletes a poll. An open one ends without a winner: `poll.ended` tells the session's subscribers,
/// with the status `deleted`.
#[utoipa::path(
    delete,
    path = "/api/polls/{id}",
    tag = "Polls",
    security(("bearerAuth" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The poll")),
    responses(
        (status = 200, description = "It is gone", body = DeletedPoll),
        (status = 404, description = "Poll not found", body = ErrorBody),
    )
)]
async fn delete_poll(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
) -> Result<Json<DeletedPoll>, Error> {
    app.delete_poll(id).await?;
    Ok(Json(DeletedPoll { message: "Poll deleted successfully", poll_id: id }))
}
