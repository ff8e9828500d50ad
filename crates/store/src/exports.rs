//! What a session's export is made of, beyond its games and polls.

use fanfare_model::{
    export::{Night, NightVote},
    vote::VoteType,
};

use crate::{Error, Read, engine::limit, polls, session_games, sessions, votes};

/// Everything of a session, but `votes_max` of its votes and `polls_max` of its polls at most; `None`
/// for an unknown one.
pub fn night(
    db: &mut Read,
    session_id: i64,
    votes_max: usize,
    polls_max: usize,
) -> Result<Option<Night>, Error> {
    let Some(session) = sessions::get(db, session_id)? else { return Ok(None) };
    Ok(Some(Night {
        session,
        games: session_games::list(db, session_id)?,
        tallies: votes::by_game(db, session_id)?,
        votes: listed_votes(db, session_id, votes_max)?,
        voters: voters(db, session_id)?,
        polls: polls::of_session(db, session_id, polls_max)?,
    }))
}

fn listed_votes(db: &mut Read, session_id: i64, rows: usize) -> Result<Vec<NightVote>, Error> {
    db.rows(
        concat!(
            "select game_id, username, up, at_ms from votes where session_id = ?1 and ",
            votes::visible!(),
            " order by at_ms, id limit ?2"
        ),
        &[session_id.into(), limit(rows)],
        |row| {
            Ok(NightVote {
                game_id: row.get(0)?,
                username: row.get(1)?,
                vote_type: VoteType::from_up(row.get(2)?),
                at: row.time(3)?,
            })
        },
    )
}

fn voters(db: &mut Read, session_id: i64) -> Result<i64, Error> {
    let count = db.row(
        concat!("select count(distinct user_key) from votes where session_id = ?1 and ", votes::visible!()),
        &[session_id.into()],
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or(0))
}
