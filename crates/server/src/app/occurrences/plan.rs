//! What is to be written down of what happened. Decides without I/O; what is heard in the end is decided
//! by the job that writes, since only the database knows it for sure.

use std::{collections::HashSet, sync::Arc};

use fanfare_model::{
    Timestamp,
    channel::{ChannelName, Member},
    event::{LooseEvent, kind},
    occurrence::{Occurrence, OccurrenceKind, of_channel, of_member},
};

use super::{
    Names,
    grace::{Gone, Grace, Place},
    interest::{Interest, Kinds},
};
use crate::{random, timers::Tick};

/// Something to write down; `app` is an application as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    /// Tells those webhooks that ask for it, if there are any.
    Fire(LooseEvent),
    Join {
        app: String,
        channel: ChannelName,
        member: Member,
    },
    Leave {
        app: String,
        channel: String,
        user: String,
    },
    Remove {
        app: String,
        channel: String,
        user: String,
    },
    Occupy {
        app: String,
        channel: ChannelName,
    },
    Vacate {
        app: String,
        channel: String,
    },
}

/// Turns what happened into entries.
pub(super) struct Planner {
    interest: Arc<Interest>,
    names: Names,
    pub(super) grace: Grace,
    /// Applications, as the database has them, whose members are written down.
    pub(super) members_of: HashSet<String>,
    /// Applications whose occupied channels are written down.
    pub(super) channels_of: HashSet<String>,
}

impl Planner {
    pub(super) fn new(interest: Arc<Interest>, names: Names, grace: Grace) -> Self {
        Self { interest, names, grace, members_of: HashSet::new(), channels_of: HashSet::new() }
    }

    /// Plans for what happened, told at `now`.
    pub(super) fn happened(&mut self, occurrence: &Occurrence, now: Tick, entries: &mut Vec<Entry>) {
        let Occurrence { app, at, kind: occurred } = occurrence;
        if let Some(name) = occurred.event()
            && self.asks(app, name)
        {
            entries.push(self.fire(app, name, *at, occurred.data(*at)));
        }
        match occurred {
            OccurrenceKind::PresenceJoin { channel, member } => {
                self.came(occurrence, &place(app, channel, Some(&member.id)), entries);
                if let Some(app) = self.keeps_members(app) {
                    entries.push(Entry::Join { app, channel: channel.clone(), member: member.clone() });
                }
            }
            OccurrenceKind::Occupied { channel } => {
                self.came(occurrence, &place(app, channel, None), entries);
                if let Some(app) = self.keeps_channels(app) {
                    entries.push(Entry::Occupy { app, channel: channel.clone() });
                }
            }
            OccurrenceKind::PresenceLeave { channel, member } => {
                let is_waited_for =
                    self.asks(app, kind::MEMBER_ADDED) || self.asks(app, kind::MEMBER_REMOVED);
                if let Some(app) = self.keeps_members(app) {
                    let (channel, user) = (channel.to_string(), member.id.clone());
                    entries.push(if is_waited_for {
                        Entry::Leave { app, channel, user }
                    } else {
                        Entry::Remove { app, channel, user }
                    });
                }
                if is_waited_for {
                    self.left(place(app, channel, Some(&member.id)), *at, now, entries);
                }
            }
            OccurrenceKind::Vacated { channel } => self.left(place(app, channel, None), *at, now, entries),
            _ => {}
        }
    }

    /// Plans for those who are not waited for any more by `now`, at most `max` of them.
    pub(super) fn waited(&mut self, now: Tick, max: usize, entries: &mut Vec<Entry>) {
        for _ in 0..max {
            let Some(gone) = self.grace.gone(now) else { return };
            self.gone(gone, entries);
        }
    }

    /// Plans for those who are waited for, whoever it is, at most `max` of them.
    pub(super) fn wait_no_longer(&mut self, max: usize, entries: &mut Vec<Entry>) {
        for _ in 0..max {
            let Some(gone) = self.grace.pop() else { return };
            self.gone(gone, entries);
        }
    }

    fn came(&mut self, occurrence: &Occurrence, place: &Place, entries: &mut Vec<Entry>) {
        let Occurrence { app, at, kind: occurred } = occurrence;
        if !self.grace.came(place)
            && let (Some(name), Some(data)) = (occurred.later(), occurred.later_data())
            && self.asks(app, name)
        {
            entries.push(self.fire(app, name, *at, data));
        }
    }

    fn left(&mut self, place: Place, at: Timestamp, now: Tick, entries: &mut Vec<Entry>) {
        if let Some(gone) = self.grace.left(place, at, now) {
            self.gone(gone, entries);
        }
    }

    fn gone(&mut self, Gone { place, at }: Gone, entries: &mut Vec<Entry>) {
        let Place { app, channel, user } = place;
        let (name, data) = match &user {
            Some(user) => (kind::MEMBER_REMOVED, of_member(&channel, user)),
            None => (kind::CHANNEL_VACATED, of_channel(&channel)),
        };
        if self.asks(&app, name) {
            entries.push(self.fire(&app, name, at, data));
        }
        let channel = channel.to_string();
        if let Some(user) = user {
            let user = user.to_string();
            entries.extend(self.keeps_members(&app).map(|app| Entry::Remove { app, channel, user }));
        } else {
            entries.extend(self.keeps_channels(&app).map(|app| Entry::Vacate { app, channel }));
        }
    }

    fn asks(&self, app: &str, name: &str) -> bool {
        self.interest.asked(self.names.column(app)).has_any([name])
    }

    /// The application as the database has it, if its members are written down.
    fn keeps_members(&self, app: &str) -> Option<String> {
        self.members_of.get(self.names.column(app)).cloned()
    }

    fn keeps_channels(&self, app: &str) -> Option<String> {
        self.channels_of.get(self.names.column(app)).cloned()
    }

    fn fire(&self, app: &str, name: &'static str, at: Timestamp, data: String) -> Entry {
        fire(self.names.column(app).to_owned(), name, at, data)
    }
}

/// An event of an application as the database has it.
pub(super) fn fire(app: String, name: &'static str, at: Timestamp, data: String) -> Entry {
    Entry::Fire(LooseEvent { public_id: random::event_id(at), kind: name.into(), at, data, app })
}

fn place(app: &Arc<str>, channel: &ChannelName, user: Option<&str>) -> Place {
    Place { app: app.clone(), channel: channel.clone(), user: user.map(Into::into) }
}

/// What of these events asks for members to be written down, and for occupied channels.
pub(super) fn keeps(kinds: Kinds) -> (bool, bool) {
    (kinds.has_any(Kinds::MEMBER_GONE), kinds.has_any([kind::CHANNEL_VACATED]))
}
