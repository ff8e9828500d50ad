//! How long a failed delivery waits before it is tried again. No clock and no dice here: the
//! caller brings the chance and adds the delay to its own time.

use crate::limits::{RETRY_DELAY_MAX_MS, RETRY_DELAY_MIN_MS, RETRY_STEPS_MAX};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Retries after the first attempt where only their distance is given.
pub const LINEAR_ATTEMPTS: u32 = 3;
/// The first wait where only the number of retries is given, in milliseconds.
pub const LINEAR_DELAY_MS: i64 = 1_000;

/// The waits after the first, second, … failed attempt. One without steps never retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetrySchedule {
    delays_ms: Vec<i64>,
}

/// Why a list of waits is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// More steps than [`RETRY_STEPS_MAX`].
    #[error("a retry schedule has at most {RETRY_STEPS_MAX} steps")]
    TooManySteps,
    /// A wait outside [`RETRY_DELAY_MIN_MS`] ..= [`RETRY_DELAY_MAX_MS`].
    #[error("retry {step} waits {delay_ms} ms: a wait is {RETRY_DELAY_MIN_MS} ms to 7 days")]
    Delay {
        /// Which one, from 1.
        step: usize,
        /// What it was to be, in milliseconds.
        delay_ms: i64,
    },
}

impl RetrySchedule {
    /// A schedule of these waits, in milliseconds.
    ///
    /// # Errors
    /// [`InvalidSchedule`] for too many steps or a wait out of bounds.
    pub fn new(delays_ms: Vec<i64>) -> Result<Self, InvalidSchedule> {
        if delays_ms.len() > RETRY_STEPS_MAX {
            return Err(InvalidSchedule::TooManySteps);
        }
        let bounds = RETRY_DELAY_MIN_MS..=RETRY_DELAY_MAX_MS;
        match delays_ms.iter().position(|delay_ms| !bounds.contains(delay_ms)) {
            Some(at) => Err(InvalidSchedule::Delay { step: at + 1, delay_ms: delays_ms[at] }),
            None => Ok(Self { delays_ms }),
        }
    }

    /// `attempts` waits that grow by `delay_ms`: 1,000 gives 1, 2 and 3 s.
    ///
    /// # Errors
    /// [`InvalidSchedule`] for too many steps or a wait out of bounds.
    pub fn linear(attempts: u32, delay_ms: i64) -> Result<Self, InvalidSchedule> {
        let steps = (attempts as usize).min(RETRY_STEPS_MAX + 1);
        Self::new((1..).take(steps).map(|step: i64| step.saturating_mul(delay_ms)).collect())
    }

    /// How many milliseconds to wait after attempt number `attempt` (from 1) failed: the step, and
    /// up to a fifth of it on top so that deliveries which failed together do not return together.
    /// `chance` is uniform over all of `u64`. `None` when the schedule is used up.
    pub fn delay_ms(&self, attempt: u32, chance: u64) -> Option<i64> {
        let step_ms = *self.delays_ms.get((attempt as usize).saturating_sub(1))?;
        let jitters = u128::from(step_ms.unsigned_abs() / 5 + 1);
        let jitter_ms = (u128::from(chance) * jitters) >> u64::BITS;
        Some(step_ms + i64::try_from(jitter_ms).expect("at most a fifth of a step of 7 days"))
    }

    /// The waits without jitter, in milliseconds.
    pub fn delays_ms(&self) -> &[i64] {
        &self.delays_ms
    }
}

/// Thirteen retries over about three days: quick while a receiver restarts, patient with one that
/// is down for a weekend.
impl Default for RetrySchedule {
    fn default() -> Self {
        let delays_ms = vec![
            5 * SECOND_MS,
            30 * SECOND_MS,
            2 * MINUTE_MS,
            5 * MINUTE_MS,
            15 * MINUTE_MS,
            30 * MINUTE_MS,
            HOUR_MS,
            2 * HOUR_MS,
            5 * HOUR_MS,
            10 * HOUR_MS,
            14 * HOUR_MS,
            20 * HOUR_MS,
            24 * HOUR_MS,
        ];
        Self { delays_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_waits_as_documented() {
        let seconds: Vec<i64> = RetrySchedule::default().delays_ms().iter().map(|ms| ms / 1_000).collect();
        assert_eq!(
            seconds,
            [5, 30, 120, 300, 900, 1_800, 3_600, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
        );
        assert_eq!(
            RetrySchedule::new(RetrySchedule::default().delays_ms().to_vec()),
            Ok(RetrySchedule::default()),
            "the default obeys its own bounds"
        );
    }

    #[test]
    fn bounds_are_inclusive() {
        let week_ms = 7 * 24 * HOUR_MS;
        assert!(RetrySchedule::new(vec![1, week_ms]).is_ok());
        assert!(RetrySchedule::new(vec![1; 50]).is_ok());
        assert_eq!(RetrySchedule::new(vec![1; 51]), Err(InvalidSchedule::TooManySteps));
        for delay_ms in [i64::MIN, -1, 0, week_ms + 1, i64::MAX] {
            let error = RetrySchedule::new(vec![5, delay_ms]).expect_err("out of bounds");
            assert_eq!(error, InvalidSchedule::Delay { step: 2, delay_ms });
        }
        let error = RetrySchedule::new(vec![0]).expect_err("out of bounds");
        assert_eq!(error.to_string(), "retry 1 waits 0 ms: a wait is 1 ms to 7 days");
    }

    #[test]
    fn linear_waits_grow_by_the_first() {
        let delays_ms = |attempts, delay_ms| RetrySchedule::linear(attempts, delay_ms).map(|s| s.delays_ms);
        assert_eq!(delays_ms(LINEAR_ATTEMPTS, LINEAR_DELAY_MS), Ok(vec![1_000, 2_000, 3_000]));
        assert_eq!(delays_ms(0, 1_000), Ok(vec![]));
        assert_eq!(delays_ms(u32::MAX, 1), Err(InvalidSchedule::TooManySteps));
        assert_eq!(delays_ms(2, i64::MAX), Err(InvalidSchedule::Delay { step: 1, delay_ms: i64::MAX }));
    }

    #[test]
    fn jitter_spans_the_whole_fifth() {
        let schedule = RetrySchedule::new(vec![1_000, 4]).expect("valid");
        assert_eq!(schedule.delay_ms(1, 0), Some(1_000));
        assert_eq!(schedule.delay_ms(1, u64::MAX / 2), Some(1_100));
        assert_eq!(schedule.delay_ms(1, u64::MAX), Some(1_200));
        assert_eq!(schedule.delay_ms(2, u64::MAX), Some(4), "a fifth of 4 ms is less than one");
    }

    proptest! {
        #[test]
        fn a_wait_is_never_early_and_at_most_a_fifth_late(
            delays_ms in prop::collection::vec(RETRY_DELAY_MIN_MS..=RETRY_DELAY_MAX_MS, 0..=RETRY_STEPS_MAX),
            chance: u64,
        ) {
            let schedule = RetrySchedule::new(delays_ms.clone()).expect("within bounds");
            for (attempt, step_ms) in (1..).zip(&delays_ms) {
                let delay_ms = schedule.delay_ms(attempt, chance).expect("a step is left");
                prop_assert!(delay_ms >= *step_ms && 5 * delay_ms <= 6 * step_ms, "{step_ms} → {delay_ms}");
            }
            let used_up = u32::try_from(delays_ms.len()).expect("at most 50") + 1;
            prop_assert_eq!(schedule.delay_ms(used_up, chance), None);
            prop_assert_eq!(schedule.delay_ms(u32::MAX, chance), None);
        }

        #[test]
        fn the_default_never_waits_less_than_the_time_before(attempt in 1_u32..13, one: u64, other: u64) {
            let schedule = RetrySchedule::default();
            prop_assert!(schedule.delay_ms(attempt, one) <= schedule.delay_ms(attempt + 1, other));
        }
    }
}
