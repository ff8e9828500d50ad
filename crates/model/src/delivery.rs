//! The life of a delivery: one event on its way to one webhook.

use crate::{Timestamp, retry::RetrySchedule};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be sent, at once or at its next time.
    Pending,
    /// A 2xx was received.
    Delivered,
    /// Every attempt of the schedule failed.
    Failed,
    /// Kept back because its webhook is disabled.
    Held,
    /// Called off by the host.
    Cancelled,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Delivered, Self::Failed, Self::Held, Self::Cancelled];

    /// The word of the API and of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads [`DeliveryState::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Why an attempt got no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// Egress rules forbid the address.
    Refused,
    /// The name could not be resolved.
    Dns,
    /// No connection.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The deadline passed.
    Timeout,
    /// The connection broke, or what came back is not HTTP.
    Protocol,
    /// Nothing was sent: the webhook's template has no body for the event.
    Render,
}

impl FaultKind {
    /// The word of the log and of the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Render => "render",
        }
    }
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered.
    Response {
        /// The HTTP status.
        status: u16,
        /// The start of the body, lossy UTF-8.
        body: String,
        /// How long it asks to be left alone, in milliseconds.
        retry_after_ms: Option<i64>,
    },
    /// It did not.
    Fault {
        /// The class.
        kind: FaultKind,
        /// One line for the log.
        message: String,
    },
}

/// What an attempt says about its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// It took the delivery.
    pub success: bool,
    /// It says that it is gone for good.
    pub gone: bool,
    /// It was not asked.
    pub unsent: bool,
    /// How long it asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<i64>,
}

impl Outcome {
    /// Any 2xx is success; everything else is not, redirects included.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Response { status: 200..=299, .. })
    }

    /// What it says about the receiver.
    pub fn sign(&self) -> Sign {
        Sign {
            success: self.is_success(),
            gone: self.is_gone(),
            unsent: self.is_unsent(),
            retry_after_ms: self.retry_after_ms(),
        }
    }

    /// How long the receiver asks to be left alone, in milliseconds; a success asks for nothing.
    pub fn retry_after_ms(&self) -> Option<i64> {
        match self {
            Self::Response { retry_after_ms, .. } if !self.is_success() => *retry_after_ms,
            Self::Response { .. } | Self::Fault { .. } => None,
        }
    }

    /// Whether the receiver says that it is gone for good.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Response { status: 410, .. })
    }

    /// Whether nothing was sent, so that it says nothing of the receiver.
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Fault { kind: FaultKind::Render, .. })
    }

    /// The class of the metrics: `success`, `status` (an answer that is no 2xx) or the fault's.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Response { .. } if self.is_success() => "success",
            Self::Response { .. } => "status",
            Self::Fault { kind, .. } => kind.as_str(),
        }
    }
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Done.
    Delivered,
    /// To be tried again, not before this moment.
    RetryAt(Timestamp),
    /// Given up: the schedule is used up.
    Failed,
}

impl Next {
    /// Decides after the schedule's attempt number `attempt` (from 1), which ended at `now`. It is
    /// not tried again before the receiver asked to be, nor at all when that is gone or there is
    /// nothing to send. `chance` is
    /// uniform and becomes the jitter, see [`RetrySchedule::delay_ms`].
    pub fn after(
        outcome: &Outcome,
        attempt: u32,
        schedule: &RetrySchedule,
        now: Timestamp,
        chance: u64,
    ) -> Self {
        if outcome.is_success() {
            return Self::Delivered;
        }
        if outcome.is_gone() || outcome.is_unsent() {
            return Self::Failed;
        }
        let delay_ms = schedule.delay_ms(attempt, chance);
        let delay_ms = delay_ms.map(|delay_ms| delay_ms.max(outcome.retry_after_ms().unwrap_or(0)));
        delay_ms.map_or(Self::Failed, |delay_ms| Self::RetryAt(now.plus_millis(delay_ms)))
    }

    /// The state that the delivery's row gets.
    pub fn state(self) -> DeliveryState {
        match self {
            Self::Delivered => DeliveryState::Delivered,
            Self::RetryAt(_) => DeliveryState::Pending,
            Self::Failed => DeliveryState::Failed,
        }
    }
}

/// A delivery as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Never reused.
    pub id: i64,
    /// Where it goes.
    pub webhook_id: i64,
    /// The event's public id, the `webhook-id` of every attempt.
    pub event_id: String,
    /// The event's name.
    pub event_type: String,
    /// When the event happened.
    pub event_at: Timestamp,
    /// The event's `data`, a JSON object.
    pub payload: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts made so far.
    pub attempts: i64,
    /// When it is due, if it is pending.
    pub next_at: Option<Timestamp>,
}

/// One row of a webhook's log: one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Never reused.
    pub id: i64,
    /// The webhook.
    pub webhook_id: i64,
    /// The delivery that was tried.
    pub delivery_id: i64,
    /// The event's public id, the `webhook-id` of every attempt.
    pub event_id: String,
    /// The event's name.
    pub event_type: String,
    /// The event's `data`, a JSON object.
    pub payload: String,
    /// The receiver's status, if it answered.
    pub response_status: Option<u16>,
    /// What went wrong, if anything did.
    pub error_message: Option<String>,
    /// Which attempt of the delivery it was, from 1.
    pub attempt: i64,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// The class of what went wrong, see [`Outcome::class`].
    pub error_kind: Option<String>,
    /// The start of the response's body, if it answered.
    pub response_head: Option<String>,
    /// When it is to be tried again, if it is.
    pub next_retry_at: Option<Timestamp>,
    /// When the attempt ended.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Outcome {
        Outcome::Response { status, body: String::new(), retry_after_ms: None }
    }

    fn asking(status: u16, retry_after_ms: i64) -> Outcome {
        Outcome::Response { status, body: String::new(), retry_after_ms: Some(retry_after_ms) }
    }

    fn fault(kind: FaultKind) -> Outcome {
        Outcome::Fault { kind, message: "no".into() }
    }

    #[test]
    fn what_follows_an_attempt() {
        let schedule = RetrySchedule::new(vec![1_000, 60_000]).expect("valid");
        let now = Timestamp::from_millis(1_773_606_600_000);
        let retry = |delay_ms| Next::RetryAt(now.plus_millis(delay_ms));
        for (outcome, attempt, chance, expected) in [
            (answer(200), 1, 0, Next::Delivered),
            (answer(204), 3, u64::MAX, Next::Delivered),
            (answer(299), 9, 0, Next::Delivered),
            (answer(199), 1, 0, retry(1_000)),
            (answer(300), 1, 0, retry(1_000)),
            (answer(301), 1, 0, retry(1_000)),
            (answer(404), 1, u64::MAX, retry(1_200)),
            (answer(500), 2, 0, retry(60_000)),
            (answer(500), 2, u64::MAX, retry(72_000)),
            (answer(500), 3, 0, Next::Failed),
            (answer(500), u32::MAX, 0, Next::Failed),
            (answer(410), 1, 0, Next::Failed),
            (asking(503, 30_000), 1, 0, retry(30_000)),
            (asking(429, 10), 1, u64::MAX, retry(1_200)),
            (asking(503, 30_000), 3, 0, Next::Failed),
            (asking(204, 30_000), 1, 0, Next::Delivered),
            (fault(FaultKind::Timeout), 1, 0, retry(1_000)),
            (fault(FaultKind::Refused), 2, 0, retry(60_000)),
            (fault(FaultKind::Render), 1, 0, Next::Failed),
            (fault(FaultKind::Connect), 3, 0, Next::Failed),
        ] {
            assert_eq!(
                Next::after(&outcome, attempt, &schedule, now, chance),
                expected,
                "{outcome:?} {attempt}"
            );
        }
        let never = RetrySchedule::new(vec![]).expect("valid");
        assert_eq!(Next::after(&answer(500), 1, &never, now, 0), Next::Failed);
    }

    #[test]
    fn a_row_is_pending_until_the_schedule_is_used_up() {
        let at = Timestamp::from_millis(0);
        for (next, state) in [
            (Next::Delivered, DeliveryState::Delivered),
            (Next::RetryAt(at), DeliveryState::Pending),
            (Next::Failed, DeliveryState::Failed),
        ] {
            assert_eq!(next.state(), state);
        }
    }

    #[test]
    fn outcomes_have_the_class_of_the_metrics() {
        for (outcome, class) in [
            (answer(200), "success"),
            (answer(302), "status"),
            (answer(503), "status"),
            (fault(FaultKind::Dns), "dns"),
            (fault(FaultKind::Render), "render"),
            (fault(FaultKind::Protocol), "protocol"),
        ] {
            assert_eq!(outcome.class(), class);
        }
    }
}
