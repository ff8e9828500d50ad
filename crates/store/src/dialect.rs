//! The few questions that need two texts, side by side. Nothing else differs between the engines.

/// Which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

macro_rules! fan_out {
    ($lock:literal) => {
        concat!(
            "insert into deliveries (event_id, webhook_id, state, attempts, next_at_ms, test, order_key) \
             select cast(?1 as bigint), w.id, case when w.enabled then 'pending' else 'held' end, \
                    0, cast(?2 as bigint), false, \
                    case w.ordering when 'fifo' then '' when 'session' then cast(?6 as text) end \
             from webhooks w where w.deleted_at_ms is null and w.app = ?7 \
             and w.id in (select webhook_id from webhook_events where pattern in (?3, ?4, ?5)) ",
            $lock,
            " returning id, webhook_id, state = 'pending', order_key"
        )
    };
}

/// One delivery of event ?1 of the stream ?6, due at ?2, per webhook of the application ?7 that lists one
/// of the patterns ?3 to ?5.
///
/// PostgreSQL keeps the webhooks from being deleted before the deliveries are committed, else
/// nothing would remove those; SQLite has one writer.
pub(crate) fn fan_out(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => fan_out!(""),
        Dialect::Postgres => fan_out!("for share of w"),
    }
}

/// Locks the row of topic ?1, so that whoever writes to the topic does so one after the other;
/// SQLite has one writer.
pub(crate) fn lock_topic(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("select last_seq from topics where topic = ?1 for update"),
    }
}

/// Keeps everybody else from adding, renaming and removing games; SQLite has one writer. It is the
/// table of packs that is locked, since playing games and voting on them leave that alone.
pub(crate) fn lock_library(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("lock table packs in share row exclusive mode"),
    }
}

/// Locks the rows of the games ?1 to ?`count` against changes and against new rows that refer to them;
/// SQLite has one writer.
pub(crate) fn lock_games(dialect: Dialect, count: usize) -> Option<String> {
    match dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => {
            Some(format!("select id from games where id in ({}) order by id for update", places(count)))
        }
    }
}

/// Those of the webhooks ?1 to ?`count` that are not deleted, and kept from being deleted until the
/// transaction ends; SQLite has one writer.
pub(crate) fn hold_webhooks(dialect: Dialect, count: usize) -> String {
    let lock = match dialect {
        Dialect::Sqlite => "",
        Dialect::Postgres => " for share",
    };
    format!("select id from webhooks where deleted_at_ms is null and id in ({}){lock}", places(count))
}

/// Locks the row of webhook ?1 against changes; SQLite has one writer.
pub(crate) fn lock_webhook(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("select id from webhooks where id = ?1 for update"),
    }
}

/// Keeps everybody else from adding, changing and removing applications; SQLite has one writer.
pub(crate) fn lock_applications(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some("lock table applications in share row exclusive mode"),
    }
}

/// `?1, ?2` up to ?`count`.
pub(crate) fn places(count: usize) -> String {
    let places: Vec<_> = (1..=count).map(|index| format!("?{index}")).collect();
    places.join(", ")
}

/// Begins the transaction of a read, which sees one moment.
pub(crate) fn begin_read(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "begin deferred",
        Dialect::Postgres => "begin isolation level repeatable read read only",
    }
}

/// Begins the transaction of a write.
pub(crate) fn begin_write(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "begin immediate",
        Dialect::Postgres => "begin isolation level read committed read write",
    }
}
