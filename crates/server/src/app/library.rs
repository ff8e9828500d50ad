//! The catalogue that a new library starts with.

use std::sync::Arc;

use fanfare_model::{Timestamp, catalogue};
use fanfare_store::{Error, Store, games};

/// Puts the shipped games into a library that has none; returns how many it put there.
///
/// # Errors
/// The store's.
pub(crate) async fn fill_empty_library(store: &Store, now: Timestamp) -> Result<usize, Error> {
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
