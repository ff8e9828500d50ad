//! Applications: whose channels are whose, and what their clients may do.

use axum::{Json, extract::State};
use fanfare_model::{
    Timestamp,
    application::{Application, ApplicationPatch, FIELDS, NewApplication},
};
use serde::Serialize;
use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema, schema::AllOfBuilder},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{New, Object},
    error::{Error, ErrorBody},
    extract::{Admin, Texts},
    schemas::{Switch, at_least_one},
    views::created,
};
use crate::app::{Answer, App, Error as AppError};

type Reply<T> = Result<Json<T>, Error>;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_apps, create_app))
        .routes(routes!(get_app, update_app, delete_app))
        .routes(routes!(rotate_app))
}

/// An app. Limits that are null are what the configuration says.
#[derive(Serialize, ToSchema)]
#[schema(as = App)]
pub(super) struct AppView {
    /// Names it in the paths of the HTTP API.
    id: String,
    /// Names it to clients; no secret.
    key: String,
    /// Signs requests and subscriptions. Shown when it was just made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
    /// For people.
    name: String,
    /// Whether session events are on its channels; one app is the default one.
    is_default: bool,
    /// Connections at once.
    #[schema(required, minimum = 1)]
    connections_max: Option<u32>,
    /// Channels that one connection may be subscribed to.
    #[schema(required, minimum = 1)]
    channels_max_per_connection: Option<u32>,
    /// Members of one presence channel.
    #[schema(required, minimum = 1)]
    members_max: Option<u32>,
    /// Messages a second that one connection may send.
    #[schema(required, minimum = 1)]
    messages_per_second: Option<u32>,
    /// Client events a second that one connection may send.
    #[schema(required, minimum = 1)]
    client_events_per_second: Option<u32>,
    /// The data of one event.
    #[schema(required, minimum = 1)]
    data_max_bytes: Option<u32>,
    /// Whether clients may send client events.
    client_events: bool,
    /// Whether Pusher clients are told how many subscriptions a channel has.
    subscription_counts: bool,
    created_at: Timestamp,
    /// Until when the secret before this one is taken as well; not there when none was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    old_secret_until: Option<Timestamp>,
    /// What was done; only in answers to changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "App updated successfully")]
    message: Option<&'static str>,
}

impl AppView {
    pub(super) fn with_message(application: &Application, message: &'static str) -> Self {
        Self { message: Some(message), ..application.into() }
    }

    /// For whoever had the secret made.
    pub(super) fn with_secret(application: &Application, message: &'static str) -> Self {
        Self { secret: Some(application.secret.clone()), ..Self::with_message(application, message) }
    }
}

impl From<&Application> for AppView {
    fn from(application: &Application) -> Self {
        let limits = &application.limits;
        Self {
            id: application.id.clone(),
            key: application.key.clone(),
            secret: None,
            name: application.name.clone(),
            is_default: application.is_default,
            connections_max: limits.connections_max,
            channels_max_per_connection: limits.channels_max_per_connection,
            members_max: limits.members_max,
            messages_per_second: limits.messages_per_second,
            client_events_per_second: limits.client_events_per_second,
            data_max_bytes: limits.data_max_bytes,
            client_events: limits.client_events,
            subscription_counts: limits.subscription_counts,
            created_at: application.created_at,
            old_secret_until: application.old_secret.as_ref().map(|old| old.expires_at),
            message: None,
        }
    }
}

/// What clients of an app may do. What is not given, or null, is as the configuration says.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `LimitsPatch::parse` reads")]
struct Limits {
    /// Connections at once.
    #[schema(minimum = 1, maximum = 10_000_000, example = 5000)]
    connections_max: Option<i64>,
    /// Channels that one connection may be subscribed to.
    #[schema(minimum = 1, maximum = 100_000, example = 50)]
    channels_max_per_connection: Option<i64>,
    /// Members of one presence channel.
    #[schema(minimum = 1, maximum = 100_000, example = 100)]
    members_max: Option<i64>,
    /// Messages a second that one connection may send.
    #[schema(minimum = 1, maximum = 100_000, example = 20)]
    messages_per_second: Option<i64>,
    /// Client events a second that one connection may send.
    #[schema(minimum = 1, maximum = 100_000, example = 10)]
    client_events_per_second: Option<i64>,
    /// The data of one event.
    #[schema(minimum = 1, maximum = 262_144, example = 10_240)]
    data_max_bytes: Option<i64>,
    /// Whether clients may send client events; null: true.
    client_events: Option<Switch>,
    /// Whether Pusher clients are told how many subscriptions a channel has; null: false.
    subscription_counts: Option<Switch>,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `NewApplication::parse` reads")]
struct NewFields {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Names it in paths; null: nine digits are drawn.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    id: Option<String>,
    /// Names it to clients; null: it is drawn.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    key: Option<String>,
    /// Signs requests and subscriptions; null: it is drawn.
    #[schema(pattern = "^[ -9;-~]{1,128}$")]
    secret: Option<String>,
}

/// An app that is to be made.
struct NewAppBody;

impl PartialSchema for NewAppBody {
    fn schema() -> RefOr<Schema> {
        let example = json!({"name": "Chat", "connections_max": 5000, "subscription_counts": true});
        AllOfBuilder::new().item(NewFields::schema()).item(Limits::schema()).examples([example]).into()
    }
}

impl ToSchema for NewAppBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "NewApp".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NewFields::schemas(schemas);
        Limits::schemas(schemas);
    }
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `ApplicationPatch::parse` reads")]
struct ChangedFields {
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    name: Option<String>,
}

/// What is to be changed of an app: at least one of the fields.
struct AppPatchBody;

impl PartialSchema for AppPatchBody {
    fn schema() -> RefOr<Schema> {
        let example = json!({"name": "Chat rooms", "client_events": false, "connections_max": null});
        let fields =
            AllOfBuilder::new().item(ChangedFields::schema()).item(Limits::schema()).examples([example]);
        at_least_one(fields.into(), FIELDS)
    }
}

impl ToSchema for AppPatchBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "AppPatch".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ChangedFields::schemas(schemas);
        Limits::schemas(schemas);
    }
}

/// That an app is gone.
#[derive(Serialize, ToSchema)]
struct AppDeleted {
    #[schema(example = "App deleted successfully")]
    message: &'static str,
    #[serde(rename = "appId")]
    #[schema(example = "417290356")]
    app_id: String,
}

/// Every app, the default one first, without their secrets.
#[utoipa::path(
    get,
    path = "/api/apps",
    tag = "Apps",
    security(("bearerAuth" = [])),
    responses((status = 200, description = "The apps", body = Vec<AppView>))
)]
async fn list_apps(State(app): State<App>, _: Admin) -> Json<Vec<AppView>> {
    Json(app.list_applications().iter().map(|application| AppView::from(&**application)).collect())
}

/// One app, without its secret.
#[utoipa::path(
    get,
    path = "/api/apps/{id}",
    tag = "Apps",
    params(("id" = String, Path, description = "The app", example = "417290356")),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "The app", body = AppView),
        (status = 404, description = "App not found", body = ErrorBody),
    )
)]
async fn get_app(State(app): State<App>, _: Admin, Texts([id]): Texts<1>) -> Reply<AppView> {
    Ok(Json(AppView::from(&*app.get_application(&id)?)))
}

/// Makes an app.
///
/// Its secret is in this answer and never shown again.
#[utoipa::path(
    post,
    path = "/api/apps",
    tag = "Apps",
    security(("bearerAuth" = [])),
    request_body = NewAppBody,
    responses(
        (status = 201, description = "The app", body = AppView),
        (status = 400, description = "Missing required fields: name", body = ErrorBody),
        (status = 409, description = "Its id or key is taken, or there are too many", body = ErrorBody),
    )
)]
async fn create_app(State(app): State<App>, _: Admin, new: New) -> Result<Answer, Error> {
    let creation = new.answered(|application: &Application| {
        created(&AppView::with_secret(application, "App created successfully"))
    });
    let described = NewApplication::parse(&new.body).map_err(AppError::from)?;
    Ok(app.create_application(described, creation).await?)
}

/// Changes the name of an app, or what its clients may do.
///
/// A field that is not given stays as it is; a limit that is null goes back to what the configuration says.
/// Limits count from the next connection, subscription or message on.
#[utoipa::path(
    patch,
    path = "/api/apps/{id}",
    tag = "Apps",
    params(("id" = String, Path, description = "The app", example = "417290356")),
    security(("bearerAuth" = [])),
    request_body = AppPatchBody,
    responses(
        (status = 200, description = "The app", body = AppView),
        (status = 400, description = "No fields to update", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
    )
)]
async fn update_app(
    State(app): State<App>,
    _: Admin,
    Texts([id]): Texts<1>,
    Object(body): Object,
) -> Reply<AppView> {
    let application = app.update_application(id, ApplicationPatch::parse(&body)).await?;
    Ok(Json(AppView::with_message(&application, "App updated successfully")))
}

/// Gives an app a new secret.
///
/// It is in this answer and never shown again. The old one is taken beside it for a while.
#[utoipa::path(
    post,
    path = "/api/apps/{id}/rotate",
    tag = "Apps",
    params(("id" = String, Path, description = "The app", example = "417290356")),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "The app with its new secret", body = AppView),
        (status = 404, description = "App not found", body = ErrorBody),
        (status = 409, description = "Its secret stands in the configuration", body = ErrorBody),
    )
)]
async fn rotate_app(State(app): State<App>, _: Admin, Texts([id]): Texts<1>) -> Reply<AppView> {
    let application = app.rotate_application(id).await?;
    Ok(Json(AppView::with_secret(&application, "App secret replaced successfully")))
}

/// Deletes an app: its key and its secret are taken no more.
#[utoipa::path(
    delete,
    path = "/api/apps/{id}",
    tag = "Apps",
    params(("id" = String, Path, description = "The app", example = "417290356")),
    security(("bearerAuth" = [])),
    responses(
        (status = 200, description = "It is gone", body = AppDeleted),
        (status = 404, description = "App not found", body = ErrorBody),
        (status = 409, description = "It is the default app", body = ErrorBody),
    )
)]
async fn delete_app(State(app): State<App>, _: Admin, Texts([id]): Texts<1>) -> Reply<AppDeleted> {
    app.delete_application(id.clone()).await?;
    Ok(Json(AppDeleted { message: "App deleted successfully", app_id: id }))
}
