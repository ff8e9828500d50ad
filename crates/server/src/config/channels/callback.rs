//! What an embedding program says who may subscribe.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use fanfare_model::channel::{ChannelName, Member};
use serde_json::{Map, Value};

/// A question: may this socket subscribe to this channel?
#[derive(Debug, Clone)]
pub struct AuthRequest {
    /// The id of the app.
    pub app: String,
    /// The socket, as its wire protocol spells it.
    pub socket_id: String,
    /// A private or presence channel.
    pub channel: ChannelName,
    /// What the client says of itself, as it came; nobody has checked it.
    pub channel_data: Option<String>,
    /// What the client's token says; `None` without a good one.
    pub claims: Option<Map<String, Value>>,
}

/// Why a callback does not let somebody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It does not; something else may, such as a rule.
    #[error("unauthorized")]
    Unauthorized,
    /// It cannot tell. The text is for the log; nothing else is asked then.
    #[error("{0}")]
    Failed(String),
}

type Answer = Pin<Box<dyn Future<Output = Result<Option<Member>, Denied>> + Send>>;

/// A callback that says who may subscribe to private and presence channels. It returns the member that
/// the socket becomes on a presence channel; with none it is the user whom the token names. It must not
/// block its thread.
///
/// ```
/// use fanfare::{ChannelAuthorizer, Denied, config::Config};
///
/// let mut config = Config::default();
/// config.channels.authorizer = Some(ChannelAuthorizer::new(|request| async move {
///     if &*request.channel == "private-lobby" { Ok(None) } else { Err(Denied::Unauthorized) }
/// }));
/// ```
#[derive(Clone)]
pub struct ChannelAuthorizer(Arc<dyn Fn(AuthRequest) -> Answer + Send + Sync>);

impl ChannelAuthorizer {
    /// Makes one of a function.
    pub fn new<F>(ask: impl Fn(AuthRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<Member>, Denied>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(ask(request))))
    }

    /// Asks.
    pub(crate) async fn ask(&self, request: AuthRequest) -> Result<Option<Member>, Denied> {
        (self.0)(request).await
    }
}

impl fmt::Debug for ChannelAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelAuthorizer")
    }
}
