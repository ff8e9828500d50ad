//! The task that writes down what happens on channels, batch by batch. While the database fails it keeps
//! its batch and tries again, and those who tell of more wait.

use std::{
    collections::{HashMap, HashSet, hash_map},
    sync::Arc,
};

use fanfare_model::{
    event::kind,
    limits::CLEAN_UP_BATCH_ROWS,
    occurrence::{of_channel, of_member, presence},
};
use fanfare_store::{
    Error as StoreError, Read, Store, Tx,
    presence::{self as rows, Occupied, Present},
    webhooks,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    GRACE_MAX, Names, OCCURRENCES_BATCH_MAX, Occurrence, Occurrences, PUSHER_GRACE_MS, Roll, RollCall, Told,
    backlog::InHand,
    grace::Grace,
    interest::{Interest, Kinds, patterns},
    plan::{Entry, Planner, fire, keeps},
};
use crate::timers::{Clock, Tick};

/// The wait after the database could not be used, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// How long what webhooks ask for is believed while this server changes none, in milliseconds: a commit
/// whose answer was lost is noticed.
const INTEREST_KEEP_MS: u64 = 60_000;

/// Entries that are written in one job: of one occurrence there are at most three.
const ENTRIES_MAX: usize = 4 * OCCURRENCES_BATCH_MAX;

/// Writes down what is told.
pub(crate) struct Recorder {
    interest: Arc<Interest>,
    names: Names,
    in_hand: Arc<InHand>,
    closing: CancellationToken,
    told: mpsc::Receiver<Occurrence>,
    store: Store,
    clock: Clock,
    roll_call: RollCall,
    planner: Planner,
    /// When what webhooks ask for is read again.
    reread_at: Tick,
}

impl Recorder {
    pub(super) fn new(
        occurrences: Occurrences,
        Told(told): Told,
        store: Store,
        clock: Clock,
        roll_call: RollCall,
    ) -> Self {
        let Occurrences { interest, names, queue: _, in_hand, closing } = occurrences;
        let planner = Planner::new(interest.clone(), names.clone(), Grace::new(PUSHER_GRACE_MS, GRACE_MAX));
        let reread_at = clock.tick();
        Self { interest, names, in_hand, closing, told, store, clock, roll_call, planner, reread_at }
    }

    /// Runs until it is asked to end and all that was told is written: first what the run before this one
    /// left, then what happens.
    pub(crate) async fn run(mut self) {
        self.in_hand.begin(self.clock.now());
        self.settle_leftovers().await;
        self.in_hand.take(&[]);
        let mut batch = Vec::with_capacity(OCCURRENCES_BATCH_MAX);
        while self.collect(&mut batch).await {
            self.in_hand.take(&batch);
            self.look_up().await;
            let (now, mut entries) = (self.clock.tick(), Vec::new());
            self.planner.waited(now, OCCURRENCES_BATCH_MAX, &mut entries);
            for occurrence in batch.drain(..) {
                self.planner.happened(&occurrence, now, &mut entries);
            }
            self.write(entries).await;
            self.in_hand.take(&[]);
        }
        loop {
            let mut entries = Vec::new();
            self.planner.wait_no_longer(OCCURRENCES_BATCH_MAX, &mut entries);
            if entries.is_empty() {
                return;
            }
            self.write(entries).await;
        }
    }

    /// Waits until there is something to do, and takes what was told; false when nothing more comes.
    async fn collect(&mut self, batch: &mut Vec<Occurrence>) -> bool {
        let is_closing = self.closing.is_cancelled();
        if is_closing {
            self.told.close();
        }
        let wake_at = self.planner.grace.next().map_or(self.reread_at, |next| next.min(self.reread_at));
        let closing = self.closing.clone();
        tokio::select! {
            biased;
            () = self.interest.changed.notified() => true,
            () = self.clock.sleep_until(wake_at) => true,
            count = self.told.recv_many(batch, OCCURRENCES_BATCH_MAX) => count > 0,
            () = closing.cancelled(), if !is_closing => true,
        }
    }

    /// Reads what webhooks ask for, if it may have changed, and follows what depends on it.
    async fn look_up(&mut self) {
        if !self.interest.is_stale() && self.clock.tick() < self.reread_at {
            return;
        }
        let changes = self.interest.changes();
        let asked_for = self.read(|db| webhooks::asked_for(db, &patterns())).await;
        let by_app = self.interest.learn(changes, &asked_for);
        self.reread_at = self.clock.tick().plus_millis(INTEREST_KEEP_MS);
        self.follow(&by_app).await;
    }

    /// Writes down who is there where somebody has begun to ask for their leaving, and forgets it where
    /// nobody does any more.
    async fn follow(&mut self, by_app: &HashMap<String, Kinds>) {
        let kept = |which: fn((bool, bool)) -> bool| -> HashSet<String> {
            let apps = by_app.iter().filter(|(_, kinds)| which(keeps(**kinds)));
            apps.map(|(app, _)| app.clone()).collect()
        };
        let members_of = kept(|(members, _)| members);
        let channels_of = kept(|(_, channels)| channels);
        for app in self.planner.members_of.difference(&members_of) {
            self.forget(app, rows::forget_members).await;
        }
        for app in self.planner.channels_of.difference(&channels_of) {
            self.forget(app, rows::forget_channels).await;
        }
        let mut entries = Vec::new();
        for app in by_app.keys() {
            let members_began = members_of.contains(app) && !self.planner.members_of.contains(app);
            let channels_began = channels_of.contains(app) && !self.planner.channels_of.contains(app);
            if !members_began && !channels_began {
                continue;
            }
            let Roll { members, channels } = (self.roll_call)(self.names.id(app));
            let join = |(channel, member)| Entry::Join { app: app.clone(), channel, member };
            entries.extend(members.into_iter().filter(|_| members_began).map(join));
            let occupy = |channel| Entry::Occupy { app: app.clone(), channel };
            entries.extend(channels.into_iter().filter(|_| channels_began).map(occupy));
        }
        (self.planner.members_of, self.planner.channels_of) = (members_of, channels_of);
        self.write(entries).await;
    }

    async fn forget(&self, app: &str, forget: fn(&mut Tx, &str, usize) -> Result<u64, StoreError>) {
        let mut is_failing = false;
        loop {
            let app = app.to_owned();
            match self.store.write(move |tx| forget(tx, &app, CLEAN_UP_BATCH_ROWS)).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => self.pause(&mut is_failing, &error).await,
            }
        }
    }

    /// Writes entries in jobs of a bounded size, and does not give up.
    async fn write(&self, entries: Vec<Entry>) {
        let mut entries = entries;
        while !entries.is_empty() {
            let rest = entries.split_off(entries.len().min(ENTRIES_MAX));
            self.write_one(entries).await;
            entries = rest;
        }
    }

    async fn write_one(&self, entries: Vec<Entry>) {
        let mut jobs = vec![Arc::new(entries)];
        while let Some(entries) = jobs.pop() {
            if let Err(error) = self.try_to_write(&entries).await {
                if entries.len() == 1 {
                    tracing::error!(%error, "an event of a channel cannot be written, and is lost");
                }
                // One of them must not keep the others from being told.
                let singles = entries.iter().rev().filter(|_| entries.len() > 1);
                jobs.extend(singles.map(|entry| Arc::new(vec![entry.clone()])));
            }
        }
    }

    /// Tries until the database can be used; fails when it is not the database's fault.
    async fn try_to_write(&self, entries: &Arc<Vec<Entry>>) -> Result<(), StoreError> {
        let mut is_failing = false;
        loop {
            let job = entries.clone();
            match self.store.write(move |tx| write(tx, &job)).await {
                Ok(()) => return Ok(()),
                Err(error @ StoreError::Unavailable(_)) => self.pause(&mut is_failing, &error).await,
                // The same events are there: it was committed before, when nobody could say so.
                Err(StoreError::Conflict(_)) if is_failing => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn pause(&self, is_failing: &mut bool, error: &StoreError) {
        if !std::mem::replace(is_failing, true) {
            tracing::warn!(%error, "events of channels have to wait for the database");
        }
        self.clock.sleep_ms(RETRY_MS).await;
    }

    /// Tells that those are gone who were here when the server ended.
    async fn settle_leftovers(&self) {
        let mut after = None;
        loop {
            let mut page =
                self.read(move |db| rows::members_after(db, after.as_ref(), OCCURRENCES_BATCH_MAX)).await;
            let entries = page.iter().flat_map(|present| self.member_left_behind(present));
            self.write(entries.collect()).await;
            after = page.pop();
            if after.is_none() {
                break;
            }
        }
        let mut after = None;
        loop {
            let mut page =
                self.read(move |db| rows::channels_after(db, after.as_ref(), OCCURRENCES_BATCH_MAX)).await;
            let entries = page.iter().flat_map(|occupied| self.channel_left_behind(occupied));
            self.write(entries.collect()).await;
            after = page.pop();
            if after.is_none() {
                break;
            }
        }
    }

    fn member_left_behind(&self, present: &Present) -> Vec<Entry> {
        let Present { app, channel, user_id, info, has_left } = present;
        let at = self.clock.now();
        // Of one who was still waited for this was told.
        let left = (!has_left).then(|| presence(channel, user_id, info.as_deref()));
        let left = left.map(|data| fire(app.clone(), kind::PRESENCE_LEAVE, at, data));
        let removed = fire(app.clone(), kind::MEMBER_REMOVED, at, of_member(channel, user_id));
        let remove = Entry::Remove { app: app.clone(), channel: channel.clone(), user: user_id.clone() };
        left.into_iter().chain([removed, remove]).collect()
    }

    fn channel_left_behind(&self, Occupied { app, channel }: &Occupied) -> [Entry; 2] {
        let vacated = fire(app.clone(), kind::CHANNEL_VACATED, self.clock.now(), of_channel(channel));
        [vacated, Entry::Vacate { app: app.clone(), channel: channel.clone() }]
    }

    /// Reads, and does not give up.
    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Read) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> T {
        let mut is_failing = false;
        loop {
            match self.store.read(job.clone()).await {
                Ok(found) => return found,
                Err(error) => self.pause(&mut is_failing, &error).await,
            }
        }
    }
}

/// The job: what nobody asks for is not written at all.
fn write(tx: &mut Tx, entries: &[Entry]) -> Result<(), StoreError> {
    let mut heard: HashMap<(&str, &str), bool> = HashMap::new();
    for entry in entries {
        match entry {
            Entry::Fire(event) => {
                let is_heard = match heard.entry((&*event.app, &*event.kind)) {
                    hash_map::Entry::Occupied(known) => *known.get(),
                    hash_map::Entry::Vacant(unknown) => {
                        *unknown.insert(webhooks::hears(tx, &event.app, &event.kind)?)
                    }
                };
                if is_heard {
                    tx.fire(event.clone())?;
                }
            }
            Entry::Join { app, channel, member } => {
                rows::join(tx, app, channel, &member.id, member.info.as_deref())?;
            }
            Entry::Leave { app, channel, user } => rows::leave(tx, app, channel, user)?,
            Entry::Remove { app, channel, user } => rows::remove(tx, app, channel, user)?,
            Entry::Occupy { app, channel } => rows::occupy(tx, app, channel)?,
            Entry::Vacate { app, channel } => rows::vacate(tx, app, channel)?,
        }
    }
    Ok(())
}
