//! Reading the log for those who catch up, a few at a time: however many do, every other read finds a
//! connection to the database. What is done with the events is not known here.

use std::sync::Arc;

use fanfare_model::event::Event;
use fanfare_store::{Read, Store};
use tokio::sync::Semaphore;

use super::Error;

/// Pages that are read at once at most.
const PAGES_MAX_AT_ONCE: usize = 2;

/// Room for the reads of sockets and streams that catch up; clones share it.
#[derive(Clone)]
pub(crate) struct CatchUp {
    room: Arc<Semaphore>,
}

impl CatchUp {
    /// `readers`: how many reads the database takes at once; half of them at most are for those who
    /// catch up.
    pub(crate) fn new(readers: usize) -> Self {
        Self { room: Arc::new(Semaphore::new((readers / 2).clamp(1, PAGES_MAX_AT_ONCE))) }
    }

    /// Reads a page of events when its turn has come.
    pub(super) async fn page(
        &self,
        store: &Store,
        read: impl FnOnce(&mut Read) -> Result<Vec<Event>, fanfare_store::Error> + Send + 'static,
    ) -> Result<Vec<Event>, Error> {
        let permit = self.room.clone().acquire_owned().await.expect("it is never closed");
        // The job keeps it: it may run although nobody waits for it any more.
        store
            .read(move |db| {
                let _held = &permit;
                Ok(read(db)?)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use fanfare_store::testing::TestDatabase;
    use futures_util::{future::join_all, poll};

    use super::*;

    #[test]
    fn others_always_have_a_reader() {
        for (readers, room) in [(1, 1), (2, 1), (3, 1), (4, 2), (64, 2)] {
            assert_eq!(CatchUp::new(readers).room.available_permits(), room, "{readers} readers");
        }
    }

    #[tokio::test]
    async fn those_who_catch_up_wait_for_each_other_and_nobody_for_them() {
        let database = TestDatabase::sqlite();
        let (store, _commits) = database.open();
        let catch_up = CatchUp::new(database.options().readers);
        let (go, gone) = mpsc::channel::<()>();
        let gone = std::sync::Mutex::new(gone);
        let permit = catch_up.room.clone().try_acquire_owned().expect("room");
        // A page that takes long.
        let mut slow = Box::pin(store.read(move |_| {
            let _held = &permit;
            gone.lock().expect("not poisoned").recv().expect("let go");
            Ok::<_, Error>(())
        }));
        assert!(poll!(&mut slow).is_pending());
        let mut pages = Box::pin(join_all((0..16).map(|_| catch_up.page(&store, |_| Ok(Vec::new())))));
        assert!(poll!(&mut pages).is_pending());
        for _ in 0..10 {
            store.read(|_| Ok::<_, Error>(())).await.expect("read");
            assert!(poll!(&mut pages).is_pending());
        }
        go.send(()).expect("it waits");
        slow.await.expect("read");
        assert!(pages.await.into_iter().all(|page| page.is_ok_and(|events| events.is_empty())));
        store.close().await;
    }
}
