//! Numbers for people: how the benchmarks print them.

/// A quotient of numbers that a benchmark counts to, which a double holds.
pub(crate) fn ratio(number: impl TryInto<i64>, of: impl TryInto<i64>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let float = |number: i64| number as f64;
    float(number.try_into().unwrap_or(i64::MAX)) / float(of.try_into().unwrap_or(i64::MAX))
}

/// A headline.
pub(crate) fn title(name: &str, what: &str) {
    println!("\n{name}: {what}\n");
}

/// One figure; an empty goal is none.
pub(crate) fn line(name: &str, figure: &str, goal: &str) {
    let goal = if goal.is_empty() { String::new() } else { format!("goal {goal}") };
    println!("  {name:<30} {figure:<44} {goal}");
}
