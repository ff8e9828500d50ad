//! Which events of channels webhooks ask for, as it was last read. A change of a webhook is known before
//! it is answered, and until it has been read everything counts as asked for.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU32, Ordering},
    },
};

use fanfare_model::{event::kind, occurrence::OccurrenceKind, pattern};
use tokio::sync::Notify;

/// A set of names of events of channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds(u32);

/// Stands in [`Interest::any`] while a change has not been read.
const STALE: u32 = 1 << 31;

impl Kinds {
    /// Those that tell that a member of a presence channel is there no more.
    pub(super) const MEMBER_GONE: [&'static str; 2] = [kind::PRESENCE_LEAVE, kind::MEMBER_REMOVED];
    const ALL: Self = Self(!STALE);
    /// Whoever asks for one of these is told right only when joining and leaving are both known.
    const OF_MEMBERS: [&'static str; 4] =
        [kind::PRESENCE_JOIN, kind::PRESENCE_LEAVE, kind::MEMBER_ADDED, kind::MEMBER_REMOVED];
    /// Likewise of channels.
    const OF_OCCUPATION: [&'static str; 2] = [kind::CHANNEL_OCCUPIED, kind::CHANNEL_VACATED];

    /// Every name that an event of channels has.
    fn names() -> impl Iterator<Item = &'static str> {
        kind::CHANNEL.iter().chain(kind::PUSHER).copied()
    }

    /// The set of one name; empty for what is no event of channels.
    pub(super) fn named(name: &str) -> Self {
        Self(Self::names().position(|other| other == name).map_or(0, |place| 1 << place))
    }

    fn all_named<const N: usize>(names: [&str; N]) -> Self {
        names.into_iter().map(Self::named).fold(Self::default(), Self::and)
    }

    /// The events that tell of what happened.
    pub(super) fn of(occurrence: &OccurrenceKind) -> Self {
        let names = [occurrence.event(), occurrence.later()];
        names.into_iter().flatten().map(Self::named).fold(Self::default(), Self::and)
    }

    /// These, and those that are told right only when these are known.
    pub(super) fn concerned(self) -> Self {
        let groups = [Self::all_named(Self::OF_MEMBERS), Self::all_named(Self::OF_OCCUPATION)];
        groups.into_iter().filter(|group| self.0 & group.0 != 0).fold(self, Self::and)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has any of these names.
    pub(super) fn has_any<const N: usize>(self, names: [&str; N]) -> bool {
        self.0 & Self::all_named(names).0 != 0
    }
}

/// What webhooks ask for.
pub(crate) struct Interest {
    /// What any application's webhooks ask for, and [`STALE`]: most questions end here.
    any: AtomicU32,
    known: RwLock<Known>,
    /// Rung when a webhook has changed.
    pub(super) changed: Notify,
}

/// Nothing is known yet.
impl Default for Interest {
    fn default() -> Self {
        let any = AtomicU32::new(STALE | Kinds::ALL.0);
        Self { any, known: RwLock::default(), changed: Notify::new() }
    }
}

#[derive(Default)]
struct Known {
    /// Changes that have been counted.
    changes: u64,
    /// By the application: the default one is the empty text.
    by_app: HashMap<String, Kinds>,
}

impl Interest {
    /// A webhook has changed, or may have; called before that is answered.
    pub(crate) fn webhooks_changed(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.changes += 1;
        self.any.store(STALE | Kinds::ALL.0, Ordering::Release);
        drop(known);
        self.changed.notify_one();
    }

    /// Whether an application's webhooks ask for any of these events, or may do so. `app` is an application
    /// as the database has it, here and below.
    pub(super) fn wants(&self, app: &str, kinds: Kinds) -> bool {
        let any = self.any.load(Ordering::Acquire);
        any & STALE != 0 || any & kinds.0 != 0 && self.known().of(app).0 & kinds.0 != 0
    }

    /// What an application's webhooks ask for; everything while that may have changed.
    pub(super) fn asked(&self, app: &str) -> Kinds {
        let known = self.known();
        if self.is_stale() { Kinds::ALL } else { known.of(app) }
    }

    /// Whether a change has not been read.
    pub(super) fn is_stale(&self) -> bool {
        self.any.load(Ordering::Acquire) & STALE != 0
    }

    /// How many changes have been counted: to be asked before reading.
    pub(super) fn changes(&self) -> u64 {
        self.known().changes
    }

    /// Takes note of what was read after so many changes; what each application's webhooks ask for.
    pub(super) fn learn(&self, changes: u64, asked_for: &[(String, String)]) -> HashMap<String, Kinds> {
        let mut by_app: HashMap<String, Kinds> = HashMap::new();
        for (app, pattern) in asked_for {
            let fired = Kinds::names().filter(|name| fires(name, pattern)).map(Kinds::named);
            let kinds = by_app.entry(app.clone()).or_default();
            *kinds = fired.fold(*kinds, Kinds::and);
        }
        let any = by_app.values().copied().fold(Kinds::default(), Kinds::and);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.by_app.clone_from(&by_app);
        if known.changes == changes {
            self.any.store(any.0, Ordering::Release);
        }
        by_app
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn of(&self, app: &str) -> Kinds {
        self.by_app.get(app).copied().unwrap_or_default()
    }
}

/// The patterns that events of channels fire.
pub(super) fn patterns() -> Vec<String> {
    Kinds::names().flat_map(pattern::fired_by).flatten().collect()
}

fn fires(name: &str, pattern: &str) -> bool {
    pattern::fired_by(name).iter().flatten().any(|fired| fired == pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(app, pattern)| ((*app).to_owned(), (*pattern).to_owned())).collect()
    }

    #[test]
    fn names_are_bits_of_their_own() {
        let all: Vec<u32> = Kinds::names().map(|name| Kinds::named(name).0).collect();
        assert_eq!(all, (0..13).map(|place| 1 << place).collect::<Vec<_>>());
        assert_eq!(Kinds::named("game.added"), Kinds::default());
        assert_eq!(patterns().len(), 26, "nothing of channels is in `*`");
    }

    #[test]
    fn each_application_is_asked_by_itself() {
        let interest = Interest::default();
        let wants = |app: &str, name: &str| interest.wants(app, Kinds::named(name));
        assert!(wants("", "broadcast") && wants("other", "cache_miss"), "nothing is known yet");
        let changes = interest.changes();
        interest
            .learn(changes, &asked(&[("", "broadcast"), ("shop", "subscribe.*"), ("shop", "cache_miss")]));
        for (app, name, expected) in [
            ("shop", "broadcast", false),
            ("", "broadcast", true),
            ("", "subscribe", false),
            ("shop", "subscribe", true),
            ("shop", "cache_miss", true),
            ("other", "cache_miss", false),
            ("shop", "client_event", false),
            ("shop", "game.added", false),
        ] {
            assert_eq!(wants(app, name), expected, "{app} {name}");
        }
    }

    #[test]
    fn a_change_during_a_reading_is_not_in_it() {
        let interest = Interest::default();
        let changes = interest.changes();
        interest.webhooks_changed();
        interest.learn(changes, &[]);
        assert!(interest.is_stale() && interest.wants("", Kinds::named("broadcast")));
        assert_eq!(interest.asked(""), Kinds::ALL);
        interest.learn(interest.changes(), &[]);
        assert!(!interest.is_stale() && !interest.wants("", Kinds::named("broadcast")));
        assert_eq!(interest.asked(""), Kinds::default());
    }

    #[test]
    fn what_depends_on_each_other_is_told_together() {
        for (name, concerned) in [
            ("broadcast", "broadcast"),
            ("presence_join", "presence_leave"),
            ("presence_leave", "member_added"),
            ("member_removed", "presence_join"),
            ("channel_occupied", "channel_vacated"),
            ("channel_vacated", "channel_occupied"),
        ] {
            let kinds = Kinds::named(name).concerned();
            assert!(kinds.has_any([concerned]) && !kinds.has_any(["connection"]), "{name}");
        }
        assert!(!Kinds::named("channel_vacated").concerned().has_any(["presence_leave"]));
    }
}
