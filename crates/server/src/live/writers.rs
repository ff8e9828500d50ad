//! The writers: each has a line of sockets for which messages have come, and writes what waits for one after
//! the other. While it goes round, more comes for those behind and ahead of it, and goes out in one write: the
//! more there is to do, the less a message costs. Waking a task for each socket would cost more than the
//! message. What is published on a channel with many subscribers they hand out as well, to a few at a time, and
//! write it to these before they go on.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
};

use fanfare_hub::{Distributor, Hub};

use super::outlet::Outlet;
use crate::shutdown::Tasks;

/// Writers at least.
const LINES_MIN: usize = 2;
/// Subscribers of a channel from which on writers hand out what is published on it. To fewer it is handed out
/// faster than a writer is woken.
const HANDED_OUT_MIN_SUBSCRIBERS: usize = 64;
/// Subscribers for each writer that it is handed out to before it is written to them.
const HAND_OUT_MAX_SUBSCRIBERS: usize = 64;

/// All of them; clones are one.
#[derive(Clone)]
pub(crate) struct Writers(Arc<Lines>);

struct Lines {
    lines: Vec<Arc<Line>>,
    next: AtomicUsize,
}

impl Drop for Lines {
    /// Nobody comes in any more, also where a server is dropped without having been stopped.
    fn drop(&mut self) {
        self.lines.iter().for_each(|line| line.end());
    }
}

impl Writers {
    /// Starts them: half as many as there are processors, since those who publish and read need some as well, but
    /// two at least, so that a small machine writes to a crowd with all it has. Each has a thread, which the
    /// system lets run beside those, and not in their place.
    pub(crate) fn start(hub: &Hub, tasks: &Tasks) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let lines: Vec<Arc<Line>> =
            (0..processors.div_ceil(2).max(LINES_MIN)).map(|_| Arc::default()).collect();
        for line in &lines {
            let (served, ending, stopping) = (line.clone(), line.clone(), tasks.clone());
            let (hub, at_once) = (hub.clone(), lines.len() * HAND_OUT_MAX_SUBSCRIBERS);
            tasks.spawn_vital_thread("writer of sockets", move || served.serve(&hub, at_once));
            tasks.spawn("end of a writer", async move {
                stopping.stopping().await;
                ending.end();
            });
        }
        hub.set_distributor(Some(Distributor {
            min_subscriptions: HANDED_OUT_MIN_SUBSCRIBERS,
            waker: Waker::from(Arc::new(Caller(lines.clone()))),
        }));
        Self(Arc::new(Lines { lines, next: AtomicUsize::new(0) }))
    }

    /// The line for the next socket.
    pub(super) fn line(&self) -> &Arc<Line> {
        let Lines { lines, next } = &*self.0;
        &lines[next.fetch_add(1, Ordering::Relaxed) % lines.len()]
    }
}

/// Calls the writers when there is something to hand out.
struct Caller(Vec<Arc<Line>>);

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.iter().for_each(|line| line.call());
    }
}

/// Sockets for which something has come.
#[derive(Default)]
pub(super) struct Line {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Arc<Outlet>>,
    /// There is something to hand out.
    is_called: bool,
    /// Outlets that may stand in this line.
    open: usize,
    /// The server stops: the last outlet ends the line.
    is_ending: bool,
    has_ended: bool,
}

/// That an outlet may stand in a line. The writer stays for as long as there is one, so that what ends a
/// socket reaches its task.
pub(super) struct Entry(Arc<Line>);

impl Entry {
    /// Puts the outlet at the end of the line.
    pub(super) fn push(&self, outlet: Arc<Outlet>) {
        let is_first = {
            let waiting = &mut self.0.queue().waiting;
            waiting.push(outlet);
            waiting.len() == 1
        };
        if is_first {
            self.0.changed.notify_one();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.queue().open -= 1;
        self.0.changed.notify_one();
    }
}

impl Line {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place in it; none when its writer has gone.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Entry> {
        let mut queue = self.queue();
        if queue.has_ended {
            return None;
        }
        queue.open += 1;
        Some(Entry(self.clone()))
    }

    /// Lets the writer go when no outlet is left.
    fn end(&self) {
        self.queue().is_ending = true;
        self.changed.notify_one();
    }

    fn call(&self) {
        self.queue().is_called = true;
        self.changed.notify_one();
    }

    /// Writes for those in the line, and hands out to so many at a time, until the line has ended.
    fn serve(&self, hub: &Hub, hand_out_max: usize) {
        let (mut round, mut joined) = (Vec::new(), Vec::new());
        let mut is_more = false;
        while self.take(&mut round, is_more) {
            round.drain(..).for_each(|outlet: Arc<Outlet>| outlet.visit(&mut joined));
            is_more = hub.hand_out(hand_out_max);
        }
        hub.set_distributor(None);
    }

    /// Takes all who stand in the line; waits for somebody, unless there is more to hand out. `false` when
    /// nobody will ever come again.
    fn take(&self, round: &mut Vec<Arc<Outlet>>, is_more: bool) -> bool {
        let mut queue = self.queue();
        while queue.waiting.is_empty() && !queue.is_called && !is_more {
            if queue.is_ending && queue.open == 0 {
                queue.has_ended = true;
                return false;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_called = false;
        std::mem::swap(&mut queue.waiting, round);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use fanfare_hub::Limits;

    use super::*;

    #[test]
    fn a_line_ends_with_its_last_outlet_and_lets_nobody_in_afterwards() {
        let line = Arc::<Line>::default();
        let (first, second) = (line.enter().expect("open"), line.enter().expect("open"));
        let served = line.clone();
        let hub = Hub::new(Limits { mailbox_max_messages: 9, mailbox_max_bytes: 99 });
        let writer = thread::Builder::new().spawn(move || served.serve(&hub, 1)).expect("a thread");
        drop(first);
        line.end();
        second.push(Outlet::of_task());
        let third = line.enter().expect("it has not ended while an outlet is left");
        drop((second, third));
        writer.join().expect("it ends");
        assert!(line.enter().is_none());
    }
}
