//! How busy the channels are, for people and for load balancers.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::{App, channels::Usage};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_usage))
}

/// How busy the channels of all apps are.
#[derive(Serialize, ToSchema)]
#[schema(as = Usage)]
struct UsageView {
    /// Sockets on channels.
    #[schema(minimum = 0, example = 120)]
    connections: usize,
    /// Channels that somebody is subscribed to.
    #[schema(minimum = 0, example = 14)]
    channels: usize,
    /// Subscriptions to them.
    #[schema(minimum = 0, example = 310)]
    subscriptions: usize,
    /// Whole seconds since the server started.
    #[schema(minimum = 0, example = 86_400)]
    uptime_s: u64,
}

/// How busy the channels are, counted once a second at most.
#[utoipa::path(
    get,
    path = "/stats",
    tag = "Channels",
    responses((status = 200, description = "The figures", body = UsageView))
)]
async fn get_usage(State(app): State<App>) -> Json<UsageView> {
    let Usage { connections, channels, subscriptions } = app.channel_usage().await;
    let uptime_s = app.clock.tick().since(app.started).as_secs();
    Json(UsageView { connections, channels, subscriptions, uptime_s })
}
