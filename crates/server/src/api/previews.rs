//! What webhooks would be sent.

use axum::{Json, extract::State};
use fanfare_model::webhook::PreviewRequest;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    asyncapi,
    body::Object,
    error::{Error, ErrorBody},
    extract::{Admin, Ids},
    views::WebhookFormat,
};
use crate::app::{App, Error as AppError};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview_format)).routes(routes!(preview_webhook))
}

/// A format, and an event to show in it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `PreviewRequest` reads")]
struct FormatPreview {
    /// What requests hold; null: `json`.
    #[schema(inline)]
    format: Option<WebhookFormat>,
    /// What the format `template` writes; there it is needed, elsewhere it is not taken.
    #[schema(max_length = 8192)]
    template: Option<String>,
    /// The event's name; null: `game.added`.
    #[schema(min_length = 1, max_length = 200, example = "game.added")]
    event: Option<String>,
    /// The event's `data`; null: that of an example.
    #[schema(value_type = Option<Object>)]
    data: Option<()>,
}

/// An event to show.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `PreviewRequest::parse` reads")]
struct EventPreview {
    /// The event's name; null: `game.added`.
    #[schema(min_length = 1, max_length = 200, example = "session.started")]
    event: Option<String>,
    /// The event's `data`; null: that of an example.
    #[schema(value_type = Option<Object>)]
    data: Option<()>,
}

/// What would be sent.
#[derive(Serialize, ToSchema)]
struct Preview {
    #[schema(example = "application/json")]
    content_type: &'static str,
    /// The exact body.
    #[schema(example = "{\"text\":\"🎮 *Quiplash 3* added to session #3 (3-8 players)\"}")]
    body: String,
}

impl From<String> for Preview {
    fn from(body: String) -> Self {
        Self { content_type: "application/json", body }
    }
}

/// Shows what an event looks like in a format.
///
/// The event happens now, and is sent to nobody.
#[utoipa::path(
    post,
    path = "/api/webhooks/preview",
    tag = "Webhooks",
    security(("bearerAuth" = [])),
    request_body = FormatPreview,
    responses(
        (status = 200, description = "What would be sent", body = Preview),
        (status = 400, description = "It is no format, or the template does not fit the event", body = ErrorBody),
    )
)]
async fn preview_format(
    State(app): State<App>,
    _: Admin,
    Object(body): Object,
) -> Result<Json<Preview>, Error> {
    let shown = PreviewRequest::format(&body).and_then(|format| {
        PreviewRequest::parse(&body)?.render(&format, app.clock.now(), asyncapi::example_data)
    });
    Ok(Json(shown.map_err(AppError::from)?.into()))
}

/// Shows what a webhook would be sent for an event.
///
/// The event happens now, and is sent to nobody.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/preview",
    tag = "Webhooks",
    params(("id" = i64, Path, minimum = 1, description = "The webhook")),
    security(("bearerAuth" = [])),
    request_body = EventPreview,
    responses(
        (status = 200, description = "What would be sent", body = Preview),
        (status = 400, description = "The template does not fit the event", body = ErrorBody),
        (status = 404, description = "Webhook not found", body = ErrorBody),
    )
)]
async fn preview_webhook(
    State(app): State<App>,
    _: Admin,
    Ids([id]): Ids<1>,
    Object(body): Object,
) -> Result<Json<Preview>, Error> {
    let preview = PreviewRequest::parse(&body);
    Ok(Json(app.preview_webhook(id, preview, asyncapi::example_data).await?.into()))
}
