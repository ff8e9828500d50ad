//! Adding games with nothing but the drivers: the store's statements by hand, prepared once.

use fanfare_store::Location;
use postgres::types::ToSql;
use rusqlite::{Connection, Statement, params};

use crate::{
    Contender,
    ours::{AT_MS, DATA, prepare_for_others, public_id},
};

const SESSION: &str = "select id, notes, is_active, created_at_ms, closed_at_ms, games_played \
     from sessions where id = $1";
const GAME: &str = "select id, pack_name, title, min_players, max_players, length_minutes, has_audience, \
     family_friendly, game_type, secondary_type, play_count, upvotes, downvotes, enabled, favor_bias, \
     created_at_ms from games where id = $1";
const COUNT_SESSION: &str = "update sessions set games_played = games_played + 1 where id = $1";
const END_PLAYING: &str =
    "update session_games set status = 'played' where session_id = $1 and status = 'playing'";
const COUNT_GAME: &str = "update games set play_count = play_count + 1 where id = $1 \
     returning title, pack_name, min_players, max_players, game_type, upvotes, downvotes";
const ADD: &str = "insert into session_games \
     (session_id, game_id, played_at_ms, manually_added, status, room_code) \
     values ($1, $2, $3, $4, 'playing', $5) returning id";
const TAKE_SEQ: &str = "insert into topics (topic, last_seq) values ($1, 1) \
     on conflict (topic) do update set last_seq = topics.last_seq + 1 returning last_seq";
const EVENT: &str = "insert into events (public_id, topic, seq, kind, at_ms, data, test) \
     values ($1, $2, $3, $4, $5, $6, $7) returning id";
const FAN_OUT: &str = "insert into deliveries (event_id, webhook_id, state, attempts, next_at_ms, test, order_key) \
     select cast($1 as bigint), w.id, case when w.enabled then 'pending' else 'held' end, \
            0, cast($2 as bigint), false, \
            case w.ordering when 'fifo' then '' when 'session' then cast($6 as text) end \
     from webhooks w where w.deleted_at_ms is null \
     and w.id in (select webhook_id from webhook_events where pattern in ($3, $4, $5)) \
     returning id, webhook_id, state = 'pending', order_key";
const LOCK_TOPIC: &str = "select last_seq from topics where topic = $1 for update";

/// rusqlite, so many games in one transaction.
pub(crate) fn sqlite(name: &'static str, games: usize, per_commit: usize, location: &Location) -> Contender {
    prepare_for_others(location.clone());
    let Location::Sqlite(path) = location else { panic!("a file") };
    let connection = Connection::open(path).expect("the file can be opened");
    let pragmas = "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on";
    connection.execute_batch(pragmas).expect("they can be set");
    let mut added = 0;
    Contender::new(name, games, move |games| {
        let mut statements = Statements::prepare(&connection);
        let end = added + games;
        while added < end {
            connection.execute_batch("begin immediate").expect("it begins");
            for _ in 0..per_commit.min(end - added) {
                statements.add_game(added).expect("a game can be added");
                added += 1;
            }
            connection.execute_batch("commit").expect("it commits");
        }
    })
}

struct Statements<'a>([Statement<'a>; 9]);

impl<'a> Statements<'a> {
    fn prepare(connection: &'a Connection) -> Self {
        Self(
            [SESSION, GAME, COUNT_SESSION, END_PLAYING, COUNT_GAME, ADD, TAKE_SEQ, EVENT, FAN_OUT]
                .map(|sql| connection.prepare(sql).expect("a statement")),
        )
    }

    fn add_game(&mut self, number: usize) -> rusqlite::Result<i64> {
        let [session, game, count_session, end_playing, count_game, add, take_seq, event, fan_out] =
            &mut self.0;
        let session_id: i64 = session.query_row([1], |row| row.get(0))?;
        let game_id: i64 = game.query_row([1], |row| {
            let _texts: (String, String) = (row.get(1)?, row.get(2)?);
            row.get(0)
        })?;
        count_session.execute([session_id])?;
        end_playing.execute([session_id])?;
        let _title: String = count_game.query_row([game_id], |row| row.get(0))?;
        let none = None::<String>;
        let id = add.query_row(params![session_id, game_id, AT_MS, false, none], |row| row.get(0))?;
        let topic = format!("session:{session_id}");
        let seq: i64 = take_seq.query_row([&topic], |row| row.get(0))?;
        let event_id: i64 = event
            .query_row(params![public_id(number), topic, seq, "game.added", AT_MS, DATA, false], |row| {
                row.get(0)
            })?;
        let mut deliveries = fan_out.query(params![event_id, AT_MS, "game.added", "game.*", "*", topic])?;
        while let Some(row) = deliveries.next()? {
            let _delivery: (i64, i64) = (row.get(0)?, row.get(1)?);
        }
        Ok(id)
    }
}

/// The synchronous PostgreSQL client, one game in one transaction.
pub(crate) fn postgres(name: &'static str, games: usize, location: &Location) -> Contender {
    prepare_for_others(location.clone());
    let Location::Postgres(url) = location else { panic!("a URL") };
    let mut client = postgres::Client::connect(url, postgres::NoTls).expect("the server can be reached");
    let fsync: String = client.query_one("show fsync", &[]).expect("it says").get(0);
    assert_eq!(fsync, "on", "a benchmark of commits needs a server that syncs");
    let [lock, session, game, count_session, end_playing, count_game, add, take_seq, event, fan_out] =
        [LOCK_TOPIC, SESSION, GAME, COUNT_SESSION, END_PLAYING, COUNT_GAME, ADD, TAKE_SEQ, EVENT, FAN_OUT]
            .map(|sql| client.prepare(sql).expect("a statement"));
    let mut added = 0;
    let one: &(dyn ToSql + Sync) = &1_i64;
    Contender::new(name, games, move |games| {
        for _ in 0..games {
            let topic: &(dyn ToSql + Sync) = &"session:1";
            let mut tx = client.transaction().expect("it begins");
            let mut run = |statement, params: &[&(dyn ToSql + Sync)]| {
                tx.query(statement, params).expect("a statement works")
            };
            run(&lock, &[topic]);
            run(&session, &[one]);
            run(&game, &[one]);
            run(&count_session, &[one]);
            run(&end_playing, &[one]);
            run(&count_game, &[one]);
            run(&add, &[one, one, &AT_MS, &false, &None::<String>]);
            let seq: i64 = run(&take_seq, &[topic])[0].get(0);
            let id = public_id(added);
            let event_id: i64 =
                run(&event, &[&id, topic, &seq, &"game.added", &AT_MS, &DATA, &false])[0].get(0);
            run(&fan_out, &[&event_id, &AT_MS, &"game.added", &"game.*", &"*", topic]);
            tx.commit().expect("it commits");
            added += 1;
        }
    })
}
