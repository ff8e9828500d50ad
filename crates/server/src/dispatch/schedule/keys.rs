//! The deliveries of one webhook that keep an order, key by key: of each key one is under way at a
//! time, and the next one goes when it has succeeded or was given up. When it is to be tried again the
//! key is forgotten here, and read again when its time has come.

use std::collections::{HashMap, HashSet, VecDeque};

use fanfare_store::deliveries::{Due, KeyPage};

/// The keys of one webhook whose front is known.
#[derive(Default)]
pub(super) struct Keys {
    by_name: HashMap<String, Key>,
    /// Keys that may send now, each once, in turn.
    turns: VecDeque<String>,
    /// The key of each delivery that holds it back.
    holders: HashMap<i64, String>,
    waiting: usize,
}

#[derive(Default)]
struct Key {
    /// From the front on, without a gap.
    queue: VecDeque<Due>,
    is_held: bool,
    in_turns: bool,
    /// Behind the queue stands one that is not yet due.
    is_closed: bool,
}

impl Keys {
    /// Deliveries that wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether one may be sent now.
    pub(super) fn is_ready(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Whether nothing is known of any key that could not be read again.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting == 0 && self.holders.is_empty()
    }

    /// Whether a new delivery of that key comes right behind what is known of it.
    pub(super) fn is_open(&self, key: &str) -> bool {
        self.by_name.get(key).is_some_and(|key| !key.is_closed)
    }

    /// Puts a new delivery behind the others of its key, which is open.
    pub(super) fn push(&mut self, due: Due) {
        let Some(name) = due.order_key.clone() else { return };
        self.by_name.entry(name.clone()).or_default().queue.push_back(due);
        self.waiting += 1;
        self.list(name);
    }

    /// Takes the front of a key as it was read in place of what is known of it; what is under way or
    /// not yet recorded is left out by the caller. Returns what is no longer waiting.
    pub(super) fn load(&mut self, page: KeyPage) -> Vec<i64> {
        let KeyPage { key: name, due, next_due, .. } = page;
        let key = self.by_name.entry(name.clone()).or_default();
        key.is_closed = next_due.is_some();
        let before = std::mem::replace(&mut key.queue, due.into());
        self.waiting = self.waiting + key.queue.len() - before.len();
        let dropped = before.iter().map(|due| due.id).collect();
        self.list(name);
        dropped
    }

    /// The next delivery to be sent; its key waits for [`Keys::release`] or [`Keys::forget`].
    pub(super) fn pop(&mut self) -> Option<Due> {
        while let Some(name) = self.turns.pop_front() {
            let Some(key) = self.by_name.get_mut(&name) else { continue };
            key.in_turns = false;
            if !key.is_held
                && let Some(due) = key.queue.pop_front()
            {
                key.is_held = true;
                self.waiting -= 1;
                self.holders.insert(due.id, name);
                return Some(due);
            }
        }
        None
    }

    /// A delivery no longer holds back those behind it.
    pub(super) fn release(&mut self, delivery_id: i64) {
        let Some(name) = self.holders.remove(&delivery_id) else { return };
        if let Some(key) = self.by_name.get_mut(&name) {
            key.is_held = false;
            self.list(name);
        }
    }

    /// A delivery holds back those behind it for longer: its key is to be read again. Returns what is
    /// no longer waiting.
    pub(super) fn forget(&mut self, delivery_id: i64) -> Vec<i64> {
        let Some(name) = self.holders.remove(&delivery_id) else { return Vec::new() };
        let queue = self.by_name.remove(&name).map(|key| key.queue).unwrap_or_default();
        self.waiting -= queue.len();
        queue.into_iter().map(|due| due.id).collect()
    }

    /// Drops all that waits; what is under way goes on holding its key, of which nothing is known.
    /// Returns what was waiting.
    pub(super) fn clear(&mut self) -> Vec<i64> {
        self.waiting = 0;
        self.turns.clear();
        self.by_name.drain().flat_map(|(_, key)| key.queue).map(|due| due.id).collect()
    }

    /// Forgets the keys that are not among `read` although everything that is due was read, and of which
    /// nothing waits: they may have one that is not yet due.
    pub(super) fn retain(&mut self, read: &HashSet<String>) {
        self.by_name.retain(|name, key| key.is_held || !key.queue.is_empty() || read.contains(name));
    }

    /// Forgets keys of which nothing waits and nothing is under way, when there are more than `max`.
    pub(super) fn trim(&mut self, max: usize) {
        if self.by_name.len() > max {
            self.by_name.retain(|_, key| key.is_held || !key.queue.is_empty());
        }
    }

    fn list(&mut self, name: String) {
        // A key that was dropped and read again may still be held by what was under way.
        let is_held = self.holders.values().any(|held| *held == name);
        let Some(key) = self.by_name.get_mut(&name) else { return };
        key.is_held = is_held;
        if !key.in_turns && !is_held && !key.queue.is_empty() {
            key.in_turns = true;
            self.turns.push_back(name);
        }
    }
}
