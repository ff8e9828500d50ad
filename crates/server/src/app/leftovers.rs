//! Removes what is hidden and of no more use, in batches that do not hold up the writer: the rows of
//! deleted sessions and polls, and of imports that were cut off. What a stop leaves is found at the next
//! start.

use std::sync::Arc;

use fanfare_model::limits::CLEAN_UP_BATCH_ROWS;
use fanfare_store::{
    Error, Store,
    leftovers::{self, Leftover},
};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

use crate::{shutdown::Tasks, timers::Clock};

/// The wait after the database could not be used, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Tells of something to remove, and who may import; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Leftovers {
    bell: Arc<Notify>,
    imports: Arc<Mutex<()>>,
}

/// The turn of one import: meanwhile no other one runs, and none is taken for cut off.
pub(super) struct ImportTurn {
    held: Option<OwnedMutexGuard<()>>,
    bell: Arc<Notify>,
}

impl Drop for ImportTurn {
    /// However the import ended, something may be left of it.
    fn drop(&mut self) {
        drop(self.held.take());
        self.bell.notify_one();
    }
}

impl Leftovers {
    /// Rings when there may be something to remove.
    pub(super) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Waits for the imports that came before. Cancel safe.
    pub(super) async fn import_turn(&self) -> ImportTurn {
        let held = Some(self.imports.clone().lock_owned().await);
        ImportTurn { held, bell: self.bell.clone() }
    }
}

/// Removes what there is, and then whatever comes, until the server stops.
pub(crate) async fn run(store: Store, leftovers: Leftovers, clock: Clock, tasks: Tasks) {
    let mut is_failing = false;
    while !tasks.is_stopping() {
        let removed = remove_all(&store, &leftovers, &tasks).await;
        if let Err(error) = &removed
            && !is_failing
        {
            tracing::warn!(%error, "rows that are of no more use are not removed yet; trying again");
        }
        is_failing = removed.is_err();
        tokio::select! {
            () = tasks.stopping() => {}
            () = leftovers.bell.notified(), if !is_failing => {}
            () = clock.sleep_ms(RETRY_MS), if is_failing => {}
        }
    }
}

async fn remove_all(store: &Store, leftovers: &Leftovers, tasks: &Tasks) -> Result<(), Error> {
    let found = store.read(leftovers::list).await?;
    let (imports, deleted): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|leftover| matches!(leftover, Leftover::Import(_)));
    for leftover in deleted {
        remove(store, leftover, tasks).await?;
    }
    if imports.is_empty() {
        return Ok(());
    }
    // One that is under way rings when it ends.
    let Ok(_turn) = leftovers.imports.try_lock() else { return Ok(()) };
    for leftover in imports {
        remove(store, leftover, tasks).await?;
    }
    Ok(())
}

async fn remove(store: &Store, leftover: Leftover, tasks: &Tasks) -> Result<(), Error> {
    while !tasks.is_stopping() {
        if store.write(move |tx| leftovers::remove(tx, leftover, CLEAN_UP_BATCH_ROWS)).await? {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use fanfare_model::{Timestamp, catalogue};
    use fanfare_store::{
        games, imports, sessions,
        testing::{self, TestDatabase},
    };

    use super::*;

    const AT: Timestamp = Timestamp::EPOCH;

    /// A session with so many votes, and an import of as many that was cut off.
    async fn fill(store: &Store, votes: i64) {
        let game = catalogue::shipped()[0].clone();
        let fill = move |tx: &mut _| {
            sessions::start(tx, None, AT)?;
            let game = games::insert(tx, &game, AT)?;
            let open = imports::begin(tx, 1, AT)?;
            testing::cast(tx, (1, game), "ann", AT, votes, 0)?;
            testing::cast(tx, (1, game), "bob", AT, votes, open.id)
        };
        store.write(fill).await.expect("filled");
    }

    async fn rows(store: &Store) -> i64 {
        store.read(testing::count_votes).await.expect("read")
    }

    /// Asks until there are no more rows than that.
    async fn until(store: &Store, expected: i64) {
        while rows(store).await > expected {}
        assert_eq!(rows(store).await, expected);
    }

    #[tokio::test]
    async fn what_is_found_at_the_start_is_removed_and_what_is_told_of_later() {
        let each = i64::try_from(CLEAN_UP_BATCH_ROWS * 2 + 1).expect("small");
        for database in [TestDatabase::sqlite(), TestDatabase::postgres()] {
            let (store, mut commits) = database.open();
            fill(&store, each).await;
            let (clock, tasks) = (Clock::manual(AT), Tasks::default());
            let leftovers = Leftovers::default();
            let turn = leftovers.import_turn().await;
            tasks.spawn("leftovers", run(store.clone(), leftovers.clone(), clock.clone(), tasks.clone()));
            // Nobody takes an import for cut off that is under way.
            let listed = store.read(leftovers::list).await.expect("read");
            assert_eq!((listed.len(), rows(&store).await), (1, 2 * each));
            drop(turn);
            until(&store, each).await;
            // One that ended rings as well; nothing is left to do then.
            drop(leftovers.import_turn().await);

            let delete = |tx: &mut _| {
                sessions::close(tx, 1, None, AT)?;
                sessions::delete(tx, 1, AT)
            };
            store.write(delete).await.expect("deleted");
            let commit = commits.recv().await.expect("the session's end is heard of");
            assert_eq!(commit.notices, [fanfare_store::Notice::RowsHidden]);
            leftovers.ring();
            until(&store, 0).await;
            while !store.read(leftovers::list).await.expect("read").is_empty() {}
            assert!(tasks.stop(&clock, 1_000).await);
            store.close().await;
        }
    }
}
