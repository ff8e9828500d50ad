//! Webhooks in the hands of a program that embeds the server.

use std::sync::Arc;

use fanfare_model::{fired::Fired, webhook::Origin};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::{
    app::{Answer, App, Creation, Error, FiredEvent},
    config::{self, Endpoint},
};

/// Makes receivers known to a running server. Clones are one; none keeps the server from stopping.
///
/// ```
/// use fanfare::{Endpoint, Method, Server, config::Config, timers::Clock};
///
/// # let folder = tempfile::tempdir()?;
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// let mut config = Config { data: folder.path().join("data"), ..Config::default() };
/// config.listen.set_port(0);
/// let server = Server::start(config, Clock::real()).await?;
///
/// let webhooks = server.webhooks();
/// let bot = Endpoint::new("https://bot.example/hook", ["game.added", "session.*"]);
/// let id = webhooks.register(bot.clone()).await?;
/// // The same URL again is the same webhook.
/// assert_eq!(webhooks.register(Endpoint { method: Method::Put, ..bot }).await?, id);
/// webhooks.fire("order.paid", &serde_json::json!({ "order": 7 })).await?;
/// server.stop().await;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Webhooks {
    app: App,
    defaults: Arc<config::Webhooks>,
    /// Held while one is registered, so that two with the same URL become one.
    turn: Arc<Mutex<()>>,
}

/// Why something could not be done with webhooks; one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// What was given cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// It is in the way of something else.
    #[error("{0}")]
    Conflict(String),
    /// The database cannot be used, or the server is stopping.
    #[error("{0}")]
    Unavailable(String),
}

impl From<Error> for WebhookError {
    fn from(error: Error) -> Self {
        match error {
            Error::Conflict(line) => Self::Conflict(line.to_owned()),
            Error::Invalid(line) => Self::Invalid(line.into_owned()),
            Error::NotReady(line) => Self::Unavailable(line.to_owned()),
            Error::Unavailable(line) | Error::Bug(line) => Self::Unavailable(line),
            // Nothing here names what is not there, signs in or repeats a request.
            other => Self::Unavailable(format!("{other:?}")),
        }
    }
}

impl Webhooks {
    pub(crate) fn new(app: App, defaults: config::Webhooks) -> Self {
        Self { app, defaults: Arc::new(defaults), turn: Arc::default() }
    }

    /// Makes a receiver known; from now on it hears of the events it asks for, across restarts. What
    /// the endpoint leaves open is what `[webhooks]` of the configuration says: the secret, the timeout
    /// and the waits between attempts. The same URL again brings what is known of it in line, and does
    /// nothing when it is.
    ///
    /// Returns the webhook's id, which the API knows it by.
    ///
    /// # Errors
    /// [`WebhookError::Invalid`] for an endpoint that the configuration file would refuse,
    /// [`WebhookError::Conflict`] for a URL that the configuration file has,
    /// [`WebhookError::Unavailable`] while the database cannot be used.
    pub async fn register(&self, endpoint: Endpoint) -> Result<i64, WebhookError> {
        endpoint.check().map_err(WebhookError::Invalid)?;
        let _turn = self.turn.lock().await;
        Ok(self.app.register_webhook(self.defaults.webhook(&endpoint, Origin::Api)).await?)
    }

    /// Tells every webhook that asks for `event` of it, as `POST /api/events/fire` does: once this
    /// returns it is committed and will be delivered. `data` is a JSON object.
    ///
    /// Returns the event's id, the `webhook-id` of its deliveries.
    ///
    /// # Errors
    /// [`WebhookError::Invalid`] for a name that is empty, too long or a pattern, and for data that is no
    /// object; [`WebhookError::Unavailable`] while the database cannot be used.
    pub async fn fire(&self, event: &str, data: &Value) -> Result<String, WebhookError> {
        let fired = Fired::parse(Some(&event.into()), Some(&data.to_string())).map_err(Error::from)?;
        let answer =
            |fired: &FiredEvent| Answer { status: 201, body: fired.public_id.clone(), is_repeated: false };
        Ok(self.app.fire_event(fired, Creation { key: None, answer }).await?.body)
    }
}
