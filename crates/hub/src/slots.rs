//! Values under small numbers that stay theirs, close together in memory.

/// A list whose values keep their places.
pub(crate) struct Slots<T> {
    places: Vec<Option<T>>,
    free: Vec<u32>,
    count: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new(), count: 0 }
    }
}

impl<T> Slots<T> {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps a value; returns its place.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        self.count += 1;
        while let Some(place) = self.free.pop() {
            // The end may have been cut off beyond it.
            if let Some(empty) = self.places.get_mut(place as usize) {
                *empty = Some(value);
                return place;
            }
        }
        self.places.push(Some(value));
        u32::try_from(self.places.len() - 1).expect("fewer than 2^32 subscribers fit into memory")
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    /// Takes a value out. What a crowd needed is given back when it has gone.
    pub(crate) fn remove(&mut self, place: u32) -> Option<T> {
        let value = self.places.get_mut(place as usize)?.take()?;
        self.count -= 1;
        self.free.push(place);
        while let Some(None) = self.places.last() {
            self.places.pop();
        }
        if self.places.is_empty() {
            *self = Self::default();
        } else if self.places.len() * 4 < self.places.capacity() {
            self.places.shrink_to(self.places.len() * 2);
            self.free.retain(|place| (*place as usize) < self.places.len());
            self.free.shrink_to_fit();
        }
        Some(value)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((any::<bool>(), 0_u32..40), 0..400)) {
            let (mut slots, mut model) = (Slots::default(), BTreeMap::new());
            for (n, (inserts, place)) in steps.into_iter().enumerate() {
                if inserts {
                    let place = slots.insert(n);
                    prop_assert_eq!(model.insert(place, n), None);
                } else {
                    prop_assert_eq!(slots.remove(place), model.remove(&place));
                }
                prop_assert_eq!((slots.len(), slots.is_empty()), (model.len(), model.is_empty()));
                prop_assert!(slots.iter_mut().map(|value| *value).eq(model.values().copied()));
                prop_assert_eq!(slots.get_mut(place).copied(), model.get(&place).copied());
            }
        }
    }

    #[test]
    fn a_crowd_leaves_no_memory_behind() {
        let mut slots = Slots::default();
        for n in 0..10_000 {
            slots.insert(n);
        }
        for place in 10..10_000 {
            slots.remove(place);
        }
        assert!(slots.places.capacity() <= 40 && slots.free.len() <= 10, "{}", slots.places.capacity());
        for place in 0..10 {
            slots.remove(place);
        }
        assert_eq!((slots.places.capacity(), slots.free.capacity()), (0, 0));
    }
}
