//! How busy the channels of all applications are.

use fanfare_hub::Figures;
use tokio::sync::Mutex;

use super::App;
use crate::timers::Tick;

/// How long what was counted is told again, in milliseconds: counting looks at every channel there is.
const COUNTED_MAX_MS: u64 = 1_000;

/// How busy the channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Sockets on channels.
    pub(crate) connections: usize,
    /// Channels that somebody is subscribed to.
    pub(crate) channels: usize,
    /// Subscriptions to them.
    pub(crate) subscriptions: usize,
}

/// What was counted last; held by the one who counts, so that the others share what he finds.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<(Tick, Usage)>>);

impl App {
    /// How busy the channels are, or were a moment ago.
    pub(crate) async fn channel_usage(&self) -> Usage {
        let mut kept = self.channels.usage.0.lock().await;
        let now = self.clock.tick();
        if let Some((_, usage)) = kept.filter(|(at, _)| now < at.plus_millis(COUNTED_MAX_MS)) {
            return usage;
        }
        let app = self.clone();
        let counted = tokio::task::spawn_blocking(move || app.count_usage()).await;
        let usage = counted.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        *kept = Some((now, usage));
        usage
    }

    fn count_usage(&self) -> Usage {
        let connections = self.channels.sockets.count(None);
        let start = Usage { connections, channels: 0, subscriptions: 0 };
        let of_channels = |figures: &Figures| {
            let app_id = figures.topic.split_once('/').map(|(app_id, _)| app_id);
            app_id.is_some_and(|app_id| self.applications.by_id(app_id).is_some())
        };
        self.hub.figures_of("").iter().filter(|figures| of_channels(figures)).fold(start, |usage, figures| {
            let (channels, subscriptions) = (usage.channels + 1, usage.subscriptions + figures.subscriptions);
            Usage { channels, subscriptions, ..usage }
        })
    }
}
