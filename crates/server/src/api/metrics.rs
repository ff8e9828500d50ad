//! Figures for Prometheus.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{error::Error, extract::Admin};
use crate::app::App;

/// The content type of the OpenMetrics text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// The server's figures, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Health",
    security(("bearerAuth" = [])),
    responses((
        status = 200,
        description = "The figures, in the OpenMetrics text format",
        content_type = "application/openmetrics-text",
        body = String,
        example = "# HELP fanfare_sockets Open WebSockets.\n# TYPE fanfare_sockets gauge\nfanfare_sockets 2\n# EOF\n",
    ))
)]
async fn metrics(State(app): State<App>, _: Admin) -> Result<Response, Error> {
    let text = app.render_metrics().await?;
    Ok(([(CONTENT_TYPE, OPENMETRICS)], text).into_response())
}
