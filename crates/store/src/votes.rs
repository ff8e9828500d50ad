//! Votes, and the totals that they add up to.
//!
//! Writers hold the session (see [`crate::sessions::lock`]), so that two votes cannot both miss the
//! other one.

use fanfare_model::{
    Timestamp,
    vote::{
        GameVotes, LiveVote, SessionVotes, Tally, Turn, Vote, VoteType, chat::ChatVote, duplicate_span,
        filter::VoteQuery,
    },
};

use crate::{
    Error, Read, Tx,
    engine::{Row, Value, limit},
    rows,
};

/// The game whose turn it was in a session at a moment, by the rule of
/// [`fanfare_model::vote::game_at`].
pub fn game_at(db: &mut Read, session_id: i64, at: Timestamp) -> Result<Option<i64>, Error> {
    db.row(
        "select game_id from session_games where session_id = ?1 and played_at_ms <= ?2 \
         order by played_at_ms desc, id desc limit 1",
        &[session_id.into(), at.into()],
        |row| row.get(0),
    )
}

/// A session's turns, in the order of [`fanfare_model::vote::game_at`].
pub fn turns(db: &mut Read, session_id: i64) -> Result<Vec<Turn>, Error> {
    db.rows(
        "select game_id, played_at_ms from session_games where session_id = ?1 order by played_at_ms, id",
        &[session_id.into()],
        |row| Ok(Turn { game_id: row.get(0)?, played_at: row.time(1)? }),
    )
}

/// Titles and moments of the last `rows` games of a session, in the order in which they were played.
pub fn newest_games(db: &mut Read, session_id: i64, rows: usize) -> Result<Vec<(String, Timestamp)>, Error> {
    let mut newest = db.rows(
        "select g.title, s.played_at_ms from session_games s join games g on g.id = s.game_id \
         where s.session_id = ?1 order by s.played_at_ms desc, s.id desc limit ?2",
        &[session_id.into(), limit(rows)],
        |row| Ok((row.get(0)?, row.time(1)?)),
    )?;
    newest.reverse();
    Ok(newest)
}

/// Whether a vote of this user would be a duplicate in this session at `at`.
pub fn is_duplicate(db: &mut Read, session_id: i64, user_key: &str, at: Timestamp) -> Result<bool, Error> {
    let (from, to) = duplicate_span(at);
    let found = db.row(
        // The plus keeps the engines from going through all users' votes of those moments.
        "select 1 from votes where +session_id = ?1 and user_key = ?2 and at_ms between ?3 and ?4 limit 1",
        &[session_id.into(), user_key.into(), from.into(), to.into()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Users and moments of a session's votes from `from` to `to`.
pub fn cast_between(
    db: &mut Read,
    session_id: i64,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(String, Timestamp)>, Error> {
    db.rows(
        "select user_key, at_ms from votes where session_id = ?1 and at_ms between ?2 and ?3",
        &[session_id.into(), from.into(), to.into()],
        |row| Ok((row.get(0)?, row.time(1)?)),
    )
}

/// Records a vote and adds it to its session's totals; [`count`] adds it to its game's.
pub fn insert(
    tx: &mut Tx,
    session_id: i64,
    game_id: i64,
    vote: &LiveVote,
    now: Timestamp,
) -> Result<(), Error> {
    let row = NewRow {
        game_id,
        username: &vote.username,
        user_key: &vote.user_key,
        vote_type: vote.vote_type,
        at: vote.at,
    };
    insert_rows(tx, session_id, &[row], now)?;
    count_in_session(tx, session_id, vote.vote_type.into())
}

/// Records votes, each with its game, and adds them to their session's totals; [`count`] adds them to
/// their games'.
pub fn insert_all(
    tx: &mut Tx,
    session_id: i64,
    votes: &[(i64, &ChatVote)],
    now: Timestamp,
) -> Result<(), Error> {
    let rows: Vec<_> = votes.iter().map(|(game_id, vote)| NewRow::of_chat(*game_id, vote)).collect();
    for chunk in rows::chunks(&rows) {
        insert_rows(tx, session_id, chunk, now)?;
    }
    let mut tally = Tally::default();
    for (_, vote) in votes {
        tally.add(vote.vote_type);
    }
    count_in_session(tx, session_id, tally)
}

/// Adds votes to a game's totals; returns the new ones.
///
/// # Errors
/// [`Error::NotFound`] for an unknown game.
pub fn count(tx: &mut Tx, game_id: i64, votes: Tally) -> Result<GameVotes, Error> {
    let counted = tx.row(
        "update games set upvotes = upvotes + ?2, downvotes = downvotes + ?3 where id = ?1 \
         returning id, title, pack_name, upvotes, downvotes",
        &[game_id.into(), votes.upvotes.into(), votes.downvotes.into()],
        |row| {
            Ok(GameVotes {
                id: row.get(0)?,
                title: row.get(1)?,
                pack_name: row.get(2)?,
                upvotes: row.get(3)?,
                downvotes: row.get(4)?,
            })
        },
    )?;
    counted.ok_or(Error::NotFound)
}

/// Removes a session's votes; the games' totals stay. Returns how many there were.
pub fn delete_of_session(tx: &mut Tx, session_id: i64) -> Result<u64, Error> {
    tx.run("update sessions set upvotes = 0, downvotes = 0 where id = ?1", &[session_id.into()])?;
    tx.run("delete from votes where session_id = ?1", &[session_id.into()])
}

/// A page of votes, newest first by their own moment, and how many pass the filters in all.
pub fn list(db: &mut Read, query: &VoteQuery) -> Result<(Vec<Vote>, i64), Error> {
    let VoteQuery { session_id, game_id, user_key, vote_type, page: _, limit } = query;
    let filters = [
        ("session_id", session_id.map(Value::Int)),
        ("game_id", game_id.map(Value::Int)),
        ("user_key", user_key.as_ref().map(Value::from)),
        ("up", vote_type.map(|vote_type| Value::Bool(vote_type == VoteType::Up))),
    ];
    let (mut conditions, mut params) = (Vec::new(), Vec::new());
    for (column, value) in filters {
        if let Some(value) = value {
            params.push(value);
            conditions.push(format!("{column} = ?{}", params.len()));
        }
    }
    let passing =
        if conditions.is_empty() { String::new() } else { format!("where {}", conditions.join(" and ")) };
    let total = match counted(db, query)? {
        Some(total) => total,
        None => {
            db.row(&format!("select count(*) from votes {passing}"), &params, |row| row.get(0))?.unwrap_or(0)
        }
    };
    if query.offset() >= total {
        return Ok((Vec::new(), total));
    }
    let (limit_at, offset_at) = (params.len() + 1, params.len() + 2);
    params.extend([Value::Int(*limit), Value::Int(query.offset())]);
    let page = format!(
        "select v.id, v.session_id, v.game_id, g.title, g.pack_name, v.username, v.up, v.at_ms, \
         v.created_at_ms from (select * from votes {passing} order by at_ms desc, id desc \
         limit ?{limit_at} offset ?{offset_at}) v \
         join games g on g.id = v.game_id order by v.at_ms desc, v.id desc"
    );
    Ok((db.rows(&page, &params, from_row)?, total))
}

/// How many votes pass the filters, where the sessions' totals tell it: of many votes, counting the
/// rows takes long.
fn counted(db: &mut Read, query: &VoteQuery) -> Result<Option<i64>, Error> {
    let VoteQuery { session_id, game_id: None, user_key: None, vote_type, page: _, limit: _ } = query else {
        return Ok(None);
    };
    let counted = match vote_type {
        Some(VoteType::Up) => "upvotes",
        Some(VoteType::Down) => "downvotes",
        None => "upvotes + downvotes",
    };
    let sum = format!("select cast(coalesce(sum({counted}), 0) as bigint) from sessions");
    match session_id {
        Some(id) => db.row(&format!("{sum} where id = ?1"), &[(*id).into()], |row| row.get(0)),
        None => db.row(&sum, &[], |row| row.get(0)),
    }
}

/// A session's votes game by game, the best liked first.
pub fn by_game(db: &mut Read, session_id: i64) -> Result<Vec<SessionVotes>, Error> {
    db.rows(
        "select g.id, g.title, g.pack_name, t.upvotes, t.downvotes from \
         (select game_id, cast(sum(case when up then 1 else 0 end) as bigint) as upvotes, \
         cast(sum(case when up then 0 else 1 end) as bigint) as downvotes \
         from votes where session_id = ?1 group by game_id) t \
         join games g on g.id = t.game_id order by t.upvotes - t.downvotes desc, t.upvotes desc, g.id",
        &[session_id.into()],
        |row| {
            Ok(SessionVotes {
                game_id: row.get(0)?,
                title: row.get(1)?,
                pack_name: row.get(2)?,
                votes: Tally { upvotes: row.get(3)?, downvotes: row.get(4)? },
            })
        },
    )
}

fn count_in_session(tx: &mut Tx, session_id: i64, votes: Tally) -> Result<(), Error> {
    tx.run(
        "update sessions set upvotes = upvotes + ?2, downvotes = downvotes + ?3 where id = ?1",
        &[session_id.into(), votes.upvotes.into(), votes.downvotes.into()],
    )?;
    Ok(())
}

#[derive(Clone, Copy)]
struct NewRow<'a> {
    game_id: i64,
    username: &'a str,
    user_key: &'a str,
    vote_type: VoteType,
    at: Timestamp,
}

impl<'a> NewRow<'a> {
    fn of_chat(game_id: i64, vote: &'a ChatVote) -> Self {
        let ChatVote { username, user_key, vote_type, at } = vote;
        Self { game_id, username, user_key, vote_type: *vote_type, at: *at }
    }
}

/// One statement for as many rows as there are in `rows`.
fn insert_rows(tx: &mut Tx, session_id: i64, rows: &[NewRow<'_>], now: Timestamp) -> Result<(), Error> {
    const COLUMNS: usize = 7;
    let mut params: Vec<Value<'_>> = Vec::with_capacity(rows.len() * COLUMNS);
    for row in rows {
        params.extend::<[Value<'_>; COLUMNS]>([
            session_id.into(),
            row.game_id.into(),
            row.username.into(),
            row.user_key.into(),
            (row.vote_type == VoteType::Up).into(),
            row.at.into(),
            now.into(),
        ]);
    }
    let sql = format!(
        "insert into votes (session_id, game_id, username, user_key, up, at_ms, created_at_ms) values {}",
        rows::places(rows.len(), &["?"; COLUMNS])
    );
    tx.run(&sql, &params).map(drop)
}

fn from_row(row: &Row<'_>) -> Result<Vote, Error> {
    Ok(Vote {
        id: row.get(0)?,
        session_id: row.get(1)?,
        game_id: row.get(2)?,
        game_title: row.get(3)?,
        pack_name: row.get(4)?,
        username: row.get(5)?,
        vote_type: VoteType::from_up(row.get(6)?),
        at: row.time(7)?,
        created_at: row.time(8)?,
    })
}
