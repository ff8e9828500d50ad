//! Memory that a crowd needed.

use std::{collections::HashMap, hash::Hash};

/// Gives back what a crowd needed when most of it has gone.
pub(crate) fn give_back<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.len() * 4 < map.capacity() {
        map.shrink_to(map.len() * 2);
    }
}
