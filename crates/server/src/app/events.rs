//! Events that clients fire by hand; everything else that happens is told by what makes it happen.

use fanfare_model::{event::LooseEvent, fired::Fired};
use fanfare_store::Reach;

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
