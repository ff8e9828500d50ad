//! The crate with other locks, under schedules that are made, not met: every one that there is, in
//! scenarios small enough for that, and many at random. A wake-up that is lost leaves a reader that waits
//! for ever, which shuttle reports as a deadlock.

#![expect(
    dead_code,
    unreachable_pub,
    clippy::struct_field_names,
    reason = "the crate's own files, of which the scenarios use a part; here they export nothing"
)]

#[path = "../../src/backlog.rs"]
mod backlog;
#[path = "../../src/history.rs"]
mod history;
#[path = "../../src/hub.rs"]
mod hub;
#[path = "../../src/inbox.rs"]
mod inbox;
#[path = "../../src/mailbox.rs"]
mod mailbox;
#[path = "../../src/memory.rs"]
mod memory;
#[path = "../../src/message.rs"]
mod message;
#[path = "../../src/presence.rs"]
mod presence;
#[path = "../../src/slots.rs"]
mod slots;
#[path = "../../src/topic.rs"]
mod topic;
#[path = "../../src/topics.rs"]
mod topics;

mod handing_out;
mod queue;
mod topic_map;

mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("nothing panics under it")
    }
}

const RANDOM_SCHEDULES: usize = 1_000;

/// Runs a scenario under every schedule that there is, some thousands.
fn check(scenario: impl Fn() + Send + Sync + 'static) {
    shuttle::check_dfs(scenario, None);
}

/// Runs a scenario that is too large for that under random schedules, which change threads seldom or often.
fn check_some(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    const CHANGES: usize = 3;
    shuttle::check_pct(scenario.clone(), RANDOM_SCHEDULES, CHANGES);
    shuttle::check_random(scenario, RANDOM_SCHEDULES);
}
