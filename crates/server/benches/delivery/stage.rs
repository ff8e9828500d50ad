//! A server, a receiver and what is measured of both.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    clock,
    disk::Disk,
    ears::Ears,
    figures::{self, Latencies, ratio},
    load::{Call, Caller, Until, fire},
    receiver::Receipt,
    shared::{
        connection::Connection,
        program::{self, CpuTime, Program},
    },
};

/// How long deliveries may come after the last call before they count as lost.
const DRAIN: Duration = Duration::from_mins(2);
/// Deliveries before anything counts.
const WARM_UP_DELIVERIES: usize = 2_000;
const SYNCS: usize = 300;

/// Everything that runs.
pub(crate) struct Stage {
    pub(crate) program: Program,
    pub(crate) ears: Ears,
    pub(crate) token: String,
    pub(crate) caller: Caller,
    folder: TempDir,
}

/// What some load showed.
pub(crate) struct Run {
    pub(crate) calls: Vec<Call>,
    pub(crate) receipts: Vec<Receipt>,
    /// Deliveries that should have come and did not.
    pub(crate) missing: usize,
    /// Deliveries that came again.
    repeated: usize,
    server_cpu: CpuTime,
    receiver_cpu: CpuTime,
    commits: u64,
}

impl Stage {
    /// Starts both, on an empty database.
    pub(crate) async fn set() -> Self {
        let folder = program::folder();
        let ears = Ears::open().await;
        let program = Program::start(&folder.path().join("data"), &[]).await;
        let (token, caller) = (program.sign_in().await, Caller::new(program.addr));
        Self { program, ears, token, caller, folder }
    }

    /// Stops the server, does something to its database, and starts it again with these settings.
    pub(crate) async fn restarted(self, settings: &[(&str, &str)], meanwhile: impl FnOnce(PathBuf)) -> Self {
        let Self { program, ears, folder, .. } = self;
        program.stop().await;
        let data = folder.path().join("data");
        meanwhile(data.join("fanfare.db"));
        let program = Program::start(&data, settings).await;
        let (token, caller) = (program.sign_in().await, Caller::new(program.addr));
        Self { program, ears, token, caller, folder }
    }

    /// Stops the server for good and looks at its database.
    pub(crate) async fn stop<T>(self, look: impl FnOnce(PathBuf) -> T) -> T {
        self.program.stop().await;
        look(self.folder.path().join("data").join("fanfare.db"))
    }

    /// Registers webhooks `first` to `last`, each at its URL for the events that `events` gives it.
    pub(crate) async fn register(
        &self,
        hooks: std::ops::RangeInclusive<u32>,
        events: impl Fn(u32) -> String,
    ) {
        let (first, count) = (*hooks.start(), hooks.count());
        let write = |number: u32, text: &mut String| {
            let hook = first + number - 1;
            let body = json!({
                "name": format!("hook {hook}"),
                "url": self.ears.hook(hook),
                "secret": "mysecret123",
                "events": [events(hook)],
            });
            crate::shared::connection::head(text, "POST /api/webhooks", &self.token, &body.to_string());
        };
        let until = Until::Calls(u32::try_from(count).expect("some webhooks"));
        Caller::new(self.program.addr).keep_busy(16, until, &write).await;
    }

    /// Makes one request that must succeed.
    pub(crate) async fn ask(&self, what: &str, body: &serde_json::Value) -> serde_json::Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Connection::open(self.program.addr).await.ask(what, &self.token, &body).await
    }

    /// Makes the server warm: each of so many webhooks gets every one of some events called `event`.
    pub(crate) async fn warm_up(&self, event: impl Fn(u32) -> String, fan_out: usize) {
        let write = |number: u32, text: &mut String| fire(text, &self.token, &event(number), number);
        let until = Until::Calls(u32::try_from(WARM_UP_DELIVERIES / fan_out).expect("some calls"));
        let calls = self.caller.keep_busy(16, until, &write).await;
        self.ears.wait_for(calls.len() * fan_out, DRAIN).await;
        self.ears.take().await;
    }

    /// Runs load whose calls each make so many deliveries, until the last one has come.
    pub(crate) async fn measure(&self, load: impl Future<Output = Vec<Call>>, fan_out: usize) -> Run {
        self.ears.take().await;
        let (server, receiver) = (CpuTime::of(self.program.pid()), self.ears.cpu_time());
        let commits = self.metric("fanfare_commit_duration_seconds_count").await;
        let calls = load.await;
        let expected = calls.len() * fan_out;
        self.ears.wait_for(expected, DRAIN).await;
        let mut receipts = self.ears.take().await;
        let (came, mut seen) = (receipts.len(), HashSet::new());
        receipts.retain(|receipt| seen.insert((receipt.event, receipt.hook)));
        Run {
            repeated: came - receipts.len(),
            missing: expected.saturating_sub(receipts.len()),
            calls,
            receipts,
            server_cpu: CpuTime::of(self.program.pid()).since(server),
            receiver_cpu: self.ears.cpu_time().since(receiver),
            commits: self.metric("fanfare_commit_duration_seconds_count").await - commits,
        }
    }

    /// A figure of `/metrics` that is a whole number; 0 for one that is not there.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let mut connection = Connection::open(self.program.addr).await;
        crate::shared::connection::head(&mut connection.request, "GET /metrics", &self.token, "");
        connection.exchange().await.expect("the server goes on");
        let text = String::from_utf8_lossy(connection.body());
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Memory of the server now and at most so far, in MiB.
    pub(crate) fn memory_mib(&self) -> (f64, f64) {
        let text =
            std::fs::read_to_string(format!("/proc/{}/status", self.program.pid())).unwrap_or_default();
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_ascii_whitespace().next()?.parse::<i64>().ok()
        };
        let mib = |name: &str| ratio(of(name).unwrap_or(0), 1 << 10);
        (mib("VmRSS:"), mib("VmHWM:"))
    }

    /// A file on the database's disk to synchronise.
    pub(crate) fn disk(&self) -> Disk {
        Disk::at(self.folder.path())
    }

    /// Tells what the disk takes, of which nothing else is asked meanwhile.
    pub(crate) fn print_disk(&self) {
        figures::line("fdatasync of this disk", &self.disk().latencies(SYNCS).shown(), "");
    }

    pub(crate) fn print_memory(&self, goal: &str) {
        let (now, most) = self.memory_mib();
        figures::line("resident memory", &format!("{now:.0} MiB, {most:.0} MiB at most"), goal);
    }
}

impl Run {
    /// Deliveries a second, from the first call to the last receipt.
    pub(crate) fn rate(&self) -> f64 {
        let first = self.calls.iter().map(|call| call.sent_ns).min().unwrap_or(0);
        let last = self.receipts.iter().map(|receipt| receipt.at_ns).max().unwrap_or(0);
        ratio(self.receipts.len(), 1) / clock::seconds(first, last).max(f64::EPSILON)
    }

    /// From the call to each receipt: from its being sent, and from its answer.
    pub(crate) fn latencies(&self) -> (Latencies, Latencies) {
        let first = self.calls.iter().map(|call| call.number).min().unwrap_or(0);
        let mut by_number = vec![None; self.calls.len()];
        for call in &self.calls {
            by_number[usize::try_from(call.number - first).expect("small")] = Some(*call);
        }
        let (mut from_sent, mut from_answer) = (Latencies::default(), Latencies::default());
        for receipt in &self.receipts {
            let at = receipt.event.checked_sub(first).and_then(|at| usize::try_from(at).ok());
            if let Some(Some(call)) = at.and_then(|at| by_number.get(at)) {
                from_sent.add(call.sent_ns, receipt.at_ns);
                from_answer.add(call.answered_ns, receipt.at_ns);
            }
        }
        (from_sent, from_answer)
    }

    /// Processor time of the server for each delivery, in milliseconds, whatever for.
    pub(crate) fn cpu_ms(&self) -> f64 {
        self.server_cpu.total().as_secs_f64() * 1e3 / ratio(self.receipts.len().max(1), 1)
    }

    pub(crate) fn print_latencies(&self, goal: &str) {
        let (mut from_sent, mut from_answer) = self.latencies();
        figures::line("from the call to the receipt", &from_sent.shown(), goal);
        figures::line("from its 201 to the receipt", &from_answer.shown(), "");
    }

    pub(crate) fn print_cost(&self, cpu_goal: &str) {
        let per_1000 = |time: Duration| time.as_secs_f64() * 1e3 / ratio(self.receipts.len().max(1), 1);
        let CpuTime { user, system } = self.server_cpu;
        let figure =
            format!("{:.3} ms: {:.3} user, {:.3} system", self.cpu_ms(), per_1000(user), per_1000(system));
        figures::line("server CPU a delivery", &figure, cpu_goal);
        let receiver = format!("{:.3} ms", per_1000(self.receiver_cpu.total()));
        figures::line("receiver CPU a delivery", &receiver, "");
        let commits = ratio(i64::try_from(self.commits).unwrap_or(0), self.receipts.len().max(1));
        figures::line("commits a delivery", &format!("{commits:.3} ({} in all)", self.commits), "");
        if self.missing > 0 {
            figures::line("NOT DELIVERED in time", &self.missing.to_string(), "0");
        }
        if self.repeated > 0 {
            figures::line("delivered again", &self.repeated.to_string(), "0");
        }
    }
}
