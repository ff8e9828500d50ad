//! Sessions as files.

use axum::{
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use fanfare_model::export::{self, Format};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    aside::aside,
    error::{Error, ErrorBody, invalid},
    extract::{Admin, Ids, Query},
};
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export_session))
}

/// How an export is written.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `format` reads")]
enum ExportFormat {
    Json,
    Txt,
}

/// A session with its games, votes and polls, as a file to keep.
#[utoipa::path(
    get,
    path = "/api/sessions/{id}/export",
    tag = "Sessions",
    security(("bearerAuth" = [])),
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("format" = inline(Option<ExportFormat>), Query, description = "For people (`txt`, the default) or for programs"),
    ),
    responses(
        (status = 200, description = "The file", content(
            (String = "text/plain"),
            (Object = "application/json"),
        )),
        (status = 400, description = "`format` is neither of them", body = ErrorBody),
        (status = 404, description = "Session not found", body = ErrorBody),
    )
)]
async fn export_session(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    query: Query,
) -> Result<Response, Error> {
    let format = format(&query)?;
    let now = app.clock.now();
    let night = app.export_session(id).await?;
    let file_name = export::file_name(&night.session, format);
    let write = move || match format {
        Format::Json => ("application/json", export::json(&night, now)),
        Format::Text => ("text/plain; charset=utf-8", export::text(&night, now)),
    };
    let (content_type, content) = aside(write).await;
    let disposition = format!("attachment; filename=\"{file_name}\"");
    let headers = [(CONTENT_TYPE, content_type.to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, content).into_response())
}

fn format(query: &Query) -> Result<Format, Error> {
    match query.last("format") {
        None => Ok(Format::Text),
        Some(word) => Format::parse(word).ok_or_else(|| invalid("format must be json or txt")),
    }
}
