//! The bodies that a webhook can be sent: the ordinary envelope, that of Pusher's webhooks, a message for
//! Discord or Slack, or what somebody's own template makes of the event.
//!
//! What an event says in words is decided once, in [`line`]; [`markup`] knows how each service writes it.

mod line;
mod markup;
mod pusher;
mod subset;
mod template;

use serde::Serialize;

pub use self::template::{InvalidTemplate, Template};
use crate::event::Event;

/// What a webhook's requests hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Format {
    /// `{"event","timestamp","data"}`
    #[default]
    Json,
    /// What Discord's webhooks take: `{"content","allowed_mentions"}`. Nobody is ever pinged.
    Discord,
    /// What Slack's incoming webhooks take: `{"text"}`.
    Slack,
    /// What Pusher's webhooks hold: `{"time_ms","events"}`. Requests are signed with the application's
    /// secret as well.
    Pusher,
    /// Whatever the template writes.
    Template(Template),
}

/// Why a word and a template are no format; the text is the API's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFormat {
    /// Another word.
    #[error("format must be one of: json, discord, slack, pusher, template")]
    Unknown,
    /// `template` without a template.
    #[error("format template needs a template")]
    NoTemplate,
    /// The template is not one.
    #[error(transparent)]
    Template(#[from] InvalidTemplate),
}

/// Why an event has no body in this format: one line, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(String);

impl Format {
    /// The format that `word` names. `template` is read for `template` alone, and kept by nobody else.
    ///
    /// # Errors
    /// [`InvalidFormat`]
    pub fn parse(word: &str, template: Option<&str>) -> Result<Self, InvalidFormat> {
        match word {
            "json" => Ok(Self::Json),
            "discord" => Ok(Self::Discord),
            "slack" => Ok(Self::Slack),
            "pusher" => Ok(Self::Pusher),
            "template" => {
                let source = template.ok_or(InvalidFormat::NoTemplate)?;
                Ok(Self::Template(Template::parse(source)?))
            }
            _ => Err(InvalidFormat::Unknown),
        }
    }

    /// The word that names it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Discord => "discord",
            Self::Slack => "slack",
            Self::Pusher => "pusher",
            Self::Template(_) => "template",
        }
    }

    /// The template's source, where there is one.
    pub fn template(&self) -> Option<&str> {
        match self {
            Self::Template(template) => Some(template.source()),
            Self::Json | Self::Discord | Self::Slack | Self::Pusher => None,
        }
    }

    /// The exact body that tells of `event`. Each call gives the same one.
    ///
    /// # Errors
    /// [`RenderError`], of templates alone; trying again changes nothing.
    pub fn render(&self, event: &Event) -> Result<String, RenderError> {
        match self {
            Self::Json => Ok(event.webhook_body()),
            Self::Discord => Ok(discord(event)),
            Self::Slack => Ok(slack(event)),
            Self::Pusher => Ok(pusher::body(event)),
            Self::Template(template) => template.render(event),
        }
    }
}

fn discord(event: &Event) -> String {
    #[derive(Serialize)]
    struct Body {
        content: String,
        allowed_mentions: Mentions,
    }
    #[derive(Serialize)]
    struct Mentions {
        parse: [(); 0],
    }
    to_json(&Body {
        content: markup::DISCORD.write(&line::of(event)),
        allowed_mentions: Mentions { parse: [] },
    })
}

fn slack(event: &Event) -> String {
    #[derive(Serialize)]
    struct Body {
        text: String,
    }
    to_json(&Body { text: markup::SLACK.write(&line::of(event)) })
}

fn to_json<T: Serialize>(body: &T) -> String {
    serde_json::to_string(body).expect("only string keys are written")
}

#[cfg(test)]
mod tests;
