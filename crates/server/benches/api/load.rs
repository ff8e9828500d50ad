//! The load: a few connections, each with one request under way.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use crate::{server::Server, shared::connection::Connection, targets::Target};

/// The status that every path answers with when nothing is wrong.
const OK: u16 = 200;
/// Requests that each connection makes before the turn counts.
const WARM_UP_REQUESTS: usize = 50;

/// What one turn showed.
pub(crate) struct Turn {
    took: Duration,
    server_cpu: Duration,
    latencies: Vec<Duration>,
    /// A status that was not hoped for, if there was one.
    pub(crate) refused: Option<u16>,
}

impl Turn {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.latencies.len()) / self.took.as_secs_f64()
    }

    /// The latency that so many of a hundred requests did not exceed.
    pub(crate) fn percentile_ms(&mut self, percent: usize) -> f64 {
        self.latencies.sort_unstable();
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1e3)
    }

    /// Processor time that the server took for a request, whatever for.
    pub(crate) fn server_micros_per_request(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / count(self.latencies.len())
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a benchmark's number"))
}

/// Keeps all connections busy for `length`.
#[expect(clippy::disallowed_methods, reason = "it measures")]
pub(crate) async fn run(server: &Server, target: &mut Target, connections: usize, length: Duration) -> Turn {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(server.addr).await);
    }
    let target = RefCell::new(target);
    let refused = RefCell::new(None);
    let one = async |connection: &mut Connection| {
        target.borrow_mut().write(&server.scene, &mut connection.request);
        let answered = connection.exchange().await.expect("the server goes on");
        if answered != OK {
            *refused.borrow_mut() = Some(answered);
        }
        answered == OK
    };
    let warm_up = async |connection: &mut Connection| {
        for _ in 0..WARM_UP_REQUESTS {
            if !one(connection).await {
                return;
            }
        }
    };
    join_all(open.iter_mut().map(warm_up)).await;
    let (started, cpu_before) = (Instant::now(), server.cpu_time());
    let busy = async |connection: &mut Connection| {
        let mut latencies = Vec::new();
        loop {
            let asked = Instant::now();
            if asked.duration_since(started) >= length || refused.borrow().is_some() {
                return latencies;
            }
            one(connection).await;
            latencies.push(asked.elapsed());
        }
    };
    let latencies = join_all(open.iter_mut().map(busy)).await.concat();
    let (took, server_cpu) = (started.elapsed(), server.cpu_time().since(cpu_before).total());
    Turn { took, server_cpu, latencies, refused: refused.take() }
}
