//! Sending many deliveries again: what a request may ask for.

use serde_json::{Map, Value};

use crate::{Timestamp, json};

/// Which deliveries are sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// Those that were given up.
    Failed,
    /// Those that were kept back.
    Held,
    /// Events that the webhook asks for and has no delivery of.
    Missed,
}

impl Replay {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Failed, Self::Held, Self::Missed];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Missed => "missed",
        }
    }

    /// Reads [`Replay::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.as_str() == word)
    }
}

/// What is to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayRequest {
    /// Which deliveries.
    pub which: Replay,
    /// Of events that happened then or later.
    pub since: Timestamp,
    /// Of events that happened then or earlier.
    pub until: Timestamp,
    /// Only counts.
    pub dry_run: bool,
}

/// Why a body asks for no replay; the text is the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's text says it")]
pub enum InvalidReplay {
    #[error("which must be failed, missed or held")]
    Which,
    #[error("{0} must be an ISO 8601 time (e.g., 2026-03-15T20:30:00Z)")]
    Time(&'static str),
    #[error("since must not be later than until")]
    Span,
    #[error("dry_run must be a boolean")]
    DryRun,
}

impl ReplayRequest {
    /// Reads the body of a request that arrived at `now`, which is where `until` is when it is not
    /// given; `since` is the beginning then. `null` counts as not given.
    ///
    /// # Errors
    /// The first of [`InvalidReplay`] that applies.
    pub fn parse(body: &Map<String, Value>, now: Timestamp) -> Result<Self, InvalidReplay> {
        let given = |name: &str| body.get(name).filter(|value| !value.is_null());
        let time = |name: &'static str, default: Timestamp| match given(name) {
            None => Ok(default),
            Some(value) => {
                value.as_str().and_then(|text| Timestamp::parse(text).ok()).ok_or(InvalidReplay::Time(name))
            }
        };
        let which = given("which").and_then(Value::as_str).and_then(Replay::parse);
        let request = Self {
            which: which.ok_or(InvalidReplay::Which)?,
            since: time("since", Timestamp::EPOCH)?,
            until: time("until", now)?,
            dry_run: match given("dry_run") {
                None => false,
                Some(value) => json::as_bool(value).ok_or(InvalidReplay::DryRun)?,
            },
        };
        if request.since > request.until { Err(InvalidReplay::Span) } else { Ok(request) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<ReplayRequest, String> {
        let now = Timestamp::from_millis(5_000);
        ReplayRequest::parse(body.as_object().expect("an object"), now).map_err(|error| error.to_string())
    }

    #[test]
    fn a_replay_spans_all_that_was_when_nobody_says() {
        let whole = ReplayRequest {
            which: Replay::Missed,
            since: Timestamp::EPOCH,
            until: Timestamp::from_millis(5_000),
            dry_run: false,
        };
        assert_eq!(parse(&json!({"which": "missed"})), Ok(whole));
        let nothing_said = json!({"which": "missed", "since": null, "until": null, "dry_run": null});
        assert_eq!(parse(&nothing_said), Ok(whole));
        let asked = json!({
            "which": "held", "since": "1970-01-01T00:00:02Z", "until": "1970-01-01T01:00:02+01:00", "dry_run": 1,
        });
        let moment = Timestamp::from_millis(2_000);
        let request = ReplayRequest { which: Replay::Held, since: moment, until: moment, dry_run: true };
        assert_eq!(parse(&asked), Ok(request), "both ends are in it");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let which = "which must be failed, missed or held";
        for (body, expected) in [
            (json!({}), which),
            (json!({"which": "delivered"}), which),
            (json!({"which": 1}), which),
            (
                json!({"which": "failed", "since": "yesterday"}),
                "since must be an ISO 8601 time (e.g., 2026-03-15T20:30:00Z)",
            ),
            (
                json!({"which": "failed", "until": 5}),
                "until must be an ISO 8601 time (e.g., 2026-03-15T20:30:00Z)",
            ),
            (
                json!({"which": "failed", "since": "1970-01-01T00:00:06Z"}),
                "since must not be later than until",
            ),
            (json!({"which": "failed", "dry_run": "yes"}), "dry_run must be a boolean"),
        ] {
            assert_eq!(parse(&body), Err(expected.to_owned()), "{body}");
        }
    }
}
