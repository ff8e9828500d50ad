//! Following a room of Jackbox's room service: what its answers and frames mean, which state the
//! room is in, how many people are in it, and what to do next. No clock, no connection, no row is
//! touched here.
//!
//! The service is unofficial, so nothing it says is taken for granted and nothing it does not say
//! is made up: a count that is not known is no count.

mod wire;

use std::collections::BTreeSet;

pub use self::wire::{Answer, Facts, Frame};
use crate::{
    Timestamp,
    session::{CountStatus, SessionGame},
};

/// Session games that may be watched at once.
pub const ROOMS_MAX_WATCHED: usize = 100;
/// How long a session game is watched before the host must ask again, in milliseconds (12 h).
pub const WATCH_MAX_MS: i64 = 12 * 60 * 60 * 1_000;
/// The shortest time between two polls of one room, in milliseconds.
pub const POLL_INTERVAL_MIN_MS: u64 = 10_000;
/// The longest time between two polls of one room while they fail, in milliseconds, unless the
/// ordinary time is longer (5 min).
pub const POLL_BACKOFF_MAX_MS: u64 = 300_000;
/// The least time without a poll after the service said that it was asked too often, in
/// milliseconds.
pub const RATE_LIMITED_MIN_MS: u64 = 60_000;
/// Polls that fail one after the other before the room is given up.
pub const POLL_FAILURES_MAX: u32 = 6;
/// Sockets that fail one after the other before the room is followed by polls alone.
pub const PROBE_FAILURES_MAX: u32 = 5;
/// Players of one room that are told apart; with more the count is unknown.
pub const PLAYERS_MAX: usize = 1_000;

/// What is to be shown of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// `Lobby`, `Locked`, `Ended` or `Failed`.
    pub status: CountStatus,
    /// People who play; `None` when nobody knows.
    pub count: Option<i64>,
}

impl Report {
    /// Whether there is nothing more to follow.
    pub fn is_over(self) -> bool {
        matches!(self.status, CountStatus::Ended | CountStatus::Failed)
    }
}

/// What happened to a room's polls or its socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A poll came to its end.
    Answered(Answer),
    /// The socket said something.
    Told(Frame),
    /// The socket was not opened, or is closed.
    ProbeLost,
}

impl Input {
    /// For how long the service is to be left alone after this, whichever room it was about, in
    /// milliseconds.
    pub fn rest_ms(&self) -> Option<u64> {
        match self {
            Self::Answered(Answer::RateLimited) | Self::Told(Frame::Error { code: wire::RATE_LIMITED }) => {
                Some(RATE_LIMITED_MIN_MS)
            }
            Self::Answered(_) | Self::Told(_) | Self::ProbeLost => None,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Poll again so many milliseconds from now.
    PollIn(u64),
    /// Poll again as soon as the room may be polled.
    PollSoon,
    /// Open a socket at this host (and port).
    OpenProbe(String),
    /// Close the socket; no [`Input::ProbeLost`] is expected for it.
    CloseProbe,
}

/// A room that is being followed.
#[derive(Debug, Clone)]
pub struct Room {
    code: String,
    interval_ms: u64,
    /// `Idle` until it was seen, then as in [`Report`].
    status: CountStatus,
    /// Whether there is anything to report: false for a room taken up again, until it answers.
    has_answered: bool,
    full: Option<bool>,
    max_players: Option<i64>,
    poll_failures: u32,
    probe: Probe,
    probe_failures: u32,
    /// The count as last known, which stands while a socket is being opened or asked about.
    last_count: Option<i64>,
}

#[derive(Debug, Clone)]
enum Probe {
    /// Not wanted, or refused for good.
    Off,
    /// To be opened after so many more good answers.
    Closed { answers_to_wait: u32 },
    /// Closed by the other side; the next answer tells whether the room is still there.
    Lost,
    /// Being opened.
    Asked,
    /// Open; the players by their ids, if it says who is there.
    Open(Option<BTreeSet<String>>),
}

impl Room {
    /// A room of which only the code is known. It is polled every `interval_ms`; with `probe` a
    /// socket tells who is there.
    pub fn new(code: String, interval_ms: u64, probe: bool) -> Self {
        Self {
            code,
            interval_ms,
            status: CountStatus::Idle,
            has_answered: false,
            full: None,
            max_players: None,
            poll_failures: 0,
            probe: if probe { Probe::Closed { answers_to_wait: 0 } } else { Probe::Off },
            probe_failures: 0,
            last_count: None,
        }
    }

    /// This room, as it stood when it was last followed: `Idle`, `Lobby` or `Locked`.
    #[must_use]
    pub fn resumed(self, status: CountStatus, last_count: Option<i64>) -> Self {
        Self { status, last_count, ..self }
    }

    /// What is to be shown now; `None` before there is any news.
    pub fn report(&self) -> Option<Report> {
        self.has_answered.then(|| Report { status: self.status, count: self.count() })
    }

    /// Whether there is nothing more to follow.
    pub fn is_over(&self) -> bool {
        self.report().is_some_and(Report::is_over)
    }

    /// Takes in what happened and says what to do; nothing happens to a room that is over.
    pub fn step(&mut self, input: Input) -> Vec<Effect> {
        if self.is_over() {
            return Vec::new();
        }
        let effects = match input {
            Input::Answered(Answer::Room(facts)) => self.found(facts),
            Input::Answered(Answer::NotFound) => {
                self.has_answered = true;
                let was_seen = self.status != CountStatus::Idle;
                self.finish(if was_seen { CountStatus::Ended } else { CountStatus::Failed })
            }
            Input::Answered(Answer::RateLimited) => self.failed(RATE_LIMITED_MIN_MS),
            Input::Answered(Answer::Fault(_)) => self.failed(0),
            Input::Told(frame) => self.told(frame),
            Input::ProbeLost => self.probe_lost(),
        };
        if !matches!(self.probe, Probe::Asked | Probe::Lost) {
            self.last_count = self.count();
        }
        effects
    }

    fn count(&self) -> Option<i64> {
        let by_capacity = || self.max_players.filter(|_| self.full == Some(true));
        match &self.probe {
            Probe::Open(Some(players)) => i64::try_from(players.len()).ok(),
            Probe::Asked | Probe::Lost => self.last_count.or_else(by_capacity),
            Probe::Open(None) | Probe::Closed { .. } | Probe::Off => by_capacity(),
        }
    }

    fn found(&mut self, facts: Facts) -> Vec<Effect> {
        self.has_answered = true;
        self.poll_failures = 0;
        self.full = facts.full;
        self.max_players = facts.max_players;
        self.status = match facts.locked {
            Some(true) => CountStatus::Locked,
            None if self.status == CountStatus::Locked => CountStatus::Locked,
            Some(false) | None => CountStatus::Lobby,
        };
        let mut effects = vec![Effect::PollIn(self.interval_ms)];
        if matches!(self.probe, Probe::Lost) {
            self.probe = Probe::Closed { answers_to_wait: 0 };
        }
        match (&mut self.probe, facts.host) {
            (Probe::Closed { answers_to_wait: 0 }, Some(host)) if !facts.is_closed_to_strangers => {
                self.probe = Probe::Asked;
                effects.push(Effect::OpenProbe(host));
            }
            (Probe::Closed { answers_to_wait }, _) => *answers_to_wait = answers_to_wait.saturating_sub(1),
            _ => {}
        }
        effects
    }

    fn failed(&mut self, least_ms: u64) -> Vec<Effect> {
        self.poll_failures += 1;
        if self.poll_failures >= POLL_FAILURES_MAX {
            self.has_answered = true;
            return self.finish(CountStatus::Failed);
        }
        let doubled = self.interval_ms.saturating_mul(1 << (self.poll_failures - 1));
        let longest = POLL_BACKOFF_MAX_MS.max(self.interval_ms);
        vec![Effect::PollIn(doubled.min(longest).max(least_ms))]
    }

    fn finish(&mut self, status: CountStatus) -> Vec<Effect> {
        self.status = status;
        self.close_probe()
    }

    fn told(&mut self, frame: Frame) -> Vec<Effect> {
        match frame {
            Frame::Welcome { players } => {
                self.probe_failures = 0;
                self.probe = Probe::Open(players.filter(|players| players.len() <= PLAYERS_MAX));
                Vec::new()
            }
            Frame::Came { id } => {
                if let Probe::Open(known) = &mut self.probe
                    && let Some(players) = known
                {
                    players.insert(id);
                    if players.len() > PLAYERS_MAX {
                        *known = None;
                    }
                }
                Vec::new()
            }
            Frame::Went { id } => {
                if let Probe::Open(Some(players)) = &mut self.probe {
                    players.remove(&id);
                }
                Vec::new()
            }
            Frame::Locked => {
                self.lock();
                Vec::new()
            }
            Frame::Exit => {
                let mut effects = self.close_probe();
                self.probe = Probe::Lost;
                effects.push(Effect::PollSoon);
                effects
            }
            Frame::Error { code } => self.refused(code),
            Frame::Other => Vec::new(),
        }
    }

    /// What the service's error codes mean for the socket that was told so.
    fn refused(&mut self, code: i64) -> Vec<Effect> {
        let mut effects = self.close_probe();
        match code {
            wire::ROOM_LOCKED => {
                self.lock();
                self.probe = Probe::Off;
            }
            wire::ROOM_FULL => {
                self.full = Some(true);
                self.wait_for_probe();
            }
            wire::PASSWORD_REQUIRED => self.probe = Probe::Off,
            wire::ROOM_NOT_FOUND | wire::ROOM_ENDED => {
                self.probe = Probe::Lost;
                effects.push(Effect::PollSoon);
            }
            wire::RATE_LIMITED => {
                self.wait_for_probe();
                effects.push(Effect::PollIn(RATE_LIMITED_MIN_MS.max(self.interval_ms)));
            }
            _ => self.wait_for_probe(),
        }
        effects
    }

    fn lock(&mut self) {
        if matches!(self.status, CountStatus::Idle | CountStatus::Lobby) {
            self.status = CountStatus::Locked;
        }
    }

    fn probe_lost(&mut self) -> Vec<Effect> {
        match self.probe {
            Probe::Open(_) => {
                self.probe = Probe::Lost;
                vec![Effect::PollSoon]
            }
            Probe::Asked => {
                self.wait_for_probe();
                Vec::new()
            }
            Probe::Closed { .. } | Probe::Lost | Probe::Off => Vec::new(),
        }
    }

    /// The next socket is opened later each time, and at last never.
    fn wait_for_probe(&mut self) {
        self.probe_failures += 1;
        self.probe = if self.probe_failures >= PROBE_FAILURES_MAX {
            Probe::Off
        } else {
            Probe::Closed { answers_to_wait: (1 << self.probe_failures) - 1 }
        };
    }

    fn close_probe(&mut self) -> Vec<Effect> {
        match self.probe {
            Probe::Asked | Probe::Open(_) => {
                self.probe = Probe::Closed { answers_to_wait: 0 };
                vec![Effect::CloseProbe]
            }
            Probe::Closed { .. } | Probe::Lost | Probe::Off => Vec::new(),
        }
    }

    /// The room's code.
    pub fn code(&self) -> &str {
        &self.code
    }
}

/// A session game whose room is being watched, with all that decides what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The row as it is shown.
    pub row: SessionGame,
    /// The room that is watched; the row may name another one by now.
    pub code: String,
    /// `Idle`, `Lobby` or `Locked`: the room's status even while the row shows a manual count.
    pub status: CountStatus,
    /// When the host asked for it.
    pub since: Timestamp,
}

/// What becomes of a watched row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing is to be written.
    Keep,
    /// The watch ends.
    Stop,
    /// The row names another room now, which is watched from here on.
    Switch(String),
    /// The row follows the report, and the watch ends if the report says so.
    Follow(Report),
}

impl Watched {
    /// What becomes of the row at `now`, when `report` is the latest of the room [`Self::code`].
    pub fn next(&self, report: Option<Report>, now: Timestamp) -> Step {
        let age_ms = now.as_millis().saturating_sub(self.since.as_millis());
        let Some(code) = self.row.room_code.as_ref() else {
            return Step::Stop;
        };
        if *code != self.code {
            return Step::Switch(code.clone());
        }
        let wanted = report.map(|report| (report, shown_after(&self.row, report)));
        match wanted {
            Some((report, _)) if report.is_over() => Step::Follow(report),
            _ if age_ms >= WATCH_MAX_MS => Step::Stop,
            Some((report, shown)) if report.status != self.status || shown != shown_of(&self.row) => {
                Step::Follow(report)
            }
            _ => Step::Keep,
        }
    }
}

/// Count and status that a row shows; one that was never watched is idle.
pub fn shown_of(row: &SessionGame) -> (Option<i64>, CountStatus) {
    (row.player_count, row.player_count_check_status.unwrap_or(CountStatus::Idle))
}

/// Count and status that a row shows after a report. A manual value wins; a room that is over
/// leaves the last count that was known.
pub fn shown_after(row: &SessionGame, report: Report) -> (Option<i64>, CountStatus) {
    match shown_of(row) {
        manual @ (_, CountStatus::Manual) => manual,
        (count, _) if report.is_over() => (count, report.status),
        _ => (report.count, report.status),
    }
}

#[cfg(test)]
mod tests;
