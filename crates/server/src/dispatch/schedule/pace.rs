//! How fast one webhook may be sent to: its own limit, how its receiver does, and how carefully it is
//! taken up again after it was left alone.

use fanfare_model::{Timestamp, breaker::Health};

/// What a request costs, so that whole numbers can count parts of one.
const REQUEST: i64 = 1_000;
/// The part of a second whose requests may come at once.
const BURST_MS: i64 = 100;

/// When something may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    Now,
    /// Not before this moment.
    At(Timestamp),
}

/// A token bucket.
struct Bucket {
    per_second: i64,
    tokens: i64,
    at: Timestamp,
}

/// See the module.
pub(super) struct Pace {
    bucket: Option<Bucket>,
    pub(super) health: Health,
    /// Requests that may be under way at once.
    max: usize,
    /// The same while the receiver is taken up again: doubles with each success.
    ramp: usize,
}

impl Pace {
    pub(super) fn new(max: usize, rate_limit: Option<u32>, health: Health, now: Timestamp) -> Self {
        let ramp = if health.hold_until.is_some() { 1 } else { max };
        let bucket = rate_limit.map(|per_second| Bucket::new(i64::from(per_second), now));
        Self { bucket, health, max, ramp }
    }

    /// The same receiver under other limits.
    pub(super) fn limit(&mut self, max: usize, rate_limit: Option<u32>, now: Timestamp) {
        let is_ramping = self.ramp < self.max;
        self.max = max;
        self.ramp = if is_ramping { self.ramp.min(max) } else { max };
        if self.bucket.as_ref().map(|bucket| bucket.per_second) != rate_limit.map(i64::from) {
            self.bucket = rate_limit.map(|per_second| Bucket::new(i64::from(per_second), now));
        }
    }

    /// Requests that may be under way at once, whatever the receiver does.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Whether one more may be sent beside `in_flight` others; `None`: not until one of those ends.
    pub(super) fn may_send(&mut self, in_flight: usize, now: Timestamp) -> Option<May> {
        if let Some(until) = self.health.hold_until.filter(|until| *until > now) {
            return Some(May::At(until));
        }
        if in_flight >= self.ramp {
            return None;
        }
        Some(self.bucket.as_mut().map_or(May::Now, |bucket| bucket.may_send(now)))
    }

    /// One was sent.
    pub(super) fn sent(&mut self) {
        if let Some(bucket) = &mut self.bucket {
            bucket.tokens -= REQUEST;
        }
    }

    /// One ended and left the receiver in this health.
    pub(super) fn ended(&mut self, success: bool, health: Health) {
        if success {
            self.ramp = (self.ramp * 2).min(self.max);
        } else if health.hold_until > self.health.hold_until {
            self.ramp = 1;
        }
        self.health = health;
    }
}

impl Bucket {
    fn new(per_second: i64, now: Timestamp) -> Self {
        Self { per_second, tokens: REQUEST, at: now }
    }

    fn may_send(&mut self, now: Timestamp) -> May {
        // What a millisecond brings too much is kept, or the limit would not be reached.
        let full = REQUEST.max(self.per_second * BURST_MS) + self.per_second - 1;
        let elapsed_ms = (now.as_millis() - self.at.as_millis()).clamp(0, full);
        // `per_second` requests a second are as many thousandths of one a millisecond.
        self.tokens = full.min(self.tokens + elapsed_ms * self.per_second);
        self.at = now;
        if self.tokens >= REQUEST {
            return May::Now;
        }
        let missing = REQUEST - self.tokens;
        May::At(now.plus_millis((missing + self.per_second - 1) / self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    /// Sends whenever it may, for `length_ms`; the moments.
    fn sends(rate_limit: u32, length_ms: i64) -> Vec<i64> {
        let mut pace = Pace::new(100, Some(rate_limit), Health::default(), at(0));
        let (mut now, mut sent) = (0, Vec::new());
        while now <= length_ms {
            match pace.may_send(0, at(now)).expect("nothing is under way") {
                May::Now => {
                    pace.sent();
                    sent.push(now);
                }
                May::At(next) => {
                    assert!(next.as_millis() > now, "a wait that does not end");
                    now = next.as_millis();
                }
            }
        }
        sent
    }

    #[test]
    fn a_limit_holds_over_each_second() {
        assert_eq!(sends(1, 3_000), [0, 1_000, 2_000, 3_000]);
        assert_eq!(sends(3, 1_000), [0, 334, 667, 1_000]);
        for rate_limit in [7, 100, 999, 10_000] {
            let sent = sends(rate_limit, 10_000);
            let (count, most) = (sent.len(), 10 * rate_limit as usize + 1);
            assert!(count <= most && count * 100 >= most * 99, "{rate_limit}: {count}");
        }
    }

    #[test]
    fn after_a_pause_a_tenth_of_a_second_may_come_at_once() {
        let mut pace = Pace::new(100, Some(100), Health::default(), at(0));
        let mut burst = 0;
        while pace.may_send(0, at(60_000)) == Some(May::Now) {
            pace.sent();
            burst += 1;
        }
        assert_eq!(burst, 10);
    }

    #[test]
    fn a_receiver_is_taken_up_again_step_by_step() {
        let held = Health { hold_until: Some(at(50)), failures: 5, opens: 1, ..Health::default() };
        let mut pace = Pace::new(5, None, held, at(0));
        assert_eq!(pace.may_send(0, at(49)), Some(May::At(at(50))));
        let allowed = |pace: &mut Pace| (0..20).find(|in_flight| pace.may_send(*in_flight, at(50)).is_none());
        assert_eq!(allowed(&mut pace), Some(1));
        for expected in [2, 4, 5, 5] {
            pace.ended(true, Health::default());
            assert_eq!(allowed(&mut pace), Some(expected));
        }
        pace.ended(false, Health { failures: 1, ..Health::default() });
        assert_eq!(allowed(&mut pace), Some(5), "one failure is no reason");
        pace.ended(false, held);
        pace.limit(3, Some(1), at(50));
        assert_eq!(pace.may_send(1, at(50)), None);
        pace.ended(true, Health::default());
        assert_eq!(pace.may_send(1, at(50)), Some(May::Now));
    }
}
