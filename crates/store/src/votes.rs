//! Votes, and the totals that they add up to.
//!
//! The votes of an import that is under way (see [`crate::imports`]) and those of deleted sessions are
//! hidden from everything here. Totals never count them.
//!
//! Writers hold the session (see [`crate::sessions::lock`]), so that two votes cannot both miss the
//! other one.

use std::collections::BTreeMap;

use fanfare_model::{
    Timestamp,
    vote::{
        GameVotes, LiveVote, SessionVotes, Tally, Turn, Vote, VoteType, chat::ChatVote, duplicate_span,
        filter::VoteQuery, import::Edit,
    },
};

use crate::{
    Error, Read, Tx,
    engine::{Row, Value, limit},
    imports::OpenImport,
    rows,
};

/// The `import_id` of a vote that came with none.
const NO_IMPORT: i64 = 0;

/// What of `votes` may be seen. Both lists are nearly always empty.
macro_rules! visible {
    () => {
        "import_id not in (select id from imports) \
         and session_id not in (select id from sessions where deleted_at_ms is not null)"
    };
}
pub(crate) use visible;

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
        concat!(
            "select 1 from votes where +session_id = ?1 and user_key = ?2 and at_ms between ?3 and ?4 and ",
            visible!(),
            " limit 1"
        ),
        &[session_id.into(), user_key.into(), from.into(), to.into()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Users and moments of a session's votes from `from` to `to`, of those users alone that are `wanted`.
pub fn cast_between(
    db: &mut Read,
    session_id: i64,
    (from, to): (Timestamp, Timestamp),
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Timestamp)>, Error> {
    let mut cast = Vec::new();
    db.each(
        concat!(
            "select user_key, at_ms from votes where session_id = ?1 and at_ms between ?2 and ?3 and ",
            visible!()
        ),
        &[session_id.into(), from.into(), to.into()],
        |row| {
            let user_key: String = row.get(0)?;
            if wanted(&user_key) {
                cast.push((user_key, row.time(1)?));
            }
            Ok(())
        },
    )?;
    Ok(cast)
}

/// The same of votes with ids larger than `after` alone.
pub fn cast_after(
    db: &mut Read,
    session_id: i64,
    after: i64,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<(String, Timestamp)>, Error> {
    db.rows(
        // The plus keeps the engines from going through everything before.
        concat!(
            "select user_key, at_ms from votes \
             where id > ?1 and +session_id = ?2 and +at_ms between ?3 and ?4 and ",
            visible!()
        ),
        &[after.into(), session_id.into(), from.into(), to.into()],
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
    insert_rows(tx, session_id, NO_IMPORT, &[row], now)?;
    count_in_session(tx, session_id, vote.vote_type.into())
}

/// Makes the rows of an import that is under way what they are to be; nothing is counted yet.
pub fn edit(tx: &mut Tx, import: OpenImport, edits: &[Edit<'_>], now: Timestamp) -> Result<(), Error> {
    for vote in edits.iter().filter(|edit| edit.was.is_some()).map(|edit| edit.vote) {
        // No two votes of an import have the same user and moment.
        tx.run(
            "delete from votes where user_key = ?1 and at_ms = ?2 and import_id = ?3",
            &[(&vote.user_key).into(), vote.at.into(), import.id.into()],
        )?;
    }
    let rows: Vec<_> = edits.iter().filter_map(NewRow::of_edit).collect();
    for chunk in rows::chunks(&rows) {
        insert_rows(tx, import.session_id, import.id, chunk, now)?;
    }
    Ok(())
}

/// Adds votes to their session's totals and to those of their games; returns the games' new ones, by id.
///
/// # Errors
/// [`Error::NotFound`] when a game is unknown.
pub fn count_all(
    tx: &mut Tx,
    session_id: i64,
    tallies: &BTreeMap<i64, Tally>,
) -> Result<Vec<GameVotes>, Error> {
    let statement = "update games set upvotes = upvotes + up, downvotes = downvotes + down \
                     from counted where id = game_id returning id, title, pack_name, upvotes, downvotes";
    let games = with_counted(tallies, statement, |sql, params| tx.rows(sql, params, game_from_row))?;
    let mut all = Tally::default();
    for tally in tallies.values() {
        all.upvotes += tally.upvotes;
        all.downvotes += tally.downvotes;
    }
    count_in_session(tx, session_id, all)?;
    Ok(games)
}

/// What [`count_all`] would return; nothing is added.
///
/// # Errors
/// [`Error::NotFound`] when a game is unknown.
pub fn count_on_trial(db: &mut Read, tallies: &BTreeMap<i64, Tally>) -> Result<Vec<GameVotes>, Error> {
    let statement =
        "select id, title, pack_name, upvotes + up, downvotes + down from games, counted where id = game_id";
    with_counted(tallies, statement, |sql, params| db.rows(sql, params, game_from_row))
}

/// The games that `statement` returns of all in the table `counted (game_id, up, down)`, by id.
fn with_counted(
    tallies: &BTreeMap<i64, Tally>,
    statement: &str,
    mut run: impl FnMut(&str, &[Value<'_>]) -> Result<Vec<GameVotes>, Error>,
) -> Result<Vec<GameVotes>, Error> {
    let tallies: Vec<_> = tallies.iter().collect();
    let mut games = Vec::with_capacity(tallies.len());
    for chunk in rows::chunks(&tallies) {
        let mut params: Vec<Value<'_>> = Vec::new();
        for (game_id, tally) in chunk {
            params.extend([**game_id, tally.upvotes, tally.downvotes].map(Value::Int));
        }
        let values = rows::places(chunk.len(), &["cast(? as bigint)"; 3]);
        let sql = format!("with counted (game_id, up, down) as (values {values}) {statement}");
        games.extend(run(&sql, &params)?);
    }
    if games.len() < tallies.len() {
        return Err(Error::NotFound);
    }
    games.sort_by_key(|game| game.id);
    Ok(games)
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
        game_from_row,
    )?;
    counted.ok_or(Error::NotFound)
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
    let (mut conditions, mut params) = (vec![visible!().to_owned()], Vec::new());
    for (column, value) in filters {
        if let Some(value) = value {
            params.push(value);
            conditions.push(format!("{column} = ?{}", params.len()));
        }
    }
    let passing = format!("where {}", conditions.join(" and "));
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
    let sum = format!(
        "select cast(coalesce(sum({counted}), 0) as bigint) from sessions where deleted_at_ms is null"
    );
    match session_id {
        Some(id) => db.row(&format!("{sum} and id = ?1"), &[(*id).into()], |row| row.get(0)),
        None => db.row(&sum, &[], |row| row.get(0)),
    }
}

/// A session's votes game by game, the best liked first.
pub fn by_game(db: &mut Read, session_id: i64) -> Result<Vec<SessionVotes>, Error> {
    db.rows(
        concat!(
            "select g.id, g.title, g.pack_name, t.upvotes, t.downvotes from \
             (select game_id, cast(sum(case when up then 1 else 0 end) as bigint) as upvotes, \
             cast(sum(case when up then 0 else 1 end) as bigint) as downvotes \
             from votes where session_id = ?1 and ",
            visible!(),
            " group by game_id) t join games g on g.id = t.game_id \
             order by t.upvotes - t.downvotes desc, t.upvotes desc, g.id"
        ),
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

struct NewRow<'a> {
    game_id: i64,
    username: &'a str,
    user_key: &'a str,
    vote_type: VoteType,
    at: Timestamp,
}

impl<'a> NewRow<'a> {
    fn of_edit(edit: &Edit<'a>) -> Option<Self> {
        let ChatVote { username, user_key, vote_type, at } = edit.vote;
        let (vote_type, at) = (*vote_type, *at);
        edit.is.map(|game_id| Self { game_id, username, user_key, vote_type, at })
    }
}

/// One statement for as many rows as there are in `rows`.
fn insert_rows(
    tx: &mut Tx,
    session_id: i64,
    import_id: i64,
    rows: &[NewRow<'_>],
    now: Timestamp,
) -> Result<(), Error> {
    const COLUMNS: usize = 8;
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
            import_id.into(),
        ]);
    }
    let sql = format!(
        "insert into votes (session_id, game_id, username, user_key, up, at_ms, created_at_ms, import_id) \
         values {}",
        rows::places(rows.len(), &["?"; COLUMNS])
    );
    tx.run(&sql, &params).map(drop)
}

fn game_from_row(row: &Row<'_>) -> Result<GameVotes, Error> {
    Ok(GameVotes {
        id: row.get(0)?,
        title: row.get(1)?,
        pack_name: row.get(2)?,
        upvotes: row.get(3)?,
        downvotes: row.get(4)?,
    })
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
