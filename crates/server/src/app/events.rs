//! The log of all events for those who follow it, and events that clients fire by hand; everything else
//! that happens is told by what makes it happen.

use fanfare_model::{
    event::{Event, LooseEvent},
    fired::Fired,
    limits::CATCH_UP_PAGE_EVENTS,
};
use fanfare_store::{Reach, Read, events};

use super::{Answer, App, Creation, Error, Span};
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
    /// What the log holds of all streams, by place.
    pub(crate) async fn span_of_all(&self) -> Result<Span, Error> {
        Ok(self.store.read(|db| Ok::<_, Error>(events::span_of_all(db)?)).await?.into())
    }

    /// A page of the events of all streams after a place, in order.
    pub(crate) async fn events_of_all(&self, after: u64) -> Result<Vec<Event>, Error> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let page = move |db: &mut Read| events::after_of_all(db, after, CATCH_UP_PAGE_EVENTS);
        self.catch_up.page(&self.store, page).await
    }

    /// The place of an event that stands in a stream.
    pub(crate) async fn place(&self, public_id: &str) -> Result<Option<u64>, Error> {
        // No text of the database has one.
        if public_id.contains('\0') {
            return Ok(None);
        }
        let public_id = public_id.to_owned();
        let place = self.store.read(move |db| Ok::<_, Error>(events::place(db, &public_id)?)).await?;
        Ok(place.map(i64::unsigned_abs))
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
