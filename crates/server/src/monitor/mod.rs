//! Watches the rooms of session games: asks the room service, and has what it says written down.
//!
//! One task owns everything: which rooms are followed, when each may be polled again, which sockets
//! are open. Polls and sockets are tasks of their own that only bring news. What is watched stands
//! in the database; what an answer means is decided in `fanfare_model::room`.

mod poll;
mod probe;

use std::collections::{BTreeMap, HashMap, HashSet};

use fanfare_model::{
    room::{Answer, Effect, Input, Room, Step, Watched},
    session::CountStatus,
};
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    app::{App, Error, RoomBell},
    config,
    egress::Egress,
    shutdown::Tasks,
    timers::{Clock, Tick},
};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!(
    "Fanfare/",
    env!("CARGO_PKG_VERSION"),
    " (room monitor; a self-hosted game-night server)"
));
/// News that may wait for the monitor before those who bring it wait.
const NEWS_MAX_QUEUED: usize = 256;
/// The least time between two writes on the word of sockets, in milliseconds.
const TOLD_WRITE_MIN_MS: u64 = 1_000;
/// How long to wait after the database failed, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Follows what is to be watched until the server stops.
pub(crate) struct Monitor {
    app: App,
    bell: RoomBell,
    ways: Ways,
    clock: Clock,
    tasks: Tasks,
    /// By code: two rows that name the same room share it.
    rooms: BTreeMap<String, Following>,
    /// When a code may be polled next, whether it is followed or was a moment ago.
    not_before: HashMap<String, Tick>,
    /// Until when the service is asked for no room at all, since it was asked too often.
    rest_until: Tick,
    /// Whether what is known could not be written down the last time.
    is_failing: bool,
    /// When to write down what was heard.
    write_at: Option<Tick>,
    /// When what sockets say may be written down next.
    told_write_at: Tick,
    next_number: u64,
    inbox: mpsc::Receiver<News>,
    bring: mpsc::Sender<News>,
}

/// How the service is reached.
#[derive(Clone)]
struct Ways {
    egress: Egress,
    settings: config::Rooms,
}

struct Following {
    room: Room,
    /// Tells it from an earlier room of the same code.
    number: u64,
    poll_at: Tick,
    /// The socket that is open or being opened; dropping the guard closes it.
    probe: Option<(u64, DropGuard)>,
}

/// What a poll or a socket found out.
struct News {
    code: String,
    /// Of the room for a poll, of the socket itself for a socket.
    number: u64,
    what: Input,
}

impl Monitor {
    pub(crate) fn new(
        app: App,
        bell: RoomBell,
        egress: Egress,
        settings: config::Rooms,
        were_watched: bool,
    ) -> Self {
        let (bring, inbox) = mpsc::channel(NEWS_MAX_QUEUED);
        let clock = app.clock.clone();
        let rest_ms = if were_watched { settings.poll_interval_ms } else { 0 };
        let rest_until = clock.tick().plus_millis(rest_ms);
        Self {
            bell,
            ways: Ways { egress, settings },
            tasks: app.tasks.clone(),
            app,
            rooms: BTreeMap::new(),
            not_before: HashMap::new(),
            rest_until,
            is_failing: false,
            write_at: Some(clock.tick()),
            told_write_at: clock.tick(),
            next_number: 0,
            inbox,
            bring,
            clock,
        }
    }

    /// Runs until the server is asked to stop. What is watched then is watched again after the
    /// next start.
    pub(crate) async fn run(mut self) {
        loop {
            let due = self.next_due();
            let clock = self.clock.clone();
            let wait = async {
                match due {
                    Some(due) => clock.sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.tasks.stopping() => return,
                () = self.bell.rung() => self.write_at = Some(self.clock.tick()),
                Some(news) = self.inbox.recv() => self.hear(news),
                () = wait => {}
            }
            // What came in at the same time is written down at the same time.
            for _ in 0..NEWS_MAX_QUEUED {
                let Ok(news) = self.inbox.try_recv() else { break };
                self.hear(news);
            }
            let now = self.clock.tick();
            if self.write_at.is_some_and(|at| at <= now) {
                self.write_at = None;
                let written = self.write().await;
                let was_failing = std::mem::replace(&mut self.is_failing, written.is_err());
                if let Err(error) = written {
                    if !was_failing {
                        tracing::warn!(
                            ?error,
                            "what is known of the rooms cannot be written down; trying again"
                        );
                    }
                    self.write_at = Some(self.clock.tick().plus_millis(RETRY_MS));
                }
            }
            self.poll_what_is_due();
        }
    }

    fn next_due(&self) -> Option<Tick> {
        let polls = self.rooms.iter().filter_map(|(code, following)| self.poll_due(code, following));
        polls.chain(self.write_at).min()
    }

    /// When the room is to be polled; `None` for one that only waits to be written down as over.
    fn poll_due(&self, code: &str, following: &Following) -> Option<Tick> {
        let not_before = self.not_before.get(code).copied().unwrap_or(following.poll_at);
        (!following.room.is_over()).then_some(following.poll_at.max(not_before).max(self.rest_until))
    }

    /// Brings every watched row up to date, and follows exactly what is watched. A row that cannot be
    /// written keeps its room and does not hinder the others; the first error is returned.
    async fn write(&mut self) -> Result<(), Error> {
        let mut watched = self.app.watched_rooms().await?;
        let now = self.clock.now();
        let (mut is_changed, mut failure, mut unwritten) = (false, None, HashSet::new());
        for one in &watched {
            let report = self.rooms.get(&one.code).and_then(|following| following.room.report());
            if one.next(report, now) != Step::Keep {
                let (row, code) = (&one.row, one.code.clone());
                match self.app.tend_watch(row.session_id, row.id, code, report).await {
                    Ok(()) => is_changed = true,
                    Err(error) => {
                        failure.get_or_insert(error);
                        unwritten.insert(one.code.clone());
                    }
                }
            }
        }
        if is_changed {
            watched = self.app.watched_rooms().await?;
        }
        self.rooms.retain(|code, following| {
            let is_done = following.room.is_over() && !unwritten.contains(code);
            !is_done && watched.iter().any(|one| one.code == *code)
        });
        for one in &watched {
            if !self.rooms.contains_key(&one.code) {
                self.follow(one);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    fn follow(&mut self, one: &Watched) {
        let config::Rooms { poll_interval_ms, probe, .. } = self.ways.settings;
        let count = one.row.player_count;
        let count = count.filter(|_| one.row.player_count_check_status != Some(CountStatus::Manual));
        let room = Room::new(one.code.clone(), poll_interval_ms, probe).resumed(one.status, count);
        let (number, poll_at) = (self.number(), self.clock.tick());
        self.rooms.insert(one.code.clone(), Following { room, number, poll_at, probe: None });
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn poll_what_is_due(&mut self) {
        let now = self.clock.tick();
        self.not_before.retain(|code, at| *at > now || self.rooms.contains_key(code));
        let due: Vec<_> = self
            .rooms
            .iter()
            .filter(|(code, following)| self.poll_due(code, following).is_some_and(|due| due <= now))
            .map(|(code, following)| (code.clone(), following.number))
            .collect();
        for (code, number) in due {
            // Until the answer is there, which moves it.
            let config::Rooms { poll_interval_ms, timeout_ms, .. } = self.ways.settings;
            let answer_due = now.plus_millis(timeout_ms.saturating_add(poll_interval_ms));
            self.not_before.insert(code.clone(), answer_due);
            let (ways, bring, tasks) = (self.ways.clone(), self.bring.clone(), self.tasks.clone());
            self.tasks.spawn("room poll", async move {
                let answer = tokio::select! {
                    biased;
                    () = tasks.stopping() => return,
                    answer = poll::poll(&ways, &code) => answer,
                };
                // Nobody is there to hear it when the server stops.
                let _ = bring.send(News { code, number, what: Input::Answered(answer) }).await;
            });
        }
    }

    fn hear(&mut self, news: News) {
        let News { code, number, what } = news;
        let now = self.clock.tick();
        let is_answer = matches!(what, Input::Answered(_));
        if let Some(rest_ms) = what.rest_ms() {
            tracing::warn!(code, "the room service is asked too often");
            self.rest_until = now.plus_millis(rest_ms);
        }
        if is_answer {
            let interval_ms = self.ways.settings.poll_interval_ms;
            self.not_before.insert(code.clone(), now.plus_millis(interval_ms));
        }
        let Some(following) = self.rooms.get_mut(&code) else { return };
        let current = if is_answer { Some(following.number) } else { following.probe.as_ref().map(|p| p.0) };
        if current != Some(number) {
            return;
        }
        match &what {
            Input::Answered(Answer::Fault(why)) => tracing::info!(code, why, "a room could not be polled"),
            Input::Answered(_) | Input::Told(_) => {}
            Input::ProbeLost => following.probe = None,
        }
        let before = following.room.report();
        let effects = following.room.step(what);
        let is_news = following.room.report() != before;
        for effect in effects {
            self.carry_out(&code, effect);
        }
        if is_answer {
            self.write_at = Some(now);
        } else if is_news && self.write_at.is_none() {
            let at = self.told_write_at.max(now);
            self.told_write_at = at.plus_millis(TOLD_WRITE_MIN_MS);
            self.write_at = Some(at);
        }
    }

    fn carry_out(&mut self, code: &str, effect: Effect) {
        let (now, number) = (self.clock.tick(), self.number());
        let Some(following) = self.rooms.get_mut(code) else { return };
        match effect {
            Effect::PollIn(ms) => following.poll_at = now.plus_millis(ms),
            Effect::PollSoon => following.poll_at = now,
            Effect::CloseProbe => following.probe = None,
            Effect::OpenProbe(host) => {
                let closed = CancellationToken::new();
                following.probe = Some((number, closed.clone().drop_guard()));
                let (ways, clock, tasks) = (self.ways.clone(), self.clock.clone(), self.tasks.clone());
                let not_before = self.rest_until;
                let tell = probe::Tell { bring: self.bring.clone(), code: code.to_owned(), number };
                self.tasks.spawn("room socket", async move {
                    let ended = async {
                        tokio::select! {
                            () = tasks.stopping() => {}
                            () = closed.cancelled() => {}
                        }
                    };
                    probe::run(&ways, &host, &clock, not_before, tell, ended).await;
                });
            }
        }
    }
}
