//! Imports of chat logs: all or nothing, in transactions that do not hold up the writer.
//!
//! An import writes its votes a batch at a time, hidden, and makes them visible in its last
//! transaction, together with every total and with the answer under the request's key. That one looks
//! at what was voted and played meanwhile: the outcome is the one of an import that took no time. What
//! is hidden counts for nobody, so live votes do not wait for an import, nor are they refused for one
//! that may come to nothing.

use std::{borrow::Cow, sync::Arc};

use fanfare_model::{
    Timestamp,
    limits::{CHAT_IMPORT_BATCH_ROWS, CHAT_IMPORT_MAX_ROUNDS},
    vote::{
        chat::{ChatImported, ChatLog},
        import::Import,
    },
};
use fanfare_store::{
    Read, Store, Tx,
    imports::{self, OpenImport},
    sessions, votes,
};
use tokio::sync::oneshot;

use super::{Answer, App, Creation, Error};

/// How an import starts.
enum Start {
    /// The request was answered before.
    Known(Answer),
    Begun(OpenImport),
}

/// What one transaction of an import has come to.
enum Step {
    /// As many votes as it was allowed are written; more are to be.
    Written,
    /// What becomes of the votes has changed, of more than can be written in the last transaction.
    Heard(Import),
    /// Everybody sees it.
    Ended(Answer),
}

impl App {
    /// Counts the votes of a chat log in a session, active or not. Emits nothing: they are old news.
    /// Goes on when nobody waits for it any more.
    pub(crate) async fn import_chat(
        &self,
        session_id: i64,
        log: ChatLog,
        creation: Creation<ChatImported>,
    ) -> Result<Answer, Error> {
        let (answer, answered) = oneshot::channel();
        let app = self.clone();
        let import = async move {
            let outcome = app.run_import(session_id, log, creation).await;
            // A caller that has gone needs no answer.
            drop(answer.send(outcome));
        };
        self.tasks.spawn("chat import", import);
        answered.await.unwrap_or_else(|_| Err(Error::Unavailable("the import was cut off".into())))
    }

    /// What an import of the log would come to now. Nothing is changed.
    pub(crate) async fn try_chat_import(&self, session_id: i64, log: ChatLog) -> Result<ChatImported, Error> {
        self.store
            .read(move |db| {
                sessions::get(db, session_id)?.ok_or(Error::NO_SESSION)?;
                let import = judged(db, session_id, log)?;
                Ok(import.outcome(votes::count_on_trial(db, &import.tallies())?))
            })
            .await
    }

    async fn run_import(
        &self,
        session_id: i64,
        log: ChatLog,
        creation: Creation<ChatImported>,
    ) -> Result<Answer, Error> {
        let _turn = tokio::select! {
            biased;
            () = self.tasks.stopping() => return Err(Error::Unavailable("the server is stopping".into())),
            turn = self.leftovers.import_turn() => turn,
        };
        let (store, now) = (&self.store, self.clock.now());
        let open = match start(store, session_id, creation.clone(), now).await? {
            Start::Known(answer) => return Ok(answer),
            Start::Begun(open) => open,
        };
        let mut import = judge(store, open, log).await?;
        let mut rounds = 0;
        loop {
            let rows = if rounds < CHAT_IMPORT_MAX_ROUNDS { CHAT_IMPORT_BATCH_ROWS } else { usize::MAX };
            let (at_hand, creation) = (Arc::clone(&import), creation.clone());
            let step = store.write(move |tx| step(tx, open, &at_hand, rows, &creation, now)).await?;
            match step {
                Step::Written => Arc::make_mut(&mut import).written(rows),
                Step::Heard(heard) => {
                    rounds += 1;
                    import = Arc::new(heard);
                }
                Step::Ended(answer) => return Ok(answer),
            }
        }
    }
}

async fn start(
    store: &Store,
    session_id: i64,
    creation: Creation<ChatImported>,
    now: Timestamp,
) -> Result<Start, Error> {
    store
        .write(move |tx| {
            if let Some(answer) = creation.known(tx, now)? {
                return Ok(Start::Known(answer));
            }
            sessions::lock(tx, session_id)?.ok_or(Error::NO_SESSION)?;
            Ok(Start::Begun(imports::begin(tx, session_id, now)?))
        })
        .await
}

/// What becomes of the votes as far as is known once the import has begun; found out beside the writer,
/// since it may take long.
async fn judge(store: &Store, open: OpenImport, log: ChatLog) -> Result<Arc<Import>, Error> {
    store.read(move |db| Ok(Arc::new(judged(db, open.session_id, log)?))).await
}

fn judged(db: &mut Read, session_id: i64, log: ChatLog) -> Result<Import, Error> {
    let mut import = Import::new(Arc::new(log));
    let turns = votes::turns(db, session_id)?;
    let cast = match import.span() {
        Some(span) => votes::cast_between(db, session_id, span, |user| import.has_voter(user))?,
        None => Vec::new(),
    };
    import.hear(turns, cast);
    Ok(import)
}

/// Writes `rows` votes, or the last ones and makes all of them count.
fn step(
    tx: &mut Tx,
    open: OpenImport,
    import: &Import,
    rows: usize,
    creation: &Creation<ChatImported>,
    now: Timestamp,
) -> Result<Step, Error> {
    sessions::lock(tx, open.session_id)?.ok_or(Error::NO_SESSION)?;
    if !imports::is_open(tx, open.id)? {
        // Its votes would be seen.
        return Err(Error::Bug("an import was undone while it was under way".into()));
    }
    if is_more_than(import, rows) {
        votes::edit(tx, open, &import.edits(rows), now)?;
        return Ok(Step::Written);
    }
    let import = match hear(tx, open, import)? {
        Some(heard) if is_more_than(&heard, rows) => return Ok(Step::Heard(heard)),
        Some(heard) => Cow::Owned(heard),
        None => Cow::Borrowed(import),
    };
    let end = |tx: &mut Tx| {
        votes::edit(tx, open, &import.edits(rows), now)?;
        imports::end(tx, open.id)?;
        Ok(import.outcome(votes::count_all(tx, open.session_id, &import.tallies())?))
    };
    Ok(Step::Ended(creation.once(tx, now, end)?))
}

fn is_more_than(import: &Import, rows: usize) -> bool {
    import.edits(rows.saturating_add(1)).len() > rows
}

/// The import as it is after what was voted and played since it was judged, if that is any different.
fn hear(tx: &mut Tx, open: OpenImport, import: &Import) -> Result<Option<Import>, Error> {
    let Some(span) = import.span() else { return Ok(None) };
    let turns = votes::turns(tx, open.session_id)?;
    let cast = votes::cast_after(tx, open.session_id, open.after_vote_id, span)?;
    if !import.is_news(&turns, &cast) {
        return Ok(None);
    }
    let mut import = import.clone();
    import.hear(turns, cast);
    Ok(Some(import))
}

#[cfg(test)]
mod tests;
