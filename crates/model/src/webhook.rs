//! Webhooks: who wants to hear of what, at which URL, and how it is sent there.

mod headers;
mod options;
mod parse;
mod preview;
#[cfg(test)]
mod tests;

use url::Url;

pub use self::{
    headers::{HIDDEN_VALUE, Header, InvalidHeader},
    options::{FormatPatch, Method, OptionsPatch, Ordering, WebhookOptions},
    parse::{FIELDS, InvalidWebhook},
    preview::{InvalidPreview, PreviewRequest},
};
use crate::{
    Timestamp,
    limits::{APP_WORD_MAX_CHARS, OLD_SECRETS_MAX},
};

/// A receiver of events.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Never reused.
    pub id: i64,
    /// For people.
    pub name: String,
    /// http or https with a host; nothing else was checked.
    pub url: String,
    /// Signs what is sent, as UTF-8 bytes; never shown. Empty: nothing is signed.
    pub secret: String,
    /// Secrets that were replaced and sign beside the new one for a while, newest first.
    pub old_secrets: Vec<OldSecret>,
    /// Names and patterns as they were given, see [`crate::pattern`].
    pub events: Vec<String>,
    /// A disabled one gets nothing; its deliveries are held.
    pub enabled: bool,
    /// Why the server disabled it, if it did.
    pub disabled_reason: Option<String>,
    /// Who looks after it.
    pub origin: Origin,
    /// The id of the application whose events it hears; empty: the default one, to which the game nights
    /// belong.
    pub app: String,
    /// How it is sent to.
    pub options: WebhookOptions,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A secret that was replaced.
#[derive(Clone, PartialEq, Eq)]
pub struct OldSecret {
    /// As [`Webhook::secret`].
    pub secret: String,
    /// From then on it signs nothing.
    pub expires_at: Timestamp,
}

/// Where a webhook comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was made over the API or by an embedding program.
    Api,
    /// It stands in the configuration file, which alone changes it.
    Config,
}

impl Origin {
    /// The word of the API and of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Config => "config",
        }
    }

    /// Reads [`Origin::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Api, Self::Config].into_iter().find(|origin| origin.as_str() == word)
    }
}

/// A webhook that is to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// For people; not empty.
    pub name: String,
    /// Checked by [`is_url`].
    pub url: String,
    /// Empty: nothing is signed.
    pub secret: String,
    /// Names and patterns, unknown ones included.
    pub events: Vec<String>,
    /// As [`Webhook::app`].
    pub app: String,
    /// How it is sent to.
    pub options: WebhookOptions,
    /// Who looks after it.
    pub origin: Origin,
}

/// What is to be changed of a webhook; at least one field is `Some`. The inner `None` goes back to
/// what the configuration says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebhookPatch {
    /// For people; not empty.
    pub name: Option<String>,
    /// Checked by [`is_url`].
    pub url: Option<String>,
    /// Not empty.
    pub secret: Option<String>,
    /// Names and patterns, unknown ones included.
    pub events: Option<Vec<String>>,
    /// Whether it gets deliveries.
    pub enabled: Option<bool>,
    /// As [`Webhook::app`].
    pub app: Option<String>,
    /// See [`WebhookOptions`].
    pub options: OptionsPatch,
}

impl WebhookPatch {
    /// Whether nothing but `enabled` is to change.
    pub fn changes_enabled_alone(&self) -> bool {
        *self == Self { enabled: self.enabled, ..Self::default() }
    }

    /// The webhook as it is after this change at `now`. A secret that is replaced signs beside the
    /// new one for `overlap_ms`; a webhook that is enabled again starts without a reason.
    ///
    /// # Errors
    /// [`InvalidWebhook`] for a hidden value of a header that is not there, and for what is no format.
    pub fn applied_to(
        &self,
        webhook: Webhook,
        now: Timestamp,
        overlap_ms: i64,
    ) -> Result<Webhook, InvalidWebhook> {
        let mut next = webhook;
        next.old_secrets.retain(|old| old.expires_at > now);
        if let Some(secret) = &self.secret
            && *secret != next.secret
        {
            let old = std::mem::replace(&mut next.secret, secret.clone());
            // One that comes back is no old one any more.
            next.old_secrets.retain(|old| old.secret != *secret);
            if !old.is_empty() {
                next.old_secrets
                    .insert(0, OldSecret { secret: old, expires_at: now.plus_millis(overlap_ms) });
                next.old_secrets.truncate(OLD_SECRETS_MAX);
            }
        }
        if let Some(enabled) = self.enabled
            && enabled != next.enabled
        {
            next.enabled = enabled;
            next.disabled_reason = None;
        }
        next.name = self.name.clone().unwrap_or(next.name);
        next.url = self.url.clone().unwrap_or(next.url);
        next.events = self.events.clone().unwrap_or(next.events);
        next.app = self.app.clone().unwrap_or(next.app);
        next.options = self.options.applied_to(next.options)?;
        Ok(next)
    }
}

impl Webhook {
    /// The secrets that sign at `now`, the current one first; none when nothing is signed.
    pub fn secrets_at(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let old = self.old_secrets.iter().filter(move |old| old.expires_at > now);
        let current = (!self.secret.is_empty()).then_some(self.secret.as_str());
        let old = old.map(|old| old.secret.as_str()).filter(move |_| current.is_some());
        current.into_iter().chain(old)
    }
}

/// Whether `text` is an http or https URL with a host. No more is asked of a webhook's URL when it
/// is saved; where it leads is judged when something is sent there.
pub fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Whether an application can have this id. Whether one has is known to the database.
pub fn is_app(text: &str) -> bool {
    (1..=APP_WORD_MAX_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
