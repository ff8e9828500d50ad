//! The library in memory, and the catalogue that a new one starts with.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use fanfare_model::{Timestamp, catalogue, library::Library};
use fanfare_store::{Error as StoreError, Store, games};
use tokio::sync::Mutex;

use super::{App, Error};
use crate::timers::Clock;

/// How long the library is believed to stand as it was read while this server commits nothing, in
/// milliseconds. Bounds for how long a change goes unseen that somebody else made in the database,
/// or a commit whose answer was lost.
const UNCHANGED_MAX_MS: i64 = 1_000;

/// Keeps the library as it was last read. A commit is counted before it is answered, and whoever asks
/// gets a library that holds every commit counted by then, so nobody misses what they were told is
/// done. Those who ask while it is being read share the next reading, however much is committed
/// meanwhile.
#[derive(Default)]
pub(crate) struct Shelf {
    commits: AtomicU64,
    kept: RwLock<Option<Kept>>,
    /// Held by the one who reads, so that the others wait for what he finds.
    reading: Mutex<()>,
}

struct Kept {
    /// Commits that had been counted when reading began: what they did is in it.
    commits: u64,
    read_at: Timestamp,
    library: Arc<Library>,
}

impl Shelf {
    /// Counts a commit; called before it is answered.
    pub(crate) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    /// The library at a moment after the call; `read` reads it, if need be.
    async fn library(
        &self,
        clock: &Clock,
        read: impl Future<Output = Result<Library, Error>>,
    ) -> Result<Arc<Library>, Error> {
        let commits = self.commits.load(Ordering::Acquire);
        if let Some(library) = self.get(commits, clock.now()) {
            return Ok(library);
        }
        let _reading = self.reading.lock().await;
        let now = clock.now();
        if let Some(library) = self.get(commits, now) {
            return Ok(library);
        }
        let commits = self.commits.load(Ordering::Acquire);
        let library = Arc::new(read.await?);
        let kept = Kept { commits, read_at: now, library: library.clone() };
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(library)
    }

    /// The library, if it holds what the first `commits` commits did and was read a short while ago.
    fn get(&self, commits: u64, now: Timestamp) -> Option<Arc<Library>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        let age_ms = now.as_millis() - kept.read_at.as_millis();
        let holds = kept.commits >= commits;
        (holds && (0..UNCHANGED_MAX_MS).contains(&age_ms)).then(|| kept.library.clone())
    }
}

impl App {
    /// Every game and pack, at a moment after the call.
    pub(crate) async fn library(&self) -> Result<Arc<Library>, Error> {
        let read = self.store.read(|db| Ok::<_, Error>(games::library(db)?));
        self.shelf.library(&self.clock, read).await
    }
}

/// Puts the shipped games into a library that has none; returns how many it put there.
///
/// # Errors
/// The store's.
pub(crate) async fn fill_empty_library(store: &Store, now: Timestamp) -> Result<usize, StoreError> {
    let shipped = Arc::new(catalogue::shipped());
    store
        .write(move |tx| {
            if games::count(tx)? > 0 {
                return Ok(0);
            }
            for game in shipped.iter() {
                games::insert(tx, game, now)?;
            }
            Ok(shipped.len())
        })
        .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::{join, join_all};
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn the_library_is_read_again_after_a_commit_and_after_a_while() {
        let shelf = Shelf::default();
        let at = Timestamp::from_millis;
        assert!(shelf.get(0, at(0)).is_none());
        let keep = |commits| {
            let kept = Kept { commits, read_at: at(5_000), library: Arc::default() };
            *shelf.kept.write().expect("not poisoned") = Some(kept);
        };
        keep(1);
        for (now_ms, holds) in [(5_000, true), (5_999, true), (6_000, false), (4_999, false)] {
            assert_eq!(shelf.get(1, at(now_ms)).is_some(), holds, "{now_ms}");
        }
        for (commits, holds) in [(0, true), (1, true), (2, false)] {
            assert_eq!(shelf.get(commits, at(5_000)).is_some(), holds, "{commits}");
        }
    }

    #[tokio::test]
    async fn those_who_wait_share_one_reading_while_others_write() {
        let (shelf, clock) = (Shelf::default(), Clock::manual(Timestamp::from_millis(5_000)));
        let readings = Cell::new(0);
        let read = async || {
            readings.set(readings.get() + 1);
            shelf.committed();
            Ok(Library::default())
        };
        let (enter, entered) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let slow = shelf.library(&clock, async {
            enter.send(()).expect("somebody waits for it");
            released.await.expect("it is told to end");
            read().await
        });
        let others = async {
            entered.await.expect("the first one reads");
            shelf.committed();
            let others = (0..10).map(|_| shelf.library(&clock, read()));
            let end = async { release.send(()).expect("the first one waits") };
            join(join_all(others), end).await.0
        };
        let (first, others) = join(slow, others).await;
        let (first, others): (_, Vec<_>) = (
            first.expect("it is read"),
            others.into_iter().map(|found| found.expect("it is read")).collect(),
        );
        assert_eq!(readings.get(), 2, "what was committed since the first began is read once for all");
        assert!(others.iter().all(|other| Arc::ptr_eq(other, &others[0]) && !Arc::ptr_eq(other, &first)));
        shelf.library(&clock, read()).await.expect("it is read");
        assert_eq!(readings.get(), 3, "what was committed during a reading may not be in it");
    }
}
