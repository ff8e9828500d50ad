//! A transaction: writing, and what is told to the publisher when it commits.
//!
//! Only the writers begin and end transactions; a job sees one that is already open.

use std::sync::Arc;

use fanfare_model::{
    event::{Event, LooseEvent, NewEvent},
    pattern,
};

use crate::{
    Commit, Error, NewDelivery, Notice, Published, Read, dialect,
    engine::{Row, Value},
};

/// The topic that counts the events of all topics.
pub(crate) const ALL_TOPICS: &str = "all";

/// A transaction. Reading goes through `Deref` to [`Read`].
pub struct Tx {
    read: Read,
    commit: Commit,
}

/// How many deliveries an event made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Those that will be sent.
    pub pending: u64,
    /// Those that are kept for disabled webhooks.
    pub held: u64,
}

/// How much a transaction had remembered before a job began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark {
    events: usize,
    notices: usize,
}

impl Tx {
    pub(crate) fn new(read: Read) -> Self {
        Self { read, commit: Commit::default() }
    }

    /// Takes the topic's next seq and the next place among all, writes the event and one delivery per
    /// webhook that one of the event's patterns names (held for a disabled one), and remembers both for
    /// the commit.
    ///
    /// # Errors
    /// [`Error::Conflict`] for a `public_id` that exists; [`Error::Unavailable`].
    pub fn emit(&mut self, event: NewEvent) -> Result<Arc<Event>, Error> {
        // The topic first: some jobs have its lock already. Both are held until the commit, so that events
        // become known in the order of their places.
        let counted = self.rows(
            "insert into topics (topic, last_seq) values (?1, 1), (?2, 1) \
             on conflict (topic) do update set last_seq = topics.last_seq + 1 \
             returning last_seq, topic = ?2",
            &[(&event.topic).into(), ALL_TOPICS.into()],
            |row| Ok((row.get(0)?, row.get::<bool>(1)?)),
        )?;
        let ([(seq, false), (place, true)] | [(place, true), (seq, false)]) = counted[..] else {
            return Err(Error::Bug("a topic has no seq".into()));
        };
        let event = self.insert_event(event, Some((seq, place)), false)?;
        self.fan_out(&event, "")?;
        Ok(event)
    }

    /// Writes an event that stands in no stream and one delivery per webhook that one of the event's
    /// patterns names (held for a disabled one), and remembers both for the commit.
    ///
    /// # Errors
    /// As for [`Tx::emit`].
    pub fn fire(&mut self, event: LooseEvent) -> Result<Reach, Error> {
        let app = event.app.clone();
        let event = self.write_event(event, None, false)?;
        self.fan_out(&event, &app)
    }

    /// Makes an event's deliveries, and hands both to the commit.
    fn fan_out(&mut self, event: &Arc<Event>, app: &str) -> Result<Reach, Error> {
        let [name, family, all] = pattern::fired_by(&event.kind);
        let fan_out = dialect::fan_out(self.dialect());
        let (mut deliveries, mut held) = (Vec::new(), 0);
        self.run_each(
            fan_out,
            &[
                event.id.into(),
                event.at.into(),
                name.as_ref().into(),
                family.as_ref().into(),
                all.as_ref().into(),
                event.topic.as_ref().into(),
                app.into(),
            ],
            |row| {
                if row.get::<bool>(2)? {
                    deliveries.push(NewDelivery {
                        id: row.get(0)?,
                        webhook_id: row.get(1)?,
                        order_key: row.get(3)?,
                    });
                } else {
                    held += 1;
                }
                Ok(())
            },
        )?;
        let reach = Reach { pending: deliveries.len() as u64, held };
        self.publish(event, deliveries, held, false);
        Ok(reach)
    }

    /// Leaves something for other rooms to hear of after the commit.
    pub fn notice(&mut self, notice: Notice) {
        if !self.commit.notices.contains(&notice) {
            self.commit.notices.push(notice);
        }
    }

    /// Writes the event's row, with its seq and its place; without them it stands in no stream. A test is
    /// one that nobody else is ever sent.
    pub(crate) fn insert_event(
        &mut self,
        event: NewEvent,
        position: Option<(i64, i64)>,
        test: bool,
    ) -> Result<Arc<Event>, Error> {
        let NewEvent { public_id, topic, kind, at, data } = event;
        let event = LooseEvent { public_id, kind: kind.into(), at, data, app: String::new() };
        self.write_event(event, position.map(|position| (topic, position)), test)
    }

    /// Writes the row of an event, which has a place in a stream or not.
    fn write_event(
        &mut self,
        event: LooseEvent,
        position: Option<(String, (i64, i64))>,
        test: bool,
    ) -> Result<Arc<Event>, Error> {
        let LooseEvent { public_id, kind, at, data, app } = event;
        let (topic, position) = position.unzip();
        let (seq, place) = position.unzip();
        let id = self
            .row(
                "insert into events (public_id, topic, seq, kind, at_ms, data, test, app, place) \
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) returning id",
                &[
                    (&public_id).into(),
                    topic.as_ref().into(),
                    seq.into(),
                    (&*kind).into(),
                    at.into(),
                    (&data).into(),
                    test.into(),
                    (&app).into(),
                    place.into(),
                ],
                |row| row.get(0),
            )?
            .ok_or_else(|| Error::Bug("an event has no id".into()))?;
        let kind = kind.into_owned();
        let (seq, place) = (seq.unwrap_or(0), place.unwrap_or(0));
        Ok(Arc::new(Event { id, public_id, topic, seq, place, kind, at, data }))
    }

    /// Remembers an event, its pending deliveries and how many are held for the commit.
    pub(crate) fn publish(
        &mut self,
        event: &Arc<Event>,
        deliveries: Vec<NewDelivery>,
        held: u64,
        test: bool,
    ) {
        self.commit.events.push(Published { event: Arc::clone(event), deliveries, held, test });
    }

    /// Runs one statement; returns the rows it changed.
    pub(crate) fn run(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, Error> {
        self.run_each(sql, params, |_| Ok(()))
    }

    fn run_each(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        self.read.each(sql, params, each)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { events: self.commit.events.len(), notices: self.commit.notices.len() }
    }

    /// Forgets what was remembered since the mark, and that a statement failed.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.commit.events.truncate(mark.events);
        self.commit.notices.truncate(mark.notices);
        self.read.forget_failure();
    }

    /// What was remembered, if anything.
    pub(crate) fn take_commit(&mut self) -> Option<Commit> {
        let commit = std::mem::take(&mut self.commit);
        (!commit.events.is_empty() || !commit.notices.is_empty()).then_some(commit)
    }
}

impl std::ops::Deref for Tx {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Read {
        &mut self.read
    }
}
