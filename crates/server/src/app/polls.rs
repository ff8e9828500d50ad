//! Polls: opening them, voting, closing them. That their time is over is noticed by `poll_clock`.

use fanfare_model::{
    Timestamp,
    event::{self, kind, session_topic},
    game::Game,
    limits::{POLL_OPTIONS_MIN, POLLS_LIST_MAX_ROWS},
    pick::{self, Options},
    poll::{Choice, NewPoll, Poll, PollVote},
};
use fanfare_store::{Notice, Tx, games, polls, sessions};

use super::{Answer, App, Creation, Error, EventSeed};
use crate::random;

const NO_POLL: Error = Error::NotFound("Poll not found");
const POLL_CLOSED: Error = Error::Conflict("Poll is closed");

/// How a poll will end, should it: made before the job, which may run more than once.
pub(super) struct PollEnd {
    seed: EventSeed,
    chance: u64,
}

impl PollEnd {
    /// Ends an open poll, whose session is locked; emits `poll.ended`.
    pub(super) fn close(&self, tx: &mut Tx, poll: Poll) -> Result<Poll, Error> {
        let Self { seed, chance } = self;
        let winner = poll.draw_winner(*chance);
        polls::end(tx, poll.id, winner, seed.at)?;
        let ended = Poll { ended_at: Some(seed.at), winner, has_untold: false, ..poll };
        tx.emit(seed.grow(session_topic(ended.session_id), event::poll(&ended)))?;
        tx.notice(Notice::PollsChanged);
        Ok(ended)
    }
}

impl App {
    pub(super) fn poll_end(&self) -> PollEnd {
        PollEnd { seed: self.session_event(kind::POLL_ENDED), chance: random::number() }
    }

    pub(crate) async fn get_poll(&self, id: i64) -> Result<Poll, Error> {
        self.store.read(move |db| polls::get(db, id)?.ok_or(NO_POLL)).await
    }

    /// A session's latest polls, newest first, [`POLLS_LIST_MAX_ROWS`] at most.
    pub(crate) async fn list_polls(&self, session_id: i64) -> Result<Vec<Poll>, Error> {
        self.store
            .read(move |db| {
                sessions::get(db, session_id)?.ok_or(Error::NO_SESSION)?;
                Ok(polls::latest_of_session(db, session_id, POLLS_LIST_MAX_ROWS)?)
            })
            .await
    }

    /// Opens the one poll that a session may have open; emits `poll.started`. One whose time is over
    /// is closed before it.
    pub(crate) async fn create_poll(
        &self,
        session_id: i64,
        new: NewPoll,
        creation: Creation<Poll>,
    ) -> Result<Answer, Error> {
        let end_of_last = self.poll_end();
        let seed = self.session_event(kind::POLL_STARTED);
        let chance = random::number();
        self.store
            .write(move |tx| {
                creation.once(tx, seed.at, |tx| {
                    let session = sessions::lock(tx, session_id)?.ok_or(Error::NO_SESSION)?;
                    if !session.is_active {
                        return Err(Error::Invalid("Cannot open polls in a closed session".into()));
                    }
                    if let Some(last) = polls::open_of_session(tx, session_id)? {
                        if !last.is_overdue(seed.at) {
                            return Err(Error::Conflict("The session has an open poll already")
                                .with("pollId", last.id));
                        }
                        end_of_last.close(tx, last)?;
                    }
                    let games = choose(tx, session_id, &new.choice, chance)?;
                    let closes_at = seed.at.plus_millis(new.open_ms);
                    let poll = polls::insert(tx, session_id, &games, seed.at, closes_at)?;
                    tx.emit(seed.grow(session_topic(session_id), event::poll(&poll)))?;
                    tx.notice(Notice::PollsChanged);
                    Ok(poll)
                })
            })
            .await
    }

    /// Counts someone's vote instead of the one he had before, if any. `poll.updated` tells of it at
    /// once, or a second after the last one.
    pub(crate) async fn vote_in_poll(
        &self,
        id: i64,
        vote: PollVote,
        creation: Creation<Poll>,
    ) -> Result<Answer, Error> {
        let seed = self.session_event(kind::POLL_UPDATED);
        self.store
            .write(move |tx| {
                creation.once(tx, seed.at, |tx| {
                    let poll = lock(tx, id)?;
                    if !poll.takes_votes(seed.at) {
                        return Err(POLL_CLOSED);
                    }
                    let position = poll.position(&vote.option).ok_or_else(|| no_option(&poll))?;
                    if !polls::vote(tx, id, &vote.user_key, position)? {
                        return Ok(poll);
                    }
                    let poll = polls::get(tx, id)?.ok_or(NO_POLL)?;
                    if poll.may_tell(seed.at) {
                        return tell(tx, &seed, poll);
                    }
                    if !poll.has_untold {
                        polls::set_untold(tx, id)?;
                        tx.notice(Notice::PollsChanged);
                    }
                    Ok(poll)
                })
            })
            .await
    }

    /// Closes a poll before its time; emits `poll.ended`.
    pub(crate) async fn close_poll(&self, id: i64) -> Result<Poll, Error> {
        let end = self.poll_end();
        self.store
            .write(move |tx| {
                let poll = lock(tx, id)?;
                if poll.is_open() { end.close(tx, poll) } else { Err(POLL_CLOSED) }
            })
            .await
    }

    /// Removes a poll. An open one ends by it, without a winner: `poll.ended` says that it was deleted.
    pub(crate) async fn delete_poll(&self, id: i64) -> Result<(), Error> {
        let seed = self.session_event(kind::POLL_ENDED);
        self.store
            .write(move |tx| {
                let poll = lock(tx, id)?;
                if poll.is_open() {
                    let data = event::poll_deleted(&poll, seed.at);
                    tx.emit(seed.grow(session_topic(poll.session_id), data))?;
                    tx.notice(Notice::PollsChanged);
                }
                Ok(polls::delete(tx, id, seed.at)?)
            })
            .await
    }

    /// Does what time has brought for open polls: closes those whose time is over, tells changes that
    /// had to wait. Returns when there is something to do next, unless a poll changes.
    pub(super) async fn tend_polls(&self) -> Result<Option<Timestamp>, Error> {
        let open = self.store.read(|db| Ok::<_, Error>(polls::open(db)?)).await?;
        let mut next_due = None;
        for poll in open {
            let (now, id) = (self.clock.now(), poll.id);
            let left = if poll.is_overdue(now) {
                self.close_overdue_poll(id).await?
            } else if poll.has_untold && poll.may_tell(now) {
                self.tell_poll(id).await?
            } else {
                Some(poll)
            };
            let due = left.and_then(|poll| poll.next_due());
            next_due = next_due.into_iter().chain(due).min();
        }
        Ok(next_due)
    }

    async fn close_overdue_poll(&self, id: i64) -> Result<Option<Poll>, Error> {
        let end = self.poll_end();
        self.store
            .write(move |tx| match lock_if_any(tx, id)? {
                Some(poll) if poll.is_overdue(end.seed.at) => end.close(tx, poll).map(Some),
                poll => Ok(poll),
            })
            .await
    }

    async fn tell_poll(&self, id: i64) -> Result<Option<Poll>, Error> {
        let seed = self.session_event(kind::POLL_UPDATED);
        self.store
            .write(move |tx| match lock_if_any(tx, id)? {
                Some(poll) if poll.is_open() && poll.has_untold && poll.may_tell(seed.at) => {
                    tell(tx, &seed, poll).map(Some)
                }
                poll => Ok(poll),
            })
            .await
    }
}

/// Tells a poll's counts now; its session is locked.
fn tell(tx: &mut Tx, seed: &EventSeed, poll: Poll) -> Result<Poll, Error> {
    polls::set_told(tx, poll.id, seed.at)?;
    tx.emit(seed.grow(session_topic(poll.session_id), event::poll(&poll)))?;
    Ok(Poll { told_at: seed.at, has_untold: false, ..poll })
}

/// Reads a poll after keeping others from changing anything of its session until the transaction
/// ends.
fn lock_if_any(tx: &mut Tx, id: i64) -> Result<Option<Poll>, Error> {
    let Some(poll) = polls::get(tx, id)? else { return Ok(None) };
    sessions::lock(tx, poll.session_id)?;
    Ok(polls::get(tx, id)?)
}

fn lock(tx: &mut Tx, id: i64) -> Result<Poll, Error> {
    lock_if_any(tx, id)?.ok_or(NO_POLL)
}

fn no_option(poll: &Poll) -> Error {
    let last = fanfare_model::poll::option_key(poll.options.len().saturating_sub(1));
    Error::Invalid(format!("option must be one of A to {last}").into())
}

/// The games of a new poll.
fn choose(tx: &mut Tx, session_id: i64, choice: &Choice, chance: u64) -> Result<Vec<Game>, Error> {
    match choice {
        Choice::Games(ids) => {
            let mut game = |id: &i64| games::get(tx, *id)?.ok_or(Error::NO_GAME);
            ids.iter().map(&mut game).collect()
        }
        Choice::Pick(options) => draw(tx, session_id, options, chance),
    }
}

/// Picks as many games as are asked for, or as many as there are; less than two are no choice.
fn draw(tx: &mut Tx, session_id: i64, options: &Options, chance: u64) -> Result<Vec<Game>, Error> {
    let library = games::library(tx)?;
    let just_played = games::played_in(tx, session_id, options.held_back())?;
    let mut numbers = pick::seeded(options.seed.unwrap_or(chance.cast_signed()));
    let drawn = pick::draw(&library, options, &just_played, &mut numbers)?;
    if drawn.picks.len() < POLL_OPTIONS_MIN {
        return Err(Error::NotFound("Only one game matches the current filters"));
    }
    Ok(drawn.picks.into_iter().map(|pick| pick.game.clone()).collect())
}
