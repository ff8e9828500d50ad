//! Creating things once: the same request under the same `Idempotency-Key` gets the same answer.
//!
//! The answer is kept in the transaction that makes the thing, so there is never one without the
//! other. A request that failed changed nothing, and keeps nothing: it may be tried again.

use fanfare_model::{Timestamp, limits::IDEMPOTENCY_KEEP_MS};
use fanfare_store::{
    Read, Tx,
    idempotency::{self, Kept},
};

use super::Error;

/// What is answered to a request that creates something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// JSON.
    pub(crate) body: String,
    /// Whether it was given before, and nothing was done this time.
    pub(crate) is_repeated: bool,
}

/// The key that a client gave to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestKey {
    /// 1 to 255 printable ASCII characters.
    pub(crate) key: String,
    /// A hash of the request's method, path and body.
    pub(crate) fingerprint: String,
}

/// How a created `T` is answered, and under which key, if any.
#[derive(Clone)]
pub(crate) struct Creation<T> {
    pub(crate) key: Option<RequestKey>,
    pub(crate) answer: fn(&T) -> Answer,
}

impl<T> Creation<T> {
    /// Does the work of a job and makes the answer, or finds the one that was given before.
    ///
    /// # Errors
    /// [`Error::KeyReused`] when the key belongs to another request; else those of `work`.
    pub(crate) fn once(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        work: impl FnOnce(&mut Tx) -> Result<T, Error>,
    ) -> Result<Answer, Error> {
        let Some(RequestKey { key, fingerprint }) = &self.key else {
            return work(tx).map(|made| (self.answer)(&made));
        };
        match idempotency::claim(tx, key, fingerprint, now, expired(now))? {
            None => {
                let answer = (self.answer)(&work(tx)?);
                idempotency::fill(tx, key, answer.status, &answer.body)?;
                Ok(answer)
            }
            Some(kept) => repeated(kept, fingerprint),
        }
    }

    /// The answer that was given before, if one was: for work of several transactions, which claims the
    /// key in its last one.
    ///
    /// # Errors
    /// [`Error::KeyReused`] when the key belongs to another request; else those of the database.
    pub(crate) fn known(&self, db: &mut Read, now: Timestamp) -> Result<Option<Answer>, Error> {
        let Some(RequestKey { key, fingerprint }) = &self.key else { return Ok(None) };
        let kept = idempotency::find(db, key, expired(now))?;
        kept.map(|kept| repeated(kept, fingerprint)).transpose()
    }
}

fn repeated(kept: Kept, fingerprint: &str) -> Result<Answer, Error> {
    if kept.fingerprint == fingerprint {
        Ok(Answer { status: kept.status, body: kept.body, is_repeated: true })
    } else {
        Err(Error::KeyReused)
    }
}

/// Answers given before are no longer kept.
pub(super) fn expired(now: Timestamp) -> Timestamp {
    now.plus_millis(-IDEMPOTENCY_KEEP_MS)
}
