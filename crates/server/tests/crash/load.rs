//! A busy game night: one host who starts and closes sessions, and others who put games on, vote, count
//! players and change their minds. What they do is drawn by lot; when, is the machine's part.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::{sync::watch, task::JoinSet};

use crate::{
    client::{Client, Ledger},
    deeds::Deed,
    history::Fate,
    lots::Lots,
    time::pause,
};

/// Those beside the host.
const PLAYERS: usize = 7;
/// How long everybody thinks between two deeds, in milliseconds.
const THINKS_MS: std::ops::RangeInclusive<u64> = 5..=100;
/// Deeds of the host in one session.
const SESSION_DEEDS: std::ops::RangeInclusive<u64> = 10..=50;
/// Games that a client remembers as its own.
const OWN_MAX: usize = 6;

/// What clients can do at all.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// The ids of the library's games.
    pub(crate) library: Vec<i64>,
    /// Whether the server takes events that are fired by hand.
    pub(crate) may_fire: bool,
}

/// What everybody knows of the session that goes on.
#[derive(Debug, Clone, Default)]
struct Night {
    session: Option<i64>,
    /// When its newest known game was put on.
    played_at: Option<String>,
}

type Shared = Arc<Mutex<Night>>;

/// The clients; they end when this is dropped.
pub(crate) struct Load {
    tasks: JoinSet<()>,
    over: watch::Sender<bool>,
}

impl Load {
    pub(crate) fn start(ledger: &Arc<Ledger>, token: &str, scope: &Scope, lots: &mut Lots) -> Self {
        let night = Shared::default();
        let (over, is_over) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for index in 0..=PLAYERS {
            let (client, lots) = (Client::new(ledger, token), lots.fork());
            let (night, over, scope) = (night.clone(), is_over.clone(), scope.clone());
            let guest = Guest { client, lots, scope, night, over, own: Vec::new() };
            if index == 0 {
                tasks.spawn(guest.host());
            } else {
                tasks.spawn(guest.play());
            }
        }
        Self { tasks, over }
    }

    /// Lets everybody finish what they have begun.
    pub(crate) async fn finish(mut self) {
        self.over.send_replace(true);
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no client panics");
        }
    }
}

/// A game that this client put on.
struct Own {
    session: i64,
    row: i64,
    /// Statuses that it has been given.
    statuses: usize,
}

/// Each game goes through these, once; every step is a change, whoever else puts games on.
const STATUSES: [&str; 2] = ["skipped", "played"];

struct Guest {
    client: Client,
    lots: Lots,
    scope: Scope,
    night: Shared,
    over: watch::Receiver<bool>,
    own: Vec<Own>,
}

impl Guest {
    async fn host(mut self) {
        loop {
            if self.is_over() {
                return;
            }
            if !self.open().await {
                continue;
            }
            for _ in 0..self.lots.between(SESSION_DEEDS) {
                if self.is_over() {
                    return;
                }
                self.deed().await;
            }
            let Some(session) = self.night().session.take() else { continue };
            self.client.act(Deed::Close { session }, &mut self.lots).await;
        }
    }

    async fn play(mut self) {
        while !self.is_over() {
            self.deed().await;
        }
    }

    /// Starts a session, or finds the one that goes on although nobody was told of its start, or of its
    /// end; whether there is one.
    async fn open(&mut self) -> bool {
        let fate = self.client.act(Deed::Start, &mut self.lots).await;
        let session = match fate {
            Fate::Accepted(session) => session["id"].as_i64(),
            Fate::Refused | Fate::Unknown => {
                let active = self.client.get("/api/sessions/active").await.unwrap_or_default();
                active["id"].as_i64()
            }
        };
        *self.night() = Night { session, played_at: None };
        session.is_some()
    }

    async fn deed(&mut self) {
        pause(self.lots.between(THINKS_MS)).await;
        let Night { session, played_at } = self.night().clone();
        let Some(session) = session else { return };
        match (self.lots.between(0..=109), played_at) {
            (0..=24, _) | (25..=64, None) => self.add(session).await,
            (25..=64, Some(timestamp)) => {
                let up = !self.lots.one_in(3);
                self.client.act(Deed::Vote { up, timestamp }, &mut self.lots).await;
            }
            (100.., _) if self.scope.may_fire => {
                self.client.act(Deed::Fire, &mut self.lots).await;
            }
            (luck, _) => self.change(luck).await,
        }
    }

    async fn add(&mut self, session: i64) {
        let Some(&game) = self.lots.pick(&self.scope.library) else { return };
        let fate = self.client.act(Deed::Add { session, game }, &mut self.lots).await;
        let Fate::Accepted(row) = fate else { return };
        if self.own.len() == OWN_MAX {
            self.own.remove(0);
        }
        self.own.extend(row["id"].as_i64().map(|row| Own { session, row, statuses: 0 }));
        let mut night = self.night();
        if night.session == Some(session) {
            night.played_at = row["played_at"].as_str().map(ToOwned::to_owned);
        }
    }

    /// Changes one of its own games. One of which it is not known how it stands is left alone.
    async fn change(&mut self, luck: u64) {
        let indexes: Vec<usize> = (0..self.own.len()).collect();
        let Some(&index) = self.lots.pick(&indexes) else { return };
        let Own { session, row, statuses } = self.own[index];
        let deed = match (luck, STATUSES.get(statuses)) {
            (65..=78, Some(status)) => Deed::Status { session, row, status },
            (65..=87, _) => Deed::Count { session, row },
            (88..=95, _) => Deed::Room { session, row },
            _ => Deed::Remove { session, row },
        };
        let (is_status, is_end) = (matches!(deed, Deed::Status { .. }), matches!(deed, Deed::Remove { .. }));
        let fate = self.client.act(deed, &mut self.lots).await;
        match fate {
            Fate::Accepted(_) if !is_end => self.own[index].statuses += usize::from(is_status),
            _ => drop(self.own.remove(index)),
        }
    }

    fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    fn night(&self) -> std::sync::MutexGuard<'_, Night> {
        self.night.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
