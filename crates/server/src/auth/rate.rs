//! How many requests an address may send: a bucket of tokens each, refilled at a steady rate.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use fanfare_model::limits::RATE_ADDRESSES_MAX;

use super::origin;
use crate::timers::Tick;

/// A full bucket holds what the rate gives in so many seconds.
const BURST_S: f64 = 2.0;

/// Requests by address, see [`origin`].
pub(crate) struct Rate {
    /// Tokens that a bucket gets back in a second; 0: no limit.
    per_second: f64,
    buckets: Mutex<Buckets>,
}

/// Two generations: when the younger one has half of what may be remembered, the older one is
/// forgotten and it takes its place. Whoever goes on sending is moved along, and finding a place for
/// a new address never takes a search.
#[derive(Default)]
struct Buckets {
    young: HashMap<IpAddr, Bucket>,
    old: HashMap<IpAddr, Bucket>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Tick,
}

impl Rate {
    /// So many requests a second for each address; 0: any number.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.into(), buckets: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The whole seconds after which the next one is let through, when this one is not.
    pub(crate) fn take(&self, address: IpAddr, now: Tick) -> Result<(), u64> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let capacity = self.per_second * BURST_S;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.of(origin(address), || Bucket { tokens: capacity, at: now });
        let regained = now.since(bucket.at).as_secs_f64() * self.per_second;
        *bucket = Bucket { tokens: (bucket.tokens + regained).min(capacity), at: now };
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait_s = ((1.0 - bucket.tokens) / self.per_second).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1")]
        Err((wait_s as u64).max(1))
    }
}

impl Buckets {
    fn of(&mut self, origin: IpAddr, full: impl FnOnce() -> Bucket) -> &mut Bucket {
        if !self.young.contains_key(&origin) && self.young.len() >= RATE_ADDRESSES_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(origin).or_insert_with(|| old.remove(&origin).unwrap_or_else(full))
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use fanfare_model::Timestamp;

    use super::*;
    use crate::timers::Clock;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// How many of 100 requests are let through at this moment.
    fn let_through(rate: &Rate, address: IpAddr, clock: &Clock) -> usize {
        (0..100).filter(|_| rate.take(address, clock.tick()).is_ok()).count()
    }

    #[test]
    fn a_burst_then_the_rate_and_nothing_is_saved_up_beyond_the_burst() {
        let (rate, clock) = (Rate::new(10), Clock::manual(Timestamp::EPOCH));
        assert_eq!(let_through(&rate, HOME, &clock), 20);
        assert_eq!(rate.take(HOME, clock.tick()), Err(1));
        for (wait_ms, expected) in [(99, 0), (1, 1), (500, 5), (1_000, 10), (60_000, 20)] {
            clock.advance(Duration::from_millis(wait_ms));
            assert_eq!(let_through(&rate, HOME, &clock), expected, "after {wait_ms} ms");
        }
        assert_eq!(let_through(&rate, Ipv4Addr::new(10, 0, 0, 1).into(), &clock), 20);
        assert_eq!(let_through(&Rate::new(0), HOME, &clock), 100);
    }

    #[test]
    fn an_ipv6_network_shares_a_bucket() {
        let (rate, clock) = (Rate::new(1), Clock::manual(Timestamp::EPOCH));
        let address = |network, host| IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, host]);
        assert_eq!(let_through(&rate, address(1, 1), &clock), 2);
        assert_eq!(let_through(&rate, address(1, 2), &clock), 0);
        assert_eq!(let_through(&rate, address(2, 1), &clock), 2);
    }

    #[test]
    fn memory_is_bounded_and_who_goes_on_is_not_forgotten() {
        let (rate, clock) = (Rate::new(1), Clock::manual(Timestamp::EPOCH));
        assert_eq!(let_through(&rate, HOME, &clock), 2);
        for n in 0..3 * RATE_ADDRESSES_MAX {
            let address = IpAddr::from((0x0a00_0000 + u32::try_from(n).expect("small")).to_be_bytes());
            assert_eq!(rate.take(address, clock.tick()), Ok(()));
            if n % 1_000 == 0 {
                assert_eq!(rate.take(HOME, clock.tick()), Err(1));
            }
            let buckets = rate.buckets.lock().expect("not poisoned");
            assert!(buckets.young.len() + buckets.old.len() <= RATE_ADDRESSES_MAX);
        }
    }
}
