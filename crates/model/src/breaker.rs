//! When a receiver that fails is left alone, and when it is given up. No clock here: the caller
//! brings the time.

use crate::{
    Timestamp,
    delivery::Sign,
    limits::{
        BREAKER_FAILURES, BREAKER_OPEN_MAX_MS, BREAKER_OPEN_MIN_MS, FAILING_DISABLE_MS, FAILING_GAP_MS,
    },
};

/// How a webhook's receiver does; the default is well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// Attempts in a row that failed.
    pub failures: u32,
    /// The first of them, those left out that were followed by a pause of [`FAILING_GAP_MS`].
    pub failing_since: Option<Timestamp>,
    /// The last of them.
    pub failed_at: Option<Timestamp>,
    /// How often in a row the breaker opened.
    pub opens: u32,
    /// Until then nothing is sent: the breaker is open, or the receiver asked for it.
    pub hold_until: Option<Timestamp>,
}

impl Health {
    /// After an attempt that ended at `now`. [`BREAKER_FAILURES`] failures in a row open the breaker,
    /// and so does each failure after it was open; what was under way while it is open changes
    /// nothing about that. A success closes it. What was not sent changes nothing at all.
    #[must_use]
    pub fn after(self, sign: Sign, now: Timestamp) -> Self {
        if sign.success {
            return Self::default();
        }
        if sign.unsent {
            return self;
        }
        let mut next = Self {
            failures: self.failures.saturating_add(1),
            failing_since: self.failing_since.filter(|_| !self.has_paused(now)).or(Some(now)),
            failed_at: Some(now),
            ..self
        };
        let mut hold = |until: Timestamp| next.hold_until = next.hold_until.max(Some(until));
        if let Some(retry_after_ms) = sign.retry_after_ms {
            hold(now.plus_millis(retry_after_ms));
        }
        let is_half_open = self.opens > 0 && !self.is_held(now);
        if is_half_open || self.opens == 0 && next.failures >= BREAKER_FAILURES {
            let opens = self.opens.saturating_add(1);
            hold(now.plus_millis(open_ms(opens)));
            next.opens = opens;
        }
        next
    }

    /// Whether nothing may be sent at `now`.
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.hold_until.is_some_and(|until| until > now)
    }

    /// Whether nothing was tried for so long that earlier failures say nothing about today.
    fn has_paused(self, now: Timestamp) -> bool {
        self.failed_at.is_none_or(|last| now.as_millis() - last.as_millis() > FAILING_GAP_MS)
    }

    /// How long there have been nothing but failures, in milliseconds.
    pub fn failing_ms(&self, now: Timestamp) -> i64 {
        self.failing_since.map_or(0, |since| (now.as_millis() - since.as_millis()).max(0))
    }
}

/// Why a webhook is disabled by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// It answered 410.
    Gone,
    /// It has had nothing but failures for [`FAILING_DISABLE_MS`].
    Failing,
}

impl GivenUp {
    /// Whether an attempt that left the receiver in this health was one too many.
    pub fn after(sign: Sign, health: &Health, now: Timestamp) -> Option<Self> {
        if sign.gone {
            return Some(Self::Gone);
        }
        (!sign.success && !sign.unsent && health.failing_ms(now) >= FAILING_DISABLE_MS)
            .then_some(Self::Failing)
    }

    /// The words of the API and of `webhook.disabled`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Gone => "the receiver answered 410 Gone",
            Self::Failing => "nothing but failures for 5 days",
        }
    }
}

/// How long the breaker stays open for the `opens`th time in a row, in milliseconds.
fn open_ms(opens: u32) -> i64 {
    let doublings = opens.saturating_sub(1).min(16);
    (BREAKER_OPEN_MIN_MS << doublings).min(BREAKER_OPEN_MAX_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{FaultKind, Outcome};

    const BAD: Sign = Sign { success: false, gone: false, unsent: false, retry_after_ms: None };

    fn answer(status: u16, retry_after_ms: Option<i64>) -> Sign {
        Outcome::Response { status, body: String::new(), retry_after_ms }.sign()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn failed(times: u32, now: i64) -> Health {
        (0..times).fold(Health::default(), |health, _| health.after(BAD, at(now)))
    }

    #[test]
    fn the_breaker_opens_at_the_fifth_failure_in_a_row() {
        assert_eq!(failed(4, 10).hold_until, None);
        let open = failed(5, 10);
        assert_eq!((open.opens, open.hold_until), (1, Some(at(30_010))));
        assert!(open.is_held(at(30_009)) && !open.is_held(at(30_010)));
        assert_eq!(failed(4, 10).after(answer(204, None), at(11)), Health::default());
    }

    #[test]
    fn what_was_under_way_when_it_opened_does_not_open_it_further() {
        let open = failed(5, 10).after(BAD, at(20));
        assert_eq!((open.opens, open.failures, open.hold_until), (1, 6, Some(at(30_010))));
    }

    #[test]
    fn what_was_not_sent_says_nothing_of_the_receiver() {
        let unsent = Outcome::Fault { kind: FaultKind::Render, message: String::new() }.sign();
        for health in [Health::default(), failed(4, 10), failed(5, 10)] {
            assert_eq!(health.after(unsent, at(60_000)), health);
        }
        assert_eq!(GivenUp::after(unsent, &failed(1, 0), at(FAILING_DISABLE_MS)), None);
    }

    #[test]
    fn each_failed_probe_doubles_the_wait_up_to_a_quarter_of_an_hour() {
        let (mut health, mut now) = (failed(5, 0), 0);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let until = health.hold_until.expect("open").as_millis();
            waits.push((until - now) / 1_000);
            now = until;
            health = health.after(BAD, at(now));
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(health.after(answer(200, None), at(now)), Health::default());
        assert_eq!(open_ms(u32::MAX), BREAKER_OPEN_MAX_MS);
    }

    #[test]
    fn a_receiver_is_left_alone_as_long_as_it_asks() {
        let asked = Health::default().after(answer(429, Some(5_000)), at(0));
        assert_eq!((asked.opens, asked.hold_until), (0, Some(at(5_000))));
        // A shorter wish does not shorten a longer one.
        assert_eq!(asked.after(answer(503, Some(10)), at(1)).hold_until, Some(at(5_000)));
        assert_eq!(asked.after(answer(200, Some(9)), at(2)), Health::default());
        let open = failed(4, 0).after(answer(503, Some(60_000)), at(0));
        assert_eq!((open.opens, open.hold_until), (1, Some(at(60_000))));
    }

    #[test]
    fn a_failure_a_week_is_not_a_week_of_failures() {
        const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
        let weekly = (0..20).fold(Health::default(), |health, week| health.after(BAD, at(week * WEEK_MS)));
        assert_eq!((weekly.failures, weekly.failing_ms(at(19 * WEEK_MS))), (20, 0));
        let (mut daily, day_ms) = (Health::default(), FAILING_GAP_MS / 2);
        for day in 0..=5 {
            daily = daily.after(BAD, at(day * day_ms));
        }
        assert_eq!(GivenUp::after(BAD, &daily, at(5 * day_ms)), Some(GivenUp::Failing));
    }

    #[test]
    fn five_days_of_failures_or_a_410_end_it() {
        let health = failed(1, 0);
        let last_ms = FAILING_DISABLE_MS;
        assert_eq!(GivenUp::after(BAD, &health, at(last_ms - 1)), None);
        assert_eq!(GivenUp::after(BAD, &health, at(last_ms)), Some(GivenUp::Failing));
        assert_eq!(GivenUp::after(BAD, &Health::default(), at(last_ms)), None);
        assert_eq!(GivenUp::after(answer(410, None), &health, at(1)), Some(GivenUp::Gone));
        assert_eq!(health.failing_ms(at(-5)), 0, "a clock that was set back");
    }
}
