//! A past for benchmarks: more rows than anybody would want to make one by one, written into a SQLite
//! file that no server has open.

use std::{
    ops::RangeInclusive,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;

/// Events that one statement writes.
const BATCH_ROWS: u64 = 200_000;

/// How much to write, and for whom.
#[derive(Debug, Clone)]
pub struct Filling {
    /// The ids of webhooks; each event goes to the next one of them.
    pub webhooks: RangeInclusive<i64>,
    /// Events, with one delivery each.
    pub rows: u64,
    /// How long ago they happened, in milliseconds.
    pub age_ms: i64,
}

/// Writes events that were delivered at the first attempt, each with its row in the log.
///
/// # Panics
/// When the file is no database of ours or cannot be written.
pub fn with_history(path: &Path, filling: &Filling) {
    fill(path, filling, "delivered", true);
}

/// Writes events whose deliveries are due and were never tried.
///
/// # Panics
/// As [`with_history`].
pub fn with_pending(path: &Path, filling: &Filling) {
    fill(path, filling, "pending", false);
}

/// How many attempts the log holds.
///
/// # Panics
/// When the file is no database of ours.
pub fn log_rows(path: &Path) -> u64 {
    let connection = Connection::open(path).expect("the file can be opened");
    let count = connection.query_row("select count(*) from webhook_logs", [], |row| row.get::<_, i64>(0));
    count.expect("the table is there").unsigned_abs()
}

#[expect(clippy::disallowed_methods, reason = "no server runs whose clock could be asked")]
fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

fn fill(path: &Path, filling: &Filling, state: &str, logged: bool) {
    insert(path, filling, state, logged);
    // Else the first commit that is measured would wait for all of it to reach the disk.
    std::fs::File::open(path).and_then(|file| file.sync_all()).expect("the file reaches the disk");
}

fn insert(path: &Path, filling: &Filling, state: &str, logged: bool) {
    let connection = Connection::open(path).expect("the file can be opened");
    // Nobody relies on what is written here: a crash in the middle means starting over.
    connection
        .execute_batch("pragma journal_mode = off; pragma synchronous = off;")
        .expect("these are known");
    let last = |table: &str| {
        let sql = format!("select coalesce(max(id), 0) from {table}");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).expect("the table is there")
    };
    let (first_webhook, last_webhook) = (filling.webhooks.start(), filling.webhooks.end());
    let webhooks = last_webhook - first_webhook + 1;
    let at_ms = now_ms() - filling.age_ms;
    let mut written = 0;
    while written < filling.rows {
        let rows = BATCH_ROWS.min(filling.rows - written);
        let (event, delivery) = (last("events"), last("deliveries"));
        let numbers =
            format!("with recursive n (i) as (values (1) union all select i + 1 from n where i < {rows}) ");
        let log = if logged {
            format!(
                "{numbers} insert into webhook_logs (webhook_id, delivery_id, event_id, attempt, at_ms, \
             duration_ms, response_status, response_head) \
             select {first_webhook} + i % {webhooks}, {delivery} + i, {event} + i, 1, {at_ms}, 1, 200, '' \
             from n;"
            )
        } else {
            String::new()
        };
        let batch = format!(
            "begin;\
             {numbers} insert into events (id, public_id, topic, seq, kind, at_ms, data) \
             select {event} + i, format('evt_%012x%020x', {at_ms}, {event} + i), null, null, 'bench', \
                    {at_ms}, '{{\"n\":' || i || '}}' from n;\
             {numbers} insert into deliveries (id, event_id, webhook_id, state, attempts, next_at_ms, test) \
             select {delivery} + i, {event} + i, {first_webhook} + i % {webhooks}, '{state}', {attempts}, \
                    {at_ms}, false from n;\
             {log} commit;",
            attempts = i64::from(logged),
        );
        connection.execute_batch(&batch).expect("the rows are new");
        written += rows;
    }
    connection.execute_batch("pragma journal_mode = wal;").expect("it is known");
}
