//! A server, everybody who is connected to it, and what is measured of both.

use std::time::Duration;

use crate::{
    clock,
    plan::{Channels, Heard, Load, Opened, Plan},
    print::ratio,
    process::Process,
    server::{Kind, Server},
    shared::program::CpuTime,
};

/// The longest that a load may take to publish.
const PUBLISHING_MAX: Duration = Duration::from_mins(2);
/// How long memory is given to come to rest.
const REST: Duration = Duration::from_secs(1);

/// Everything that runs.
pub(crate) struct Stage {
    pub(crate) server: Server,
    client: Process,
    pub(crate) opened: Opened,
    connections: u32,
    idle_kib: u64,
}

/// What a load showed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) heard: Heard,
    pub(crate) server_cpu: CpuTime,
    pub(crate) client_cpu: CpuTime,
}

impl Stage {
    /// Starts a server and connects so many.
    pub(crate) async fn set(kind: Kind, connections: u32, channels: Channels) -> Self {
        let server = Server::start(kind, connections).await;
        let idle_kib = server.resident_kib();
        let plan = Plan { addr: server.addr, connections, channels };
        let plan = serde_json::to_string(&plan).expect("JSON");
        let mut client = Process::of_this(&["--listen-as", &plan]);
        let opened = client.hear().await;
        Self { server, client, opened, connections, idle_kib }
    }

    /// Publishes a load and waits until all of it has been heard.
    pub(crate) async fn run(&mut self, load: &Load) -> Run {
        self.client.tell(load).await;
        assert_eq!(self.client.line().await, "listening");
        let (server, client) = (self.server.cpu_time(), CpuTime::of(self.client.pid()));
        clock::at_most(PUBLISHING_MAX, self.server.publish(load)).await.expect("the server goes on");
        let heard = self.client.hear().await;
        Run {
            heard,
            server_cpu: self.server.cpu_time().since(server),
            client_cpu: CpuTime::of(self.client.pid()).since(client),
        }
    }

    /// What the server keeps in memory for each connection, in KiB.
    pub(crate) async fn kib_per_connection(&self) -> f64 {
        clock::pause(REST).await;
        let grown = self.server.resident_kib().saturating_sub(self.idle_kib);
        ratio(i64::try_from(grown).unwrap_or(i64::MAX), self.connections)
    }

    pub(crate) async fn stop(self) {
        self.client.stop().await;
        self.server.stop().await;
    }
}

impl Run {
    pub(crate) fn per_second(&self) -> f64 {
        ratio(i64::try_from(self.heard.deliveries).unwrap_or(i64::MAX), 1)
            / Duration::from_micros(self.heard.took_us.max(1)).as_secs_f64()
    }
}
