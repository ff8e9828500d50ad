//! Where the messages of one channel socket go out: a writer takes them out of the mailbox and writes
//! them straight into the connection for as long as its task has nothing to do; the rest is the task's.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use fanfare_hub::{Mail, Mailbox, Reader};
use futures_util::task::AtomicWaker;
use tokio::net::TcpStream;

use super::{
    outbox::{Outbox, WRITE_MAX_BYTES, WRITE_MAX_FRAMES},
    writers::{Entry, Line},
};

/// One socket's outlet, shared by its task and a writer.
pub(super) struct Outlet {
    desk: Mutex<Desk>,
    task: AtomicWaker,
    writer: Option<Writer>,
}

/// What a writer needs; without it the task writes everything.
struct Writer {
    line: Entry,
    reader: Reader,
    tcp: Arc<TcpStream>,
    /// Whether the outlet stands in the line already.
    is_queued: AtomicBool,
}

/// What one of the two has before it at a time.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) outbox: Outbox,
    /// Found by the writer, for the task.
    pub(super) signals: u8,
    /// The task waits and has nothing to write: a writer may.
    task_waits: bool,
}

impl Outlet {
    /// One that the task alone writes to.
    pub(super) fn of_task() -> Arc<Self> {
        Self::new(None)
    }

    /// One that the writer of this line writes to as well. The task alone does when the line has ended.
    pub(super) fn of_writer(line: &Arc<Line>, mailbox: &Mailbox, tcp: Arc<TcpStream>) -> Arc<Self> {
        let writer = |line| Writer { line, reader: mailbox.reader(), tcp, is_queued: AtomicBool::new(false) };
        Self::new(line.enter().map(writer))
    }

    fn new(writer: Option<Writer>) -> Arc<Self> {
        Arc::new(Self { desk: Mutex::default(), task: AtomicWaker::new(), writer })
    }

    pub(super) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the desk over for the task, which is woken when it has to.
    pub(super) fn take_over(&self, cx: &Context<'_>) -> MutexGuard<'_, Desk> {
        self.task.register(cx.waker());
        let mut desk = self.desk();
        desk.task_waits = false;
        desk
    }

    /// The task goes to sleep, with nothing left to write.
    pub(super) fn leave(&self, desk: &mut Desk) {
        desk.task_waits = self.writer.is_some();
    }

    /// Whom the mailbox wakes: the writer, or where there is none the task.
    pub(super) fn waker(self: &Arc<Self>, cx: &Context<'_>) -> Waker {
        if self.writer.is_some() { Waker::from(self.clone()) } else { cx.waker().clone() }
    }

    /// A writer's visit: writes what waits, or sends the task to it. `joined` is a buffer of the writer's.
    pub(super) fn visit(self: &Arc<Self>, joined: &mut Vec<u8>) {
        let Some(writer) = &self.writer else { return };
        // Before the look: what comes after it queues the outlet again.
        writer.is_queued.store(false, Ordering::SeqCst);
        let mut desk = self.desk();
        if desk.task_waits {
            desk.task_waits = writer.write(&mut desk, &Waker::from(self.clone()), joined);
        }
        let is_done = desk.task_waits;
        drop(desk);
        if !is_done {
            self.task.wake();
        }
    }
}

impl Writer {
    /// Writes until nothing waits; `false` when the task has to go on: there is no room, something else has
    /// come for it, or the connection is broken, which it finds by itself.
    fn write(&self, desk: &mut Desk, waker: &Waker, joined: &mut Vec<u8>) -> bool {
        let cx = Context::from_waker(waker);
        while let Poll::Ready(mail) =
            self.reader.poll(&cx, WRITE_MAX_FRAMES, WRITE_MAX_BYTES, &mut desk.outbox)
        {
            let Mail { overflowed, signals, drained } = mail;
            desk.signals |= signals;
            if overflowed || !desk.outbox.try_write(&self.tcp, joined) || signals != 0 {
                return false;
            }
            if drained {
                break;
            }
        }
        true
    }
}

impl Wake for Outlet {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(writer) = &self.writer
            && !writer.is_queued.swap(true, Ordering::SeqCst)
        {
            writer.line.push(self.clone());
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use bytes::Bytes;
    use fanfare_hub::{Hub, Limits, Start};
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// What the task of a socket does when it has nothing to do.
    fn sleep(outlet: &Arc<Outlet>, mailbox: &Mailbox, task: &Waker) {
        let cx = Context::from_waker(task);
        let mut desk = outlet.take_over(&cx);
        let waker = outlet.waker(&cx);
        assert!(mailbox.poll(&Context::from_waker(&waker), 1, 1, &mut desk.outbox).is_pending());
        outlet.leave(&mut desk);
    }

    #[tokio::test]
    async fn messages_go_out_past_a_task_that_sleeps_and_signals_wake_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("bound");
        let (client, accepted) = tokio::join!(TcpStream::connect(addr), listener.accept());
        let (mut client, tcp) = (client.expect("connected"), Arc::new(accepted.expect("a client").0));
        tcp.writable().await.expect("open");
        let hub = Hub::new(Limits { mailbox_max_messages: 9, mailbox_max_bytes: 99 });
        let mailbox = hub.connect();
        mailbox.subscribe(&"t".into(), Start::Live);
        let outlet = Outlet::of_writer(&Arc::default(), &mailbox, tcp);
        let woken = Arc::new(Woken::default());
        let task = Waker::from(woken.clone());
        sleep(&outlet, &mailbox, &task);

        hub.deliver("t", 1, &Bytes::from_static(b"one"));
        outlet.visit(&mut Vec::new());
        let mut heard = [0; 3];
        client.read_exact(&mut heard).await.expect("written");
        assert_eq!((&heard, woken.0.load(Ordering::SeqCst)), (b"one", 0));

        mailbox.bell().ring(4);
        outlet.visit(&mut Vec::new());
        assert_eq!((outlet.desk().signals, woken.0.load(Ordering::SeqCst)), (4, 1));

        // The task is awake and has not slept since: what comes is its own business, in its own order.
        hub.deliver("t", 2, &Bytes::from_static(b"two"));
        outlet.visit(&mut Vec::new());
        let mut taken = Vec::new();
        mailbox.take(9, 9, &mut taken);
        assert_eq!((taken.len(), woken.0.load(Ordering::SeqCst)), (1, 1));
    }
}
