//! `fanfare import`: games from CSV, or the votes in a chat log, into the running server. What a line
//! or a message means is the server's to say; here it is only read, cut and sent.

mod chat;
mod input;

use std::path::PathBuf;

use fanfare_model::limits::IMPORT_MAX_BYTES;
use serde::Deserialize;
use serde_json::json;

use super::{
    Failure,
    client::{Client, one_line},
    progress::Progress,
};

/// What is imported, and how.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct ImportArgs {
    /// A CSV file of games; - is standard input
    #[arg(value_name = "GAMES.CSV", group = "what")]
    games: Option<PathBuf>,

    /// Whether the games join the library or replace it; games that were ever played stay
    #[arg(long, value_name = "MODE", default_value = "append", conflicts_with = "chat")]
    mode: Mode,

    /// Import the good lines even when others are refused
    #[arg(long, conflicts_with = "chat")]
    partial: bool,

    /// A chat log as JSON, for the votes in it; - is standard input
    #[arg(long, value_name = "LOG.JSON", group = "what", requires = "session")]
    chat: Option<PathBuf>,

    /// The session that the chat log belongs to
    #[arg(long, value_name = "ID", requires = "chat")]
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    session: Option<i64>,
}

/// What becomes of the games that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// They stay
    Append,
    /// They go
    Replace,
}

/// An import that was read and is ready to be sent.
#[derive(Debug)]
pub(super) struct Import(Kind);

#[derive(Debug)]
enum Kind {
    Games(Games),
    Chat(chat::Log),
}

/// The whole file as the body of one request: all lines or none.
#[derive(Debug)]
struct Games {
    name: String,
    body: String,
    partial: bool,
}

/// What the server says of an import of games.
#[derive(Deserialize)]
struct GamesReply {
    /// Missing from a refusal.
    imported: Option<u64>,
    #[serde(default)]
    skipped: u64,
    /// Missing from a server that counts no more lines than it tells of.
    faulty: Option<usize>,
    #[serde(default)]
    errors: Vec<RefusedLine>,
}

#[derive(Deserialize)]
struct RefusedLine {
    line: u64,
    error: String,
}

impl Import {
    /// Reads and checks what can be checked without the server. Blocks.
    pub(super) fn read(args: &ImportArgs) -> Result<Self, Failure> {
        match (&args.games, &args.chat, args.session) {
            (_, Some(log), Some(session)) => Ok(Self(Kind::Chat(chat::Log::read(log, session)?))),
            (Some(games), ..) => {
                let name = input::name(games);
                let text = input::read(games, IMPORT_MAX_BYTES)?;
                Ok(Self(Kind::Games(Games::new(name, &text, args.mode, args.partial)?)))
            }
            _ => Err(Failure::Setting("there is nothing to import; see --help".to_owned())),
        }
    }

    /// Sends it and says how it went.
    pub(super) async fn send(self, client: &Client) -> Result<(), Failure> {
        match self.0 {
            Kind::Games(games) => games.send(client).await,
            Kind::Chat(log) => log.send(client).await,
        }
    }
}

impl Games {
    fn new(name: String, text: &str, mode: Mode, partial: bool) -> Result<Self, Failure> {
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Err(Failure::Environment(format!("{name} is empty: there is nothing to import")));
        }
        let mode = match mode {
            Mode::Append => "append",
            Mode::Replace => "replace",
        };
        let body = json!({ "csvData": text, "mode": mode }).to_string();
        if body.len() > IMPORT_MAX_BYTES {
            return Err(input::too_large(&name, IMPORT_MAX_BYTES));
        }
        Ok(Self { name, body, partial })
    }

    async fn send(self, client: &Client) -> Result<(), Failure> {
        let path = if self.partial { "/api/games/import/csv?partial=true" } else { "/api/games/import/csv" };
        let progress = Progress::of_bytes(self.body.len());
        let reply = client.post(path, self.body.into(), &progress).await?;
        let Some(GamesReply { imported, skipped, faulty, errors }) = reply.json() else {
            return Err(client.refusal(&reply));
        };
        for RefusedLine { line, error } in &errors {
            progress.say(&format!("line {line}: {}", one_line(error)));
        }
        let refused = faulty.unwrap_or(errors.len());
        if refused > errors.len() && !errors.is_empty() {
            progress.say(&format!("and {} more lines", refused - errors.len()));
        }
        let imported_any = imported.is_some_and(|count| count > 0);
        if !self.partial && !errors.is_empty() && !imported_any {
            return Err(Failure::Environment(format!(
                "{}: lines are refused, so nothing was imported; --partial imports the others",
                self.name
            )));
        }
        let Some(imported) = imported.filter(|_| reply.status.is_success()) else {
            return Err(client.refusal(&reply));
        };
        let refused = match refused {
            0 => String::new(),
            count => format!(", {count} refused"),
        };
        let outcome = format!("{}: {imported} games imported, {skipped} skipped{refused}", self.name);
        if imported == 0 && skipped == 0 && !errors.is_empty() {
            return Err(Failure::Environment(outcome));
        }
        progress.say(&outcome);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
