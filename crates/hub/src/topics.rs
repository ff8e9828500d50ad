//! The map of topics: makes, finds and forgets them.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
};

use crate::{
    backlog::Backlogs,
    memory::give_back,
    message::{Limits, Topic},
    sync::{Mutex, MutexGuard, lock},
    topic::{Announcer, Common, Entry, State},
};

/// Parts of the topics' map, so that topics seldom wait for one another.
const SHARDS: usize = 64;

type Shard = Mutex<HashMap<Topic, Arc<Entry>>>;

/// The map, and what all mailboxes share.
pub(crate) struct Topics {
    pub(crate) common: Common,
    hasher: RandomState,
    /// Locked one at a time and for a look only. Whoever holds a mailbox's places may lock a shard or a
    /// topic, whoever holds either of those may lock an inbox's queue or the backlogs', never the other way
    /// round; readers are woken under none of them.
    shards: Box<[Shard]>,
    pub(crate) connections: AtomicUsize,
    pub(crate) subscriptions: AtomicUsize,
}

impl Topics {
    pub(crate) fn new(limits: Limits, announcer: Option<Arc<dyn Announcer>>) -> Self {
        let hasher = RandomState::new();
        Self {
            common: Common {
                limits,
                announcer,
                next_epoch: AtomicU64::new(hasher.hash_one("the first epoch")),
                backlogs: Backlogs::default(),
            },
            hasher,
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            connections: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Has `act` look at every topic, one part of the map after another.
    pub(crate) fn for_each(&self, is_wanted: impl Fn(&Topic) -> bool, mut act: impl FnMut(&Arc<Entry>)) {
        for shard in &self.shards {
            let wanted = |entry: &&Arc<Entry>| is_wanted(&entry.name);
            let entries: Vec<_> = lock(shard).values().filter(wanted).cloned().collect();
            entries.iter().for_each(&mut act);
        }
    }

    fn shard(&self, topic: &str) -> MutexGuard<'_, HashMap<Topic, Arc<Entry>>> {
        let hash = self.hasher.hash_one(topic);
        let index = hash % SHARDS as u64;
        lock(&self.shards[usize::try_from(index).expect("less than 64")])
    }

    pub(crate) fn find(&self, topic: &str) -> Option<Arc<Entry>> {
        self.shard(topic).get(topic).cloned()
    }

    /// Runs `act` on a topic, which is made if need be. One that was forgotten between the look and the
    /// lock is looked for again.
    pub(crate) fn with_entry<T>(
        &self,
        topic: &Topic,
        act: impl FnOnce(&Arc<Entry>, &mut State) -> T,
    ) -> (Arc<Entry>, T) {
        loop {
            let entry = {
                let mut shard = self.shard(topic);
                let new = || Arc::new(Entry { name: topic.clone(), state: Mutex::default() });
                shard.entry(topic.clone()).or_insert_with(new).clone()
            };
            let mut state = lock(&entry.state);
            if !state.is_gone {
                let done = act(&entry, &mut state);
                drop(state);
                return (entry, done);
            }
        }
    }

    /// The same on a topic that is known.
    pub(crate) fn with_known<T>(
        &self,
        topic: &str,
        act: impl FnOnce(Option<(&Arc<Entry>, &mut State)>) -> T,
    ) -> (Option<Arc<Entry>>, T) {
        loop {
            let Some(entry) = self.find(topic) else { return (None, act(None)) };
            let mut state = lock(&entry.state);
            if !state.is_gone {
                let done = act(Some((&entry, &mut state)));
                drop(state);
                return (Some(entry), done);
            }
        }
    }

    /// Forgets a topic if it is still empty.
    pub(crate) fn retire(&self, entry: &Arc<Entry>) {
        let mut shard = self.shard(&entry.name);
        let mut state = lock(&entry.state);
        if !state.is_gone && state.is_empty() {
            state.is_gone = true;
            shard.remove(&entry.name);
            give_back(&mut shard);
        }
    }
}
