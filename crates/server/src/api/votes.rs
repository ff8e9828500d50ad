//! Votes: live ones, chat logs, and lists of what was counted.

use axum::{Json, extract::State};
use fanfare_model::{
    Timestamp,
    limits::CHAT_IMPORT_MAX_ITEMS,
    vote::{
        GameVotes, LiveVote, RecordedVote, SessionVotes, Vote, VoteType,
        chat::{ChatImported, ChatLog, InvalidChat},
        filter::VoteQuery,
    },
};
use serde::Serialize;
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, Schema, schema::SchemaType},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    aside::aside,
    body::{Lenient, New},
    error::{BodyError, Error, ErrorBody},
    extract::{Admin, Ids, Query},
    views::answer,
};
use crate::app::{Answer, App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(record_vote))
        .routes(routes!(import_chat))
        .routes(routes!(list_votes))
        .routes(routes!(list_session_votes))
}

/// A vote that was heard just now.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `LiveVote::parse` reads")]
struct LiveVoteBody {
    /// Who votes; the case, and white space around it, do not matter.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00]*$", example = "TestUser")]
    username: String,
    /// For or against.
    #[schema(inline, example = "up")]
    vote: VoteType,
    /// When the vote was cast, which decides the game it is for; without a zone it is UTC.
    #[schema(format = DateTime, max_length = 1000, example = "2025-11-01T20:30:00Z")]
    timestamp: String,
}

/// A live vote that was counted.
#[derive(Serialize, ToSchema)]
struct RecordedVoteView<'a> {
    #[schema(example = true)]
    success: bool,
    #[schema(example = "Vote recorded successfully")]
    message: &'static str,
    session: VotedSession,
    game: VotedGame<'a>,
    vote: VoteEcho<'a>,
}

#[derive(Serialize, ToSchema)]
struct VotedSession {
    #[schema(minimum = 1, example = 3)]
    id: i64,
    #[schema(minimum = 0, example = 1)]
    games_played: i64,
}

/// A game with its votes of all nights.
#[derive(Serialize, ToSchema)]
struct VotedGame<'a> {
    #[schema(minimum = 1, example = 42)]
    id: i64,
    #[schema(example = "Quiplash 3")]
    title: &'a str,
    #[schema(minimum = 0, example = 31)]
    upvotes: i64,
    #[schema(minimum = 0, example = 4)]
    downvotes: i64,
    #[schema(example = 27)]
    popularity_score: i64,
}

/// The vote as it was sent.
#[derive(Serialize, ToSchema)]
struct VoteEcho<'a> {
    #[schema(example = "TestUser")]
    username: &'a str,
    #[schema(inline, value_type = VoteType)]
    r#type: &'static str,
    #[schema(example = "2026-03-15T20:50:00Z")]
    timestamp: &'a str,
}

impl<'a> From<&'a GameVotes> for VotedGame<'a> {
    fn from(game: &'a GameVotes) -> Self {
        Self {
            id: game.id,
            title: &game.title,
            upvotes: game.upvotes,
            downvotes: game.downvotes,
            popularity_score: game.popularity_score(),
        }
    }
}

impl<'a> From<&'a RecordedVote> for RecordedVoteView<'a> {
    fn from(recorded: &'a RecordedVote) -> Self {
        let RecordedVote { session_id, games_played, game, vote } = recorded;
        Self {
            success: true,
            message: "Vote recorded successfully",
            session: VotedSession { id: *session_id, games_played: *games_played },
            game: game.into(),
            vote: VoteEcho {
                username: &vote.username,
                r#type: vote.vote_type.as_str(),
                timestamp: &vote.timestamp,
            },
        }
    }
}

/// Counts a vote for the game that was on at its moment.
///
/// A game owns the time from the moment it was added up to the next one's. A user has one vote a
/// second, whatever the game and whatever the vote.
#[utoipa::path(
    post,
    path = "/api/votes/live",
    tag = "Votes",
    request_body = LiveVoteBody,
    responses(
        (status = 200, description = "The vote counts", body = RecordedVoteView),
        (status = 400, description = "A field is missing or makes no sense", body = ErrorBody),
        (status = 404, description = "No active session, or no game at that moment", body = ErrorBody),
        (status = 409, description = "The user voted less than a second apart", body = ErrorBody),
        (status = 422, description = "The Idempotency-Key was used for another request", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn record_vote(State(app): State<App>, _: Admin, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|recorded: &RecordedVote| answer(200, &RecordedVoteView::from(recorded)));
    let vote = LiveVote::parse(&new.body).map_err(AppError::from)?;
    Ok(app.record_vote(vote, creation).await?)
}

/// A chat log: an object with the list, or the list alone. Its items may be anything: one that is no
/// message is counted as invalid.
struct ChatImportBody;

impl PartialSchema for ChatImportBody {
    fn schema() -> RefOr<Schema> {
        let example =
            json!([{"username": "TestUser", "message": "thisgame++", "timestamp": "2025-11-01T20:30:00Z"}]);
        let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
        let list = ArrayBuilder::new()
            .items(anything)
            .max_items(Some(CHAT_IMPORT_MAX_ITEMS))
            .description(Some("Messages, each with `username`, `message` and `timestamp`; `thisgame++` and `thisgame--` are votes"))
            .examples([example])
            .build();
        let object = ObjectBuilder::new().property("chatData", list.clone()).required("chatData");
        OneOfBuilder::new().item(object).item(Schema::Array(list)).into()
    }
}

impl ToSchema for ChatImportBody {}

/// What came of a chat import.
#[derive(Serialize, ToSchema)]
struct ChatImportedView<'a> {
    #[schema(example = "Chat log imported")]
    message: &'static str,
    /// Items of the log, of any kind.
    #[schema(example = 120)]
    #[serde(rename = "messagesProcessed")]
    messages_processed: usize,
    /// Messages that hold a vote: recorded, duplicate or unmatched.
    #[schema(example = 9)]
    #[serde(rename = "votesFound")]
    votes_found: usize,
    #[schema(example = 6)]
    #[serde(rename = "votesRecorded")]
    votes_recorded: usize,
    #[schema(example = 2)]
    #[serde(rename = "duplicatesSkipped")]
    duplicates_skipped: usize,
    /// Votes cast before the first game.
    #[schema(example = 1)]
    unmatched: usize,
    /// Items that are no messages.
    #[schema(example = 0)]
    invalid: usize,
    /// The games that got votes, with the new totals.
    #[serde(rename = "gamesUpdated")]
    games_updated: Vec<VotedGame<'a>>,
    /// That nothing was counted; only in the answer to a dry run.
    #[serde(rename = "dryRun", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = true)]
    dry_run: Option<bool>,
}

impl<'a> ChatImportedView<'a> {
    /// For what would be counted.
    fn tried(would: &'a ChatImported) -> Self {
        Self { message: "Nothing was changed: this is what would count", dry_run: Some(true), ..would.into() }
    }
}

impl<'a> From<&'a ChatImported> for ChatImportedView<'a> {
    fn from(imported: &'a ChatImported) -> Self {
        let ChatImported { messages, invalid, found, recorded, duplicates, unmatched, games } = imported;
        Self {
            message: "Chat log imported",
            messages_processed: *messages,
            votes_found: *found,
            votes_recorded: *recorded,
            duplicates_skipped: *duplicates,
            unmatched: *unmatched,
            invalid: *invalid,
            games_updated: games.iter().map(VotedGame::from).collect(),
            dry_run: None,
        }
    }
}

/// Counts the votes of a chat log in a session, active or closed.
///
/// Votes count as if they had come live; those that did are not counted again, so the same log can be
/// imported twice. With `dryRun` the answer is what it would be, with the totals that games would have, and
/// nothing is counted.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/chat-import",
    tag = "Votes",
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("dryRun" = Option<bool>, Query, description = "Only say what would count, and change nothing"),
    ),
    request_body = ChatImportBody,
    responses(
        (status = 200, description = "What came of each message", body = ChatImportedView),
        (status = 400, description = "No list of messages, or too many", body = ErrorBody),
        (status = 404, description = "Session not found", body = ErrorBody),
        (status = 422, description = "The Idempotency-Key was used for another request", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn import_chat(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    query: Query,
    import: Lenient,
) -> Result<Answer, Error> {
    let is_trial = query.switch("dryRun")?;
    let creation = import.answered(|imported: &ChatImported| answer(200, &ChatImportedView::from(imported)));
    let log = aside(move || ChatLog::parse(&import.body)).await.map_err(|invalid| match invalid {
        InvalidChat::NotJson => Error::Body(BodyError::NotJson),
        other => AppError::from(other).into(),
    })?;
    if is_trial {
        return Ok(answer(200, &ChatImportedView::tried(&app.try_chat_import(id, log).await?)));
    }
    Ok(app.import_chat(id, log, creation).await?)
}

/// A vote of the record.
#[derive(Serialize, ToSchema)]
struct VoteRow {
    #[schema(minimum = 1, example = 311)]
    id: i64,
    #[schema(minimum = 1, example = 3)]
    session_id: i64,
    #[schema(minimum = 1, example = 42)]
    game_id: i64,
    #[schema(example = "Quiplash 3")]
    game_title: String,
    #[schema(example = "Jackbox Party Pack 7")]
    pack_name: String,
    #[schema(example = "TestUser")]
    username: String,
    #[schema(inline, value_type = VoteType)]
    vote_type: &'static str,
    /// When it was cast.
    timestamp: Timestamp,
    /// When it was recorded.
    created_at: Timestamp,
}

impl From<Vote> for VoteRow {
    fn from(vote: Vote) -> Self {
        Self {
            id: vote.id,
            session_id: vote.session_id,
            game_id: vote.game_id,
            game_title: vote.game_title,
            pack_name: vote.pack_name,
            username: vote.username,
            vote_type: vote.vote_type.as_str(),
            timestamp: vote.at,
            created_at: vote.created_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct VotesPage {
    votes: Vec<VoteRow>,
    pagination: Pagination,
}

#[derive(Serialize, ToSchema)]
struct Pagination {
    #[schema(minimum = 1, example = 1)]
    page: i64,
    #[schema(minimum = 1, maximum = 100, example = 50)]
    limit: i64,
    /// Votes that pass the filters.
    #[schema(minimum = 0, example = 1)]
    total: i64,
    #[schema(minimum = 0, example = 1)]
    total_pages: i64,
}

/// The votes that pass every filter, newest first by their own moment.
#[utoipa::path(
    get,
    path = "/api/votes",
    tag = "Votes",
    params(
        ("session_id" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Votes of this session only"),
        ("game_id" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Votes on this game only"),
        ("username" = Option<String>, Query, pattern = r"^[^\x00]*$", description = "Votes of this user only; the case, and white space around it, do not matter"),
        ("vote_type" = inline(Option<VoteType>), Query, description = "Votes for or against only"),
        ("page" = Option<i64>, Query, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "Which page; 1 when it is not given"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Votes on a page; 50 when it is not given"),
    ),
    responses(
        (status = 200, description = "A page of votes", body = VotesPage),
        (status = 400, description = "A parameter has a value that it does not take", body = ErrorBody),
    )
)]
async fn list_votes(State(app): State<App>, query: Query) -> Result<Json<VotesPage>, Error> {
    let query = VoteQuery::parse(query.pairs()).map_err(AppError::from)?;
    let (votes, total) = app.list_votes(query.clone()).await?;
    let pagination =
        Pagination { page: query.page, limit: query.limit, total, total_pages: query.pages(total) };
    Ok(Json(VotesPage { votes: votes.into_iter().map(VoteRow::from).collect(), pagination }))
}

/// A session's votes on one game.
#[derive(Serialize, ToSchema)]
struct SessionVotesRow {
    #[schema(minimum = 1, example = 42)]
    game_id: i64,
    #[schema(example = "Quiplash 3")]
    title: String,
    #[schema(example = "Jackbox Party Pack 7")]
    pack_name: String,
    #[schema(minimum = 0, example = 5)]
    upvotes: i64,
    #[schema(minimum = 0, example = 1)]
    downvotes: i64,
    #[schema(example = 4)]
    net_score: i64,
    #[schema(minimum = 0, example = 6)]
    total_votes: i64,
}

impl From<SessionVotes> for SessionVotesRow {
    fn from(game: SessionVotes) -> Self {
        let SessionVotes { game_id, title, pack_name, votes } = game;
        Self {
            game_id,
            title,
            pack_name,
            upvotes: votes.upvotes,
            downvotes: votes.downvotes,
            net_score: votes.net(),
            total_votes: votes.total(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct SessionVotesView {
    #[schema(minimum = 1, example = 3)]
    session_id: i64,
    votes: Vec<SessionVotesRow>,
}

/// A session's votes game by game, the best liked first.
#[utoipa::path(
    get,
    path = "/api/sessions/{id}/votes",
    tag = "Votes",
    params(("id" = i64, Path, minimum = 1, description = "The session")),
    responses(
        (status = 200, description = "The games that got votes", body = SessionVotesView),
        (status = 404, description = "Session not found", body = ErrorBody),
    )
)]
async fn list_session_votes(
    State(app): State<App>,
    Ids([id]): Ids<1>,
) -> Result<Json<SessionVotesView>, Error> {
    let games = app.list_session_votes(id).await?;
    let votes = games.into_iter().map(SessionVotesRow::from).collect();
    Ok(Json(SessionVotesView { session_id: id, votes }))
}
