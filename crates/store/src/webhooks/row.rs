//! A webhook's row, and what of it is kept as JSON.

use fanfare_model::{
    Timestamp,
    format::Format,
    retry::RetrySchedule,
    webhook::{Header, Method, OldSecret, Ordering, Origin, Webhook, WebhookOptions},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error,
    engine::{Row, Value},
};

/// The columns that [`from_row`] reads, in its order.
pub(super) const COLUMNS: &str = "id, name, url, secret, old_secrets, events, enabled, disabled_reason, origin, \
     created_at_ms, method, headers, timeout_ms, retry_schedule_ms, ordering, max_in_flight, rate_limit, \
     format, template, app";

/// What can change of a webhook, as the database holds it.
pub(super) struct Texts {
    events: String,
    old_secrets: String,
    headers: String,
    retry_schedule: Option<String>,
}

impl Texts {
    pub(super) fn of(
        events: &[String],
        old_secrets: &[OldSecret],
        options: &WebhookOptions,
    ) -> Result<Self, Error> {
        let headers: Vec<_> = options.headers.iter().map(|header| (header.name(), header.value())).collect();
        let old_secrets: Vec<_> =
            old_secrets.iter().map(|old| (&old.secret, old.expires_at.as_millis())).collect();
        Ok(Self {
            events: to_json(&events)?,
            old_secrets: to_json(&old_secrets)?,
            headers: to_json(&headers)?,
            retry_schedule: options
                .retry_schedule
                .as_ref()
                .map(|schedule| to_json(&schedule.delays_ms()))
                .transpose()?,
        })
    }

    /// The parameters for `events, old_secrets, method, headers, timeout_ms, retry_schedule_ms,
    /// ordering, max_in_flight, rate_limit, format, template`.
    pub(super) fn params<'a>(&'a self, options: &'a WebhookOptions) -> [Value<'a>; 11] {
        let timeout_ms = options.timeout_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
        [
            (&self.events).into(),
            (&self.old_secrets).into(),
            options.method.as_str().into(),
            (&self.headers).into(),
            timeout_ms.into(),
            self.retry_schedule.as_ref().into(),
            options.ordering.as_str().into(),
            options.max_in_flight.map(i64::from).into(),
            options.rate_limit.map(i64::from).into(),
            options.format.word().into(),
            options.format.template().into(),
        ]
    }
}

/// Reads [`COLUMNS`].
pub(super) fn from_row(row: &Row<'_>) -> Result<Webhook, Error> {
    let old_secrets: Vec<(String, i64)> = from_json(&row.get::<String>(4)?)?;
    let headers: Vec<(String, String)> = from_json(&row.get::<String>(11)?)?;
    let headers = headers.iter().map(|(name, value)| Header::new(name, value).map_err(unreadable));
    let schedule =
        row.get::<Option<String>>(13)?.map(|text| RetrySchedule::new(from_json(&text)?).map_err(unreadable));
    let number = |index| Ok::<_, Error>(row.get::<Option<i64>>(index)?.map(i64::unsigned_abs));
    let small = |index| {
        let number = number(index)?;
        Ok::<_, Error>(number.map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
    };
    Ok(Webhook {
        id: row.get(0)?,
        name: row.get(1)?,
        url: row.get(2)?,
        secret: row.get(3)?,
        old_secrets: old_secrets
            .into_iter()
            .map(|(secret, at)| OldSecret { secret, expires_at: Timestamp::from_millis(at) })
            .collect(),
        events: from_json(&row.get::<String>(5)?)?,
        enabled: row.get(6)?,
        disabled_reason: row.get(7)?,
        origin: word(row, 8, Origin::parse)?,
        created_at: row.time(9)?,
        app: row.get(19)?,
        options: WebhookOptions {
            method: word(row, 10, Method::parse)?,
            headers: headers.collect::<Result<_, _>>()?,
            timeout_ms: number(12)?,
            retry_schedule: schedule.transpose()?,
            ordering: word(row, 14, Ordering::parse)?,
            max_in_flight: small(15)?,
            rate_limit: small(16)?,
            format: Format::parse(&row.get::<String>(17)?, row.get::<Option<String>>(18)?.as_deref())
                .map_err(unreadable)?,
        },
    })
}

fn word<T>(row: &Row<'_>, index: usize, parse: fn(&str) -> Option<T>) -> Result<T, Error> {
    let word: String = row.get(index)?;
    parse(&word).ok_or_else(|| unreadable(format!("{word:?} is not known")))
}

fn to_json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(unreadable)
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::Bug(format!("a webhook: {error}"))
}
