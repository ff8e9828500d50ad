//! Values under numbers that stay theirs, close together in memory, in the order in which they came.

/// A list whose values are found by their numbers. What was taken out leaves a hole; before holes are the
/// larger part, all are closed at once, so that a walk costs what there is and not what there once was.
pub(crate) struct Slots<T> {
    /// By number, which only grows.
    entries: Vec<(u64, Option<T>)>,
    next: u64,
    count: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), next: 0, count: 0 }
    }
}

impl<T> Slots<T> {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps a value; returns its number, which no other had or will have.
    pub(crate) fn insert(&mut self, value: T) -> u64 {
        let number = self.next;
        self.entries.push((number, Some(value)));
        self.next += 1;
        self.count += 1;
        number
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let index = self.index(number)?;
        self.entries[index].1.as_mut()
    }

    /// Takes a value out. What a crowd needed is given back when it has gone.
    pub(crate) fn remove(&mut self, number: u64) -> Option<T> {
        let index = self.index(number)?;
        let value = self.entries[index].1.take()?;
        self.count -= 1;
        if self.count == 0 {
            self.entries = Vec::new();
        } else if self.count * 2 < self.entries.len() {
            self.entries.retain(|(_, value)| value.is_some());
            if self.count * 4 < self.entries.capacity() {
                self.entries.shrink_to(self.count * 2);
            }
        }
        Some(value)
    }

    /// Those whose numbers are at least this one.
    pub(crate) fn iter_mut_from(&mut self, number: u64) -> impl Iterator<Item = (u64, &mut T)> {
        let start = self.entries.partition_point(|(other, _)| *other < number);
        self.entries[start..]
            .iter_mut()
            .filter_map(|(number, value)| value.as_mut().map(|value| (*number, value)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().filter_map(|(_, value)| value.as_mut())
    }

    fn index(&self, number: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&number, |(number, _)| *number).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in prop::collection::vec((any::<bool>(), 0_u64..40), 0..400)) {
            let (mut slots, mut model) = (Slots::default(), BTreeMap::new());
            for (n, (inserts, number)) in steps.into_iter().enumerate() {
                if inserts {
                    let number = slots.insert(n);
                    prop_assert!(model.keys().all(|other| *other < number));
                    model.insert(number, n);
                } else {
                    prop_assert_eq!(slots.remove(number), model.remove(&number));
                }
                prop_assert_eq!((slots.len(), slots.is_empty()), (model.len(), model.is_empty()));
                prop_assert!(slots.iter_mut().map(|value| *value).eq(model.values().copied()));
                prop_assert_eq!(slots.get_mut(number).copied(), model.get(&number).copied());
                let rest = slots.iter_mut_from(number).map(|(number, value)| (number, *value));
                prop_assert!(rest.eq(model.range(number..).map(|(number, value)| (*number, *value))));
                prop_assert!(slots.entries.len() <= slots.len() * 2, "holes are the lesser part");
            }
        }
    }

    #[test]
    fn a_crowd_leaves_no_memory_behind_whoever_stays() {
        for stays in [0, 5_000, 9_999] {
            let mut slots = Slots::default();
            for n in 0..10_000 {
                slots.insert(n);
            }
            for number in (0..10_000).filter(|number| *number != stays) {
                slots.remove(number);
            }
            assert_eq!(slots.iter_mut().map(|value| *value).collect::<Vec<_>>(), [stays]);
            assert!(slots.entries.capacity() <= 4, "{} for the one who stayed", slots.entries.capacity());
            slots.remove(stays);
            assert_eq!(slots.entries.capacity(), 0);
        }
    }
}
