//! What a session's export is made of, beyond its games and polls.

use fanfare_model::export::{Night, NightVote, Tally};

use crate::{Error, Read, engine::limit, polls, session_games, sessions};

/// Everything of a session, but `votes_max` of its votes at most; `None` for an unknown one.
pub fn night(db: &mut Read, session_id: i64, votes_max: usize) -> Result<Option<Night>, Error> {
    let Some(session) = sessions::get(db, session_id)? else { return Ok(None) };
    Ok(Some(Night {
        session,
        games: session_games::list(db, session_id)?,
        tallies: tallies(db, session_id)?,
        votes: votes(db, session_id, votes_max)?,
        voters: voters(db, session_id)?,
        polls: polls::of_session(db, session_id)?,
    }))
}

/// By the difference of votes, best first, then by title.
fn tallies(db: &mut Read, session_id: i64) -> Result<Vec<Tally>, Error> {
    db.rows(
        "select t.game_id, g.title, g.pack_name, t.up, t.down from \
         (select game_id, cast(sum(case when up then 1 else 0 end) as bigint) as up, \
          cast(sum(case when up then 0 else 1 end) as bigint) as down \
          from votes where session_id = ?1 group by game_id) t \
         join games g on g.id = t.game_id order by t.up - t.down desc, g.title, g.id",
        &[session_id.into()],
        |row| {
            Ok(Tally {
                game_id: row.get(0)?,
                title: row.get(1)?,
                pack_name: row.get(2)?,
                upvotes: row.get(3)?,
                downvotes: row.get(4)?,
            })
        },
    )
}

fn votes(db: &mut Read, session_id: i64, rows: usize) -> Result<Vec<NightVote>, Error> {
    db.rows(
        "select game_id, username, up, at_ms from votes where session_id = ?1 \
         order by at_ms, id limit ?2",
        &[session_id.into(), limit(rows)],
        |row| {
            Ok(NightVote {
                game_id: row.get(0)?,
                username: row.get(1)?,
                is_up: row.get(2)?,
                at: row.time(3)?,
            })
        },
    )
}

fn voters(db: &mut Read, session_id: i64) -> Result<i64, Error> {
    let count = db.row(
        "select count(distinct user_key) from votes where session_id = ?1",
        &[session_id.into()],
        |row| row.get(0),
    )?;
    Ok(count.unwrap_or(0))
}
