//! How many subscriptions a channel has, as Pusher's clients are told where their application wants it. A
//! large channel's are told once a while, or each change would cost as much as an event to all of it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use fanfare_model::channel::ChannelName;
use tokio::sync::Notify;

use super::{App, News, channel_topic};

/// A channel with more subscriptions than these is a large one.
const AT_ONCE_MAX_SUBSCRIPTIONS: usize = 100;
/// How often the subscribers of a large channel are told.
const LARGE_EVERY_MS: u64 = 5_000;

/// Large channels whose count has changed since it was told; clones are one.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<Inner>);

#[derive(Default)]
struct Inner {
    changed: Mutex<BTreeSet<(Arc<str>, ChannelName)>>,
    bell: Notify,
}

impl Counts {
    fn changed(&self, app_id: &Arc<str>, channel: &ChannelName) {
        let mut changed = self.0.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if changed.insert((app_id.clone(), channel.clone())) {
            self.0.bell.notify_one();
        }
    }

    fn take(&self) -> BTreeSet<(Arc<str>, ChannelName)> {
        std::mem::take(&mut *self.0.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl App {
    /// The count of a channel's subscriptions has changed.
    pub(super) fn count_changed(&self, app_id: &Arc<str>, channel: &ChannelName, count: usize) {
        if count == 0 {
            return;
        }
        if count <= AT_ONCE_MAX_SUBSCRIPTIONS {
            self.tell_in_passing(app_id, channel, News::Count(count), None, || ());
        } else {
            self.channels.counts.changed(app_id, channel);
        }
    }
}

/// Tells the counts of large channels until the server stops.
pub(crate) async fn run(app: App) {
    loop {
        tokio::select! {
            () = app.tasks.stopping() => return,
            () = app.channels.counts.0.bell.notified() => {}
        }
        tokio::select! {
            () = app.tasks.stopping() => return,
            () = app.clock.sleep_ms(LARGE_EVERY_MS) => {}
        }
        for (app_id, channel) in app.channels.counts.take() {
            if let Some(figures) = app.hub.figures(&channel_topic(&app_id, &channel)) {
                app.tell_in_passing(&app_id, &channel, News::Count(figures.subscriptions), None, || ());
            }
        }
    }
}
