//! The only room that reads a clock or waits for a moment. The clock is handed to every part, so a
//! test can stop it and move it on by hand.

mod alarms;

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use fanfare_model::Timestamp;

pub(crate) use self::alarms::Alarms;

/// A clock; cheap to clone, all clones are one clock.
#[derive(Clone)]
pub struct Clock(Arc<Shared>);

struct Shared {
    kind: Kind,
    /// What [`Clock::steady_now`] counts on from; none until it is first asked.
    anchor: Mutex<Option<Anchor>>,
}

/// A moment at which the time of day was believed.
#[derive(Clone, Copy)]
struct Anchor {
    said: Timestamp,
    at: Tick,
}

enum Kind {
    Real { origin: Instant },
    Manual(Mutex<Manual>),
}

struct Manual {
    /// The wall clock when the clock was made.
    start: Timestamp,
    /// What hyper's timer counts from.
    origin: Instant,
    elapsed: Duration,
    /// How far [`Clock::step`] has set the time of day, in milliseconds.
    stepped_ms: i64,
    next_sleeper: u64,
    /// By deadline, then in order of arrival.
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

/// A moment of a clock that never goes back, counted from the clock's making.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(Duration);

impl Tick {
    /// A moment that never comes.
    pub(crate) const MAX: Self = Self(Duration::MAX);

    /// Time from `earlier` until this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole milliseconds from the clock's making until this moment.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment so many milliseconds after the clock's making.
    pub fn from_millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    /// The moment `ms` milliseconds later.
    #[must_use]
    pub fn plus_millis(self, ms: u64) -> Self {
        Self(self.0.saturating_add(Duration::from_millis(ms)))
    }
}

/// The time given to a future has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("timed out")]
pub struct Elapsed;

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this room reads the clock for all others")]
    pub fn real() -> Self {
        Self::new(Kind::Real { origin: Instant::now() })
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    #[expect(clippy::disallowed_methods, reason = "hyper counts from an Instant; its value does not matter")]
    pub fn manual(start: Timestamp) -> Self {
        Self::new(Kind::Manual(Mutex::new(Manual {
            start,
            origin: Instant::now(),
            elapsed: Duration::ZERO,
            stepped_ms: 0,
            next_sleeper: 0,
            sleepers: BTreeMap::new(),
        })))
    }

    fn new(kind: Kind) -> Self {
        Self(Arc::new(Shared { kind, anchor: Mutex::new(None) }))
    }

    /// Moves a manual clock on and wakes who waited for a moment up to then. Does nothing to the
    /// machine's clock.
    pub fn advance(&self, by: Duration) {
        let Kind::Manual(manual) = &self.0.kind else { return };
        let due = {
            let mut manual = lock(manual);
            manual.elapsed += by;
            let first_later = (manual.elapsed + Duration::from_nanos(1), 0);
            let later = manual.sleepers.split_off(&first_later);
            std::mem::replace(&mut manual.sleepers, later)
        };
        due.into_values().for_each(Waker::wake);
    }

    /// Sets a manual clock's time of day forth, or back when negative, as somebody may set the
    /// machine's: no time passes by it and nobody wakes. Does nothing to the machine's clock.
    pub fn step(&self, by_ms: i64) {
        if let Kind::Manual(manual) = &self.0.kind {
            let mut manual = lock(manual);
            manual.stepped_ms = manual.stepped_ms.saturating_add(by_ms);
        }
    }

    /// How many tasks wait on a manual clock; 0 for the machine's.
    pub fn sleepers(&self) -> usize {
        match &self.0.kind {
            Kind::Real { .. } => 0,
            Kind::Manual(manual) => lock(manual).sleepers.len(),
        }
    }

    /// The time of day.
    #[expect(clippy::disallowed_methods, reason = "this room reads the clock for all others")]
    pub fn now(&self) -> Timestamp {
        match &self.0.kind {
            Kind::Real { .. } => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
            }
            Kind::Manual(manual) => {
                let manual = lock(manual);
                manual.start.plus_millis(whole_millis(manual.elapsed).saturating_add(manual.stepped_ms))
            }
        }
    }

    /// The time of day that never goes back while this clock lives, for what is compared with times
    /// that were written down before: [`Clock::now`], or, once that was set back, what was last said
    /// and the time that has passed since. A step forth is followed, so one that is taken back later
    /// leaves this ahead of the time of day until that has caught up.
    pub fn steady_now(&self) -> Timestamp {
        // Both are read under the lock, or one caller could set an anchor that another has passed.
        let mut anchor = self.0.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, tick) = (self.now(), self.tick());
        // The anchor stays while the time of day is behind, or each call would round some time away.
        match *anchor {
            Some(Anchor { said, at }) if said.plus_millis(whole_millis(tick.since(at))) > now => {
                said.plus_millis(whole_millis(tick.since(at)))
            }
            _ => {
                *anchor = Some(Anchor { said: now, at: tick });
                now
            }
        }
    }

    /// The moment, for measuring and for deadlines.
    pub fn tick(&self) -> Tick {
        match &self.0.kind {
            Kind::Real { origin } => Tick(origin.elapsed()),
            Kind::Manual(manual) => Tick(lock(manual).elapsed),
        }
    }

    /// Waits so many milliseconds.
    pub fn sleep_ms(&self, ms: u64) -> Sleep {
        self.sleep_until(self.tick().plus_millis(ms))
    }

    /// Waits until that moment.
    #[expect(clippy::disallowed_methods, reason = "this room waits for all others")]
    pub fn sleep_until(&self, deadline: Tick) -> Sleep {
        Sleep(match &self.0.kind {
            Kind::Real { origin } => {
                SleepKind::Real(Box::pin(tokio::time::sleep_until((*origin + deadline.0).into())))
            }
            Kind::Manual(_) => SleepKind::Manual { clock: self.clone(), deadline, id: None },
        })
    }

    /// Gives `future` so many milliseconds.
    ///
    /// # Errors
    /// [`Elapsed`] when they run out first; the future is dropped then.
    pub async fn timeout<F: Future>(&self, ms: u64, future: F) -> Result<F::Output, Elapsed> {
        tokio::select! {
            biased;
            output = future => Ok(output),
            () = self.sleep_ms(ms) => Err(Elapsed),
        }
    }

    fn instant(&self, tick: Tick) -> Instant {
        match &self.0.kind {
            Kind::Real { origin } => *origin + tick.0,
            Kind::Manual(manual) => lock(manual).origin + tick.0,
        }
    }

    fn tick_of(&self, instant: Instant) -> Tick {
        Tick(instant.saturating_duration_since(self.instant(Tick(Duration::ZERO))))
    }
}

fn whole_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn lock(manual: &Mutex<Manual>) -> MutexGuard<'_, Manual> {
    manual.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Resolves at its moment; see [`Clock::sleep_until`].
pub struct Sleep(SleepKind);

enum SleepKind {
    Real(Pin<Box<tokio::time::Sleep>>),
    Manual { clock: Clock, deadline: Tick, id: Option<u64> },
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            SleepKind::Real(sleep) => sleep.as_mut().poll(cx),
            SleepKind::Manual { clock, deadline, id } => {
                let Kind::Manual(manual) = &clock.0.kind else { return Poll::Ready(()) };
                let mut manual = lock(manual);
                if manual.elapsed >= deadline.0 {
                    return Poll::Ready(());
                }
                let key = *id.get_or_insert_with(|| {
                    manual.next_sleeper += 1;
                    manual.next_sleeper
                });
                manual.sleepers.insert((deadline.0, key), cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let SleepKind::Manual { clock, deadline, id: Some(id) } = &self.0
            && let Kind::Manual(manual) = &clock.0.kind
        {
            lock(manual).sleepers.remove(&(deadline.0, *id));
        }
    }
}

impl hyper::rt::Sleep for Sleep {}

impl hyper::rt::Timer for Clock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.sleep_until(Tick(self.tick().0.saturating_add(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Self::sleep_until(self, self.tick_of(deadline)))
    }

    fn now(&self) -> Instant {
        self.instant(self.tick())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_exactly_those_that_are_due() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let mut early = Box::pin(clock.sleep_ms(10));
        let mut late = Box::pin(clock.sleep_ms(11));
        assert!(futures_util::poll!(&mut early).is_pending());
        assert!(futures_util::poll!(&mut late).is_pending());
        assert_eq!(clock.sleepers(), 2);
        clock.advance(Duration::from_millis(10));
        assert!(futures_util::poll!(&mut early).is_ready());
        assert!(futures_util::poll!(&mut late).is_pending());
        assert_eq!(clock.now(), Timestamp::from_millis(1_010));
        drop(late);
        assert_eq!(clock.sleepers(), 0);
    }

    #[tokio::test]
    async fn a_timeout_drops_what_took_too_long() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        assert_eq!(clock.timeout(5, async { 7 }).await, Ok(7));
        let mut never = Box::pin(clock.timeout(5, std::future::pending::<()>()));
        assert!(futures_util::poll!(&mut never).is_pending());
        clock.advance(Duration::from_millis(5));
        assert_eq!(futures_util::poll!(&mut never), Poll::Ready(Err(Elapsed)));
    }

    #[test]
    fn the_steady_time_follows_steps_forth_and_runs_on_over_steps_back() {
        const HOUR_MS: i64 = 3_600_000;
        let clock = Clock::manual(Timestamp::from_millis(HOUR_MS));
        let said = || (clock.now().as_millis(), clock.steady_now().as_millis());
        assert_eq!(said(), (HOUR_MS, HOUR_MS));

        clock.step(-HOUR_MS);
        assert_eq!(said(), (0, HOUR_MS));
        clock.advance(Duration::from_millis(7));
        assert_eq!(said(), (7, HOUR_MS + 7));

        clock.step(HOUR_MS);
        assert_eq!(said(), (HOUR_MS + 7, HOUR_MS + 7), "the time of day is back where it was");
        clock.step(HOUR_MS);
        assert_eq!(said(), (2 * HOUR_MS + 7, 2 * HOUR_MS + 7));

        clock.step(-HOUR_MS);
        clock.advance(Duration::from_millis(3));
        assert_eq!(said(), (HOUR_MS + 10, 2 * HOUR_MS + 10));
        clock.step(HOUR_MS + 1);
        assert_eq!(said(), (2 * HOUR_MS + 11, 2 * HOUR_MS + 11), "the time of day has caught up");
    }

    #[test]
    fn the_steady_time_loses_nothing_by_being_asked_often() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        assert_eq!(clock.steady_now(), Timestamp::from_millis(1_000));
        clock.step(-500);
        for _ in 0..30 {
            clock.advance(Duration::from_micros(100));
            clock.steady_now();
        }
        assert_eq!(clock.steady_now(), Timestamp::from_millis(1_003));
    }

    #[test]
    fn clones_of_a_clock_are_steady_together() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        assert_eq!(clock.clone().steady_now(), Timestamp::from_millis(1_000));
        clock.step(-1);
        assert_eq!(clock.steady_now(), Timestamp::from_millis(1_000));
    }

    #[tokio::test]
    async fn a_step_wakes_nobody() {
        let clock = Clock::manual(Timestamp::from_millis(0));
        let mut sleep = Box::pin(clock.sleep_ms(10));
        assert!(futures_util::poll!(&mut sleep).is_pending());
        clock.step(1_000);
        assert!(futures_util::poll!(&mut sleep).is_pending());
        clock.advance(Duration::from_millis(10));
        assert!(futures_util::poll!(&mut sleep).is_ready());
    }
}
