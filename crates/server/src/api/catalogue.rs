//! The library as CSV, in and out.

use axum::{
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::IntoResponse,
};
use fanfare_model::catalogue::{self, Catalogue, LineError};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    aside::aside,
    body::Import,
    error::{BodyError, Error, ErrorBody, invalid},
    extract::{Admin, Query},
    views::{answer, count},
};
use crate::app::{Answer, App, Error as AppError, ImportMode, Imported};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export_csv)).routes(routes!(import_csv))
}

/// A list of games.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what `import_csv` reads")]
struct ImportBody {
    /// CSV. The first line names the columns, in any order: `pack_name`, `title`, `min_players` and
    /// `max_players` must be there; `length_minutes`, `has_audience`, `family_friendly`, `game_type`,
    /// `secondary_type`, `enabled` and `favor_bias` may be; others are ignored.
    #[schema(
        min_length = 1,
        example = "pack_name,title,min_players,max_players\nHouse Games,Charades,4,12\n"
    )]
    csv_data: String,
    /// `append` (if nothing is said) leaves the games that are there as they are. `replace` makes
    /// them what the list says and removes those that it does not have; what was ever played or is
    /// offered by an open poll is kept, disabled, and what a faulty line names is left as it is.
    #[schema(required = false)]
    mode: Mode,
}

/// What happens to the games that are there.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `mode` reads")]
enum Mode {
    Append,
    Replace,
}

/// A line that does not describe a game.
#[derive(Serialize, ToSchema)]
struct LineErrorRow<'a> {
    /// From 1, the header counted.
    #[schema(minimum = 1, example = 3)]
    line: usize,
    #[schema(example = "min_players is greater than max_players")]
    error: &'a str,
}

impl<'a> From<&'a LineError> for LineErrorRow<'a> {
    fn from(error: &'a LineError) -> Self {
        Self { line: error.line, error: &error.error }
    }
}

/// What became of an import.
#[derive(Serialize, ToSchema)]
struct ImportedView<'a> {
    #[schema(example = "1 game imported")]
    message: String,
    /// Games of the list that were put into the library, or changed by it.
    #[schema(example = 1)]
    imported: usize,
    /// Games of the list that were left as they are.
    #[schema(example = 62)]
    skipped: usize,
    /// Of those imported, the ones that were there before.
    #[schema(example = 0)]
    updated: usize,
    /// Games that the list does not have, and that are gone.
    #[schema(example = 0)]
    removed: usize,
    /// Games that the list does not have, and that are disabled, since they were played or an open poll
    /// offers them.
    #[schema(example = 0)]
    disabled: usize,
    /// Lines that were left out.
    faulty: usize,
    /// The first hundred of them.
    errors: Vec<LineErrorRow<'a>>,
    /// That nothing was done; only in the answer to a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = true)]
    dry_run: Option<bool>,
}

impl<'a> ImportedView<'a> {
    /// For what would be done.
    fn tried(would: &'a Imported) -> Self {
        let view = Self::from(would);
        Self {
            message: format!("Nothing was changed. Would be: {}", view.message),
            dry_run: Some(true),
            ..view
        }
    }
}

impl<'a> From<&'a Imported> for ImportedView<'a> {
    fn from(done: &'a Imported) -> Self {
        let imported = done.added + done.updated;
        let mut message = format!("{} imported", count(imported, "game"));
        if done.faulty_rows > 0 {
            message = format!("{message}, {} left out", count(done.faulty_rows, "faulty line"));
        }
        Self {
            message,
            imported,
            skipped: done.skipped,
            updated: done.updated,
            removed: done.removed,
            disabled: done.disabled,
            faulty: done.faulty_rows,
            errors: done.errors.iter().map(LineErrorRow::from).collect(),
            dry_run: None,
        }
    }
}

/// The library as CSV, without its votes and plays; importing it gives the same games.
///
/// An apostrophe goes before what a spreadsheet would take for a formula; importing takes it away.
#[utoipa::path(
    get,
    path = "/api/games/export/csv",
    tag = "Games",
    responses((status = 200, description = "The games", content_type = "text/csv", body = String)),
    security(("bearerAuth" = []))
)]
async fn export_csv(State(app): State<App>, _: Admin) -> Result<impl IntoResponse, Error> {
    let csv = catalogue::to_csv(app.library().await?.games());
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"games.csv\""),
    ];
    Ok((headers, csv))
}

/// Puts a list of games into the library, all of it or nothing.
///
/// With `dry_run` the answer is what it would be, or the same refusal, and nothing is done.
#[utoipa::path(
    post,
    path = "/api/games/import/csv",
    tag = "Games",
    params(
        ("partial" = Option<bool>, Query, description = "Leave faulty lines out and import the others"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would be done, and change nothing"),
    ),
    request_body = ImportBody,
    responses(
        (status = 200, description = "What was done", body = ImportedView),
        (status = 400, description = "The list is faulty, and nothing was imported", body = ErrorBody),
        (status = 409, description = "The library would be too large", body = ErrorBody),
        (status = 422, description = "The Idempotency-Key was used for another request", body = ErrorBody),
    ),
    security(("bearerAuth" = []))
)]
async fn import_csv(State(app): State<App>, _: Admin, query: Query, import: Import) -> Result<Answer, Error> {
    let creation = import.answered(|done: &Imported| answer(200, &ImportedView::from(done)));
    let Value::Object(body) = import.body else { return Err(Error::Body(BodyError::NotObject)) };
    let (is_partial, is_trial) = (query.switch("partial")?, query.switch("dry_run")?);
    let mode = mode(&body)?;
    let catalogue = aside(move || list(&body)).await?;
    if !is_partial && catalogue.faulty_rows > 0 {
        return Err(faulty(catalogue.faulty_rows, &catalogue.errors).into());
    }
    if mode == ImportMode::Replace && catalogue.games.is_empty() {
        return Err(invalid("csvData holds no games to replace the library with"));
    }
    if is_trial {
        return Ok(answer(200, &ImportedView::tried(&app.try_import(catalogue, mode).await?)));
    }
    Ok(app.import_games(catalogue, mode, creation).await?)
}

fn mode(body: &Map<String, Value>) -> Result<ImportMode, Error> {
    match body.get("mode").map(Value::as_str) {
        None | Some(Some("append")) => Ok(ImportMode::Append),
        Some(Some("replace")) => Ok(ImportMode::Replace),
        Some(_) => Err(invalid("mode must be append or replace")),
    }
}

fn list(body: &Map<String, Value>) -> Result<Catalogue, Error> {
    let csv = match body.get("csvData") {
        None | Some(Value::Null) => return Err(invalid("csvData is required")),
        Some(Value::String(csv)) if csv.is_empty() => return Err(invalid("csvData is required")),
        Some(Value::String(csv)) => csv,
        Some(_) => return Err(invalid("csvData must be a string")),
    };
    catalogue::parse(csv).map_err(|error| faulty(1, &[error]).into())
}

/// Nothing was imported, since so many lines are faulty; `errors` tells of the first.
fn faulty(count: usize, errors: &[LineError]) -> AppError {
    let rows: Vec<_> = errors.iter().map(LineErrorRow::from).collect();
    AppError::Invalid("The list is faulty; nothing was imported".into())
        .with("imported", 0)
        .with("skipped", 0)
        .with("faulty", count)
        .with("errors", json!(rows))
}
