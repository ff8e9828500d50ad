//! Receivers of events.
//!
//! A deleted webhook is hidden at once from everything here but [`deleted`] and [`purge`].

mod health;
mod interest;
mod row;

use std::collections::BTreeSet;

use fanfare_model::{
    Timestamp,
    breaker::GivenUp,
    webhook::{NewWebhook, Origin, Webhook},
};

use self::row::{COLUMNS, Texts, from_row};
pub use self::{
    health::{all_health, count_failing, health, set_health},
    interest::{asked_for, hears},
};
use crate::{Error, Notice, Read, Tx, deliveries, dialect, engine::limit};

/// Every webhook, by id.
pub fn list(db: &mut Read) -> Result<Vec<Webhook>, Error> {
    db.rows(&format!("select {COLUMNS} from webhooks where deleted_at_ms is null order by id"), &[], from_row)
}

/// One webhook.
pub fn get(db: &mut Read, id: i64) -> Result<Option<Webhook>, Error> {
    db.row(
        &format!("select {COLUMNS} from webhooks where id = ?1 and deleted_at_ms is null"),
        &[id.into()],
        from_row,
    )
}

/// The webhooks that stand in the configuration file, by id.
pub fn configured(db: &mut Read) -> Result<Vec<Webhook>, Error> {
    let mut webhooks = list(db)?;
    webhooks.retain(|webhook| webhook.origin == Origin::Config);
    Ok(webhooks)
}

/// One webhook, which nobody else changes until the transaction ends.
pub fn lock(tx: &mut Tx, id: i64) -> Result<Option<Webhook>, Error> {
    if let Some(sql) = dialect::lock_webhook(tx.dialect()) {
        tx.row(sql, &[id.into()], |_| Ok(()))?;
    }
    get(tx, id)
}

/// Adds a webhook, enabled.
pub fn insert(tx: &mut Tx, new: &NewWebhook, at: Timestamp) -> Result<Webhook, Error> {
    let texts = Texts::of(&new.events, &[], &new.options)?;
    let mut params = vec![
        (&new.name).into(),
        (&new.url).into(),
        (&new.secret).into(),
        new.origin.as_str().into(),
        at.into(),
    ];
    params.extend(texts.params(&new.options));
    params.push((&new.app).into());
    let webhook = tx.row(
        &format!(
            "insert into webhooks (name, url, secret, origin, created_at_ms, enabled, events, old_secrets, \
             method, headers, timeout_ms, retry_schedule_ms, ordering, max_in_flight, rate_limit, format, \
             template, app) \
             values (?1, ?2, ?3, ?4, ?5, true, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
             returning {COLUMNS}"
        ),
        &params,
        from_row,
    )?;
    let webhook = webhook.ok_or_else(|| Error::Bug("a new webhook has no row".into()))?;
    insert_patterns(tx, webhook.id, &webhook.events)?;
    tx.notice(Notice::WebhookChanged(webhook.id));
    Ok(webhook)
}

/// Writes down a webhook as it is after a change; all but `id`, `origin` and `created_at` may differ
/// from what [`lock`] gave. One that is enabled again starts with a clean bill of health.
///
/// # Errors
/// [`Error::NotFound`] for an unknown webhook.
pub fn update(tx: &mut Tx, webhook: &Webhook) -> Result<(), Error> {
    let before = get(tx, webhook.id)?.ok_or(Error::NotFound)?;
    let texts = Texts::of(&webhook.events, &webhook.old_secrets, &webhook.options)?;
    let mut params = vec![
        webhook.id.into(),
        (&webhook.name).into(),
        (&webhook.url).into(),
        (&webhook.secret).into(),
        webhook.enabled.into(),
        webhook.disabled_reason.as_ref().into(),
    ];
    params.extend(texts.params(&webhook.options));
    params.push((&webhook.app).into());
    tx.run(
        "update webhooks set name = ?2, url = ?3, secret = ?4, enabled = ?5, disabled_reason = ?6, \
         events = ?7, old_secrets = ?8, method = ?9, headers = ?10, timeout_ms = ?11, \
         retry_schedule_ms = ?12, ordering = ?13, max_in_flight = ?14, rate_limit = ?15, \
         format = ?16, template = ?17, app = ?18 where id = ?1",
        &params,
    )?;
    if webhook.events != before.events {
        tx.run("delete from webhook_events where webhook_id = ?1", &[webhook.id.into()])?;
        insert_patterns(tx, webhook.id, &webhook.events)?;
    }
    // Another address is another receiver.
    if webhook.enabled && !before.enabled || webhook.url != before.url {
        tx.run("delete from webhook_health where webhook_id = ?1", &[webhook.id.into()])?;
    }
    tx.notice(Notice::WebhookChanged(webhook.id));
    Ok(())
}

/// Makes webhooks of this application those of the default one, which it has become.
pub fn adopt(tx: &mut Tx, app: &str) -> Result<(), Error> {
    let adopted = "update webhooks set app = '' where app = ?1 and app <> '' returning id";
    for id in tx.rows(adopted, &[app.into()], |row| row.get(0))? {
        tx.notice(Notice::WebhookChanged(id));
    }
    Ok(())
}

/// Disables a webhook that the server has given up; the webhook as it is then. `None` for one that
/// is disabled, unknown, or leads elsewhere than the `url` that was given up.
pub fn give_up(tx: &mut Tx, id: i64, url: &str, why: GivenUp) -> Result<Option<Webhook>, Error> {
    let Some(webhook) = lock(tx, id)?.filter(|webhook| webhook.enabled && webhook.url == url) else {
        return Ok(None);
    };
    let webhook = Webhook { enabled: false, disabled_reason: Some(why.reason().to_owned()), ..webhook };
    update(tx, &webhook)?;
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

/// Removes at most so many rows that belong to a webhook; how many.
type Removal = fn(&mut Tx, i64, usize) -> Result<usize, Error>;

/// Removes at most `rows` rows of a deleted webhook; true when nothing is left of it.
///
/// # Errors
/// [`Error::Conflict`] for a webhook that is not deleted.
pub fn purge(tx: &mut Tx, id: i64, rows: usize) -> Result<bool, Error> {
    if get(tx, id)?.is_some() {
        return Err(Error::Conflict("the webhook is not deleted".into()));
    }
    let mut left = rows;
    let removals: [Removal; 3] = [deliveries::purge_logged, deliveries::purge_undelivered, purge_patterns];
    for remove in removals {
        left = left.saturating_sub(remove(tx, id, left)?);
        if left == 0 {
            return Ok(false);
        }
    }
    tx.run("delete from webhook_health where webhook_id = ?1", &[id.into()])?;
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

fn purge_patterns(tx: &mut Tx, webhook_id: i64, rows: usize) -> Result<usize, Error> {
    let removed = tx.run(
        "delete from webhook_events where webhook_id = ?1 \
         and pattern in (select pattern from webhook_events where webhook_id = ?1 limit ?2)",
        &[webhook_id.into(), limit(rows)],
    )?;
    Ok(usize::try_from(removed).unwrap_or(usize::MAX))
}
