//! From a name to its addresses. Judges nothing and connects to nothing but name servers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs},
    sync::Arc,
};

use fanfare_model::delivery::FaultKind;
use futures_util::future::BoxFuture;
use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    system_conf::read_system_conf,
};
use tokio::sync::Semaphore;

use super::Fault;

/// Look-ups through the platform that may be under way at once; each takes a thread.
const PLATFORM_LOOKUPS_MAX: usize = 16;

/// Finds the addresses of names.
pub(super) trait Lookup: Send + Sync + 'static {
    /// All addresses of `host`, a name without a final dot; a failed look-up is a
    /// [`FaultKind::Dns`]. Waits as long as it takes: the caller keeps the deadline.
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, Fault>>;
}

/// The names that this machine knows: `localhost` and below, the hosts file, then the configured
/// name servers. Search domains are not used: a name means the same everywhere.
pub(super) enum SystemNames {
    /// Asks the configured name servers itself and keeps answers for their time to live.
    Own(Box<TokioResolver>),
    /// Where their configuration cannot be read: asks the platform.
    Platform(Arc<Semaphore>),
}

impl SystemNames {
    /// Reads the system's configuration.
    pub(super) fn from_system() -> Self {
        match own_resolver() {
            Ok(resolver) => Self::Own(Box::new(resolver)),
            Err(error) => {
                tracing::warn!(%error, "no name server configuration; names are resolved by the platform");
                Self::Platform(Arc::new(Semaphore::new(PLATFORM_LOOKUPS_MAX)))
            }
        }
    }
}

fn own_resolver() -> Result<TokioResolver, NetError> {
    let (config, mut options) = read_system_conf()?;
    let (_domain, _search, servers) = config.into_parts();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    let config = ResolverConfig::from_parts(None, Vec::new(), servers);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options).build()
}

impl Lookup for SystemNames {
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, Fault>> {
        Box::pin(async move {
            if is_localhost(host) {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            match self {
                Self::Own(resolver) => match resolver.lookup_ip(format!("{host}.")).await {
                    Ok(addresses) => Ok(addresses.iter().collect()),
                    Err(error) => Err(fault_of(&error)),
                },
                Self::Platform(slots) => platform_lookup(slots, host).await,
            }
        })
    }
}

/// RFC 6761: `localhost` and every name below it are this machine, whatever a name server says.
fn is_localhost(host: &str) -> bool {
    let last_label = host.rsplit('.').next().unwrap_or(host);
    last_label.eq_ignore_ascii_case("localhost")
}

fn fault_of(error: &NetError) -> Fault {
    let message = match error {
        error if error.is_nx_domain() => "name not found",
        error if error.is_no_records_found() => "the name has no address",
        NetError::Timeout => "the name servers did not answer",
        NetError::Proto(_) => "not a valid name",
        _ => "the look-up of the name failed",
    };
    Fault::new(FaultKind::Dns, message)
}

/// The platform's `getaddrinfo` blocks and cannot be cancelled: the slot is given back when it
/// really ends, not when nobody waits for it any more.
async fn platform_lookup(slots: &Arc<Semaphore>, host: &str) -> Result<Vec<IpAddr>, Fault> {
    let failed = || Fault::new(FaultKind::Dns, "the look-up of the name failed");
    let slot = slots.clone().acquire_owned().await.map_err(|_| failed())?;
    let host = host.to_owned();
    let lookup = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        (host.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
    });
    match lookup.await {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(_)) => Err(Fault::new(FaultKind::Dns, "name not found")),
        Err(_) => Err(failed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_is_this_machine_by_definition() {
        for names in [SystemNames::from_system(), SystemNames::Platform(Arc::new(Semaphore::new(1)))] {
            for host in ["localhost", "LocalHost", "bot.localhost"] {
                let found = names.lookup(host).await.expect("localhost needs no look-up");
                assert_eq!(found, [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
            }
        }
        for host in ["localhost.example.com", "notlocalhost", "localhost.x"] {
            assert!(!is_localhost(host), "{host}");
        }
    }

    #[tokio::test]
    async fn the_platform_is_asked_one_slot_at_a_time() {
        let slots = Arc::new(Semaphore::new(1));
        let found = platform_lookup(&slots, "127.0.0.1").await;
        assert_eq!(found, Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]));
        let _taken = slots.clone().try_acquire_owned().expect("the slot came back");
        let mut second = Box::pin(platform_lookup(&slots, "127.0.0.1"));
        assert!(futures_util::poll!(&mut second).is_pending());
    }
}
