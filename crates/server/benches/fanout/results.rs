//! What the rounds of a case showed, and how it is printed.

use std::time::Duration;

use crate::{print::ratio, server::Kind, stage::Run};

/// All that was measured of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Results(Vec<Run>);

impl Results {
    pub(crate) fn add(&mut self, run: Run) {
        self.0.push(run);
    }

    /// Deliveries a second.
    pub(crate) fn per_second(&self) -> f64 {
        median(self.0.iter().map(Run::per_second))
    }

    /// The latency that half of the deliveries did not exceed, in milliseconds.
    pub(crate) fn p50_ms(&self) -> f64 {
        self.median_ms(|run| run.heard.p50_us)
    }

    /// That of 99 in 100.
    pub(crate) fn p99_ms(&self) -> f64 {
        self.median_ms(|run| run.heard.p99_us)
    }

    /// Until the last delivery, in milliseconds.
    pub(crate) fn took_ms(&self) -> f64 {
        self.median_ms(|run| run.heard.took_us)
    }

    fn median_ms(&self, of: impl Fn(&Run) -> u64) -> f64 {
        median(self.0.iter().map(|run| Duration::from_micros(of(run)).as_secs_f64() * 1e3))
    }

    /// Processor time of the server for each delivery, in microseconds: its own and the kernel's.
    pub(crate) fn server_micros(&self) -> (f64, f64) {
        let per_delivery = |time: fn(&Run) -> Duration| self.micros(time);
        (per_delivery(|run| run.server_cpu.user), per_delivery(|run| run.server_cpu.system))
    }

    /// All processor time of the server for each delivery, in microseconds.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.micros(|run| run.server_cpu.total())
    }

    fn micros(&self, time: impl Fn(&Run) -> Duration) -> f64 {
        let deliveries: u64 = self.0.iter().map(|run| run.heard.deliveries).sum();
        let time: Duration = self.0.iter().map(time).sum();
        time.as_secs_f64() * 1e6 / ratio(i64::try_from(deliveries.max(1)).unwrap_or(i64::MAX), 1)
    }

    /// Deliveries that are missing, and those that came twice, out of order or to somebody else.
    fn missing_and_wrong(&self) -> (u64, u64) {
        let sum = |of: fn(&Run) -> u64| self.0.iter().map(of).sum();
        (sum(|run| run.heard.missing), sum(|run| run.heard.wrong))
    }

    /// How many deliveries went wrong.
    pub(crate) fn faults(&self) -> u64 {
        let (missing, wrong) = self.missing_and_wrong();
        missing + wrong
    }

    /// What went wrong; empty where nothing did.
    pub(crate) fn faults_shown(&self) -> String {
        if self.faults() == 0 {
            return String::new();
        }
        let (missing, wrong) = self.missing_and_wrong();
        format!("  {missing} MISSING, {wrong} TWICE, OUT OF ORDER OR ELSEWHERE")
    }
}

/// The middle one; 0 of none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

/// Results of several servers or cases, in the order in which they are shown.
pub(crate) type Table = Vec<(String, Results)>;

/// Those with that name.
pub(crate) fn of(table: &Table, kind: Kind) -> Option<&Results> {
    table.iter().find(|(name, _)| name == kind.name()).map(|(_, results)| results)
}

/// How many deliveries went wrong in all.
pub(crate) fn faults(table: &Table) -> u64 {
    table.iter().map(|(_, results)| results.faults()).sum()
}

/// Prints them.
pub(crate) fn print(table: &Table) {
    println!(
        "  {:<30} {:>13} {:>9} {:>9} {:>10} {:>8} {:>8} {:>9}",
        "", "deliveries/s", "p50 ms", "p99 ms", "CPU µs each", "user", "system", "client"
    );
    for (name, results) in table {
        let (user, system) = results.server_micros();
        println!(
            "  {name:<30} {:>13} {:>9.2} {:>9.2} {:>11.2} {user:>8.2} {system:>8.2} {:>9.2}{}",
            thousands(results.per_second()),
            results.p50_ms(),
            results.p99_ms(),
            results.cpu_micros(),
            results.micros(|run| run.client_cpu.total()),
            results.faults_shown(),
        );
    }
    println!();
}

/// Prints a figure beside its goal, and whether it is met.
pub(crate) fn goal(name: &str, figure: &str, goal: &str, is_met: bool) {
    let verdict = if is_met { "met" } else { "MISSED" };
    crate::print::line(name, figure, &format!("{goal}: {verdict}"));
}

/// A whole number with commas.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
