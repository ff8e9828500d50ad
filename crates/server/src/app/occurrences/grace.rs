//! Who has left and may come back soon. What happens is told as if nothing had, if he does.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use fanfare_model::{Timestamp, channel::ChannelName};

use crate::timers::Tick;

/// A member of a channel, or the channel's subscribers all together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) app: Arc<str>,
    pub(super) channel: ChannelName,
    /// The member's id; none for the channel itself.
    pub(super) user: Option<Arc<str>>,
}

/// Somebody who is not waited for any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) place: Place,
    /// When he left.
    pub(super) at: Timestamp,
}

/// All that is waited for, each for the same time.
pub(super) struct Grace {
    wait_ms: u64,
    /// How many are waited for at most.
    max: usize,
    /// Numbers those that leave, so that no two have one place in the order.
    number: u64,
    places: HashMap<Place, (Tick, u64)>,
    /// By when the wait ends.
    order: BTreeMap<(Tick, u64), Gone>,
}

impl Grace {
    pub(super) fn new(wait_ms: u64, max: usize) -> Self {
        Self { wait_ms, max, number: 0, places: HashMap::new(), order: BTreeMap::new() }
    }

    /// Somebody left at `at`. Where too many are waited for, the first of them, who then is gone at once.
    pub(super) fn left(&mut self, place: Place, at: Timestamp, now: Tick) -> Option<Gone> {
        if self.places.contains_key(&place) {
            return None;
        }
        self.number += 1;
        let key = (now.plus_millis(self.wait_ms), self.number);
        self.places.insert(place.clone(), key);
        self.order.insert(key, Gone { place, at });
        if self.places.len() > self.max { self.pop() } else { None }
    }

    /// Somebody came; whether he was waited for, and so had never been away.
    pub(super) fn came(&mut self, place: &Place) -> bool {
        let key = self.places.remove(place);
        key.is_some_and(|key| self.order.remove(&key).is_some())
    }

    /// Whether somebody is waited for.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.order.is_empty()
    }

    /// When the next wait ends.
    pub(super) fn next(&self) -> Option<Tick> {
        self.order.first_key_value().map(|((until, _), _)| *until)
    }

    /// The next one who is not waited for any more by `now`, in the order in which they left.
    pub(super) fn gone(&mut self, now: Tick) -> Option<Gone> {
        if self.next()? <= now { self.pop() } else { None }
    }

    /// The next one, however long he has been away.
    pub(super) fn pop(&mut self) -> Option<Gone> {
        let (_, gone) = self.order.pop_first()?;
        self.places.remove(&gone.place);
        Some(gone)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::timers::Clock;

    fn place(channel: &str, user: Option<&str>) -> Place {
        let channel = ChannelName::parse(channel).expect("a channel");
        Place { app: "main".into(), channel, user: user.map(Into::into) }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn who_does_not_come_back_in_time_is_gone() {
        let clock = Clock::manual(at(0));
        let mut grace = Grace::new(3_000, 10);
        assert_eq!(grace.left(place("a", Some("ann")), at(0), clock.tick()), None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(grace.left(place("a", None), at(1), clock.tick()), None);
        assert_eq!(grace.left(place("a", Some("ben")), at(1), clock.tick()), None);
        clock.advance(Duration::from_millis(2_998));
        assert_eq!(grace.gone(clock.tick()), None);
        assert!(grace.came(&place("a", None)) && !grace.came(&place("a", None)));
        clock.advance(Duration::from_millis(1));
        assert_eq!(grace.next(), Some(clock.tick()));
        assert_eq!(grace.gone(clock.tick()), Some(Gone { place: place("a", Some("ann")), at: at(0) }));
        assert_eq!(grace.gone(clock.tick()), None);
        assert!(!grace.came(&place("a", Some("ann"))), "he is gone");
        clock.advance(Duration::from_millis(1));
        assert_eq!(grace.gone(clock.tick()), Some(Gone { place: place("a", Some("ben")), at: at(1) }));
        assert!(grace.is_empty());
    }

    #[test]
    fn who_comes_and_goes_is_waited_for_anew() {
        let clock = Clock::manual(at(0));
        let mut grace = Grace::new(3_000, 10);
        grace.left(place("a", None), at(0), clock.tick());
        clock.advance(Duration::from_secs(2));
        assert!(grace.came(&place("a", None)));
        grace.left(place("a", None), at(2_000), clock.tick());
        grace.left(place("a", None), at(2_000), clock.tick());
        clock.advance(Duration::from_millis(2_999));
        assert_eq!(grace.gone(clock.tick()), None);
        clock.advance(Duration::from_millis(1));
        assert_eq!(grace.gone(clock.tick()), Some(Gone { place: place("a", None), at: at(2_000) }));
        assert!(grace.is_empty(), "leaving twice is leaving once");
    }

    #[test]
    fn where_too_many_are_waited_for_the_first_is_gone_early() {
        let clock = Clock::manual(at(0));
        let mut grace = Grace::new(3_000, 2);
        for user in ["a", "b"] {
            assert_eq!(grace.left(place("c", Some(user)), at(0), clock.tick()), None);
        }
        let early = grace.left(place("c", Some("c")), at(0), clock.tick());
        assert_eq!(early, Some(Gone { place: place("c", Some("a")), at: at(0) }));
        assert!(!grace.came(&place("c", Some("a"))) && grace.came(&place("c", Some("b"))));
        assert_eq!(grace.pop(), Some(Gone { place: place("c", Some("c")), at: at(0) }));
        assert_eq!(grace.pop(), None);
    }
}
