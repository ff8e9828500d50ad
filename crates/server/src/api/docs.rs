//! The descriptions of the API, and the page that shows them. Everything comes from this server.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::error;

const PAGE: &str = include_str!("docs/page.html");
const START: &str = include_str!("docs/start.js");
/// Compressed by the build script.
const SWAGGER_UI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz"));
const STYLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz"));

/// Nothing but this server's own files; the page's own script makes the requests of "try it out".
/// Pictures stand in the style sheet itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A file is asked for again after an hour, so that a new release is noticed.
const ONE_HOUR: &str = "public, max-age=3600";
const JSON: &str = "application/json";

/// Both descriptions, written once.
#[derive(Clone)]
pub(super) struct Descriptions {
    openapi: Bytes,
    asyncapi: Bytes,
}

impl Descriptions {
    pub(super) fn new(openapi: &Value, asyncapi: &Value) -> Arc<Self> {
        let bytes = |document: &Value| Bytes::from(document.to_string());
        Arc::new(Self { openapi: bytes(openapi), asyncapi: bytes(asyncapi) })
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Descriptions>> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .routes(routes!(asyncapi))
        .routes(routes!(docs))
        // Parts of the page rather than of the API.
        .route("/docs/", get(|| async { Redirect::permanent("../docs") }))
        .route("/docs/{file}", get(part))
}

/// This description: every HTTP operation.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "Descriptions",
    responses((
        status = 200, description = "An OpenAPI 3.1 document", body = Object,
        example = json!({"openapi": "3.1.0"})
    ))
)]
async fn openapi(State(descriptions): State<Arc<Descriptions>>) -> Response {
    ([(CONTENT_TYPE, JSON)], descriptions.openapi.clone()).into_response()
}

/// What is said on sockets, in event streams and to webhooks.
#[utoipa::path(
    get,
    path = "/asyncapi.json",
    tag = "Descriptions",
    responses((
        status = 200, description = "An AsyncAPI 3.0 document", body = Object,
        example = json!({"asyncapi": "3.0.0"})
    ))
)]
async fn asyncapi(State(descriptions): State<Arc<Descriptions>>) -> Response {
    ([(CONTENT_TYPE, JSON)], descriptions.asyncapi.clone()).into_response()
}

/// A page on which the operations can be read and tried out; it needs no other host.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "Descriptions",
    responses((
        status = 200, description = "The page", body = String, content_type = "text/html",
        example = "<!doctype html>"
    ))
)]
async fn docs() -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, PAGE).into_response()
}

async fn part(Path(file): Path<String>) -> Response {
    let script = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, ONE_HOUR)];
    let style = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, ONE_HOUR)];
    let compressed = [(CONTENT_ENCODING, "gzip")];
    match file.as_str() {
        "start.js" => (script, START).into_response(),
        "swagger-ui-bundle.js" => (script, compressed, SWAGGER_UI).into_response(),
        "swagger-ui.css" => (style, compressed, STYLE).into_response(),
        _ => error::unknown_route().await,
    }
}
