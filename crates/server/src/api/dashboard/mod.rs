//! The dashboard: its pages, and the files that they load. Parts of pages rather than of the API,
//! so they are not described.

mod encoding;

use std::borrow::Cow;

use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{
            ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
            IF_NONE_MATCH, VARY,
        },
    },
    response::{IntoResponse, Response},
    routing::get,
};

use self::encoding::Encoding;
use super::error;

/// Where the page itself decides what it shows, by its path.
const PAGES: [&str; 12] = [
    "/",
    "/tv",
    "/pick",
    "/session",
    "/library",
    "/history",
    "/statistics",
    "/webhooks",
    "/live",
    "/connections",
    "/sign-in",
    "/welcome",
];
/// The same, where a number follows.
const NUMBERED_PAGES: [&str; 3] = ["/session/{id}", "/history/{id}", "/webhooks/{id}"];

/// What is below these is asked for by programs, whatever they say that they accept.
const NO_PAGES: [&str; 5] = ["/api", "/app", "/apps", "/assets", "/docs"];

/// Nothing but this server's own files, and requests to it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";
/// Asked for again each time, so that a new release is seen at once.
const ASK_AGAIN: &str = "no-cache";
/// Their names change with their contents (1 year).
const FOR_GOOD: &str = "public, max-age=31536000, immutable";
/// As long as other things that change with a release only.
const ONE_HOUR: &str = "public, max-age=3600";

/// How much of a hash tells one file from another.
const TAG_BYTES: usize = 16;

pub(super) fn routes() -> Router {
    let mut router = Router::new()
        .route("/overlay", get(async |headers: HeaderMap| page("overlay.html", &headers).await))
        .route("/favicon.svg", get(async |headers: HeaderMap| file("favicon.svg", ONE_HOUR, &headers).await))
        .route("/assets/{*name}", get(asset));
    for path in PAGES {
        router = router.route(path, get(async |headers: HeaderMap| page("index.html", &headers).await));
    }
    for path in NUMBERED_PAGES {
        router = router.route(path, get(numbered_page));
    }
    router
}

async fn numbered_page(Path(id): Path<String>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if id.parse::<u64>().is_err() {
        return unknown_page(method, uri, headers).await;
    }
    page("index.html", &headers).await
}

/// Whoever navigates to where nothing is reads it on a page; all others get the answer of the API.
pub(super) async fn unknown_page(method: Method, uri: Uri, mut headers: HeaderMap) -> Response {
    let is_read = matches!(method, Method::GET | Method::HEAD);
    let is_below = |start| {
        uri.path().strip_prefix(start).is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('/'))
    };
    if !is_read || NO_PAGES.into_iter().any(is_below) || !wants_page(&headers) {
        return error::unknown_route().await;
    }
    // It is no page of this address, so nobody can have it already.
    headers.remove(IF_NONE_MATCH);
    let mut response = page("index.html", &headers).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response.headers_mut().remove(ETAG);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// As browsers say when one goes to an address.
fn wants_page(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    file(&format!("assets/{name}"), FOR_GOOD, &headers).await
}

async fn page(name: &str, headers: &HeaderMap) -> Response {
    let mut response = file(name, ASK_AGAIN, headers).await;
    // Also where nothing changed: a browser takes over what such an answer says.
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// That file in the encoding that the client likes best, or the news that it has it already.
async fn file(name: &str, keep: &'static str, headers: &HeaderMap) -> Response {
    let Some(plain) = fanfare_ui::file(name).filter(|_| !Encoding::is_written_in(name)) else {
        return error::unknown_route().await;
    };
    let media_type = media_type(plain.metadata.mimetype());
    let encoded = |encoding: Encoding| fanfare_ui::file(&format!("{name}{}", encoding.suffix()));
    let encoding = encoding::preferred(headers, |encoding| encoded(encoding).is_some());
    let chosen = encoding.and_then(encoded).unwrap_or(plain);
    let tag = format!("\"{}\"", hex::encode(&chosen.metadata.sha256_hash()[..TAG_BYTES]));
    let shared = [(ETAG, tag.as_str()), (CACHE_CONTROL, keep), (VARY, "accept-encoding")];
    if is_known(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, shared).into_response();
    }
    let mut response = (shared, bytes(chosen.data)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    if let Some(encoding) = encoding {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    }
    response
}

/// Whether the client has what bears this tag. A proxy that compresses may have made it a weak one.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Every text is UTF-8.
fn media_type(plain: &str) -> HeaderValue {
    let whole = if plain.starts_with("text/") { format!("{plain}; charset=utf-8") } else { plain.to_owned() };
    whole.parse().expect("media types are ASCII")
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(embedded) => Bytes::from_static(embedded),
        Cow::Owned(read) => read.into(),
    }
}
