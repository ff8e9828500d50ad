//! The figures of `GET /metrics`, in a registry that each server owns.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

/// Bounds of how long a job may hold the writer, in seconds; a tenth of one is what is meant to do for
/// all but the largest imports and deletions.
const JOB_SECONDS: [f64; 12] =
    [0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

/// One label whose values come from a fixed set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct StateLabel {
    /// See `fanfare_model::delivery::DeliveryState`.
    pub(crate) state: &'static str,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OutcomeLabel {
    /// See `fanfare_model::delivery::Outcome::class`.
    pub(crate) outcome: &'static str,
}

/// A wire protocol of channels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DialectLabel {
    /// See `crate::auth::Protocol::name`.
    pub(crate) dialect: &'static str,
}

/// Figures of the channels.
#[derive(Default)]
pub(crate) struct ChannelMetrics {
    /// Sockets on channels now; read when asked, as the next one.
    pub(crate) connections: Gauge,
    /// Channels that somebody is subscribed to now.
    pub(crate) channels: Gauge,
    /// Subscriptions to them now, by the dialect of the socket.
    pub(crate) subscriptions: Family<DialectLabel, Gauge>,
    /// What happened on channels and waits to be written down for webhooks; read when asked, as the next
    /// two.
    pub(crate) occurrences_waiting: Gauge,
    /// How much of that may wait.
    pub(crate) occurrences_max: Gauge,
    /// How long the oldest of it has waited.
    pub(crate) occurrences_oldest_seconds: Gauge<f64, AtomicU64>,
    /// Events published, one for each channel.
    pub(crate) events: Counter,
    /// Client events relayed.
    pub(crate) client_events: Counter,
}

/// Every figure; updated where it changes, except what is read when asked.
pub(crate) struct Metrics {
    registry: Registry,
    /// TCP connections open now.
    pub(crate) connections: Gauge,
    /// TCP connections refused because a limit was reached.
    pub(crate) connections_refused: Counter,
    /// Sockets open now.
    pub(crate) sockets: Gauge,
    /// Sockets closed because they read too slowly.
    pub(crate) sockets_too_slow: Counter,
    /// Event streams open now.
    pub(crate) streams: Gauge,
    /// Event streams ended because they were read too slowly.
    pub(crate) streams_too_slow: Counter,
    /// Requests refused because their address sent too many.
    pub(crate) requests_refused: Counter,
    /// Subscriptions of sockets and event streams now; read from the hub when asked.
    pub(crate) subscriptions: Gauge,
    /// The channels.
    pub(crate) channels: ChannelMetrics,
    /// Events committed.
    pub(crate) events_committed: Counter,
    /// Deliveries that entered a state since the start.
    pub(crate) deliveries: Family<StateLabel, Counter>,
    /// Deliveries that wait in the database, by state; read when asked.
    pub(crate) deliveries_waiting: Family<StateLabel, Gauge>,
    /// Age of the oldest undelivered event; read when asked.
    pub(crate) oldest_undelivered_seconds: Gauge<f64, AtomicU64>,
    /// Webhooks that have failed since they last succeeded; read when asked.
    pub(crate) webhooks_failing: Gauge,
    /// Those of them that are left alone for a while; read when asked.
    pub(crate) webhooks_left_alone: Gauge,
    /// Requests to webhooks under way now.
    pub(crate) deliveries_in_flight: Gauge,
    /// Attempts by how they ended.
    pub(crate) attempts: Family<OutcomeLabel, Counter>,
    /// How long attempts took.
    pub(crate) attempt_duration_seconds: Histogram,
    /// How long commits took, from the first job to the answer of COMMIT.
    pub(crate) commit_duration_seconds: Histogram,
    /// Jobs that shared a commit.
    pub(crate) commit_jobs: Histogram,
    /// How long each run of a job held a writer.
    job_duration_seconds: Histogram,
    /// The longest of them since the start.
    longest_job_micros: AtomicU64,
    /// The same in seconds; written when asked.
    job_longest_seconds: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("fanfare"),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            sockets: Gauge::default(),
            sockets_too_slow: Counter::default(),
            streams: Gauge::default(),
            streams_too_slow: Counter::default(),
            requests_refused: Counter::default(),
            subscriptions: Gauge::default(),
            channels: ChannelMetrics::default(),
            events_committed: Counter::default(),
            deliveries: Family::default(),
            deliveries_waiting: Family::default(),
            oldest_undelivered_seconds: Gauge::default(),
            webhooks_failing: Gauge::default(),
            webhooks_left_alone: Gauge::default(),
            deliveries_in_flight: Gauge::default(),
            attempts: Family::default(),
            attempt_duration_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 16)),
            commit_duration_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            commit_jobs: Histogram::new(exponential_buckets(1.0, 2.0, 9)),
            job_duration_seconds: Histogram::new(JOB_SECONDS),
            longest_job_micros: AtomicU64::new(0),
            job_longest_seconds: Gauge::default(),
        };
        metrics.register_clients();
        metrics.register_channels();
        metrics.register_deliveries();
        metrics.register_database();
        metrics
    }

    fn register_clients(&mut self) {
        let Self { registry: r, .. } = self;
        r.register("connections", "TCP connections open now", self.connections.clone());
        r.register(
            "connections_refused",
            "TCP connections refused at a limit",
            self.connections_refused.clone(),
        );
        r.register("sockets", "WebSockets open now", self.sockets.clone());
        r.register(
            "sockets_too_slow",
            "WebSockets closed because they read too slowly",
            self.sockets_too_slow.clone(),
        );
        r.register("streams", "Event streams open now", self.streams.clone());
        r.register(
            "streams_too_slow",
            "Event streams ended because they were read too slowly",
            self.streams_too_slow.clone(),
        );
        r.register(
            "requests_refused",
            "Requests refused because their address sent too many",
            self.requests_refused.clone(),
        );
        r.register(
            "subscriptions",
            "Subscriptions of WebSockets and event streams now",
            self.subscriptions.clone(),
        );
    }

    fn register_channels(&mut self) {
        let Self { registry: r, channels: c, .. } = self;
        r.register("channel_connections", "WebSockets on channels now", c.connections.clone());
        r.register("channels", "Channels that somebody is subscribed to now", c.channels.clone());
        r.register("channel_subscriptions", "Subscriptions to channels now", c.subscriptions.clone());
        r.register("channel_events", "Events published, one for each channel", c.events.clone());
        r.register("channel_client_events", "Client events relayed", c.client_events.clone());
        r.register(
            "channel_occurrences_waiting",
            "Events of channels that wait to be written down for webhooks",
            c.occurrences_waiting.clone(),
        );
        r.register(
            "channel_occurrences_max",
            "How many of those may wait before publishing does",
            c.occurrences_max.clone(),
        );
        r.register_with_unit(
            "channel_occurrences_oldest",
            "How long the oldest of those has waited",
            Unit::Seconds,
            c.occurrences_oldest_seconds.clone(),
        );
    }

    fn register_deliveries(&mut self) {
        let Self { registry: r, .. } = self;
        r.register("events_committed", "Events committed", self.events_committed.clone());
        r.register("deliveries", "Deliveries that entered a state", self.deliveries.clone());
        r.register("deliveries_waiting", "Deliveries that wait, by state", self.deliveries_waiting.clone());
        r.register(
            "oldest_undelivered_seconds",
            "Age of the oldest event that a webhook still waits for, in seconds",
            self.oldest_undelivered_seconds.clone(),
        );
        r.register(
            "webhooks_failing",
            "Webhooks that have failed since they last succeeded",
            self.webhooks_failing.clone(),
        );
        r.register(
            "webhooks_left_alone",
            "Webhooks that get nothing for a while since they fail or asked for it",
            self.webhooks_left_alone.clone(),
        );
        r.register(
            "deliveries_in_flight",
            "Webhook requests under way now",
            self.deliveries_in_flight.clone(),
        );
        r.register("attempts", "Delivery attempts by outcome", self.attempts.clone());
        r.register_with_unit(
            "attempt_duration",
            "How long delivery attempts took",
            Unit::Seconds,
            self.attempt_duration_seconds.clone(),
        );
    }

    fn register_database(&mut self) {
        let Self { registry: r, .. } = self;
        r.register_with_unit(
            "commit_duration",
            "How long commits took",
            Unit::Seconds,
            self.commit_duration_seconds.clone(),
        );
        r.register("commit_jobs", "Jobs that shared a commit", self.commit_jobs.clone());
        r.register_with_unit(
            "job_duration",
            "How long jobs held a writer",
            Unit::Seconds,
            self.job_duration_seconds.clone(),
        );
        r.register_with_unit(
            "job_longest",
            "How long the longest job since the start held a writer",
            Unit::Seconds,
            self.job_longest_seconds.clone(),
        );
    }

    /// Counts a run of a job that held a writer so many microseconds.
    pub(crate) fn job_ran(&self, micros: u64) {
        self.job_duration_seconds.observe(seconds(micros));
        self.longest_job_micros.fetch_max(micros, Ordering::Relaxed);
    }

    /// OpenMetrics text.
    pub(crate) fn render(&self) -> String {
        self.job_longest_seconds.set(seconds(self.longest_job_micros.load(Ordering::Relaxed)));
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

/// Microseconds in seconds.
#[expect(clippy::cast_precision_loss, reason = "microseconds far below 2^53")]
pub(crate) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_job_is_remembered() {
        let metrics = Metrics::new();
        for micros in [40, 250_000, 90] {
            metrics.job_ran(micros);
        }
        let text = metrics.render();
        for line in [
            "fanfare_job_longest_seconds 0.25",
            "fanfare_job_duration_seconds_bucket{le=\"0.1\"} 2",
            "fanfare_job_duration_seconds_bucket{le=\"0.3\"} 3",
            "fanfare_job_duration_seconds_count 3",
        ] {
            assert!(text.lines().any(|there| there == line), "{line} in {text}");
        }
    }
}
