//! What was heard of a load.

use std::time::Duration;

use crate::{message::Stamp, plan::Heard};

/// Counts deliveries.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) deliveries: u64,
    wrong: u64,
    first_sent_us: u64,
    last_heard_ns: u64,
    latencies_us: Vec<u32>,
}

impl Tally {
    /// Forgets everything, and makes room for so many deliveries.
    pub(super) fn reset(&mut self, expected: u64) {
        self.latencies_us.clear();
        self.latencies_us.reserve(usize::try_from(expected).expect("fits memory"));
        *self = Self {
            first_sent_us: u64::MAX,
            last_heard_ns: crate::clock::now_ns(),
            latencies_us: std::mem::take(&mut self.latencies_us),
            ..Self::default()
        };
    }

    /// Counts one.
    pub(super) fn add(&mut self, stamp: Stamp, at_ns: u64, is_right: bool) {
        self.deliveries += 1;
        self.wrong += u64::from(!is_right);
        self.first_sent_us = self.first_sent_us.min(stamp.sent_us);
        self.last_heard_ns = at_ns;
        let took_us = (at_ns / 1_000).saturating_sub(stamp.sent_us);
        self.latencies_us.push(u32::try_from(took_us).unwrap_or(u32::MAX));
    }

    pub(super) fn silent_for(&self, now_ns: u64) -> Duration {
        Duration::from_nanos(now_ns.saturating_sub(self.last_heard_ns))
    }

    /// All of it, of which so many deliveries are missing.
    pub(super) fn heard(&mut self, missing: u64) -> Heard {
        self.latencies_us.sort_unstable();
        let percentile = |percent: usize| {
            let at = (self.latencies_us.len() * percent / 100).min(self.latencies_us.len().saturating_sub(1));
            u64::from(self.latencies_us.get(at).copied().unwrap_or(0))
        };
        Heard {
            deliveries: self.deliveries,
            wrong: self.wrong,
            missing,
            took_us: (self.last_heard_ns / 1_000).saturating_sub(self.first_sent_us),
            p50_us: percentile(50),
            p99_us: percentile(99),
            max_us: percentile(100),
        }
    }
}
