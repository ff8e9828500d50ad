//! Events of all streams, for who comes back to them, and events that clients fire by hand; everything
//! else that happens is told by what makes it happen.

use fanfare_model::{
    event::{Event, LooseEvent},
    fired::Fired,
    limits::{CATCH_UP_PAGE_EVENTS, RESUMED_MAX_EVENTS},
};
use fanfare_store::{Reach, Read, events};

use super::{Answer, App, Creation, Error};
use crate::random;

/// A committed event that somebody fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FiredEvent {
    /// The `webhook-id` of its deliveries.
    pub(crate) public_id: String,
    /// Its name.
    pub(crate) kind: String,
    /// How many webhooks it goes to.
    pub(crate) reach: Reach,
}

impl App {
    /// The place behind which a reader of all streams goes on who has heard this event last; `None`: it
    /// is not known, or too much has happened since.
    pub(crate) async fn place(&self, public_id: String) -> Result<Option<i64>, Error> {
        self.store.read(move |db| Ok(events::place(db, &public_id, RESUMED_MAX_EVENTS)?)).await
    }

    /// A page of what was told of all streams after a place, see [`events::missed`].
    pub(crate) async fn missed_events(&self, since: i64, after: i64) -> Result<Vec<Event>, Error> {
        let page = move |db: &mut Read| events::missed(db, since, after, CATCH_UP_PAGE_EVENTS);
        self.catch_up.page(&self.store, page).await
    }

    /// Tells every webhook that names this event, and nobody else.
    pub(crate) async fn fire_event(
        &self,
        fired: Fired,
        creation: Creation<FiredEvent>,
    ) -> Result<Answer, Error> {
        let at = self.clock.now();
        let Fired { kind, data } = fired;
        // Whoever fires events looks after the game nights, and so after the default application.
        let (public_id, app) = (random::event_id(at), String::new());
        let event = LooseEvent { public_id, kind: kind.clone().into(), at, data, app };
        self.store
            .write(move |tx| {
                creation.once(tx, at, |tx| {
                    let reach = tx.fire(event.clone())?;
                    Ok(FiredEvent { public_id: event.public_id.clone(), kind: kind.clone(), reach })
                })
            })
            .await
    }
}
