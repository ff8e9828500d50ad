//! Event streams for readers that only listen: who may read which, and from where on. How a stream
//! runs is `live`'s business.

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use fanfare_model::wire::sse;
use futures_util::{Stream, StreamExt};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    error::{Error, ErrorBody},
    extract::{self, Ids, Query},
    guard::LAST_EVENT_ID,
};
use crate::{
    accept::Slot,
    app::{App, Error as AppError},
    auth::Place,
    live,
};

/// Asks proxies not to hold back what they are sent.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(stream_session_events)).routes(routes!(stream_all_events))
}

/// A session's events as they happen.
///
/// Server-sent events: each message is the JSON of the WebSocket, without who voted, and its id is
/// the event's `seq`. A reader that comes back with `Last-Event-ID` is sent what it missed.
#[utoipa::path(
    get,
    path = "/api/sessions/{id}/events",
    tag = "Events",
    params(
        ("id" = i64, Path, minimum = 1, description = "The session"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `seq` of the last event that was read; what is no number is ignored", example = "41"),
        ("lastEventId" = Option<String>, Query, description = "The same, for clients that cannot set headers; the header counts first", example = "41"),
    ),
    responses(
        (status = 200, description = "The events, until either side ends it", body = String, content_type = "text/event-stream", example = "id: 42\ndata: {\"type\":\"game.status\",…}\n\n"),
        (status = 404, description = "Session not found", body = ErrorBody),
    )
)]
async fn stream_session_events(
    State(app): State<App>,
    Ids([id]): Ids<1>,
    held: Held,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let after = last_event_id(&headers, &query).and_then(sse::last_event_id);
    let stream = live::session_stream(app, id, after).await?.ok_or(AppError::NO_SESSION)?;
    Ok(answer(stream, held))
}

/// Every event as it happens.
///
/// Server-sent events, of all sessions and of none: each message is the JSON of the WebSocket, and
/// its id is the event's. A reader that comes back with `Last-Event-ID` is sent what it missed. Whoever
/// cannot set headers, as a browser's `EventSource`, may put the token into the query.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "Events",
    params(
        ("access_token" = Option<String>, Query, description = "A token, instead of the header"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` that was read last, of an event or the number at the beginning", example = "evt_019cf33b00002f7e5d1c8a60b94e3d21"),
        ("lastEventId" = Option<String>, Query, description = "The same, for clients that cannot set headers; the header counts first", example = "evt_019cf33b00002f7e5d1c8a60b94e3d21"),
    ),
    responses((status = 200, description = "The events, until either side ends it", body = String, content_type = "text/event-stream", example = "id: evt_1\ndata: {\"type\":\"session.started\",…}\n\n")),
    security(("bearerAuth" = []))
)]
async fn stream_all_events(
    State(app): State<App>,
    held: Held,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let from_query = || query.last("access_token").filter(|token| !token.is_empty());
    let token = extract::bearer_token(&headers).or_else(from_query);
    if !app.auth.is_admin_token(token.ok_or(Error::NoToken)?) {
        return Err(Error::BadToken);
    }
    Ok(answer(live::all_stream(app, last_event_id(&headers, &query)).await?, held))
}

/// What a client that comes back read last: the header counts first.
fn last_event_id<'a>(headers: &'a HeaderMap, query: &'a Query) -> Option<&'a str> {
    let from_header = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let given = |text: &&str| !text.is_empty();
    from_header.filter(given).or_else(|| query.last("lastEventId").filter(given))
}

/// What a request takes up that its stream goes on taking up: the client's place, and its connection.
type Held = (Option<Extension<Place>>, Option<Extension<Slot>>);

/// The stream keeps the client's place for as long as it runs.
fn answer(
    stream: impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send + 'static,
    (place, slot): Held,
) -> Response {
    if let Some(Extension(slot)) = slot {
        slot.set_streaming();
    }
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    let stream = stream.inspect(move |_| {
        let _held = &place;
    });
    (headers, Body::from_stream(stream)).into_response()
}
