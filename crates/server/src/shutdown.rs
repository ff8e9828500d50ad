//! One token that asks everything to stop, one tracker that knows what still runs, one deadline
//! after which what still runs is cut off. Every task of the server is spawned here.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::AbortHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::timers::Clock;

/// The server's tasks; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Tasks {
    stop: CancellationToken,
    failed: CancellationToken,
    tracker: TaskTracker,
    running: Arc<Mutex<Running>>,
}

/// What the deadline cuts off. A task is entered once and never asks about the deadline itself: that
/// would be a price for each time it is woken.
#[derive(Default)]
struct Running {
    next: u64,
    tasks: HashMap<u64, AbortHandle>,
    /// The deadline has passed: what starts now ends at once.
    is_cut: bool,
}

impl Running {
    /// Those that are to be cut off.
    fn cut(&mut self) -> HashMap<u64, AbortHandle> {
        self.is_cut = true;
        std::mem::take(&mut self.tasks)
    }
}

/// A task's entry among those that run; goes with it.
struct Entry {
    number: u64,
    running: Arc<Mutex<Running>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.running).tasks.remove(&self.number);
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notices the end of a task that the server cannot do without, be it by a panic.
struct Vital {
    tasks: Tasks,
    name: &'static str,
}

impl Drop for Vital {
    fn drop(&mut self) {
        if !self.tasks.is_stopping() {
            tracing::error!(task = self.name, "a task that the server needs has ended");
            self.tasks.fail();
        }
    }
}

impl Tasks {
    /// Starts a task under a name. It should end soon after [`Tasks::stopping`] resolves; past
    /// the deadline it is dropped where it stands.
    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        // Held until the task is entered, so that it cannot leave before.
        let mut running = lock(&self.running);
        let number = running.next;
        running.next += 1;
        let entry = Entry { number, running: self.running.clone() };
        let entered = async move {
            let _entry = entry;
            task.await;
        };
        let spawned = self.tracker.spawn(entered.instrument(tracing::debug_span!("task", name)));
        if running.is_cut {
            spawned.abort();
        } else {
            running.tasks.insert(number, spawned.abort_handle());
        }
    }

    /// The same task, but the server has failed if it ends before the server is asked to stop.
    pub(crate) fn vital(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let vital = Vital { tasks: self.clone(), name };
        async move {
            let _vital = vital;
            task.await;
        }
    }

    /// Spawns a task that the server cannot do without, see [`Tasks::vital`].
    pub(crate) fn spawn_vital(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(name, self.vital(name, task));
    }

    /// Runs on a thread of its own what the server cannot do without. It ends by itself soon after
    /// [`Tasks::stopping`] resolves: a thread cannot be cut off.
    pub(crate) fn spawn_vital_thread(&self, name: &'static str, work: impl FnOnce() + Send + 'static) {
        let vital = Vital { tasks: self.clone(), name };
        self.tracker.spawn_blocking(move || {
            let _vital = vital;
            work();
        });
    }

    /// The server can no longer do its work.
    pub(crate) fn fail(&self) {
        self.failed.cancel();
    }

    /// Resolves when the server can no longer do its work. Cancel safe.
    pub(crate) async fn failed(&self) {
        self.failed.cancelled().await;
    }

    /// Resolves when the server is asked to stop. Cancel safe.
    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the server was asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Asks everything to stop and waits until it has; after `deadline_ms` the rest is cut off.
    /// Returns whether everything ended by itself.
    pub(crate) async fn stop(&self, clock: &Clock, deadline_ms: u64) -> bool {
        self.stop.cancel();
        self.tracker.close();
        let in_time = clock.timeout(deadline_ms, self.tracker.wait()).await.is_ok();
        if !in_time {
            let late = lock(&self.running).cut();
            tracing::warn!(tasks = late.len(), "cut off at the deadline");
            for task in late.into_values() {
                task.abort();
            }
            self.tracker.wait().await;
        }
        in_time
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    use fanfare_model::Timestamp;

    use super::*;

    #[tokio::test]
    async fn stop_waits_for_tasks_that_end_by_themselves() {
        let (tasks, clock) = (Tasks::default(), Clock::manual(Timestamp::from_millis(0)));
        let done = std::sync::Arc::new(AtomicBool::new(false));
        let (inner, flag) = (tasks.clone(), done.clone());
        tasks.spawn("polite", async move {
            inner.stopping().await;
            flag.store(true, Ordering::SeqCst);
        });
        assert!(tasks.stop(&clock, 1_000).await);
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_vital_task_that_ends_or_panics_fails_the_server() {
        for panics in [false, true] {
            let tasks = Tasks::default();
            tasks.spawn_vital("vital", async move { assert!(!panics, "on purpose") });
            tasks.failed().await;
            let tasks = Tasks::default();
            tasks.spawn_vital_thread("vital", move || assert!(!panics, "on purpose"));
            tasks.failed().await;
        }
        let (tasks, clock) = (Tasks::default(), Clock::manual(Timestamp::from_millis(0)));
        let stopping = tasks.clone();
        tasks.spawn_vital("polite", async move { stopping.stopping().await });
        assert!(tasks.stop(&clock, 1_000).await);
        assert!(!tasks.failed.is_cancelled());
    }

    #[tokio::test]
    async fn stop_cuts_off_what_outlives_the_deadline() {
        let (tasks, clock) = (Tasks::default(), Clock::manual(Timestamp::from_millis(0)));
        tasks.spawn("stubborn", std::future::pending());
        let mut stopping = Box::pin(tasks.stop(&clock, 1_000));
        assert!(futures_util::poll!(&mut stopping).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(!stopping.await);
    }

    #[tokio::test]
    async fn a_task_that_starts_another_at_its_end_does_not_outlive_the_deadline() {
        struct Starts(Tasks);
        impl Drop for Starts {
            fn drop(&mut self) {
                self.0.spawn("late", std::future::pending());
            }
        }
        let (tasks, clock) = (Tasks::default(), Clock::manual(Timestamp::from_millis(0)));
        let starts = Starts(tasks.clone());
        tasks.spawn("stubborn", async move {
            let _starts = starts;
            std::future::pending::<()>().await;
        });
        let mut stopping = Box::pin(tasks.stop(&clock, 1_000));
        assert!(futures_util::poll!(&mut stopping).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(!stopping.await);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_task_that_has_ended() {
        let (tasks, clock) = (Tasks::default(), Clock::manual(Timestamp::from_millis(0)));
        for _ in 0..10 {
            tasks.spawn("short", async {});
        }
        assert!(tasks.stop(&clock, 1_000).await);
        assert!(lock(&tasks.running).tasks.is_empty());
    }
}
