//! The library in memory, and the catalogue that a new one starts with.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use fanfare_model::{Timestamp, catalogue, library::Library};
use fanfare_store::{Error as StoreError, Store, games};
use tokio::sync::Mutex;

use super::{App, Error};

/// How long the library is believed to stand as it was read while this server commits nothing, in
/// milliseconds. Bounds for how long a change goes unseen that somebody else made in the database,
/// or a commit whose answer was lost.
const UNCHANGED_MAX_MS: i64 = 1_000;

/// Keeps the library as it was last read. Any commit makes it read again before it is next used, and
/// a commit is counted before it is answered, so nobody misses what they were told is done.
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

    /// The library, if it stands as it was read.
    fn get(&self, now: Timestamp) -> Option<Arc<Library>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.as_ref()?;
        let age_ms = now.as_millis() - kept.read_at.as_millis();
        let holds = kept.commits == self.commits.load(Ordering::Acquire);
        (holds && (0..UNCHANGED_MAX_MS).contains(&age_ms)).then(|| kept.library.clone())
    }
}

impl App {
    /// Every game and pack, at a moment after the call.
    pub(crate) async fn library(&self) -> Result<Arc<Library>, Error> {
        if let Some(library) = self.shelf.get(self.clock.now()) {
            return Ok(library);
        }
        let _reading = self.shelf.reading.lock().await;
        let now = self.clock.now();
        if let Some(library) = self.shelf.get(now) {
            return Ok(library);
        }
        let commits = self.shelf.commits.load(Ordering::Acquire);
        let library = Arc::new(self.store.read(|db| Ok::<_, Error>(games::library(db)?)).await?);
        let kept = Kept { commits, read_at: now, library: library.clone() };
        *self.shelf.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(library)
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
    use super::*;

    #[test]
    fn the_library_is_read_again_after_a_commit_and_after_a_while() {
        let shelf = Shelf::default();
        let at = Timestamp::from_millis;
        assert!(shelf.get(at(0)).is_none());
        let keep = |commits| {
            let kept = Kept { commits, read_at: at(5_000), library: Arc::default() };
            *shelf.kept.write().expect("not poisoned") = Some(kept);
        };
        keep(0);
        for (now_ms, holds) in [(5_000, true), (5_999, true), (6_000, false), (4_999, false)] {
            assert_eq!(shelf.get(at(now_ms)).is_some(), holds, "{now_ms}");
        }
        shelf.committed();
        assert!(shelf.get(at(5_000)).is_none());
        keep(1);
        assert!(shelf.get(at(5_000)).is_some());
    }
}
