//! The HTTP API: translates requests into use cases and their results into JSON. Decides nothing.

mod auth;
mod body;
mod error;
mod extract;
mod games;
mod metrics;
mod sessions;
mod views;
mod webhooks;

use axum::{
    Router,
    body::Body,
    http::Request,
    routing::{get, patch, post},
};
use tower_http::{
    ServiceBuilderExt,
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, RequestId},
    trace::TraceLayer,
};
use tracing::{Level, Span};

use crate::{
    app::App,
    live::{self, Live},
};

const REQUEST_ID: &str = "x-request-id";
/// Longer request ids are replaced, in bytes.
const REQUEST_ID_MAX_BYTES: usize = 128;

/// Everything that is served, with request ids and tracing around it.
pub(crate) fn router(app: App, live: Live) -> Router {
    let layers = tower::ServiceBuilder::new()
        .map_request(without_long_id)
        .set_x_request_id(MakeRequestUuid)
        .layer(TraceLayer::new_for_http().make_span_with(request_span).on_request(()).on_failure(()))
        .propagate_x_request_id()
        .layer(CatchPanicLayer::custom(error::on_panic));
    let sockets = Router::new()
        .route("/api/sessions/live", get(live::upgrade))
        .method_not_allowed_fallback(error::unknown_method);
    Router::new()
        .route("/health", get(auth::health))
        .route("/metrics", get(metrics::metrics))
        .route("/api/auth/login", post(auth::login))
        .route("/api/auth/verify", post(auth::verify))
        .route("/api/games", get(games::list_games))
        .route("/api/games/{id}", get(games::get_game))
        .route("/api/sessions", get(sessions::list_sessions).post(sessions::create_session))
        .route("/api/sessions/active", get(sessions::get_active_session))
        .route("/api/sessions/{id}", get(sessions::get_session))
        .route("/api/sessions/{id}/close", post(sessions::close_session))
        .route("/api/sessions/{id}/games", get(sessions::list_session_games).post(sessions::add_game))
        .route("/api/sessions/{id}/games/{session_game_id}/status", patch(sessions::set_game_status))
        .route("/api/sessions/{id}/games/{session_game_id}/player-count", patch(sessions::set_player_count))
        .route("/api/webhooks", get(webhooks::list_webhooks).post(webhooks::create_webhook))
        .route(
            "/api/webhooks/{id}",
            get(webhooks::get_webhook).patch(webhooks::update_webhook).delete(webhooks::delete_webhook),
        )
        .route("/api/webhooks/test/{id}", post(webhooks::test_webhook))
        .route("/api/webhooks/{id}/logs", get(webhooks::list_webhook_logs))
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::unknown_method)
        .with_state(app)
        .merge(sockets.with_state(live))
        .layer(layers)
}

/// Keeps a request id that a proxy gave, but nothing that would fill the log.
fn without_long_id(mut request: Request<Body>) -> Request<Body> {
    if request.headers().get(REQUEST_ID).is_some_and(|id| id.len() > REQUEST_ID_MAX_BYTES) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

/// Names the request in every log line of its making. The path only: a query may hold a token.
fn request_span(request: &Request<Body>) -> Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    tracing::span!(Level::INFO, "request", method = %request.method(), path = request.uri().path(), id)
}
