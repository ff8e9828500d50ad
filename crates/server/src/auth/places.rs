//! How many connections an address may have open at once.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::origin;

/// Places by address, see [`origin`]; clones share them. Addresses without a taken place take no
/// memory.
#[derive(Clone)]
pub(crate) struct Places {
    max_per_address: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place that is taken until the last clone of it is dropped.
#[derive(Clone)]
pub(crate) struct Place {
    _taken: Arc<Taken>,
}

struct Taken {
    places: Places,
    origin: IpAddr,
}

impl Places {
    /// So many places for each address; 0: any number.
    pub(crate) fn new(max_per_address: usize) -> Self {
        let max_per_address = if max_per_address == 0 { usize::MAX } else { max_per_address };
        Self { max_per_address, taken: Arc::default() }
    }

    /// A place, if the address has one left.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Place> {
        let origin = origin(address);
        let mut taken = self.lock();
        let count = taken.entry(origin).or_default();
        if *count >= self.max_per_address {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Place { _taken: Arc::new(Taken { places: self.clone(), origin }) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.places.lock().entry(self.origin) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_once_it_is_left_and_nothing_is_remembered() {
        let places = Places::new(2);
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let (first, second) = (places.take(here), places.take(here));
        assert!(first.is_some() && second.is_some() && places.take(here).is_none());
        let elsewhere = places.take(there);
        assert!(elsewhere.is_some());
        let clone = first.clone();
        drop(first);
        assert!(places.take(here).is_none(), "a clone holds it");
        drop(clone);
        let third = places.take(here);
        assert!(third.is_some() && places.take(here).is_none());
        drop((second, third, elsewhere));
        assert!(places.lock().is_empty());
        let unlimited = Places::new(0);
        assert!((0..1_000).map(|_| unlimited.take(here)).collect::<Vec<_>>().iter().all(Option::is_some));
    }
}
