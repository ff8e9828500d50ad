//! The packs that games come in.

use std::convert::Infallible;

use axum::{
    Json,
    extract::{FromRequestParts, RawPathParams, State},
    http::request::Parts,
    response::Response,
};
use fanfare_model::{
    Timestamp,
    game::{InvalidGame, favor_bias},
    json,
    library::{Library, Pack},
    statistics::{PackFigures, Statistics},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Object,
    error::{Error, ErrorBody},
    extract::Admin,
    games::FavorBody,
    views,
};
use crate::app::{App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_packs))
        .routes(routes!(list_pack_figures))
        .routes(routes!(favor_pack))
        .routes(routes!(toggle_pack))
}

/// The name of a pack in a path. What is not UTF-8 is no pack's name.
pub(super) struct PackName(String);

impl<S: Send + Sync> FromRequestParts<S> for PackName {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let name = params.ok().and_then(|params| params.iter().next().map(|(_, name)| name.to_owned()));
        Ok(Self(name.unwrap_or_default()))
    }
}

/// A pack.
#[derive(Serialize, ToSchema)]
struct PackRow<'a> {
    #[schema(minimum = 1, example = 7)]
    id: i64,
    #[schema(example = "The Jackbox Party Pack 7")]
    name: &'a str,
    /// How much the picker likes its games.
    #[schema(minimum = -1, maximum = 1, example = 0)]
    favor_bias: i64,
    created_at: Timestamp,
}

impl<'a> From<&'a Pack> for PackRow<'a> {
    fn from(pack: &'a Pack) -> Self {
        Self { id: pack.id, name: &pack.name, favor_bias: pack.favor_bias, created_at: pack.created_at }
    }
}

/// A pack in figures.
#[derive(Serialize, ToSchema)]
struct PackFiguresRow<'a> {
    #[schema(example = "The Jackbox Party Pack 7")]
    name: &'a str,
    /// Its games.
    #[schema(minimum = 0, example = 5)]
    total_count: i64,
    /// Those that may be picked.
    #[schema(minimum = 0, example = 4)]
    enabled_count: i64,
    /// Times that one of them was played.
    #[schema(minimum = 0, example = 30)]
    total_plays: i64,
    /// How much the picker likes its games.
    #[schema(minimum = -1, maximum = 1, example = 0)]
    favor_bias: i64,
}

/// What is to be done with all games of a pack.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `toggle_pack` reads")]
struct PackToggle {
    /// `true`, `false`, `1` or `0`.
    #[schema(schema_with = super::games::flag, example = false)]
    enabled: bool,
}

/// What was done with the games of a pack.
#[derive(Serialize, ToSchema)]
struct PackToggled {
    #[schema(example = "5 games disabled")]
    message: String,
    /// The pack's games.
    #[serde(rename = "gamesAffected")]
    #[schema(example = 5)]
    games_affected: u64,
}

/// Every pack, by name.
#[utoipa::path(
    get,
    path = "/api/games/packs",
    tag = "Packs",
    responses((status = 200, description = "The packs", body = Vec<PackRow>))
)]
async fn list_packs(State(app): State<App>) -> Result<Response, Error> {
    let library = app.library().await?;
    Ok(views::json(&library.packs().iter().map(PackRow::from).collect::<Vec<_>>()))
}

/// Every pack in figures, by name.
#[utoipa::path(
    get,
    path = "/api/games/meta/packs",
    tag = "Packs",
    responses((status = 200, description = "The packs in figures", body = Vec<PackFiguresRow>))
)]
async fn list_pack_figures(State(app): State<App>) -> Result<Response, Error> {
    let library = app.library().await?;
    Ok(views::json(&figures(&library)))
}

fn figures(library: &Library) -> Vec<PackFiguresRow<'_>> {
    let figures = Statistics::of(library.games()).packs;
    let nothing = PackFigures::default();
    let mut rows = Vec::with_capacity(library.packs().len());
    for Pack { name, favor_bias, .. } in library.packs() {
        let figures = figures.get(name.as_str()).unwrap_or(&nothing);
        rows.push(PackFiguresRow {
            name,
            total_count: figures.games,
            enabled_count: figures.enabled,
            total_plays: figures.plays,
            favor_bias: *favor_bias,
        });
    }
    rows
}

/// Sets how much the picker likes a pack's games.
#[utoipa::path(
    patch,
    path = "/api/games/packs/{name}/favor",
    tag = "Packs",
    params(("name" = String, Path, description = "The pack, in any case; all packs whose names differ in case alone are meant")),
    request_body = FavorBody,
    responses(
        (status = 200, description = "The pack", body = PackRow),
        (status = 400, description = "favor_bias must be -1, 0 or 1", body = ErrorBody),
        (status = 404, description = "Pack not found", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn favor_pack(
    State(app): State<App>,
    _: Admin,
    PackName(name): PackName,
    Object(body): Object,
) -> Result<Response, Error> {
    let favor_bias = favor_bias(body.get("favor_bias").unwrap_or(&Value::Null)).map_err(AppError::from)?;
    Ok(views::json(&PackRow::from(&app.favor_pack(name, favor_bias).await?)))
}

/// Enables or disables every game of a pack.
#[utoipa::path(
    patch,
    path = "/api/games/packs/{name}/toggle",
    tag = "Packs",
    params(("name" = String, Path, description = "The pack, in any case; all packs whose names differ in case alone are meant")),
    request_body = PackToggle,
    responses(
        (status = 200, description = "What was done", body = PackToggled),
        (status = 400, description = "enabled must be a boolean", body = ErrorBody),
        (status = 404, description = "Pack not found", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn toggle_pack(
    State(app): State<App>,
    _: Admin,
    PackName(name): PackName,
    Object(body): Object,
) -> Result<Json<PackToggled>, Error> {
    let enabled = body.get("enabled").and_then(json::as_bool);
    let enabled = enabled.ok_or(InvalidGame::NotFlag("enabled")).map_err(AppError::from)?;
    let games_affected = app.enable_pack(name, enabled).await?;
    let message =
        format!("{} {}", views::count(games_affected, "game"), if enabled { "enabled" } else { "disabled" });
    Ok(Json(PackToggled { message, games_affected }))
}
