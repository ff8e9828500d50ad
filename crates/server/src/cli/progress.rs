//! What a person at a terminal sees of long work: drawn to standard error, and not at all when that
//! is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a spinner turns, in milliseconds.
const TURN_MS: u64 = 120;

/// A bar or nothing; clones are one. It is wiped away when the last one is dropped.
#[derive(Clone)]
pub(super) struct Progress {
    bar: ProgressBar,
    /// Whether the bytes of a request move it.
    counts_bytes: bool,
}

impl Progress {
    /// Shows nothing.
    pub(super) fn hidden() -> Self {
        Self { bar: ProgressBar::hidden(), counts_bytes: false }
    }

    /// The bytes of one request, then a spinner while the server works.
    pub(super) fn of_bytes(total: usize) -> Self {
        let bar = bar(total, "sending {bar:30} {bytes}/{total_bytes}");
        Self { bar, counts_bytes: true }
    }

    /// Messages of a log, moved by [`Progress::advance`].
    pub(super) fn of_messages(total: usize) -> Self {
        let bar = bar(total, "importing {bar:30} {human_pos}/{human_len} messages, {eta} left");
        Self { bar, counts_bytes: false }
    }

    /// The bytes of a copy, moved by [`Progress::copied`].
    pub(super) fn of_copy() -> Self {
        Self { bar: bar(0, "copying {bar:30} {bytes}/{total_bytes}, {eta} left"), counts_bytes: false }
    }

    /// So many bytes of so many are copied.
    pub(super) fn copied(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// All is copied; now the copy is looked at.
    pub(super) fn checking(&self) {
        self.spin("{spinner} checking the copy");
    }

    /// So many more are done.
    pub(super) fn advance(&self, count: usize) {
        self.bar.inc(count as u64);
    }

    /// So many bytes of the request went out.
    pub(super) fn sent(&self, bytes: usize) {
        if self.counts_bytes {
            self.advance(bytes);
        }
    }

    /// The request is out; now the server has its turn.
    pub(super) fn all_sent(&self) {
        if self.counts_bytes {
            self.spin("{spinner} the server is importing");
        }
    }

    fn spin(&self, template: &str) {
        self.bar.set_style(style(template));
        if !self.bar.is_hidden() {
            self.bar.enable_steady_tick(Duration::from_millis(TURN_MS));
        }
    }

    /// Prints a line on standard error; a bar steps aside for it.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| super::say(line));
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::hidden()
    }
}

/// A bar on a terminal; elsewhere the target hides it.
fn bar(total: usize, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    bar.set_style(style(template));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well formed")
}
