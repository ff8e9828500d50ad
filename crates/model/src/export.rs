//! A game night to take home: as JSON for programs, as text for people.

mod text;

use serde::Serialize;

use crate::{
    Timestamp,
    event::{PollRow, SessionGameRow},
    json::Flag,
    poll::Poll,
    session::{PlayStatus, Session, SessionGame},
    vote::{SessionVotes, VoteType},
};

pub use text::text;

/// Everything that is known of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Night {
    /// The session.
    pub session: Session,
    /// Its games, in the order in which they were added.
    pub games: Vec<SessionGame>,
    /// What its votes come to, a row per game that got any, the best liked first.
    pub tallies: Vec<SessionVotes>,
    /// Its votes by time, as many as are listed.
    pub votes: Vec<NightVote>,
    /// How many people voted.
    pub voters: i64,
    /// Its polls, in the order in which they were opened, as many as are listed.
    pub polls: Vec<Poll>,
}

/// A vote for or against a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NightVote {
    /// The game in the library.
    pub game_id: i64,
    /// Who voted.
    pub username: String,
    /// For or against.
    pub vote_type: VoteType,
    /// The vote's own time.
    pub at: Timestamp,
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For programs.
    Json,
    /// For people.
    Text,
}

impl Format {
    /// The format that `word` names in the API, if it names one.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "json" => Some(Self::Json),
            "txt" => Some(Self::Text),
            _ => None,
        }
    }

    /// What the file's name ends with.
    fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "txt",
        }
    }
}

/// A night's figures.
#[derive(Debug, Serialize)]
struct Statistics {
    games_played: i64,
    /// Those that were not skipped.
    played: usize,
    skipped: usize,
    votes: i64,
    upvotes: i64,
    downvotes: i64,
    voters: i64,
    /// Votes that are counted above, but not listed.
    votes_omitted: i64,
    polls: usize,
    /// From its start to its end; `null` while it goes on.
    duration_ms: Option<i64>,
}

impl Statistics {
    fn of(night: &Night) -> Self {
        let skipped = night.games.iter().filter(|game| game.status == PlayStatus::Skipped).count();
        let upvotes = night.tallies.iter().map(|tally| tally.votes.upvotes).sum();
        let downvotes = night.tallies.iter().map(|tally| tally.votes.downvotes).sum();
        let votes = upvotes + downvotes;
        Self {
            games_played: night.session.games_played,
            played: night.games.len() - skipped,
            skipped,
            votes,
            upvotes,
            downvotes,
            voters: night.voters,
            votes_omitted: votes - i64::try_from(night.votes.len()).unwrap_or(i64::MAX),
            polls: night.polls.len(),
            duration_ms: duration_ms(&night.session),
        }
    }
}

fn duration_ms(session: &Session) -> Option<i64> {
    Some((session.closed_at?.as_millis() - session.created_at.as_millis()).max(0))
}

/// What a file with the night in it is called: `session-3-2026-03-15.txt`, with the day (UTC) on
/// which the night began.
pub fn file_name(session: &Session, format: Format) -> String {
    let began = session.created_at.to_string();
    let day = began.split('T').next().unwrap_or_default();
    format!("session-{}-{day}.{}", session.id, format.extension())
}

#[derive(Serialize)]
struct Export<'a> {
    session: SessionFields<'a>,
    games: Vec<SessionGameRow<'a>>,
    votes_by_game: Vec<TallyRow<'a>>,
    votes: Vec<VoteRow<'a>>,
    polls: Vec<PollRow<'a>>,
    statistics: Statistics,
    exported_at: Timestamp,
}

#[derive(Serialize)]
struct SessionFields<'a> {
    id: i64,
    notes: Option<&'a str>,
    is_active: Flag,
    created_at: Timestamp,
    closed_at: Option<Timestamp>,
    games_played: i64,
}

#[derive(Serialize)]
struct TallyRow<'a> {
    game_id: i64,
    title: &'a str,
    pack_name: &'a str,
    upvotes: i64,
    downvotes: i64,
    net_score: i64,
    total_votes: i64,
}

impl<'a> From<&'a SessionVotes> for TallyRow<'a> {
    fn from(game: &'a SessionVotes) -> Self {
        let SessionVotes { game_id, title, pack_name, votes } = game;
        Self {
            game_id: *game_id,
            title,
            pack_name,
            upvotes: votes.upvotes,
            downvotes: votes.downvotes,
            net_score: votes.net(),
            total_votes: votes.total(),
        }
    }
}

#[derive(Serialize)]
struct VoteRow<'a> {
    game_id: i64,
    username: &'a str,
    #[serde(rename = "type")]
    direction: &'static str,
    timestamp: Timestamp,
}

/// The night as a JSON object: `{"session", "games", "votes_by_game", "votes", "polls",
/// "statistics", "exported_at"}`, rows as the API shows them.
pub fn json(night: &Night, now: Timestamp) -> String {
    let Session { id, notes, is_active, created_at, closed_at, games_played } = &night.session;
    let export = Export {
        session: SessionFields {
            id: *id,
            notes: notes.as_deref(),
            is_active: Flag(*is_active),
            created_at: *created_at,
            closed_at: *closed_at,
            games_played: *games_played,
        },
        games: night.games.iter().map(SessionGameRow::from).collect(),
        votes_by_game: night.tallies.iter().map(TallyRow::from).collect(),
        votes: night
            .votes
            .iter()
            .map(|vote| VoteRow {
                game_id: vote.game_id,
                username: &vote.username,
                direction: vote.vote_type.as_str(),
                timestamp: vote.at,
            })
            .collect(),
        polls: night.polls.iter().map(PollRow::from).collect(),
        statistics: Statistics::of(night),
        exported_at: now,
    };
    serde_json::to_string_pretty(&export).expect("only string keys are written")
}

#[cfg(test)]
mod tests;
