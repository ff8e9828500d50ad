//! Sessions: listing, starting, closing and deleting them.

use axum::{Json, extract::State};
use fanfare_model::{
    limits::{INTEGER_MAX, NOTES_MAX_CHARS, SESSIONS_PAGE_MAX_ROWS},
    session::{Page, Session},
    text,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, Schema, schema::Type},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{New, Object},
    error::{Error, ErrorBody, invalid},
    extract::{Admin, Ids, Query},
    views::{SessionRow, created},
};
use crate::app::{Answer, App, Error as AppError};

type Reply<T> = Result<Json<T>, Error>;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, create_session))
        .routes(routes!(get_active_session))
        .routes(routes!(get_session, delete_session))
        .routes(routes!(close_session))
}

/// What `notes` reads.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `notes` reads")]
struct Notes {
    /// Free text; empty is as good as none.
    #[schema(max_length = 10_000, example = "Friday night")]
    notes: Option<String>,
}

/// The active session, or that there is none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum ActiveSession {
    Active(SessionRow),
    None(NoActiveSession),
}

/// Nobody is playing.
#[derive(Serialize, ToSchema)]
struct NoActiveSession {
    /// Always `null`.
    #[schema(required, schema_with = null)]
    session: Option<()>,
    #[schema(example = "No active session")]
    message: &'static str,
}

fn null() -> Schema {
    ObjectBuilder::new().schema_type(Type::Null).build().into()
}

/// A session is gone.
#[derive(Serialize, ToSchema)]
struct DeletedSession {
    #[schema(example = "Session deleted successfully")]
    message: &'static str,
    #[serde(rename = "sessionId")]
    #[schema(minimum = 1, example = 3)]
    session_id: i64,
}

/// Every session, newest first; with `limit` or `offset` a part of them.
#[utoipa::path(
    get,
    path = "/api/sessions",
    tag = "Sessions",
    params(
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "Sessions at most; 1000 when there is an `offset` only"),
        ("offset" = Option<i64>, Query, minimum = 0, maximum = 9_007_199_254_740_991_i64, description = "Newer sessions to pass over"),
    ),
    responses(
        (status = 200, description = "The sessions", body = Vec<SessionRow>),
        (status = 400, description = "`limit` or `offset` has an impossible value", body = ErrorBody),
    )
)]
async fn list_sessions(State(app): State<App>, query: Query) -> Reply<Vec<SessionRow>> {
    let page = page(&query)?;
    Ok(Json(app.list_sessions(page).await?.into_iter().map(SessionRow::from).collect()))
}

/// The active session, if there is one.
#[utoipa::path(
    get,
    path = "/api/sessions/active",
    tag = "Sessions",
    responses((status = 200, description = "The session, or that there is none", body = ActiveSession))
)]
async fn get_active_session(State(app): State<App>) -> Reply<ActiveSession> {
    Ok(Json(match app.get_active_session().await? {
        Some(session) => ActiveSession::Active(session.into()),
        None => ActiveSession::None(NoActiveSession { session: None, message: "No active session" }),
    }))
}

/// One session.
#[utoipa::path(
    get,
    path = "/api/sessions/{id}",
    tag = "Sessions",
    params(("id" = i64, Path, minimum = 1, description = "The session")),
    responses(
        (status = 200, description = "The session", body = SessionRow),
        (status = 404, description = "Session not found", body = ErrorBody),
    )
)]
async fn get_session(State(app): State<App>, Ids([id]): Ids<1>) -> Reply<SessionRow> {
    Ok(Json(app.get_session(id).await?.into()))
}

/// Starts a session; one at most is active. `session.started` tells every socket.
#[utoipa::path(
    post,
    path = "/api/sessions",
    tag = "Sessions",
    security(("bearerAuth" = [])),
    request_body = Notes,
    responses(
        (status = 201, description = "The new session", body = SessionRow),
        (status = 400, description = "Another session is active, whose id is `activeSessionId`, or the notes are no text or too long", body = ErrorBody),
        (status = 422, description = "The `Idempotency-Key` was used for another request", body = ErrorBody),
    )
)]
async fn create_session(State(app): State<App>, _: Admin, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|session: &Session| created(&SessionRow::from(session.clone())));
    Ok(app.start_session(notes(&new.body)?, creation).await?)
}

/// Closes a session; the game that is playing becomes played, an open poll is closed. New notes
/// replace the old ones. `session.ended` tells its subscribers.
#[utoipa::path(
    post,
    path = "/api/sessions/{id}/close",
    tag = "Sessions",
    security(("bearerAuth" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The session")),
    request_body = Notes,
    responses(
        (status = 200, description = "The closed session", body = SessionRow),
        (status = 400, description = "It is closed already, or the notes are no text or too long", body = ErrorBody),
        (status = 404, description = "Session not found", body = ErrorBody),
    )
)]
async fn close_session(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Reply<SessionRow> {
    Ok(Json(app.close_session(id, notes(&body)?).await?.into()))
}

/// Deletes a closed session with its games, votes and polls. The totals of its games stay.
#[utoipa::path(
    delete,
    path = "/api/sessions/{id}",
    tag = "Sessions",
    security(("bearerAuth" = [])),
    params(("id" = i64, Path, minimum = 1, description = "The session")),
    responses(
        (status = 200, description = "It is gone", body = DeletedSession),
        (status = 400, description = "It is active", body = ErrorBody),
        (status = 404, description = "Session not found", body = ErrorBody),
    )
)]
async fn delete_session(State(app): State<App>, _: Admin, Ids([id]): Ids<1>) -> Reply<DeletedSession> {
    app.delete_session(id).await?;
    Ok(Json(DeletedSession { message: "Session deleted successfully", session_id: id }))
}

/// The part of the list that is asked for; of a parameter given twice the last counts.
fn page(query: &Query) -> Result<Option<Page>, Error> {
    let (mut limit, mut offset) = (None, None);
    for (name, value) in query.pairs() {
        match name {
            "limit" => {
                limit = Some(text::integer(value, 1..=SESSIONS_PAGE_MAX_ROWS).ok_or_else(|| {
                    let range = format!("an integer from 1 to {SESSIONS_PAGE_MAX_ROWS}");
                    AppError::Invalid(format!("Invalid value for limit: expected {range}").into())
                })?);
            }
            "offset" => {
                let text = "Invalid value for offset: expected a non-negative integer";
                let number = text::integer(value, 0..=INTEGER_MAX).and_then(|n| usize::try_from(n).ok());
                offset = Some(number.ok_or_else(|| invalid(text))?);
            }
            _ => {}
        }
    }
    let is_part = limit.is_some() || offset.is_some();
    Ok(is_part.then(|| Page { limit: limit.unwrap_or(SESSIONS_PAGE_MAX_ROWS), offset: offset.unwrap_or(0) }))
}

/// Absent, `null` and empty notes are no notes.
fn notes(body: &Map<String, Value>) -> Result<Option<String>, Error> {
    match body.get("notes") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() > NOTES_MAX_CHARS => {
            let text = format!("notes must not be longer than {NOTES_MAX_CHARS} characters");
            Err(AppError::Invalid(text.into()).into())
        }
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid("notes must be a string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_by_limit_or_offset() {
        let page_of = |limit, offset| Some(Some(Page { limit, offset }));
        for (query, expected) in [
            ("", Some(None)),
            ("other=x", Some(None)),
            ("limit=1", page_of(1, 0)),
            ("limit=1000&offset=2", page_of(1_000, 2)),
            ("offset=0", page_of(1_000, 0)),
            ("limit=x&limit=3", None),
            ("limit=0", None),
            ("limit=1001", None),
            ("limit=", None),
            ("limit=%2B1", None),
            ("offset=-1", None),
            ("offset=9007199254740992", None),
        ] {
            assert_eq!(page(&Query::parse(query)).ok(), expected, "{query}");
        }
    }

    #[test]
    fn notes_are_short_texts() {
        let read = |value: Value| notes(&Map::from_iter([("notes".to_owned(), value)])).ok();
        let longest = "ä".repeat(NOTES_MAX_CHARS);
        for (value, expected) in [
            (Value::Null, Some(None)),
            ("".into(), Some(None)),
            (longest.as_str().into(), Some(Some(longest.clone()))),
            ("ä".repeat(NOTES_MAX_CHARS + 1).into(), None),
            (5.into(), None),
            (false.into(), None),
        ] {
            assert_eq!(read(value), expected);
        }
    }
}
