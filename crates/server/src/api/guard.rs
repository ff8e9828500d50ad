//! What every request passes before its handler and every answer after it: where it comes from, how
//! much one address may ask for, which web pages may ask, and what browsers may do with an answer.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version,
        header::{
            AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, LOCATION,
            REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
        request::Parts,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{
    REQUEST_ID,
    body::IDEMPOTENCY_KEY,
    error::{Error, REPLAYED},
};
use crate::{
    app::Error as AppError,
    auth::{Place, Places, Rate, TrustedProxies},
    config::{CorsOrigin, Http},
    metrics::Metrics,
    timers::Clock,
};

/// A position that a reader of an event stream comes back with.
pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a browser may remember that a page may ask (1 h).
const PREFLIGHT_KEEP_S: u64 = 60 * 60;
/// Answers are no pages: nothing in them is loaded or run, and no page shows them.
const NO_CONTENT_AT_ALL: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The address of whoever sent the request, behind whatever trusted proxies.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let unknown = || Error::App(AppError::Bug("a request came past the guard".into()));
        parts.extensions.get().copied().ok_or_else(unknown)
    }
}

/// Lets requests in.
pub(super) struct Guard {
    proxies: TrustedProxies,
    rate: Rate,
    /// For addresses behind trusted proxies; those of connections are the listener's business.
    places: Places,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Guard {
    pub(super) fn new(settings: &Http, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self {
            proxies: TrustedProxies::new(settings.trusted_proxies.clone()),
            rate: Rate::new(settings.requests_per_second),
            places: Places::new(settings.connections_max_per_address),
            clock,
            metrics,
        }
    }

    /// Whom a request from `peer` counts for, and its place if it came through a trusted proxy.
    fn judge(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(ClientAddress, Option<Place>), Error> {
        let is_proxied = self.proxies.contains(peer);
        let client = self.proxies.client(peer, headers);
        // This machine's own programs are the host's; behind a proxy of this machine is anybody.
        if is_proxied || !client.is_loopback() {
            self.rate
                .take(client, self.clock.tick())
                .map_err(|retry_after_s| Error::TooManyRequests { retry_after_s })?;
        }
        let place = if is_proxied && !self.proxies.contains(client) {
            Some(self.places.take(client).ok_or(Error::TooManyConnections)?)
        } else {
            None
        };
        Ok((ClientAddress(client), place))
    }
}

/// Refuses a request whose address asks for too much, and tells the handlers of the others where
/// they come from. What outlives its request takes a clone of the [`Place`] out of the extensions.
pub(super) async fn admit(
    State(guard): State<Arc<Guard>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    match guard.judge(peer.ip(), request.headers()) {
        Ok(_) if !names_its_host(&request) => Error::BadHost.into_response(),
        Ok((client, place)) => {
            request.extensions_mut().insert(client);
            if let Some(place) = place.clone() {
                request.extensions_mut().insert(place);
            }
            let response = next.run(request).await;
            drop(place);
            response
        }
        Err(refusal) => {
            guard.metrics.requests_refused.inc();
            refusal.into_response()
        }
    }
}

/// Whether there is one `Host`, as RFC 9112, section 3.2, demands; HTTP/1.0 may do without.
fn names_its_host(request: &Request) -> bool {
    match request.headers().get_all(HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        count => count == 1,
    }
}

/// Lets pages of these origins use the API from a browser; `None`: no page of another origin may.
/// Tokens are in a header, so no cookies need to be allowed.
pub(super) fn cors(origins: &[CorsOrigin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let exact = |origin: &CorsOrigin| match origin {
        CorsOrigin::Any => None,
        CorsOrigin::Exact(text) => HeaderValue::from_str(text).ok(),
    };
    let origins = match origins.iter().map(exact).collect::<Option<Vec<_>>>() {
        Some(exact) => AllowOrigin::list(exact),
        None => AllowOrigin::any(),
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, LAST_EVENT_ID])
        .expose_headers([LOCATION, RETRY_AFTER, REPLAYED, REQUEST_ID])
        .max_age(Duration::from_secs(PREFLIGHT_KEEP_S));
    Some(layer)
}

/// Says what browsers may do with an answer, unless the handler has said it. `is_open`: pages of
/// other origins may read answers.
pub(super) fn secure(mut response: Response, is_open: bool) -> Response {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    let headers = response.headers_mut();
    let mut set = |name, value| {
        headers.entry(name).or_insert(value);
    };
    set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    set(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    set(CONTENT_SECURITY_POLICY, NO_CONTENT_AT_ALL);
    set(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !is_open {
        set(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    }
    response
}

#[cfg(test)]
mod tests {
    use fanfare_model::Timestamp;

    use super::*;
    use crate::config::Config;

    #[test]
    fn this_machine_is_exempt_unless_it_is_a_trusted_proxy() {
        let (home, stranger) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([9, 9, 9, 9]));
        for (trusted, peer, refused) in
            [(None, home, false), (None, stranger, true), (Some("127.0.0.1/32"), home, true)]
        {
            let mut settings = Config::default().http;
            settings.requests_per_second = 1;
            settings.trusted_proxies =
                trusted.iter().map(|network| network.parse().expect("a network")).collect();
            let clock = Clock::manual(Timestamp::EPOCH);
            let guard = Guard::new(&settings, clock, Arc::new(Metrics::new()));
            let results: Vec<_> = (0..3).map(|_| guard.judge(peer, &HeaderMap::new()).is_err()).collect();
            assert_eq!(results, [false, false, refused], "{peer}, trusted {trusted:?}");
        }
    }
}
