//! How receivers do. A row stands for one that has failed since it last succeeded.

use std::collections::HashMap;

use fanfare_model::{Timestamp, breaker::Health};

use crate::{Error, Read, Tx, engine::Row};

const COLUMNS: &str = "failures, failing_since_ms, failed_at_ms, opens, hold_until_ms";

/// The health of a webhook's receiver.
pub fn health(db: &mut Read, webhook_id: i64) -> Result<Health, Error> {
    let sql = format!("select {COLUMNS} from webhook_health where webhook_id = ?1");
    Ok(db.row(&sql, &[webhook_id.into()], from_row)?.unwrap_or_default())
}

/// The health of every receiver that does not do well, by webhook.
pub fn all_health(db: &mut Read) -> Result<HashMap<i64, Health>, Error> {
    let sql = format!("select {COLUMNS}, webhook_id from webhook_health");
    let rows = db.rows(&sql, &[], |row| Ok((row.get(5)?, from_row(row)?)))?;
    Ok(rows.into_iter().collect())
}

fn from_row(row: &Row<'_>) -> Result<Health, Error> {
    let count = |index| Ok::<_, Error>(u32::try_from(row.get::<i64>(index)?).unwrap_or(u32::MAX));
    Ok(Health {
        failures: count(0)?,
        failing_since: row.opt_time(1)?,
        failed_at: row.opt_time(2)?,
        opens: count(3)?,
        hold_until: row.opt_time(4)?,
    })
}

/// How many webhooks have failed since they last succeeded, and how many of them are left alone at `now`.
pub fn count_failing(db: &mut Read, now: Timestamp) -> Result<(i64, i64), Error> {
    let counts = db.row(
        "select count(*), coalesce(sum(case when hold_until_ms > ?1 then 1 else 0 end), 0) from webhook_health",
        &[now.into()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(counts.unwrap_or_default())
}

/// Keeps the health of webhooks; nothing of one that is deleted.
pub fn set_health(tx: &mut Tx, changes: &[(i64, Health)]) -> Result<(), Error> {
    for (webhook_id, health) in changes {
        if *health == Health::default() {
            tx.run("delete from webhook_health where webhook_id = ?1", &[(*webhook_id).into()])?;
            continue;
        }
        tx.run(
            "insert into webhook_health (webhook_id, failures, failing_since_ms, failed_at_ms, opens, \
             hold_until_ms) select w.id, cast(?2 as bigint), cast(?3 as bigint), cast(?4 as bigint), \
             cast(?5 as bigint), cast(?6 as bigint) \
             from webhooks w where w.id = ?1 and w.deleted_at_ms is null \
             on conflict (webhook_id) do update set failures = excluded.failures, \
             failing_since_ms = excluded.failing_since_ms, failed_at_ms = excluded.failed_at_ms, opens = excluded.opens, \
             hold_until_ms = excluded.hold_until_ms",
            &[
                (*webhook_id).into(),
                i64::from(health.failures).into(),
                health.failing_since.into(),
                health.failed_at.into(),
                i64::from(health.opens).into(),
                health.hold_until.into(),
            ],
        )?;
    }
    Ok(())
}
