//! Guessing keys is made slow: after a few wrong ones an address has to wait, longer each time.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use fanfare_model::limits;

use super::origin;
use crate::timers::Tick;

/// Wrong keys that an address may send before it has to wait.
const FREE_FAILURES: u32 = 5;
/// The longest wait, in seconds.
const WAIT_MAX_S: u64 = 60;
/// An address is forgotten this long after its last wrong key, in seconds.
const FORGET_AFTER_S: u64 = 15 * 60;

/// Wrong keys by address, see [`origin`].
#[derive(Default)]
pub(super) struct Slowdown(Mutex<HashMap<IpAddr, Failures>>);

struct Failures {
    count: u32,
    last: Tick,
}

impl Failures {
    /// 1 s after the last free failure, doubling, 60 s at most.
    fn wait_s(&self) -> u64 {
        match self.count.checked_sub(FREE_FAILURES) {
            None => 0,
            Some(beyond) => 1_u64.checked_shl(beyond).map_or(WAIT_MAX_S, |s| s.min(WAIT_MAX_S)),
        }
    }
}

impl Slowdown {
    /// `Err` with the whole seconds that `address` still has to wait.
    pub(super) fn check(&self, address: IpAddr, now: Tick) -> Result<(), u64> {
        let failures = self.lock();
        let Some(failures) = failures.get(&origin(address)) else { return Ok(()) };
        let waited = now.since(failures.last);
        let wait = std::time::Duration::from_secs(failures.wait_s());
        match wait.checked_sub(waited) {
            None | Some(std::time::Duration::ZERO) => Ok(()),
            Some(left) => Err(left.as_millis().div_ceil(1000).try_into().unwrap_or(WAIT_MAX_S)),
        }
    }

    pub(super) fn failed(&self, address: IpAddr, now: Tick) {
        let (address, mut all) = (origin(address), self.lock());
        if all.len() >= limits::LOGIN_ADDRESSES_MAX && !all.contains_key(&address) {
            all.retain(|_, failures| now.since(failures.last).as_secs() < FORGET_AFTER_S);
            if all.len() >= limits::LOGIN_ADDRESSES_MAX
                && let Some(oldest) = all.iter().min_by_key(|(_, failures)| failures.last).map(|(ip, _)| *ip)
            {
                all.remove(&oldest);
            }
        }
        let entry = all.entry(address).or_insert(Failures { count: 0, last: now });
        if now.since(entry.last).as_secs() >= FORGET_AFTER_S {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
    }

    pub(super) fn succeeded(&self, address: IpAddr) {
        self.lock().remove(&origin(address));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use fanfare_model::Timestamp;

    use super::*;
    use crate::timers::Clock;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn waits_double_from_the_fifth_failure_and_end_with_a_success() {
        let (slowdown, clock) = (Slowdown::default(), Clock::manual(Timestamp::EPOCH));
        for expected in [
            Ok(()),
            Ok(()),
            Ok(()),
            Ok(()),
            Ok(()),
            Err(1),
            Err(2),
            Err(4),
            Err(8),
            Err(16),
            Err(32),
            Err(60),
            Err(60),
        ] {
            assert_eq!(slowdown.check(HOME, clock.tick()), expected);
            clock.advance(Duration::from_secs(expected.err().unwrap_or(0)));
            assert_eq!(slowdown.check(HOME, clock.tick()), Ok(()));
            slowdown.failed(HOME, clock.tick());
        }
        assert!(slowdown.check(HOME, clock.tick()).is_err());
        assert_eq!(slowdown.check(Ipv4Addr::new(10, 0, 0, 1).into(), clock.tick()), Ok(()));
        slowdown.succeeded(HOME);
        assert_eq!(slowdown.check(HOME, clock.tick()), Ok(()));
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let (slowdown, clock) = (Slowdown::default(), Clock::manual(Timestamp::EPOCH));
        for host in 0..5_u16 {
            slowdown.failed(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), clock.tick());
        }
        assert!(slowdown.check(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), clock.tick()).is_err());
        assert!(slowdown.check(IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 0]), clock.tick()).is_ok());
        slowdown.succeeded(IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]));
        assert!(slowdown.check(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, 1]), clock.tick()).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let (slowdown, clock) = (Slowdown::default(), Clock::manual(Timestamp::EPOCH));
        let address = |n: usize| IpAddr::from(u32::try_from(n).expect("small").to_be_bytes());
        for n in 0..=limits::LOGIN_ADDRESSES_MAX {
            slowdown.failed(address(n), clock.tick());
            clock.advance(Duration::from_millis(1));
        }
        let all = slowdown.lock();
        assert_eq!(all.len(), limits::LOGIN_ADDRESSES_MAX);
        assert!(!all.contains_key(&address(0)));
        assert!(all.contains_key(&address(1)));
    }
}
