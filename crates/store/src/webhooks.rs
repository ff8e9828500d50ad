//! Receivers of events.
//!
//! A deleted webhook is hidden at once from everything here but [`deleted`] and [`purge`].

use std::collections::BTreeSet;

use fanfare_model::{
    Timestamp,
    webhook::{NewWebhook, Webhook, WebhookPatch},
};

use crate::{
    Error, Notice, Read, Tx,
    engine::{Row, limit},
};

/// What belongs to a webhook, in the order in which it is removed: each statement removes at most
/// ?2 rows of webhook ?1.
const PURGE: [&str; 3] = [
    "delete from webhook_logs where id in (select id from webhook_logs where webhook_id = ?1 limit ?2)",
    "delete from deliveries where id in (select id from deliveries where webhook_id = ?1 limit ?2)",
    "delete from webhook_events where webhook_id = ?1 \
     and pattern in (select pattern from webhook_events where webhook_id = ?1 limit ?2)",
];

/// Every webhook, by id.
pub fn list(db: &mut Read) -> Result<Vec<Webhook>, Error> {
    db.rows(
        "select id, name, url, secret, events, enabled, created_at_ms from webhooks \
         where deleted_at_ms is null order by id",
        &[],
        from_row,
    )
}

/// One webhook.
pub fn get(db: &mut Read, id: i64) -> Result<Option<Webhook>, Error> {
    db.row(
        "select id, name, url, secret, events, enabled, created_at_ms from webhooks \
         where id = ?1 and deleted_at_ms is null",
        &[id.into()],
        from_row,
    )
}

/// Adds a webhook, enabled.
pub fn insert(tx: &mut Tx, new: &NewWebhook, at: Timestamp) -> Result<Webhook, Error> {
    let webhook = tx.row(
        "insert into webhooks (name, url, secret, events, enabled, created_at_ms) \
         values (?1, ?2, ?3, ?4, true, ?5) \
         returning id, name, url, secret, events, enabled, created_at_ms",
        &[
            (&new.name).into(),
            (&new.url).into(),
            (&new.secret).into(),
            (&to_json(&new.events)?).into(),
            at.into(),
        ],
        from_row,
    )?;
    let webhook = webhook.ok_or_else(|| Error::Bug("a new webhook has no row".into()))?;
    insert_patterns(tx, webhook.id, &webhook.events)?;
    tx.notice(Notice::WebhookChanged(webhook.id));
    Ok(webhook)
}

/// Changes what the patch names; the new row, or `None` for an unknown webhook.
pub fn update(tx: &mut Tx, id: i64, patch: &WebhookPatch) -> Result<Option<Webhook>, Error> {
    let events = patch.events.as_deref().map(to_json).transpose()?;
    let webhook = tx.row(
        "update webhooks set name = coalesce(?2, name), url = coalesce(?3, url), \
         secret = coalesce(?4, secret), events = coalesce(?5, events), enabled = coalesce(?6, enabled) \
         where id = ?1 and deleted_at_ms is null \
         returning id, name, url, secret, events, enabled, created_at_ms",
        &[
            id.into(),
            patch.name.as_ref().into(),
            patch.url.as_ref().into(),
            patch.secret.as_ref().into(),
            events.as_ref().into(),
            patch.enabled.into(),
        ],
        from_row,
    )?;
    let Some(webhook) = webhook else { return Ok(None) };
    if patch.events.is_some() {
        tx.run("delete from webhook_events where webhook_id = ?1", &[id.into()])?;
        insert_patterns(tx, id, &webhook.events)?;
    }
    tx.notice(Notice::WebhookChanged(id));
    Ok(Some(webhook))
}

/// Hides a webhook at once; its rows are removed by [`purge`]. Returns whether it was there.
pub fn delete(tx: &mut Tx, id: i64, at: Timestamp) -> Result<bool, Error> {
    let deleted = tx.run(
        "update webhooks set deleted_at_ms = ?2 where id = ?1 and deleted_at_ms is null",
        &[id.into(), at.into()],
    )?;
    if deleted > 0 {
        tx.notice(Notice::WebhookChanged(id));
    }
    Ok(deleted > 0)
}

/// Deleted webhooks whose rows are not yet all removed, by id.
pub fn deleted(db: &mut Read) -> Result<Vec<i64>, Error> {
    db.rows("select id from webhooks where deleted_at_ms is not null order by id", &[], |row| row.get(0))
}

/// Removes at most `rows` rows of a deleted webhook; true when nothing is left of it.
///
/// # Errors
/// [`Error::Conflict`] for a webhook that is not deleted.
pub fn purge(tx: &mut Tx, id: i64, rows: usize) -> Result<bool, Error> {
    if get(tx, id)?.is_some() {
        return Err(Error::Conflict("the webhook is not deleted".into()));
    }
    let mut left = rows;
    for statement in PURGE {
        let removed = tx.run(statement, &[id.into(), limit(left)])?;
        left = left.saturating_sub(usize::try_from(removed).unwrap_or(usize::MAX));
        if left == 0 {
            return Ok(false);
        }
    }
    tx.run("delete from webhooks where id = ?1", &[id.into()])?;
    Ok(true)
}

/// A pattern that is listed twice is kept once, so that it makes one delivery.
fn insert_patterns(tx: &mut Tx, webhook_id: i64, patterns: &[String]) -> Result<(), Error> {
    for pattern in BTreeSet::from_iter(patterns) {
        tx.run(
            "insert into webhook_events (pattern, webhook_id) values (?1, ?2)",
            &[pattern.into(), webhook_id.into()],
        )?;
    }
    Ok(())
}

fn to_json(events: &[String]) -> Result<String, Error> {
    serde_json::to_string(events).map_err(|error| Error::Bug(error.to_string()))
}

fn from_row(row: &Row<'_>) -> Result<Webhook, Error> {
    let events: String = row.get(4)?;
    Ok(Webhook {
        id: row.get(0)?,
        name: row.get(1)?,
        url: row.get(2)?,
        secret: row.get(3)?,
        events: serde_json::from_str(&events).map_err(|error| Error::Bug(error.to_string()))?,
        enabled: row.get(5)?,
        created_at: row.time(6)?,
    })
}
