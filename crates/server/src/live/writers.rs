//! The writers: each has a line of sockets for which messages have come, and writes what waits for one after
//! the other. While it goes round, more comes for those behind and ahead of it, and goes out in one write: the
//! more there is to do, the less a message costs. Waking a task for each socket would cost more than the
//! message.

use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use super::outlet::Outlet;
use crate::shutdown::Tasks;

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
    /// Starts them: half as many as there are processors, since those who publish and read need some as well.
    /// Each has a thread, which the system lets run beside those, and not in their place.
    pub(crate) fn start(tasks: &Tasks) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let lines: Vec<Arc<Line>> = (0..processors.div_ceil(2)).map(|_| Arc::default()).collect();
        for line in &lines {
            let (served, ending, stopping) = (line.clone(), line.clone(), tasks.clone());
            tasks.spawn_vital_thread("writer of sockets", move || served.serve());
            tasks.spawn("end of a writer", async move {
                stopping.stopping().await;
                ending.end();
            });
        }
        Self(Arc::new(Lines { lines, next: AtomicUsize::new(0) }))
    }

    /// The line for the next socket.
    pub(super) fn line(&self) -> &Arc<Line> {
        let Lines { lines, next } = &*self.0;
        &lines[next.fetch_add(1, Ordering::Relaxed) % lines.len()]
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

    /// Writes for those in the line, until it has ended.
    fn serve(&self) {
        let mut round = Vec::new();
        while self.take(&mut round) {
            round.drain(..).for_each(|outlet: Arc<Outlet>| outlet.visit());
        }
    }

    /// Waits for somebody and takes all who stand in the line; `false` when nobody will ever come again.
    fn take(&self, round: &mut Vec<Arc<Outlet>>) -> bool {
        let mut queue = self.queue();
        while queue.waiting.is_empty() {
            if queue.is_ending && queue.open == 0 {
                queue.has_ended = true;
                return false;
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut queue.waiting, round);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_line_ends_with_its_last_outlet_and_lets_nobody_in_afterwards() {
        let line = Arc::<Line>::default();
        let (first, second) = (line.enter().expect("open"), line.enter().expect("open"));
        let served = line.clone();
        let writer = thread::Builder::new().spawn(move || served.serve()).expect("a thread");
        drop(first);
        line.end();
        second.push(Outlet::of_task());
        let third = line.enter().expect("it has not ended while an outlet is left");
        drop((second, third));
        writer.join().expect("it ends");
        assert!(line.enter().is_none());
    }
}
