//! Figures over all nights.

use axum::{extract::State, response::Response};
use fanfare_model::{
    Timestamp,
    json::Flag,
    limits::STATISTICS_MAX_ROWS,
    statistics::{SessionFigures, Statistics},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    error::Error,
    views::{self, GameRow},
};
use crate::app::{App, Figures};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_stats))
}

/// How many there are.
#[derive(Serialize, ToSchema)]
struct Count {
    #[schema(minimum = 0, example = 63)]
    count: i64,
}

/// Figures over everything.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Stats<'a> {
    games: Count,
    games_enabled: Count,
    packs: Count,
    sessions: Count,
    active_sessions: Count,
    /// Games played; what was played in a deleted session counts too.
    total_games_played: Count,
    /// Votes for and against all games.
    total_votes: Count,
    /// The ten played most.
    most_played_games: Vec<GameRow<'a>>,
    /// The ten of the highest popularity above 0.
    top_rated_games: Vec<GameRow<'a>>,
    /// The ten of the lowest popularity below 0.
    lowest_rated_games: Vec<GameRow<'a>>,
    /// Each pack, by name.
    per_pack: Vec<PackStats<'a>>,
    /// The newest 50 sessions.
    per_session: Vec<SessionStats>,
    never_played: NeverPlayed<'a>,
}

/// A pack in figures.
#[derive(Serialize, ToSchema)]
struct PackStats<'a> {
    #[schema(example = "Jackbox Party Pack 7")]
    name: &'a str,
    #[schema(minimum = 0, example = 5)]
    games: i64,
    #[schema(minimum = 0, example = 4)]
    games_enabled: i64,
    #[schema(minimum = 0, example = 30)]
    play_count: i64,
    #[schema(minimum = 0, example = 60)]
    upvotes: i64,
    #[schema(minimum = 0, example = 12)]
    downvotes: i64,
    #[schema(example = 48)]
    popularity_score: i64,
}

/// A session in figures.
#[derive(Serialize, ToSchema)]
struct SessionStats {
    #[schema(minimum = 1, example = 3)]
    id: i64,
    is_active: Flag,
    created_at: Timestamp,
    #[schema(required)]
    closed_at: Option<Timestamp>,
    #[schema(minimum = 0, example = 1)]
    games_played: i64,
    #[schema(minimum = 0, example = 5)]
    upvotes: i64,
    #[schema(minimum = 0, example = 1)]
    downvotes: i64,
    #[schema(minimum = 0, example = 6)]
    total_votes: i64,
}

impl From<&SessionFigures> for SessionStats {
    fn from(session: &SessionFigures) -> Self {
        Self {
            id: session.id,
            is_active: Flag(session.is_active),
            created_at: session.created_at,
            closed_at: session.closed_at,
            games_played: session.games_played,
            upvotes: session.upvotes,
            downvotes: session.downvotes,
            total_votes: session.upvotes + session.downvotes,
        }
    }
}

/// Games that were never played.
#[derive(Serialize, ToSchema)]
struct NeverPlayed<'a> {
    #[schema(minimum = 0, example = 1)]
    count: i64,
    /// The first 50 of them, by pack, then title.
    games: Vec<GameRow<'a>>,
}

/// Figures over all games, packs, sessions and votes.
#[utoipa::path(
    get,
    path = "/api/stats",
    tag = "Statistics",
    responses((status = 200, description = "The figures", body = Stats))
)]
async fn get_stats(State(app): State<App>) -> Result<Response, Error> {
    Ok(views::json(&stats(&app.statistics().await?)))
}

fn stats(figures: &Figures) -> Stats<'_> {
    let Figures { library, counts, sessions } = figures;
    let of_games = Statistics::of(library.games());
    Stats {
        games: count(library.games().len()),
        games_enabled: Count { count: of_games.enabled },
        packs: count(of_games.packs.len()),
        sessions: Count { count: counts.sessions },
        active_sessions: Count { count: counts.active_sessions },
        total_games_played: Count { count: of_games.plays },
        total_votes: Count { count: of_games.votes },
        most_played_games: of_games.most_played.into_iter().map(GameRow::from).collect(),
        top_rated_games: of_games.top_rated.into_iter().map(GameRow::from).collect(),
        lowest_rated_games: of_games.lowest_rated.into_iter().map(GameRow::from).collect(),
        per_pack: of_games
            .packs
            .into_iter()
            .map(|(name, pack)| PackStats {
                name,
                games: pack.games,
                games_enabled: pack.enabled,
                play_count: pack.plays,
                upvotes: pack.upvotes,
                downvotes: pack.downvotes,
                popularity_score: pack.upvotes - pack.downvotes,
            })
            .collect(),
        per_session: sessions.iter().map(SessionStats::from).collect(),
        never_played: NeverPlayed {
            count: count(of_games.never_played.len()).count,
            games: of_games.never_played.into_iter().take(STATISTICS_MAX_ROWS).map(GameRow::from).collect(),
        },
    }
}

fn count(rows: usize) -> Count {
    Count { count: i64::try_from(rows).unwrap_or(i64::MAX) }
}
