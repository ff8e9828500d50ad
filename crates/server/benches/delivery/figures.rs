//! Numbers for people.

pub(crate) use crate::print::{line, ratio, title};

/// Differences of time, in nanoseconds; below zero where the second came first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies(Vec<i64>);

impl Latencies {
    pub(crate) fn add(&mut self, from_ns: u64, until_ns: u64) {
        self.0.push(until_ns.cast_signed().wrapping_sub(from_ns.cast_signed()));
    }

    /// Takes those of another one, too.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// The one that so many of a hundred did not exceed, in milliseconds.
    pub(crate) fn percentile_ms(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(0.0, |ns| ratio(*ns, 1_000_000))
    }

    /// p50, p99 and how many there are.
    pub(crate) fn shown(&mut self) -> String {
        let (p50, p99) = (self.percentile_ms(50), self.percentile_ms(99));
        format!("p50 {p50:.2} ms, p99 {p99:.2} ms ({})", self.0.len())
    }
}
