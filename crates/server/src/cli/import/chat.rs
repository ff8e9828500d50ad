//! A chat log on its way to the server: in the order of time and in parts, so that a long one is
//! neither too large for a request nor silent for minutes. An import that broke off is repeated as a
//! whole; what is there already changes nothing.

use std::path::Path;

use fanfare_model::{Timestamp, limits::IMPORT_MAX_BYTES};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Client, Failure, Progress, input};

/// The largest log, in bytes (256 MiB).
const LOG_MAX_BYTES: usize = 256 << 20;
/// Messages in a request at most.
const PART_MAX_MESSAGES: usize = 1_000;
/// Bytes of messages in a request at most, but for a single one: half of what the server takes.
const PART_MAX_BYTES: usize = IMPORT_MAX_BYTES / 2;

/// A log that was read, in the order of time.
#[derive(Debug)]
pub(super) struct Log {
    name: String,
    session: i64,
    messages: Vec<Box<RawValue>>,
}

/// What the server counted, in one part or in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    messages_processed: u64,
    votes_found: u64,
    votes_recorded: u64,
    duplicates_skipped: u64,
    unmatched: u64,
    invalid: u64,
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            messages_processed: self.messages_processed + other.messages_processed,
            votes_found: self.votes_found + other.votes_found,
            votes_recorded: self.votes_recorded + other.votes_recorded,
            duplicates_skipped: self.duplicates_skipped + other.duplicates_skipped,
            unmatched: self.unmatched + other.unmatched,
            invalid: self.invalid + other.invalid,
        }
    }
}

impl Log {
    /// Reads a file; blocks.
    pub(super) fn read(path: &Path, session: i64) -> Result<Self, Failure> {
        let name = input::name(path);
        let text = input::read(path, LOG_MAX_BYTES)?;
        Self::parse(name, &text, session)
    }

    /// The bare array, or an object that holds it as `chatData`.
    pub(super) fn parse(name: String, text: &str, session: i64) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Wrapped {
            #[serde(rename = "chatData")]
            chat_data: Vec<Box<RawValue>>,
        }
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let parsed = if text.starts_with('{') {
            serde_json::from_str::<Wrapped>(text).map(|wrapped| wrapped.chat_data)
        } else {
            serde_json::from_str(text)
        };
        let mut messages: Vec<Box<RawValue>> = parsed.map_err(|error| {
            Failure::Environment(format!("{name} is no chat log, a JSON array of messages: {error}"))
        })?;
        // A vote counts when the same person's last one is long enough ago, so votes have to come in
        // the order of time, across the parts too. The sort keeps those of one moment in theirs.
        messages.sort_by_cached_key(|message| moment(message));
        Ok(Self { name, session, messages })
    }

    /// The requests' bodies with the number of messages in each; one at least, since the server is
    /// to say whether the session exists.
    fn parts(&self) -> Vec<(usize, String)> {
        let mut parts = Vec::new();
        let (mut count, mut body) = (0, String::new());
        for message in &self.messages {
            let message = message.get();
            if count == PART_MAX_MESSAGES || (count > 0 && body.len() + message.len() > PART_MAX_BYTES) {
                parts.push((count, wrap(&body)));
                (count, body) = (0, String::new());
            }
            if count > 0 {
                body.push(',');
            }
            body.push_str(message);
            count += 1;
        }
        if count > 0 || parts.is_empty() {
            parts.push((count, wrap(&body)));
        }
        parts
    }

    pub(super) async fn send(self, client: &Client) -> Result<(), Failure> {
        let progress = Progress::of_messages(self.messages.len());
        let sum = self.send_parts(client, &progress).await?;
        progress.say(&format!(
            "{}: {} messages, {} votes found: {} recorded, {} duplicates, {} outside of any game, {} invalid",
            self.name,
            sum.messages_processed,
            sum.votes_found,
            sum.votes_recorded,
            sum.duplicates_skipped,
            sum.unmatched,
            sum.invalid
        ));
        Ok(())
    }

    async fn send_parts(&self, client: &Client, progress: &Progress) -> Result<Counts, Failure> {
        let path = format!("/api/sessions/{}/chat-import", self.session);
        let (mut sum, mut sent) = (Counts::default(), 0);
        for (count, body) in self.parts() {
            let part = async {
                let reply = client.post(&path, body.into(), &Progress::hidden()).await?;
                reply.json().filter(|_| reply.status.is_success()).ok_or_else(|| client.refusal(&reply))
            };
            let counts: Counts = part.await.map_err(|failure| self.broke_off(failure, sent))?;
            sum = sum.plus(counts);
            sent += count;
            progress.advance(count);
        }
        Ok(sum)
    }

    /// Says how far it came, if it came anywhere.
    fn broke_off(&self, failure: Failure, sent: usize) -> Failure {
        match failure {
            Failure::Environment(line) if sent > 0 => Failure::Environment(format!(
                "{line}; {sent} of {} messages are imported, and the same command does the rest",
                self.messages.len()
            )),
            other => other,
        }
    }
}

fn wrap(messages: &str) -> String {
    format!("{{\"chatData\":[{messages}]}}")
}

/// When a message was written; one that does not say so comes last, and the server counts it.
fn moment(message: &RawValue) -> (bool, Option<Timestamp>) {
    #[derive(Deserialize)]
    struct Stamped<'a> {
        #[serde(borrow)]
        timestamp: std::borrow::Cow<'a, str>,
    }
    let stamped: Option<Stamped<'_>> = serde_json::from_str(message.get()).ok();
    let at = stamped.and_then(|stamped| Timestamp::parse(&stamped.timestamp).ok());
    (at.is_none(), at)
}
