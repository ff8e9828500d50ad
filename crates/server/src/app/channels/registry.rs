//! The sockets that are open, by their ids: whose they are, and the bells at which they hear what
//! concerns them alone. What is kept of one is little, since there may be very many.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fanfare_hub::Bell;
use fanfare_model::{Timestamp, channel::SocketId};

use super::Listed;
use crate::{auth::Protocol, random};

/// The longest origin that is kept, in bytes; pages have shorter ones.
const ORIGIN_MAX_BYTES: usize = 200;

/// What a socket's bell is rung for.
pub(crate) mod signal {
    /// A deadline has come.
    pub(crate) const ALARM: u8 = 1;
    /// The server is shutting down.
    pub(crate) const STOPPING: u8 = 1 << 1;
    /// Its user's connections are terminated.
    pub(crate) const TERMINATED: u8 = 1 << 2;
    /// Its application was deleted.
    pub(crate) const APP_GONE: u8 = 1 << 3;
    /// It alone is closed by the host.
    pub(crate) const CLOSED: u8 = 1 << 4;
}

/// An application has as many connections as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverQuota;

/// What is known of a socket that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    /// In its dialect's spelling.
    pub(crate) socket_id: String,
    pub(crate) protocol: Protocol,
    pub(crate) opened_at: Timestamp,
    /// Whom it has signed in as, or whom its token names.
    pub(crate) user_id: Option<String>,
    /// Channels that it is subscribed to.
    pub(crate) subscriptions: usize,
    /// Of the page that opened it; none for programs that are no browser.
    pub(crate) origin: Option<String>,
}

/// The sockets that are open.
#[derive(Default)]
pub(crate) struct Sockets(Mutex<Open>);

#[derive(Default)]
struct Open {
    sockets: HashMap<SocketId, Entry>,
    per_app: HashMap<Arc<str>, usize>,
}

pub(super) struct Entry {
    app_id: Arc<str>,
    bell: Bell,
    protocol: Protocol,
    opened_at: Timestamp,
    user: User,
    subscriptions: u32,
    origin: Option<Box<str>>,
}

/// Whose a socket is.
enum User {
    Unknown,
    /// Its token says so.
    Named(Box<str>),
    /// It has signed in.
    SignedIn(Box<str>),
}

impl Entry {
    pub(super) fn new(
        app_id: Arc<str>,
        bell: Bell,
        protocol: Protocol,
        origin: Option<&str>,
        opened_at: Timestamp,
    ) -> Self {
        let origin = origin.filter(|origin| (1..=ORIGIN_MAX_BYTES).contains(&origin.len())).map(Into::into);
        Self { app_id, bell, protocol, opened_at, user: User::Unknown, subscriptions: 0, origin }
    }

    fn describe(&self, id: SocketId) -> Connection {
        Connection {
            socket_id: self.protocol.spell(id),
            protocol: self.protocol,
            opened_at: self.opened_at,
            user_id: match &self.user {
                User::Unknown => None,
                User::Named(id) | User::SignedIn(id) => Some(id.to_string()),
            },
            subscriptions: self.subscriptions as usize,
            origin: self.origin.as_deref().map(str::to_owned),
        }
    }
}

impl Sockets {
    /// The bell of an application's socket.
    pub(super) fn bell(&self, app_id: &str, id: SocketId) -> Option<Bell> {
        self.open().sockets.get(&id).filter(|entry| &*entry.app_id == app_id).map(|entry| entry.bell.clone())
    }

    /// The newest sockets of an application, `max` at most.
    pub(super) fn newest(&self, app_id: &str, max: usize) -> Listed<Connection> {
        let open = self.open();
        let of_app = open.sockets.iter().filter(|(_, entry)| &*entry.app_id == app_id);
        let mut newest: Vec<_> = of_app.map(|(id, entry)| Reverse((entry.opened_at, *id))).collect();
        let total = newest.len();
        if total > max {
            // The others need no order.
            newest.select_nth_unstable(max);
            newest.truncate(max);
        }
        newest.sort_unstable();
        let rows = newest.into_iter().map(|Reverse((_, id))| open.sockets[&id].describe(id)).collect();
        Listed { rows, total }
    }

    /// Rings at every socket.
    pub(crate) fn ring_all(&self, signals: u8) -> usize {
        self.ring(signals, |_| true)
    }

    /// Rings at an application's sockets.
    pub(crate) fn ring_app(&self, app_id: &str, signals: u8) -> usize {
        self.ring(signals, |entry| &*entry.app_id == app_id)
    }

    /// Rings at the sockets of an application's user.
    pub(super) fn ring_user(&self, app_id: &str, user_id: &str, signals: u8) -> usize {
        self.ring(signals, |entry| {
            &*entry.app_id == app_id && matches!(&entry.user, User::SignedIn(id) if &**id == user_id)
        })
    }

    /// How many an application has, or all of them.
    pub(crate) fn count(&self, app_id: Option<&str>) -> usize {
        let open = self.open();
        app_id.map_or(open.sockets.len(), |app_id| open.per_app.get(app_id).copied().unwrap_or(0))
    }

    fn ring(&self, signals: u8, is_meant: impl Fn(&Entry) -> bool) -> usize {
        let bells: Vec<_> = {
            let open = self.open();
            open.sockets.values().filter(|entry| is_meant(entry)).map(|entry| entry.bell.clone()).collect()
        };
        for bell in &bells {
            bell.ring(signals);
        }
        bells.len()
    }

    pub(super) fn add(&self, entry: Entry, max: Option<usize>) -> Result<SocketId, OverQuota> {
        let id = SocketId(u128::from(random::number()) << 64 | u128::from(random::number()));
        let mut open = self.open();
        let count = open.per_app.entry(entry.app_id.clone()).or_default();
        if max.is_some_and(|max| *count >= max) {
            return Err(OverQuota);
        }
        *count += 1;
        open.sockets.insert(id, entry);
        Ok(id)
    }

    pub(super) fn remove(&self, id: SocketId) {
        let mut open = self.open();
        let Some(entry) = open.sockets.remove(&id) else { return };
        if let Some(count) = open.per_app.get_mut(&entry.app_id) {
            *count -= 1;
            if *count == 0 {
                open.per_app.remove(&entry.app_id);
            }
        }
    }

    /// Its token names this user.
    pub(super) fn name(&self, id: SocketId, user_id: &str) {
        self.change(id, |entry| entry.user = User::Named(user_id.into()));
    }

    /// It has signed in as this user.
    pub(super) fn sign_in(&self, id: SocketId, user_id: &str) {
        self.change(id, |entry| entry.user = User::SignedIn(user_id.into()));
    }

    /// It has so many subscriptions now.
    pub(super) fn subscribed(&self, id: SocketId, subscriptions: i64) {
        let subscriptions = u32::try_from(subscriptions).unwrap_or(u32::MAX);
        self.change(id, |entry| entry.subscriptions = subscriptions);
    }

    fn change(&self, id: SocketId, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.open().sockets.get_mut(&id) {
            change(entry);
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
