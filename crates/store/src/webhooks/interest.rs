//! What webhooks ask for.

use fanfare_model::pattern;

use crate::{Error, Read, dialect::places, engine::Value};

/// Which of these patterns webhooks list, disabled ones included, each with the application of a webhook
/// that does; no pair twice.
pub fn asked_for(db: &mut Read, patterns: &[String]) -> Result<Vec<(String, String)>, Error> {
    let sql = format!(
        "select distinct w.app, e.pattern from webhook_events e \
         join webhooks w on w.id = e.webhook_id and w.deleted_at_ms is null where e.pattern in ({})",
        places(patterns.len())
    );
    let params: Vec<Value<'_>> = patterns.iter().map(Into::into).collect();
    db.rows(&sql, &params, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Whether an application's event of this name would make deliveries.
pub fn hears(db: &mut Read, app: &str, kind: &str) -> Result<bool, Error> {
    let [name, family, all] = pattern::fired_by(kind);
    let found = db.row(
        "select 1 from webhook_events e \
         join webhooks w on w.id = e.webhook_id and w.deleted_at_ms is null and w.app = ?1 \
         where e.pattern in (?2, ?3, ?4) limit 1",
        &[app.into(), name.as_ref().into(), family.as_ref().into(), all.as_ref().into()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}
