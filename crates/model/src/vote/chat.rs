//! Chat logs: which messages hold a vote. What becomes of each is decided in [`super::import`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, value::RawValue};

use super::{VoteType, user_key, username};
use crate::{Timestamp, limits::CHAT_IMPORT_MAX_ITEMS};

/// What a vote begins with, in any case.
const TRIGGER: &str = "thisgame";
/// Messages that bots relay from one chat to another begin so, in any case: they are in the log of
/// the chat they come from.
const RELAYED: [&str; 2] = ["[irc]", "[kosmi]"];

/// Why a chat log cannot be read. A single bad message is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChat {
    /// Not even JSON.
    #[error("the log is not valid JSON")]
    NotJson,
    /// No list of messages.
    #[error("chatData must be an array")]
    NotArray,
    /// More messages than one import may bring.
    #[error("chatData must not hold more than {CHAT_IMPORT_MAX_ITEMS} messages")]
    TooMany,
}

/// A vote found in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatVote {
    /// As it stands in the log.
    pub username: String,
    /// Who that is, see [`user_key`].
    pub user_key: String,
    /// For or against.
    pub vote_type: VoteType,
    /// When it was said.
    pub at: Timestamp,
}

/// The votes of a chat log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatLog {
    /// Items of the log, of any kind.
    pub messages: usize,
    /// Items that are no messages: a field is missing, of the wrong type, or no moment, or the item
    /// cannot be read at all.
    pub invalid: usize,
    /// The votes by moment; those of one moment in the order of the log.
    pub votes: Vec<ChatVote>,
}

impl ChatLog {
    /// Reads the body of a chat import: a list of `{"username","message","timestamp"}`, or an object
    /// with that list as `chatData`. Items are read one by one, so that half an emoji, a number beyond
    /// all bounds or too deep a nesting spoils no more than its own.
    ///
    /// # Errors
    /// See [`InvalidChat`].
    pub fn parse(body: &[u8]) -> Result<Self, InvalidChat> {
        let body: &RawValue = serde_json::from_slice(body).map_err(|_| InvalidChat::NotJson)?;
        let list = if body.get().starts_with('{') {
            let fields: BTreeMap<String, &RawValue> =
                serde_json::from_str(body.get()).map_err(|_| InvalidChat::NotJson)?;
            fields.get("chatData").copied()
        } else {
            Some(body)
        };
        let items: Option<Vec<&RawValue>> = list.and_then(|list| serde_json::from_str(list.get()).ok());
        let items = items.ok_or(InvalidChat::NotArray)?;
        if items.len() > CHAT_IMPORT_MAX_ITEMS {
            return Err(InvalidChat::TooMany);
        }
        let mut log = Self { messages: items.len(), ..Self::default() };
        for item in items {
            let fields: Option<Map<String, Value>> = serde_json::from_str(item.get()).ok();
            match fields.as_ref().and_then(Message::parse) {
                Some(message) => log.votes.extend(message.vote()),
                None => log.invalid += 1,
            }
        }
        log.votes.sort_by_key(|vote| vote.at);
        Ok(log)
    }
}

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatImported {
    /// Items of the log, of any kind.
    pub messages: usize,
    /// Items that are no messages.
    pub invalid: usize,
    /// Messages that hold a vote; each is one of the next three.
    pub found: usize,
    /// Those that count from now on.
    pub recorded: usize,
    /// Those that were cast already, or too soon after another one.
    pub duplicates: usize,
    /// Those cast before the first game.
    pub unmatched: usize,
    /// The games that got votes, with the new totals.
    pub games: Vec<super::GameVotes>,
}

struct Message<'a> {
    username: &'a str,
    text: &'a str,
    at: Timestamp,
}

impl<'a> Message<'a> {
    fn parse(item: &'a Map<String, Value>) -> Option<Self> {
        let text = |name| item.get(name).and_then(Value::as_str);
        // What holds U+0000 cannot be stored.
        let username = username(item.get("username")).ok();
        let username = username.filter(|name| !name.is_empty() && !name.contains('\0'))?;
        let at = Timestamp::parse(text("timestamp")?).ok()?;
        Some(Self { username, text: text("message")?, at })
    }

    fn vote(&self) -> Option<ChatVote> {
        Some(ChatVote {
            vote_type: vote_in(self.text)?,
            username: self.username.to_owned(),
            user_key: user_key(self.username),
            at: self.at,
        })
    }
}

/// The vote in a chat message: `thisgame++` or `thisgame--` anywhere in it, in any case. An en or em
/// dash counts as `--`, which is what many keyboards make of it. A message with both is for the game;
/// one that was relayed from another chat holds none.
pub fn vote_in(message: &str) -> Option<VoteType> {
    let begins = |prefix: &str| {
        message.trim_start().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if RELAYED.into_iter().any(begins) {
        return None;
    }
    // Lower case letter by letter: all else, and every place in the text, stays the same.
    let message = message.to_ascii_lowercase();
    let mut found = None;
    for (at, _) in message.match_indices(TRIGGER) {
        let rest = &message[at + TRIGGER.len()..];
        if rest.starts_with("++") {
            return Some(VoteType::Up);
        }
        if ["--", "–", "—"].into_iter().any(|minus| rest.starts_with(minus)) {
            found = Some(VoteType::Down);
        }
    }
    found
}

#[cfg(test)]
mod tests;
