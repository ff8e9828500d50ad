//! Figures for Prometheus.

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
};
use utoipa_axum::router::OpenApiRouter;

use super::{error::Error, extract::Admin};
use crate::app::App;

/// The content type of the OpenMetrics text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().route("/metrics", get(metrics))
}

async fn metrics(State(app): State<App>, _: Admin) -> Result<Response, Error> {
    let text = app.render_metrics().await?;
    Ok(([(CONTENT_TYPE, OPENMETRICS)], text).into_response())
}
