//! Votes: counting them as they are cast, and looking at them.

use fanfare_model::{
    event::{self, kind, session_topic},
    limits,
    session::Session,
    vote::{LiveVote, RecordedVote, SessionVotes, Tally, Vote, filter::VoteQuery},
};
use fanfare_store::{Read, sessions, votes};
use serde_json::{Value, json};

use super::{Answer, App, Creation, Error};

const NO_ACTIVE_SESSION: Error = Error::NotFound("No active session found");
const NO_GAMES: Error = Error::NotFound("No games have been played in the active session yet");
const UNMATCHED: Error = Error::NotFound("Vote timestamp does not match any game in the active session");
const DUPLICATE: Error = Error::Conflict("Duplicate vote detected (within 1 second of previous vote)");

impl App {
    /// Counts a vote for the game of the active session whose turn it was; emits `vote.recorded`.
    pub(crate) async fn record_vote(
        &self,
        vote: LiveVote,
        creation: Creation<RecordedVote>,
    ) -> Result<Answer, Error> {
        let seed = self.session_event(kind::VOTE_RECORDED);
        self.store
            .write(move |tx| {
                creation.once(tx, seed.at, |tx| {
                    let session = sessions::lock_active(tx)?.ok_or(NO_ACTIVE_SESSION)?;
                    if session.games_played == 0 {
                        return Err(NO_GAMES);
                    }
                    let Some(game_id) = votes::game_at(tx, session.id, vote.at)? else {
                        return Err(unmatched(tx, &session, &vote)?);
                    };
                    if votes::is_duplicate(tx, session.id, &vote.user_key, vote.at)? {
                        return Err(DUPLICATE);
                    }
                    votes::insert(tx, session.id, game_id, &vote, seed.at)?;
                    let recorded = RecordedVote {
                        session_id: session.id,
                        games_played: session.games_played,
                        game: votes::count(tx, game_id, Tally::from(vote.vote_type))?,
                        vote: vote.clone(),
                    };
                    tx.emit(seed.grow(session_topic(session.id), event::vote_recorded(&recorded)))?;
                    Ok(recorded)
                })
            })
            .await
    }

    /// A page of votes, newest first, and how many there are in all.
    pub(crate) async fn list_votes(&self, query: VoteQuery) -> Result<(Vec<Vote>, i64), Error> {
        self.store.read(move |db| Ok(votes::list(db, &query)?)).await
    }

    /// A session's votes game by game.
    pub(crate) async fn list_session_votes(&self, session_id: i64) -> Result<Vec<SessionVotes>, Error> {
        self.store
            .read(move |db| {
                sessions::get(db, session_id)?.ok_or(Error::NO_SESSION)?;
                Ok(votes::by_game(db, session_id)?)
            })
            .await
    }
}

/// Tells the moment that was sent and those it could have been after.
fn unmatched(db: &mut Read, session: &Session, vote: &LiveVote) -> Result<Error, Error> {
    let newest = votes::newest_games(db, session.id, limits::UNMATCHED_GAMES_MAX)?;
    let games: Vec<Value> = newest
        .into_iter()
        .map(|(title, played_at)| json!({"title": title, "played_at": played_at}))
        .collect();
    Ok(UNMATCHED.with("debug", json!({"voteTimestamp": vote.timestamp, "sessionGames": games})))
}
