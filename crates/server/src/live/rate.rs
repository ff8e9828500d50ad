//! How much a socket may say in a second.

use std::time::Duration;

use crate::timers::Tick;

/// A second's worth may be said at once.
const BURST: Duration = Duration::from_secs(1);
/// As much as may be said in so long may be refused at once before the socket is closed; refusals that
/// come no faster than what is allowed never close it.
const EXCESS_BURST: Duration = Duration::from_secs(10);

/// What becomes of something that a socket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is taken.
    Admitted,
    /// It is not; something may be said again after this time.
    Refused(Duration),
    /// It is not, and the socket is to be closed: it is far over its rate.
    Flooding,
}

/// A rate, and what is made of more than that.
pub(super) struct Allowance {
    allowed: Bucket,
    excess: Bucket,
}

impl Allowance {
    /// `per_second`: 0 means without a limit.
    pub(super) fn new(per_second: u32, now: Tick) -> Self {
        Self {
            allowed: Bucket::new(per_second, BURST, now),
            excess: Bucket::new(per_second, EXCESS_BURST, now),
        }
    }

    /// Something is said.
    pub(super) fn admit(&mut self, now: Tick) -> Admission {
        match self.allowed.take(now) {
            Ok(()) => Admission::Admitted,
            Err(wait) if self.excess.take(now).is_ok() => Admission::Refused(wait),
            Err(_) => Admission::Flooding,
        }
    }
}

/// A token bucket that counts in time: each token costs a share of a second, and what is left over grows
/// with the clock.
struct Bucket {
    /// Of a token; zero when there is no limit.
    cost: Duration,
    credit_max: Duration,
    credit: Duration,
    /// When `credit` was true.
    at: Tick,
}

impl Bucket {
    fn new(per_second: u32, burst: Duration, now: Tick) -> Self {
        let cost = Duration::from_secs(1).checked_div(per_second).unwrap_or(Duration::ZERO);
        Self { cost, credit_max: burst, credit: burst, at: now }
    }

    /// Takes a token, or says how long it takes until there is one.
    fn take(&mut self, now: Tick) -> Result<(), Duration> {
        self.credit = self.credit.saturating_add(now.since(self.at)).min(self.credit_max);
        self.at = now;
        match self.credit.checked_sub(self.cost) {
            Some(credit) => {
                self.credit = credit;
                Ok(())
            }
            None => Err(self.cost.saturating_sub(self.credit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use fanfare_model::Timestamp;

    use super::*;
    use crate::timers::Clock;

    /// Says something `times` times at that moment; what came of it, and how often.
    fn admitted(allowance: &mut Allowance, now: Tick, times: u32) -> (u32, u32, u32) {
        let mut counts = (0, 0, 0);
        for _ in 0..times {
            match allowance.admit(now) {
                Admission::Admitted => counts.0 += 1,
                Admission::Refused(_) => counts.1 += 1,
                Admission::Flooding => counts.2 += 1,
            }
        }
        counts
    }

    fn start() -> Tick {
        Clock::manual(Timestamp::from_millis(0)).tick()
    }

    #[test]
    fn a_seconds_worth_may_come_at_once() {
        let mut allowance = Allowance::new(10, start());
        assert_eq!(admitted(&mut allowance, start(), 11), (10, 1, 0));
        assert_eq!(allowance.admit(start().plus_millis(40)), Admission::Refused(Duration::from_millis(60)));
        assert_eq!(admitted(&mut allowance, start().plus_millis(100), 2), (1, 1, 0));
        assert_eq!(admitted(&mut allowance, start().plus_millis(60_000), 11), (10, 1, 0));
    }

    #[test]
    fn who_is_far_over_the_rate_floods() {
        let mut allowance = Allowance::new(10, start());
        assert_eq!(admitted(&mut allowance, start(), 111), (10, 100, 1));
        let mut allowance = Allowance::new(10, start());
        let twice = (0_u64..1_000).map(|i| admitted(&mut allowance, start().plus_millis(i * 50), 1));
        let flooding: u32 = twice.map(|(_, _, flooding)| flooding).sum();
        assert_eq!(flooding, 0, "twice the rate is refused, not closed");
    }

    #[test]
    fn none_means_without_a_limit() {
        let mut allowance = Allowance::new(0, start());
        assert_eq!(admitted(&mut allowance, start(), 100_000), (100_000, 0, 0));
    }
}
