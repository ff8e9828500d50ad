//! The HTTP API: translates requests into use cases and their results into JSON. Decides nothing.

mod app_channels;
mod apps;
mod aside;
mod asyncapi;
mod auth;
mod body;
mod catalogue;
mod channel_auth;
#[cfg(feature = "dashboard")]
mod dashboard;
mod deliveries;
mod docs;
mod error;
mod events;
mod extract;
mod games;
mod guard;
mod metrics;
mod openapi;
mod packs;
mod picker;
mod polls;
mod previews;
mod pusher;
mod rooms;
mod samples;
mod schemas;
mod session_exports;
mod session_games;
mod sessions;
mod sockets;
mod stats;
mod stream;
mod usage;
mod views;
mod votes;
mod webhook_fields;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    http::{HeaderName, Request},
    middleware,
    response::Response,
};
use serde_json::Value;
use tower_http::{
    ServiceBuilderExt,
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, RequestId},
    trace::TraceLayer,
};
use tracing::{Level, Span};
use utoipa_axum::router::OpenApiRouter;

use crate::{app::App, config::Http, live::Live};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer request ids are replaced, in bytes.
const REQUEST_ID_MAX_BYTES: usize = 128;

/// Everything that is served, with request ids, tracing and the guard around it.
pub(crate) fn router(app: App, live: Live, settings: &Http) -> Router {
    let guard = Arc::new(guard::Guard::new(settings, app.clock.clone(), app.metrics.clone()));
    let cors = guard::cors(&settings.cors_origins);
    let is_open = cors.is_some();
    let layers = tower::ServiceBuilder::new()
        .map_request(without_long_id)
        .set_x_request_id(MakeRequestUuid)
        .layer(TraceLayer::new_for_http().make_span_with(request_span).on_request(()).on_failure(()))
        .propagate_x_request_id()
        .map_response(move |response: Response| guard::secure(response, is_open))
        .option_layer(cors)
        .layer(middleware::from_fn_with_state(guard, guard::admit))
        .layer(CatchPanicLayer::custom(error::on_panic));
    let descriptions = docs::Descriptions::new(&openapi(), &asyncapi());
    let (routes, _) = routes()
        .with_state(app)
        .merge(sockets::routes().with_state(live))
        .merge(docs::routes().with_state(descriptions))
        .split_for_parts();
    #[cfg(feature = "dashboard")]
    let routes = routes.merge(dashboard::routes()).fallback(dashboard::unknown_page);
    #[cfg(not(feature = "dashboard"))]
    let routes = routes.fallback(error::unknown_route);
    routes.method_not_allowed_fallback(error::unknown_method).layer(layers)
}

/// The OpenAPI description of everything that [`router`] serves.
pub(crate) fn openapi() -> Value {
    openapi::document([
        routes().into_openapi(),
        sockets::routes().into_openapi(),
        docs::routes().into_openapi(),
    ])
}

/// The AsyncAPI description of what is said on sockets, in event streams and to webhooks.
pub(crate) fn asyncapi() -> Value {
    asyncapi::document()
}

/// Every operation that needs no more than the use cases.
fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(app_channels::routes())
        .merge(apps::routes())
        .merge(auth::routes())
        .merge(catalogue::routes())
        .merge(channel_auth::routes())
        .merge(deliveries::routes())
        .merge(events::routes())
        .merge(games::routes())
        .merge(metrics::routes())
        .merge(packs::routes())
        .merge(picker::routes())
        .merge(polls::routes())
        .merge(previews::routes())
        .merge(pusher::routes())
        .merge(rooms::routes())
        .merge(session_exports::routes())
        .merge(session_games::routes())
        .merge(sessions::routes())
        .merge(stats::routes())
        .merge(stream::routes())
        .merge(usage::routes())
        .merge(votes::routes())
        .merge(webhooks::routes())
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
