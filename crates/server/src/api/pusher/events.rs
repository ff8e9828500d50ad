//! Publishing.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use fanfare_model::{
    application::Application,
    channel::{ChannelKind, ChannelName},
    limits::BATCH_MAX_EVENTS,
    pusher::{Event, Info},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{ChannelCounts, Signed};
use crate::{
    api::error::{Error, ErrorBody},
    app::{App, channels::Publish},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(publish_event)).routes(routes!(publish_batch))
}

/// An event for some channels.
#[derive(ToSchema)]
#[schema(as = ChannelEvent, example = json!({
    "name": "order-created", "channels": ["orders"], "data": "{\"id\":1}",
}))]
#[expect(dead_code, reason = "describes what `Event::parse` reads")]
struct EventBody {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Any text, usually JSON. 10240 bytes at most, unless the app or the configuration says otherwise.
    data: String,
    /// Their names, each of 1 to 200 of `A-Za-z0-9_-=@,.;:`, or `#server-to-user-` and a user's id.
    #[schema(min_items = 1, max_items = 100)]
    channels: Option<Vec<String>>,
    /// Or one channel alone.
    channel: Option<String>,
    /// Whose socket does not get it, as either protocol writes ids.
    #[schema(example = "1234.5678")]
    socket_id: Option<String>,
    /// What is to be told of the channels: `user_count`, `subscription_count`, or both with a comma.
    #[schema(example = "subscription_count")]
    info: Option<String>,
}

/// An event for one channel.
#[derive(ToSchema)]
#[schema(as = BatchEvent)]
#[expect(dead_code, reason = "describes what `Event::parse_batch` reads")]
struct BatchItem {
    #[schema(min_length = 1, max_length = 200, example = "order-created")]
    name: String,
    #[schema(example = "{\"id\":1}")]
    data: String,
    #[schema(example = "orders")]
    channel: String,
    #[schema(example = "1234.5678")]
    socket_id: Option<String>,
    #[schema(example = "subscription_count")]
    info: Option<String>,
}

/// Events that are published one after the other, all or none.
#[derive(ToSchema)]
#[schema(as = EventBatch)]
#[expect(dead_code, reason = "describes what `Event::parse_batch` reads")]
struct BatchBody {
    #[schema(max_items = 10)]
    batch: Vec<BatchItem>,
}

/// That it is published, with what was asked of its channels.
#[derive(Serialize, ToSchema)]
struct EventPublished {
    /// By channel; only where something was asked.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(nullable = false)]
    channels: BTreeMap<String, ChannelCounts>,
}

/// That all of them are published, with what was asked of their channels.
#[derive(Serialize, ToSchema)]
struct BatchPublished {
    /// One for each event, in order; only where something was asked of any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(nullable = false)]
    batch: Vec<ChannelCounts>,
}

/// Publishes an event to channels of an app.
///
/// Everybody who is subscribed to them hears it, in both protocols, but the socket that is named. Nothing of
/// it is kept, unless the channel has a history or is a cache channel.
#[utoipa::path(
    post,
    path = "/apps/{id}/events",
    tag = "Channels",
    params(("id" = String, Path, description = "The app", example = "417290356")),
    security(("appSignature" = [])),
    request_body = EventBody,
    responses(
        (status = 200, description = "It is published", body = EventPublished),
        (status = 400, description = "name must be a string of 1 to 200 characters", body = ErrorBody),
        (status = 401, description = "It is not signed, or not well", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
        (status = 413, description = "The data or the whole body is too large", body = ErrorBody),
    )
)]
async fn publish_event(State(app): State<App>, signed: Signed<1>) -> Result<Json<EventPublished>, Error> {
    let application = &signed.application;
    let event = Event::parse(&signed.body, app.data_max_bytes(application))?;
    let info = event.info;
    let asked = if info.asks() { event.channels.clone() } else { Vec::new() };
    publish(&app, application, event).await?;
    let channels = asked.into_iter().map(|channel| {
        let counts = counts(&app, application, &channel, info);
        (channel.to_string(), counts)
    });
    Ok(Json(EventPublished { channels: channels.collect() }))
}

/// Publishes up to ten events, each to a channel of an app.
///
/// They are published in their order, all or none.
#[utoipa::path(
    post,
    path = "/apps/{id}/batch_events",
    tag = "Channels",
    params(("id" = String, Path, description = "The app", example = "417290356")),
    security(("appSignature" = [])),
    request_body = BatchBody,
    responses(
        (status = 200, description = "They are published", body = BatchPublished),
        (status = 400, description = "batch must hold at most 10 events", body = ErrorBody),
        (status = 401, description = "It is not signed, or not well", body = ErrorBody),
        (status = 404, description = "App not found", body = ErrorBody),
        (status = 413, description = "The data of an event or the whole body is too large", body = ErrorBody),
    )
)]
async fn publish_batch(
    State(app): State<App>,
    signed: Signed<BATCH_MAX_EVENTS>,
) -> Result<Json<BatchPublished>, Error> {
    let application = &signed.application;
    let events = Event::parse_batch(&signed.body, app.data_max_bytes(application))?;
    App::check_channels(events.iter().flat_map(|event| &event.channels))?;
    let asks = events.iter().any(|event| event.info.asks());
    let mut batch = Vec::new();
    for event in events {
        let (channel, info) = (event.channels[0].clone(), event.info);
        publish(&app, application, event).await?;
        if asks {
            batch.push(counts(&app, application, &channel, info));
        }
    }
    Ok(Json(BatchPublished { batch }))
}

async fn publish(app: &App, application: &Application, event: Event) -> Result<(), Error> {
    let Event { name, data, channels, except, info: _ } = event;
    Ok(app.publish(application, Publish { event: name, channels, data, except }).await?)
}

fn counts(app: &App, application: &Application, channel: &ChannelName, info: Info) -> ChannelCounts {
    let is_presence = channel.kind() == ChannelKind::Presence;
    ChannelCounts::of(&app.get_channel(&application.id, channel), is_presence, info)
}
