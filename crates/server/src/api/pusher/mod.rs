//! The HTTP API of the Pusher protocol, which an app's own backend speaks: publishing, and what is known
//! of channels. Every request is signed with the app's secret; what is not changes nothing and is not
//! even read.

pub(super) mod channels;
mod events;

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::Method,
};
use bytes::Bytes;
use fanfare_model::{application::Application, pusher::RequestHead};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use super::{body::collect, error::Error, extract::Texts};
use crate::app::{App, channels::ChannelFigures};

pub(super) fn routes() -> OpenApiRouter<App> {
    events::routes().merge(channels::routes())
}

/// Whose request it is, with its body, whose size is `MAX_EVENTS` events at most.
pub(super) struct Signed<const MAX_EVENTS: usize> {
    application: Arc<Application>,
    body: Bytes,
}

impl<const MAX_EVENTS: usize> FromRequest<App> for Signed<MAX_EVENTS> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (mut parts, body) = request.into_parts();
        let Ok(Texts([id])) = Texts::from_request_parts(&mut parts, app).await;
        let application = app.get_application(&id)?;
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        let head = RequestHead { method: parts.method.as_str(), path, query };
        let digest = head.verify(&application, app.clock.now()).map_err(Error::Signature)?;
        if parts.method != Method::POST {
            return Ok(Self { application, body: Bytes::new() });
        }
        let max_bytes = fanfare_model::pusher::body_max_bytes(MAX_EVENTS, app.data_max_bytes(&application));
        let body = collect(body, app, max_bytes).await?;
        digest.verify(&body).map_err(Error::Signature)?;
        Ok(Self { application, body })
    }
}

/// What is told of a channel: what was asked for.
#[derive(Serialize, ToSchema)]
struct ChannelCounts {
    /// Members of a presence channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, example = 3)]
    user_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, example = 4)]
    subscription_count: Option<usize>,
}

impl ChannelCounts {
    /// Only a presence channel has members.
    fn of(figures: &ChannelFigures, is_presence: bool, info: fanfare_model::pusher::Info) -> Self {
        Self {
            user_count: (info.user_count && is_presence).then_some(figures.users),
            subscription_count: info.subscription_count.then_some(figures.subscriptions),
        }
    }
}
